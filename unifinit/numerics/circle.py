"""Pi, sines and cosines in fixed point, and those of fractions of a turn, rounded correctly.

A fixed-point number of ``bits`` is an integer that counts units of 2**-bits.
"""

from __future__ import annotations

from functools import lru_cache
from operator import index

from unifinit.errors import ArgumentError
from unifinit.numerics.rounding import Enclosure, settled


def sin_turns(num: int, den: int) -> float:
    """sin(2 pi num / den).

    Parameters
    ----------
    num
        An integer.
    den
        A positive integer.

    Examples
    --------
    >>> sin_turns(1, 12)
    0.5
    """
    num, den = _part_of_turn(num, den)
    return 0.0 if 2 * num in {0, den} else settled(lambda bits: _enclosure(num, den, 0, bits), "a sine")


def cos_turns(num: int, den: int) -> float:
    """cos(2 pi num / den).

    Parameters
    ----------
    num
        An integer.
    den
        A positive integer.

    Examples
    --------
    >>> cos_turns(1, 8)
    0.7071067811865476
    """
    num, den = _part_of_turn(num, den)
    return (
        0.0 if 4 * num in {den, 3 * den} else settled(lambda bits: _enclosure(num, den, 1, bits), "a cosine")
    )


def _part_of_turn(num: int, den: int) -> tuple[int, int]:
    num, den = index(num), index(den)  # NumPy's integers would overflow.
    if den < 1:
        raise ArgumentError(f"den: got {den}, wanted a positive integer")
    return num % den, den


def _enclosure(num: int, den: int, which: int, bits: int) -> Enclosure:
    """Of a sine or a cosine; 0 is the only value that this cannot settle, as rational ones are 0, 1/2 and 1.

    (Niven, "Irrational Numbers", 1956, corollary 3.12. Both 1/2 and 1 are floats, not midway between two.)
    """
    from fractions import Fraction

    value = sincos_fixed((num << bits) // den, bits)[which]
    return Fraction(value, 2**bits), Fraction(9, 2**bits)  # 2 pi times the unit of the angle, and 2.


def sincos_fixed(turns: int, bits: int) -> tuple[int, int]:
    """The sine and the cosine of an angle.

    Parameters
    ----------
    turns
        The angle as a part of a turn, in fixed point, 0 <= turns <= 2**bits.
    bits
        At least 16.

    Returns
    -------
    sine, cosine
        In fixed point, with errors below 2 units.
    """
    guard = bits.bit_length() + 8
    wide = bits + guard
    quarters = (turns + (1 << bits - 3)) >> bits - 2
    # At most pi/4, with an error below 2 units of 2**-wide; its square then has one below 5.
    angle = (turns - (quarters << bits - 2)) * pi_fixed(wide) >> bits - 1
    square = angle * angle >> wide
    sine, cosine = _series(angle, square, 1, wide) >> guard, _series(1 << wide, square, 0, wide) >> guard
    return ((sine, cosine), (cosine, -sine), (-sine, -cosine), (-cosine, sine))[quarters % 4]


def _series(term: int, square: int, degree: int, bits: int) -> int:
    """Taylor's series in fixed point, from its first term on.

    A term with an error of e has a successor with one below 0.31 e + 4, so all errors are below 6 units.
    At most ``bits`` terms are not 0, and those that follow are smaller than the first error. So the sum's
    error is below 6 ``bits`` + 6 units, which ``sincos_fixed`` has guard bits for.
    """
    total = 0
    while term:
        total += term
        degree += 2
        term = -(term * square >> bits) // (degree * (degree - 1))
    return total


@lru_cache
def pi_fixed(bits: int) -> int:
    """Pi in fixed point, with an error below 1 unit, by Machin's formula pi = 16 acot 5 - 4 acot 239.

    Examples
    --------
    >>> hex(pi_fixed(64))
    '0x3243f6a8885a308d3'
    """
    guard = bits.bit_length() + 8  # The two series err by less than 20 * 2.1 units for each 4.6 bits.
    one = 1 << bits + guard
    return (16 * _arccot(5, one) - 4 * _arccot(239, one)) >> guard


def _arccot(number: int, one: int) -> int:
    """Gregory's series; each of its terms has an error of less than 2.1 units."""
    power = total = one // number
    degree = 1
    while power:
        power //= -number * number
        degree += 2
        total += power // degree
    return total
