"""Expectations of functions of normal variables.

The functions may have a kink or a steep slope at 0, as activations have, where Gauss-Hermite quadrature
converges slowly: its polynomials know nothing of 0. So each half-line, and in two dimensions each of the
four sectors between the zeros of the two variables, is integrated for itself, with nodes that crowd towards
its ends.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from unifinit.propagation.activations import Function, Numbers

LINE_STEP = 1 / 32
"""In the logarithm of the distance from 0. Finer than smooth functions need: sin oscillates."""
PLANE_STEP = 1 / 8
FIRST_ON_LINE, FIRST_IN_PLANE = -37.0, -16.0
"""The logarithms of distances so short that what lies below them has less than float64's precision."""
LAST = 2.25
"""The logarithm of a distance so long that a normal variable is not expected beyond."""
ANGLE_STEP, ANGLE_END = 0.08, 3.2


class Line(NamedTuple):
    """Positive nodes and the weights of each for one variable."""

    nodes: Numbers
    weights: Numbers


class Plane(NamedTuple):
    """Radii, fractions of a sector, and what each weighs; ``fractions[k] + fractions[-1 - k]`` is 1."""

    radii: Numbers
    radius_weights: Numbers
    fractions: Numbers
    fraction_weights: Numbers


@lru_cache(maxsize=1)
def line() -> Line:
    """The trapezoidal rule in the logarithm, whose error falls exponentially with the step."""
    nodes = np.exp(np.arange(FIRST_ON_LINE, LAST, LINE_STEP))
    weights = LINE_STEP * nodes * np.exp(-0.5 * nodes**2) / math.sqrt(2 * math.pi)
    return Line(nodes, weights)


@lru_cache(maxsize=1)
def plane() -> Plane:
    """The same for the radius; tanh-sinh quadrature for the angle (Takahasi & Mori, 1974)."""
    radii = np.exp(np.arange(FIRST_IN_PLANE, LAST, PLANE_STEP))
    radius_weights = PLANE_STEP * radii**2 * np.exp(-0.5 * radii**2) / (2 * math.pi)
    count = math.floor(ANGLE_END / ANGLE_STEP)
    steps = ANGLE_STEP * np.arange(-count, count + 1)
    # Exact near both ends: the distance from one end is the other's in reverse.
    fractions = 1 / (1 + np.exp(-math.pi * np.sinh(steps)))
    fraction_weights = ANGLE_STEP * math.pi * np.cosh(steps) * fractions * fractions[::-1]
    return Plane(radii, radius_weights, fractions, fraction_weights)


def expectation(function: Function, variance: float) -> float:
    """The expectation of a function of a normal variable with mean 0."""
    nodes, weights = line()
    scaled = math.sqrt(variance) * nodes
    return float(weights @ function(scaled) + weights @ function(-scaled))


def correlated_expectation(function: Function, variance: float, correlation: float) -> float:
    """The expectation of ``f(u) f(v)`` for normal u and v of mean 0, equal variance and a correlation.

    In polar coordinates u and v are sines of the angles from the ray on which they are 0.
    """
    radii, radius_weights, fractions, fraction_weights = plane()
    angle = math.acos(min(1.0, max(-1.0, correlation)))
    total = 0.0
    for width, sign in ((math.pi - angle, 1.0), (angle, -1.0)):
        # In two sectors u and v have equal signs, and in the two others unequal ones.
        sines = np.sin(width * fractions)
        u = math.sqrt(variance) * radii * sines[:, None]
        above, below = function(u), function(-u)
        mirrored = (above[::-1], below[::-1]) if sign > 0 else (below[::-1], above[::-1])
        products = above * mirrored[0] + below * mirrored[1]
        total += width * float(fraction_weights @ (products @ radius_weights))
    return total
