"""From a block to fixed-point numbers of 32 bits: all floating dtypes but float64.

``unifinit.stream.double`` has the same names for 64 bits. All functions compute on int32 arrays.
"""

from __future__ import annotations

from unifinit.stream import tables
from unifinit.stream.octaves import normalise
from unifinit.stream.ops import Ops
from unifinit.types import Array

FRACTION_BITS = 23
"""A uniform number is one of 2**23 fractions."""
QUANTILE_BITS = 28
"""Normal quantiles come in units of 2**-28."""
LARGEST_QUANTILE = 1_454_915_655
"""The quantile at the last point, that is, the first entry of the table."""
INTEGER = "int32"

_SEGMENT_BITS = 10
_STEP_BITS = 23 - _SEGMENT_BITS
_TOP = FRACTION_BITS + 1


def fraction(ops: Ops, first: Array, second: Array) -> Array:
    """k, uniform on 0 <= k < 2**23, from the two words of a block."""
    xp = ops.xp
    return xp.bitwise_and(xp.bitwise_right_shift(xp.bitwise_xor(first, second), 9), 0x7FFFFF)


def centred(ops: Ops, k: Array) -> Array:
    """U = 4k - 2**24 + 1, the points at which JAX draws its normal numbers, in units of 2**-24."""
    return ops.xp.add(ops.xp.multiply(k, 4), 1 - (1 << _TOP))


def between(ops: Ops, k: Array, start: int, span: int) -> Array:
    """U = start + floor(k * span / 2**23) for 0 <= span <= 2**25.

    The product has up to 48 bits, so it is made of parts that fit 31.
    """
    xp = ops.xp
    k_high, k_low = xp.bitwise_right_shift(k, 12), xp.bitwise_and(k, 0xFFF)
    span_high, span_low = span >> 11, span & 0x7FF
    lowest = xp.bitwise_right_shift(xp.multiply(k_low, span_low), 11)
    middle = xp.add(xp.multiply(k_high, 2 * span_low), xp.multiply(k_low, span_high))
    carried = xp.bitwise_right_shift(xp.add(middle, lowest), 12)
    return xp.add(xp.add(xp.multiply(k_high, span_high), carried), start)


def quantile(ops: Ops, u: Array) -> Array:
    """The standard normal quantile of (1 + U * 2**-24) / 2, in units of 2**-28.

    Linear interpolation in a table with 1024 segments for each octave of t = 2**24 - |U|, that is,
    of the probability of the tail beyond the result.

    Parameters
    ----------
    ops
        Where to compute.
    u
        U, one-dimensional, ``-2**24 < U < 2**24``.
    """
    xp = ops.xp
    tail = xp.add(xp.negative(xp.abs(u)), 1 << _TOP)
    locate = _locate_by_steps if ops.float32_bits is None else _locate_by_exponent
    index, step = locate(ops, tail)
    table = ops.asarray(tables.single())
    value, following = xp.take(table, index, axis=0), xp.take(table, xp.add(index, 1), axis=0)
    rise = xp.multiply(xp.subtract(following, value), step)
    z = xp.add(value, xp.bitwise_right_shift(rise, _STEP_BITS))
    return xp.where(xp.less(u, 0), xp.negative(z), z)


def _locate_by_steps(ops: Ops, tail: Array) -> tuple[Array, Array]:
    """The segment of t and the place in it, by moving the leading bit of t to a fixed place."""
    xp = ops.xp
    octave, tail = normalise(ops, tail, _TOP)
    segment = xp.bitwise_right_shift(tail, _TOP - _SEGMENT_BITS)
    index = xp.add(xp.multiply(xp.subtract(octave, 1), 1 << _SEGMENT_BITS), segment)
    return index, xp.bitwise_and(xp.bitwise_right_shift(tail, 1), (1 << _STEP_BITS) - 1)


def _locate_by_exponent(ops: Ops, tail: Array) -> tuple[Array, Array]:
    """The same, read off the bits of the float32 that equals t."""
    xp = ops.xp
    assert ops.float32_bits is not None
    bits = ops.float32_bits(ops.cast(tail, "float32"))
    index = xp.subtract(xp.bitwise_right_shift(bits, _STEP_BITS), 127 << _SEGMENT_BITS)
    return index, xp.bitwise_and(bits, (1 << _STEP_BITS) - 1)
