"""Modules of Flax, NNX and Linen."""

import numpy as np
import pytest

import unifinit as ui
from unifinit.errors import ArgumentError, TargetError, UnsupportedModelError
from unifinit.models import init_, init_tree
from unifinit.models.targets import model_arrays

pytest.importorskip("flax")
jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402 - what is skipped without it
from flax import linen, nnx  # noqa: E402

RULES = {"**/bias": "random_uniform", "**": "he_normal"}
GRU = ("r", "z", "n")
LSTM = ("i", "f", "g", "o")


def arrays_of(module, *inputs):
    return model_arrays(module, inputs=inputs or None)


def told(module, *inputs):
    """All parameters: from the path to the kind of the layer and the fans."""
    parameters = [parameter for array in arrays_of(module, *inputs) for parameter in array.parameters()]
    return {one.path: (one.layer, *one.weight.fans) for one in parameters}


def expected(initializer, shape, path, layout=None):
    return initializer(shape, seed=ui.Key(0) / path, layout=layout)


def cell(kind, gates, inputs, units, biases=("input",), above=""):
    found = {}
    for gate in gates:
        part = f"{gate}/" if gate else ""
        found[f"{above}input/{part}weight"] = (kind, inputs, units)
        found[f"{above}recurrent/{part}weight"] = (kind, units, units)
        found |= {f"{above}{place}/{part}bias": (kind, units, units) for place in biases}
    return found


def attention(inputs, units, outputs):
    found = {"out/weight": ("attention", units, outputs), "out/bias": ("attention", outputs, outputs)}
    for name in ("query", "key", "value"):
        found |= {f"{name}/weight": ("attention", inputs, units), f"{name}/bias": ("attention", 1, units)}
    return found


def layer(kind, weight, bias=None):
    return {"weight": (kind, *weight)} | ({} if bias is None else {"bias": (kind, *bias)})


NORM = {"scale": ("norm", 4, 4), "bias": ("norm", 4, 4)}
NNX = {
    "Linear": (lambda r: nnx.Linear(3, 4, rngs=r), layer("dense", (3, 4), (4, 4))),
    "LinearGeneral": (
        lambda r: nnx.LinearGeneral((3, 2), (4, 5), axis=(-2, -1), rngs=r),
        layer("dense", (6, 20), (1, 20)),
    ),
    "LinearGeneral with batches": (
        lambda r: nnx.LinearGeneral(3, 4, batch_axis={0: 2}, rngs=r),
        layer("dense", (3, 4), (1, 4)),
    ),
    "Einsum": (
        lambda r: nnx.Einsum("abc,cde->abde", (3, 4, 5), (4, 5), rngs=r),
        layer("dense", (3, 20), (1, 20)),
    ),
    "Conv": (
        lambda r: nnx.Conv(4, 6, (3, 3), feature_group_count=2, rngs=r),
        layer("conv", (18, 27), (6, 6)),
    ),
    "Conv of single channels": (
        lambda r: nnx.Conv(4, 4, 3, feature_group_count=4, use_bias=False, rngs=r),
        layer("depthwise", (3, 3)),
    ),
    "ConvTranspose": (
        lambda r: nnx.ConvTranspose(4, 6, (3,), use_bias=False, rngs=r),
        layer("conv_transpose", (12, 18)),
    ),
    "ConvTranspose, transposed": (
        lambda r: nnx.ConvTranspose(4, 6, (3,), transpose_kernel=True, rngs=r),
        layer("conv_transpose", (12, 18), (6, 6)),
    ),
    "Embed": (lambda r: nnx.Embed(5, 3, rngs=r), layer("embedding", (1, 3))),
    "MultiHeadAttention": (
        lambda r: nnx.MultiHeadAttention(2, 4, qkv_features=6, decode=False, rngs=r),
        attention(4, 6, 4),
    ),
    "LSTMCell": (lambda r: nnx.LSTMCell(3, 4, rngs=r), cell("lstm", LSTM, 3, 4)),
    "OptimizedLSTMCell": (lambda r: nnx.OptimizedLSTMCell(3, 4, rngs=r), cell("lstm", LSTM, 3, 4)),
    "GRUCell": (lambda r: nnx.GRUCell(3, 4, rngs=r), cell("gru", GRU, 3, 4)),
    "SimpleCell": (lambda r: nnx.SimpleCell(3, 4, rngs=r), cell("rnn", [""], 3, 4)),
    "RNN": (lambda r: nnx.RNN(nnx.GRUCell(3, 4, rngs=r), rngs=r), cell("gru", GRU, 3, 4)),
    "Bidirectional": (
        lambda r: nnx.Bidirectional(
            *(nnx.RNN(nnx.SimpleCell(3, 4, rngs=r), rngs=r) for _ in range(2)), rngs=r
        ),
        cell("rnn", [""], 3, 4) | cell("rnn", [""], 3, 4, above="reverse/"),
    ),
    "LayerNorm": (lambda r: nnx.LayerNorm(4, rngs=r), NORM),
    "BatchNorm": (lambda r: nnx.BatchNorm(4, rngs=r), NORM),
    "GroupNorm": (lambda r: nnx.GroupNorm(4, 2, rngs=r), NORM),
    "InstanceNorm": (lambda r: nnx.InstanceNorm(4, rngs=r), NORM),
    "RMSNorm": (lambda r: nnx.RMSNorm(4, rngs=r), {"scale": ("norm", 4, 4)}),
    "PReLU": (lambda _: nnx.PReLU(), {"slope": ("activation", 1, 1)}),
    "LoRA": (
        lambda r: nnx.LoRA(3, 2, 4, rngs=r),
        {"lora_a": ("dense", 3, 2), "lora_b": ("dense", 2, 4)},
    ),
}


