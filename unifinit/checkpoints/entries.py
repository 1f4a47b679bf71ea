"""What is to be written: plans with names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeAlias

from unifinit import elements
from unifinit.checkpoints.stored import shown
from unifinit.errors import CheckpointError
from unifinit.plan import Plan

METADATA = "__metadata__"
"""What no array can be called."""

Progress: TypeAlias = Callable[[int, int], None]
"""Is told how many bytes of elements are done, and how many there are."""


class Entry(NamedTuple):
    """An array to be written.

    Attributes
    ----------
    name : str
        What the checkpoint calls it.
    plan : Plan
        What it holds.
    """

    name: str
    plan: Plan

    @property
    def nbytes(self) -> int:
        """Number of bytes of the elements."""
        return self.plan.size * elements.storage(self.plan.dtype).itemsize


def checked_entries(entries: Iterable[Entry]) -> list[Entry]:
    """The entries, if their names will do.

    Raises
    ------
    CheckpointError
        If a name is no text, empty, reserved, or that of two entries.
    """
    found = list(entries)
    names: set[str] = set()
    for name, _ in found:
        if not _is_text(name) or name in ("", METADATA):
            raise CheckpointError(
                f"an array cannot be called {shown(name)}; wanted a str that is not empty, has an encoding "
                f"in UTF-8 and is not {METADATA!r}"
            )
        if name in names:
            raise CheckpointError(f"two arrays are called {shown(name)}; wanted a name for each")
        names.add(name)
    return found


def checked_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """The metadata, if all of it is text.

    Raises
    ------
    CheckpointError
        If something is not.
    """
    for key, value in metadata.items():
        if not (_is_text(key) and _is_text(value)):
            raise CheckpointError(
                f"metadata has {shown(key)}: {shown(value)}; wanted a str for each str, and UTF-8 to "
                "have both"
            )
    return dict(metadata)


def is_encodable(text: str) -> bool:
    """Whether UTF-8 has it: it has no half of a pair of surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_text(value: object) -> bool:
    return isinstance(value, str) and is_encodable(value)


class Done:
    """Counts the bytes of elements, and tells them."""

    def __init__(self, entries: Iterable[Entry], progress: Progress | None) -> None:
        self.total = sum(entry.nbytes for entry in entries)
        self._done = 0
        self._progress = progress

    def add(self, count: int) -> None:
        """So many bytes more are done."""
        self._done += count
        if self._progress is not None:
            self._progress(self._done, self.total)
