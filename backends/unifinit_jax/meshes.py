"""Meshes and shardings: what a device can be, which mesh is current, and what a device has of an array."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec, Sharding, SingleDeviceSharding

from unifinit.backend import DeviceError, Shape

# Not every release has them.
_EXPLICIT = getattr(getattr(jax.sharding, "AxisType", None), "Explicit", None)
_HAS_CURRENT_MESH = hasattr(jax, "set_mesh")


def current_mesh() -> Any:
    """The mesh that ``jax.set_mesh`` has made current, without its devices; None if there is none."""
    if not _HAS_CURRENT_MESH:
        return None
    mesh = jax.sharding.get_abstract_mesh()
    return None if mesh.empty else mesh


def current_sharding() -> NamedSharding | None:
    """That of new arrays while a mesh is current: each of its devices has all. None if there is no mesh."""
    if current_mesh() is None:
        return None
    mesh = jax.sharding.get_mesh()
    return None if mesh.empty else NamedSharding(mesh, PartitionSpec())


def completed(sharding: NamedSharding | PartitionSpec, *, is_tracing: bool) -> NamedSharding:
    """A sharding with the mesh, or the devices of the mesh, that it takes from the context.

    Raises
    ------
    DeviceError
        If that mesh is not current.
    """
    mesh, is_spec = current_mesh(), isinstance(sharding, PartitionSpec)
    if mesh is None or not (is_spec or sharding.mesh == mesh):
        raise DeviceError(
            f"device {sharding!r} names no devices, and the mesh that would is not current; wanted "
            "jax.set_mesh(mesh), or a NamedSharding with the mesh itself"
        )
    spec = sharding if is_spec else sharding.spec
    try:
        return NamedSharding(mesh if is_tracing else jax.sharding.get_mesh(), spec)
    except ValueError as error:
        raise DeviceError(
            f"{spec} does not fit the current mesh ({error}); wanted names of its axes"
        ) from None


def is_incomplete(device: object) -> bool:
    """Whether the context has to tell the devices."""
    if isinstance(device, PartitionSpec):
        return True
    return isinstance(device, NamedSharding) and not isinstance(device.mesh, Mesh)


def single_device(device: object) -> jax.Device | None:
    """The device of a device, or of a sharding that is no more; None of others."""
    if isinstance(device, SingleDeviceSharding):
        (device,) = device.device_set
    return device if isinstance(device, jax.Device) else None


def windows(sharding: Sharding, shape: Shape) -> dict[jax.Device, tuple[slice, ...]]:
    """What each device of this process has of an array.

    Raises
    ------
    DeviceError
        If the sharding cannot divide the shape.
    """
    require_fit(sharding, shape)
    found = sharding.addressable_devices_indices_map(shape)
    return {
        device: tuple(slice(*part.indices(size)[:2]) for part, size in zip(index, shape, strict=True))
        for device, index in found.items()
    }


def require_fit(sharding: Sharding, shape: Shape) -> None:
    """Raise a ``DeviceError`` if a sharding cannot divide a shape into parts of one size."""
    try:
        if isinstance(sharding, NamedSharding):
            if len(sharding.spec) > len(shape):
                raise ValueError(f"its spec has {len(sharding.spec)} entries for {len(shape)} axes")
            if getattr(sharding.spec, "unreduced", None):  # Not every release has it.
                raise ValueError("it is for parts of sums")
        sharding.shard_shape(shape)
    except (ValueError, IndexError, NotImplementedError) as error:
        raise DeviceError(
            f"{sharding} does not fit shape {shape} ({error}); wanted a sharding that divides it into equal "
            "parts, as jax.numpy.zeros wants it"
        ) from None


def is_elsewhere(sharding: Sharding) -> bool:
    """Whether a sharding is for another memory than that in which its devices compute."""
    if sharding.memory_kind is None or is_incomplete(sharding):
        return False
    return any(
        sharding.memory_kind != device.default_memory().kind for device in sharding.addressable_devices
    )


def is_explicit(mesh: Any) -> bool:
    """Whether some axes of a mesh are part of the types of arrays, instead of being up to the compiler."""
    return _EXPLICIT is not None and _EXPLICIT in mesh.axis_types


def sharding_in_type(x: jax.Array) -> NamedSharding | None:
    """The sharding that a traced array is known to have; None if that is up to the compiler."""
    if current_mesh() is None or _EXPLICIT is None:
        return None
    sharding = jax.typeof(x).sharding
    return sharding if is_explicit(sharding.mesh) else None


def automatic(sharding: Sharding) -> Sharding:
    """The same division, by a mesh whose axes are all up to the compiler."""
    if isinstance(sharding, NamedSharding) and is_explicit(sharding.mesh):
        return NamedSharding(Mesh(sharding.mesh.devices, sharding.mesh.axis_names), sharding.spec)
    return sharding


@contextmanager
def computing_on(device: Any) -> Iterator[None]:
    """Let operations without arguments compute on a device, or on those of a sharding, in any context."""
    single = single_device(device)
    with ExitStack() as stack:
        if single is not None:
            stack.enter_context(jax.default_device(single))
        if current_mesh() is not None:
            mesh = automatic(device).mesh if single is None else Mesh(np.array([single]), ("device",))
            stack.enter_context(jax.set_mesh(mesh))
        yield


def constrained(
    make: Callable[..., jax.Array],
    arguments: tuple[jax.Array, ...],
    sharding: Any,
    *,
    calls_host: bool,
) -> jax.Array:
    """What a function makes of arguments in a traced computation, laid out by a sharding."""
    mesh = current_mesh()
    if mesh is None and calls_host and automatic(sharding) is not sharding:
        # Programs that call the host can have one mesh only.
        if set(sharding.mesh.axis_types) == {_EXPLICIT}:
            return jax.device_put(make(*arguments), sharding)
        return jax.lax.with_sharding_constraint(make(*arguments), automatic(sharding))
    if mesh is None or not is_explicit(mesh):
        made = jax.lax.with_sharding_constraint(make(*arguments), automatic(sharding))
        return made if automatic(sharding) is sharding else jax.device_put(made, sharding)

    # Where types have shardings, that of an intermediate array would be known too: each device has all.
    def with_constraint(*arguments: jax.Array) -> jax.Array:
        inner = NamedSharding(current_mesh(), sharding.spec)
        return jax.lax.with_sharding_constraint(make(*arguments), inner)

    in_type = PartitionSpec(*(_explicit_names(part, mesh) for part in sharding.spec))
    return jax.sharding.auto_axes(with_constraint, out_sharding=in_type)(*arguments)


def _explicit_names(part: Any, mesh: Any) -> Any:
    types = dict(zip(mesh.axis_names, mesh.axis_types, strict=True))
    names = part if isinstance(part, tuple) else (part,)
    return tuple(name for name in names if types.get(name) == _EXPLICIT) or None


def replicated(x: jax.Array) -> jax.Array:
    """A traced array that one device has made, given to all of the current mesh, if there is one."""
    mesh = current_mesh()
    if mesh is None:
        return x
    if is_explicit(mesh):
        return jax.sharding.reshard(x, PartitionSpec())
    return jax.lax.with_sharding_constraint(x, PartitionSpec())
