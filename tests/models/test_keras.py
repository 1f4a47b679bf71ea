"""Models of Keras, on whichever backend it has in this process."""

import itertools

import numpy as np
import pytest

import unifinit as ui
from unifinit.errors import TargetError, UnsupportedModelError
from unifinit.models import init_, init_tree
from unifinit.models.targets import model_arrays

try:
    import keras
except ImportError:
    pytest.skip("Keras has no backend here", allow_module_level=True)

if keras.backend.backend() not in ("tensorflow", "jax", "torch"):
    pytest.skip("a backend of Keras without arrays that unifinit knows", allow_module_level=True)


# NumPy warns of how Keras reads variables, its own and those of its backends.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")

layers = keras.layers
EVERYWHERE = {"**/bias": "random_uniform", "**": "he_normal"}
GATES = {"lstm": "ifgo", "gru": "zrn"}


def arrays_of(model):
    return model_arrays(model)


def told(model):
    """All parameters: from the path to the kind of the layer and the fans."""
    parameters = [parameter for array in arrays_of(model) for parameter in array.parameters()]
    return {one.path: (one.layer, *one.weight.fans) for one in parameters}


def paths_of(model):
    return [path for array in arrays_of(model) for path in array.paths]


def built(layer, *shapes):
    layer.build(*shapes)
    return layer


def as_numpy(x):
    return keras.ops.convert_to_numpy(x)


def expected(initializer, shape, path, layout=None):
    return initializer(shape, seed=ui.Key(0) / path, layout=layout)


def recurrent(kind, inputs, units, above="", bias=("input",)):
    found = {}
    for gate in GATES[kind]:
        found[f"{above}input/{gate}/weight"] = (kind, inputs, units)
        found[f"{above}recurrent/{gate}/weight"] = (kind, units, units)
        found |= {
            f"{above}{place}/{gate}/bias": (kind, units if len(bias) < 2 else 1, units) for place in bias
        }
    return found


def projections(*parts, inputs, units):
    found = {f"{part}/weight": ("attention", inputs, units) for part in parts}
    return found | {f"{part}/bias": ("attention", 1, units) for part in parts}


