"""What only JAX has: a 64-bit mode, shardings, immutability and tracing."""

from __future__ import annotations

import numpy as np
import pytest

import unifinit as ui
from unifinit.testing import BackendConformance, golden

jax = pytest.importorskip("jax")


class TestJax(BackendConformance):
    backend = "jax"
    fills = False

    @pytest.fixture(autouse=True)
    def wide(self):
        with jax.enable_x64(True):
            yield


@pytest.mark.parametrize("name", ["HeNormal", "RandomUniform", "RandomNormal", "Orthogonal", "Constant"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_32_bit_mode_draws_the_same_as_64_bit_mode(name: str, dtype: str) -> None:
    rows = [row for row in golden.load() if row.initializer["class_name"] == name and row.dtype == dtype]
    with jax.enable_x64(False):
        for row in rows[:2]:
            assert golden.digest(row.draw("jax")) == row.sha256


@pytest.mark.parametrize("dtype", ["float64", "int64"])
def test_64_bits_without_the_mode_are_an_error_and_never_32_bits(dtype: str) -> None:
    with jax.enable_x64(False), pytest.raises(ui.DtypeError, match="jax_enable_x64"):
        ui.Ones()((2,), dtype, backend="jax")


def test_64_bit_mode_gives_float64() -> None:
    with jax.enable_x64(True):
        array = ui.RandomNormal(seed=0)((2,), "float64", backend="jax")
    assert array.dtype == np.float64


def test_array_cannot_be_filled() -> None:
    array = jax.numpy.ones((2, 2))
    with pytest.raises(ui.TargetError, match="immutable"):
        ui.HeNormal(seed=0).fill_(array)


def test_devices_are_names_objects_or_shardings() -> None:
    device = jax.devices("cpu")[0]
    sharding = jax.sharding.SingleDeviceSharding(device)
    for given in ("cpu", "cpu:0", device, sharding, None):
        assert ui.GlorotUniform(seed=0)((2, 2), backend="jax", device=given).devices() == {device}
    with pytest.raises(ui.DeviceError, match="cpu:0"):
        ui.Zeros()((2,), backend="jax", device="cpu:99")


@pytest.mark.parametrize(
    "initializer",
    [ui.HeNormal(seed=1), ui.RandomUniform(5.0, 5.1, seed=1), ui.RandomNormal(1.0, 0.3, seed=1), ui.Zeros()],
)
def test_compiled_functions_compute_the_same_bits(initializer: ui.Initializer) -> None:
    compiled = jax.jit(lambda: initializer((40, 30), backend="jax"))
    np.testing.assert_array_equal(compiled(), initializer((40, 30)))


def test_traced_array_works_as_like() -> None:
    compiled = jax.jit(lambda x: ui.GlorotUniform(seed=0)(x.shape, like=x))
    result = compiled(jax.numpy.ones((3, 4), jax.numpy.float16))
    assert result.dtype == jax.numpy.float16
    np.testing.assert_array_equal(result, ui.GlorotUniform(seed=0)((3, 4), "float16"))


def test_one_compilation_serves_all_keys() -> None:
    from unifinit.registry import registry

    draw = type(registry().get("jax"))._draw
    ui.HeNormal(seed=0)((17, 19), backend="jax")
    compiled = draw._cache_size()
    for seed in range(1, 5):
        ui.HeNormal(seed=seed)((17, 19), backend="jax")
    assert draw._cache_size() == compiled


@pytest.mark.parametrize("device", ["cpu:-1", "", ":0", "cpu:x"])
def test_malformed_device_names_are_errors(device: str) -> None:
    with pytest.raises(ui.DeviceError, match="wanted one of"):
        ui.Zeros()((2,), backend="jax", device=device)
