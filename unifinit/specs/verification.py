"""Whether a checkpoint is the start that a plan says, and which of several starts it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Literal, NamedTuple, SupportsIndex, TypeAlias

import numpy as np

from unifinit import elements, host
from unifinit.checkpoints import Checkpoint, StoredArray
from unifinit.content import Content
from unifinit.contents import Blocks
from unifinit.files import PIECE, stream, windows
from unifinit.key import Key, as_key
from unifinit.models.assignment import PlannedArray, replanned
from unifinit.models.modelplan import ModelPlan
from unifinit.plan import Plan

Verdict: TypeAlias = Literal[
    "identical", "different", "missing", "unexpected", "shape", "dtype", "not planned"
]

TRIED = 64
"""Elements of each array that are compared first, to tell which start a checkpoint is."""


class Checked(NamedTuple):
    """What was found of an array.

    Attributes
    ----------
    name
        What the checkpoint calls it.
    path
        Its canonical path, or the first one of its parts; empty if the plan has none.
    verdict
        "identical", or what is wrong. "not planned" is an array that the rules leave as it is.
    place
        The index of the first element that differs.
    wanted, found
        What is wanted and what was found: the bits of that element in hexadecimal, shapes or dtypes.
    size
        How many elements were compared.
    """

    name: str
    path: str
    verdict: Verdict
    place: tuple[int, ...] | None = None
    wanted: str = ""
    found: str = ""
    size: int = 0

    @property
    def is_right(self) -> bool:
        """Whether nothing speaks against it."""
        return self.verdict in ("identical", "not planned")

    def __str__(self) -> str:
        told = {
            "identical": "identical",
            "not planned": "left as it is by the rules",
            "missing": "not in the checkpoint",
            "unexpected": "in the checkpoint, but not in the specification",
            "shape": f"of shape {self.found}, wanted {self.wanted}",
            "dtype": f"of dtype {self.found}, wanted {self.wanted}",
            "different": f"differs first at {self.place}: bits {self.found}, wanted {self.wanted}",
        }[self.verdict]
        where = f" ({self.path})" if self.path and self.path != self.name else ""
        # A file can call an array anything; it is to stay one line.
        return f"{self.name if self.name.isprintable() else repr(self.name)}{where}: {told}"


def verify(
    plan: ModelPlan, checkpoint: Checkpoint, progress: Callable[[int, int], None] | None = None
) -> Iterator[Checked]:
    """Compare a checkpoint with a start, array by array, and piece by piece within some MiB of memory.

    Parameters
    ----------
    plan
        The start.
    checkpoint
        What ``unifinit.checkpoints.open_checkpoint`` gives.
    progress
        Called with the bytes that have been compared, and with all there are.

    Yields
    ------
    Checked
        For each array of the plan and of the checkpoint.
    """
    planned = {one.array.name: one for one in plan.arrays}
    total, done = plan.nbytes, 0
    for name, one in planned.items():
        stored = checkpoint.arrays.get(name)
        yield _checked(one, stored, None if progress is None else partial(_tell, progress, done, total))
        done += 0 if one.plan is None else one.plan.size * one.array.dtype.bits // 8
    for name in checkpoint.arrays:
        if name not in planned:
            yield Checked(name, "", "unexpected")


def _tell(progress: Callable[[int, int], None], before: int, total: int, size: int) -> None:
    progress(before + size, total)


def identify(
    candidates: Mapping[str, ModelPlan], checkpoint: Checkpoint, seeds: Iterable[SupportsIndex] = ()
) -> Iterator[tuple[str, Key]]:
    """Which starts a checkpoint may be, by the first elements of each array.

    A start without random numbers is the same for all seeds, and goes under its own.

    Parameters
    ----------
    candidates
        Starts by their names.
    checkpoint
        What was found.
    seeds
        Other seeds than those of the starts that are tried too.

    Yields
    ------
    str, Key
        The name of a start, and the key of the seed.
    """
    seeds = list(seeds)
    for name, plan in candidates.items():
        if not _fits_all(plan, checkpoint):
            continue
        # What is computed as a whole takes long: it is looked at only if all else is right.
        drawn = [
            one
            for one in plan.arrays
            if one.plan is not None and one.plan.size and _is_random(one.plan.content)
        ]
        drawn.sort(key=lambda one: one.plan is not None and not one.plan.content.is_elementwise)
        for key in dict.fromkeys([plan.key, *map(as_key, seeds)] if drawn else [plan.key]):
            if isinstance(key, Key) and all(_begins(one, replanned(one, key), checkpoint) for one in drawn):
                yield name, key


def _fits_all(plan: ModelPlan, checkpoint: Checkpoint) -> bool:
    """Whether names, shapes, dtypes and all that does not depend on the seed are those of a checkpoint."""
    planned = [one for one in plan.arrays if one.plan is not None]
    if not {one.array.name for one in planned} <= checkpoint.arrays.keys():
        return False
    if not all(_fits(one, checkpoint.arrays[one.array.name]) for one in planned):
        return False
    return all(
        _begins(one, one.plan, checkpoint)
        for one in planned
        if one.plan is not None and one.plan.size and not _is_random(one.plan.content)
    )


def _is_random(content: Content) -> bool:
    """Whether it depends on a key; parameters side by side have keys of their own."""
    if isinstance(content, Blocks):
        return any(map(_is_random, content.contents))
    return content.needs_key


def _begins(one: PlannedArray, plan: Plan | None, checkpoint: Checkpoint) -> bool:
    """Whether an array begins with the elements of a plan."""
    if plan is None:
        return True
    wanted = plan.window(next(windows(plan.result_shape, TRIED)))
    return _bytes_of(wanted) == checkpoint.arrays[one.array.name].read(0, wanted.size).tobytes()


def _fits(one: PlannedArray, stored: StoredArray) -> bool:
    return tuple(stored.shape) == one.array.shape and stored.dtype == one.array.dtype


def _bytes_of(plan: Plan) -> bytes:
    values = host.compute(plan)
    return bytes(values.astype(elements.storage(plan.dtype), copy=False).tobytes())


def _checked(
    one: PlannedArray, stored: StoredArray | None, progress: Callable[[int], None] | None
) -> Checked:
    name, path = one.array.name, one.parameters[0].parameter.path
    if one.plan is None:
        return Checked(name, path, "not planned")
    if stored is None:
        return Checked(name, path, "missing")
    if tuple(stored.shape) != one.array.shape:
        return Checked(name, path, "shape", None, str(one.array.shape), str(tuple(stored.shape)))
    if stored.dtype != one.array.dtype:
        return Checked(name, path, "dtype", None, one.array.dtype.name, stored.dtype.name)
    first, dtype = 0, elements.storage(one.array.dtype)
    bits = np.dtype(f"u{dtype.itemsize}") if dtype.itemsize <= 8 else None
    for wanted, found in _together(stream(one.plan, PIECE), stored.pieces(PIECE), dtype):
        unequal = _unequal(wanted, found, bits)
        if unequal is not None:
            index = np.unravel_index(first + unequal, one.array.shape)
            return Checked(
                name,
                path,
                "different",
                tuple(map(int, index)),
                _hexadecimal(wanted[unequal : unequal + 1]),
                _hexadecimal(found[unequal : unequal + 1]),
                first + unequal,
            )
        first += wanted.size
        if progress is not None:
            progress(first * dtype.itemsize)
    return Checked(name, path, "identical", size=first)


def _together(
    wanted: Iterator[memoryview], found: Iterator[Any], dtype: np.dtype[Any]
) -> Iterator[tuple[Any, Any]]:
    """Pieces of equal size from two streams, of which each cuts its pieces in its own way."""
    rest = np.empty(0, dtype)
    for piece in wanted:
        left = np.frombuffer(piece, dtype)
        while left.size:
            if not rest.size:
                rest = next(found)
            count = min(left.size, rest.size)
            yield left[:count], rest[:count]
            left, rest = left[count:], rest[count:]


def _unequal(wanted: Any, found: Any, bits: np.dtype[Any] | None) -> int | None:
    """The place of the first element whose bits differ; None if there is none."""
    if wanted.tobytes() == found.tobytes():
        return None
    if bits is None:
        wanted, found = (array.view(np.uint64).reshape(-1, 2) for array in (wanted, found))
        return int(np.flatnonzero((wanted != found).any(axis=1))[0])
    return int(np.flatnonzero(wanted.view(bits) != found.view(bits))[0])


def _hexadecimal(element: Any) -> str:
    """The bits of an element, the highest first."""
    bits: bytes = element.tobytes()
    return f"0x{bits[::-1].hex()}"
