"""The normal distribution."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

from unifinit.distributions.base import Distribution, Moments, Parameters
from unifinit.distributions.parameters import (
    finite,
    require_normal,
    require_offset,
    require_range,
    set_fields,
)
from unifinit.distributions.resolution import affine, largest_quantile, resolution, rounded, shift_for
from unifinit.stream.ops import Ops
from unifinit.types import Array, DType


@dataclass(frozen=True)
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
    shift: float = field(init=False)
    """What is added to a standard normal number before it is scaled."""

    def __post_init__(self) -> None:
        set_fields(self, mean=rounded(finite(self.mean, "mean"), self.dtype))
        set_fields(self, stddev=rounded(finite(self.stddev, "stddev"), self.dtype))
        require_offset(self.mean, "mean", self.dtype)
        require_normal(self.stddev, "stddev", self.dtype)
        reach = largest_quantile(self.dtype) * self.stddev
        require_range(self.mean - reach, self.mean + reach, self.dtype)

        set_fields(self, shift=shift_for(self.mean, self.stddev, self.dtype))

    @cached_property
    def parameters(self) -> Parameters:
        """What ``draw`` computes with."""
        return Parameters(self.shift, self.stddev)

    def draw(self, ops: Ops, first: Array, second: Array) -> Array:
        """(z + mean / stddev) * stddev for the quantile z at JAX's point."""
        stream = resolution(self.dtype)
        z = stream.quantile(ops, stream.centred(ops, stream.fraction(ops, first, second)))
        return affine(ops, z, stream.QUANTILE_BITS, self.shift, self.stddev, self.dtype)

    def moments(self) -> Moments:
        """Of the normal distribution."""
        return Moments(self.mean, self.stddev, -math.inf, math.inf)
