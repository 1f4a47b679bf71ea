"""With which functions, and where, the reference path computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from unifinit.types import Array, Shape
from unifinit.values import Value

HostFunction: TypeAlias = Callable[[tuple[int, int]], npt.NDArray[Any]]
HostCall: TypeAlias = Callable[[HostFunction, tuple[Array, Array], Shape, str], Array]


class Ops(Value):
    """An Array API namespace, a device, and what a backend can do beyond the standard.

    Attributes
    ----------
    xp
        The namespace. The reference path uses these of its functions, a Python scalar never being the
        first argument: abs, add, arange, asarray, astype, bitwise_and, bitwise_left_shift, bitwise_or,
        bitwise_right_shift, bitwise_xor, concat, full, less, maximum, minimum, multiply, negative,
        permute_dims, reshape, subtract, take and where.
    device
        Where arrays are created; None leaves it to the namespace.
    native_dtype
        From the name of a dtype to the framework's own; by default the namespace's attribute.
    float32_bits
        From a float32 array to an int32 array of the same bits, if the framework can do that; the
        standard has no such function. It saves some integer steps and changes no value.
    complex_of
        From real and imaginary parts to complex numbers, if the framework has a function for it.
    host_call
        ``host_call(function, words, shape, dtype)``, if the framework can call a function of the host in the
        midst of a computation that it records: ``function`` gets two words as a tuple of ints and returns
        an array of NumPy with that shape and the dtype of that name; ``words`` are int32 arrays without axes.
    engine
        What makes computed contents on the host, if there is something quicker than array operations of
        NumPy: a ``unifinit.contents.Engine``.
    """

    xp: Any
    device: Any
    native_dtype: Callable[[str], Any] | None
    float32_bits: Callable[[Array], Array] | None
    complex_of: Callable[[Array, Array], Array] | None
    host_call: HostCall | None
    engine: Any

    parts = ("xp", "device", "native_dtype", "float32_bits", "complex_of", "host_call", "engine")

    def __init__(
        self,
        xp: Any,
        device: Any = None,
        native_dtype: Callable[[str], Any] | None = None,
        float32_bits: Callable[[Array], Array] | None = None,
        complex_of: Callable[[Array, Array], Array] | None = None,
        host_call: HostCall | None = None,
        engine: Any = None,
    ) -> None:
        vars(self).update(
            xp=xp,
            device=device,
            native_dtype=native_dtype,
            float32_bits=float32_bits,
            complex_of=complex_of,
            host_call=host_call,
            engine=engine,
        )

    def dtype(self, name: str) -> Any:
        """The framework's own dtype."""
        return getattr(self.xp, name) if self.native_dtype is None else self.native_dtype(name)

    def arange(self, count: int) -> Array:
        """0, 1, ... as int32."""
        return self.xp.arange(count, dtype=self.dtype("int32"), device=self.device)

    def asarray(self, values: Any) -> Array:
        """A host array as an array of the namespace."""
        return self.xp.asarray(values, device=self.device)

    def full(self, shape: tuple[int, ...], value: complex, dtype: str) -> Array:
        """An array of one value."""
        return self.xp.full(shape, value, dtype=self.dtype(dtype), device=self.device)

    def cast(self, x: Array, dtype: str) -> Array:
        """``x`` converted, floats rounded to nearest even."""
        return self.xp.astype(x, self.dtype(dtype))

    def join(self, real: Array, imag: Array, dtype: str) -> Array:
        """Complex numbers from their parts; the products and sums are exact."""
        if self.complex_of is not None:
            return self.complex_of(real, imag)
        upwards = self.xp.multiply(self.cast(imag, dtype), 1j)
        return self.xp.add(self.cast(real, dtype), upwards)


def numpy_ops() -> Ops:
    """The reference path on the host, for what is computed before any backend is involved."""
    return Ops(np)
