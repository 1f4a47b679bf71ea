"""The normal distribution between two bounds."""

from __future__ import annotations

import math
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from unifinit.distributions.base import Distribution, Moments, Parameters
from unifinit.distributions.parameters import (
    finite,
    real,
    require_normal,
    require_offset,
    require_range,
)
from unifinit.distributions.resolution import (
    affine,
    largest_quantile,
    resolution,
    rounded,
    shift_for,
)
from unifinit.errors import ArgumentError
from unifinit.stream.ops import Ops, numpy_ops
from unifinit.types import Array, DType

NARROW = 1e-3
"""Width, in standard deviations, below which a truncated normal is described as uniform."""


class TruncatedNormal(Distribution):
    """Normal, conditioned on ``lower <= (x - mean) / stddev <= upper``.

    Mean and standard deviation are those before truncation; the bounds are in standard deviations.

    Raises
    ------
    ArgumentError
        If mean or stddev is not finite, stddev is not positive, a bound is NaN, lower is not below
        upper, or the stream has no number between the bounds.
    """

    lower: float
    upper: float
    mean: float
    stddev: float
    dtype: DType
    shift: float
    """What is added to a standard number before it is scaled."""
    ends: TruncatedEnds
    """Where on the stream's scale the bounds lie."""

    parts = ("lower", "upper", "mean", "stddev", "dtype")

    def __init__(self, lower: float, upper: float, mean: float, stddev: float, dtype: DType) -> None:
        mean = rounded(finite(mean, "mean"), dtype)
        stddev = rounded(finite(stddev, "stddev"), dtype)
        require_offset(mean, "mean", dtype)
        lower, upper = real(lower, "lower"), real(upper, "upper")
        if not lower < upper:
            raise ArgumentError(f"lower {lower} is not below upper {upper}")
        require_normal(stddev, "stddev", dtype)
        reach = largest_quantile(dtype)
        require_range(mean + max(lower, -reach) * stddev, mean + min(upper, reach) * stddev, dtype)
        shift = shift_for(mean, stddev, dtype)
        ends = truncated_ends(lower, upper, dtype.compute)
        if not ends.first <= ends.last:
            raise ArgumentError(
                f"no number of the stream lies between lower {lower} and upper {upper}: "
                f"{dtype.compute} normal numbers reach {reach:.2f} standard deviations; "
                "wanted a wider interval, or one nearer to 0"
            )
        vars(self).update(
            lower=lower, upper=upper, mean=mean, stddev=stddev, dtype=dtype, shift=shift, ends=ends
        )

    @cached_property
    def parameters(self) -> Parameters:
        """What ``draw`` computes with."""
        return Parameters(
            self.shift,
            self.stddev,
            first=self.ends.first,
            span=self.ends.last - self.ends.first,
            lowest=self.ends.minimum,
            highest=self.ends.maximum,
        )

    def draw(self, ops: Ops, first: Array, second: Array) -> Array:
        """One number for each block: the quantile at a point between the ends; nothing is rejected."""
        xp, stream, ends = ops.xp, resolution(self.dtype), self.ends
        k = stream.fraction(ops, first, second)
        z = stream.quantile(ops, stream.between(ops, k, ends.first, ends.last - ends.first))
        z = xp.minimum(xp.maximum(z, ends.minimum), ends.maximum)
        return affine(ops, z, stream.QUANTILE_BITS, self.shift, self.stddev, self.dtype)

    def untruncated_stddev(self) -> float:
        """The standard deviation of the normal distribution that is truncated."""
        return self.stddev

    def scaled(self, factor: float, dtype: DType) -> TruncatedNormal:
        """The same bounds in standard deviations, and the products of mean and standard deviation."""
        return TruncatedNormal(self.lower, self.upper, self.mean * factor, self.stddev * factor, self.dtype)

    def moments(self) -> Moments:
        """Of the truncated normal distribution (Johnson, Kotz & Balakrishnan, 1994, section 10.1)."""
        low, high = self.lower, self.upper
        if high - low < NARROW:  # The formulas below cancel, but the density is as good as flat.
            width = self.stddev * (high - low)
            middle = self.mean + self.stddev * (low + high) / 2
            return Moments(middle, width / math.sqrt(12), *self._bounds())
        if low > 0:  # Mirrored: differences of upper tails keep their digits, of lower ones do not.
            low, high = -high, -low
        mass = (math.erfc(-high / math.sqrt(2)) - math.erfc(-low / math.sqrt(2))) / 2

        def density(x: float) -> float:
            return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)

        def moment(x: float) -> float:
            return 0.0 if math.isinf(x) else x * density(x)

        mean = (density(low) - density(high)) / mass
        variance = 1 + (moment(low) - moment(high)) / mass - mean**2
        if self.lower > 0:
            mean = -mean
        return Moments(
            self.mean + self.stddev * mean, self.stddev * math.sqrt(max(variance, 0.0)), *self._bounds()
        )

    def _bounds(self) -> tuple[float, float]:
        return self.mean + self.stddev * self.lower, self.mean + self.stddev * self.upper


class TruncatedEnds(NamedTuple):
    """The bounds of a truncated normal in integers of the stream.

    ``first`` and ``last`` are the lowest and highest point U that are drawn, ``minimum`` and ``maximum`` the
    bounds in units of the quantile, rounded inwards.
    """

    first: int
    last: int
    minimum: int
    maximum: int


@lru_cache(maxsize=256)
def truncated_ends(lower: float, upper: float, dtype: DType) -> TruncatedEnds:
    """Find the ends by searching the quantile itself: exact, and free of erf, whose bits vary."""
    stream = resolution(dtype)
    unit = 1 << stream.QUANTILE_BITS
    top = stream.LARGEST_QUANTILE
    minimum = -top if lower == -math.inf else max(-top, -_floor(-lower, unit))
    maximum = top if upper == math.inf else min(top, _floor(upper, unit))
    first = _first_at_least(minimum, dtype)
    return TruncatedEnds(first, _first_at_least(maximum + 1, dtype) - 1, minimum, maximum)


def _floor(number: float, factor: int) -> int:
    """The floor of a product, exactly."""
    numerator, denominator = number.as_integer_ratio()
    return numerator * factor // denominator


def _first_at_least(z: int, dtype: DType) -> int:
    """The point U that bisection finds for a quantile of at least z; one past the highest if there is none.

    Neighbouring points of 64 bits can be out of order by a few units; bisection is then what defines the end.
    """
    ops, stream = numpy_ops(), resolution(dtype)
    limit = 1 << (stream.FRACTION_BITS + 1)
    below, found = -limit, limit  # Neither end is a point.
    while found - below > 1:
        point = (below + found) >> 1
        if stream.quantile(ops, np.array([point], dtype=stream.INTEGER))[0] >= z:
            found = point
        else:
            below = point
    return found
