"""Initializers that draw nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from unifinit.content import Content
from unifinit.contents import Number, Values, fill, fitting
from unifinit.errors import ArgumentError, ShapeError
from unifinit.initializers.base import Initializer
from unifinit.initializers.hyperparameters import checked
from unifinit.types import DType
from unifinit.weight import Weight


class Zeros(Initializer):
    """All elements 0. Any dtype, integers and booleans too.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.Zeros()((2, 3))
    array([[0., 0., 0.],
           [0., 0., 0.]], dtype=float32)
    """

    summary = "all elements 0"
    formula = "0"
    source = "Every framework"

    def content(self, weight: Weight, dtype: DType) -> Content:
        """Zero everywhere."""
        return fill(0, dtype)


class Ones(Initializer):
    """All elements 1. Any dtype, integers and booleans too.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.Ones()(3, "int32")
    array([1, 1, 1], dtype=int32)
    """

    summary = "all elements 1"
    formula = "1"
    source = "Every framework; the scales of normalisation layers"

    def content(self, weight: Weight, dtype: DType) -> Content:
        """One everywhere."""
        return fill(1, dtype)


def _numbers(value: Any, name: str) -> Number | tuple[Number, ...]:
    """A number, or a flat tuple of them."""
    if isinstance(value, Mapping) or (
        isinstance(value, (list, tuple)) and any(isinstance(item, Mapping) for item in value)
    ):
        return _complex_from_config(value, name)
    # A ragged list or a foreign object ends as an array of objects or as an exception.
    try:
        array = np.asarray(value)
    except Exception as error:
        raise ArgumentError(f"{name} {value!r} is not numeric: {error}") from error
    # Integers beyond 64 bits are numbers too, although no dtype holds them.
    beyond = array.dtype.kind == "O" and all(isinstance(number, int) for number in array.flat)
    narrow = array.dtype.name.startswith(("bfloat16", "float8"))
    if array.dtype.kind not in "biufc" and not narrow and not beyond:
        raise ArgumentError(f"{name} {value!r} is not numeric; wanted a number, or a list or array of them")
    numbers = array.astype(float) if narrow else array
    return numbers.item() if array.ndim == 0 else tuple(numbers.reshape(-1).tolist())


def _complex_from_config(value: Any, name: str) -> Number | tuple[Number, ...]:
    """Complex numbers as ``get_config`` gives them, for JSON has none."""
    if not isinstance(value, Mapping):
        return tuple(_numbers(item, name) for item in value)  # type: ignore[misc]
    if set(value) != {"real", "imag"}:
        raise ArgumentError(
            f"{name} {dict(value)!r} is not numeric; wanted a number, or {{'real': ..., 'imag': ...}}"
        )
    real, imag = (_numbers(value[part], f"{name}[{part!r}]") for part in ("real", "imag"))
    if isinstance(real, (complex, tuple)) or isinstance(imag, (complex, tuple)):
        raise ArgumentError(f"{name} {dict(value)!r} is no complex number; wanted two real numbers")
    return complex(real, imag)


class Constant(Initializer):
    """One value for all elements, or a given value for each.

    Parameters
    ----------
    value : scalar, sequence or array
        A number; or as many as the shape has elements, in row-major order of the canonical layout,
        whatever their own nesting. TensorFlow 1 repeats the last one of too few values; here, as in
        TensorFlow 2, their number must be right. Infinities and NaN are allowed for floats that have them.

    Raises
    ------
    ArgumentError
        If ``value`` is not numeric; in a call, if a value does not fit the dtype, as 0.5 does not fit int32.
    DtypeError
        In a call, for a complex value and a dtype that is not.
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
    formula = "value"
    source = "Every framework"

    value: Any = checked(_numbers, "a number, or a sequence or array of numbers", default=0.0)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """The value everywhere, or each value in its place."""
        if not isinstance(self.value, tuple):
            return fill(self.value, dtype)
        shape, size = weight.shape, math.prod(weight.shape)
        if len(self.value) != size:
            raise ShapeError(
                f"Constant has {len(self.value)} values, but shape {shape} has {size} elements; wanted one "
                "value for each, or a single number for all"
            )
        return Values(tuple(fitting(value, dtype) for value in self.value))
