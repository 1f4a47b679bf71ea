"""The normal distribution."""

from __future__ import annotations

import math
from functools import cached_property

from unifinit.distributions.base import Distribution, Moments, Parameters
from unifinit.distributions.parameters import finite, require_normal, require_offset, require_range
from unifinit.distributions.resolution import affine, largest_quantile, resolution, rounded, shift_for
from unifinit.stream.ops import Ops
from unifinit.types import Array, DType


class Normal(Distribution):
    """Normal with a mean and a standard deviation.

    Raises
    ------
    ArgumentError
        If a parameter is not finite, stddev is not positive, or values would not fit the dtype.
    """

    mean: float
    stddev: float
    dtype: DType
    shift: float
    """What is added to a standard normal number before it is scaled."""

    parts = ("mean", "stddev", "dtype")

    def __init__(self, mean: float, stddev: float, dtype: DType) -> None:
        mean = rounded(finite(mean, "mean"), dtype)
        stddev = rounded(finite(stddev, "stddev"), dtype)
        require_offset(mean, "mean", dtype)
        require_normal(stddev, "stddev", dtype)
        reach = largest_quantile(dtype) * stddev
        require_range(mean - reach, mean + reach, dtype)
        vars(self).update(mean=mean, stddev=stddev, dtype=dtype, shift=shift_for(mean, stddev, dtype))

    @cached_property
    def parameters(self) -> Parameters:
        """What ``draw`` computes with."""
        return Parameters(self.shift, self.stddev)

    def draw(self, ops: Ops, first: Array, second: Array) -> Array:
        """(z + mean / stddev) * stddev for the quantile z at JAX's point."""
        stream = resolution(self.dtype)
        z = stream.quantile(ops, stream.centred(ops, stream.fraction(ops, first, second)))
        return affine(ops, z, stream.QUANTILE_BITS, self.shift, self.stddev, self.dtype)

    def scaled(self, factor: float, dtype: DType) -> Normal:
        """Normal with the products of mean and standard deviation."""
        return Normal(self.mean * factor, self.stddev * factor, self.dtype)

    def moments(self) -> Moments:
        """Of the normal distribution."""
        return Moments(self.mean, self.stddev, -math.inf, math.inf)
