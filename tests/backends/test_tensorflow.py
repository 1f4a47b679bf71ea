"""What only TensorFlow has: variables, graphs, device names, and a namespace that unifinit wrote."""

from __future__ import annotations

import numpy as np
import pytest

import unifinit as ui
from unifinit.testing import BackendConformance

tf = pytest.importorskip("tensorflow")

from unifinit_tensorflow import namespace  # noqa: E402 - imports TensorFlow


class TestTensorflow(BackendConformance):
    backend = "tensorflow"

    def has_targets(self, dtype):
        return not dtype.name.endswith("fnuz")  # TensorFlow has no variables of these.

    def target(self, array):
        return tf.Variable(array)


INTEGERS = {
    "int32": np.array([0, 1, -1, 7, -8, 2**31 - 1, -(2**31), 123456789, -987654321], np.int32),
    "int64": np.array([0, 1, -1, 7, -8, 2**63 - 1, -(2**63), 2**40 + 3, -(2**50) - 9], np.int64),
}
SCALARS = (0, 1, -1, 9, 0x7FFF, -12345)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize(
    "name",
    ["add", "subtract", "multiply", "bitwise_and", "bitwise_or", "bitwise_xor", "maximum", "minimum", "less"],
)
def test_binary_functions_mean_what_they_mean_in_numpy(name: str, dtype: str) -> None:
    ours, theirs = getattr(namespace, name), getattr(np, name)
    x = INTEGERS[dtype]
    for y in (x, x[::-1].copy(), x[:, None], *SCALARS):
        result = ours(tf.constant(x), tf.constant(y) if isinstance(y, np.ndarray) else y)
        expected = theirs(x, y)
        assert result.dtype.name == expected.dtype.name
        np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(ours(5, tf.constant(x)), theirs(5, x))


@pytest.mark.parametrize("name", ["bitwise_left_shift", "bitwise_right_shift"])
@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_shifts_wrap_around_and_repeat_the_sign(name: str, dtype: str) -> None:
    x = INTEGERS[dtype]
    for count in (0, 1, 9, 31):
        np.testing.assert_array_equal(
            getattr(namespace, name)(tf.constant(x), count), getattr(np, name)(x, count)
        )


def test_booleans_have_bitwise_functions() -> None:
    x, y = np.array([False, False, True, True]), np.array([False, True, False, True])
    for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
        np.testing.assert_array_equal(
            getattr(namespace, name)(tf.constant(x), tf.constant(y)), getattr(np, name)(x, y)
        )


def test_unary_functions_mean_what_they_mean_in_numpy() -> None:
    for x in (INTEGERS["int32"], np.array([-1.5, 0.0, 2.5], np.float32)):
        np.testing.assert_array_equal(namespace.abs(tf.constant(x)), np.abs(x))
        np.testing.assert_array_equal(namespace.negative(tf.constant(x)), np.negative(x))


def test_conversion_rounds_to_nearest_even_and_wraps_integers() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2**32, 300_000, dtype=np.uint32).view(np.float32)
    x = x[np.isfinite(x) & (np.abs(x) < 3e38) & (np.abs(x) > 1e-37)]
    small = x[np.abs(x) < 65000]
    for name, values, native in (("bfloat16", x, ml_dtypes.bfloat16), ("float16", small, np.float16)):
        result = namespace.astype(tf.constant(values), getattr(namespace, name)).numpy()
        assert (result.view(np.uint16) == values.astype(native).view(np.uint16)).all()
    for dtype in ("uint32", "int64"):
        values = INTEGERS["int32"]
        result = namespace.astype(tf.constant(values), getattr(namespace, dtype))
        np.testing.assert_array_equal(result, values.astype(dtype))
    assert namespace.astype(tf.constant([1]), tf.int32).dtype == tf.int32


