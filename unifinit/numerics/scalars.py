"""Exponentials, logarithms and powers of single numbers, rounded correctly.

``decimal`` rounds exp, ln and the four operations correctly at any precision, in both of its
implementations. The bounds here allow twice that error: the result of an operation at a precision of
``bits`` is taken to have a relative error of up to one unit, 2**-bits.

Subnormal results are rounded like others, and what is too small for them becomes 0. Results too large for
float64 are refused.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from unifinit.errors import ArgumentError
from unifinit.numerics.rounding import Enclosure, nearest, representable, settled

if TYPE_CHECKING:
    from decimal import Context, Decimal
    from fractions import Fraction

LARGEST_EXPONENT = 710
"""exp(710) > 2**1024."""
SMALLEST_EXPONENT = -746
"""exp(-746) < 2**-1076, and 2**-1075 already rounds to 0."""
SMALL = 2.0**-60
"""If x is smaller, then exp(x) - 1 and log(1 + x) are so close to it, within x**2, that they round to it."""


def exp(x: float) -> float:
    """The exponential.

    Parameters
    ----------
    x
        A finite number below 709.79.

    Examples
    --------
    >>> exp(1.0)
    2.718281828459045
    """
    exact = rational(x, "x")
    return settled(lambda bits: _exp_enclosure(exact, 0, bits), f"exp({x!r})")


def expm1(x: float) -> float:
    """exp(x) - 1, rounded once.

    Parameters
    ----------
    x
        A finite number below 709.79.
    """
    exact = rational(x, "x")
    if abs(x) < SMALL:
        return float(x)

    def enclose(bits: int) -> Enclosure:
        value, radius = _exp_enclosure(exact, 0, bits)
        return value - 1, radius

    return settled(enclose, f"expm1({x!r})")


def log(x: float) -> float:
    """The natural logarithm.

    Parameters
    ----------
    x
        A positive finite number.

    Examples
    --------
    >>> log(2.0)
    0.6931471805599453
    """
    exact = rational(x, "x", above=0)
    return 0.0 if x == 1 else settled(lambda bits: log_enclosure(exact, bits), f"log({x!r})")


def log1p(x: float) -> float:
    """log(1 + x), rounded once.

    Parameters
    ----------
    x
        A finite number above -1.
    """
    exact = rational(x, "x", above=-1)
    if abs(x) < SMALL:
        return float(x)
    return settled(lambda bits: log_enclosure(1 + exact, bits), f"log1p({x!r})")


def inverse_softplus(y: float) -> float:
    """log(exp(y) - 1), the x for which log(1 + exp(x)) is y.

    Parameters
    ----------
    y
        A positive finite number.

    Examples
    --------
    >>> inverse_softplus(1.0)
    0.5413248546129181
    """
    from fractions import Fraction

    exact = rational(y, "y", above=0)
    if y >= 64:
        # The result is less by about exp(-y) < 2**-92, and these floats are 2**-47 apart or more.
        return float(y)

    def enclose(bits: int) -> Enclosure:
        # y + log(1 - exp(-y))
        value, radius = _exp_enclosure(-exact, 0, bits)
        rest = 1 - value
        if 2 * radius > rest:
            return _anything()
        logarithm, rounding = log_enclosure(rest, bits)
        # |log(1 + e)| <= 2|e| for |e| <= 1/2.
        return exact + logarithm, rounding + 2 * radius / Fraction(rest)

    return settled(enclose, f"inverse_softplus({y!r})")


def power(base: float | Fraction, exponent: float | Fraction) -> float:
    """A power of a positive number.

    Parameters
    ----------
    base, exponent
        A finite float, an int of any size or a ``Fraction``; each stands for the rational number that it is.
        The base is positive.

    Examples
    --------
    >>> from fractions import Fraction
    >>> power(12, Fraction(-1, 4))
    0.537284965911771
    """
    from fractions import Fraction

    name = f"power({base!r}, {exponent!r})"
    base, exponent = rational(base, "base", above=0), rational(exponent, "exponent")
    exact = _dyadic_power(base, exponent)
    if exact is None:
        return settled(lambda bits: power_enclosure(base, exponent, bits), name)
    factor, twos = exact
    size = factor.bit_length() + twos
    if size < -1200:
        return 0.0
    return representable(math.inf if size > 1200 else nearest(factor * Fraction(2) ** twos), name)


def rational(number: float | Fraction, name: str, above: float = -math.inf) -> Fraction:
    """The rational number that an argument is, if it is finite and not too small."""
    from fractions import Fraction

    if not above < number < math.inf:
        least = "" if above == -math.inf else f" above {above}"
        raise ArgumentError(f"{name}: got {number!r}, wanted a finite number{least}")
    exact = Fraction(number)
    return Fraction(int(exact.numerator), int(exact.denominator))  # Those of NumPy's integers may overflow.


def power_enclosure(base: Fraction, exponent: Fraction, bits: int) -> Enclosure:
    """An enclosure of a power of a positive number."""
    logarithm, radius = log_enclosure(base, bits)
    return _exp_enclosure(logarithm * exponent, radius * abs(exponent), bits)


def _exp_enclosure(x: Fraction, radius: Fraction | int, bits: int) -> Enclosure:
    """An enclosure of exp from one of its argument."""
    from fractions import Fraction

    radius += abs(x) / 2**bits  # From here on of the decimal number.
    if radius > 1:
        return _anything()
    if x - radius > LARGEST_EXPONENT:
        return Fraction(2**1200), Fraction(0)  # Large enough to be refused.
    if x + radius < SMALLEST_EXPONENT:
        return Fraction(1, 2**1077), Fraction(1, 2**1077)
    context = _context(bits)
    value = Fraction(context.exp(_decimal(x, context)))
    # |exp(e) - 1| <= 2|e| for |e| <= 1, of a value that is itself wrong by half a unit at most.
    return value, value * (2 * (2 * radius) + Fraction(1, 2**bits))


def log_enclosure(x: Fraction, bits: int) -> Enclosure:
    """An enclosure of the logarithm of a positive number."""
    from fractions import Fraction

    context = _context(bits)
    value = Fraction(context.ln(_decimal(x, context)))
    # The unit by which the decimal number may be wrong, and |log(1 + e)| <= 2|e|.
    return value, (2 + abs(value)) / 2**bits


def _anything() -> Enclosure:
    """An enclosure from which nothing follows."""
    from fractions import Fraction

    return Fraction(0), Fraction(2**1200)


def _context(bits: int) -> Context:
    """Arithmetic whose results have a relative error of 2**-bits at most."""
    from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_EVEN, Context

    # Half a unit in the last of n digits is up to 10**(1 - n) / 2, relatively.
    return Context(bits // 3 + 2, ROUND_HALF_EVEN, MIN_EMIN, MAX_EMAX, clamp=0, traps=[])


def _decimal(x: Fraction, context: Context) -> Decimal:
    """The decimal number nearest to a rational one."""
    from decimal import Decimal

    return context.divide(Decimal(x.numerator), Decimal(x.denominator))


def _dyadic_power(base: Fraction, exponent: Fraction) -> tuple[int, int] | None:
    """A power as an integer and an exponent of 2, if it is a float or lies midway between two of them.

    Such a number is a power of 2 times an odd factor below 2**54. Enclosures settle all others.
    """
    if exponent < 0:
        base, exponent = 1 / base, -exponent
    above, below = _twos(base.numerator), _twos(base.denominator)
    odd = base.numerator >> above
    # If (odd * 2**twos / rest)**(p / q) = s * 2**t with s odd, then odd**p = rest**p * s**q, so rest is 1,
    # and twos * p = t * q. As p and q have no common factor, odd is a q-th power and twos a multiple of q.
    p, q = exponent.numerator, exponent.denominator
    if base.denominator >> below != 1 or (above - below) % q:
        return None
    root = _integer_root(odd, q)
    if root**q != odd or (root > 1 and p > 34):  # 3**35 > 2**54.
        return None
    return root**p, (above - below) // q * p


def _twos(number: int) -> int:
    """How often a positive integer can be halved."""
    return (number & -number).bit_length() - 1


def _integer_root(number: int, degree: int) -> int:
    """The largest integer whose power does not exceed a positive number, by Newton's method from above."""
    if degree >= number.bit_length():
        return 1
    root = 1 << -(-number.bit_length() // degree)
    while True:
        better = ((degree - 1) * root + number // root ** (degree - 1)) // degree
        if better >= root:
            return root
        root = better
