"""What only NumPy has: read-only arrays, strides, byte orders, and a bfloat16 from elsewhere."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import unifinit as ui
from unifinit.testing import BackendConformance


class TestNumpy(BackendConformance):
    backend = "numpy"


def test_fill_refuses_a_read_only_array_and_leaves_it_alone() -> None:
    target = np.ones((3, 4), np.float32)
    target.flags.writeable = False
    with pytest.raises(ui.TargetError, match="read-only"):
        ui.HeNormal(seed=0).fill_(target)
    assert (target == 1).all()


@pytest.mark.parametrize(
    "view",
    [
        lambda base: base[::2, 1::3],
        lambda base: base[::-1, ::-2],
        lambda base: base.T,
        np.asfortranarray,
        lambda base: base[:, :1],
        lambda base: base[5:5],
        lambda base: base.reshape(4, 5, 3, 3)[:, ::2].transpose(3, 1, 0, 2),
    ],
)
def test_fill_writes_through_any_strides_and_nothing_else(view) -> None:
    base = np.full((12, 15), 7, np.float32)
    target = view(base)
    assert ui.GlorotNormal(seed=4).fill_(target) is target
    np.testing.assert_array_equal(target, ui.GlorotNormal(seed=4)(target.shape))
    if target.base is base:
        untouched = np.ones(base.shape, bool)
        view(untouched)[...] = False
        assert (base[untouched] == 7).all()


def test_fill_brings_the_layout_into_strided_memory() -> None:
    target = np.zeros((6, 8, 3, 3), np.float32)[:, ::2]
    ui.HeUniform(seed=2).fill_(target, layout="OIHW")
    canonical = ui.HeUniform(seed=2)((3, 3, 4, 6))
    np.testing.assert_array_equal(target, canonical.transpose(3, 2, 0, 1))


def test_fill_spans_several_pieces_of_a_strided_array() -> None:
    target = np.zeros((700, 800), np.float32)[:, ::2]
    ui.RandomNormal(seed=5).fill_(target)
    np.testing.assert_array_equal(target, ui.RandomNormal(seed=5)((700, 400)))


def test_fill_keeps_a_foreign_byte_order() -> None:
    target = np.zeros(5, ">f4")
    ui.RandomNormal(seed=1).fill_(target)
    assert target.dtype.str == ">f4"
    np.testing.assert_array_equal(target, ui.RandomNormal(seed=1)((5,)))


def test_fill_of_a_scalar_array() -> None:
    target = np.zeros((), np.float64)
    ui.RandomUniform(seed=1).fill_(target)
    assert target == ui.RandomUniform(seed=1)((), "float64")


def test_subclasses_are_arrays_too(tmp_path) -> None:
    target = np.memmap(tmp_path / "weights", np.float32, "w+", shape=(4, 4))
    ui.Orthogonal(seed=1).fill_(target)
    np.testing.assert_array_equal(target, ui.Orthogonal(seed=1)((4, 4)))


def test_bfloat16_without_ml_dtypes_is_a_clear_error(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(ui.DtypeError, match="ml_dtypes"):
        ui.Zeros()((2,), "bfloat16")


def test_python_float_means_float64_as_in_numpy() -> None:
    assert ui.Zeros()((2,), float).dtype == np.float64
