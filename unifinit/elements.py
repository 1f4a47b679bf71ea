"""The elements of an array from the bytes that a backend gives, in row-major order and little-endian."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from unifinit import narrow
from unifinit.types import DType


def storage(dtype: DType) -> np.dtype[Any]:
    """The little-endian dtype with which NumPy reads elements; unsigned integers stand for what it lacks."""
    native = narrow.word_dtype(dtype.name) if dtype.is_narrow else np.dtype(dtype.name)
    return native.newbyteorder("<")


def decode(stored: npt.NDArray[Any], dtype: DType) -> npt.NDArray[Any]:
    """Elements as float64, or as complex128 if they are complex."""
    wide = narrow.decode(stored, dtype.name) if dtype.is_narrow else stored
    return wide.astype(np.complex128 if dtype.is_complex else np.float64)
