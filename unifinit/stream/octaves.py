"""The octave of an integer, without a logarithm and without looking at a float's bits."""

from __future__ import annotations

from unifinit.stream.ops import Ops
from unifinit.types import Array


def normalise(ops: Ops, number: Array, top: int) -> tuple[Array, Array]:
    """The place of the leading bit, and the number with that bit moved up to place ``top``.

    Parameters
    ----------
    ops
        Where to compute.
    number
        Integers, ``1 <= number < 2**(top + 1)``.
    top
        At most two less than the width of the integers.

    Returns
    -------
    octave, moved
        ``2**octave <= number < 2**(octave + 1)`` and ``moved == number << (top - octave)``.
    """
    xp = ops.xp
    octave = xp.add(xp.multiply(number, 0), top)
    shift = 1 << (top.bit_length() - 1)
    while shift:
        low = xp.less(number, 1 << (top + 1 - shift))
        number = xp.where(low, xp.bitwise_left_shift(number, shift), number)
        octave = xp.where(low, xp.subtract(octave, shift), octave)
        shift >>= 1
    return octave, number