def test_creation_and_manipulation() -> None:
    np.testing.assert_array_equal(namespace.arange(4, dtype=namespace.int32), np.arange(4))
    np.testing.assert_array_equal(namespace.arange(2, 9, 3), np.arange(2, 9, 3))
    assert namespace.full((2, 0), 1.5, dtype=namespace.float64).shape == (2, 0)
    np.testing.assert_array_equal(namespace.full(3, 7, dtype=namespace.int64), [7, 7, 7])
    assert namespace.asarray([1.5]).dtype == tf.float32
    assert namespace.asarray(np.array([1.5])).dtype == tf.float64
    with pytest.raises(ValueError, match="copy"):
        namespace.asarray([1.0], copy=False)
    x = np.arange(24).reshape(2, 3, 4)
    np.testing.assert_array_equal(namespace.permute_dims(tf.constant(x), (2, 0, 1)), x.transpose(2, 0, 1))
    np.testing.assert_array_equal(namespace.reshape(tf.constant(x), (4, -1)), x.reshape(4, -1))
    np.testing.assert_array_equal(namespace.take(tf.constant(x), tf.constant([2, 0]), axis=1), x[:, [2, 0]])
    with pytest.raises(ValueError, match="axis"):
        namespace.take(tf.constant(x), tf.constant([0]))
    np.testing.assert_array_equal(
        namespace.concat([tf.constant(x), tf.constant(x)], axis=2), np.concatenate([x, x], 2)
    )
    np.testing.assert_array_equal(namespace.concat([tf.constant(x)], axis=None), x.reshape(-1))
    np.testing.assert_array_equal(namespace.where(tf.constant([True, False]), tf.constant([1, 2]), 9), [1, 9])


def test_asarray_does_not_share_the_memory_of_numpy() -> None:
    source = np.zeros(3, np.float32)
    tensor = namespace.asarray(source)
    source[:] = 1
    np.testing.assert_array_equal(tensor, np.zeros(3))


def test_variable_is_filled_and_keeps_its_identity() -> None:
    variable = tf.Variable(tf.ones((4, 3)))
    assert ui.HeNormal(seed=1).fill_(variable) is variable
    np.testing.assert_array_equal(variable, ui.HeNormal(seed=1)((4, 3)))


def test_tensor_cannot_be_filled() -> None:
    tensor = tf.ones((4, 3))
    with pytest.raises(ui.TargetError, match=r"tf\.Variable"):
        ui.HeNormal(seed=1).fill_(tensor)
    np.testing.assert_array_equal(tensor, np.ones((4, 3)))


@pytest.mark.parametrize("device", ["cpu", "CPU:0", "/CPU:0", "/device:CPU:0", None])
def test_devices_have_several_spellings(device: str | None) -> None:
    assert ui.Zeros()((2,), backend="tensorflow", device=device).device.endswith("CPU:0")


def test_variable_works_as_like() -> None:
    array = ui.RandomNormal(seed=0)((2,), like=tf.Variable([1.0], dtype=tf.float16))
    assert array.dtype == tf.float16


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize(
    "initializer",
    [ui.HeNormal(seed=1), ui.RandomUniform(5.0, 5.1, seed=1), ui.RandomNormal(1.0, 0.3, seed=1)],
)
def test_graphs_and_xla_compute_the_same_bits(initializer: ui.Initializer, jit_compile: bool) -> None:
    compiled = tf.function(lambda: initializer((40, 30), backend="tensorflow"), jit_compile=jit_compile)
    np.testing.assert_array_equal(compiled(), initializer((40, 30)))


def test_device_scope_of_the_caller_is_kept(monkeypatch) -> None:
    # One logical device is all that a process is sure to have: what matters is that no scope is opened.
    opened = []
    device = tf.device
    monkeypatch.setattr(tf, "device", lambda name: opened.append(name) or device(name))
    ui.HeNormal(seed=0)((2, 2), backend="tensorflow")
    ui.Zeros()((2, 2), backend="tensorflow")
    assert opened == []
    ui.Zeros()((2, 2), backend="tensorflow", device="cpu")
    assert set(opened) == {"/device:CPU:0"}
