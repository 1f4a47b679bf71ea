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
from unifinit.errors import ArgumentError, SeedError
from unifinit.key import AnyKey, Key, TracedKey, key_of_words
from unifinit.linalg import orthonormal_columns
from unifinit.memory import row_major
from unifinit.numbering import Numbering
from unifinit.plan import Plan
from unifinit.stream.counters import counters
from unifinit.stream.ops import Ops, numpy_ops
from unifinit.stream.threefry import ArrayWords, Pair, signed, threefry2x32
from unifinit.types import Array, DType, Shape

PIECE = 2**18
"""Elements computed at a time, so that intermediate arrays stay in the cache."""
LAUNCHED = 2**22
"""The same on accelerators, where fewer would take longer to launch than to compute."""
LARGEST_AXIS = 2**31
"""Indices along an axis are int32."""


def run(
    plan: Plan,
    ops: Ops,
    *,
    piece: int | None = PIECE,
    run_part: Callable[[Plan], Array] | None = None,
) -> Array:
    """A new array that holds what the plan says.

    Parameters
    ----------
    plan
        What to compute. Its key may be traced.
    ops
        Where to compute it.
    piece
        How many elements to compute at a time. None: all at once, each number computed in its place in an
        array of the result's own axes, which compilers fuse, and divide among devices.
    run_part
        What runs the plans of which a plan consists; by default this function.
    """
    xp, content = ops.xp, plan.content
    if plan.dtype.is_floating and plan.dtype.bits == 8:
        # Frameworks can do little more with these dtypes than convert to them.
        wide = plan.with_dtype(plan.dtype.compute)
        return ops.cast(run(wide, ops, piece=piece, run_part=run_part), plan.dtype.name)
    if isinstance(content, Fill):
        return ops.full(plan.result_shape, content.value, plan.dtype.name)
    if plan.size == 0:
        return ops.full(plan.result_shape, 0, plan.dtype.name)
    at_once = piece is None and max(plan.result_shape, default=0) <= LARGEST_AXIS
    if isinstance(content, (Blocks, Complex, Masked)):
        run_part = run_part or (lambda part: run(part, ops, piece=piece))
        if at_once and isinstance(content, Blocks) and (alike := plan.alike(content)):
            return run_part(_with_keys(*alike, ops, plan.required_key()))
        return _assembled(plan, ops, run_part)
    if isinstance(content, Computed):
        return ops.cast(_from_host(plan, ops), plan.dtype.name)
    if at_once and plan.result_shape:
        return _draw(plan, ops, plan.numbering)
    parts = [part for _, part in pieces(plan, ops, piece=piece or LARGEST_AXIS)]
    return xp.reshape(parts[0] if len(parts) == 1 else xp.concat(parts, axis=0), plan.result_shape)


def _assembled(plan: Plan, ops: Ops, run_part: Callable[[Plan], Array]) -> Array:
    content = plan.content
    if isinstance(content, Blocks):
        parts = [(where, run_part(part)) for where, part in plan.blocks(content)]
        if len(parts) == 1:
            return parts[0][1]
        return ops.xp.concat([part for _, part in parts], axis=len(parts[0][0]) - 1)
    if isinstance(content, Complex):
        real, imag = map(run_part, plan.complex_parts(content))
        return ops.join(real, imag, plan.dtype.name)
    assert isinstance(content, Masked)
    part, mask = plan.unmasked(content)
    return ops.xp.where(ops.asarray(mask), run_part(part), 0)


def _with_keys(plan: Plan, axis: int, numbers: range, ops: Ops, key: AnyKey) -> Plan:
    """The plan of one of several blocks that are alike, with the keys of all of them along the axis."""
    xp, arithmetic = ops.xp, ArrayWords(ops.xp)
    number = xp.add(xp.multiply(ops.arange(len(numbers)), numbers.step), numbers.start)
    number = xp.reshape(number, (-1,) + (1,) * (len(plan.result_shape) - 1 - axis))
    return plan.with_key(TracedKey(xp, *threefry2x32(arithmetic, _words(key), (0, number))))


def pieces(plan: Plan, ops: Ops, *, piece: int = PIECE) -> Iterator[tuple[slice, Array]]:
    """The elements of the result in row-major order, some at a time; all at once, if they are not drawn.

    Yields
    ------
    slice, array
        Which elements, and their values, one-dimensional. Nothing if the plan has no elements.
    """
    if not plan.is_drawn:
        if plan.size:
            yield slice(0, plan.size), ops.xp.reshape(run(plan, ops, piece=piece), (-1,))
        return
    for part, numbering in plan.numbering.pieces(min(piece, LARGEST_AXIS)):
        yield part, _draw(plan, ops, numbering, is_flat=True)


def _from_host(plan: Plan, ops: Ops) -> Array:
    """What the host computes, as an array in the dtype of computation; later, where the key is traced."""
    key = plan.key
    if not isinstance(key, TracedKey):
        return ops.asarray(host_values(plan, ops.engine))
    if ops.host_call is None:
        raise SeedError(
            f"{plan.content.label} is computed on the host, which this framework cannot do in the midst of a "
            "computation whose key is only known when it runs; wanted a key that is known, such as an integer"
        )

    unkeyed = plan.with_key(None)  # What is recorded must not hold on to what only exists meanwhile.

    def compute(words: tuple[int, int]) -> HostArray:
        return host_values(unkeyed.with_key(key_of_words(*words)), ops.engine)

    dtype = plan.dtype.compute
    return ops.host_call(compute, key.words, plan.result_shape, dtype.name)


def host_values(plan: Plan, engine: Engine | None = None) -> HostArray:
    """The elements of a plan that is computed on the host, as an array of the result's shape.

    All elements are computed, even if the plan is a window. Those of a dtype that NumPy lacks, and of
    float16, come as float32, to be rounded by whoever stores them.

    Raises
    ------
    ArgumentError
        If a number does not fit the dtype.
    """
    content, dtype = plan.content, plan.dtype
    if not isinstance(content, Computed):
        raise TypeError(f"a {type(content).__name__} is not computed on the host")
    if isinstance(plan.key, TracedKey):
        raise TypeError(f"{plan.key} is not known yet; wanted a Key")
    values = content.compute(Source(engine or ArrayEngine(), plan.key), dtype)
    if (dtype.is_floating or dtype.is_complex) and not content.checked:
        _check_range(values, plan.limits)
    with np.errstate(over="ignore"):
        values = plan.arranged(values.astype(dtype.compute.name, copy=False))
    # What a content keeps must not become somebody's array.
    return row_major(values if values.flags.writeable else values.copy("C"))


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


def _draw(plan: Plan, ops: Ops, numbering: Numbering, *, is_flat: bool = False) -> Array:
    content = plan.content
    assert isinstance(content, Distribution)
    counter = counters(ops, numbering)
    if (
        is_flat and len(numbering.sizes) > 1
    ):  # The standard takes from tables at one-dimensional indices alone.
        upper, lower = (x if isinstance(x, int) else ops.xp.reshape(x, (-1,)) for x in counter)
        counter = upper, lower
    first, second = threefry2x32(ArrayWords(ops.xp), _words(plan.required_key()), counter)
    return ops.cast(content.draw(ops, first, second), plan.dtype.name)


def _words(key: AnyKey) -> Pair:
    """The words of a key as the arithmetic of arrays takes them."""
    first, second = key.words
    return (signed(first), signed(second)) if isinstance(first, int) else (first, second)
