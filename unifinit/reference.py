"""The reference path: every plan, run in integer operations of any Array API namespace.

This defines every value of unifinit; whatever is faster must give the same bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from unifinit.distributions import Distribution, Normal
from unifinit.linalg import orthonormal_columns
from unifinit.plan import Fill, OrthogonalMatrix, Plan, Values
from unifinit.stream.ops import Ops, numpy_ops
from unifinit.stream.threefry import ArrayWords, Pair, signed, threefry2x32
from unifinit.types import Array

PIECE = 2**18
"""Elements computed at a time, so that intermediate arrays stay in the cache. Divides 2**32."""
LARGEST_PIECE = 2**31
"""Indices within a piece are int32."""


def run(plan: Plan, ops: Ops, *, piece: int = PIECE, key: Pair | None = None) -> Array:
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
        Two int32 scalars that stand for the plan's key, where a compiled function gets it as an argument.
    """
    xp = ops.xp
    if isinstance(plan.content, Fill):
        return ops.full(plan.result_shape, plan.content.value, plan.dtype.name)
    if plan.size == 0:
        return ops.full(plan.result_shape, 0, plan.dtype.name)
    parts = [part for _, part in pieces(plan, ops, piece=piece, key=key)]
    flat = parts[0] if len(parts) == 1 else xp.concat(parts, axis=0)
    result = xp.reshape(flat, plan.shape)
    return result if plan.axes is None else xp.permute_dims(result, plan.axes)


def pieces(
    plan: Plan, ops: Ops, *, piece: int = PIECE, key: Pair | None = None
) -> Iterator[tuple[slice, Array]]:
    """The elements in canonical order, some at a time.

    Yields
    ------
    slice, array
        Which elements, and their values, one-dimensional. Nothing if the plan has no elements.
    """
    content = plan.content
    step = min(piece, LARGEST_PIECE)
    host = None if isinstance(content, (Distribution, Fill)) or not plan.size else host_values(plan)
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


def host_values(plan: Plan) -> npt.NDArray[Any]:
    """The elements of a plan that is computed on the host, in canonical order, one-dimensional.

    Sixteen-bit floats come as float32, to be rounded by whoever stores them.
    """
    if isinstance(plan.content, Values):
        dtype = plan.dtype.compute if plan.dtype.is_floating else plan.dtype
        return np.asarray(plan.content.values, dtype=dtype.name)
    if isinstance(plan.content, OrthogonalMatrix):
        return _orthogonal(plan, plan.content)
    raise TypeError(f"a {type(plan.content).__name__} is not computed on the host")


def _draw(plan: Plan, content: Distribution, ops: Ops, key: Pair, start: int, stop: int) -> Array:
    words = ArrayWords(ops.xp)
    if isinstance(key[0], int):
        key = signed(key[0]), signed(key[1])
    # A piece never crosses a multiple of 2**32, so all its counters share the upper word.
    index = words.add(ops.arange(stop - start), signed(start))
    first, second = threefry2x32(words, key, (signed(start >> 32), index))
    return ops.cast(content.draw(ops, first, second), plan.dtype.name)


def _orthogonal(plan: Plan, content: OrthogonalMatrix) -> npt.NDArray[Any]:
    q = orthonormal_columns(run(orthogonal_draw(plan, content), numpy_ops())) * content.gain
    return (q if len(q) == content.rows else q.T).astype(plan.dtype.compute.name).reshape(-1)


def orthogonal_draw(plan: Plan, content: OrthogonalMatrix) -> Plan:
    """The normal matrix that JAX's definition starts from, its long side first."""
    compute = plan.dtype.compute
    return Plan(content.sides, compute, Normal(0.0, 1.0, compute), key=plan.key)
