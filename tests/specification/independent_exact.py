"""Functions of real numbers, rounded once: what the pages of the families call the nearest number."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import mpmath


def nearest(function: Callable[[], mpmath.mpf]) -> float:
    """RN64 of a real number that mpmath computes, from as many bits as decide it."""
    bits = 120
    while True:
        with mpmath.workprec(bits):
            x = function()
        if not x:
            return 0.0
        exact = exactly(x)
        slack = abs(exact) / 2 ** (bits - 30)
        below, above = float(exact - slack), float(exact + slack)
        if below == above:
            return below
        assert bits < 10000, "a tie, or an error of more than 30 bits"
        bits *= 2


def exactly(x: mpmath.mpf) -> Fraction:
    mantissa, exponent = x.man_exp  # Of its magnitude.
    magnitude = Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
    return -magnitude if x < 0 else magnitude


def log(x: float) -> float:
    return nearest(lambda: mpmath.log(x))


def exp(x: float) -> float:
    return nearest(lambda: mpmath.exp(x))


def inverse_softplus(x: float) -> float:
    def value() -> mpmath.mpf:
        with mpmath.extraprec(80):
            return mpmath.log(mpmath.expm1(x))

    return nearest(value)


def power(base: Fraction, exponent: Fraction) -> float:
    """RN64 of base^exponent; where that is rational, it is a power of a root."""
    return nearest(lambda: rational(base) ** rational(exponent))


def cosine(turns: Fraction) -> float:
    """RN64 of cos(2 pi turns). Where the exact value is 0, so is mpmath's: the argument is then exact."""
    return nearest(lambda: mpmath.cospi(rational(2 * turns)))


def sine(turns: Fraction) -> float:
    return nearest(lambda: mpmath.sinpi(rational(2 * turns)))


def rational(x: Fraction) -> mpmath.mpf:
    return mpmath.mpf(x.numerator) / x.denominator