@pytest.mark.parametrize("name", NNX)
def test_roles_of_nnx(name):
    make, wanted = NNX[name]
    assert told(nnx.eval_shape(lambda: make(nnx.Rngs(0)))) == wanted


X, SEQUENCE, IMAGE = (jax.ShapeDtypeStruct(shape, "float32") for shape in ((2, 4), (2, 5, 4), (2, 8, 8, 4)))
LINEN = {
    "Dense": (linen.Dense(3), X, layer("dense", (4, 3), (3, 3))),
    "DenseGeneral": (linen.DenseGeneral((3, 6), axis=(-2, -1)), SEQUENCE, layer("dense", (20, 18), (1, 18))),
    "DenseGeneral with batches": (
        linen.DenseGeneral(3, batch_dims=0),
        SEQUENCE,
        layer("dense", (4, 3), (1, 3)),
    ),
    "Einsum": (linen.Einsum((4, 3, 5), "abc,cde->abde"), SEQUENCE, layer("dense", (4, 15), (1, 15))),
    "Conv": (linen.Conv(6, (3, 3), feature_group_count=2), IMAGE, layer("conv", (18, 27), (6, 6))),
    "Conv of single channels": (
        linen.Conv(4, 3, feature_group_count=4, use_bias=False),
        SEQUENCE,
        layer("depthwise", (3, 3)),
    ),
    "ConvTranspose": (
        linen.ConvTranspose(6, (3,), use_bias=False),
        SEQUENCE,
        layer("conv_transpose", (12, 18)),
    ),
    "ConvTranspose, transposed": (
        linen.ConvTranspose(6, (3, 3), transpose_kernel=True),
        IMAGE,
        layer("conv_transpose", (36, 54), (6, 6)),
    ),
    "Embed": (linen.Embed(5, 3), jax.ShapeDtypeStruct((2,), "int32"), layer("embedding", (1, 3))),
    "MultiHeadAttention": (linen.MultiHeadAttention(2, qkv_features=6), SEQUENCE, attention(4, 6, 4)),
    "MultiHeadDotProductAttention": (linen.MultiHeadDotProductAttention(2), SEQUENCE, attention(4, 4, 4)),
    "LSTMCell": (linen.RNN(linen.LSTMCell(3)), SEQUENCE, cell("lstm", LSTM, 4, 3)),
    "OptimizedLSTMCell": (linen.RNN(linen.OptimizedLSTMCell(3)), SEQUENCE, cell("lstm", LSTM, 4, 3)),
    "GRUCell": (
        linen.RNN(linen.GRUCell(3)),
        SEQUENCE,
        cell("gru", GRU, 4, 3) | {"recurrent/n/bias": ("gru", 3, 3)},
    ),
    "MGUCell": (
        linen.RNN(linen.MGUCell(3)),
        SEQUENCE,
        cell("gru", ("f", "n"), 4, 3) | {"recurrent/n/bias": ("gru", 3, 3)},
    ),
    "SimpleCell": (linen.RNN(linen.SimpleCell(3)), SEQUENCE, cell("rnn", [""], 4, 3)),
    "ConvLSTMCell": (
        linen.RNN(linen.ConvLSTMCell(2, (3,), use_bias=False)),
        jax.ShapeDtypeStruct((2, 3, 5, 4), "float32"),
        {f"input/{gate}/weight": ("lstm", 12, 6) for gate in LSTM}
        | {f"recurrent/{gate}/weight": ("lstm", 6, 6) for gate in LSTM},
    ),
    "Bidirectional": (
        linen.Bidirectional(linen.RNN(linen.SimpleCell(3)), linen.RNN(linen.SimpleCell(3))),
        SEQUENCE,
        cell("rnn", [""], 4, 3) | cell("rnn", [""], 4, 3, above="reverse/"),
    ),
    "LayerNorm": (linen.LayerNorm(), X, NORM),
    "LayerNorm of two axes": (
        linen.LayerNorm(reduction_axes=(-2, -1), feature_axes=(-2, -1), use_bias=False),
        SEQUENCE,
        {"scale": ("norm", 1, 20)},
    ),
    "BatchNorm": (linen.BatchNorm(use_running_average=False), X, NORM),
    "GroupNorm": (linen.GroupNorm(2), SEQUENCE, NORM),
    "InstanceNorm": (linen.InstanceNorm(), SEQUENCE, NORM),
    "RMSNorm": (linen.RMSNorm(), X, {"scale": ("norm", 4, 4)}),
    "PReLU": (linen.PReLU(), X, {"slope": ("activation", 1, 1)}),
}


