"""What a comparison found, and whether everything agrees."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import unifinit
from unifinit.cli.jobs import Outcome, Task

Verdict: TypeAlias = Literal["identical", "refused", "different", "error", "not compared"]

GOLDEN = "golden"
"""Stands for a backend in the results: the digests that unifinit was published with."""


@dataclass
class Row:
    """One task on all backends.

    Attributes
    ----------
    task
        What was asked.
    results
        The outcomes by the names of backends.
    """

    task: Task
    results: dict[str, Outcome] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Class name of the initializer."""
        return str(self.task.initializer["class_name"])

    @property
    def verdict(self) -> Verdict:
        """Whether the backends agree; those without the dtype do not count."""
        able = [outcome for outcome in self.results.values() if outcome.status != "unsupported"]
        answers = {(o.status, o.sha256, o.reason) for o in able if o.status != "error"}
        if len(answers) > 1:
            return "different"
        if any(outcome.status == "error" for outcome in able):
            return "error"
        if len(able) < 2:
            return "not compared"
        return "refused" if able[0].status == "refused" else "identical"

    @property
    def statistics(self) -> dict[str, dict[str, Any]]:
        """The statistics of each distinct digest."""
        return {
            outcome.sha256: outcome.statistics
            for outcome in self.results.values()
            if outcome.sha256 is not None and outcome.statistics is not None
        }

    @property
    def flags(self) -> list[str]:
        """What is wrong with the statistics."""
        return [flag for statistics in self.statistics.values() for flag in statistics["flags"]]

    def as_dict(self) -> dict[str, Any]:
        """The row in types that JSON has."""
        task = self.task
        return {
            "initializer": dict(task.initializer),
            "shape": list(task.shape),
            "dtype": task.dtype,
            "layout": task.layout,
            "seed": task.seed,
            "verdict": self.verdict,
            "results": [_result(name, outcome) for name, outcome in self.results.items()],
            "statistics": [{"sha256": digest, **values} for digest, values in self.statistics.items()],
        }


@dataclass
class Participant:
    """A backend that took part.

    Attributes
    ----------
    name, version
        Of the backend and its library.
    failure
        Why it could not be used at all.
    """

    name: str
    version: str | None = None
    failure: str | None = None

    def __str__(self) -> str:
        return f"{self.name} {self.version}" if self.version else self.name


@dataclass
class Comparison:
    """All rows, and who took part.

    Attributes
    ----------
    mode
        "backends", or "golden" if one backend was compared with the golden digests.
    notes
        What the reader should know about the choice of backends.
    strict
        Whether a row that fewer than two backends could do is a failure.
    participants, rows
        The backends and the tasks.
    """

    mode: Literal["backends", "golden"]
    notes: list[str]
    strict: bool
    participants: list[Participant]
    rows: list[Row]

    @property
    def counts(self) -> Counter[str]:
        """How many rows have each verdict; "flagged" are those with suspicious statistics."""
        counts = Counter[str](row.verdict for row in self.rows)
        counts["flagged"] = sum(bool(row.flags) for row in self.rows)
        return counts

    @property
    def ok(self) -> bool:
        """Whether all backends agree on all rows, and the statistics are sound."""
        counts = self.counts
        agreed = counts["identical"] + counts["refused"]
        bad = counts["different"] + counts["error"] + counts["flagged"]
        return agreed > 0 and bad == 0 and not (self.strict and counts["not compared"])

    def as_dict(self) -> dict[str, Any]:
        """The comparison in types that JSON has."""
        counts = self.counts
        return {
            "unifinit": unifinit.__version__,
            "mode": self.mode,
            "notes": self.notes,
            "backends": [dataclasses.asdict(participant) for participant in self.participants],
            "rows": [row.as_dict() for row in self.rows],
            "summary": {
                "rows": len(self.rows),
                "identical": counts["identical"],
                "refused": counts["refused"],
                "different": counts["different"],
                "error": counts["error"],
                "not_compared": counts["not compared"],
                "flagged": counts["flagged"],
            },
            "ok": self.ok,
        }


def speedup(outcome: Outcome) -> float | None:
    """How many times faster than the framework's own initializer unifinit is."""
    if not outcome.seconds or outcome.native_seconds is None:
        return None
    return outcome.native_seconds / outcome.seconds


def _result(backend: str, outcome: Outcome) -> dict[str, Any]:
    return {
        "backend": backend,
        "status": outcome.status,
        "sha256": outcome.sha256,
        "reason": outcome.reason,
        "seconds": outcome.seconds,
        "native_seconds": outcome.native_seconds,
        "native_reason": outcome.native_reason,
        "speedup": speedup(outcome),
    }
