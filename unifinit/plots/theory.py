"""The curves that theory draws: densities of elements, and the singular values of a random matrix."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from unifinit.content import Content
from unifinit.distributions import Distribution, Normal, TruncatedNormal, Uniform
from unifinit.propagation.activations import Numbers

POINTS = 400
QUANTILE_POINTS = 4096
REACH = 4.5
"""How many standard deviations of a normal distribution are shown, if it has no bounds."""


class Curve(NamedTuple):
    """A name and points."""

    label: str
    x: Numbers
    y: Numbers


def density(content: Content) -> Curve | None:
    """The density of the elements, from bound to bound; None if they have none."""
    if isinstance(content, Uniform):
        low, high = content.minval, content.maxval
        x = np.array([low, low, high, high])
        return Curve("uniform density", x, np.array([0.0, 1.0, 1.0, 0.0]) / (high - low))
    if isinstance(content, Normal):
        return _normal("normal density", content.mean, content.stddev, -math.inf, math.inf)
    if isinstance(content, TruncatedNormal):
        bounds = content.lower, content.upper
        return _normal("truncated normal density", content.mean, content.stddev, *bounds)
    return None


def _normal(label: str, mean: float, stddev: float, lower: float, upper: float) -> Curve:
    z = np.linspace(max(lower, -REACH), min(upper, REACH), POINTS)
    mass = 0.5 * (math.erf(upper / math.sqrt(2)) - math.erf(lower / math.sqrt(2)))
    y = np.exp(-0.5 * z**2) / (math.sqrt(2 * math.pi) * stddev * mass)
    if not math.isinf(lower):
        z, y = np.concatenate([z[:1], z]), np.concatenate([[0.0], y])
    if not math.isinf(upper):
        z, y = np.concatenate([z, z[-1:]]), np.concatenate([y, [0.0]])
    return Curve(label, mean + stddev * z, y)


class Spectrum(NamedTuple):
    """The singular values of a random matrix in the limit of large matrices.

    Attributes
    ----------
    smallest, largest
        Between them lie all singular values, but one if the elements have another mean than 0.
    quantiles
        The singular values below which equal fractions lie.
    """

    smallest: float
    largest: float
    quantiles: Numbers


def marchenko_pastur(content: Content, stddev: float, rows: int, columns: int) -> Spectrum | None:
    """The law of Marchenko & Pastur (1967), for independent elements of one variance.

    Eigenvalues x of ``W^T W``, divided by the variance and the longer side, have the density
    ``sqrt((b - x) (x - a)) / (2 π y x)`` with y = shorter / longer side, and ``a, b = (1 ∓ sqrt(y))^2``.
    """
    if not isinstance(content, Distribution) or stddev == 0:
        return None
    longer, shorter = max(rows, columns), min(rows, columns)
    ratio = shorter / longer
    low, high = (1 - math.sqrt(ratio)) ** 2, (1 + math.sqrt(ratio)) ** 2
    # With x = middle - half cos(t) the roots at both ends become smooth; between the ends, x is not 0.
    t = (np.arange(QUANTILE_POINTS) + 0.5) * (math.pi / QUANTILE_POINTS)
    x = (low + high) / 2 - (high - low) / 2 * np.cos(t)
    weights = np.sin(t) ** 2 / x
    fractions = (np.cumsum(weights) - weights / 2) / np.sum(weights)
    scale = stddev * math.sqrt(longer)
    wanted = np.linspace(0.0, 1.0, POINTS)
    quantiles = scale * np.sqrt(np.interp(wanted, [0.0, *fractions, 1.0], [low, *x, high]))
    return Spectrum(scale * math.sqrt(low), scale * math.sqrt(high), quantiles)
