"""The part of the Array API standard that unifinit computes with, on tensors of TensorFlow.

TensorFlow has no Array API namespace. These functions have the signatures and the meaning of the
standard's 2024.12 version: positional-only arrays, keyword-only options, integers that wrap around and
keep their dtype, right shifts that repeat the sign, and a Python scalar allowed beside an array.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

Tensor: TypeAlias = Any
Scalar: TypeAlias = bool | int | float

bool_ = tf.bool
int8, int16, int32, int64 = tf.int8, tf.int16, tf.int32, tf.int64
uint8, uint16, uint32, uint64 = tf.uint8, tf.uint16, tf.uint32, tf.uint64
float16, bfloat16, float32, float64 = tf.float16, tf.bfloat16, tf.float32, tf.float64
float8_e4m3fn, float8_e5m2 = tf.dtypes.experimental.float8_e4m3fn, tf.dtypes.experimental.float8_e5m2
float8_e4m3fnuz = tf.dtypes.experimental.float8_e4m3fnuz
float8_e5m2fnuz = tf.dtypes.experimental.float8_e5m2fnuz
complex64, complex128 = tf.complex64, tf.complex128
MOST_BYTES = 2**31
UNSIGNED_ZERO = (float8_e4m3fnuz, float8_e5m2fnuz)
globals()["bool"] = (
    tf.bool
)  # The standard's name for it, which shadows Python's only for users of this module.


def on(device: str | None) -> Any:
    """The scope of a device; for None that in which the caller is, which ``tf.device(None)`` would leave."""
    return nullcontext() if device is None else tf.device(device)


def asarray(obj: Any, /, *, dtype: Any = None, device: str | None = None, copy: bool | None = None) -> Tensor:
    """A tensor from a tensor, a NumPy array, a scalar or nested sequences; tensors are never shared."""
    if copy is False:
        raise ValueError("asarray(copy=False) is impossible: TensorFlow copies; wanted None or True")
    if not tf.is_tensor(obj) and not isinstance(obj, (np.ndarray, np.generic)):
        obj = np.asarray(obj)
        if dtype is None and obj.dtype == np.float64:
            dtype = float32  # The default floating dtype of TensorFlow.
    if isinstance(obj, np.ndarray) and obj.nbytes >= MOST_BYTES and not tf.executing_eagerly():
        raise ValueError(
            f"an array of {obj.nbytes} bytes is too large for a constant of a graph, which TensorFlow limits "
            "to 2 GB; wanted one that is made outside of tf.function, or a key that is an argument of it"
        )
    with on(device):
        tensor = tf.convert_to_tensor(obj)
        return tf.identity(tensor) if dtype is None else astype(tensor, dtype)


def arange(
    start: Scalar,
    /,
    stop: Scalar | None = None,
    step: Scalar = 1,
    *,
    dtype: Any = None,
    device: str | None = None,
) -> Tensor:
    """Evenly spaced numbers from ``start`` to below ``stop``, or from 0 to below ``start``."""
    with on(device):
        bounds = (0, start) if stop is None else (start, stop)
        return tf.range(*bounds, step, dtype=dtype)


def full(
    shape: int | Sequence[int], fill_value: Scalar, *, dtype: Any = None, device: str | None = None
) -> Tensor:
    """A tensor of one value."""
    with on(device):
        # By way of NumPy, because tf.constant flushes subnormal numbers of 16 bits to zero.
        value = asarray(fill_value) if dtype is None else asarray(np.array(fill_value, dtype.as_numpy_dtype))
        return tf.fill((shape,) if isinstance(shape, int) else tuple(shape), value)


def astype(x: Tensor, dtype: Any, /, *, copy: bool = True) -> Tensor:
    """``x`` converted: floats rounded to nearest even, integers modulo the width."""
    if x.dtype == dtype:
        return tf.identity(x) if copy else x
    if x.dtype.is_integer and dtype.is_integer and x.dtype.size == dtype.size:
        return tf.bitcast(x, dtype)
    return _cast_by_xla(dtype)(x) if dtype in UNSIGNED_ZERO else tf.cast(x, dtype)


@cache
def _cast_by_xla(dtype: Any) -> Any:
    # Nothing else in TensorFlow converts to these dtypes. Kept, or each call would be compiled anew.
    return tf.function(lambda t: tf.cast(t, dtype), jit_compile=True, autograph=False)


def reshape(x: Tensor, /, shape: Sequence[int], *, copy: bool | None = None) -> Tensor:
    """``x`` with another shape."""
    del copy  # Tensors are immutable: whether they share memory cannot be seen.
    return tf.reshape(x, tuple(shape))


def permute_dims(x: Tensor, /, axes: Sequence[int]) -> Tensor:
    """``x`` with its axes in another order."""
    return tf.transpose(x, tuple(axes))


def concat(arrays: Sequence[Tensor], /, *, axis: int | None = 0) -> Tensor:
    """Tensors joined along an axis, or flattened and joined if it is None."""
    if axis is None:
        return tf.concat([tf.reshape(x, (-1,)) for x in arrays], axis=0)
    return tf.concat(list(arrays), axis=axis)


def take(x: Tensor, indices: Tensor, /, *, axis: int | None = None) -> Tensor:
    """The elements of ``x`` at one-dimensional ``indices`` along an axis."""
    if axis is None:
        if len(x.shape) != 1:
            raise ValueError(f"take needs an axis for {len(x.shape)} dimensions")
        axis = 0
    return tf.gather(x, indices, axis=axis)


def where(condition: Tensor, x1: Tensor | Scalar, x2: Tensor | Scalar, /) -> Tensor:
    """``x1`` where the condition holds, else ``x2``."""
    x1, x2 = _pair(x1, x2)
    return tf.where(condition, x1, x2)


def abs(x: Tensor, /) -> Tensor:  # noqa: A001 - the standard's name
    """Absolute values."""
    return tf.abs(x)


def negative(x: Tensor, /) -> Tensor:
    """Negated values."""
    return tf.negative(x)


def add(x1: Tensor | Scalar, x2: Tensor | Scalar, /) -> Tensor:
    """Sums."""
    return tf.add(*_pair(x1, x2))


def subtract(x1: Tensor | Scalar, x2: Tensor | Scalar, /) -> Tensor:
    """Differences."""
    return tf.subtract(*_pair(x1, x2))


def multiply(x1: Tensor | Scalar, x2: Tensor | Scalar, /) -> Tensor:
    """Products."""
    return tf.multiply(*_pair(x1, x2))


def maximum(x1: Tensor | Scalar, x2: Tensor | Scalar, /) -> Tensor:
    """The larger ones."""
    return tf.maximum(*_pair(x1, x2))


def minimum(x1: Tensor | Scalar, x2: Tensor | Scalar, /) -> Tensor:
    """The smaller ones."""
    return tf.minimum(*_pair(x1, x2))


def less(x1: Tensor | Scalar, x2: Tensor | Scalar, /) -> Tensor:
    """Whether the first is smaller."""
    return tf.less(*_pair(x1, x2))


def bitwise_and(x1: Tensor | Scalar, x2: Tensor | Scalar, /) -> Tensor:
    """Bits set in both integers; the conjunction of booleans."""
    return _bitwise(tf.bitwise.bitwise_and, tf.logical_and, x1, x2)


def bitwise_or(x1: Tensor | Scalar, x2: Tensor | Scalar, /) -> Tensor:
    """Bits set in either integer; the disjunction of booleans."""
    return _bitwise(tf.bitwise.bitwise_or, tf.logical_or, x1, x2)


def bitwise_xor(x1: Tensor | Scalar, x2: Tensor | Scalar, /) -> Tensor:
    """Bits set in one integer only; the exclusive disjunction of booleans."""
    return _bitwise(tf.bitwise.bitwise_xor, tf.math.logical_xor, x1, x2)


def bitwise_left_shift(x1: Tensor | Scalar, x2: Tensor | Scalar, /) -> Tensor:
    """Bits moved up."""
    return tf.bitwise.left_shift(*_pair(x1, x2))


def bitwise_right_shift(x1: Tensor | Scalar, x2: Tensor | Scalar, /) -> Tensor:
    """Bits moved down; signed integers keep their sign."""
    return tf.bitwise.right_shift(*_pair(x1, x2))


def _pair(x1: Any, x2: Any) -> tuple[Tensor, Tensor]:
    # A scalar takes the dtype of the array beside it.
    if not tf.is_tensor(x1):
        x1 = tf.constant(x1, dtype=x2.dtype)
    elif not tf.is_tensor(x2):
        x2 = tf.constant(x2, dtype=x1.dtype)
    return x1, x2


def _bitwise(integers: Any, booleans: Any, x1: Tensor | Scalar, x2: Tensor | Scalar) -> Tensor:
    x1, x2 = _pair(x1, x2)
    return (booleans if x1.dtype == tf.bool else integers)(x1, x2)
