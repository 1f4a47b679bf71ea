"""The recipes of Keras, Flax and Haiku beside what their layers draw by themselves."""

from importlib.util import find_spec

import numpy as np
import pytest

import unifinit as ui
from unifinit.models.arrays import ModelArray
from unifinit.registry import registry

TOLERANCE = 5
"""Standard errors of a sample's standard deviation."""


def check(model, recipe, drawn, **options):
    """Compare the moments of a recipe with the arrays of a model that has just been made."""
    rows = ui.plan_model(model, recipe, seed=0, **options).arrays
    compared = 0
    for one in rows:
        values = np.asarray(drawn(one.array), dtype=np.float64)
        moments = one.plan.moments()
        assert values.shape == one.array.shape
        if moments.stddev == 0 and len(one.parameters) == 1:
            assert (values == moments.mean).all(), one.array.name
            continue
        if not moments.stddev and values.std() == 0:
            continue
        spread = np.sqrt(np.mean(values**2))
        wanted = np.sqrt(moments.stddev**2 + moments.mean**2)
        error = TOLERANCE * wanted / np.sqrt(2 * values.size)
        assert spread == pytest.approx(wanted, abs=max(error, 1e-3 * wanted)), one.array.name
        if np.isfinite(moments.maximum):
            assert np.abs(values).max() <= moments.maximum * (1 + 1e-6), one.array.name
        compared += 1
    assert compared


@pytest.mark.skipif(find_spec("tensorflow") is None, reason="needs Keras with TensorFlow")
class TestKeras:
    @pytest.mark.parametrize(
        "name",
        [
            *("dense", "conv", "grouped", "transposed", "depthwise", "separable", "embedding"),
            *("mha", "lstm", "gru", "rnn", "norm", "prelu", "einsum"),
            *("convolutional lstm", "additive attention", "scored attention"),
        ],
    )
    def test_draws_what_the_layer_draws(self, name):
        import keras

        keras.utils.set_random_seed(0)
        layer, shape = {
            "dense": lambda: (keras.layers.Dense(200), (1, 300)),
            "conv": lambda: (keras.layers.Conv2D(80, 3), (1, 9, 9, 60)),
            "grouped": lambda: (keras.layers.Conv2D(80, 3, groups=4), (1, 9, 9, 60)),
            "transposed": lambda: (keras.layers.Conv2DTranspose(80, 3), (1, 9, 9, 60)),
            "depthwise": lambda: (keras.layers.DepthwiseConv2D(3, depth_multiplier=2), (1, 9, 9, 300)),
            "separable": lambda: (keras.layers.SeparableConv1D(80, 3, depth_multiplier=2), (1, 9, 300)),
            "embedding": lambda: (keras.layers.Embedding(500, 60), (1, 9)),
            "mha": lambda: (keras.layers.MultiHeadAttention(4, 32), None),
            "lstm": lambda: (keras.layers.LSTM(128), (1, 5, 64)),
            "gru": lambda: (keras.layers.GRU(128), (1, 5, 64)),
            "rnn": lambda: (keras.layers.SimpleRNN(128), (1, 5, 64)),
            "norm": lambda: (keras.layers.LayerNormalization(), (1, 64)),
            "prelu": lambda: (keras.layers.PReLU(), (1, 64)),
            "einsum": lambda: (keras.layers.EinsumDense("abc,cde->abde", (None, 4, 32)), (1, 5, 64)),
            "convolutional lstm": lambda: (keras.layers.ConvLSTM1D(32, 5), (1, 5, 9, 16)),
            "additive attention": lambda: (keras.layers.AdditiveAttention(), [(1, 5, 900), (1, 5, 900)]),
            "scored attention": lambda: (
                keras.layers.Attention(use_scale=True, score_mode="concat"),
                [(1, 5, 8), (1, 5, 8)],
            ),
        }[name]()
        if shape is None:
            layer.build((1, 5, 128), (1, 5, 128))
        else:
            layer.build(shape)
        if name in ("norm", "prelu", "scored attention"):  # They draw nothing.
            plan = ui.plan_model(layer, "keras", seed=0)
            by_path = {variable.path: np.asarray(variable.value) for variable in layer.variables}
            assert all((by_path[one.array.name] == one.plan.moments().mean).all() for one in plan.arrays)
            return
        values = {variable.path: np.asarray(variable.value) for variable in layer.variables}
        check(layer, "keras", lambda array: values[array.name])

    def test_the_forget_gate(self):
        import keras

        layer = keras.layers.LSTM(8)
        layer.build((1, 5, 4))
        before = np.asarray(layer.cell.bias.value)
        ui.init_(layer, "keras", seed=0)
        assert (np.asarray(layer.cell.bias.value) == before).all()
        kernel = np.asarray(layer.cell.recurrent_kernel.value)
        np.testing.assert_allclose(kernel @ kernel.T, np.eye(8), atol=1e-6)