# In some libraries it takes seconds to compile an orthogonal matrix.
PLAIN = {"recurrent_initializer": "zeros"}
ROLES = {
    "Dense": (layers.Dense(3), [(None, 4)], {"weight": ("dense", 4, 3), "bias": ("dense", 3, 3)}),
    "EinsumDense": (
        layers.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de"),
        [(None, 5, 4)],
        {"weight": ("dense", 4, 6), "bias": ("dense", 1, 6)},
    ),
    "EinsumDense with an ellipsis": (
        layers.EinsumDense("...x,xy->...y", output_shape=5),
        [(None, 4)],
        {"weight": ("dense", 4, 5)},
    ),
    "Conv1D": (layers.Conv1D(6, 5, use_bias=False), [(None, 8, 4)], {"weight": ("conv", 20, 30)}),
    "Conv2D": (
        layers.Conv2D(6, 3, groups=2, data_format="channels_last"),
        [(None, 8, 8, 4)],
        {"weight": ("conv", 18, 27), "bias": ("conv", 6, 6)},
    ),
    "Conv2D of single channels": (
        layers.Conv2D(4, 3, groups=4, use_bias=False),
        [(None, 8, 8, 4)],
        {"weight": ("depthwise", 9, 9)},
    ),
    "Conv3D": (layers.Conv3D(2, 3, use_bias=False), [(None, 4, 4, 4, 3)], {"weight": ("conv", 81, 54)}),
    "Conv1DTranspose": (
        layers.Conv1DTranspose(6, 3, use_bias=False),
        [(None, 8, 4)],
        {"weight": ("conv_transpose", 12, 18)},
    ),
    "Conv2DTranspose": (
        layers.Conv2DTranspose(6, 3),
        [(None, 8, 8, 4)],
        {"weight": ("conv_transpose", 36, 54), "bias": ("conv_transpose", 6, 6)},
    ),
    "Conv3DTranspose": (
        layers.Conv3DTranspose(2, 3, use_bias=False),
        [(None, 4, 4, 4, 3)],
        {"weight": ("conv_transpose", 81, 54)},
    ),
    "DepthwiseConv1D": (
        layers.DepthwiseConv1D(3, depth_multiplier=2, use_bias=False),
        [(None, 8, 4)],
        {"weight": ("depthwise", 3, 6)},
    ),
    "DepthwiseConv2D": (
        layers.DepthwiseConv2D(3),
        [(None, 8, 8, 4)],
        {"weight": ("depthwise", 9, 9), "bias": ("depthwise", 4, 4)},
    ),
    "SeparableConv1D": (
        layers.SeparableConv1D(5, 3),
        [(None, 8, 4)],
        {
            "depthwise/weight": ("depthwise", 3, 3),
            "pointwise/weight": ("conv", 4, 5),
            "pointwise/bias": ("conv", 5, 5),
        },
    ),
    "SeparableConv2D": (
        layers.SeparableConv2D(5, 3, depth_multiplier=2, use_bias=False),
        [(None, 8, 8, 4)],
        {"depthwise/weight": ("depthwise", 9, 18), "pointwise/weight": ("conv", 8, 5)},
    ),
    "Embedding": (layers.Embedding(7, 3), [(None,)], {"weight": ("embedding", 1, 3)}),
    "ReversibleEmbedding": (
        layers.ReversibleEmbedding(7, 3, tie_weights=False),
        [(None,)],
        {"weight": ("embedding", 1, 3), "reverse/weight": ("dense", 3, 7)},
    ),
    "MultiHeadAttention": (
        layers.MultiHeadAttention(2, 3),
        [(None, 5, 8)] * 2,
        projections("query", "key", "value", inputs=8, units=6)
        | {"out/weight": ("attention", 6, 8), "out/bias": ("attention", 8, 8)},
    ),
    "GroupedQueryAttention": (
        layers.GroupQueryAttention(4, 4, 2, use_bias=False),
        [(None, 5, 8)] * 2,
        {
            "query/weight": ("attention", 8, 16),
            "key/weight": ("attention", 8, 8),
            "value/weight": ("attention", 8, 8),
            "out/weight": ("attention", 16, 8),
        },
    ),
    "Attention": (
        layers.Attention(use_scale=True),
        [[(None, 5, 8)] * 2],
        {"scale": ("attention", 1, 1)},
    ),
    "AdditiveAttention": (layers.AdditiveAttention(), [[(None, 5, 8)] * 2], {"scale": ("attention", 8, 8)}),
    "LSTM": (layers.LSTM(3, **PLAIN), [(None, 4, 5)], recurrent("lstm", 5, 3)),
    "LSTMCell": (layers.LSTMCell(3, **PLAIN), [(None, 5)], recurrent("lstm", 5, 3)),
    "GRU": (layers.GRU(3, **PLAIN), [(None, 4, 5)], recurrent("gru", 5, 3, bias=("input", "recurrent"))),
    "GRU with one bias": (layers.GRU(3, reset_after=False, **PLAIN), [(None, 4, 5)], recurrent("gru", 5, 3)),
    "SimpleRNN": (
        layers.SimpleRNN(3, **PLAIN),
        [(None, 4, 5)],
        {"input/weight": ("rnn", 5, 3), "recurrent/weight": ("rnn", 3, 3), "input/bias": ("rnn", 3, 3)},
    ),
    "ConvLSTM1D": (
        layers.ConvLSTM1D(2, 3, use_bias=False, **PLAIN),
        [(None, 4, 6, 3)],
        {f"input/{gate}/weight": ("lstm", 9, 6) for gate in "ifgo"}
        | {f"recurrent/{gate}/weight": ("lstm", 6, 6) for gate in "ifgo"},
    ),
    "Bidirectional": (
        layers.Bidirectional(layers.LSTM(3, **PLAIN)),
        [(None, 4, 5)],
        recurrent("lstm", 5, 3) | recurrent("lstm", 5, 3, "reverse/"),
    ),
    "stacked cells": (
        layers.RNN([layers.LSTMCell(3, **PLAIN), layers.GRUCell(2, reset_after=False, **PLAIN)]),
        [(None, 4, 5)],
        recurrent("lstm", 5, 3) | recurrent("gru", 3, 2, "1/"),
    ),
    "TimeDistributed": (
        layers.TimeDistributed(layers.Dense(3)),
        [(None, 4, 5)],
        {"weight": ("dense", 5, 3), "bias": ("dense", 3, 3)},
    ),
    "SpectralNormalization": (
        layers.SpectralNormalization(layers.Conv2D(4, 3, groups=2, use_bias=False)),
        [(None, 8, 8, 4)],
        {"weight": ("conv", 18, 18)},
    ),
    "BatchNormalization": (
        layers.BatchNormalization(),
        [(None, 5)],
        {"scale": ("norm", 5, 5), "bias": ("norm", 5, 5)},
    ),
    "LayerNormalization": (
        layers.LayerNormalization(axis=(1, 2)),
        [(None, 4, 5)],
        {"scale": ("norm", 1, 20), "bias": ("norm", 1, 20)},
    ),
    "GroupNormalization": (
        layers.GroupNormalization(2, scale=False),
        [(None, 4, 6)],
        {"bias": ("norm", 6, 6)},
    ),
    "RMSNormalization": (layers.RMSNormalization(), [(None, 6)], {"scale": ("norm", 6, 6)}),
    "UnitNormalization": (layers.UnitNormalization(), [(None, 6)], {}),
    "PReLU": (layers.PReLU(), [(None, 4, 6)], {"slope": ("activation", 1, 24)}),
}