@pytest.mark.parametrize("name", LINEN)
def test_roles_of_linen(name):
    module, x, wanted = LINEN[name]
    assert told(module, x) == wanted


def test_each_described_class_is_one_of_flax():
    from unifinit_flax.layers import LAYERS

    names = {name.partition(":")[2] for name in LAYERS}
    assert [name for name in names if not hasattr(linen, name) and not hasattr(nnx, name)] == []


class Net(nnx.Module):
    def __init__(self, rngs):
        self.embed = nnx.Embed(6, 4, rngs=rngs)
        self.blocks = nnx.List([nnx.Linear(4, 4, rngs=rngs) for _ in range(2)])
        self.again = self.blocks[0]
        self.table = self.embed.embedding
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.norm = nnx.BatchNorm(4, rngs=rngs)
        self.settings = {"": (1, 2), "a b": "c"}
        self.adapter = nnx.LoRA(4, 2, 4, rngs=rngs)


PATHS = {
    *("embed/weight", "again/weight", "again/bias", "blocks/1/weight", "blocks/1/bias"),
    *("norm/scale", "norm/bias", "adapter/lora_a", "adapter/lora_b"),
}


class TestNnx:
    def test_paths_are_attributes_and_indices_and_shared_parameters_are_one(self):
        assert set(told(Net(nnx.Rngs(0)))) == PATHS

    def test_values_are_those_of_the_initializer(self):
        net = Net(nnx.Rngs(0))
        assert init_(net, RULES, 0) is net
        wanted = expected(ui.HeNormal(), (4, 4), "again/weight")
        assert np.array_equal(net.blocks[0].kernel[...], wanted)
        wanted = expected(ui.HeNormal(), (6, 4), "embed/weight", "embedding IO")
        assert np.array_equal(net.table[...], wanted)

    def test_other_state_is_left_alone(self):
        net = Net(nnx.Rngs(0))
        net.norm.mean[...] = jnp.arange(4.0)
        left = nnx.state(net, (nnx.BatchStat, nnx.RngState))
        before = [np.asarray(jax.random.key_data(x) if _is_key(x) else x) for x in jax.tree.leaves(left)]
        init_(net, "ones", 0)
        left = nnx.state(net, (nnx.BatchStat, nnx.RngState))
        after = [np.asarray(jax.random.key_data(x) if _is_key(x) else x) for x in jax.tree.leaves(left)]
        assert before
        assert all(map(np.array_equal, before, after))

    def test_abstract_modules_get_arrays(self):
        net, concrete = nnx.eval_shape(lambda: Net(nnx.Rngs(0))), Net(nnx.Rngs(0))
        init_(net, RULES, 0, device="cpu")
        init_(concrete, RULES, 0)
        for made, wanted in zip(
            *(jax.tree.leaves(nnx.state(x, nnx.Param)) for x in (net, concrete)), strict=True
        ):
            assert isinstance(made, jax.Array)
            assert np.array_equal(made, wanted)

    def test_shardings_stay(self):
        mesh = jax.make_mesh((1,), ("x",))
        sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("x"))
        net = nnx.Linear(4, 4, rngs=nnx.Rngs(0))
        net.kernel.set_value(jax.device_put(net.kernel[...], sharding))
        init_(net, RULES, 0)
        assert net.kernel.get_value().sharding == sharding
        assert np.array_equal(net.kernel[...], expected(ui.HeNormal(), (4, 4), "weight"))

    def test_dtypes_stay(self):
        net = nnx.Linear(4, 4, param_dtype=jnp.bfloat16, rngs=nnx.Rngs(0))
        init_(net, RULES, 0)
        assert net.kernel[...].dtype == jnp.bfloat16

    def test_a_tree_is_a_state(self):
        net, other = Net(nnx.Rngs(0)), Net(nnx.Rngs(0))
        before = np.asarray(net.blocks[1].kernel[...])
        state = init_tree(net, RULES, 0)
        assert np.array_equal(net.blocks[1].kernel[...], before)
        nnx.update(other, state)
        init_(net, RULES, 0)
        for made, wanted in zip(
            *(jax.tree.leaves(nnx.state(x, nnx.Param)) for x in (other, net)), strict=True
        ):
            assert np.array_equal(made, wanted)

    def test_repeated_layers_have_a_batch_axis(self):
        @nnx.vmap
        def make(key):
            rngs = nnx.Rngs(key)
            return nnx.Sequential(nnx.Linear(3, 4, rngs=rngs), nnx.Conv(4, 4, (3,), rngs=rngs))

        assert told(make(jax.random.split(jax.random.key(0), 5))) == {
            "layers/0/weight": ("dense", 3, 4),
            "layers/0/bias": ("dense", 1, 4),
            "layers/1/weight": ("conv", 12, 12),
            "layers/1/bias": ("conv", 1, 4),
        }

    def test_a_shape_cannot_be_kept(self):
        with pytest.raises(TargetError, match="nothing to keep"):
            init_tree(nnx.eval_shape(lambda: nnx.Linear(2, 2, rngs=nnx.Rngs(0))), {"**": "keep"}, 0)


