"""The PyTorch backend."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import array_api_compat.torch as xp
import torch

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
)
from unifinit_torch.native import native_initializer


class TorchBackend(ArrayApiBackend):
    """Tensors and parameters of PyTorch."""

    def __init__(self) -> None:
        super().__init__("torch", xp)

    def ops(self, device: Any = None) -> Ops:
        """PyTorch's functions, with a bit cast."""
        return Ops(xp, device, float32_bits=lambda x: x.view(torch.int32))

    def is_array(self, x: object) -> bool:
        """Whether ``x`` is a tensor."""
        return isinstance(x, torch.Tensor)

    def inspect(self, x: torch.Tensor) -> ArrayInfo:
        """Shape, dtype and device of a tensor."""
        return ArrayInfo(tuple(x.shape), as_dtype(x.dtype), x.device)

    def device(self, device: Any) -> torch.device:
        """A device that this process has; None is PyTorch's current default."""
        if device is None:
            return torch.get_default_device()
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

    def run(self, plan: Plan, device: Any) -> torch.Tensor:
        """A new tensor without a gradient."""
        with torch.no_grad():
            return super().run(plan, device).contiguous()

    def fill(self, target: torch.Tensor, plan: Plan) -> None:
        """Overwrite a tensor; autograd does not see it."""
        value = self.run(plan, target.device)
        try:
            with torch.no_grad():
                target.copy_(value)
        except RuntimeError as error:
            raise TargetError(
                f"this torch tensor cannot be filled in place ({str(error).splitlines()[0]}); "
                "create a new one instead: init(x.shape, like=x)"
            ) from error

    def to_bytes(self, x: torch.Tensor) -> bytes:
        """The elements in row-major order, each little-endian."""
        host = x.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        if sys.byteorder == "big":
            host = host.reshape(-1, x.element_size())[:, ::-1]
        return bytes(host.tobytes())

    def native(
        self, name: str, config: Mapping[str, Any], shape: Shape, dtype: DType
    ) -> Callable[[], object] | None:
        """What ``torch.nn.init`` offers."""
        return native_initializer(name, config, shape, dtype)
