"""The reference path: every plan, run in integer operations of any Array API namespace.

This defines every value of unifinit; whatever is faster must give the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from unifinit import narrow
from unifinit.content import Content
from unifinit.contents import Blocks, Complex, Computed, Engine, Fill, HostArray, Masked, Source
from unifinit.distributions import Distribution
from unifinit.errors import ArgumentError
from unifinit.key import Key
from unifinit.linalg import orthonormal_columns
from unifinit.plan import Plan
from unifinit.stream.ops import Ops, numpy_ops
from unifinit.stream.threefry import ArrayWords, Pair, signed, threefry2x32
from unifinit.types import Array, DType, Shape

PIECE = 2**18
"""Elements computed at a time, so that intermediate arrays stay in the cache. Divides 2**32."""
LARGEST_PIECE = 2**31
"""Indices within a piece are int32."""


def run(
    plan: Plan,
    ops: Ops,
    *,
    piece: int = PIECE,
    key: Pair | None = None,
    run_part: Callable[[Plan], Array] | None = None,
) -> Array:
    """A new array that holds what the plan says.

    Parameters
    ----------
    plan
        What to compute.
    ops
        Where to compute it.
    piece
        How many elements to compute at a time, a power of two.
    key
        Two int32 scalars that stand for the plan's key, where a compiled function gets it as an argument;
        only for a plan that ``is_drawn``.
    run_part
        What runs the plans of which a plan consists; by default this function.
    """
    xp, content = ops.xp, plan.content
    if plan.dtype.is_floating and plan.dtype.bits == 8:
        # Frameworks can do little more with these dtypes than convert to them.
        wide = plan.with_dtype(plan.dtype.compute)
        return ops.cast(run(wide, ops, piece=piece, key=key, run_part=run_part), plan.dtype.name)
    if isinstance(content, Fill):
        return ops.full(plan.result_shape, content.value, plan.dtype.name)
    if plan.size == 0:
        return ops.full(plan.result_shape, 0, plan.dtype.name)
    if isinstance(content, (Blocks, Complex, Masked)):
        return _assembled(plan, ops, run_part or (lambda part: run(part, ops, piece=piece)))
    parts = [part for _, part in pieces(plan, ops, piece=piece, key=key)]
    flat = parts[0] if len(parts) == 1 else xp.concat(parts, axis=0)
    result = xp.reshape(flat, plan.shape)
    return result if plan.axes is None else xp.permute_dims(result, plan.axes)


def _assembled(plan: Plan, ops: Ops, run_part: Callable[[Plan], Array]) -> Array:
    content = plan.content
    if isinstance(content, Blocks):
        parts = [(where, run_part(part)) for where, part in plan.blocks(content) if part.size]
        return ops.xp.concat([part for _, part in parts], axis=len(parts[0][0]) - 1)
    if isinstance(content, Complex):
        real, imag = map(run_part, plan.complex_parts(content))
        return ops.join(real, imag, plan.dtype.name)
    assert isinstance(content, Masked)
    part, mask = plan.unmasked(content)
    return ops.xp.where(ops.asarray(mask), run_part(part), 0)


def pieces(
    plan: Plan, ops: Ops, *, piece: int = PIECE, key: Pair | None = None
) -> Iterator[tuple[slice, Array]]:
    """The elements in canonical order, some at a time; all at once, if they are made of parts.

    Yields
    ------
    slice, array
        Which elements, and their values, one-dimensional. Nothing if the plan has no elements.
    """
    content = plan.content
    if plan.size and isinstance(content, (Blocks, Complex, Masked)):
        canonical = Plan(plan.shape, plan.dtype, content, key=plan.key)
        yield slice(0, plan.size), ops.xp.reshape(run(canonical, ops, piece=piece), (-1,))
        return
    step = min(piece, LARGEST_PIECE)
    host = host_values(plan) if plan.size and isinstance(content, Computed) else None
    for start in range(0, plan.size, step):
        part = slice(start, min(start + step, plan.size))
        if isinstance(content, Fill):
            yield part, ops.full((part.stop - start,), content.value, plan.dtype.name)
        elif isinstance(content, Distribution):
            words = plan.required_key().words if key is None else key
            yield part, _draw(plan, content, ops, words, start, part.stop)
        else:
            assert host is not None
            yield part, ops.cast(ops.asarray(host[part]), plan.dtype.name)


def host_values(plan: Plan, engine: Engine | None = None) -> HostArray:
    """The elements of a plan that is computed on the host, in canonical order, one-dimensional.

    Those of a dtype that NumPy lacks, and of float16, come as float32, to be rounded by whoever stores them.

    Raises
    ------
    ArgumentError
        If a number does not fit the dtype.
    """
    content, dtype = plan.content, plan.dtype
    if not isinstance(content, Computed):
        raise TypeError(f"a {type(content).__name__} is not computed on the host")
    values = content.compute(Source(engine or ArrayEngine(), plan.key), dtype)
    if not (dtype.is_floating or dtype.is_complex):
        return values.astype(dtype.name).reshape(-1)
    if not values.flags.writeable:
        values = values.copy()  # What a content keeps must not become somebody's array.
    if not content.checked:
        _check_range(values, plan.limits)
    with np.errstate(over="ignore"):
        return values.astype(dtype.compute.name, copy=False).reshape(-1)


def stored(values: HostArray, dtype: DType) -> HostArray:
    """What ``host_values`` returned, as NumPy stores it; unsigned integers stand for dtypes that it lacks."""
    if dtype.is_narrow:
        return narrow.encode(values, dtype.name)
    with np.errstate(over="ignore"):
        return values.astype(dtype.name, copy=False)


def _check_range(values: HostArray, dtype: DType) -> None:
    largest = max(
        (float(np.max(np.abs(part))) for part in (values.real, values.imag) if part.size), default=0
    )
    if not largest <= dtype.largest:
        raise ArgumentError(
            f"values up to {largest:.6g} do not fit dtype {dtype.name}, whose largest number is "
            f"{dtype.largest:.6g}; wanted smaller ones or a wider dtype"
        )


class ArrayEngine:
    """What computed contents are made with, in array operations of NumPy."""

    def draw(self, content: Content, shape: Shape, dtype: DType, key: Key | None) -> HostArray:
        """An array of NumPy with a content, by the reference path."""
        return np.asarray(run(Plan(shape, dtype, content, key=key), numpy_ops()))

    def orthonormal_columns(self, a: HostArray) -> npt.NDArray[np.float64]:
        """The Q of a matrix."""
        return orthonormal_columns(a)


def _draw(plan: Plan, content: Distribution, ops: Ops, key: Pair, start: int, stop: int) -> Array:
    words = ArrayWords(ops.xp)
    if isinstance(key[0], int):
        key = signed(key[0]), signed(key[1])
    # A piece never crosses a multiple of 2**32, so all its counters share the upper word.
    index = words.add(ops.arange(stop - start), signed(start))
    first, second = threefry2x32(words, key, (signed(start >> 32), index))
    return ops.cast(content.draw(ops, first, second), plan.dtype.name)
