"""The elements of an array from the bytes that a backend gives, in row-major order and little-endian."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from unifinit.types import DType, from_bfloat16


def storage(dtype: DType) -> np.dtype[Any]:
    """The little-endian dtype with which NumPy reads elements; unsigned integers stand for bfloat16."""
    return np.dtype("uint16" if dtype.name == "bfloat16" else dtype.name).newbyteorder("<")


def decode(stored: npt.NDArray[Any], dtype: DType) -> npt.NDArray[np.float64]:
    """Elements as float64."""
    return (from_bfloat16(stored) if dtype.name == "bfloat16" else stored).astype(np.float64)
