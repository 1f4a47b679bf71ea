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
from unifinit.models.names import described
from unifinit.models.paths import require_distinct
from unifinit.models.patterns import PathPattern, Rename, Renaming
from unifinit.types import DType
from unifinit.weight import Weight, place_of, share

Relation: TypeAlias = Literal[
    "identical", "transposed", "rounded", "scaled", "different", "shape", "only in A", "only in B"
]
TOLERANCE = 4
"""Units in the last place of the largest element, by which a multiple may be off to count as scaled."""
MANTISSAS = {
    "float64": 52,
    "complex128": 52,
    "float32": 23,
    "complex64": 23,
    "float16": 10,
    "bfloat16": 7,
    "float8_e4m3fn": 3,
    "float8_e4m3fnuz": 3,
    "float8_e5m2": 2,
    "float8_e5m2fnuz": 2,
}
"""Bits behind the leading one; integers are exact, and compared as float64."""


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
    weight: Weight


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
    unused = {pattern.text for pattern, _ in patterns}
    found: dict[str, _Found] = {}
    names = []
    told = described((name, tuple(one.shape), one.dtype) for name, one in checkpoint.arrays.items())
    for known, (name, stored) in zip(told, checkpoint.arrays.items(), strict=True):
        array = known
        for pattern, layout in patterns:
            if any(map(pattern.match, known.paths)):
                array = known._replace(layout=layout)
                unused.discard(pattern.text)
                break
        parameters = array.parameters()  # It says which array a layout does not fit.
        for number, (path, parameter) in enumerate(zip(array.paths, parameters, strict=True)):
            new = renaming.new(path)
            names.append((new, name))
            found[new] = _Found(stored, array, number, parameter.weight)
    if unused:
        raise ArgumentError(
            f"layouts have {min(unused)!r}, which decides nothing: it matches no path, or only those that an "
            "earlier pattern matches; wanted one of paths, such as '**/weight'"
        )
    require_distinct(names)
    if renaming.unused:
        raise ArgumentError(
            f"rename has {renaming.unused[0]!r}, which matches no path of the first checkpoint"
        )
    return found


def _compared(path: str, one: _Found, other: _Found) -> Difference:
    if not _are_comparable(one.weight, other.weight):
        return Difference(
            path, "shape", f"{_shown(one.weight)} and {_shown(other.weight)} in canonical order"
        )
    first, second = _values(one), _values(other)
    dtypes = (one.array.dtype, other.array.dtype)
    if dtypes[0] == dtypes[1]:
        if first.tobytes() == second.tobytes():
            if _are_stored_alike(one, other):
                return Difference(path, "identical")
            layouts = f"{one.array.layout.text} and {other.array.layout.text}"
            return Difference(path, "transposed", layouts)
    elif _is_rounded(first, second, *dtypes) or _is_rounded(second, first, *reversed(dtypes)):
        return Difference(path, "rounded", f"{dtypes[0].name} and {dtypes[1].name}")
    return _by_numbers(path, first, second, dtypes)


def _are_comparable(first: Weight, second: Weight) -> bool:
    """Whether they hold matrices of one size, or arrays of one shape but for axes of size 1."""
    matrices = ((math.prod(weight.batch), weight.rows, weight.columns) for weight in (first, second))
    shapes = (tuple(size for size in weight.shape if size != 1) for weight in (first, second))
    return next(matrices) == next(matrices) or next(shapes) == next(shapes)


def _shown(weight: Weight) -> str:
    return "x".join(map(str, weight.shape)) or "scalar"


def _by_numbers(
    path: str, first: npt.NDArray[Any], second: npt.NDArray[Any], dtypes: tuple[DType, DType]
) -> Difference:
    one, other = (elements.decode(part, dtype) for part, dtype in zip((first, second), dtypes, strict=True))
    if not np.isfinite(one).all() or not np.isfinite(other).all():
        unequal = ~((one == other) | (np.isnan(one) & np.isnan(other)))
        place = _place(unequal, first, second)
        told = f"there are infinities or NaN; first at element {place} in canonical order: "
        return Difference(path, "different", f"{told}{one[place]:.9g} and {other[place]:.9g}")
    factor, off = _multiple(one, other)
    if dtypes[0] != dtypes[1] and (one == other).all():
        return Difference(path, "rounded", f"{dtypes[0].name} and {dtypes[1].name}, the same numbers")
    epsilon = 2.0 ** -min(MANTISSAS.get(dtype.name, 52) for dtype in dtypes)
    # Of 8 bits, some units in the last place would be as much as the number.
    most = epsilon * (1 if min(dtype.bits for dtype in dtypes) == 8 else TOLERANCE)
    if factor and abs(factor - 1) > most and off <= most:
        return Difference(path, "scaled", f"B is {factor:.9g} times A")
    unequal = first != second if dtypes[0] == dtypes[1] and not dtypes[0].is_narrow else one != other
    place = _place(unequal, first, second)
    with np.errstate(over="ignore"):
        largest = float(np.abs(other - one).max(initial=0.0))
    return Difference(
        path,
        "different",
        f"by up to {largest:.6g}, first at element {place} in canonical order: "
        f"{_number(one, first, place, dtypes[0])} and {_number(other, second, place, dtypes[1])}",
    )


def _multiple(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> tuple[float, float]:
    """The best factor from one to the other, and by how much of the largest element it is off at most."""
    largest = [float(np.abs(values).max(initial=0.0)) for values in (one, other)]
    if not all(largest):
        return 0.0, math.inf
    # So scaled, no square overflows or vanishes.
    one, other = one / largest[0], other / largest[1]
    factor = float(np.vdot(one, other).real / np.vdot(one, one).real)
    whole = factor * (largest[1] / largest[0]) if math.isfinite(largest[1] / largest[0]) else 0.0
    return whole, float(np.abs(other - factor * one).max(initial=0.0))


def _place(unequal: npt.NDArray[Any], first: npt.NDArray[Any], second: npt.NDArray[Any]) -> int:
    """The first element that differs; if all numbers are equal, in its bits, as -0 does from 0."""
    if unequal.any():
        return int(np.argmax(unequal))
    size = first.dtype.itemsize
    pairs = zip(*(np.frombuffer(part.tobytes(), f"V{size}") for part in (first, second)), strict=True)
    return next(place for place, (one, other) in enumerate(pairs) if one.tobytes() != other.tobytes())


def _number(values: npt.NDArray[Any], stored: npt.NDArray[Any], place: int, dtype: DType) -> str:
    exact = dtype.kind in ("int", "uint", "bool")
    return str(stored[place].item()) if exact else f"{values[place]:.9g}"


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
    return np.ascontiguousarray(parts[found.number][1]).reshape(-1)


def _are_stored_alike(one: _Found, other: _Found) -> bool:
    """Whether the axes of two parameters lie in the same order; those of size 1 do not matter."""
    orders = []
    for found in (one, other):
        shape = found.weight.shape
        axes = found.array.layout.from_canonical(len(shape)) or tuple(range(len(shape)))
        kept = [axis for axis in axes if shape[axis] != 1]
        ranks = {axis: rank for rank, axis in enumerate(sorted(kept))}
        orders.append([ranks[axis] for axis in kept])
    return orders[0] == orders[1] or all(order == sorted(order) for order in orders)


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
