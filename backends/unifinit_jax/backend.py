"""The JAX backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from unifinit.backend import (
    AnyKey,
    ArrayApiBackend,
    ArrayInfo,
    DeviceError,
    DType,
    DtypeError,
    Ops,
    Plan,
    Request,
    Shape,
    TargetError,
    TracedKey,
    as_dtype,
    host,
    reference,
)
from unifinit_jax import generated
from unifinit_jax.meshes import (
    automatic,
    completed,
    computing_on,
    constrained,
    current_sharding,
    is_elsewhere,
    is_incomplete,
    require_fit,
    sharding_in_type,
    single_device,
    windows,
)
from unifinit_jax.native import native_initializer
from unifinit_jax.sharded import from_host, is_for_host
from unifinit_jax.traced import as_key, host_call, is_traced, is_tracing

WIDE = ("float64", "int64", "uint64", "complex128")

COPIED = 2**16
"""Bytes up to which a compiled function copies an array more quickly than its memory is taken over."""
WORTH_COMPILING = 400
"""Arrays of one shape and dtype after which compiling it pays: that costs as much as 400 take-overs."""
MOST_KINDS = 4096
copy = jax.jit(lambda x: x)


def on_host(device: jax.Device | None) -> bool:
    """Whether a device, or the default one if it is None, computes in memory of the host."""
    if device is None:
        device = jax.config.jax_default_device
        if device is None or isinstance(device, str):
            return (device or jax.default_backend()).startswith("cpu")
    return bool(device.platform == "cpu")


def is_default(device: jax.Device) -> bool:
    """Whether new arrays are made on a device if nothing is said."""
    chosen = jax.config.jax_default_device
    if isinstance(chosen, jax.Device):
        return bool(device == chosen)
    return bool(device == jax.local_devices(backend=chosen)[0])


def place_of(x: jax.Array) -> Any:
    """Where an array has been put, or None, where nothing but the defaults has decided."""
    if is_traced(x):
        return sharding_in_type(x)
    single = single_device(x.sharding)
    return None if single is not None and not x.committed and is_default(single) else x.sharding


def immutable() -> TargetError:
    """The error about an array that is to be filled."""
    return TargetError(
        "arrays of JAX are immutable and cannot be filled in place; create a new one: init(x.shape, like=x)"
    )


def words_of(plan: Plan) -> tuple[Any, Any]:
    """The words of a plan's key, as arguments for a compiled function."""
    first, second = plan.required_key().words
    if isinstance(first, int):
        first, second = np.array((first, second), dtype=np.uint32).view(np.int32)
    return first, second


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
            host_call=host_call,
            engine=host.engine(),
        )

    def is_array(self, x: object) -> bool:
        """Whether ``x`` is an array, traced ones included."""
        return isinstance(x, jax.Array)

    def inspect(self, x: jax.Array) -> ArrayInfo:
        """Shape, dtype and device or sharding of an array."""
        return ArrayInfo(x.shape, as_dtype(x.dtype), place_of(x))

    def check_dtype(self, dtype: DType) -> None:
        """Raise a ``DtypeError`` for 64 bits without the 64-bit mode, in which JAX would give 32."""
        if dtype.name in WIDE and not jax.config.jax_enable_x64:
            raise DtypeError(
                f"jax has no dtype {dtype.name!r} while its 64-bit mode is off; wanted "
                "jax.config.update('jax_enable_x64', True), or the environment variable JAX_ENABLE_X64=1"
            )

    def device(self, device: Any) -> Any:
        """A device or a sharding.

        A name is a platform with or without a number, as in "cpu:0". A ``PartitionSpec`` divides the array
        among the devices of the mesh that ``jax.set_mesh`` has made current.
        """
        if is_incomplete(device):
            return completed(device, is_tracing=is_tracing())
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

    def key(self, x: jax.Array) -> AnyKey:
        """The key that an array is: a typed one of JAX, or its two words."""
        return as_key(x)

    def is_shared(self, device: Any) -> bool:
        """Whether a sharding, or that of the current mesh if it is None, has devices of other processes."""
        if is_tracing():
            return False  # A mesh may have no devices then, and there is no entropy anyway.
        sharding = current_sharding() if device is None else device
        return isinstance(sharding, jax.sharding.Sharding) and not sharding.is_fully_addressable

    def is_tracing(self) -> bool:
        """Whether a function is being transformed: compiled, mapped, scanned, differentiated."""
        return is_tracing()

    def run(self, plan: Plan, device: Any) -> jax.Array:
        """A new array, on a device or laid out by a sharding; part of the computation where one is traced."""
        if is_tracing():
            return self._recorded(plan, device)
        if device is None:
            device = current_sharding()
        single = single_device(device)
        if single is None and device is not None:
            return self._spread(plan, device)
        if host.can_run(plan) and on_host(single):
            return self._adopt(plan, device)
        with computing_on(device):
            value = self._compute(plan)
        return value if device is None else jax.device_put(value, device)

    def _recorded(self, plan: Plan, device: Any) -> jax.Array:
        if device is None or single_device(device) is not None:
            value = self._compute(plan)
            return value if device is None else jax.device_put(value, device)
        require_fit(device, plan.result_shape)
        words = plan.key.words if isinstance(plan.key, TracedKey) else ()
        made = constrained(
            lambda *words: self._compute(plan.with_key(TracedKey(jnp, *words)) if words else plan),
            words,
            device,
            calls_host=bool(words) and not plan.content.is_elementwise,
        )
        return jax.device_put(made, device) if is_elsewhere(device) else made

    def _spread(self, plan: Plan, sharding: jax.sharding.Sharding) -> jax.Array:
        """An array over several devices: each computes its part, or gets it from the host."""
        parts = windows(sharding, plan.result_shape)
        if plan.constant is not None:
            return jnp.full(plan.result_shape, plan.constant, plan.dtype.name, device=sharding)
        if is_for_host(plan, parts):
            return from_host(plan, sharding, parts)
        with computing_on(sharding):
            value = self._divided(plan.with_key(None), automatic(sharding), *words_of(plan))
        return jax.device_put(value, sharding)

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
            return self._draw(plan.with_key(None), *words_of(plan))
        return reference.run(plan, self.ops(), piece=None, run_part=self._compute)

    @partial(jax.jit, static_argnums=(0, 1))
    def _draw(self, plan: Plan, first: jax.Array, second: jax.Array) -> jax.Array:
        return reference.run(plan.with_key(TracedKey(jnp, first, second)), self.ops(), piece=None)

    @partial(jax.jit, static_argnums=(0, 1, 2))
    def _divided(self, plan: Plan, sharding: Any, first: jax.Array, second: jax.Array) -> jax.Array:
        value = reference.run(plan.with_key(TracedKey(jnp, first, second)), self.ops(), piece=None)
        return jax.lax.with_sharding_constraint(value, sharding)

    def is_immutable(self, x: jax.Array) -> bool:
        """True: arrays of JAX never change."""
        return True

    def fill(self, target: jax.Array, plan: Plan) -> None:
        """Raise a ``TargetError``: arrays of JAX never change."""
        raise immutable()

    def is_generator(self, x: object) -> bool:
        """Whether ``x`` is a key, of any of JAX's generators."""
        return generated.is_key(x)

    def is_sharding(self, x: object) -> bool:
        """Whether ``x`` is a sharding."""
        return isinstance(x, jax.sharding.Sharding)

    def key_from(self, generator: jax.Array, device: Any) -> AnyKey:
        """The key itself; of another generator than that of the stream, one that it draws."""
        return as_key(generated.words_from(generator))

    def generated(
        self, request: Request, generator: jax.Array, device: Any, target: Any = None
    ) -> jax.Array | None:
        """What ``jax.nn.initializers`` draws."""
        if target is not None:
            raise immutable()
        with computing_on(device):
            value = generated.generated(request, generator)
        return value if value is None or device is None else jax.device_put(value, device)

    def native(
        self, name: str, config: Mapping[str, Any], shape: Shape, dtype: DType
    ) -> Callable[[], object] | None:
        """What ``jax.nn.initializers`` offers, jitted."""
        return native_initializer(name, config, shape, dtype)