@pytest.mark.parametrize("name", ROLES)
def test_roles(name):
    layer, shapes, wanted = ROLES[name]
    assert told(built(layer, *shapes)) == wanted


def test_each_described_class_is_one_of_keras():
    from unifinit_keras.layers import LAYERS

    known = {cls for item in vars(layers).values() if isinstance(item, type) for cls in item.__mro__}
    known |= {type(layers.ConvLSTM1D(1, 1).cell)}
    assert {name.partition(":")[2] for name in LAYERS} <= {cls.__name__ for cls in known}


@pytest.mark.parametrize(
    ("layer", "shapes", "path", "name", "layout"),
    [
        (layers.Dense(3), [(None, 4)], "weight", "kernel", "IO"),
        (layers.Conv2DTranspose(6, 3), [(None, 8, 8, 4)], "weight", "kernel", "conv_transpose HWOI"),
        (layers.Embedding(7, 3), [(None,)], "weight", "embeddings", "embedding IO"),
        (
            layers.EinsumDense("abcd,cde->abe", output_shape=(None, 7)),
            [(None, 3, 4, 5)],
            "weight",
            "kernel",
            "in=0,1 out=2",
        ),
    ],
)
def test_values_are_those_of_the_initializer(layer, shapes, path, name, layout):
    init_(built(layer, *shapes), "he_normal", 0)
    found = as_numpy(getattr(layer, name))
    assert np.array_equal(found, expected(ui.HeNormal(), found.shape, path, layout))


def test_gates_have_values_of_their_own():
    layer = built(layers.GRU(3, **PLAIN), (None, 4, 5))
    init_(layer, {"**/bias": "random_normal", "**": "orthogonal"}, 0)
    kernel, bias = as_numpy(layer.cell.kernel), as_numpy(layer.cell.bias)
    for number, gate in enumerate("zrn"):
        columns = slice(3 * number, 3 * number + 3)
        assert np.array_equal(kernel[:, columns], expected(ui.Orthogonal(), (5, 3), f"input/{gate}/weight"))
        for row, place in enumerate(("input", "recurrent")):
            assert np.array_equal(
                bias[row, columns], expected(ui.RandomNormal(), (3,), f"{place}/{gate}/bias")
            )


