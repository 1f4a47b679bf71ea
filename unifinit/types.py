"""Shapes and dtypes, as plain values that name no framework."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Literal, TypeAlias

import numpy as np

from unifinit import narrow
from unifinit.errors import DtypeError, ShapeError, or_list, suggestion
from unifinit.values import Value

Array: TypeAlias = Any
"""An array of whichever framework; unifinit itself never needs to know which."""

Shape: TypeAlias = tuple[int, ...]

NO_SHAPES = (str, bytes, bytearray, AbstractSet, Mapping)
"""Iterables that hold no dimensions in order."""

MAX_ELEMENTS = 2**63
"""Counters of the stream are 64-bit, and every framework's sizes are signed."""


Kind: TypeAlias = Literal["bool", "int", "uint", "float", "complex"]


class DType(Value):
    """A data type that arrays of some framework can have.

    Attributes
    ----------
    name
        The name that NumPy, PyTorch, TensorFlow and JAX share.
    kind
        What its values are.
    bits
        Width of an element.
    largest
        The largest finite value, of a complex dtype that of its parts.
    """

    name: str
    kind: Kind
    bits: int
    largest: float

    parts = ("name", "kind", "bits", "largest")
    # There is one object for each dtype, so that caches can look it up quickly.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __init__(self, name: str, kind: Kind, bits: int, largest: float) -> None:
        vars(self).update(name=name, kind=kind, bits=bits, largest=largest)

    @property
    def is_floating(self) -> bool:
        """Whether its values are real floating-point numbers."""
        return self.kind == "float"

    @property
    def is_complex(self) -> bool:
        """Whether its values are complex numbers."""
        return self.kind == "complex"

    @property
    def is_narrow(self) -> bool:
        """Whether NumPy lacks it, so that words stand for its values."""
        return self.name in narrow.NARROW

    @property
    def part(self) -> DType:
        """The dtype of real and imaginary parts; of other dtypes itself."""
        return DTYPES[f"float{self.bits // 2}"] if self.kind == "complex" else self

    @property
    def smallest(self) -> float:
        """The lowest finite value."""
        if self.kind in ("float", "complex"):
            return -self.largest
        return -self.largest - 1 if self.kind == "int" else 0

    @property
    def compute(self) -> DType:
        """The dtype in which values are computed before the one rounding to this one."""
        return DTYPES["float32"] if self.kind == "float" and self.bits < 64 else self

    def round(self, value: float) -> float:
        """A number as this floating dtype stores it: rounded to nearest even, by way of ``compute``."""
        with np.errstate(over="ignore"):
            number = getattr(np, self.part.compute.name)(value)
            if self.is_narrow:
                words = narrow.encode(np.array([number], dtype=np.float32), self.name)
                return float(narrow.decode(words, self.name)[0])
            return float(np.float16(number) if self.name == "float16" else number)

    def __str__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[object, ...]:
        return as_dtype, (self.name,)


DTYPES = {
    dtype.name: dtype
    for dtype in (
        DType("float16", "float", 16, 65504.0),
        DType("bfloat16", "float", 16, float.fromhex("0x1.fep127")),
        DType("float32", "float", 32, float.fromhex("0x1.fffffep127")),
        DType("float64", "float", 64, float.fromhex("0x1.fffffffffffffp1023")),
        *(DType(f"int{bits}", "int", bits, 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)),
        *(DType(f"uint{bits}", "uint", bits, 2**bits - 1) for bits in (8, 16, 32, 64)),
        DType("bool", "bool", 8, 1),
        DType("complex64", "complex", 64, float.fromhex("0x1.fffffep127")),
        DType("complex128", "complex", 128, float.fromhex("0x1.fffffffffffffp1023")),
        DType("float8_e4m3fn", "float", 8, 448.0),
        DType("float8_e5m2", "float", 8, 57344.0),
        DType("float8_e4m3fnuz", "float", 8, 240.0),
        DType("float8_e5m2fnuz", "float", 8, 57344.0),
    )
}
FLOATS = tuple(dtype for dtype in DTYPES.values() if dtype.is_floating)
INEXACT = tuple(dtype for dtype in DTYPES.values() if dtype.kind in ("float", "complex"))
"""Those that random numbers can have."""


