"""Distributions: from the words of the stream to numbers, and what theory says of those numbers.

Every real number is made as ``(x + shift) * scale`` from an integer times a power of two, with one
rounded addition and one rounded multiplication: the only float arithmetic that compilers cannot
reorder or contract into something else. All parameters are therefore rounded to the dtype of
computation here, once, before any array exists.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import NamedTuple, Protocol

import numpy as np

from unifinit.errors import ArgumentError, DtypeError
from unifinit.stream import double, single
from unifinit.stream.ops import Ops, numpy_ops
from unifinit.types import Array, DType


class Moments(NamedTuple):
    """What theory says of a distribution."""

    mean: float
    stddev: float
    minimum: float
    maximum: float


class Distribution(ABC):
    """A distribution whose parameters have been checked and rounded."""

    @abstractmethod
    def draw(self, ops: Ops, first: Array, second: Array) -> Array:
        """One number for each block, in the dtype of computation.

        Parameters
        ----------
        ops
            Where to compute.
        first, second
            The words of the blocks, one-dimensional int32.
        """

    @abstractmethod
    def moments(self) -> Moments:
        """Mean, standard deviation and bounds."""


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
    return double if dtype.name == "float64" else single


def rounded(value: float, dtype: DType) -> float:
    """``value`` rounded to the dtype in which numbers of ``dtype`` are computed."""
    with np.errstate(over="ignore"):
        return float(getattr(np, dtype.compute.name)(value))


@dataclass(frozen=True)
class Bits(Distribution):
    """Unsigned integers of 32 or 64 random bits."""

    dtype: DType

    def __post_init__(self) -> None:
        if self.dtype.name not in ("uint32", "uint64"):
            raise DtypeError(f"bits have dtype 'uint32' or 'uint64', not {self.dtype.name!r}")

    def draw(self, ops: Ops, first: Array, second: Array) -> Array:
        """32 bits: the exclusive or of the words; 64 bits: the first word on top of the second."""
        if self.dtype.bits == 64:
            return double.join(ops, first, second)
        return ops.xp.bitwise_xor(first, second)

    def moments(self) -> Moments:
        """Of the discrete uniform distribution."""
        top = 2**self.dtype.bits - 1
        return Moments(top / 2, math.sqrt(((top + 1) ** 2 - 1) / 12), 0, top)


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

    def __post_init__(self) -> None:
        _set(self, minval=rounded(finite(self.minval, "minval"), self.dtype))
        _set(self, maxval=rounded(finite(self.maxval, "maxval"), self.dtype))
        if not self.minval < self.maxval:
            raise ArgumentError(
                f"minval {self.minval} is not below maxval {self.maxval} (as {self.dtype.compute})"
            )
        _require_range(self.minval, self.maxval, self.dtype)
        _require_normal(self.scale, "maxval - minval", self.dtype)

    @cached_property
    def scale(self) -> float:
        """The width of the range."""
        return rounded(self.maxval - self.minval, self.dtype)

    @cached_property
    def shift(self) -> float:
        """What is added to a number from [0, 1) before it is scaled."""
        return _shift(self.minval, self.scale, self.dtype)

    @cached_property
    def clips(self) -> bool:
        """Whether rounding would carry the first or the last number out of the range."""
        ends = (0.0, 1 - 2.0 ** -resolution(self.dtype).FRACTION_BITS)
        low, high = (rounded(rounded(u + self.shift, self.dtype) * self.scale, self.dtype) for u in ends)
        return low < self.minval or high > self.maxval

    def draw(self, ops: Ops, first: Array, second: Array) -> Array:
        """(k * 2**-b + minval / width) * width for the b-bit fraction k; JAX's values on [0, 1)."""
        stream = resolution(self.dtype)
        k = stream.fraction(ops, first, second)
        x = _affine(ops, k, stream.FRACTION_BITS, self.shift, self.scale, self.dtype)
        return ops.xp.minimum(ops.xp.maximum(x, self.minval), self.maxval) if self.clips else x

    def moments(self) -> Moments:
        """Of the continuous uniform distribution."""
        width = self.maxval - self.minval
        return Moments(self.minval + width / 2, width / math.sqrt(12), self.minval, self.maxval)


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

    def __post_init__(self) -> None:
        _set(self, mean=rounded(finite(self.mean, "mean"), self.dtype))
        _set(self, stddev=rounded(finite(self.stddev, "stddev"), self.dtype))
        _require_normal(self.stddev, "stddev", self.dtype)
        reach = _largest_quantile(self.dtype) * self.stddev
        _require_range(self.mean - reach, self.mean + reach, self.dtype)

    @cached_property
    def shift(self) -> float:
        """What is added to a standard normal number before it is scaled."""
        return _shift(self.mean, self.stddev, self.dtype)

    def draw(self, ops: Ops, first: Array, second: Array) -> Array:
        """(z + mean / stddev) * stddev for the quantile z at JAX's point."""
        stream = resolution(self.dtype)
        z = stream.quantile(ops, stream.centred(ops, stream.fraction(ops, first, second)))
        return _affine(ops, z, stream.QUANTILE_BITS, self.shift, self.stddev, self.dtype)

    def moments(self) -> Moments:
        """Of the normal distribution."""
        return Moments(self.mean, self.stddev, -math.inf, math.inf)


