"""From a block to fixed-point numbers of 64 bits: float64.

``unifinit.stream.single`` has the same names for 32 bits. All functions compute on int64 arrays.
"""

from __future__ import annotations

from unifinit.stream import tables
from unifinit.stream.octaves import normalise
from unifinit.stream.ops import Ops
from unifinit.types import Array

FRACTION_BITS = 52
"""A uniform number is one of 2**52 fractions."""
QUANTILE_BITS = 52
"""Normal quantiles come in units of 2**-52."""
LARGEST_QUANTILE = 37_345_474_251_055_714
"""The quantile at the last point, that is, the first entry of the table."""
INTEGER = "int64"

_SEGMENT_BITS = 5
_STEP_BITS = 53 - _SEGMENT_BITS
_HALF = _STEP_BITS // 2
_TOP = FRACTION_BITS + 1


def join(ops: Ops, first: Array, second: Array) -> Array:
    """The two words of a block as one int64, the first on top."""
    xp = ops.xp
    high = xp.bitwise_left_shift(ops.cast(first, "int64"), 32)
    return xp.bitwise_or(high, xp.bitwise_and(ops.cast(second, "int64"), 0xFFFFFFFF))


def fraction(ops: Ops, first: Array, second: Array) -> Array:
    """k, uniform on 0 <= k < 2**52, from the two words of a block."""
    xp = ops.xp
    joined = xp.bitwise_right_shift(join(ops, first, second), 12)
    return xp.bitwise_and(joined, (1 << FRACTION_BITS) - 1)


def centred(ops: Ops, k: Array) -> Array:
    """U = 4k - 2**53 + 1, the points at which JAX draws its normal numbers, in units of 2**-53."""
    return ops.xp.add(ops.xp.multiply(k, 4), 1 - (1 << _TOP))


def between(ops: Ops, k: Array, start: int, span: int) -> Array:
    """U = start + floor(k * span / 2**52) for 0 <= span <= 2**54.

    The product has up to 106 bits, so it is made of parts that fit 63.
    """
    xp = ops.xp
    half = FRACTION_BITS // 2
    mask = (1 << half) - 1
    k_high, k_low = xp.bitwise_right_shift(k, half), xp.bitwise_and(k, mask)
    span_high, span_low = span >> half, span & mask
    lowest = xp.bitwise_right_shift(xp.multiply(k_low, span_low), half)
    middle = xp.add(xp.multiply(k_high, span_low), xp.multiply(k_low, span_high))
    carried = xp.bitwise_right_shift(xp.add(middle, lowest), half)
    return xp.add(xp.add(xp.multiply(k_high, span_high), carried), start)


def quantile(ops: Ops, u: Array) -> Array:
    """The standard normal quantile of (1 + U * 2**-53) / 2, in units of 2**-52.

    A polynomial of degree 6 in each of 32 segments for each octave of t = 2**53 - |U|, that is, of
    the probability of the tail beyond the result; by Horner's scheme in fixed point.

    Parameters
    ----------
    ops
        Where to compute.
    u
        U, one-dimensional, ``-2**53 < U < 2**53``.
    """
    xp = ops.xp
    index, step = _locate(ops, xp.add(xp.negative(xp.abs(u)), 1 << _TOP))
    coefficients = tables.double()
    z = xp.take(ops.asarray(coefficients[-1]), index, axis=0)
    for row in coefficients[-2::-1]:
        z = xp.add(xp.take(ops.asarray(row), index, axis=0), _times(ops, z, step))
    z = xp.maximum(z, 0)  # Next to the median the error of the polynomial is larger than z.
    return xp.where(xp.less(u, 0), xp.negative(z), z)


def _locate(ops: Ops, tail: Array) -> tuple[Array, Array]:
    """The segment of t and the place in it, by moving the leading bit of t to a fixed place."""
    xp = ops.xp
    octave, tail = normalise(ops, tail, _TOP)
    segment = xp.bitwise_right_shift(tail, _TOP - _SEGMENT_BITS)
    index = xp.add(xp.multiply(xp.subtract(octave, 1), 1 << _SEGMENT_BITS), segment)
    return index, xp.bitwise_and(tail, (1 << _STEP_BITS) - 1)


def _times(ops: Ops, a: Array, step: Array) -> Array:
    """A * step * 2**-48 without the product of the low halves, which is below one unit.

    ``|a| < 2**48``, ``0 <= step < 2**48``; shifts round down.
    """
    xp = ops.xp
    mask = (1 << _HALF) - 1
    a_high, a_low = xp.bitwise_right_shift(a, _HALF), xp.bitwise_and(a, mask)
    step_high, step_low = xp.bitwise_right_shift(step, _HALF), xp.bitwise_and(step, mask)
    cross = xp.add(xp.multiply(a_high, step_low), xp.multiply(a_low, step_high))
    return xp.add(xp.multiply(a_high, step_high), xp.bitwise_right_shift(cross, _HALF))
