"""An initializer from a function of one's own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from unifinit.content import Content, Moments
from unifinit.contents import Computed, HostArray, Source
from unifinit.errors import ArgumentError
from unifinit.initializers.base import RandomInitializer
from unifinit.initializers.hyperparameters import checked
from unifinit.types import DType, Shape
from unifinit.weight import Weight


class FunctionValues(Computed):
    """What a function returns for a shape."""

    function: Callable[..., Any]
    shape: Shape

    parts = ("function", "shape")

    def __init__(self, function: Callable[..., Any], shape: Shape) -> None:
        vars(self).update(function=function, shape=shape)

    def compute(self, source: Source, dtype: DType) -> HostArray:
        """The array, checked."""
        result = self.function(source.key, self.shape, dtype.name)
        values = np.asarray(result)
        if values.dtype.kind not in "biuf" + "c" * dtype.is_complex:
            raise ArgumentError(
                f"function {self.function!r} returned values of dtype {values.dtype}; wanted real numbers, "
                "or complex ones for a complex dtype"
            )
        if values.shape != self.shape:
            raise ArgumentError(
                f"function {self.function!r} returned an array of shape {values.shape}; wanted {self.shape}, "
                "the shape in canonical order"
            )
        return values

    def moments(self) -> Moments:
        """Unknown."""
        return Moments(math.nan, math.nan, -math.inf, math.inf)

    def blocks(self, size: int) -> int:
        """As many as there are elements, if the function draws one for each."""
        return size


def _callable(value: Any, name: str) -> Any:
    if not callable(value):
        raise ArgumentError(
            f"{name} is {value!r}; wanted a callable of a key, a shape and the name of a dtype"
        )
    return value


class FromFunction(RandomInitializer):
    """The array that a function of one's own returns.

    Parameters
    ----------
    function : callable
        Called with a `Key`, the shape in canonical order ``(batch..., spatial..., in..., out...)`` and the
        name of the dtype, as the functions of ``jax.nn.initializers`` are with theirs. It returns an array of
        that shape, or whatever ``numpy.asarray`` makes one of. Equal arguments have to give equal arrays.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If it is no callable; in a call, if what it returns has another shape, or is not numeric.

    Notes
    -----
    The bits are those of the function; unifinit rounds them to the dtype once, and brings them to any backend
    and layout. Such an initializer cannot be serialized.

    Examples
    --------
    >>> import unifinit as ui
    >>> import numpy as np
    >>> ui.FromFunction(lambda key, shape, dtype: np.ones(shape))((2,))
    array([1., 1.], dtype=float32)
    """

    summary = "what a function of one's own returns"
    formula = "function(key, shape, dtype)"
    source = "The signature of jax.nn.initializers"

    function: Any = checked(_callable, "a callable of a key, a shape and the name of a dtype")

    def content(self, weight: Weight, dtype: DType) -> Content:
        """What the function returns."""
        return FunctionValues(self.function, weight.shape)
