"""The frozen tables of the normal quantile, written by ``tools/generate_tables.py``."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt


@cache
def single() -> npt.NDArray[np.int32]:
    """Z in units of 2**-28 at the segment starts: ``int32[24578]``."""
    return _read("single.bin", "<i4").astype(np.int32, copy=False)


@cache
def double() -> npt.NDArray[np.int64]:
    """Polynomial coefficients in units of 2**-52, by power and segment: ``int64[7, 1697]``."""
    return _read("double.bin", "<i8").astype(np.int64, copy=False).reshape(7, -1)


def _read(name: str, dtype: str) -> npt.NDArray[np.int_]:
    from pkgutil import get_data  # Not at the top: tables are read when something is drawn.

    data = get_data(__name__, name)
    if data is None:
        raise FileNotFoundError(f"table {name} is not where {__name__} is; wanted a complete installation")
    # A copy, because PyTorch warns of memory that is read-only; no caller ever gets to see it.
    return np.frombuffer(data, dtype=dtype).copy()
