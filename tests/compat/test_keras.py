"""unifinit.compat.keras: the classes of keras.initializers, and whose numbers they give."""

import inspect
import sys
import warnings

import numpy as np
import pytest

import unifinit as ui

keras = pytest.importorskip("keras")
drop_in = pytest.importorskip("unifinit.compat.keras")
original = keras.initializers

CLASSES = {
    "RandomUniform": {"minval": -1.0, "maxval": 2.0},
    "RandomNormal": {"mean": 1.0, "stddev": 0.1},
    "TruncatedNormal": {"mean": 1.0, "stddev": 0.1},
    "VarianceScaling": {"scale": 2.0, "mode": "fan_avg", "distribution": "untruncated_normal"},
    "GlorotUniform": {},
    "GlorotNormal": {},
    "LecunUniform": {},
    "LecunNormal": {},
    "HeUniform": {},
    "HeNormal": {},
    "Orthogonal": {"gain": 1.5},
}
OTHERS = ("Zeros", "Ones", "Constant", "Identity", "STFT")
SHAPE = (8, 6)


@pytest.fixture
def forgotten_seed():
    """Leave TensorFlow without the seed that Keras gives it, which would count in other tests."""
    yield
    if "tensorflow" in sys.modules:
        sys.modules["tensorflow"].random.set_seed(None)


def as_numpy(x):
    return np.asarray(x.detach() if hasattr(x, "detach") else x)  # Keras' own way warns with NumPy 2.


def test_has_every_public_name():
    public = {name for name in dir(original) if name[0] != "_"}
    assert set(drop_in.__all__) == public
    for name in public - {"get", "serialize", "deserialize"}:
        assert getattr(drop_in, name).__name__ == getattr(original, name).__name__


@pytest.mark.parametrize("name", [*CLASSES, *OTHERS])
def test_is_a_class_of_keras_with_its_constructor(name):
    ours, theirs = getattr(drop_in, name), getattr(original, name)
    assert issubclass(ours, theirs)
    assert inspect.signature(ours) == inspect.signature(theirs)


@pytest.mark.parametrize(("name", "config"), CLASSES.items())
class TestClasses:
    def test_is_unifinits_with_the_seed(self, name, config):
        initializer = getattr(drop_in, name)(**config, seed=5)
        expected = getattr(ui, name)(**config, seed=5)(SHAPE)
        assert np.array_equal(as_numpy(initializer(SHAPE)), expected)
        assert np.array_equal(as_numpy(initializer(shape=SHAPE, dtype="float32")), expected)
        assert keras.ops.is_tensor(initializer(SHAPE))

    def test_an_object_without_a_seed_repeats_itself_and_another_differs(self, name, config):
        one, other = getattr(drop_in, name)(**config), getattr(drop_in, name)(**config)
        assert np.array_equal(as_numpy(one(SHAPE)), as_numpy(one(SHAPE)))
        assert not np.array_equal(as_numpy(one(SHAPE)), as_numpy(other(SHAPE)))
        assert np.array_equal(as_numpy(one(SHAPE)), getattr(ui, name)(**config, seed=one.seed)(SHAPE))

    def test_a_seed_generator_advances(self, name, config):
        one, again = (getattr(drop_in, name)(**config, seed=keras.random.SeedGenerator(5)) for _ in range(2))
        first, second = as_numpy(one(SHAPE)), as_numpy(one(SHAPE))
        assert not np.array_equal(first, second)
        assert np.array_equal(as_numpy(again(SHAPE)), first)
        assert np.array_equal(first, getattr(ui, name)(**config, seed=ui.Key(5 << 32))(SHAPE))

    def test_keras_random_seed_decides(self, name, config, forgotten_seed):
        drawn = []
        for seed in (1, 1, 2):
            keras.utils.set_random_seed(seed)
            drawn.append(as_numpy(getattr(drop_in, name)(**config)(SHAPE)))
        assert np.array_equal(drawn[0], drawn[1])
        assert not np.array_equal(drawn[0], drawn[2])

    def test_config_is_keras(self, name, config):
        ours, theirs = (getattr(module, name)(**config, seed=5) for module in (drop_in, original))
        assert ours.get_config() == theirs.get_config()
        for copy in (ours.clone(), type(ours).from_config(ours.get_config())):
            assert type(copy) is type(ours)
            assert np.array_equal(as_numpy(copy(SHAPE)), as_numpy(ours(SHAPE)))

    def test_serialized_and_back(self, name, config):
        initializer = getattr(drop_in, name)(**config, seed=5)
        for serialized in (drop_in.serialize(initializer), keras.saving.serialize_keras_object(initializer)):
            assert serialized["registered_name"] == f"unifinit.compat>{name}"
            for back in (
                drop_in.deserialize(serialized),
                drop_in.get(serialized),
                original.deserialize(serialized),
                keras.saving.deserialize_keras_object(serialized),
            ):
                assert type(back) is type(initializer)
                assert back.get_config() == initializer.get_config()

    def test_what_keras_has_saved_becomes_one_of_these(self, name, config):
        theirs = getattr(original, name)(**config, seed=5)
        for serialized in (original.serialize(theirs), {"class_name": name, "config": theirs.get_config()}):
            assert type(drop_in.get(serialized)) is getattr(drop_in, name)
        assert type(original.get(original.serialize(theirs))) is getattr(original, name)

    def test_names(self, name, config):
        cls = getattr(original, name)
        for alias in (alias for alias, value in vars(original).items() if value is cls):
            assert getattr(drop_in, alias) is getattr(drop_in, name)
            assert type(drop_in.get(alias)) is getattr(drop_in, name)

    def test_dtypes(self, name, config):
        initializer = getattr(drop_in, name)(**config, seed=5)
        for dtype in ("float16", "bfloat16", "float64"):
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Explicitly requested dtype float64", UserWarning)
                # JAX makes float32 of float64, and says so.
                assert initializer(SHAPE, dtype).dtype == keras.ops.zeros(SHAPE, dtype).dtype
        keras.config.set_floatx("float16")
        try:
            assert keras.backend.standardize_dtype(initializer(SHAPE).dtype) == "float16"
        finally:
            keras.config.set_floatx("float32")

    def test_negative_seeds(self, name, config):
        initializer = getattr(drop_in, name)(**config, seed=-1)
        assert np.array_equal(
            as_numpy(initializer(SHAPE)), getattr(ui, name)(**config, seed=2**64 - 1)(SHAPE)
        )


