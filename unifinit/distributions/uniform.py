"""The continuous uniform distribution."""

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
from unifinit.distributions.resolution import affine, resolution, rounded, shift_for
from unifinit.errors import ArgumentError
from unifinit.stream.ops import Ops
from unifinit.types import Array, DType


@dataclass(frozen=True)
class Uniform(Distribution):
    """Uniform on [minval, maxval).

    Raises
    ------
    ArgumentError
        If a bound is not finite, does not fit the dtype, or minval is not below maxval.
    """

    minval: float
    maxval: float
    dtype: DType
    scale: float = field(init=False)
    """The width of the range."""
    shift: float = field(init=False)
    """What is added to a number from [0, 1) before it is scaled."""
    clips: bool = field(init=False)
    """Whether rounding would carry the first or the last number out of the range."""

    def __post_init__(self) -> None:
        set_fields(self, minval=rounded(finite(self.minval, "minval"), self.dtype))
        set_fields(self, maxval=rounded(finite(self.maxval, "maxval"), self.dtype))
        require_offset(self.minval, "minval", self.dtype)
        require_offset(self.maxval, "maxval", self.dtype)
        if self.minval == self.maxval == 0:
            raise ArgumentError(
                f"minval and maxval are 0 as {self.dtype.compute}; wanted ends that are further from 0"
            )
        if not self.minval < self.maxval:
            raise ArgumentError(
                f"minval {self.minval} is not below maxval {self.maxval} (as {self.dtype.compute})"
            )
        require_range(self.minval, self.maxval, self.dtype)
        set_fields(self, scale=rounded(self.maxval - self.minval, self.dtype))
        require_normal(self.scale, "maxval - minval", self.dtype)
        set_fields(self, shift=shift_for(self.minval, self.scale, self.dtype))
        ends = (0.0, 1 - 2.0 ** -resolution(self.dtype).FRACTION_BITS)
        low, high = (rounded(rounded(u + self.shift, self.dtype) * self.scale, self.dtype) for u in ends)
        set_fields(self, clips=low < self.minval or high > self.maxval)

    @cached_property
    def parameters(self) -> Parameters:
        """What ``draw`` computes with."""
        return Parameters(self.shift, self.scale, self.minval, self.maxval, self.clips)

    def draw(self, ops: Ops, first: Array, second: Array) -> Array:
        """(k * 2**-b + minval / width) * width for the b-bit fraction k; JAX's values on [0, 1)."""
        stream = resolution(self.dtype)
        k = stream.fraction(ops, first, second)
        x = affine(ops, k, stream.FRACTION_BITS, self.shift, self.scale, self.dtype)
        return ops.xp.minimum(ops.xp.maximum(x, self.minval), self.maxval) if self.clips else x

    def moments(self) -> Moments:
        """Of the continuous uniform distribution."""
        width = self.maxval - self.minval
        return Moments(self.minval + width / 2, width / math.sqrt(12), self.minval, self.maxval)
