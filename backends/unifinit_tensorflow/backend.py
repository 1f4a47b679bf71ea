"""The TensorFlow backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from unifinit.backend import (
    AnyKey,
    ArrayApiBackend,
    ArrayInfo,
    DeviceError,
    DType,
    Ops,
    Plan,
    Request,
    Shape,
    TargetError,
    as_dtype,
    as_shape,
    host,
    reference,
)
from unifinit_tensorflow import generated, namespace, recorded, spread
from unifinit_tensorflow.native import native_initializer

LOCAL = "/job:localhost/replica:0/task:0"
MIRRORED = (tf.distribute.MirroredStrategy, tf.distribute.MultiWorkerMirroredStrategy)


class TensorflowBackend(ArrayApiBackend):
    """Tensors and variables of TensorFlow."""

    host_kernel = True

    def __init__(self) -> None:
        super().__init__("tensorflow", namespace)
        recorded.keep_as_written("unifinit", "unifinit_tensorflow")

    def ops(self, device: Any = None) -> Ops:
        """The few functions of the standard that TensorFlow was given, and what it has beyond them."""
        return Ops(
            namespace,
            device,
            float32_bits=lambda x: tf.bitcast(x, tf.int32),
            complex_of=tf.complex,
            host_call=recorded.host_call,
            engine=host.engine(),
        )

    def is_array(self, x: object) -> bool:
        """Whether ``x`` is a tensor or a variable."""
        return isinstance(x, (tf.Tensor, tf.Variable))

    def inspect(self, x: Any) -> ArrayInfo:
        """Shape, dtype and device of a tensor or a variable; of one that is spread, the layout."""
        return ArrayInfo(as_shape(x.shape), as_dtype(x.dtype), place(x))

    def device(self, device: Any) -> Any:
        """The name of a device that this process has, from any part of it: "cpu", "GPU:1"; or a layout."""
        if device is None or isinstance(device, spread.Layout):
            return device
        known = [logical.name.removeprefix("/device:") for logical in tf.config.list_logical_devices()]
        wanted = str(device).upper().rpartition("DEVICE:")[2].lstrip("/")
        for name in known:
            if wanted in (name, name.removesuffix(":0")):
                return f"/device:{name}"
        raise DeviceError(
            f"tensorflow has no device {device!r} here; wanted one of {known}, a layout of "
            "tensorflow.experimental.dtensor, or None"
        )

    def key(self, x: Any) -> AnyKey:
        """The key that a tensor or a variable of two words is, known or not."""
        return recorded.key_of(x)

    def is_tracing(self) -> bool:
        """Whether operations go into a graph."""
        return not tf.executing_eagerly()

    def is_shared(self, device: Any) -> bool:
        """Whether this is one of several replicas of a strategy, which have copies of the same variables."""
        strategy = tf.distribute.get_strategy()
        in_replica = not tf.distribute.in_cross_replica_context()
        return in_replica and isinstance(strategy, MIRRORED) and strategy.num_replicas_in_sync > 1

    def run(self, plan: Plan, device: Any) -> Any:
        """A new tensor."""
        eager = tf.executing_eagerly()
        if device is None and eager:
            device = scope(plan)
        if isinstance(device, spread.Layout):
            return spread.run(plan, device, self.run)
        if eager and host.can_run(plan) and is_on_host(device):
            return adopt(host.create(plan), plan.dtype, device)
        # In a graph without pieces, which would only make the graph longer.
        piece = reference.PIECE if eager else None
        with namespace.on(device):
            return reference.run(plan, self.ops(device), piece=piece)

    def is_immutable(self, x: Any) -> bool:
        """Whether it is a tensor rather than a variable."""
        return not isinstance(x, tf.Variable)

    def fill(self, target: Any, plan: Plan) -> None:
        """Assign to a variable."""
        if not isinstance(target, tf.Variable):
            raise immutable()
        target = own(target)
        target.assign(self.run(plan, place(target)))

    def to_bytes(self, x: Any) -> bytes:
        """The elements in row-major order, each little-endian; those of a DTensor are gathered."""
        return super().to_bytes(spread.gathered(x) if spread.is_spread(x.device) else x.numpy())

    def is_generator(self, x: object) -> bool:
        """Whether ``x`` is a ``tf.random.Generator``, or a pair of seeds."""
        return generated.is_generator(x)

    def key_from(self, generator: Any, device: Any) -> AnyKey:
        """A key, drawn by a generator or made of a pair of seeds."""
        return generated.key_from(generator)

    def generated(self, request: Request, generator: Any, device: Any, target: Any = None) -> Any:
        """What TensorFlow draws; its own initializers lay no tensors out over a mesh."""
        if target is not None and not isinstance(target, tf.Variable):
            raise immutable()
        if isinstance(device, spread.Layout):
            return None
        value = generated.generated(request, generator, device)
        if value is None or target is None:
            return value
        own(target).assign(value)
        return target

    def native(
        self, name: str, config: Mapping[str, Any], shape: Shape, dtype: DType
    ) -> Callable[[], object] | None:
        """What ``tf.compat.v1`` offers."""
        return native_initializer(name, config, shape, dtype)


def immutable() -> TargetError:
    """The error about a tensor that is to be filled."""
    return TargetError(
        "tensors of TensorFlow are immutable and cannot be filled in place; wanted a tf.Variable, or "
        "create a new tensor: init(x.shape, like=x)"
    )


def place(x: Any) -> Any:
    """The device or the layout of a tensor or a variable; None if it is not known."""
    device = x.device
    return spread.layout_of(x) if spread.is_spread(device) else device or None


def scope(plan: Plan) -> Any:
    """Where the caller's scope puts new tensors: a device, or a layout; None leaves it to TensorFlow."""
    if spread.has_mesh() and spread.is_spread(tf.identity(0).device):
        return spread.default_layout(len(plan.result_shape))
    if len(tf.config.list_logical_devices()) == 1:
        return None  # Only the processor, which is always there.
    return tf.identity(0).device


def is_on_host(device: str | None) -> bool:
    """Whether a device is a processor of this process."""
    if device is None:
        return True
    process, _, number = device.rpartition("/device:")
    return number.startswith("CPU:") and process in ("", LOCAL)


def adopt(values: Any, dtype: DType, device: str | None) -> Any:
    """A tensor in memory that was made for it; TensorFlow keeps it for as long as it needs it."""
    with namespace.on(device):
        if dtype.is_narrow and dtype.bits == 8:  # Tensors of these dtypes come from nothing but a copy.
            return tf.constant(values.view(getattr(namespace, dtype.name).as_numpy_dtype))
        narrow = dtype.name == "bfloat16"  # Not a dtype of NumPy's.
        tensor = tf.experimental.dlpack.from_dlpack(
            (values.view(np.int16) if narrow else values).__dlpack__()
        )
        if narrow:
            return tf.bitcast(tensor, tf.bfloat16)
        # It is on the first processor, whatever the scope; all have the same memory.
        return tensor if device is None or device.endswith("CPU:0") else tf.identity(tensor)


def own(variable: Any) -> Any:
    """In a replica of a strategy its own copy of a variable, so that nothing has to be combined."""
    strategy = tf.distribute.get_strategy()
    if tf.distribute.in_cross_replica_context() or not isinstance(strategy, MIRRORED):
        return variable
    copies = strategy.experimental_local_results(variable)
    return next((copy for copy in copies if copy.device == variable.device), variable)
