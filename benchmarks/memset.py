"""The least that writing memory can cost: memset, each processor writing its share."""

from __future__ import annotations

import ctypes
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np

WORTH_THREADS = 2**20
"""Bytes below which one thread is faster than several."""


class Memset:
    """A call that sets the memory of an array to zero. ``ctypes`` releases the GIL, so threads run at once.

    Parameters
    ----------
    memory
        A contiguous array of NumPy, which the call keeps alive.
    threads
        How many, the caller's among them; by default as many as there are processors, for a small array one.
    """

    def __init__(self, memory: Any, threads: int | None = None) -> None:
        if threads is None:
            threads = processors() if memory.nbytes >= WORTH_THREADS else 1
        self._memory = memory
        self._address: int = memory.ctypes.data
        self._share = -(-memory.nbytes // threads)
        self._others = [
            (self._address + start, min(self._share, memory.nbytes - start))
            for start in range(self._share, memory.nbytes, self._share)
        ]

    def __call__(self) -> None:
        """Write."""
        if not self._others:
            ctypes.memset(self._address, 0, self._share)
            return
        futures = [_pool().submit(ctypes.memset, start, 0, length) for start, length in self._others]
        ctypes.memset(self._address, 0, self._share)
        for future in futures:
            future.result()


def processors() -> int:
    """How many this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def dispatch() -> Memset:
    """A call that does little but hand out work: one byte for each processor."""
    return Memset(np.zeros(processors(), dtype=np.uint8), processors())


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(1, processors() - 1), "memset")