def as_dtype(dtype: object) -> DType:
    """The ``DType`` for a name or for any framework's own dtype object.

    Parameters
    ----------
    dtype
        ``"float32"``, ``torch.float32``, ``tf.float32``, ``jnp.float32``, ``np.dtype("float32")``, ...

    Raises
    ------
    DtypeError
        If it names no dtype that unifinit knows.
    """
    if isinstance(dtype, DType):
        return dtype
    name = dtype if isinstance(dtype, str) else _dtype_name(dtype)
    if name not in DTYPES:
        raise DtypeError(
            f"unknown dtype {dtype!r}{suggestion(name, DTYPES)}; wanted one of {or_list(DTYPES)}, "
            "or a framework's own object for one of these"
        )
    return DTYPES[name]


def _dtype_name(dtype: object) -> str:
    if isinstance(dtype, (type, np.dtype)) or hasattr(dtype, "dtype"):
        # Scalar types: numpy.float32, jax.numpy.float32, ml_dtypes.bfloat16, float.
        try:
            return np.dtype(dtype).name
        except TypeError:
            return repr(dtype)
    name = getattr(dtype, "name", None)
    # torch.float32 and array_api_strict.float32 have no name but print as one.
    return name if isinstance(name, str) else str(dtype).rpartition(".")[2]


def require_floating(dtype: DType, what: str) -> DType:
    """``dtype``, if it is a real floating one.

    Raises
    ------
    DtypeError
        For integers, booleans and complex numbers.
    """
    return _require(dtype, FLOATS, what)


def require_inexact(dtype: DType, what: str) -> DType:
    """``dtype``, if it is a real or complex floating one.

    Raises
    ------
    DtypeError
        For integers and booleans.
    """
    return _require(dtype, INEXACT, what)


def _require(dtype: DType, wanted: tuple[DType, ...], what: str) -> DType:
    if dtype not in wanted:
        raise DtypeError(
            f"{what} draws real numbers and cannot fill an array of dtype {dtype.name}; "
            f"wanted one of {or_list(d.name for d in wanted)}: pass dtype=..."
        )
    return dtype


def as_shape(shape: object) -> Shape:
    """A shape as a tuple of non-negative ints; a single int stands for one dimension.

    Raises
    ------
    ShapeError
        For anything that is no integer or sequence of integers, for negative dimensions, and beyond
        2**63 elements.
    """
    if type(shape) is tuple and _is_plain(shape):
        return shape
    if getattr(shape, "dtype", None) == "uint32" and not isinstance(shape, np.ndarray):
        raise ShapeError(
            f"shape {shape!r} is an array of uint32, as keys of JAX are; wanted a shape behind the key: "
            "init(key, shape)"
        )
    try:
        dimensions = (shape,) if not isinstance(shape, Iterable) else tuple(shape)
        if isinstance(shape, NO_SHAPES) or any(isinstance(dim, (bool, np.bool_)) for dim in dimensions):
            raise TypeError
        result = tuple(operator.index(dim) for dim in dimensions)
    # Some frameworks' shapes and tensors have their own ways of not being integers.
    except (TypeError, ValueError, AttributeError):
        raise ShapeError(
            f"shape {shape!r} is no shape: wanted an int or a sequence of ints, as in (3, 3, 64, 128)"
        ) from None
    if any(dim < 0 for dim in result):
        raise ShapeError(f"shape {result} has a negative dimension: every dimension must be at least 0")
    # Dimensions of 0 do not make the others possible.
    elements = math.prod(filter(None, result))
    if elements >= MAX_ELEMENTS:
        raise ShapeError(f"shape {result} has {elements} elements: wanted fewer than 2**63")
    return result


def _is_plain(shape: tuple[object, ...]) -> bool:
    """Whether it is quickly seen that nothing is wrong with a shape."""
    size = 1
    for dim in shape:
        if type(dim) is not int or dim <= 0:
            return False
        size *= dim
    return size < MAX_ELEMENTS
