"""How two checkpoints differ, parameter by parameter, whatever the frameworks from which they come."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from unifinit import elements, narrow
from unifinit.checkpoints import Checkpoint, StoredArray
from unifinit.errors import ArgumentError
from unifinit.layout import as_layout
from unifinit.models.arrays import ModelArray, sizes_of
from unifinit.models.names import role_of
from unifinit.models.paths import SEPARATOR, make_path, require_distinct
from unifinit.models.patterns import PathPattern, Rename, Renaming
from unifinit.types import DType, Shape
from unifinit.weight import place_of, share

Relation: TypeAlias = Literal[
    "identical", "transposed", "rounded", "scaled", "different", "shape", "only in A", "only in B"
]
TOLERANCE = 4
"""Units in the last place of the largest element, by which a multiple may be off to count as scaled."""


class Difference(NamedTuple):
    """How a parameter of one checkpoint relates to that of another one.

    Attributes
    ----------
    path
        Its canonical path.
    relation
        "identical": the same bits in the same order. "transposed": the same bits in another layout.
        "rounded": one is the other, rounded to its dtype. "scaled": one is a multiple of the other, but for
        rounding. "different": none of these. "shape": they cannot be compared. "only in A", "only in B".
    detail
        What there is to say about it.
    """

    path: str
    relation: Relation
    detail: str = ""

    @property
    def is_same(self) -> bool:
        """Whether both hold the same start, as far as their dtypes allow."""
        return self.relation in ("identical", "transposed", "rounded")


class _Found(NamedTuple):
    stored: StoredArray
    array: ModelArray
    number: int


def compare_checkpoints(
    first: Checkpoint,
    second: Checkpoint,
    *,
    rename: Rename = None,
    layouts: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {}),
) -> Iterator[Difference]:
    """Compare two checkpoints, holding two arrays in memory at a time.

    Parameters
    ----------
    first, second
        What ``unifinit.checkpoints.open_checkpoint`` gives.
    rename
        From patterns of paths of the first to those of the second.
    layouts
        For each of them a mapping from patterns of paths to layouts, where the names of arrays do not tell:
        "weight" is taken for PyTorch's order of axes, all else for the canonical one.

    Yields
    ------
    Difference
        For each parameter of the first in its order, then for those that only the second has.

    Raises
    ------
    ArgumentError
        If patterns, layouts or paths are malformed.
    """
    left = _parameters(first, Renaming(rename), layouts[0])
    right = _parameters(second, Renaming(None), layouts[1])
    for path, one in left.items():
        other = right.get(path)
        yield Difference(path, "only in A", one.array.name) if other is None else _compared(path, one, other)
    for path, other in right.items():
        if path not in left:
            yield Difference(path, "only in B", other.array.name)


def _parameters(checkpoint: Checkpoint, renaming: Renaming, layouts: Mapping[str, str]) -> dict[str, _Found]:
    patterns = [
        (PathPattern(pattern, is_of_parameters=True), as_layout(text)) for pattern, text in layouts.items()
    ]
    found: dict[str, _Found] = {}
    names = []
    for name, stored in checkpoint.arrays.items():
        array = described(name, tuple(stored.shape), stored.dtype)
        layout = next((layout for pattern, layout in patterns if pattern.match(array.paths[0])), None)
        array = array if layout is None else array._replace(layout=layout)
        for number, path in enumerate(array.paths):
            new = renaming.new(path)
            names.append((new, name))
            found[new] = _Found(stored, array, number)
    require_distinct(names)
    if renaming.unused:
        raise ArgumentError(
            f"rename has {renaming.unused[0]!r}, which matches no path of the first checkpoint"
        )
    return found


def described(name: str, shape: Shape, dtype: DType) -> ModelArray:
    """What is known of an array of a checkpoint by its name and its shape."""
    owner, _, last = make_path(name).rpartition(SEPARATOR)
    role = role_of(owner, last, shape)
    return ModelArray(name, owner, role.leaf, shape, dtype, role.layer, as_layout(role.layout), role.splits)


def _compared(path: str, one: _Found, other: _Found) -> Difference:
    first, second = _values(one), _values(other)
    if first.size != second.size:
        shapes = " and ".join("x".join(map(str, values.shape)) for values in (first, second))
        return Difference(path, "shape", f"{shapes} in canonical order")
    first, second = first.reshape(-1), second.reshape(-1)
    dtypes = (one.array.dtype, other.array.dtype)
    if dtypes[0] == dtypes[1]:
        if first.tobytes() == second.tobytes():
            same = _is_stored_alike(one, other)
            layouts = f"{one.array.layout.text} and {other.array.layout.text}"
            return Difference(path, "identical" if same else "transposed", "" if same else layouts)
    elif _is_rounded(first, second, *dtypes) or _is_rounded(second, first, *reversed(dtypes)):
        return Difference(path, "rounded", f"{dtypes[0].name} and {dtypes[1].name}")
    wide = (elements.decode(first, dtypes[0]), elements.decode(second, dtypes[1]))
    return _by_numbers(path, *wide, dtypes)


def _by_numbers(
    path: str, first: npt.NDArray[Any], second: npt.NDArray[Any], dtypes: tuple[DType, DType]
) -> Difference:
    if not np.isfinite(first).all() or not np.isfinite(second).all():
        return Difference(path, "different", "there are infinities or NaN")
    square = float(np.vdot(first, first).real)
    factor = float(np.vdot(first, second).real) / square if square else 0.0
    largest = float(np.abs(second).max(initial=0.0))
    epsilon = max(_epsilon(dtype) for dtype in dtypes)
    off = float(np.abs(second - factor * first).max(initial=0.0))
    if factor not in (0.0, 1.0) and off <= TOLERANCE * epsilon * largest:
        return Difference(path, "scaled", f"B is {factor:.9g} times A")
    difference = np.abs(second - first)
    place = int(np.flatnonzero(difference)[0]) if difference.any() else 0
    return Difference(
        path,
        "different",
        f"by up to {float(difference.max(initial=0.0)):.6g}, first at element {place} in canonical order: "
        f"{first[place]:.9g} and {second[place]:.9g}",
    )


def _epsilon(dtype: DType) -> float:
    digits = {"float64": 52, "complex128": 52, "float32": 23, "complex64": 23, "float16": 10, "bfloat16": 7}
    return float(2.0 ** -digits.get(dtype.name, 2))


def _values(found: _Found) -> npt.NDArray[Any]:
    """The elements of a parameter in canonical order, as they are stored."""
    array = found.array
    whole = found.stored.read(0, math.prod(array.shape)).reshape(array.shape)
    canonical = np.ascontiguousarray(whole.transpose(array.layout.canonical_axes(len(array.shape))))
    parts = [(array.layout.weight(array.shape), canonical)]
    for split in array.splits:
        sizes = sizes_of(split, parts[0][0], array.name)
        ends = list(accumulate(sizes))[:-1]
        parts = [
            (share(weight, split.axis, size), piece)
            for weight, values in parts
            for size, piece in zip(
                sizes, np.split(values, ends, axis=place_of(weight, split.axis)), strict=True
            )
        ]
    return np.ascontiguousarray(parts[found.number][1])


def _is_stored_alike(one: _Found, other: _Found) -> bool:
    if one.array.shape != other.array.shape:
        return False
    axes = [found.array.layout.canonical_axes(len(found.array.shape)) for found in (one, other)]
    return axes[0] == axes[1] and one.array.splits == other.array.splits


def _is_rounded(wide: npt.NDArray[Any], stored: npt.NDArray[Any], dtype: DType, to: DType) -> bool:
    """Whether some elements are others, rounded to a narrower dtype."""
    if dtype.kind != to.kind or dtype.bits < to.bits or dtype.kind not in ("float", "complex"):
        return False
    numbers = elements.decode(wide, dtype)
    with np.errstate(over="ignore"):
        if to.is_narrow:
            found = narrow.encode(numbers.astype(np.float32), to.name)
        else:
            found = numbers.astype(elements.storage(to))
    return bool(found.tobytes() == stored.tobytes())
