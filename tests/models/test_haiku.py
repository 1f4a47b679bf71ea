"""Functions that Haiku has transformed."""

import numpy as np
import pytest

import unifinit as ui
from unifinit.errors import TargetError, UnsupportedModelError
from unifinit.models import init_, init_tree
from unifinit.models.targets import model_arrays

hk = pytest.importorskip("haiku")
jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402 - what is skipped without it

RULES = {"**/bias": "random_uniform", "**": "he_normal"}
X, SEQUENCE, IMAGE = (jax.ShapeDtypeStruct(shape, "float32") for shape in ((2, 3), (2, 5, 4), (2, 8, 8, 4)))


def arrays_of(function, *inputs):
    transformed = hk.transform_with_state(function)
    return model_arrays(transformed, inputs=inputs)


def told(function, *inputs):
    """All parameters: from the path to the kind of the layer and the fans."""
    parameters = [parameter for array in arrays_of(function, *inputs) for parameter in array.parameters()]
    return {one.path: (one.layer, *one.weight.fans) for one in parameters}


def expected(initializer, shape, path, layout=None):
    return initializer(shape, seed=ui.Key(0) / path, layout=layout)


def of(make):
    """A function that makes a module, and calls it."""

    def call(x):
        return make()(x)

    return call


def core(make):
    """A function that makes a recurrent core, and lets it make a step."""

    def step(x):
        made = make()
        return made(x, made.initial_state(x.shape[0]))

    return step


def layer(kind, weight, bias=None):
    return {"weight": (kind, *weight)} | ({} if bias is None else {"bias": (kind, *bias)})


def cell(kind, gates, inputs, units):
    found = {}
    for gate in gates:
        found[f"input/{gate}/weight"] = (kind, inputs, units)
        found[f"recurrent/{gate}/weight"] = (kind, units, units)
        found[f"input/{gate}/bias"] = (kind, units, units)
    return found


def norm(size, fan_in):
    return {"scale": ("norm", fan_in, size), "bias": ("norm", fan_in, size)}


def attention(x):
    made = hk.MultiHeadAttention(2, 3, model_size=8, w_init=hk.initializers.RandomNormal(), name="m")
    return made(x, x, x)


