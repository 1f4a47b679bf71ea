"""The orders and names in which libraries hand their arguments to an initializer."""

import inspect

import numpy as np
import pytest

import unifinit as ui

INIT = ui.HeNormal(seed=1)
EXPECTED = ui.HeNormal(seed=7)((3, 4))
WORDS = np.array([0, 7], dtype=np.uint32)


class TestAKeyInFront:
    @pytest.mark.parametrize("key", [ui.Key(7), WORDS], ids=["key", "words"])
    @pytest.mark.parametrize(
        "call",
        [
            lambda key: INIT(key, (3, 4)),
            lambda key: INIT(key, [3, 4], np.float32),
            lambda key: INIT(key, (3, 4), "float32"),
            lambda key: INIT(key, (3, 4), dtype="float32"),
            lambda key: INIT(key, shape=(3, 4)),
            lambda key: INIT(key, np.array([3, 4]), backend="numpy"),
        ],
    )
    def test_stands_for_the_seed(self, call, key):
        assert np.array_equal(call(key), EXPECTED)

    def test_what_draws_nothing_takes_it_too(self):
        assert ui.Zeros()(ui.Key(7), (3,)).tolist() == [0, 0, 0]

    def test_a_single_axis(self):
        assert INIT(ui.Key(7), 5).shape == (5,)

    def test_one_that_is_an_array_chooses_the_backend(self):
        jax = pytest.importorskip("jax")
        for key in (jax.random.key(7), jax.random.PRNGKey(7)):
            made = INIT(key, (3, 4))
            assert isinstance(made, jax.Array)
            assert np.array_equal(made, EXPECTED)
            assert isinstance(INIT(key, (3, 4), backend="numpy"), np.ndarray)

    def test_of_pytorch(self):
        torch = pytest.importorskip("torch")
        made = INIT(torch.tensor([0, 7]), (3, 4))
        assert isinstance(made, torch.Tensor)
        assert np.array_equal(made, EXPECTED)

    def test_of_tensorflow(self):
        tf = pytest.importorskip("tensorflow")
        made = INIT(tf.constant([0, 7]), tf.TensorShape((3, 4)))
        assert isinstance(made, tf.Tensor)
        assert np.array_equal(made, EXPECTED)

    def test_a_seed_beside_it(self):
        with pytest.raises(ui.ArgumentError, match="a key comes first, and seed= beside it; wanted one"):
            INIT(ui.Key(7), (3, 4), seed=0)

    def test_an_integer_in_front_is_a_shape(self):
        with pytest.raises(ui.DtypeError, match="unknown dtype 4"):
            INIT(3, 4)
        with pytest.raises(ui.DtypeError, match=r"unknown dtype \(4,\)"):
            INIT((3,), (4,))


class TestShapesAndDtypes:
    @pytest.mark.parametrize("shape", [np.array([3, 4]), np.array([3, 4], dtype=np.uint32)], ids=repr)
    def test_arrays_of_numpy_are_shapes(self, shape):
        assert INIT(shape).shape == INIT(shape, "float32").shape == (3, 4)

    def test_a_raw_key_of_jax_is_none(self):
        jax = pytest.importorskip("jax")
        for arguments in ((), ("float32",)):
            with pytest.raises(ui.ShapeError, match=r"as keys of JAX are; wanted a shape behind the key"):
                INIT(jax.random.PRNGKey(7), *arguments)
        assert INIT(jax.numpy.array([3, 4])).shape == (3, 4)

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (INIT, "HeNormal got no shape; wanted init"),
            (lambda: INIT(dtype="float32"), "HeNormal got no shape"),
            (lambda: INIT((3, 4), "float32", "torch"), "HeNormal got 'torch' beside its shape and dtype"),
            (lambda: INIT((3, 4), "float32", dtype="float32"), "HeNormal got 'float32' beside"),
            (lambda: INIT(ui.Key(7), (3, 4), "float32", None), "HeNormal got None beside"),
        ],
    )
    def test_too_few_and_too_many(self, call, message):
        with pytest.raises(TypeError, match=message):
            call()

    def test_a_frameworks_own_dtype_chooses_the_backend(self):
        torch = pytest.importorskip("torch")
        made = INIT((3, 4), torch.bfloat16)
        assert isinstance(made, torch.Tensor)
        assert made.dtype == torch.bfloat16
        assert isinstance(INIT((3, 4), torch.float32, backend="numpy"), np.ndarray)
        assert isinstance(INIT((3, 4), torch.float32, like=np.zeros(1)), np.ndarray)

    @pytest.mark.parametrize("dtype", ["float32", np.float32, np.dtype("float32"), float, None])
    def test_other_dtypes_do_not(self, dtype):
        assert isinstance(INIT((3, 4), dtype), np.ndarray)

    def test_dtypes_of_jax(self):
        jnp = pytest.importorskip("jax.numpy")
        assert type(INIT((3, 4), jnp.float32)) is type(INIT((3, 4), backend="jax"))

    def test_dtypes_of_tensorflow(self):
        tf = pytest.importorskip("tensorflow")
        assert isinstance(INIT((3, 4), tf.float32), tf.Tensor)


class TestSignature:
    def test_of_an_initializer_is_that_of_its_call(self):
        parameters = inspect.signature(INIT).parameters
        assert list(parameters)[:2] == ["shape", "dtype"]
        assert {"like", "backend", "device", "seed", "generator", "layout"} < set(parameters)

    def test_of_a_class_is_that_of_its_constructor(self):
        assert list(inspect.signature(ui.VarianceScaling).parameters) == [
            *("scale", "mode", "distribution", "gain", "seed"),
        ]


class Partition:
    """What TensorFlow 1 hands over."""

    full_shape = (6, 4)
    var_offset = (2, 0)


def test_a_partition_is_a_part_of_the_whole():
    part = INIT([3, 4], dtype="float32", partition_info=Partition)
    assert np.array_equal(part, INIT((6, 4))[2:5])
