"""The generic path once more: lazy arrays, of a library that has no namespace of its own."""

from __future__ import annotations

import numpy as np
import pytest

import unifinit as ui
from unifinit.testing import BackendConformance

da = pytest.importorskip("dask.array")
namespace = pytest.importorskip("array_api_compat.dask.array")


class TestDask(BackendConformance):
    backend = namespace


def test_result_is_lazy_and_of_the_kind_of_like() -> None:
    array = ui.HeNormal(seed=0)((3, 4), like=da.ones(1, dtype="float32"))
    assert isinstance(array, da.Array)
    np.testing.assert_array_equal(array.compute(), ui.HeNormal(seed=0)((3, 4)))
