"""Draws the same arrays on several backends, one worker after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec

from unifinit.cli.comparison import GOLDEN, Comparison, Participant, Row
from unifinit.cli.jobs import STRICT, Outcome, Task
from unifinit.cli.supervisor import Answers, ask
from unifinit.errors import ArgumentError, BackendUnavailableError, or_list
from unifinit.initializers import Initializer, serialize
from unifinit.registry import registry
from unifinit.testing import golden
from unifinit.types import DTYPES

Advance = Callable[[str, int, int], None]
"""Told the backend at work, how many steps are done and how many there are."""


def choose_backends(wanted: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """The backends to compare, and what to tell about the choice.

    Parameters
    ----------
    wanted
        The names that the user gave; None for whatever is installed. A single one is to be compared with
        the golden digests.

    Raises
    ------
    UnknownBackendError, BackendUnavailableError
        If one that was asked for cannot be used.
    """
    known = registry()
    if wanted is not None:
        for name in wanted:
            require(name)
        return list(wanted), []
    states = {name: known.status(name, load=False) for name in known.names()}
    # A broken one takes part, to be reported as such.
    chosen = [name for name, status in states.items() if status.state in ("installed", "broken")]
    notes = [
        f"{name} takes no part: {status.state} ({status.detail})"
        for name, status in states.items()
        if name not in chosen
    ]
    if len(chosen) == 1 and find_spec(STRICT) is not None:
        notes.append(f"no framework besides {chosen[0]} is installed: compared with {STRICT}")
        chosen.append(STRICT)
    return chosen, notes


def require(name: str) -> None:
    """Raise what tells the user how to get a backend that cannot be used; load nothing."""
    if name == STRICT:
        if find_spec(STRICT) is None:
            raise BackendUnavailableError(f"backend {STRICT!r} is missing: pip install array-api-strict")
        return
    known = registry()
    if name not in known.names() or known.status(name, load=False).state != "installed":
        known.get(name)


def environment(backend: str, dtypes: Sequence[str]) -> dict[str, str]:
    """The variables that a worker needs for its dtypes."""
    wide = any(DTYPES[dtype].bits == 64 for dtype in dtypes)
    return registry().environment(backend) if wide else {}


def compare(
    initializers: Sequence[Initializer],
    *,
    shape: tuple[int, ...],
    dtypes: Sequence[str],
    layout: str,
    seed: int,
    backends: Sequence[str],
    notes: Sequence[str],
    repeats: int,
    advance: Advance,
) -> Comparison:
    """Every initializer in every dtype on every backend.

    Parameters
    ----------
    initializers, shape, dtypes, layout, seed
        What to draw.
    backends, notes
        Where, as ``choose_backends`` says.
    repeats
        How many runs to time.
    advance
        Called after each step.
    """
    tasks = [
        Task(number, serialize(initializer), shape, dtype, layout, seed)
        for number, (initializer, dtype) in enumerate(
            (initializer, dtype) for initializer in initializers for dtype in dtypes
        )
    ]
    rows = [Row(task) for task in tasks]
    participants = _run(rows, backends, repeats, advance)
    return Comparison("backends", list(notes), True, participants, rows)


def compare_with_golden(
    backend: str,
    *,
    names: Sequence[str],
    dtypes: Sequence[str],
    notes: Sequence[str],
    repeats: int,
    advance: Advance,
) -> Comparison:
    """The rows of the golden table on one backend.

    Parameters
    ----------
    backend
        Its name.
    names, dtypes
        Class names and dtypes to which the table is reduced; empty for all.
    notes, repeats, advance
        As in ``compare``.

    Raises
    ------
    ArgumentError
        If the table has nothing of these.
    """
    chosen = [
        entry
        for entry in golden.load()
        if (not names or entry.initializer["class_name"] in names) and (not dtypes or entry.dtype in dtypes)
    ]
    if not chosen:
        raise ArgumentError(
            f"the golden table has no row for {or_list(names) or 'any initializer'} in "
            f"{or_list(dtypes) or 'any dtype'}; wanted other names or dtypes, or a second backend: --backends"
        )
    rows = [
        Row(Task(number, entry.initializer, tuple(entry.shape), entry.dtype, entry.layout, entry.seed))
        for number, entry in enumerate(chosen)
    ]
    participants = _run(rows, [backend], repeats, advance)
    for row, entry in zip(rows, chosen, strict=True):
        row.results[GOLDEN] = Outcome("ok", entry.sha256)
    note = (
        f"{backend} is compared with the golden digests, in the shapes, layouts and seeds of their table; "
        "install a second framework to compare in others"
    )
    return Comparison("golden", [*notes, note], bool(dtypes), [*participants, Participant(GOLDEN)], rows)


def probe(backend: str) -> Answers:
    """Load a backend in a process of its own, to see whether it works."""
    return ask(backend, [], repeats=0, environment={})


def _run(rows: list[Row], backends: Sequence[str], repeats: int, advance: Advance) -> list[Participant]:
    """Fill in the results, in the order of the backends."""
    total = len(rows) * len(backends)
    done = 0
    participants = []
    dtypes = sorted({row.task.dtype for row in rows})
    for backend in backends:
        advance(backend, done, total)

        def step(name: str = backend) -> None:
            nonlocal done
            done += 1
            advance(name, done, total)

        answers = ask(
            backend,
            [replace(row.task, known=tuple(row.statistics)) for row in rows],
            repeats=repeats,
            environment=environment(backend, dtypes),
            advance=step,
        )
        for row in rows:
            row.results[backend] = answers.outcomes[row.task.number]
        participants.append(Participant(backend, answers.version, answers.failure))
    return participants
