"""Plans: what an array shall hold, worked out before any array exists.

A plan is a frozen, hashable value. Initializers and ``unifinit.random`` make plans; backends run them and
decide nothing about values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from unifinit.distributions import (
    Bits,
    Distribution,
    Moments,
    Normal,
    TruncatedNormal,
    Uniform,
)
from unifinit.distributions.parameters import finite, real
from unifinit.distributions.resolution import rounded
from unifinit.errors import ArgumentError, DtypeError
from unifinit.key import Key
from unifinit.layout import Layout
from unifinit.types import DType, Shape


@dataclass(frozen=True)
class Fill:
    """The same value everywhere."""

    value: float


@dataclass(frozen=True)
class Values:
    """Given values, one for each element in canonical order."""

    values: tuple[float, ...]


@dataclass(frozen=True)
class Draw:
    """Element i is a function of the distribution and of the block for (key, i)."""

    key: Key
    distribution: Distribution


@dataclass(frozen=True)
class OrthogonalMatrix:
    """The matrix of ``unifinit.linalg``: rows are all axes but the last, columns the last one."""

    key: Key
    gain: float


Content: TypeAlias = Fill | Values | Draw | OrthogonalMatrix


@dataclass(frozen=True)
class Plan:
    """A shape, a dtype and a content.

    Attributes
    ----------
    shape
        The shape in canonical order, ``(spatial..., in, out)``; elements are numbered row by row.
    dtype
        The dtype of the result.
    content
        What the elements are.
    axes
        The permutation from canonical order to the result's axes; None if there is none to do.
    """

    shape: Shape
    dtype: DType
    content: Content
    axes: tuple[int, ...] | None = None

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def result_shape(self) -> Shape:
        """The shape of the result."""
        return self.shape if self.axes is None else tuple(self.shape[axis] for axis in self.axes)

    @property
    def key(self) -> Key | None:
        """The key, if the elements are drawn one by one; None if they are constant or made on the host."""
        return self.content.key if isinstance(self.content, Draw) else None

    def with_key(self, key: Key) -> Plan:
        """The same plan with another key; only for a plan that has one."""
        assert isinstance(self.content, Draw)
        return replace(self, content=replace(self.content, key=key))

    def moments(self) -> Moments:
        """Mean, standard deviation and bounds that theory gives for an element."""
        content = self.content
        if isinstance(content, Draw):
            return content.distribution.moments()
        if isinstance(content, Fill):
            return Moments(content.value, 0.0, content.value, content.value)
        if isinstance(content, Values):
            values = np.asarray(content.values or (0.0,), dtype=np.float64)
            with np.errstate(all="ignore"):  # Infinities and NaN are values too.
                return Moments(*(float(f(values)) for f in (np.mean, np.std, np.min, np.max)))
        # Each column, or each row, has norm gain, spread evenly over its elements.
        long_side = max(self.shape[-1], math.prod(self.shape[:-1]), 1)
        gain = abs(content.gain)
        return Moments(0.0, gain / math.sqrt(long_side), -gain, gain)


def make_plan(shape: Shape, dtype: DType, layout: Layout, content: Content) -> Plan:
    """The plan for a result whose ``shape`` is canonical and which is then brought into ``layout``."""
    return Plan(shape, dtype, content, layout.from_canonical(len(shape)))


def fill(value: float, dtype: DType) -> Fill:
    """The same value everywhere.

    Raises
    ------
    ArgumentError
        If the value does not fit the dtype.
    """
    return Fill(fitting(value, dtype))


def uniform(key: Key, minval: float, maxval: float, dtype: DType) -> Content:
    """Uniform numbers on [minval, maxval); only minval if the two are equal."""
    if finite(minval, "minval") == finite(maxval, "maxval"):
        return fill(minval, dtype)
    return Draw(key, Uniform(minval, maxval, dtype))


def normal(key: Key, mean: float, stddev: float, dtype: DType) -> Content:
    """Normal numbers; only the mean if stddev is 0."""
    if finite(stddev, "stddev") == 0:
        return fill(finite(mean, "mean"), dtype)
    return Draw(key, Normal(mean, stddev, dtype))


def truncated_normal(
    key: Key, lower: float, upper: float, mean: float, stddev: float, dtype: DType
) -> Content:
    """Truncated normal numbers, bounds in standard deviations; only the mean if stddev is 0."""
    if finite(stddev, "stddev") == 0 and real(lower, "lower") < real(upper, "upper"):
        return fill(finite(mean, "mean"), dtype)
    return Draw(key, TruncatedNormal(lower, upper, mean, stddev, dtype))


def bits(key: Key, dtype: DType) -> Draw:
    """Random bits."""
    return Draw(key, Bits(dtype))


def orthogonal(key: Key, gain: float, dtype: DType) -> OrthogonalMatrix:
    """A matrix with orthonormal columns or rows, times a gain."""
    fitting(finite(gain, "gain"), dtype)
    return OrthogonalMatrix(key, rounded(gain, dtype))


def fitting(value: float, dtype: DType) -> float:
    """A value, if the dtype can hold it: as a rounded number for floats, exactly for integers.

    Infinities and NaN fit every floating dtype.

    Raises
    ------
    ArgumentError
        If it does not fit.
    DtypeError
        If the value is complex.
    """
    if isinstance(value, complex):
        raise DtypeError(f"value {value!r} is complex; wanted a real number for dtype {dtype.name}")
    if dtype.is_floating:
        if dtype.largest < abs(value) < math.inf:
            raise ArgumentError(
                f"value {value!r} does not fit dtype {dtype.name}, whose largest number is "
                f"{dtype.largest:.6g}; wanted a smaller value or a wider dtype"
            )
        return dtype.round(value)
    if not (dtype.smallest <= value <= dtype.largest and value == int(value)):
        raise ArgumentError(
            f"value {value!r} does not fit dtype {dtype.name}; wanted a whole number from "
            f"{dtype.smallest} to {dtype.largest}, or a floating dtype"
        )
    return bool(value) if dtype.kind == "bool" else int(value)
