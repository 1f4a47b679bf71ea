"""Exponentials and logarithms of arrays, rounded correctly.

The argument is reduced to a small one with the help of a table, and Taylor's series gives the rest: its
first terms as pairs of floats, the others, which are smaller by more than 2**-40, as floats.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

from unifinit.errors import ArgumentError
from unifinit.numerics import scalars
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
    two_product,
    two_sum,
)
from unifinit.numerics.scalars import log_enclosure, power_enclosure

PRECISION = 160
"""Bits of the numbers that tables and coefficients, as pairs, are nearest to."""
CHUNK = 4096
"""Elements that are computed together, so that caches hold what lies between."""
ERROR = 2.0**-90
"""More than the relative error of the pairs, which ``_log`` and ``_exp`` derive: less than 2**-92."""

LARGEST = float.fromhex("0x1.62e42fefa39efp+9")
"""The largest float64 whose exponential rounds to a float64: that of the next one is above 2**1024."""
NORMAL = -708.0
"""Below this exponentials are left to the scalar function: they may be subnormal, or 0."""
LOG_STEPS = 256
"""Intervals in the table of logarithms for m from 1 to 2."""
LOG_FIRST, LOG_LAST = 181, 362
"""Where LOG_STEPS * m lies for the m that occur, from 0.7071 to 1.4142, rounded."""
EXP_STEPS = 256
"""Intervals in the table of powers of 2 for exponents from 0 to 1."""


def log_array(x: npt.ArrayLike) -> Numbers:
    """The natural logarithm of each element, rounded correctly.

    Parameters
    ----------
    x
        Positive finite numbers, of any shape.

    Examples
    --------
    >>> log_array([1.0, 2.0])
    array([0.        , 0.69314718])
    """
    x = np.asarray(x, np.float64)
    _refuse(x, ~((x > 0) & (x < np.inf)), "positive finite numbers")
    return _in_chunks(_log, x)


def exp_array(x: npt.ArrayLike) -> Numbers:
    """The exponential of each element, rounded correctly.

    Parameters
    ----------
    x
        Finite numbers below 709.79, of any shape. Those below -708 take a thousand times as long as others.

    Examples
    --------
    >>> exp_array([0.0, 1.0])
    array([1.        , 2.71828183])
    """
    x = np.asarray(x, np.float64)
    _refuse(x, ~((x > -np.inf) & (x <= LARGEST)), "finite numbers below 709.79")
    return _in_chunks(_exp, x)


def _refuse(x: Numbers, wrong: npt.NDArray[np.bool_], wanted: str) -> None:
    if wrong.any():
        raise ArgumentError(f"x: got {x[wrong][0]}, wanted {wanted}")


def _in_chunks(function: Callable[[Numbers], Numbers], x: Numbers) -> Numbers:
    result = np.empty(x.size)
    source = x.reshape(-1)
    with np.errstate(all="ignore"):  # The second parts of pairs may underflow.
        for start in range(0, x.size, CHUNK):
            result[start : start + CHUNK] = function(source[start : start + CHUNK])
    return result.reshape(x.shape)


def _log(x: Numbers) -> Numbers:
    """As e log 2 - log r + log1p z where x = m 2**e, r is nearly 1 / m, and z = r m - 1.

    z is a pair without an error, and |z| < 2**-8.4. The result is log1p z itself where e = 0 and r = 1, and
    at least 0.49 of the largest term everywhere else. So the errors of the operations on pairs, relative to
    the result, add up to less than 2**-96.

    In log1p(z) / z the terms from z**5 / 6 on are floats, with an error below 2**-51 * 2**-42 / 6 (for a
    coefficient, a sum, z and a product, each rounded once), and those from z**11 / 12 on are left out:
    together below 2**-94.
    """
    log_2, reciprocals, logs = _log_tables()
    m, e = np.frexp(x)
    low = m < 0.7071  # No matter which number exactly.
    m, e = np.where(low, 2 * m, m), (e - low).astype(np.float64)
    place = np.rint(m * LOG_STEPS).astype(np.intp) - LOG_FIRST
    product, error = two_product(m, reciprocals[place])
    z = fast_two_sum(product - 1, error)
    tail = polynomial(z[0], [(-1) ** k / (k + 1) for k in range(10, 4, -1)])
    log1p = plus(z, times(z, times(z, series(z, tail, _log_series()))))
    near_zero = plus((logs[0][place], logs[1][place]), log1p)
    value = plus(times((e, 0.0), log_2), near_zero)
    return rounded(value, ERROR * np.abs(value[0]), lambda i: scalars.log(x[i]))


@cache
def _log_tables() -> tuple[Pair, Numbers, Pair]:
    """The logarithm of 2, the numbers r, of at most 13 bits so that r m - 1 is a pair, and -log r."""
    from fractions import Fraction

    reciprocals = [Fraction(round(4096 * LOG_STEPS / i), 4096) for i in range(LOG_FIRST, LOG_LAST + 1)]
    logs = table(-log_enclosure(r, PRECISION)[0] for r in reciprocals)
    return pair(log_enclosure(Fraction(2), PRECISION)[0]), np.array([float(r) for r in reciprocals]), logs


@cache
def _log_series() -> list[Pair]:
    """The coefficients 1/5, -1/4, 1/3 and -1/2."""
    from fractions import Fraction

    return [pair(Fraction((-1) ** k, k + 1)) for k in range(4, 0, -1)]


def _exp(x: Numbers) -> Numbers:
    """As 2**(k // n) * 2**(k % n / n) * exp r where r = x - k log(2) / n, and n is ``EXP_STEPS``.

    |k| < 2**19, and log(2) / n is the sum of two numbers of 34 bits, whose products with k are exact, and of
    a third one. The difference of x and the first product is exact, too: if k is not 0, it is a multiple of
    2**-62 below 2**-9. What is left makes the error of r less than 2**-108; and |r| < 2**-9.5.

    In exp r the terms from r**4 / 24 on are floats, with an error below 2**-51 * 2**-38 / 24, and those from
    r**9 / 9! on are left out: together below 2**-93. The operations on pairs add less than 2**-100.
    """
    steps, powers = _exp_tables()
    y = np.maximum(x, -746.0)  # So that k stays small. The result will not be used.
    k = np.rint(y * (1 / steps[0]))
    high, low = two_sum(y - k * steps[0], -k * steps[1])
    r = two_sum(high, low - k * steps[2])
    tail = polynomial(r[0], [1 / math.factorial(n) for n in range(8, 3, -1)])
    growth = times(r, series(r, tail, _exp_series()))
    whole, place = np.divmod(k.astype(np.int32), np.int32(EXP_STEPS))
    power = powers[0][place], powers[1][place]
    value = plus(power, times(power, growth))
    # An error that is not a number leaves the rounding open.
    error = np.where(x < NORMAL, np.nan, ERROR * value[0])
    mantissa = rounded(value, error, lambda i: math.ldexp(scalars.exp(x[i]), -int(whole[i])))
    return np.ldexp(mantissa, whole)


@cache
def _exp_tables() -> tuple[tuple[float, float, float], Pair]:
    """The parts of log(2) / n, and the powers 2**(i / n)."""
    from fractions import Fraction

    step = log_enclosure(Fraction(2), PRECISION)[0] / EXP_STEPS
    first = Fraction(math.floor(step * 2**42), 2**42)
    second = Fraction(math.floor((step - first) * 2**76), 2**76)
    powers = table(
        power_enclosure(Fraction(2), Fraction(i, EXP_STEPS), PRECISION)[0] for i in range(EXP_STEPS)
    )
    return (float(first), float(second), float(step - first - second)), powers


@cache
def _exp_series() -> list[Pair]:
    """The coefficients 1/6, 1/2 and 1."""
    from fractions import Fraction

    return [pair(Fraction(1, math.factorial(n))) for n in range(3, 0, -1)]
