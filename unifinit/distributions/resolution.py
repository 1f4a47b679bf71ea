"""Which numbers of the stream a floating dtype is made of, and how they become floats."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from unifinit.errors import ArgumentError
from unifinit.stream import double, single
from unifinit.stream.ops import Ops
from unifinit.types import Array, DType


class Resolution(Protocol):
    """What the modules ``unifinit.stream.single`` and ``unifinit.stream.double`` both have."""

    FRACTION_BITS: int
    QUANTILE_BITS: int
    LARGEST_QUANTILE: int
    INTEGER: str

    def fraction(self, ops: Ops, first: Array, second: Array, /) -> Array:
        """A uniform fraction from a block."""

    def centred(self, ops: Ops, k: Array, /) -> Array:
        """The point at which a fraction draws a normal number."""

    def between(self, ops: Ops, k: Array, start: int, span: int, /) -> Array:
        """The point in an interval at which a fraction draws a truncated normal number."""

    def quantile(self, ops: Ops, u: Array, /) -> Array:
        """The standard normal quantile at a point."""


def resolution(dtype: DType) -> Resolution:
    """The module of the stream that makes numbers for a floating dtype."""
    return double if dtype.part.name == "float64" else single


def rounded(value: float, dtype: DType) -> float:
    """``value`` rounded to the dtype in which numbers of ``dtype`` are computed."""
    with np.errstate(over="ignore"):
        return float(getattr(np, dtype.part.compute.name)(value))


def affine(ops: Ops, integers: Array, bits: int, shift: float, scale: float, dtype: DType) -> Array:
    """``(integers * 2**-bits + shift) * scale``, rounded after the addition and after the multiplication.

    Nothing is added if shift is 0, nor multiplied if scale is 1; it would change no bit.
    """
    xp = ops.xp
    x = xp.multiply(ops.cast(integers, dtype.compute.name), 2.0**-bits)
    if shift:
        x = xp.add(x, shift)
    return x if scale == 1 else xp.multiply(x, scale)


def shift_for(offset: float, scale: float, dtype: DType) -> float:
    """The shift with which ``affine`` adds an offset; 0 where it is too small to be a normal number.

    Raises
    ------
    ArgumentError
        If it is too large to be a number at all.
    """
    shift = rounded(offset / scale, dtype)
    if math.isinf(shift):
        raise ArgumentError(
            f"offset {offset} is too large beside scale {scale} for {dtype.compute}; "
            "wanted a larger scale, or a scale of 0 for a constant"
        )
    return shift if abs(shift) >= least_scale(dtype) else 0.0


def largest_quantile(dtype: DType) -> float:
    """How many standard deviations normal numbers of a dtype reach."""
    stream = resolution(dtype)
    return stream.LARGEST_QUANTILE * 2.0**-stream.QUANTILE_BITS


def smallest_normal(dtype: DType) -> float:
    """The smallest positive normal number of the dtype in which numbers of a dtype are computed."""
    return math.ldexp(1.0, -1022 if dtype.name == "float64" else -126)


def least_scale(dtype: DType) -> float:
    """The scale below which values could be subnormal numbers, which some frameworks flush to zero."""
    return math.ldexp(smallest_normal(dtype), resolution(dtype).QUANTILE_BITS)