def _is_key(x):
    return jnp.issubdtype(x.dtype, jax.dtypes.prng_key)


class Body(linen.Module):
    @linen.compact
    def __call__(self, carry, _):
        return linen.LayerNorm()(linen.Dense(4)(carry)), None


class Stacked(linen.Module):
    def setup(self):
        self.encoder = linen.Dense(4)
        self.parts = [linen.Dense(4), linen.Dense(4)]

    @linen.compact
    def __call__(self, x, train):
        for part in (self.encoder, *self.parts):
            x = part(x)
        boxed = linen.with_partitioning(linen.initializers.ones, ("a", "b"))
        x = linen.Dense(4, kernel_init=boxed)(x)
        x = linen.BatchNorm(use_running_average=not train)(x)
        blocks = linen.scan(Body, variable_axes={"params": 0}, split_rngs={"params": True}, length=3)
        x, _ = blocks(name="blocks")(x, None)
        many = linen.vmap(
            linen.Dense, variable_axes={"params": 1}, split_rngs={"params": True}, in_axes=None, axis_size=6
        )
        many(5, name="many")(x)
        return linen.remat(linen.Dense)(4, name="saved")(x) * self.param(
            "table", linen.initializers.ones, (4,)
        )


class TestLinen:
    x = np.ones((2, 3), "float32")

    def test_variables_are_as_init_returns_them(self):
        made = init_tree(Stacked(), {"**": "random_uniform"}, 0, inputs=(self.x, True))
        wanted = jax.eval_shape(lambda: Stacked().init(jax.random.key(0), self.x, True))
        assert jax.tree.structure(made) == jax.tree.structure(wanted)
        assert jax.tree.all(jax.tree.map(lambda a, b: (a.shape, a.dtype) == (b.shape, b.dtype), made, wanted))
        assert isinstance(made["params"]["Dense_0"]["kernel"], linen.Partitioned)
        stats = made["batch_stats"]["BatchNorm_0"]
        assert (stats["mean"].tolist(), stats["var"].tolist()) == ([0.0] * 4, [1.0] * 4)

    def test_paths_and_repeated_layers(self):
        found = told(Stacked(), self.x, True)
        names = ("encoder", "parts_0", "parts_1", "Dense_0", "saved")
        assert {f"{name}/weight" for name in names} | {"table"} <= set(found)
        assert found["blocks/Dense_0/weight"] == ("dense", 4, 4)
        assert found["blocks/LayerNorm_0/scale"] == ("norm", 1, 4)
        assert found["many/weight"] == ("dense", 4, 5)
        layouts = {array.paths[0]: array.layout.text for array in arrays_of(Stacked(), self.x, True)}
        assert layouts["blocks/Dense_0/weight"] == "in=1 out=2 batch=0"
        assert layouts["many/weight"] == "in=0 out=2 batch=1"

    @pytest.mark.parametrize(
        "inputs",
        [x, (x,), jnp.asarray(x), jax.ShapeDtypeStruct(x.shape, x.dtype)],
        ids=lambda x: type(x).__name__,
    )
    def test_values_are_those_of_the_initializer(self, inputs):
        made = init_tree(linen.Dense(4), RULES, 0, inputs=inputs)
        assert np.array_equal(made["params"]["kernel"], expected(ui.HeNormal(), (3, 4), "weight"))

    def test_there_is_nothing_to_compute_where_there_are_only_parameters(self):
        def poisoned(key, shape, dtype):
            return jax.pure_callback(lambda: 1 / 0, jax.ShapeDtypeStruct(shape, dtype))

        made = init_tree(linen.Dense(4, kernel_init=poisoned), RULES, 0, inputs=self.x)
        assert made["params"]["kernel"].shape == (3, 4)

    @pytest.mark.parametrize("call", [init_, init_tree])
    def test_without_inputs(self, call):
        with pytest.raises(
            UnsupportedModelError, match=r"wanted ui\.init_tree\(module, rules, seed, inputs="
        ):
            call(linen.Dense(4), RULES, 0)

    def test_there_is_nothing_to_keep(self):
        with pytest.raises(TargetError, match="nothing to keep"):
            init_tree(linen.Dense(4), {"**": "keep"}, 0, inputs=self.x)


def test_recorded_keys_and_trees_of_other_libraries():
    shapes = {"kernel": jax.ShapeDtypeStruct((2, 3), "float32")}
    made = jax.jit(lambda key: ui.init_tree(shapes, "he_normal", key))(jax.random.key(0))
    assert (made["kernel"] == ui.HeNormal()((2, 3), seed=ui.Key(0) / "weight")).all()
    with pytest.raises(ArgumentError, match=r"wanted backend= of the key's own library, or an integer"):
        jax.jit(lambda key: ui.init_tree({"kernel": (2, 3)}, "he_normal", key))(jax.random.key(0))
    with pytest.raises(ArgumentError, match=r"wanted an integer or a ui.Key"):
        jax.jit(lambda key: ui.init_({"kernel": np.zeros((2, 3))}, "he_normal", key))(jax.random.key(0))
    made = jax.jit(lambda key: ui.init_tree({"kernel": (2, 3)}, "ones", key, backend="jax"))(
        jax.random.key(0)
    )
    assert (made["kernel"] == 1).all()
