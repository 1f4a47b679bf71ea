"""With which functions, and where, the reference path computes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from unifinit.types import Array


@dataclass(frozen=True)
class Ops:
    """An Array API namespace, a device, and what a backend can do beyond the standard.

    Attributes
    ----------
    xp
        The namespace. The stream uses these of its functions: abs, add, arange, asarray, astype,
        bitwise_and, bitwise_left_shift, bitwise_or, bitwise_right_shift, bitwise_xor, concat, full,
        less, maximum, minimum, multiply, negative, permute_dims, reshape, subtract, take, where; and
        the dtype objects.
    device
        Where arrays are created; None leaves it to the namespace.
    float32_bits
        From a float32 array to an int32 array of the same bits, if the framework can do that; the
        standard has no such function. It saves some integer steps and changes no value.
    """

    xp: Any
    device: Any = None
    float32_bits: Callable[[Array], Array] | None = None

    def arange(self, count: int) -> Array:
        """0, 1, ... as int32."""
        return self.xp.arange(count, dtype=self.xp.int32, device=self.device)

    def asarray(self, values: Any, dtype: str | None = None) -> Array:
        """A host array, or a sequence, as an array of the namespace."""
        native = None if dtype is None else getattr(self.xp, dtype)
        return self.xp.asarray(values, dtype=native, device=self.device)

    def full(self, shape: tuple[int, ...], value: float, dtype: str) -> Array:
        """An array of one value."""
        return self.xp.full(shape, value, dtype=getattr(self.xp, dtype), device=self.device)

    def cast(self, x: Array, dtype: str) -> Array:
        """``x`` converted, floats rounded to nearest even."""
        return self.xp.astype(x, getattr(self.xp, dtype))


def numpy_ops() -> Ops:
    """The reference path on the host, for what is computed before any backend is involved."""
    return Ops(np)
