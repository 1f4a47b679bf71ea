"""Initializers that draw nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unifinit.errors import ArgumentError, ShapeError
from unifinit.initializers.base import Initializer
from unifinit.plan import Content, Values, fill, fitting
from unifinit.types import DType
from unifinit.values import Immutable
from unifinit.weight import Weight


class Zeros(Immutable, Initializer):
    """All elements 0. Any dtype, integers and booleans too.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.Zeros()((2, 3))
    array([[0., 0., 0.],
           [0., 0., 0.]], dtype=float32)
    """

    summary = "all elements 0"

    def _content(self, weight: Weight, dtype: DType) -> Content:
        return fill(0, dtype)


class Ones(Immutable, Initializer):
    """All elements 1. Any dtype, integers and booleans too.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.Ones()(3, "int32")
    array([1, 1, 1], dtype=int32)
    """

    summary = "all elements 1"

    def _content(self, weight: Weight, dtype: DType) -> Content:
        return fill(1, dtype)


@dataclass(frozen=True, repr=False)
class Constant(Initializer):
    """One value for all elements, or a given value for each.

    Parameters
    ----------
    value : scalar, sequence or array
        A real number; or as many as the shape has elements, in row-major order of the canonical layout,
        whatever their own nesting. TensorFlow 1 repeats the last one of too few values; here, as in
        TensorFlow 2, their number must be right. Infinities and NaN are allowed for floats.

    Raises
    ------
    ArgumentError
        If ``value`` is not numeric; in a call, if a value does not fit the dtype, as 0.5 does not fit int32.
    ShapeError
        In a call, if the number of values differs from the number of elements.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.Constant([1, 1, 1, 1, -8, 1, 1, 1, 1])((3, 3))
    array([[ 1.,  1.,  1.],
           [ 1., -8.,  1.],
           [ 1.,  1.,  1.]], dtype=float32)
    """

    summary = "a given value, or a given value for each element"

    value: float | Sequence[Any] | np.ndarray[Any, Any] = 0.0

    def __post_init__(self) -> None:
        value: Any = self.value
        # A ragged list or a foreign object ends as an array of objects or as an exception.
        try:
            array = np.asarray(value)
        except Exception as error:
            raise ArgumentError(f"value {value!r} is not numeric: {error}") from error
        # Integers beyond 64 bits are numbers too, although no dtype holds them.
        beyond = array.dtype.kind == "O" and all(isinstance(number, int) for number in array.flat)
        if array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16" and not beyond:
            raise ArgumentError(
                f"value {value!r} is not numeric; wanted a real number, or a list or array of them"
            )
        numbers = array.astype(float) if array.dtype.name == "bfloat16" else array
        plain = numbers.item() if array.ndim == 0 else tuple(numbers.reshape(-1).tolist())
        object.__setattr__(self, "value", plain)

    def _content(self, weight: Weight, dtype: DType) -> Content:
        if not isinstance(self.value, tuple):
            return fill(self.value, dtype)  # type: ignore[arg-type]
        shape, size = weight.shape, math.prod(weight.shape)
        if len(self.value) != size:
            raise ShapeError(
                f"Constant has {len(self.value)} values, but shape {shape} has {size} elements; wanted one "
                "value for each, or a single number for all"
            )
        return Values(tuple(fitting(value, dtype) for value in self.value))