ROLES = {
    "Linear": (of(lambda: hk.Linear(4, name="m")), X, layer("dense", (3, 4), (4, 4))),
    "Bias": (of(lambda: hk.Bias(name="m")), X, {"bias": ("", 3, 3)}),
    "Conv1D": (of(lambda: hk.Conv1D(6, 3, name="m")), SEQUENCE, layer("conv", (12, 18), (6, 6))),
    "Conv2D": (
        of(lambda: hk.Conv2D(6, 3, feature_group_count=2, name="m")),
        IMAGE,
        layer("conv", (18, 27), (6, 6)),
    ),
    "Conv1D with channels first": (
        of(lambda: hk.Conv1D(6, 3, data_format="NCW", name="m")),
        SEQUENCE,
        layer("conv", (15, 18), (1, 6)),
    ),
    "Conv2D of single channels": (
        of(lambda: hk.Conv2D(4, 3, feature_group_count=4, with_bias=False, name="m")),
        IMAGE,
        layer("depthwise", (9, 9)),
    ),
    "Conv3D": (
        of(lambda: hk.Conv3D(2, 3, with_bias=False, name="m")),
        jax.ShapeDtypeStruct((1, 4, 4, 4, 3), "float32"),
        layer("conv", (81, 54)),
    ),
    "Conv1DTranspose": (
        of(lambda: hk.Conv1DTranspose(6, 3, name="m")),
        SEQUENCE,
        layer("conv_transpose", (12, 18), (6, 6)),
    ),
    "Conv2DTranspose": (
        of(lambda: hk.Conv2DTranspose(6, 3, with_bias=False, name="m")),
        IMAGE,
        layer("conv_transpose", (36, 54)),
    ),
    "Conv3DTranspose": (
        of(lambda: hk.Conv3DTranspose(2, 3, with_bias=False, name="m")),
        jax.ShapeDtypeStruct((1, 4, 4, 4, 3), "float32"),
        layer("conv_transpose", (81, 54)),
    ),
    "DepthwiseConv2D": (
        of(lambda: hk.DepthwiseConv2D(2, 3, name="m")),
        IMAGE,
        layer("depthwise", (9, 18), (8, 8)),
    ),
    "SeparableDepthwiseConv2D": (
        of(lambda: hk.SeparableDepthwiseConv2D(1, [3, 3], with_bias=False, name="m")),
        IMAGE,
        {f"depthwise_conv2_d{end}/weight": ("depthwise", 3, 3) for end in ("", "_1")},
    ),
    "Embed": (
        of(lambda: hk.Embed(5, 3, name="m")),
        jax.ShapeDtypeStruct((2,), "int32"),
        layer("embedding", (1, 3)),
    ),
    "MultiHeadAttention": (
        attention,
        SEQUENCE,
        {f"{part}/weight": ("attention", 4, 6) for part in ("query", "key", "value")}
        | {f"{part}/bias": ("attention", 6, 6) for part in ("query", "key", "value")}
        | {"out/weight": ("attention", 6, 8), "out/bias": ("attention", 8, 8)},
    ),
    "LSTM": (core(lambda: hk.LSTM(4, name="m")), X, cell("lstm", "igfo", 3, 4)),
    "Conv1DLSTM": (
        core(lambda: hk.Conv1DLSTM((5,), 2, 3, name="m")),
        SEQUENCE,
        {f"input/{gate}/weight": ("lstm", 12, 6) for gate in "igfo"}
        | {f"recurrent/{gate}/weight": ("lstm", 6, 6) for gate in "igfo"}
        | {f"{place}/{gate}/bias": ("lstm", 2, 2) for gate in "igfo" for place in ("input", "recurrent")},
    ),
    "GRU": (core(lambda: hk.GRU(4, name="m")), X, cell("gru", "zrn", 3, 4)),
    "VanillaRNN": (
        core(lambda: hk.VanillaRNN(4, name="m")),
        X,
        {
            "input/weight": ("rnn", 3, 4),
            "recurrent/weight": ("rnn", 4, 4),
            "input/bias": ("rnn", 4, 4),
            "recurrent/bias": ("rnn", 4, 4),
        },
    ),
    "LayerNorm": (of(lambda: hk.LayerNorm(-1, True, True, name="m")), X, norm(3, 3)),
    "RMSNorm": (of(lambda: hk.RMSNorm(-1, name="m")), X, {"scale": ("norm", 3, 3)}),
    "BatchNorm": (
        lambda x: hk.BatchNorm(True, True, 0.9, name="m")(x, is_training=True),
        X,
        norm(3, 1),
    ),
    "GroupNorm": (of(lambda: hk.GroupNorm(2, name="m")), IMAGE, norm(4, 4)),
    "InstanceNorm": (of(lambda: hk.InstanceNorm(True, True, name="m")), IMAGE, norm(4, 4)),
}


@pytest.mark.parametrize("name", ROLES)
def test_roles(name):
    function, x, wanted = ROLES[name]
    assert told(function, x) == {f"m/{path}": found for path, found in wanted.items()}


def test_each_described_class_is_one_of_haiku():
    from unifinit_haiku.layers import LAYERS

    known = {cls.__name__ for item in vars(hk).values() if isinstance(item, type) for cls in item.__mro__}
    assert {name.partition(":")[2] for name in LAYERS} <= known


class Encoder(hk.Module):
    def __init__(self):
        super().__init__(name="encoder")
        self.first = hk.Linear(4, name="first")

    def __call__(self, x):
        return hk.Linear(3)(self.first(x)) * hk.get_parameter("table", (3,), init=jnp.ones)


def test_names_of_modules_are_paths():
    def function(x):
        encoder = Encoder()
        return hk.nets.MLP([4, 5])(encoder(encoder(x))) * hk.get_parameter("outside", (5,), init=jnp.ones)

    dense = ["encoder/first", "encoder/linear", "mlp/linear_0", "mlp/linear_1"]
    wanted = {f"{name}/{leaf}" for name in dense for leaf in ("weight", "bias")}
    assert set(told(function, X)) == wanted | {"encoder/table", "outside"}


