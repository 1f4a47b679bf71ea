"""The frequencies of diagonal state space models, each the float64 that is nearest to a real number."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction


@lru_cache
def frequencies(kind: str, size: int) -> tuple[float, ...]:
    """The imaginary parts of a kind of diagonal state matrix, rounded once."""
    states = 2 * size
    if kind == "lin":
        return tuple(times_pi(n, 1, 1) for n in range(size))
    if kind == "inv":
        return tuple(times_pi(states * (states - 2 * n - 1), 2 * n + 1, -1) for n in range(size))
    return legs_frequencies(size) if kind == "legs" else (0.0,) * size


def times_pi(numerator: int, denominator: int, power: int) -> float:
    """A non-negative rational number times pi, or divided by it if the power is -1, rounded once.

    Examples
    --------
    >>> times_pi(1, 2, 1)
    1.5707963267948966
    """
    from fractions import Fraction

    from unifinit.numerics.circle import pi_fixed
    from unifinit.numerics.rounding import settled

    def enclose(bits: int) -> tuple[Fraction, Fraction]:
        value = Fraction(numerator, denominator) * Fraction(pi_fixed(bits), 2**bits) ** power
        return value, value / 2**bits  # Pi is wrong by less than 2**-bits, relatively by less than a third.

    return settled(enclose, "a multiple of pi") if numerator else 0.0


def legs_frequencies(size: int) -> tuple[float, ...]:
    """The positive imaginary parts of the eigenvalues of the normal part of LegS, correctly rounded.

    A + B B^T / 2 is -1/2 on the diagonal and (B B^T) / 2 with a sign elsewhere, - below and + above. From
    v[n] (mu + b) = b (sum of v[k], k > n, less that of v[k], k < n) with b = n + 1/2, the eigenvalues -1/2 +
    mu are those for which the product of (mu - b) / (mu + b) over all N = 2 size rows is -1. For mu = iw each
    factor turns by twice the angle atan(w / b), so that w is the number for which the sum of these angles is
    pi (m + 1/2), m = 0, 1, ..., size - 1.

    Returns
    -------
    tuple of float
        The largest first.
    """
    return tuple(_legs_frequency(m, 2 * size) for m in reversed(range(size)))


def _legs_frequency(m: int, states: int) -> float:
    """The frequency number m from below.

    Newton's method in floats only proposes numbers; exact integers decide. 2w is the root of a polynomial
    with integer coefficients and the leading coefficient 1 or -1, so if w is rational it is half an integer:
    it never lies midway between two floats.
    """
    from fractions import Fraction

    from unifinit.numerics.rounding import nearest

    guess = _guess(m, states)
    while True:
        low, high = (Fraction(math.nextafter(guess, end)) for end in (0.0, math.inf))
        exact = Fraction(guess)
        if _below((low + exact) / 2, states)[0] <= m < _below((exact + high) / 2, states)[0]:
            return guess
        real, imag = _below(exact, states)[1]
        slope = sum(2 * odd / (odd * odd + 4 * guess * guess) for odd in range(1, 2 * states, 2))
        better = nearest(exact + Fraction(real, imag) / Fraction(slope))
        if better == guess:
            raise AssertionError(f"frequency {m} of {states} states does not converge")
        guess = better


def _guess(m: int, states: int) -> float:
    """An approximation, by bisection of the sum of the angles."""
    low, high = 0.0, float(states * states)
    for _ in range(64):
        middle = (low + high) / 2
        angle = sum(math.atan(2 * middle / odd) for odd in range(1, 2 * states, 2))
        low, high = (middle, high) if angle < math.pi * (m + 0.5) else (low, middle)
    return (low + high) / 2


def _below(w: Fraction, states: int) -> tuple[int, tuple[int, int]]:
    """How many frequencies do not exceed w, and a product whose angle is the sum of all angles.

    Each factor turns the product by less than a right angle, so that it passes the imaginary axis once when
    the sum passes a number pi (m + 1/2).
    """
    real, imag, side, count = 1, 0, 1, 0
    step = 2 * w.numerator
    for odd in range(1, 2 * states, 2):
        along = odd * w.denominator
        real, imag = along * real - step * imag, along * imag + step * real
        if side * real <= 0:
            side, count = -side, count + 1
    return count, (real, imag)