@dataclass(frozen=True)
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

    def __post_init__(self) -> None:
        _set(self, mean=rounded(finite(self.mean, "mean"), self.dtype))
        _set(self, stddev=rounded(finite(self.stddev, "stddev"), self.dtype))
        _set(self, lower=real(self.lower, "lower"), upper=real(self.upper, "upper"))
        if not self.lower < self.upper:
            raise ArgumentError(f"lower {self.lower} is not below upper {self.upper}")
        _require_normal(self.stddev, "stddev", self.dtype)
        reach = _largest_quantile(self.dtype)
        _require_range(
            self.mean + max(self.lower, -reach) * self.stddev,
            self.mean + min(self.upper, reach) * self.stddev,
            self.dtype,
        )
        if not self.ends.first <= self.ends.last:
            raise ArgumentError(
                f"no number of the stream lies between lower {self.lower} and upper {self.upper}: "
                f"{self.dtype.compute} normal numbers reach {reach:.2f} standard deviations; "
                "wanted a wider interval, or one nearer to 0"
            )

    @cached_property
    def ends(self) -> TruncatedEnds:
        """Where on the stream's scale the bounds lie."""
        return truncated_ends(self.lower, self.upper, self.dtype.compute)

    @cached_property
    def shift(self) -> float:
        """What is added to a standard number before it is scaled."""
        return _shift(self.mean, self.stddev, self.dtype)

    def draw(self, ops: Ops, first: Array, second: Array) -> Array:
        """One number for each block: the quantile at a point between the ends; nothing is rejected."""
        xp, stream, ends = ops.xp, resolution(self.dtype), self.ends
        k = stream.fraction(ops, first, second)
        z = stream.quantile(ops, stream.between(ops, k, ends.first, ends.last - ends.first))
        z = xp.minimum(xp.maximum(z, ends.minimum), ends.maximum)
        return _affine(ops, z, stream.QUANTILE_BITS, self.shift, self.stddev, self.dtype)

    def moments(self) -> Moments:
        """Of the truncated normal distribution (Johnson, Kotz & Balakrishnan, 1994, section 10.1)."""
        low, high = self.lower, self.upper
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
            self.mean + self.stddev * mean,
            self.stddev * math.sqrt(max(variance, 0.0)),
            self.mean + self.stddev * self.lower,
            self.mean + self.stddev * self.upper,
        )


class TruncatedEnds(NamedTuple):
    """The bounds of a truncated normal in integers of the stream.

    ``first`` and ``last`` are the lowest and highest U whose quantile is within the bounds, ``minimum``
    and ``maximum`` are the bounds in units of the quantile, rounded inwards.
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
    minimum = -top if lower == -math.inf else max(-top, math.ceil(Fraction(lower) * unit))
    maximum = top if upper == math.inf else min(top, math.floor(Fraction(upper) * unit))
    first = _first_at_least(minimum, stream)
    return TruncatedEnds(first, _first_at_least(maximum + 1, stream) - 1, minimum, maximum)


def _first_at_least(z: int, stream: Resolution) -> int:
    """The lowest U whose quantile is at least z; one past the highest U if there is none."""
    ops = numpy_ops()
    limit = 1 << (stream.FRACTION_BITS + 1)
    below, found = -limit, limit  # Neither end is a U.
    while found - below > 1:
        # A search over a thousand points at a time costs hardly more than over one.
        stride = max(1, (found - below) // 1024)
        points = np.arange(below + stride, found, stride, dtype=np.int64)
        quantiles = stream.quantile(ops, points.astype(stream.INTEGER))
        count = int(np.searchsorted(quantiles >= z, True))
        below, found = (
            int(points[count - 1]) if count else below,
            int(points[count]) if count < len(points) else found,
        )
    return found


def _affine(ops: Ops, integers: Array, bits: int, shift: float, scale: float, dtype: DType) -> Array:
    xp = ops.xp
    x = xp.multiply(ops.cast(integers, dtype.compute.name), 2.0**-bits)
    if shift:
        x = xp.add(x, shift)
    return x if scale == 1 else xp.multiply(x, scale)


def _shift(offset: float, scale: float, dtype: DType) -> float:
    shift = rounded(offset / scale, dtype)
    return shift if abs(shift) >= _least_scale(dtype) else 0.0


def _set(instance: Distribution, **fields: float) -> None:
    for name, value in fields.items():
        object.__setattr__(instance, name, value)


def real(value: float, what: str) -> float:
    """A real number, infinite ones included.

    Raises
    ------
    ArgumentError
        If it is none, or NaN.
    """
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if math.isnan(number) or isinstance(value, str):
        raise ArgumentError(f"{what} is {value!r}; wanted a real number")
    return number


def finite(value: float, what: str) -> float:
    """A finite real number.

    Raises
    ------
    ArgumentError
        If it is none.
    """
    number = real(value, what)
    if math.isinf(number):
        raise ArgumentError(f"{what} is {value!r}; wanted a finite number")
    return number


def _largest_quantile(dtype: DType) -> float:
    stream = resolution(dtype)
    return stream.LARGEST_QUANTILE * 2.0**-stream.QUANTILE_BITS


def _least_scale(dtype: DType) -> float:
    """The scale below which values could be subnormal numbers, which some frameworks flush to zero."""
    smallest_normal = -1022 if dtype.name == "float64" else -126
    return math.ldexp(1.0, smallest_normal + resolution(dtype).QUANTILE_BITS)


def _require_normal(scale: float, what: str, dtype: DType) -> None:
    least = _least_scale(dtype)
    if not scale >= least:
        raise ArgumentError(
            f"{what} is {scale} (as {dtype.compute}); wanted at least {least:.3g}, below which values would "
            "be subnormal numbers, which frameworks treat differently"
            + ("" if dtype.name == "float64" else ", or dtype='float64'")
        )


def _require_range(minimum: float, maximum: float, dtype: DType) -> None:
    if not (-dtype.largest <= minimum and maximum <= dtype.largest):
        raise ArgumentError(
            f"values between {minimum:.6g} and {maximum:.6g} do not fit dtype {dtype.name}, whose largest "
            f"number is {dtype.largest:.6g}; wanted a smaller range or a wider dtype"
        )
