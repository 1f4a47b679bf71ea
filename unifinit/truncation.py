"""The standard deviation of a truncated normal variable, the same float on every machine.

The C library's exp and erf differ in their last bits, so it is computed in decimal arithmetic, whose every
digit is specified.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

DIGITS = 80
"""Enough for bounds that differ by little, or lie far from 0, where most of them cancel."""


@lru_cache(maxsize=256)
def truncated_stddev(lower: float, upper: float) -> float:
    """The standard deviation of a standard normal variable between two bounds.

    Johnson, Kotz & Balakrishnan, "Continuous Univariate Distributions" (1994), section 10.1. Between bounds
    beyond 30, which no number of the stream reaches, it is as if they were there.

    Parameters
    ----------
    lower, upper
        ``lower < upper``; they may be infinite.
    """
    import decimal

    with decimal.localcontext(decimal.Context(prec=DIGITS, Emin=-(10**6), Emax=10**6)):
        a, b = (decimal.Decimal(min(max(bound, -30.0), 30.0)) for bound in (lower, upper))
        mass = _integral(b) - _integral(a)
        low, high = (-a * a / 2).exp(), (-b * b / 2).exp()
        mean = (low - high) / mass
        variance = 1 + (a * low - b * high) / mass - mean * mean
        return float(variance.sqrt())


def _integral(x: Decimal) -> Decimal:
    """The integral of exp(-t²/2) from 0 to x: exp(-x²/2) times the sum of x^(2n+1) / (1 * 3 * ... (2n+1))."""
    total = term = x
    odd = 1
    while term and term.adjusted() > total.adjusted() - DIGITS - 2:
        odd += 2
        term *= x * x / odd
        total += term
    return total * (-x * x / 2).exp()