def test_projections_are_the_flat_matrix():
    layer = built(layers.MultiHeadAttention(2, 3), (None, 5, 8), (None, 5, 8))
    init_(layer, {"**/bias": "random_uniform", "**": "he_normal"}, 0)
    weights = {weight.path.partition("/")[2]: as_numpy(weight) for weight in layer.weights}
    flat = weights["query/kernel"].reshape(8, 6)
    assert np.array_equal(flat, expected(ui.HeNormal(), (8, 6), "query/weight"))
    flat = weights["attention_output/kernel"].reshape(6, 8)
    assert np.array_equal(flat, expected(ui.HeNormal(), (6, 8), "out/weight"))
    assert np.array_equal(weights["key/bias"].ravel(), expected(ui.RandomUniform(), (6,), "key/bias"))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.encoder = layers.Dense(3)
        self.other = layers.Dense(3, name="given")
        self.blocks = [layers.Dense(3), layers.Dense(3, name="special")]
        self.parts = {"a": layers.LSTM(3, **PLAIN)}
        self._hidden = layers.Dense(3)
        self.norm = layers.BatchNormalization()
        self.dropout = layers.Dropout(0.5)
        self.table = self.add_weight(shape=(3, 4))

    def call(self, x):
        for layer in (self.encoder, self.other, *self.blocks, self._hidden, self.norm, self.dropout):
            x = layer(x)
        self.parts["a"](x[:, None])
        return x


def test_attributes_are_paths():
    model = Subclassed()
    model(np.ones((2, 5), "float32"))
    dense = ["encoder", "given", "blocks/0", "blocks/special", "hidden"]
    wanted = {f"{name}/{leaf}" for name in dense for leaf in ("weight", "bias")}
    wanted |= {"norm/scale", "norm/bias", "table", *recurrent("lstm", 3, 3, "parts/a/")}
    assert set(paths_of(model)) == wanted


def functional():
    x = keras.Input((4,))
    y = layers.Dense(3, name="first")(layers.Dense(3)(x))
    inner = keras.Sequential([layers.Dense(2), layers.Dense(2)])
    return keras.Model(x, layers.Dense(2)(inner(layers.Dense(3)(y))), name="whole")


def test_made_up_names_do_not_depend_on_what_else_there_is():
    wanted = ["dense", "first", "dense_1", "sequential/dense", "sequential/dense_1", "dense_2"]
    for _ in range(2):
        assert paths_of(functional()) == [f"{name}/{leaf}" for name in wanted for leaf in ("weight", "bias")]


def test_attributes_of_a_functional_model_that_are_none_of_its_layers():
    class Extended(keras.Model):
        def __init__(self):
            x = keras.Input((4,))
            first = layers.Dense(3)
            super().__init__(x, layers.Dense(2)(first(x)))
            self.first = first
            self.extra = built(layers.Dense(2), (None, 3))

    wanted = ["dense", "dense_1", "extra"]
    assert paths_of(Extended()) == [f"{name}/{leaf}" for name in wanted for leaf in ("weight", "bias")]


def test_shared_layers_and_tied_variables_are_one():
    class Tied(keras.Model):
        def __init__(self):
            super().__init__()
            self.tokens = layers.Embedding(7, 3)
            self.b = layers.Dense(3)
            self.a = self.b
            self.nested = [self.b]

        def call(self, x):
            return self.b(self.tokens(x)) @ keras.ops.transpose(self.tokens.embeddings)

    model = Tied()
    model(np.zeros((2,), "int32"))
    assert sorted(paths_of(model)) == ["a/bias", "a/weight", "tokens/weight"]
    twice = layers.Dense(4)
    outer = keras.Sequential([keras.Sequential([twice], name="z"), keras.Sequential([twice], name="y")])
    outer.build((None, 4))
    assert paths_of(outer) == ["y/dense/weight", "y/dense/bias"]


def test_a_variable_of_a_child_is_the_childs():
    class Holder(layers.Layer):
        def __init__(self):
            super().__init__()
            self.tokens = built(layers.Embedding(7, 3), (None,))
            self.weight = self.tokens.embeddings

    assert paths_of(Holder()) == ["tokens/weight"]


