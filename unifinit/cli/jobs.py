"""What a worker is asked and what it answers: the two ends of a pipe, as values that JSON has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Message: TypeAlias = dict[str, Any]
"""One line from a worker. Its "event" is "ready", "failed", "outcome" or "done"."""

STRICT = "array_api_strict"
"""No plugin's backend, but a namespace: the reference implementation of the Array API standard."""

Status: TypeAlias = Literal["ok", "unsupported", "refused", "error"]


@dataclass(frozen=True)
class Task:
    """One array to create.

    Attributes
    ----------
    number
        Which row of the comparison it belongs to.
    initializer
        What ``unifinit.serialize`` returns.
    shape, dtype, layout, seed
        The arguments of the call.
    known
        Digests whose statistics another worker has computed.
    """

    number: int
    initializer: Mapping[str, Any]
    shape: tuple[int, ...]
    dtype: str
    layout: str
    seed: int
    known: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What became of a task on one backend.

    Attributes
    ----------
    status
        "ok"; "unsupported" if the backend lacks the dtype; "refused" if unifinit itself rejects the
        arguments, whatever the backend; "error" if the backend failed.
    sha256
        Of the elements in row-major order, each little-endian.
    reason
        Why the status is not "ok".
    seconds, native_seconds
        Median time of unifinit, and of the framework's own initializer.
    native_reason
        Why there is no ``native_seconds``.
    statistics
        A ``unifinit.cli.statistics.Statistics`` as a mapping; None if the digest was known.
    """

    status: Status
    sha256: str | None = None
    reason: str | None = None
    seconds: float | None = None
    native_seconds: float | None = None
    native_reason: str | None = None
    statistics: dict[str, Any] | None = None


def one_line(text: object, limit: int = 400) -> str:
    """A message as a single line of bounded length."""
    line = " ".join(str(text).split())
    return line if len(line) <= limit else line[: limit - 3] + "..."
