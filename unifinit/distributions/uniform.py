"""The continuous uniform distribution."""

from __future__ import annotations

import math
from functools import cached_property

from unifinit.distributions.base import Distribution, Moments, Parameters
from unifinit.distributions.parameters import finite, require_normal, require_offset, require_range
from unifinit.distributions.resolution import affine, resolution, rounded, shift_for
from unifinit.errors import ArgumentError
from unifinit.stream.ops import Ops
from unifinit.types import Array, DType


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
    scale: float
    """The width of the range."""
    shift: float
    """What is added to a number from [0, 1) before it is scaled."""
    clips: bool
    """Whether rounding would carry the first or the last number out of the range."""

    parts = ("minval", "maxval", "dtype")

    def __init__(self, minval: float, maxval: float, dtype: DType) -> None:
        minval = rounded(finite(minval, "minval"), dtype)
        maxval = rounded(finite(maxval, "maxval"), dtype)
        require_offset(minval, "minval", dtype)
        require_offset(maxval, "maxval", dtype)
        if minval == maxval == 0:
            raise ArgumentError(
                f"minval and maxval are 0 as {dtype.compute}; wanted ends that are further from 0"
            )
        if not minval < maxval:
            raise ArgumentError(f"minval {minval} is not below maxval {maxval} (as {dtype.compute})")
        require_range(minval, maxval, dtype)
        scale = rounded(maxval - minval, dtype)
        require_normal(scale, "maxval - minval", dtype)
        shift = shift_for(minval, scale, dtype)
        ends = (0.0, 1 - 2.0 ** -resolution(dtype).FRACTION_BITS)
        low, high = (rounded(rounded(u + shift, dtype) * scale, dtype) for u in ends)
        clips = low < minval or high > maxval
        vars(self).update(minval=minval, maxval=maxval, dtype=dtype, scale=scale, shift=shift, clips=clips)

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

    def scaled(self, factor: float, dtype: DType) -> Uniform:
        """Uniform between the products of the ends."""
        return Uniform(self.minval * factor, self.maxval * factor, self.dtype)

    def moments(self) -> Moments:
        """Of the continuous uniform distribution."""
        width = self.maxval - self.minval
        return Moments(self.minval + width / 2, width / math.sqrt(12), self.minval, self.maxval)
