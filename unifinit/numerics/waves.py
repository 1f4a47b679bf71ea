"""Sines and cosines of arrays of angles, rounded correctly.

An angle is an integer times a frequency, as in encodings of positions and in Fourier matrices. The frequency,
in turns, is a fixed-point number of 128 bits, so that integers also reduce the angle to a part of a turn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from operator import index
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from unifinit.errors import ArgumentError
from unifinit.numerics.circle import cos_turns, pi_fixed, sin_turns, sincos_fixed
from unifinit.numerics.pairs import (
    Numbers,
    Pair,
    fast_two_sum,
    pair,
    plus,
    polynomial,
    rounded,
    series,
    table,
    times,
)
from unifinit.numerics.rounding import Enclosure, settled
from unifinit.numerics.scalars import power_enclosure, rational

if TYPE_CHECKING:
    from fractions import Fraction

Words: TypeAlias = npt.NDArray[np.uint64]
Integers: TypeAlias = npt.NDArray[np.int64]

CHUNK = 4096
"""Elements that are computed together, so that caches hold what lies between."""
ERROR = 2.0**-90
"""More than the absolute error of the pairs, which ``_sincos`` derives: less than 2**-93."""
FREQUENCY_BITS = 128
LARGEST_POSITION = 2**31 - 1
STEP_BITS = 10
"""There are 2**10 intervals in a turn for the table of sines."""
PRECISION = 160
"""Bits of the numbers that tables and coefficients, as pairs, are nearest to."""


def sincos_products(
    positions: npt.ArrayLike, frequencies: Sequence[tuple[float | Fraction, float | Fraction]]
) -> tuple[Numbers, Numbers]:
    """sin(p w) and cos(p w) of each position p and each frequency w, rounded correctly.

    Parameters
    ----------
    positions
        Integers, ``0 <= p < 2**31``, one-dimensional.
    frequencies
        Base and exponent of each, as for ``power``: w is exactly the power, and between 2**-1000 and 2**1000.
        Results below 2**-36, which common frequencies hardly have, take a thousand times as long as others.

    Returns
    -------
    sines, cosines
        Of shape (positions, frequencies).

    Examples
    --------
    >>> sines, cosines = sincos_products([0, 1], [(10000, 0), (10000, -0.5)])
    >>> sines
    array([[0.        , 0.        ],
           [0.84147098, 0.00999983]])
    """
    p = np.asarray(positions)
    if p.ndim != 1 or not _are_integers(p) or np.any((p < 0) | (p > LARGEST_POSITION)):
        raise ArgumentError(
            f"positions: got {positions!r}, wanted one dimension of integers from 0 to 2**31 - 1"
        )
    p = p.astype(np.int64)
    powers = [
        (rational(base, "base", above=0), rational(exponent, "exponent")) for base, exponent in frequencies
    ]
    words = _words([_frequency_in_turns(base, exponent, FREQUENCY_BITS) for base, exponent in powers])
    shape = len(p), len(powers)
    sines, cosines = np.empty(shape), np.empty(shape)

    def exact(place: int, which: int) -> float:
        row, column = divmod(place, len(powers))
        return _sincos_product(int(p[row]), *powers[column], which)

    rows = max(1, CHUNK // max(1, len(powers)))
    for start in range(0, len(p), rows):
        part = slice(start, start + rows)
        sines[part], cosines[part] = _sincos(p[part, None], words, exact, start * len(powers))
    return sines, cosines


def sincos_turns_array(num: npt.ArrayLike, den: int) -> tuple[Numbers, Numbers]:
    """sin(2 pi num / den) and cos(2 pi num / den) of each numerator, rounded correctly.

    Parameters
    ----------
    num
        Integers, of any shape.
    den
        A positive integer below 2**31.

    Returns
    -------
    sines, cosines
        Of the shape of ``num``.

    Examples
    --------
    >>> sincos_turns_array([0, 1, 2, 3], 4)[0].tolist()
    [0.0, 1.0, 0.0, -1.0]
    """
    den = index(den)
    if not 1 <= den <= LARGEST_POSITION:
        raise ArgumentError(f"den: got {den}, wanted an integer from 1 to 2**31 - 1")
    n = np.asarray(num)
    if not _are_integers(n):
        raise ArgumentError(f"num: got an array of {n.dtype}, wanted one of integers")
    n = n % np.uint64(den) if n.dtype == np.uint64 else n.astype(np.int64) % den
    n = n.astype(np.int64)
    if n.size <= den:
        sines, cosines = _distinct_turns(n.reshape(-1), den)
        return sines.reshape(n.shape), cosines.reshape(n.shape)
    sines, cosines = _distinct_turns(np.arange(den), den)
    return sines[n], cosines[n]


def _distinct_turns(num: Integers, den: int) -> tuple[Numbers, Numbers]:
    words = _words([(1 << FREQUENCY_BITS) // den])
    sines, cosines = np.empty(num.size), np.empty(num.size)

    def exact(place: int, which: int) -> float:
        return (sin_turns, cos_turns)[which](int(num[place]), den)

    for start in range(0, num.size, CHUNK):
        part = slice(start, start + CHUNK)
        sines[part], cosines[part] = _sincos(num[part], words, exact, start)
    return sines, cosines


def _are_integers(values: npt.NDArray[Any]) -> bool:
    return values.dtype.kind in "iu" or values.size == 0


def _words(frequencies: Iterable[int]) -> Words:
    """Frequencies of 128 bits as four words of 32, the lowest first; whole turns are left out."""
    return np.array(
        [
            [frequency >> shift & 0xFFFFFFFF for frequency in frequencies]
            for shift in range(0, FREQUENCY_BITS, 32)
        ],
        np.uint64,
    )


def _sincos(
    positions: Integers, words: Words, exact: Callable[[int, int], float], start: int
) -> tuple[Numbers, Numbers]:
    """Sines and cosines of positions times frequencies, which are broadcast.

    With s and c of the nearest of the angles in the table, and a rest r of |r| <= pi / 1024 < 2**-8.3,
    sin(a + r) = s + (s (cos r - 1) + c sin r), and likewise the cosine.

    The frequencies are wrong by less than 2 units of 2**-128, the angles by less than 2**31 times that and
    2**-117 in turns, that is, 2**-93.3 in radians; so are sine and cosine. In sin r the terms from r**5 / 120
    on are floats, with an error below 2**-51 * 2**-41 / 120, and in cos r - 1 those from r**6 / 720 on, with
    a smaller one; those left out are below 2**-104. The operations on pairs add less than 2**-99. All this
    together is below 2**-93.

    Parameters
    ----------
    positions, words
        The frequencies along the last axis, to which the last one of the positions is broadcast.
    exact
        From an element's place and 0 or 1 to its sine or cosine, for those that pairs leave open.
    start
        The place of the first element.
    """
    place, turns = _reduced(positions.astype(np.uint64), words)
    two_pi, sine_series, cosine_series, table_of_sines, table_of_cosines = _constants()
    r = times(turns, two_pi)
    square = times(r, r)
    tail = polynomial(square[0], [1 / math.factorial(9), -1 / math.factorial(7), 1 / math.factorial(5)])
    sine = times(r, series(square, tail, sine_series))
    tail = polynomial(square[0], [1 / math.factorial(8), -1 / math.factorial(6)])
    cosine = times(square, series(square, tail, cosine_series))  # Less 1.
    s = table_of_sines[0][place], table_of_sines[1][place]
    c = table_of_cosines[0][place], table_of_cosines[1][place]
    minus_s = -s[0], -s[1]
    sines = plus(s, plus(times(s, cosine), times(c, sine)))
    cosines = plus(c, plus(times(c, cosine), times(minus_s, sine)))
    return (
        rounded(sines, ERROR, lambda i: exact(start + i, 0)),
        rounded(cosines, ERROR, lambda i: exact(start + i, 1)),
    )


def _reduced(positions: Words, words: Words) -> tuple[npt.NDArray[np.intp], Pair]:
    """The nearest angle in the table and the rest in turns, of positions times frequencies.

    Products of 31 and 32 bits leave room for what is carried from the word below.
    """
    half, mask = np.uint64(32), np.uint64(0xFFFFFFFF)
    first = positions * words[0]
    second = positions * words[1] + (first >> half)
    third = positions * words[2] + (second >> half)
    fourth = positions * words[3] + (third >> half)
    high, low = fourth << half | third & mask, second << half | first & mask
    shift = np.uint64(64 - STEP_BITS)
    place = (high + np.uint64(1 << 63 - STEP_BITS)) >> shift  # Modulo 2**64, that is, a whole turn.
    rest = (high - (place << shift)).view(np.int64)  # From -2**53 to 2**53: no float is rounded.
    below = (low >> np.uint64(11)).view(np.int64)
    turns = fast_two_sum(rest.astype(np.float64) * 2.0**-64, below.astype(np.float64) * 2.0**-117)
    return place.astype(np.intp), turns


@cache
def _constants() -> tuple[Pair, list[Pair], list[Pair], tuple[Numbers, Numbers], tuple[Numbers, Numbers]]:
    """2 pi, the first coefficients of sin r / r and (cos r - 1) / r**2, from the last, and the two tables."""
    from fractions import Fraction

    def value(fixed: int) -> Fraction:
        return Fraction(fixed, 1 << PRECISION)

    quarter = 1 << STEP_BITS - 2
    rising = [sincos_fixed(i << PRECISION - STEP_BITS, PRECISION)[0] for i in range(quarter + 1)]
    half_turn = rising[:-1] + rising[:0:-1]
    turn = half_turn + [-sine for sine in half_turn]
    return (
        pair(2 * value(pi_fixed(PRECISION))),
        [pair(Fraction(-1, 6)), pair(Fraction(1))],
        [pair(Fraction(1, 24)), pair(Fraction(-1, 2))],
        table(map(value, turn)),
        table(map(value, turn[quarter:] + turn[:quarter])),
    )


def _sincos_product(position: int, base: Fraction, exponent: Fraction, which: int) -> float:
    """The sine or the cosine of a product: transcendental, as the angle is algebraic, unless it is 0."""
    from fractions import Fraction

    if position == 0:
        return float(which)

    def enclose(bits: int) -> Enclosure:
        turns = position * _frequency_in_turns(base, exponent, bits) % (1 << bits)
        # 2 units of the frequency, times 2 pi, and 2 of the result.
        return (
            Fraction(sincos_fixed(turns, bits)[which], 1 << bits),
            Fraction(13 * position + 2, 1 << bits),
        )

    return settled(enclose, "a sine or cosine")


@lru_cache(maxsize=1024)
def _frequency_in_turns(base: Fraction, exponent: Fraction, bits: int) -> int:
    """base**exponent / (2 pi) in fixed point, with an error below 2 units."""
    precision = bits
    while True:
        precision += 64
        centre, radius = power_enclosure(base, exponent, precision)
        if not 2.0**-1000 < centre < 2.0**1000:
            raise ArgumentError(
                f"frequency: got {base}**({exponent}), wanted one between 2**-1000 and 2**1000"
            )
        if radius * 2**bits <= 1:
            break
    # The frequency is now known to a sixth of a unit in turns, and one of pi makes less than a tenth of one.
    wide = bits + math.ceil(centre).bit_length()
    return (centre.numerator << bits + wide - 1) // (centre.denominator * pi_fixed(wide))
