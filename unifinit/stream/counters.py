"""The counters of elements as two words each, where a framework has integers of 32 bits alone."""

from __future__ import annotations

from unifinit.numbering import Numbering
from unifinit.stream.ops import Ops
from unifinit.stream.threefry import MASK, ArrayWords, Pair, Word, signed
from unifinit.types import Array

_LOWEST = -(2**31)


def counters(ops: Ops, numbering: Numbering) -> Pair:
    """The upper and the lower word of each element's number, in the shape of the array.

    The upper one is an int where all elements share it. There is at least one axis and one element, and no
    axis has more than 2**31 of them.
    """
    words = ArrayWords(ops.xp)
    first, sizes, steps = numbering
    lowest, highest = numbering.ends
    is_shared = lowest >> 32 == highest >> 32
    upper: Word = signed(lowest >> 32 if is_shared else first >> 32)
    lower: Word = signed(first)
    rank = len(sizes)
    for axis, (size, step) in enumerate(zip(sizes, steps, strict=True)):
        if size == 1 and axis < rank - 1:
            continue
        shape = (1,) * axis + (size,) + (1,) * (rank - 1 - axis)
        index = ops.xp.reshape(ops.arange(size), shape)
        below = _times(ops, index, signed(step))
        lower = words.add(below, lower)
        if not is_shared:
            carry = ops.cast(_is_below(ops, lower, below), "int32")
            upper = words.add(words.add(_upper_product(ops, index, step), carry), upper)
    return upper, lower


def _times(ops: Ops, index: Array, factor: int) -> Array:
    return index if factor == 1 else ops.xp.multiply(index, factor)


def _is_below(ops: Ops, a: Array, b: Array) -> Array:
    """Whether a < b, of unsigned words."""
    xp = ops.xp
    return xp.less(xp.bitwise_xor(a, _LOWEST), xp.bitwise_xor(b, _LOWEST))


def _upper_product(ops: Ops, index: Array, step: int) -> Array:
    """The upper word of index * step modulo 2**64, made of products of 16 bits; 0 <= index < 2**31."""
    xp = ops.xp

    def upper_half(x: Array) -> Array:
        return xp.bitwise_and(xp.bitwise_right_shift(x, 16), 0xFFFF)

    high, low = upper_half(index), xp.bitwise_and(index, 0xFFFF)
    step_high, step_low = step >> 16 & 0xFFFF, step & 0xFFFF
    carried = upper_half(xp.multiply(low, step_low))
    middle = xp.add(xp.multiply(high, step_low), carried)
    across = xp.add(xp.multiply(low, step_high), xp.bitwise_and(middle, 0xFFFF))
    product = xp.add(xp.add(xp.multiply(high, step_high), upper_half(middle)), upper_half(across))
    return xp.add(product, xp.multiply(index, signed(step >> 32 & MASK)))
