"""The PyTorch backend."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import array_api_compat.torch as xp
import numpy as np
import torch

from unifinit.backend import (
    AnyKey,
    ArrayApiBackend,
    ArrayInfo,
    Computed,
    DeviceError,
    DType,
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
from unifinit_torch import generated
from unifinit_torch.native import native_initializer


class TorchBackend(ArrayApiBackend):
    """Tensors and parameters of PyTorch."""

    host_kernel = True

    def __init__(self) -> None:
        super().__init__("torch", xp)

    def ops(self, device: Any = None) -> Ops:
        """PyTorch's functions, with a bit cast."""
        return Ops(
            xp,
            device,
            float32_bits=lambda x: x.view(torch.int32),
            complex_of=torch.complex,
            engine=host.engine(),
        )

    def is_array(self, x: object) -> bool:
        """Whether ``x`` is a tensor."""
        return isinstance(x, torch.Tensor)

    def inspect(self, x: torch.Tensor) -> ArrayInfo:
        """Shape, dtype and device of a tensor; the processes over which it is spread are its device."""
        place = distributed().sharding_of(x) if is_spread(x) else x.device
        return ArrayInfo(tuple(x.shape), as_dtype(x.dtype), place)

    def device(self, device: Any) -> Any:
        """A device that this process has, or ``(mesh, placements)``; None leaves it to PyTorch's default."""
        if device is None:
            return None
        if isinstance(device, tuple):
            return distributed().as_sharding(device)
        try:
            found = torch.device(device)
            torch.empty(0, device=found)
        # Each accelerator has its own way of being absent, assertion errors among them.
        except (RuntimeError, TypeError, AssertionError, NotImplementedError) as error:
            known = ["cpu"]
            if torch.accelerator.is_available():
                known.append(str(torch.accelerator.current_accelerator()))
            reason = str(error).partition("\n")[0]
            raise DeviceError(
                f"torch has no device {device!r} here ({reason}); wanted one of {known}, or None"
            ) from None
        return found

    def is_shared(self, device: Any) -> bool:
        """Whether a tensor is spread over the processes of a mesh."""
        return isinstance(device, tuple)

    def run(self, plan: Plan, device: Any) -> torch.Tensor:
        """A new tensor without a gradient."""
        if isinstance(device, tuple):
            result: torch.Tensor = distributed().run(plan, device, self.run)
            return result
        if host.can_run(plan) and (device is None or device.type == "cpu"):
            result = torch.empty(plan.result_shape, dtype=getattr(torch, plan.dtype.name), device=device)
            # Another device can be the default, and some modes make tensors without memory.
            if type(result) is torch.Tensor and result.is_cpu and not is_watched(result):
                host.fill(memory(result, plan.dtype), plan, fresh=True)
                return result
        place = torch.get_default_device() if device is None else device
        if place.type == "meta":
            return torch.empty(plan.result_shape, dtype=getattr(torch, plan.dtype.name), device=place)
        with torch.no_grad():
            found = self._run_on_accelerator(plan, place)
            return super().run(plan, device).contiguous() if found is None else found

    def _run_on_accelerator(self, plan: Plan, device: torch.device) -> torch.Tensor | None:
        """The same by the quicker ways of GPUs and their like; None elsewhere, and where code is recorded."""
        is_recorded = torch.compiler.is_compiling() or isinstance(plan.key, TracedKey)
        if is_recorded or not is_accelerator(device):
            return None
        if plan.is_drawn:
            if plan.dtype.bits == 8:
                wide = self.run(plan.with_dtype(plan.dtype.compute), device)
                return wide.to(getattr(torch, plan.dtype.name))
            result = torch.empty(plan.result_shape, dtype=getattr(torch, plan.dtype.name), device=device)
            if type(result) is not torch.Tensor or is_watched(result):
                return None
            accelerator().draw(result, plan, self.ops(result.device))
            return result
        if isinstance(plan.content, Computed) and host.can_run(plan) and device.type != "cpu":
            return self.run(plan, torch.device("cpu")).to(device)  # What the host computes is moved once.
        run_part = partial(self.run, device=device)
        return reference.run(plan, self.ops(device), run_part=run_part).contiguous()

    def fill(self, target: torch.Tensor, plan: Plan) -> None:
        """Overwrite a tensor; autograd does not see it."""
        if host.can_run(plan) and has_plain_memory(target):
            host.fill(memory(target, plan.dtype), plan)
            torch.autograd.graph.increment_version(target)  # For autograd to notice values that it has saved.
            return
        if is_spread(target):
            distributed().fill(target, plan, self.fill)
            return
        if is_accelerator(target.device) and is_plain(target) and accelerator().usable(target, plan):
            accelerator().fill(target, plan)
            torch.autograd.graph.increment_version(target)
            return
        if is_strided(target) and host.overlaps(tuple(target.shape), target.stride(), itemsize=1):
            raise TargetError(
                "some elements of this torch tensor share memory, so that it cannot hold different values; "
                "wanted one without such strides: clone it, or create a new tensor: init(x.shape, like=x)"
            )
        try:
            with torch.no_grad():
                if plan.constant is not None and plan.dtype.is_floating and plan.dtype.bits > 8:
                    target.fill_(plan.constant)
                else:
                    target.copy_(self.run(plan, target.device))
        # PyTorch refuses tensors that belong to another mode by an assertion.
        except (RuntimeError, AssertionError) as error:
            raise TargetError(
                f"this torch tensor cannot be filled in place ({str(error).splitlines()[0]}); "
                "create a new one instead: init(x.shape, like=x)"
            ) from error

    def to_bytes(self, x: torch.Tensor) -> bytes:
        """The elements in row-major order, each little-endian; those of a ``DTensor`` are gathered."""
        x = distributed().gathered(x.detach()) if is_spread(x) else x
        elements = x.detach().cpu().resolve_conj().resolve_neg()
        found = memory(elements, as_dtype(x.dtype))
        return bytes(found.astype(found.dtype.newbyteorder("<"), copy=False).tobytes())

    def is_generator(self, x: object) -> bool:
        """Whether ``x`` is a ``torch.Generator``."""
        return isinstance(x, torch.Generator)

    def key_from(self, generator: torch.Generator, device: Any) -> AnyKey:
        """A key, drawn by a generator; of a tensor that is spread over processes, the first one's."""
        words = generated.words_from(generator)
        return self.key(distributed().agreed(words, device) if isinstance(device, tuple) else words)

    def generated(
        self, request: Request, generator: torch.Generator, device: Any, target: Any = None
    ) -> torch.Tensor | None:
        """What ``torch.nn.init`` draws, which makes no tensors that are spread over processes."""
        if target is None and isinstance(device, tuple):
            return None
        return generated.generated(request, generator, device, target)

    def native(
        self, name: str, config: Mapping[str, Any], shape: Shape, dtype: DType
    ) -> Callable[[], object] | None:
        """What ``torch.nn.init`` offers."""
        return native_initializer(name, config, shape, dtype)


