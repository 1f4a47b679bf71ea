"""The JAX backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import get_opaque_trace_state

from unifinit.backend import (
    ArrayApiBackend,
    ArrayInfo,
    DeviceError,
    DType,
    DtypeError,
    Ops,
    Plan,
    Shape,
    TargetError,
    TracedKey,
    as_dtype,
    host,
    reference,
)
from unifinit_jax.native import native_initializer

WIDE = ("float64", "int64", "uint64", "complex128")

COPIED = 2**16
"""Bytes up to which a compiled function copies an array more quickly than its memory is taken over."""
WORTH_COMPILING = 400
"""Arrays of one shape and dtype after which compiling it pays: that costs as much as 400 take-overs."""
MOST_KINDS = 4096
copy = jax.jit(lambda x: x)

with jax.core.eval_context():
    NOT_TRACING = get_opaque_trace_state()


def is_tracing() -> bool:
    """Whether JAX is recording a computation, into which large constants should not go."""
    return bool(get_opaque_trace_state() != NOT_TRACING)


def on_host(device: Any) -> bool:
    """Whether a device, or the default one if it is None, computes in memory of the host."""
    if device is None:
        device = jax.config.jax_default_device
        if device is None or isinstance(device, str):
            return (device or jax.default_backend()).startswith("cpu")
    return isinstance(device, jax.Device) and device.platform == "cpu"


class JaxBackend(ArrayApiBackend):
    """Arrays of JAX. 64-bit dtypes need JAX's 64-bit mode."""

    host_kernel = True

    def __init__(self) -> None:
        super().__init__("jax", jnp)
        self._created: dict[tuple[Shape, DType], int] = {}

    def ops(self, device: Any = None) -> Ops:
        """JAX's functions, with a bit cast; the device is decided around them."""
        return Ops(
            jnp,
            float32_bits=lambda x: jax.lax.bitcast_convert_type(x, jnp.int32),
            complex_of=jax.lax.complex,
        )

    def is_array(self, x: object) -> bool:
        """Whether ``x`` is an array, traced ones included."""
        return isinstance(x, jax.Array)

    def inspect(self, x: jax.Array) -> ArrayInfo:
        """Shape, dtype and device or sharding of an array."""
        device = None if isinstance(x, jax.core.Tracer) else x.device
        return ArrayInfo(x.shape, as_dtype(x.dtype), device)

    def check_dtype(self, dtype: DType) -> None:
        """Raise a ``DtypeError`` for 64 bits without the 64-bit mode, in which JAX would give 32."""
        if dtype.name in WIDE and not jax.config.jax_enable_x64:
            raise DtypeError(
                f"jax has no dtype {dtype.name!r} while its 64-bit mode is off; wanted "
                "jax.config.update('jax_enable_x64', True), or the environment variable JAX_ENABLE_X64=1"
            )

    def device(self, device: Any) -> Any:
        """A device or a sharding; a name is a platform with or without a number, as in "cpu:0"."""
        if device is None or isinstance(device, (jax.Device, jax.sharding.Sharding)):
            return device
        platform, _, number = str(device).partition(":")
        try:
            if not platform or (number and not number.isdigit()):
                raise ValueError("wanted a platform with or without a number")
            return jax.devices(platform)[int(number or 0)]
        except (RuntimeError, IndexError, ValueError) as error:
            known = [f"{d.platform}:{d.id}" for d in jax.devices()]
            raise DeviceError(
                f"jax has no device {device!r} here ({str(error).splitlines()[0]}); wanted one of {known}, "
                "a jax.Device, a sharding, or None"
            ) from None

    def run(self, plan: Plan, device: Any) -> jax.Array:
        """A new array, on a device or laid out by a sharding; part of the computation where one is traced."""
        if host.can_run(plan) and not is_tracing() and on_host(device):
            return self._adopt(plan, device)
        with jax.default_device(device) if isinstance(device, jax.Device) else nullcontext():
            value = self._compute(plan)
        return value if device is None else jax.device_put(value, device)

    def _adopt(self, plan: Plan, device: Any) -> jax.Array:
        """The memory that the kernel has filled, as an array; JAX keeps it for as long as it needs it."""
        values = host.create(plan)
        if plan.dtype.is_narrow:
            values = values.view(getattr(jnp, plan.dtype.name))
        if device is None and values.nbytes <= COPIED:
            kind = (values.shape, plan.dtype)
            if len(self._created) >= MOST_KINDS:
                self._created.clear()
            self._created[kind] = self._created.get(kind, 0) + 1
            if self._created[kind] > WORTH_COMPILING:
                with jax.transfer_guard_host_to_device("allow"):
                    return copy(values)
        return jax.device_put(values, device, may_alias=True)

    def _compute(self, plan: Plan) -> jax.Array:
        if plan.is_drawn and plan.size:
            # The key is an argument, so that one compilation serves all keys.
            first, second = plan.required_key().words
            if isinstance(first, int):
                first, second = np.array((first, second), dtype=np.uint32).view(np.int32)
            return self._draw(plan.with_key(None), first, second)
        return reference.run(plan, self.ops(), piece=None, run_part=self._compute)

    @partial(jax.jit, static_argnums=(0, 1))
    def _draw(self, plan: Plan, first: jax.Array, second: jax.Array) -> jax.Array:
        return reference.run(plan.with_key(TracedKey(jnp, first, second)), self.ops(), piece=None)

    def fill(self, target: jax.Array, plan: Plan) -> None:
        """Raise a ``TargetError``: arrays of JAX never change."""
        raise TargetError(
            "arrays of JAX are immutable and cannot be filled in place; "
            "create a new one: init(x.shape, like=x)"
        )

    def native(
        self, name: str, config: Mapping[str, Any], shape: Shape, dtype: DType
    ) -> Callable[[], object] | None:
        """What ``jax.nn.initializers`` offers, jitted."""
        return native_initializer(name, config, shape, dtype)
