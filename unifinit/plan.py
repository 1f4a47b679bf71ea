"""Plans: what an array shall hold, worked out before any array exists.

A plan is a frozen, hashable value. Initializers and ``unifinit.random`` make plans; backends run them and
decide nothing about values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
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
from unifinit.values import Value
from unifinit.weight import Weight


class Fill(Value):
    """The same value everywhere."""

    value: float

    parts = ("value",)

    def __init__(self, value: float) -> None:
        vars(self).update(value=value)


class Values(Value):
    """Given values, one for each element in canonical order."""

    values: tuple[float, ...]

    parts = ("values",)

    def __init__(self, values: tuple[float, ...]) -> None:
        vars(self).update(values=values)


class OrthogonalMatrix(Value):
    """The matrix of ``unifinit.linalg``, of rows and columns whose product is the size of the array."""

    gain: float
    rows: int
    columns: int

    parts = ("gain", "rows", "columns")

    def __init__(self, gain: float, rows: int, columns: int) -> None:
        vars(self).update(gain=gain, rows=rows, columns=columns)

    @property
    def sides(self) -> tuple[int, int]:
        """The longer and the shorter side."""
        return max(self.rows, self.columns), min(self.rows, self.columns)


Content: TypeAlias = Fill | Values | Distribution | OrthogonalMatrix
"""Of a distribution, element i is a function of the parameters and of the block for (key, i)."""


class Plan(Value):
    """A shape, a dtype, a content and a key.

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
    key
        The key of what is drawn; None if nothing is, or while it is left open.
    size
        Number of elements.
    result_shape
        The shape of the result.
    steps
        By how much the number of an element grows along each axis of the result.
    is_drawn
        Whether the elements are drawn one by one, rather than being constant or made on the host.
    """

    shape: Shape
    dtype: DType
    content: Content
    axes: tuple[int, ...] | None
    key: Key | None
    size: int
    result_shape: Shape
    steps: tuple[int, ...]
    is_drawn: bool

    parts = ("shape", "dtype", "content", "axes", "key")

    def __init__(
        self,
        shape: Shape,
        dtype: DType,
        content: Content,
        axes: tuple[int, ...] | None = None,
        key: Key | None = None,
    ) -> None:
        steps = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
        vars(self).update(
            shape=shape,
            dtype=dtype,
            content=content,
            axes=axes,
            key=key,
            size=math.prod(shape),
            result_shape=shape if axes is None else tuple(shape[axis] for axis in axes),
            steps=steps if axes is None else tuple(steps[axis] for axis in axes),
            is_drawn=isinstance(content, Distribution),
        )

    @property
    def constant(self) -> float | None:
        """The value that all elements have, a number of the dtype; None if they may differ."""
        return self.content.value if isinstance(self.content, Fill) else None

    def with_key(self, key: Key | None) -> Plan:
        """The same plan with another key; one whose content needs none is returned as it is."""
        if isinstance(self.content, (Fill, Values)):
            return self
        # A model has many plans that differ in the key: what was worked out stays.
        plan = object.__new__(Plan)
        plan.__dict__.update(self.__dict__, key=key)
        return plan

    def required_key(self) -> Key:
        """The key.

        Raises
        ------
        ValueError
            If there is none.
        """
        if self.key is None:
            raise ValueError(f"{self!r} has no key; wanted plan.with_key(key)")
        return self.key

    def moments(self) -> Moments:
        """Mean, standard deviation and bounds that theory gives for an element."""
        content = self.content
        if isinstance(content, Distribution):
            return content.moments()
        if isinstance(content, Fill):
            return Moments(content.value, 0.0, content.value, content.value)
        if isinstance(content, Values):
            values = np.asarray(content.values or (0.0,), dtype=np.float64)
            with np.errstate(all="ignore"):  # Infinities and NaN are values too.
                return Moments(*(float(f(values)) for f in (np.mean, np.std, np.min, np.max)))
        # Each column, or each row, has norm gain, spread evenly over its elements.
        gain = abs(content.gain)
        return Moments(0.0, gain / math.sqrt(max(1, content.sides[0])), -gain, gain)


def make_plan(shape: Shape, dtype: DType, layout: Layout, content: Callable[[Weight], Content]) -> Plan:
    """The plan for a result of a shape and a layout; ``content`` is called with the weight that it is."""
    weight = layout.weight(shape)
    return Plan(weight.shape, dtype, content(weight), layout.from_canonical(len(shape)))


def fill(value: float, dtype: DType) -> Fill:
    """The same value everywhere.

    Raises
    ------
    ArgumentError
        If the value does not fit the dtype.
    """
    return Fill(fitting(value, dtype))


def uniform(minval: float, maxval: float, dtype: DType) -> Content:
    """Uniform numbers on [minval, maxval); only minval if the two are equal."""
    minval, maxval = finite(minval, "minval"), finite(maxval, "maxval")
    return fill(minval, dtype) if minval == maxval else _uniform(minval, maxval, dtype)


def normal(mean: float, stddev: float, dtype: DType) -> Content:
    """Normal numbers; only the mean if stddev is 0."""
    mean, stddev = finite(mean, "mean"), finite(stddev, "stddev")
    return _normal(mean, stddev, dtype) if stddev else fill(mean, dtype)


def truncated_normal(lower: float, upper: float, mean: float, stddev: float, dtype: DType) -> Content:
    """Truncated normal numbers, bounds in standard deviations; only the mean if stddev is 0."""
    lower, upper = real(lower, "lower"), real(upper, "upper")
    mean, stddev = finite(mean, "mean"), finite(stddev, "stddev")
    if stddev == 0 and lower < upper:
        return fill(mean, dtype)
    return _truncated_normal(lower, upper, mean, stddev, dtype)


def bits(dtype: DType) -> Content:
    """Random bits."""
    return _bits(dtype)


# A model has few distributions and many parameters.
_uniform = lru_cache(Uniform)
_normal = lru_cache(Normal)
_truncated_normal = lru_cache(TruncatedNormal)
_bits = lru_cache(Bits)


def orthogonal(gain: float, rows: int, columns: int, dtype: DType) -> OrthogonalMatrix:
    """A matrix with orthonormal columns or rows, times a gain."""
    fitting(finite(gain, "gain"), dtype)
    return OrthogonalMatrix(rounded(gain, dtype), rows, columns)


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
