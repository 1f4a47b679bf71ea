"""Memory that contenders write in place, as arrays of NumPy and as tensors of PyTorch."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

import numpy as np

from benchmarks.cases import Case
from benchmarks.libraries import library

ALIGNMENT = 64


class Buffer:
    """Memory for the result of a case, allocated and written once when it is first used.

    Parameters
    ----------
    nbytes
        How much.
    owner
        Which library allocates it: NumPy asks for huge pages and PyTorch does not, which changes times.
    """

    def __init__(self, nbytes: int, owner: Literal["numpy", "torch"] = "numpy") -> None:
        self._nbytes = nbytes
        self._owner = owner

    @cached_property
    def memory(self) -> Any:
        """The bytes, as an array of NumPy."""
        size = self._nbytes + ALIGNMENT
        if self._owner == "torch":
            torch = library("torch")
            memory = torch.empty(size, dtype=torch.uint8).numpy()
        else:
            memory = np.empty(size, dtype=np.uint8)
        start = -memory.ctypes.data % ALIGNMENT
        memory = memory[start : start + self._nbytes]
        memory.fill(1)  # Later writes find the pages made.
        return memory

    def numpy(self, case: Case) -> Any:
        """An array of NumPy for a case."""
        dtype = library("ml_dtypes").bfloat16 if case.dtype == "bfloat16" else case.dtype
        return self.memory.view(dtype).reshape(case.shape)

    def torch(self, case: Case) -> Any:
        """A tensor of PyTorch for a case."""
        torch = library("torch")
        return torch.from_numpy(self.memory).view(getattr(torch, case.dtype)).reshape(case.shape)
