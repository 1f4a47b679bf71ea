"""The form of the results, as JSON has them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal, TypedDict

from benchmarks.cases import Case
from benchmarks.timing import Outcome

FILE = "results.json"


class Measurement(TypedDict):
    """The times of all contenders for a case.

    ``timings`` has the fields of ``Timing`` by the name of the contender; ``absent`` the reasons why a
    contender has none.
    """

    initializer: str
    shape: list[int]
    elements: int
    dtype: str
    timings: dict[str, dict[str, Any]]
    absent: dict[str, str]


class Memory(TypedDict):
    """What a call of a contender needs at its peak, beyond its result; None if it could not be measured."""

    contender: str
    initializer: str
    shape: list[int]
    dtype: str
    result_bytes: int
    extra_bytes: int | None
    reason: str


class Target(TypedDict):
    """A goal, and what was measured; the worst of ``parts`` counts.

    ``bound`` is None where no goal was set, ``measured`` and ``met`` are None where something was missing.
    """

    what: str
    sense: Literal["at most", "at least", "below"]
    bound: float | None
    unit: str
    measured: float | None
    met: bool | None
    parts: dict[str, float | None]
    note: str


class Results(TypedDict, total=False):
    """All of a run; a part that was not asked for is missing."""

    quick: bool
    machine: dict[str, Any]
    memset: dict[str, float]
    seconds: float
    targets: list[Target]
    evidence: dict[str, dict[str, Any]]
    sizes: list[Measurement]
    initializers: list[Measurement]
    dtypes: list[Measurement]
    memory: list[Memory]
    linear: list[Measurement]


def measurement(case: Case, outcome: Outcome, absent: dict[str, str]) -> Measurement:
    """The times of a case, and why there are no others."""
    return {
        "initializer": case.name,
        "shape": list(case.shape),
        "elements": case.elements,
        "dtype": case.dtype,
        "timings": {name: asdict(timing) for name, timing in outcome.timings.items()},
        "absent": absent | outcome.absent,
    }
