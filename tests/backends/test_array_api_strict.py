"""The generic path: a namespace that does what the Array API standard says and nothing more."""

from __future__ import annotations

import numpy as np
import pytest

import unifinit as ui
from unifinit import reference
from unifinit.backend import ArrayApiBackend
from unifinit.testing import BackendConformance

array_api_strict = pytest.importorskip("array_api_strict")


class TestArrayApiStrict(BackendConformance):
    backend = array_api_strict  # The namespace itself: it has no plugin.


def test_array_alone_is_enough_to_find_the_namespace() -> None:
    array = ui.HeNormal(seed=0)((3, 4), like=array_api_strict.ones(1, dtype=array_api_strict.float32))
    assert isinstance(array, type(array_api_strict.ones(1)))
    np.testing.assert_array_equal(np.asarray(array), ui.HeNormal(seed=0)((3, 4)))


def test_lack_of_16_bit_floats_is_a_clear_error() -> None:
    with pytest.raises(ui.DtypeError, match="array_api_strict has no dtype 'bfloat16'"):
        ui.Zeros()((2,), "bfloat16", backend=array_api_strict)


def test_other_devices_of_the_namespace_are_used() -> None:
    device = array_api_strict.Device("device1")
    array = ui.HeNormal(seed=0)((3, 4), backend=array_api_strict, device=device)
    assert array.device == device
    on_default = ui.HeNormal(seed=0)((3, 4), backend=array_api_strict)
    moved = array.to_device(on_default.device)
    np.testing.assert_array_equal(np.asarray(moved), np.asarray(on_default))


class Remote:
    """An array of an accelerator whose library moves nothing unless asked to, as CuPy does."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        raise TypeError("implicit conversion is not allowed")

    def to_device(self, device: object, *, stream: object) -> np.ndarray:
        assert device == "cpu"
        return self.values


def test_bytes_and_keys_on_other_devices_are_asked_for() -> None:
    backend = ArrayApiBackend("remote", np)
    assert backend.to_bytes(Remote(np.arange(2, dtype="int32"))) == bytes([0, 0, 0, 0, 1, 0, 0, 0])
    assert backend.key(Remote(np.asarray([1, 2], dtype="uint32"))) == ui.Key(2**32 + 2)


def test_accelerators_get_larger_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    run = reference.run
    monkeypatch.setattr(
        reference, "run", lambda *a, piece, **k: asked.append(piece) or run(*a, piece=piece, **k)
    )
    for name in ("CPU_DEVICE", "device1"):
        made = ui.HeNormal(seed=0)((600, 600), backend=array_api_strict, device=array_api_strict.Device(name))
        assert made.shape == (600, 600)
    assert asked == [reference.PIECE, reference.LAUNCHED]