def test_frozen_and_adapted_layers_are_initialised_and_state_is_not():
    model = keras.Sequential(
        [layers.Dense(3), layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(2)]
    )
    model.build((None, 4))
    model.layers[0].trainable = False
    model.layers[3].enable_lora(2)
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.ones((2, 4), "float32"), np.ones((2, 2), "float32"), verbose=0)
    norm = model.layers[1]
    others = {id(variable) for variable in model.optimizer.variables + model.metrics_variables}
    left = [norm.moving_mean, norm.moving_variance, *model.layers[2].variables, *model.optimizer.variables]
    before = [as_numpy(variable) for variable in left]
    assert others
    init_(model, EVERYWHERE, 0)
    assert all(itertools.starmap(np.array_equal, zip(before, map(as_numpy, left), strict=True)))
    kernel = as_numpy(model.layers[0].kernel)
    assert np.array_equal(kernel, expected(ui.HeNormal(), (4, 3), "dense/weight"))
    lora = as_numpy(model.layers[3].lora_kernel_a)
    assert np.array_equal(lora, expected(ui.HeNormal(), (3, 2), "dense_1/lora_kernel_a"))


def test_layers_made_frozen_are_initialised_too():
    layer = built(layers.Dense(3, trainable=False), (None, 4))
    init_(layer, "he_normal", 0)
    assert np.array_equal(as_numpy(layer.kernel), expected(ui.HeNormal(), (4, 3), "weight"))


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="only PyTorch's layers can hold its modules")
def test_modules_of_torch_in_layers():
    import torch

    model = keras.Sequential([layers.TorchModuleWrapper(torch.nn.Linear(4, 3)), layers.Dense(2)])
    model(np.ones((2, 4), "float32"))
    init_(model, "he_normal", 0)
    wanted = expected(ui.HeNormal(), (3, 4), "torch_module_wrapper/weight", "OI")
    assert np.array_equal(as_numpy(model.layers[0].module.weight), wanted)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="only PyTorch has such a device")
def test_variables_without_memory():
    with keras.device("meta"):
        layer = built(layers.Dense(3), (None, 4))
    with pytest.raises(TargetError, match=r"dense.*/kernel: it is on PyTorch's meta device"):
        init_(layer, "he_normal", 0)


def test_arrays_that_can_be_are_filled_in_place():
    layer = built(layers.Dense(3), (None, 4))
    before = layer.kernel.value
    assert init_(layer, "he_normal", 0) is layer
    is_same = layer.kernel.value is before
    assert is_same == (keras.backend.backend() != "jax")


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_dtypes(dtype):
    layer = built(layers.Dense(3, dtype=dtype), (None, 4))
    init_(layer, "he_normal", 0)
    assert keras.backend.standardize_dtype(layer.kernel.dtype) == dtype
    found = as_numpy(keras.ops.cast(layer.kernel.value, "float32"))
    wanted = ui.HeNormal()((4, 3), dtype, seed=ui.Key(0) / "weight")
    assert np.array_equal(found, np.asarray(wanted).astype("float32"))


def test_a_tree_leaves_the_model_alone():
    model = functional()
    before = [as_numpy(weight) for weight in model.weights]
    tree = init_tree(model, EVERYWHERE, 0)
    assert all(itertools.starmap(np.array_equal, zip(before, map(as_numpy, model.weights), strict=True)))
    init_(model, EVERYWHERE, 0)
    assert list(tree) == [weight.path for weight in model.weights]
    assert all(np.array_equal(as_numpy(tree[weight.path]), as_numpy(weight)) for weight in model.weights)


@pytest.mark.parametrize(
    "model",
    [
        layers.Dense(3),
        keras.Sequential([layers.Dense(3)]),
        Subclassed(),
        layers.Bidirectional(layers.LSTM(2, **PLAIN)),
        keras.Sequential(),
    ],
)
def test_without_variables_yet(model):
    with pytest.raises(UnsupportedModelError, match=r"has no variables yet; wanted the model after build"):
        init_(model, "he_normal", 0)
