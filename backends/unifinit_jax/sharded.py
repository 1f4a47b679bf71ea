"""Arrays over several devices, made from what each device has of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy.typing as npt
from jax.sharding import Sharding, SingleDeviceSharding

from unifinit.backend import Plan, host

Windows = Mapping[jax.Device, tuple[slice, ...]]


def is_for_host(plan: Plan, devices: Windows) -> bool:
    """Whether the host makes the parts: nothing is drawn, it has to, or the kernel can."""
    if not devices or plan.key is None or not plan.content.is_elementwise:
        return True
    return host.can_run(plan) and all(device.platform == "cpu" for device in devices)


def from_host(plan: Plan, sharding: Sharding, windows: Windows) -> jax.Array:
    """An array whose parts the host makes, each of them once, and none that only other processes have."""
    kind = sharding.memory_kind
    parts = {}
    for values, devices in _made(plan, windows):
        for device in devices:
            place = device if kind is None else SingleDeviceSharding(device, memory_kind=kind)
            # Devices of the host share the memory: none of them ever writes to it.
            parts[device] = jax.device_put(values, place, may_alias=True)
    held = [parts[device] for device in windows]
    # Only where there is no part that tells it: not every release takes a dtype.
    options = {} if held else {"dtype": getattr(jnp, plan.dtype.name)}
    return jax.make_array_from_single_device_arrays(plan.result_shape, sharding, held, **options)


def _made(plan: Plan, windows: Windows) -> Iterator[tuple[npt.NDArray[Any], list[jax.Device]]]:
    """The different parts, and the devices that have each."""
    devices: dict[tuple[tuple[int, int], ...], list[jax.Device]] = {}
    for device, window in windows.items():
        devices.setdefault(tuple((part.start, part.stop) for part in window), []).append(device)
    if not devices:
        return
    if plan.content.is_elementwise:
        for ends, holders in devices.items():
            yield on_host(plan.window(tuple(slice(*end) for end in ends))), holders
        return
    # Once for all parts, as each would need the same computation.
    starts = [min(start for start, _ in ends) for ends in zip(*devices, strict=True)]
    stops = [max(stop for _, stop in ends) for ends in zip(*devices, strict=True)]
    common = on_host(plan.window(tuple(map(slice, starts, stops))))
    for ends, holders in devices.items():
        among = zip(ends, starts, strict=True)
        index: Any = (*(slice(start - first, stop - first) for (start, stop), first in among), ...)
        yield common[index], holders


def on_host(plan: Plan) -> npt.NDArray[Any]:
    """The values of a plan in memory of the host, in the dtype as which JAX knows them."""
    values = host.compute(plan)
    return values.view(getattr(jnp, plan.dtype.name)) if plan.dtype.is_narrow else values
