"""How long a call takes."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter

BUDGET = 0.2
"""Seconds after which a call is not repeated further."""
LEAST = 3
"""Runs that are made whatever they take: a median of fewer says little."""


def median_seconds(call: Callable[[], object], repeats: int) -> float:
    """Median time of a call that has been warmed up, until its result is complete.

    Parameters
    ----------
    call
        Without arguments.
    repeats
        How often to run it; less often, but at least three times, if it is slow.
    """
    times: list[float] = []
    while len(times) < repeats and (len(times) < LEAST or sum(times) < BUDGET):
        start = perf_counter()
        complete(call())
        times.append(perf_counter() - start)
    return median(times)


def complete(array: object) -> object:
    """Wait for an array of a framework that returns before it has computed, as JAX and dask do."""
    for wait in ("block_until_ready", "compute"):
        if hasattr(array, wait):
            return getattr(array, wait)()
    return array