PLAIN = (torch.Tensor, torch.nn.Parameter)
ACCELERATORS = ("cuda", "mps", "xpu")
"""Types of devices for which there are quicker ways than the generic one; GPUs of AMD are "cuda" too."""


def accelerator() -> Any:
    """The module for GPUs and their like, which most processes do not need."""
    from unifinit_torch import accelerator as module

    return module


def is_accelerator(device: torch.device) -> bool:
    """Whether that module has quicker ways on a device; Triton's interpreter runs its kernel on any."""
    return device.type in ACCELERATORS or "TRITON_INTERPRET" in os.environ


def distributed() -> Any:
    """The module for tensors that are spread over processes, which takes long to import."""
    from unifinit_torch import distributed as module

    return module


def is_spread(x: torch.Tensor) -> bool:
    """Whether a tensor is spread over processes, a ``DTensor``."""
    if type(x) in PLAIN:
        return False
    loaded = sys.modules.get("torch.distributed.tensor")
    return loaded is not None and isinstance(x, loaded.DTensor)


def memory(x: torch.Tensor, dtype: DType) -> Any:
    """The memory of a tensor of the host as an array of NumPy.

    ``x.numpy()`` would mark the storage as one that cannot be resized, which libraries that shard models do.

    Raises
    ------
    TargetError
        If the storage is smaller than the shape, as those libraries leave it: PyTorch itself would crash.
    """
    if not x.numel():
        return np.empty(x.shape, host.storage(dtype))
    place = x.data_ptr()  # Memory that was shared lazily becomes its own.
    words = host.storage(dtype)
    offset = x.storage_offset() * words.itemsize
    storage = x.untyped_storage()
    size = storage.nbytes()
    strides = None if x.is_contiguous() else [stride * words.itemsize for stride in x.stride()]
    try:
        if not place and x.numel():
            raise ValueError("no memory")  # NumPy would allocate some of its own.
        whole = (ctypes.c_char * size).from_address(place - offset)
        whole.storage = storage  # It lives as long as the array.
        return np.ndarray(x.shape, words, whole, offset, strides)
    except (ValueError, TypeError) as error:
        raise TargetError(
            f"the storage of this torch tensor of shape {tuple(x.shape)} has only {size} bytes; wanted "
            "one with its memory: materialise it first, or create a new tensor: init(x.shape, like=x)"
        ) from error


def is_watched(x: torch.Tensor) -> bool:
    """Whether a transform, a tracer or a mode has to see operations, and not what memory receives."""
    return (
        torch.compiler.is_compiling()
        or torch._C._functorch.is_functorch_wrapped_tensor(x)
        or torch._is_functional_tensor(x)
        or torch._C._get_tracing_state() is not None
        or torch._C._len_torch_dispatch_stack() > 0
    )


def is_strided(x: torch.Tensor) -> bool:
    """Whether a tensor has elements in memory, at places that its strides tell."""
    return type(x) in PLAIN and x.layout is torch.strided and not (x.is_meta or is_watched(x))


def is_plain(x: torch.Tensor) -> bool:
    """Whether a tensor is no more than memory of a device, with a writable place for each element."""
    return (
        is_strided(x)
        and not (x.is_conj() or x.is_neg() or x.is_inference())
        and bool(x.is_contiguous() or host.is_separate(tuple(x.shape), x.stride(), itemsize=1))
    )


def has_plain_memory(x: torch.Tensor) -> bool:
    """Whether a tensor is no more than memory of the host."""
    return x.is_cpu and is_plain(x)