def test_values_are_those_of_the_initializer():
    made = init_tree(hk.transform(of(lambda: hk.Linear(4))), RULES, 0, inputs=np.ones((2, 3), "float32"))
    assert np.array_equal(made["linear"]["w"], expected(ui.HeNormal(), (3, 4), "linear/weight"))
    wanted = expected(ui.RandomUniform(), (4,), "linear/bias")
    assert np.array_equal(made["linear"]["b"], wanted)


def test_parts_of_one_matrix_have_values_of_their_own():
    made = init_tree(
        hk.transform(core(lambda: hk.LSTM(4))), {"**/bias": "zeros", "**": "he_normal"}, 0, inputs=X
    )
    matrix = made["lstm/linear"]["w"]
    assert matrix.shape == (7, 16)
    for place, rows in {"input": slice(3), "recurrent": slice(3, 7)}.items():
        for number, gate in enumerate("igfo"):
            part = matrix[rows, 4 * number : 4 * number + 4]
            assert np.array_equal(part, expected(ui.HeNormal(), part.shape, f"lstm/{place}/{gate}/weight"))


def test_repeated_layers_have_a_batch_axis():
    def function(x):
        def block(y):
            return hk.nets.MLP([3])(y) + core(lambda: hk.LSTM(3))(y)[0]

        # A module outside whose name is that of one inside.
        lstm = core(lambda: hk.LSTM(2))(x)[0]
        return hk.experimental.layer_stack(4, name="blocks")(block)(x), lstm

    found = told(function, X)
    assert found["blocks/mlp/linear_0/weight"] == ("dense", 3, 3)
    assert found["blocks/mlp/linear_0/bias"] == ("dense", 1, 3)
    assert found["blocks/lstm/recurrent/f/weight"] == ("lstm", 3, 3)
    assert found["lstm/recurrent/f/weight"] == ("lstm", 2, 2)
    shapes = {array.name: array.shape for array in arrays_of(function, X)}
    assert shapes["blocks/lstm/linear/w"] == (4, 6, 12)


def with_state(x, is_training):
    return hk.Linear(3)(hk.BatchNorm(True, True, 0.9)(x, is_training))


def test_state_is_what_init_makes():
    transformed = hk.transform_with_state(with_state)
    made = init_tree(transformed, "random_uniform", 0, inputs=(X, True))
    wanted = transformed.init(jax.random.key(0), jnp.zeros(X.shape), True)
    assert jax.tree.structure(made) == jax.tree.structure(wanted)
    assert jax.tree.map(jnp.shape, made) == jax.tree.map(jnp.shape, wanted)
    assert all(map(np.array_equal, jax.tree.leaves(made[1]), jax.tree.leaves(wanted[1])))


def test_without_state_there_is_an_empty_one():
    made = init_tree(hk.transform_with_state(of(lambda: hk.Linear(4))), "ones", 0, inputs=X)
    assert made[1] == {}
    assert made[0]["linear"]["w"].shape == (3, 4)


def test_nothing_is_computed_where_there_are_only_parameters():
    def poisoned(shape, dtype):
        return jax.pure_callback(lambda: 1 / 0, jax.ShapeDtypeStruct(shape, dtype))

    transformed = hk.transform(of(lambda: hk.Linear(4, w_init=poisoned)))
    assert init_tree(transformed, "ones", 0, inputs=X)["linear"]["w"].shape == (3, 4)


def test_dtype_and_device():
    x = jax.ShapeDtypeStruct((2, 3), "bfloat16")
    made = init_tree(hk.transform(of(lambda: hk.Linear(4))), RULES, 0, inputs=x, device="cpu")
    assert made["linear"]["w"].dtype == jnp.bfloat16


@pytest.mark.parametrize("call", [init_, init_tree])
@pytest.mark.parametrize("transform", [hk.transform, hk.transform_with_state])
def test_without_inputs(call, transform):
    with pytest.raises(
        UnsupportedModelError, match=r"wanted ui\.init_tree\(transformed, rules, seed, inputs="
    ):
        call(transform(with_state), RULES, 0)


def test_there_is_nothing_to_keep():
    with pytest.raises(TargetError, match="nothing to keep"):
        init_tree(hk.transform(of(lambda: hk.Linear(4))), {"**": "keep"}, 0, inputs=X)
