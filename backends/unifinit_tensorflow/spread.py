"""Arrays that are spread over several devices of a mesh: the DTensors of TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.experimental import dtensor

from unifinit.backend import DeviceError, Plan, Shape

Layout = dtensor.Layout
Index = tuple[slice, ...]


def is_spread(device: str | None) -> bool:
    """Whether the name of a device is that under which TensorFlow keeps DTensors."""
    return "/device:CUSTOM:" in (device or "")


def layout_of(x: Any) -> Any:
    """How a tensor or a variable is spread; None where it is not, or that is not known while recording."""
    if isinstance(x, dtensor.DVariable):
        return x.layout
    if not is_spread(x.device) or not tf.executing_eagerly():
        return None
    return dtensor.fetch_layout(x.read_value() if isinstance(x, tf.Variable) else x)


def has_mesh() -> bool:
    """Whether there is a default mesh."""
    return dtensor.get_default_mesh() is not None


def default_layout(rank: int) -> Any:
    """The layout of an array that says nothing of it, in the scope of a mesh: all of it on every device."""
    return Layout.replicated(dtensor.get_default_mesh(), rank)


def run(plan: Plan, layout: Any, create: Callable[[Plan, str | None], Any]) -> Any:
    """A DTensor that holds what the plan says.

    Each device gets its window, and no tensor is as large as the whole. While a computation is recorded,
    TensorFlow is told the layout, and divides the operations.

    Parameters
    ----------
    plan, layout
        What to compute, and how to spread it.
    create
        Runs a plan on one device.

    Raises
    ------
    DeviceError
        If the layout does not suit the shape.
    """
    shape = plan.result_shape
    check(shape, layout)
    if not tf.executing_eagerly():
        return dtensor.relayout(create(plan, None), layout)
    made: dict[str, Any] = {}
    parts = []
    for device, index in zip(layout.mesh.local_devices(), windows(shape, layout), strict=True):
        known = made.get(str(index))
        if known is None:
            known = made[str(index)] = create(plan.window(index), device)
            parts.append(known)
        else:
            with tf.device(device):
                parts.append(tf.identity(known))
    return dtensor.pack(parts, layout)


def check(shape: Shape, layout: Any) -> None:
    """Raise a ``DeviceError`` if an array of a shape cannot have a layout."""
    specs = layout.sharding_specs
    if len(specs) != len(shape):
        raise DeviceError(
            f"a layout for {len(specs)} axes, {specs}, cannot be that of shape {shape}; wanted one with "
            f"{len(shape)}"
        )
    for axis, size in enumerate(shape):
        if size % layout.num_shards(axis):
            raise DeviceError(
                f"axis {axis} of shape {shape} has {size} elements, which {layout.num_shards(axis)} devices "
                f"along {specs[axis]!r} cannot share: DTensors have parts of one size; wanted a multiple, or "
                "tensorflow.experimental.dtensor.UNSHARDED for that axis"
            )


def windows(shape: Shape, layout: Any) -> list[Index]:
    """Which part of the whole each of this process's devices has, in the order of the mesh."""
    sizes = [size // layout.num_shards(axis) for axis, size in enumerate(shape)]
    return [
        tuple(
            slice(number * size, (number + 1) * size)
            for size, number in zip(
                sizes, (place.get(spec, 0) for spec in layout.sharding_specs), strict=True
            )
        )
        for place in layout.mesh.local_device_locations()
    ]


def gathered(x: Any) -> Any:
    """All elements as an array of NumPy, from the parts that this process has."""
    x = x.read_value() if isinstance(x, tf.Variable) else x
    layout = dtensor.fetch_layout(x)
    whole = np.empty(x.shape, x.dtype.as_numpy_dtype)
    for part, index in zip(dtensor.unpack(x), windows(tuple(x.shape), layout), strict=True):
        whole[index] = part.numpy()
    return whole