def test_get_takes_what_keras_takes():
    assert drop_in.get(None) is None
    initializer = drop_in.HeNormal(seed=0)
    assert drop_in.get(initializer) is initializer
    assert isinstance(drop_in.get(drop_in.HeNormal), drop_in.HeNormal)
    function = lambda shape, dtype=None: np.ones(shape, dtype)  # noqa: E731 - what Keras' documentation shows
    assert drop_in.get(function) is function
    values = np.ones((2, 2), "float32")
    assert np.array_equal(as_numpy(drop_in.get(values)((2, 2), "float32")), values)
    with pytest.raises(ValueError, match="Expected `shape`"):
        drop_in.get(values)((3, 2))
    with pytest.raises(ValueError, match="nosuch"):
        drop_in.get("nosuch")
    with pytest.raises(ValueError, match="3"):
        drop_in.get(3)


def test_axes_decide_the_fans():
    shape = (16, 4, 8)
    for inputs, outputs, fan in (([0], [1, 2], 16), ([0, 1], [2], 64), ([-1], [0], 8)):
        initializer = drop_in.VarianceScaling(
            3.0, distribution="uniform", seed=0, input_axes=inputs, output_axes=outputs
        )
        largest = np.abs(as_numpy(initializer(shape))).max()
        assert largest == pytest.approx(3 / fan**0.5, rel=0.05)


def test_einsum_layers_say_what_their_axes_are():
    layer = keras.layers.EinsumDense("ab,bcd->acd", (4, 8), kernel_initializer=drop_in.HeUniform(seed=0))
    layer.build((None, 16))
    assert np.abs(as_numpy(layer.kernel.value)).max() == pytest.approx((6 / 16) ** 0.5, rel=0.02)


def test_stft_is_unifinits_where_it_has_the_window():
    shape = (32, 1, 17)
    ours = drop_in.STFT("imag", "hamming", "spectrum", periodic=True)
    expected = ui.STFT("imag", "hamming", "spectrum", periodic=True)
    assert np.array_equal(as_numpy(ours(shape)), expected(shape))
    pytest.importorskip("scipy")
    other, theirs = (module.STFT("real", "tukey") for module in (drop_in, original))
    assert np.array_equal(as_numpy(other(shape)), as_numpy(theirs(shape)))


def test_traced_by_tensorflow_a_seed_generator_goes_on_advancing():
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("Keras runs on another backend")
    initializer = drop_in.HeNormal(seed=keras.random.SeedGenerator(5))
    function = tf.function(lambda: initializer(SHAPE))
    first, second = function().numpy(), function().numpy()
    assert np.array_equal(first, ui.HeNormal(seed=ui.Key(5 << 32))(SHAPE))
    assert np.array_equal(second, ui.HeNormal(seed=ui.Key(5 << 32 | 1))(SHAPE))


def test_integers_are_keras_own():
    initializer = drop_in.RandomUniform(0, 10, seed=0)
    if keras.backend.backend() == "tensorflow":
        assert set(as_numpy(initializer((100,), "int32"))) <= set(range(10))


def test_custom_objects_come_first():
    class HeNormal(drop_in.Ones):
        pass

    config = {"class_name": "HeNormal", "config": {}}
    assert type(drop_in.deserialize(config, {"HeNormal": HeNormal})) is HeNormal
    with keras.saving.custom_object_scope({"HeNormal": HeNormal}):
        assert type(drop_in.get(config)) is HeNormal


def test_unifinit_reads_what_keras_writes_of_its_initializers():
    initializer = ui.Scaled(ui.HeNormal(seed=3), 0.5)
    assert ui.get(keras.initializers.serialize(initializer)) == initializer


def test_subclasses():
    class Half(drop_in.RandomNormal):
        def __init__(self, seed=None):
            super().__init__(stddev=0.5, seed=seed)

        def get_config(self):
            return {"seed": self.seed}

    class KaimingNormal(drop_in.VarianceScaling):
        def __init__(self, seed=None):
            super().__init__(2.0, "fan_in", "uniform", seed=seed)

    assert np.array_equal(as_numpy(KaimingNormal(seed=3)(SHAPE)), ui.HeUniform(seed=3)(SHAPE))
    assert np.array_equal(as_numpy(Half(seed=3)(SHAPE)), ui.RandomNormal(stddev=0.5, seed=3)(SHAPE))


def test_errors_are_keras():
    with pytest.raises(ValueError, match="Argument `scale` must be positive float"):
        drop_in.VarianceScaling(scale=-1)
    with pytest.raises(ValueError, match="Invalid `mode` argument"):
        drop_in.VarianceScaling(mode="fan")
    with pytest.raises(ValueError, match="`seed` argument should be an instance"):
        drop_in.HeNormal(seed="seed")
