"""The backend of PyTorch where operations are recorded, transformed or only looked at."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import torch

from unifinit.backend import AnyKey, BackendUnavailableError, Plan, TracedKey, key_of_array
from unifinit_torch.backend import PLAIN, TorchBackend, is_watched


class RecordingBackend(TorchBackend):
    """A backend that leaves a plan to an operator, for whoever records operations to find."""

    def run(self, plan: Plan, device: Any) -> torch.Tensor:
        """A new tensor without a gradient."""
        seen = is_recording() or type(plan.key) is TracedKey
        # Scripts know no operators of others, and DTensors are made of plain tensors.
        if seen and not is_scripting() and not isinstance(device, tuple):
            recorded: torch.Tensor = compiled().record(plan, device)
            return recorded
        return super().run(plan, device)

    def key(self, x: torch.Tensor) -> AnyKey:
        """The key that a tensor of two words, or of a seed, is."""
        if type(x) in PLAIN and not (x.is_meta or is_watched(x)):
            return key_of_array(x.detach().cpu().numpy())
        traced: TracedKey = compiled().traced_key(x)
        return traced

    def is_tracing(self) -> bool:
        """Whether a computation is being recorded, by whatever part of PyTorch."""
        # What has not been imported, which would take long, records nothing.
        proxies = sys.modules.get("torch.fx.experimental.proxy_tensor")
        return bool(
            torch.compiler.is_compiling()
            or is_scripting()
            or (proxies is not None and proxies.get_proxy_mode() is not None)
        )

    def compiled_calls(self, calls: Mapping[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
        """What ``torch.compile`` reads in place of the public calls of unifinit.

        Raises
        ------
        BackendUnavailableError
            If this release of PyTorch has another compiler than the one for which it was written.
        """
        try:
            from unifinit_torch.reading import instead_of

            return instead_of(calls)
        except (AttributeError, ImportError, TypeError) as error:
            raise BackendUnavailableError(
                f"unifinit cannot tell the compiler of torch {torch.__version__} how to read its calls "
                f"({type(error).__name__}: {error}); wanted torch 2.13, or calls outside of compiled code"
            ) from error


def compiled() -> Any:
    """The module of the operator, which most processes do not need."""
    from unifinit_torch import compiled as module

    return module


def is_recording() -> bool:
    """Whether a transform, a compiler or a mode has to see operations, whatever tensors they get."""
    return (
        torch.compiler.is_compiling()
        or torch._C._len_torch_dispatch_stack() > 0
        or torch._C._functorch.maybe_current_level() is not None
    )


def is_scripting() -> bool:
    """Whether ``torch.jit.trace`` records operations."""
    return torch._C._get_tracing_state() is not None