@pytest.mark.skipif(find_spec("flax") is None, reason="needs Flax")
class TestFlax:
    @pytest.mark.parametrize(
        "name", ["dense", "general", "conv", "grouped", "transposed", "embed", "mha", "lstm", "gru"]
    )
    def test_draws_what_the_layer_draws(self, name):
        import jax
        from flax import linen as nn

        module, shape = {
            "dense": (nn.Dense(200), (1, 300)),
            "general": (nn.DenseGeneral((10, 20), axis=(-2, -1)), (1, 15, 20)),
            "conv": (nn.Conv(80, (3, 3)), (1, 9, 9, 60)),
            "grouped": (nn.Conv(80, (3, 3), feature_group_count=4), (1, 9, 9, 60)),
            "transposed": (nn.ConvTranspose(80, (3, 3)), (1, 9, 9, 60)),
            "embed": (nn.Embed(500, 60), None),
            "mha": (nn.MultiHeadDotProductAttention(4), (1, 5, 128)),
            "lstm": (nn.RNN(nn.OptimizedLSTMCell(128)), (1, 5, 64)),
            "gru": (nn.RNN(nn.GRUCell(128)), (1, 5, 64)),
        }[name]
        x = np.zeros((1, 9), np.int32) if shape is None else np.zeros(shape, np.float32)
        params = module.init(jax.random.key(0), x)["params"]
        flat = {
            "/".join(str(key.key) for key in path): np.asarray(value)
            for path, value in jax.tree_util.tree_flatten_with_path(params)[0]
        }
        check(module, "flax", lambda array: flat[array.name.removeprefix("params/")], inputs=(x,))


@pytest.mark.skipif(find_spec("haiku") is None, reason="needs Haiku")
class TestHaiku:
    @pytest.mark.parametrize("name", ["linear", "conv", "transposed", "depthwise", "embed", "lstm", "gru"])
    def test_draws_what_the_layer_draws(self, name):
        import haiku as hk
        import jax

        layer, options, shape = {
            "linear": (hk.Linear, {"output_size": 200}, (1, 300)),
            "conv": (
                hk.Conv2D,
                {"output_channels": 80, "kernel_shape": 3, "feature_group_count": 4},
                (1, 9, 9, 60),
            ),
            "transposed": (hk.Conv2DTranspose, {"output_channels": 80, "kernel_shape": 3}, (1, 9, 9, 60)),
            "depthwise": (hk.DepthwiseConv2D, {"channel_multiplier": 2, "kernel_shape": 3}, (1, 9, 9, 300)),
            "embed": (hk.Embed, {"vocab_size": 500, "embed_dim": 60}, None),
            "lstm": (hk.LSTM, {"hidden_size": 128}, (1, 64)),
            "gru": (hk.GRU, {"hidden_size": 128}, (1, 64)),
        }[name]

        def function(x):
            module = layer(**options)
            return module(x, module.initial_state(1))[0] if name in ("lstm", "gru") else module(x)

        x = np.zeros((1, 9), np.int32) if shape is None else np.zeros(shape, np.float32)
        transformed = hk.transform(function)
        params = transformed.init(jax.random.key(0), x)

        def drawn(array: ModelArray):
            module, _, last = array.name.rpartition("/")
            return params[module][last]

        check(transformed, "haiku", drawn, inputs=(x,))


def test_readers_are_those_of_the_entry_points():
    assert {"torch", "keras", "flax", "haiku"} <= registry()._plugins.models.keys()
