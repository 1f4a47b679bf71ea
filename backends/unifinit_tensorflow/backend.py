"""The TensorFlow backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np
import tensorflow as tf

from unifinit.backend import (
    ArrayApiBackend,
    ArrayInfo,
    DeviceError,
    DType,
    Ops,
    Plan,
    Shape,
    TargetError,
    as_dtype,
    as_shape,
    host,
    reference,
)
from unifinit_tensorflow import namespace
from unifinit_tensorflow.native import native_initializer


class TensorflowBackend(ArrayApiBackend):
    """Tensors and variables of TensorFlow."""

    host_kernel = True

    def __init__(self) -> None:
        super().__init__("tensorflow", namespace)

    def ops(self, device: Any = None) -> Ops:
        """The few functions of the standard that TensorFlow was given, with a bit cast."""
        return Ops(namespace, device, float32_bits=lambda x: tf.bitcast(x, tf.int32), complex_of=tf.complex)

    def is_array(self, x: object) -> bool:
        """Whether ``x`` is a tensor or a variable."""
        return isinstance(x, (tf.Tensor, tf.Variable))

    def inspect(self, x: Any) -> ArrayInfo:
        """Shape, dtype and device of a tensor or a variable."""
        return ArrayInfo(as_shape(x.shape), as_dtype(x.dtype), x.device or None)

    def device(self, device: Any) -> str | None:
        """The name of a device that this process has, from any part of it: "cpu", "GPU:1", ..."""
        if device is None:
            return None
        known = [logical.name.removeprefix("/device:") for logical in tf.config.list_logical_devices()]
        wanted = str(device).upper().rpartition("DEVICE:")[2].lstrip("/")
        for name in known:
            if wanted in (name, name.removesuffix(":0")):
                return f"/device:{name}"
        raise DeviceError(f"tensorflow has no device {device!r} here; wanted one of {known}, or None")

    def run(self, plan: Plan, device: Any) -> Any:
        """A new tensor; in a graph without pieces, which would only make the graph longer."""
        if host.can_run(plan) and tf.executing_eagerly() and on_host(device):
            return adopt(host.create(plan), plan.dtype)
        piece = reference.PIECE if tf.executing_eagerly() else reference.LARGEST_PIECE
        # tf.device(None) would leave the scope in which the caller is.
        with nullcontext() if device is None else tf.device(device):
            return reference.run(plan, self.ops(device), piece=piece)

    def fill(self, target: Any, plan: Plan) -> None:
        """Assign to a variable."""
        if not isinstance(target, tf.Variable):
            raise TargetError(
                "tensors of TensorFlow are immutable and cannot be filled in place; wanted a tf.Variable, or "
                "create a new tensor: init(x.shape, like=x)"
            )
        target.assign(self.run(plan, target.device or None))

    def to_bytes(self, x: Any) -> bytes:
        """The elements in row-major order, each little-endian."""
        return super().to_bytes(x.numpy())

    def native(
        self, name: str, config: Mapping[str, Any], shape: Shape, dtype: DType
    ) -> Callable[[], object] | None:
        """What ``tf.compat.v1`` offers."""
        return native_initializer(name, config, shape, dtype)


def on_host(device: str | None) -> bool:
    """Whether a device, or that of the present scope if it is None, is this process's first CPU."""
    if device is None:
        if len(tf.config.list_logical_devices()) == 1:
            return True  # Only the processor, which is always there.
        device = tf.identity(0).device
    place, _, number = device.rpartition("/device:")
    return number == "CPU:0" and place in ("", "/job:localhost/replica:0/task:0")


def adopt(values: Any, dtype: DType) -> Any:
    """A tensor in memory that was made for it; TensorFlow keeps it for as long as it needs it."""
    if dtype.is_narrow and dtype.bits == 8:  # Tensors of these dtypes come from nothing but a copy.
        return tf.constant(values.view(getattr(namespace, dtype.name).as_numpy_dtype))
    narrow = dtype.name == "bfloat16"  # Not a dtype of NumPy's.
    tensor = tf.experimental.dlpack.from_dlpack((values.view(np.int16) if narrow else values).__dlpack__())
    return tf.bitcast(tensor, tf.bfloat16) if narrow else tensor
