"""The same network is the same function in several libraries, which store equal values transposed."""

import numpy as np
import pytest

from unifinit.models import init_, init_tree

torch = pytest.importorskip("torch")

RULES = {"**/bias": "zeros", "**": "he_normal"}
RANDOM = np.random.default_rng(0)
SEQUENCE = RANDOM.standard_normal((2, 5, 8)).astype("float32")
IMAGE = RANDOM.standard_normal((2, 7, 7, 4)).astype("float32")
UNITS = 6


@pytest.fixture
def keras():
    try:
        import keras
    except ImportError:
        pytest.skip("Keras has no backend here")
    return keras


@pytest.fixture
def nnx():
    return pytest.importorskip("flax.nnx")


@pytest.fixture
def linen():
    return pytest.importorskip("flax.linen")


@pytest.fixture
def haiku():
    return pytest.importorskip("haiku")


def of_torch(module, *inputs, rules=RULES):
    init_(module, rules, 0, prefix="m")
    with torch.no_grad():
        made = module(*map(torch.from_numpy, inputs))
    return (made[0] if isinstance(made, tuple) else made).numpy()


def of_keras(keras, layer, *inputs):
    layer(*inputs)
    init_(layer, RULES, 0, prefix="m")
    return np.asarray(keras.ops.convert_to_numpy(layer(*inputs)))


def of_nnx(module, *inputs):
    return np.asarray(init_(module, RULES, 0, prefix="m")(*inputs))


def of_linen(module, *inputs):
    return np.asarray(module.apply(init_tree(module, RULES, 0, inputs=inputs, prefix="m"), *inputs))


def of_haiku(haiku, function, *inputs, rules=RULES):
    transformed = haiku.transform(function)
    params = init_tree(transformed, rules, 0, inputs=inputs)
    return np.asarray(transformed.apply(params, None, *inputs))


def same(x, y):
    return np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5)


class TestAttention:
    inputs = (SEQUENCE, SEQUENCE, SEQUENCE)

    @pytest.fixture
    def wanted(self):
        return of_torch(torch.nn.MultiheadAttention(8, 2, batch_first=True), *self.inputs)

    def test_keras(self, keras, wanted):
        same(of_keras(keras, keras.layers.MultiHeadAttention(2, 4), SEQUENCE, SEQUENCE), wanted)

    def test_nnx(self, nnx, wanted):
        same(of_nnx(nnx.MultiHeadAttention(2, 8, decode=False, rngs=nnx.Rngs(0)), *self.inputs), wanted)

    def test_linen(self, linen, wanted):
        same(of_linen(linen.MultiHeadAttention(2), *self.inputs), wanted)

    def test_haiku(self, haiku, wanted):
        def function(*inputs):
            initializer = haiku.initializers.RandomNormal()
            return haiku.MultiHeadAttention(2, 4, model_size=8, w_init=initializer, name="m")(*inputs)

        same(of_haiku(haiku, function, *self.inputs), wanted)


class TestLstm:
    @pytest.fixture
    def wanted(self):
        return of_torch(torch.nn.LSTM(8, UNITS, batch_first=True), SEQUENCE)

    def test_keras(self, keras, wanted):
        same(of_keras(keras, keras.layers.LSTM(UNITS, return_sequences=True), SEQUENCE), wanted)

    @pytest.mark.parametrize("name", ["LSTMCell", "OptimizedLSTMCell"])
    def test_nnx(self, nnx, wanted, name):
        cell = getattr(nnx, name)(8, UNITS, rngs=nnx.Rngs(0))
        same(of_nnx(nnx.RNN(cell, rngs=nnx.Rngs(0)), SEQUENCE), wanted)

    @pytest.mark.parametrize("name", ["LSTMCell", "OptimizedLSTMCell"])
    def test_linen(self, linen, wanted, name):
        same(of_linen(linen.RNN(getattr(linen, name)(UNITS)), SEQUENCE), wanted)

    def test_haiku_which_adds_one_to_the_forget_gate(self, haiku):
        def function(x):
            core = haiku.LSTM(UNITS, name="m")
            return haiku.static_unroll(core, x, core.initial_state(2), time_major=False)[0]

        module = torch.nn.LSTM(8, UNITS, batch_first=True)
        wanted = of_torch(module, SEQUENCE, rules={"**/input/f/bias": "ones", **RULES})
        same(of_haiku(haiku, function, SEQUENCE), wanted)

    def test_both_directions_in_keras(self, keras):
        wanted = of_torch(torch.nn.LSTM(8, UNITS, batch_first=True, bidirectional=True), SEQUENCE)
        layer = keras.layers.Bidirectional(keras.layers.LSTM(UNITS, return_sequences=True))
        same(of_keras(keras, layer, SEQUENCE), wanted)

    def test_two_layers_in_keras(self, keras):
        wanted = of_torch(torch.nn.LSTM(8, UNITS, num_layers=2, batch_first=True), SEQUENCE)
        cells = [keras.layers.LSTMCell(UNITS) for _ in range(2)]
        same(of_keras(keras, keras.layers.RNN(cells, return_sequences=True), SEQUENCE), wanted)


class TestGru:
    @pytest.fixture
    def wanted(self):
        return of_torch(torch.nn.GRU(8, UNITS, batch_first=True), SEQUENCE)

    def test_keras(self, keras, wanted):
        same(of_keras(keras, keras.layers.GRU(UNITS, return_sequences=True), SEQUENCE), wanted)

    def test_nnx(self, nnx, wanted):
        cell = nnx.GRUCell(8, UNITS, rngs=nnx.Rngs(0))
        same(of_nnx(nnx.RNN(cell, rngs=nnx.Rngs(0)), SEQUENCE), wanted)

    def test_linen(self, linen, wanted):
        same(of_linen(linen.RNN(linen.GRUCell(UNITS)), SEQUENCE), wanted)


class TestConvolutions:
    @staticmethod
    def of_torch(module):
        return of_torch(module, np.ascontiguousarray(IMAGE.transpose(0, 3, 1, 2))).transpose(0, 2, 3, 1)

    @pytest.mark.parametrize("groups", [1, 2, 4])
    def test_groups(self, keras, linen, haiku, groups):
        wanted = self.of_torch(torch.nn.Conv2d(4, 8, 3, groups=groups))
        same(of_keras(keras, keras.layers.Conv2D(8, 3, groups=groups), IMAGE), wanted)
        module = linen.Conv(8, (3, 3), padding="VALID", feature_group_count=groups)
        same(of_linen(module, IMAGE), wanted)

        def function(x):
            return haiku.Conv2D(8, 3, padding="VALID", feature_group_count=groups, name="m")(x)

        same(of_haiku(haiku, function, IMAGE), wanted)

    def test_depthwise(self, keras, haiku):
        wanted = self.of_torch(torch.nn.Conv2d(4, 8, 3, groups=4))
        same(of_keras(keras, keras.layers.DepthwiseConv2D(3, depth_multiplier=2), IMAGE), wanted)

        def function(x):
            return haiku.DepthwiseConv2D(2, 3, padding="VALID", name="m")(x)

        same(of_haiku(haiku, function, IMAGE), wanted)

    def test_transposed(self, keras, linen):
        wanted = self.of_torch(torch.nn.ConvTranspose2d(4, 6, 3, stride=2))
        same(of_keras(keras, keras.layers.Conv2DTranspose(6, 3, strides=2), IMAGE), wanted)
        module = linen.ConvTranspose(6, (3, 3), strides=(2, 2), padding="VALID", transpose_kernel=True)
        same(of_linen(module, IMAGE), wanted)
