"""From enclosures of a real number to the float64 that is nearest to it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from unifinit.errors import ArgumentError

if TYPE_CHECKING:
    from fractions import Fraction

Enclosure: TypeAlias = "tuple[Fraction, Fraction]"
"""A centre, and how far from it the number is at most."""

FIRST_BITS = 128
"""The precision of the first attempt: it decides nearly all arguments that nobody chose to be hard."""


def nearest(value: Fraction) -> float:
    """The float64 nearest to a rational number, ties to even; infinite from 2**1024 - 2**970 on."""
    try:
        return value.numerator / value.denominator  # Python rounds the quotient of two integers once.
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def settled(enclose: Callable[[int], Enclosure], name: str) -> float:
    """The float64 nearest to a number that can be enclosed ever more closely.

    Parameters
    ----------
    enclose
        From a precision in bits to an enclosure. The number must neither be 0 nor lie midway between two
        neighbouring floats: only an exact computation would settle that.
    name
        What an error message calls the number.
    """
    bits = FIRST_BITS
    while True:
        centre, radius = enclose(bits)
        low, high = nearest(centre - radius), nearest(centre + radius)
        if low == high:
            return representable(low, name)
        bits *= 2


def representable(value: float, name: str) -> float:
    """A result, unless it is too large."""
    if math.isinf(value):
        raise ArgumentError(f"got {name}, wanted a result below 2**1024, as float64 ends there")
    return value
