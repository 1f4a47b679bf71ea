"""Arithmetic of numbers that are the sum of two float64, the second at most half an ulp of the first.

Of Dekker (1971), with the bounds of Joldes, Muller & Popescu, "Tight and rigorous error bounds for basic
building blocks of double-word arithmetic" (2017). They hold if nothing overflows, and if each sum and
product is rounded to float64 by itself, which NumPy's operations on arrays do. What underflows is lost, an
absolute error of 2**-1074 that no user of this module has to notice.

``u`` is 2**-53.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from unifinit.numerics.rounding import nearest

if TYPE_CHECKING:
    from fractions import Fraction

Numbers: TypeAlias = npt.NDArray[np.float64]
Part: TypeAlias = Any
"""An array or a Python float, which stands for all elements."""
Pair: TypeAlias = tuple[Part, Part]


def pair(value: Fraction) -> Pair:
    """The pair nearest to a rational number; the relative error is below 2u**2."""
    from fractions import Fraction

    first = nearest(value)
    return first, nearest(value - Fraction(first))


def table(values: Iterable[Fraction]) -> tuple[Numbers, Numbers]:
    """The pairs nearest to rational numbers, first parts and second parts each in an array."""
    pairs = [pair(value) for value in values]
    return np.array([first for first, _ in pairs]), np.array([second for _, second in pairs])


def two_sum(a: Part, b: Part) -> Pair:
    """A sum and its error, exactly."""
    total = a + b
    rest = total - a
    return total, (a - (total - rest)) + (b - rest)


def fast_two_sum(a: Part, b: Part) -> Pair:
    """The same where a is 0, or not smaller than b."""
    total = a + b
    return total, b - (total - a)


def two_product(a: Part, b: Part) -> Pair:
    """A product and its error, exactly."""
    product = a * b
    a_high, a_low = _halves(a)
    b_high, b_low = _halves(b)
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def _halves(a: Part) -> Pair:
    """Veltkamp's splitting into two parts whose products are exact."""
    scaled = a * 134217729.0  # 2**27 + 1
    high = scaled - (scaled - a)
    return high, a - high


def plus(x: Pair, y: Pair) -> Pair:
    """A sum of pairs; the error is below 4 u**2 (|x| + |y|) if |x + y| is at least |x| / 4 and |y| / 4."""
    total, error = two_sum(x[0], y[0])
    return fast_two_sum(total, error + (x[1] + y[1]))


def times(x: Pair, y: Pair) -> Pair:
    """A product of pairs; the relative error is below 7 u**2."""
    product, error = two_product(x[0], y[0])
    return fast_two_sum(product, error + (x[0] * y[1] + x[1] * y[0]))


def polynomial(x: Part, coefficients: Iterable[float]) -> Part:
    """A polynomial of floats by Horner's scheme, the coefficient of the highest power first."""
    value = 0.0
    for coefficient in coefficients:
        value = value * x + coefficient
    return value


def series(x: Pair, tail: Part, coefficients: Iterable[Pair]) -> Pair:
    """A polynomial of pairs, to be continued by a float ``tail`` that is multiplied by x once more."""
    first, *others = coefficients
    value = plus(first, (tail * x[0], 0.0))
    for coefficient in others:
        value = plus(coefficient, times(value, x))
    return value


def rounded(value: Pair, error: Part, exact: Callable[[int], float]) -> Numbers:
    """What pairs with known errors round to.

    Parameters
    ----------
    value
        Pairs.
    error
        What bounds the errors, with a margin for the addition of ``error`` itself, 2u**2 of the value.
    exact
        From the place of an element to its correctly rounded value. It is called for those whose rounding
        the pair leaves open: 1 in 2**(b - 54) if the relative error is 2**-b.
    """
    low, high = value[0] + (value[1] - error), value[0] + (value[1] + error)
    # Rounding is monotonic, so if both ends of the enclosure round to one number, so does all between.
    for place in np.flatnonzero(low != high).tolist():
        low.flat[place] = exact(place)
    return low  # type: ignore[no-any-return]
