"""Memory of the host that begins where caches and vectors like it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

ALIGNMENT = 64
"""In bytes. With it JAX and TensorFlow take over memory without a copy."""


def row_major(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """An array in row-major order without negative strides, which not every library takes; a copy if need be.

    NumPy calls an array of one element contiguous whatever its strides.
    """
    return x if x.flags.c_contiguous and min(x.strides, default=0) >= 0 else x.copy("C")


def aligned_empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """An array in row-major order whose contents are arbitrary and whose memory is aligned to 64 bytes."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + ALIGNMENT, dtype=np.uint8)
    start = -memory.__array_interface__["data"][0] % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)
