"""How long calls take: contenders in turn, round after round, so that what disturbs one disturbs all."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from statistics import median, quantiles
from time import perf_counter, sleep

from benchmarks.cases import Effort

Call = Callable[[], object]
"""Returns when its result is complete."""

BATCH = 0.002
"""Seconds that the calls of one contender in one round take at least."""
PAUSE = 0.003
"""Seconds between contenders, in which the threads of the one before stop spinning and go to sleep."""
LONG = 1.0
"""Seconds from which a call that ran at a smaller size needs no warm-up at this one."""


@dataclass(frozen=True)
class Timing:
    """Seconds for each call.

    Attributes
    ----------
    seconds
        The median over rounds.
    low, high
        The quartiles over rounds.
    rounds, calls
        How many rounds, and calls in each.
    """

    seconds: float
    low: float
    high: float
    rounds: int
    calls: int


@dataclass
class Outcome:
    """What measuring gave.

    Attributes
    ----------
    timings
        By the names of contenders.
    absent
        Why there is no timing of a contender, by its name.
    """

    timings: dict[str, Timing] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    def ratio(self, dividend: str, divisor: str) -> float | None:
        """The quotient of two times; None if one is missing."""
        if dividend not in self.timings or divisor not in self.timings:
            return None
        return self.timings[dividend].seconds / self.timings[divisor].seconds


def measure(
    calls: Mapping[str, Call], effort: Effort, expected: Mapping[str, float] | None = None
) -> Outcome:
    """Time calls in interleaved rounds.

    Parameters
    ----------
    calls
        By the names of contenders.
    effort
        For how long.
    expected
        Seconds that a call of a contender will take, where that is known.
    """
    expected = expected or {}
    outcome = Outcome()
    batches: dict[str, int] = {}
    for name, call in calls.items():
        try:
            batches[name] = _warm_up(call, effort, expected.get(name, 0.0))
        except Exception as error:  # Libraries fail in many ways where they lack something; that is a result.
            outcome.absent[name] = describe(error)
    samples: dict[str, list[float]] = {name: [] for name in batches}
    order = list(batches)
    gc.collect()
    gc.disable()
    try:
        while order:
            for name in order:
                samples[name].append(_batch(calls[name], batches[name]))
            order = [
                name for name in order[1:] + order[:1] if not _done(samples[name], batches[name], effort)
            ]
    finally:
        gc.enable()
    for name, times in samples.items():
        low, _, high = quantiles(times, n=4, method="inclusive")
        outcome.timings[name] = Timing(median(times), low, high, len(times), batches[name])
    return outcome


def describe(error: Exception) -> str:
    """The first line of an error."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _warm_up(call: Call, effort: Effort, expected: float) -> int:
    """How many calls make a batch, found by calling until nothing is compiled or loaded any more."""
    if expected > LONG:
        return 1
    times: list[float] = []
    while len(times) < 3 or sum(times) < effort.warm_up:
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
        if len(times) >= 2 and times[-1] > LONG:
            break
    return max(1, math.ceil(BATCH / max(min(times), 1e-9)))


def _batch(call: Call, count: int) -> float:
    """Seconds for each of some calls; what they return is freed within that time."""
    sleep(PAUSE)
    if count > 1:
        call()  # Wakes threads and warms caches, as the calls after it find them.
    start = perf_counter()
    for _ in repeat(None, count):
        call()
    return (perf_counter() - start) / count


def _done(times: list[float], count: int, effort: Effort) -> bool:
    rounds = len(times)
    return rounds >= effort.least and (rounds >= effort.most or sum(times) * count >= effort.budget)
