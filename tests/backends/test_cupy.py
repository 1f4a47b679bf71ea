"""CuPy, which has no plugin: the generic path, in memory of a GPU."""

from __future__ import annotations

import hashlib

import pytest

import unifinit as ui
from unifinit.registry import registry
from unifinit.testing import golden

cupy = pytest.importorskip("cupy")
xp = pytest.importorskip("array_api_compat.cupy")

try:
    devices = cupy.cuda.runtime.getDeviceCount()
except cupy.cuda.runtime.CUDARuntimeError:
    devices = 0
if not devices:
    pytest.skip("needs a GPU that CuPy can use", allow_module_level=True)

ROWS = [row for row in golden.load() if hasattr(cupy, row.dtype)]


def digest(array) -> str:
    return hashlib.sha256(cupy.asnumpy(array).tobytes()).hexdigest()


@pytest.mark.parametrize("name", dict.fromkeys(row.initializer["class_name"] for row in ROWS))
def test_golden_digests(name: str) -> None:
    for row in ROWS:
        if row.initializer["class_name"] == name:
            made = row.draw(xp)
            assert isinstance(made, cupy.ndarray)
            assert digest(made) == row.sha256, row


@pytest.mark.parametrize("row", golden.load_random(), ids=str)
def test_functions_of_random(row: golden.GoldenRandom) -> None:
    if not hasattr(cupy, row.dtype):
        pytest.skip(f"CuPy has no {row.dtype}")
    assert digest(row.draw(xp)) == row.sha256


def test_array_alone_is_enough_to_find_the_namespace() -> None:
    made = ui.HeNormal(seed=0)((30, 40), like=cupy.ones(1, dtype="float32"))
    assert isinstance(made, cupy.ndarray)
    assert cupy.asnumpy(made).tobytes() == ui.HeNormal(seed=0)((30, 40)).tobytes()


def test_arrays_of_any_strides_are_filled_in_place() -> None:
    base = cupy.full((12, 15), 7, dtype="float32")
    assert ui.GlorotNormal(seed=4).fill_(base[::2, 1::3]) is not None
    assert cupy.asnumpy(base[::2, 1::3]).tobytes() == ui.GlorotNormal(seed=4)((6, 5)).tobytes()
    assert (base[1::2] == 7).all()


def test_windows_have_the_bits_of_the_whole() -> None:
    index = (slice(None, None, -3), slice(5, 35, 2))
    made = ui.HeNormal(seed=0).shard((30, 40), index, backend=xp)
    assert cupy.asnumpy(made).tobytes() == ui.HeNormal(seed=0)((30, 40))[index].tobytes()


def test_bytes_and_keys_are_read_from_the_device() -> None:
    backend = registry().resolve(xp)
    assert backend.to_bytes(cupy.arange(3, dtype="int32")) == bytes([0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0])
    assert backend.key(cupy.asarray([1, 2], dtype="uint32")) == ui.Key(2**32 + 2)


@pytest.mark.parametrize("device", range(devices))
def test_devices_are_those_of_cupy(device: int) -> None:
    made = ui.Zeros()((2,), backend=xp, device=cupy.cuda.Device(device))
    assert made.device == cupy.cuda.Device(device)
    with pytest.raises(ui.DeviceError, match="wanted one of"):
        ui.Zeros()((2,), backend=xp, device="no device")
