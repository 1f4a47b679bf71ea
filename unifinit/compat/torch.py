"""The names of ``torch.nn.init``, filled by unifinit.

Each function overwrites a tensor in place, outside of autograd. Its key is drawn by ``generator``, or by
PyTorch's default generator, so ``torch.manual_seed`` decides the values as before; they do not depend on
the device, the strides, the number of threads or how a ``DTensor`` is divided. ``generator`` may be a
`unifinit.Key` too.

A weight is read as ``(out, in, spatial...)``, and has the transposed values of the same weight in
TensorFlow's order. What draws nothing is PyTorch's own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeAlias

import torch
from torch import Tensor

# Layers outside of PyTorch compute their bounds with the private one.
from torch.nn.init import (
    _calculate_fan_in_and_fan_out,  # noqa: F401
    constant_,
    dirac_,
    eye_,
    ones_,
    zeros_,
)

import unifinit as ui
from unifinit.errors import ShapeError
from unifinit.gains import calculate_gain
from unifinit.generators import backend_of
from unifinit.registry import registry

__all__ = [
    "calculate_gain",
    "constant",
    "constant_",
    "dirac",
    "dirac_",
    "eye",
    "eye_",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "normal",
    "normal_",
    "ones_",
    "orthogonal",
    "orthogonal_",
    "sparse",
    "sparse_",
    "trunc_normal_",
    "uniform",
    "uniform_",
    "xavier_normal",
    "xavier_normal_",
    "xavier_uniform",
    "xavier_uniform_",
    "zeros_",
]

Parameters = ParamSpec("Parameters")
Generator: TypeAlias = "torch.Generator | ui.Key | None"

LAYOUT = "OI..."


def _overridable(function: Callable[Parameters, Tensor]) -> Callable[Parameters, Tensor]:
    """Let tensors with a ``__torch_function__`` see the call, as they do in PyTorch."""

    @wraps(function)
    def call(*arguments: Parameters.args, **named: Parameters.kwargs) -> Tensor:
        tensor: Any = arguments[0] if arguments else named.get("tensor")
        if torch.overrides.has_torch_function_unary(tensor):
            result: Tensor = torch.overrides.handle_torch_function(call, (tensor,), *arguments, **named)
            return result
        return function(*arguments, **named)

    return call


def _filled(tensor: Tensor, initializer: ui.Initializer, generator: Generator) -> Tensor:
    """The tensor, overwritten; one without memory stays as it is, as in PyTorch."""
    if tensor.is_meta or not tensor.numel():
        return tensor
    if torch.compiler.is_compiling() and generator is None:  # No more than the compiler can read.
        key: Any = torch.randint(0, 2**32, (2,), dtype=torch.int64)
    else:
        key = generator if isinstance(generator, ui.Key) else _key(tensor, generator)
    return initializer.fill_(tensor, seed=key, layout=LAYOUT)


def _key(tensor: Tensor, generator: torch.Generator | None) -> Any:
    """What a generator draws, the same in all processes over which a tensor is spread."""
    backend = registry().of(tensor)
    source = torch.default_generator if generator is None else generator
    return backend_of(source, backend).key_from(source, backend.inspect(tensor).device)


def _require_axes(tensor: Tensor, least: int, most: float = float("inf")) -> None:
    if not least <= tensor.ndim <= most:
        wanted = f"{least}" if least == most else f"at least {least}"
        raise ShapeError(
            f"a tensor of shape {tuple(tensor.shape)} has {tensor.ndim} dimensions; wanted {wanted}, "
            "(out, in, spatial...)"
        )


@_overridable
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator = None) -> Tensor:
    """Uniform on [a, b). See `unifinit.RandomUniform`."""
    return _filled(tensor, ui.RandomUniform(a, b), generator)


@_overridable
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator = None) -> Tensor:
    """Normal with a mean and a standard deviation. See `unifinit.RandomNormal`."""
    return _filled(tensor, ui.RandomNormal(mean, std), generator)


@_overridable
def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator = None,
) -> Tensor:
    """Normal, truncated at the numbers a and b. See `unifinit.TruncatedNormal`.

    The distribution is exact wherever the bounds are, so there is no warning about a mean outside of them.
    Bounds between which the stream has no number, as beyond 5.4 standard deviations in float32, are an error.
    """
    return _filled(tensor, ui.TruncatedNormal(mean, std, a, b, bounds="absolute"), generator)


@_overridable
def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator = None) -> Tensor:
    """Uniform, of variance 2 * gain² / (fan_in + fan_out). See `unifinit.GlorotUniform`."""
    _require_axes(tensor, 2)
    return _filled(tensor, ui.GlorotUniform(gain), generator)


@_overridable
def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator = None) -> Tensor:
    """Normal, of variance 2 * gain² / (fan_in + fan_out). See `unifinit.XavierNormal`."""
    _require_axes(tensor, 2)
    return _filled(tensor, ui.XavierNormal(gain), generator)


@_overridable
def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator = None,
) -> Tensor:
    """Uniform, of variance gain² / fan. See `unifinit.KaimingUniform`."""
    return _kaiming(ui.KaimingUniform, tensor, a, mode, nonlinearity, generator)


@_overridable
def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator = None,
) -> Tensor:
    """Normal, of variance gain² / fan. See `unifinit.KaimingNormal`."""
    return _kaiming(ui.KaimingNormal, tensor, a, mode, nonlinearity, generator)


def _kaiming(
    cls: type[ui.KaimingUniform | ui.KaimingNormal],
    tensor: Tensor,
    a: float,
    mode: str,
    nonlinearity: str,
    generator: Generator,
) -> Tensor:
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=4)
        return tensor
    _require_axes(tensor, 2)
    return _filled(tensor, cls(a, mode.lower(), nonlinearity), generator)


@_overridable
def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator = None) -> Tensor:
    """A matrix with orthonormal rows or columns, times a gain. See `unifinit.Orthogonal`."""
    _require_axes(tensor, 2)
    return _filled(tensor, ui.Orthogonal(gain), generator)


@_overridable
def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator = None) -> Tensor:
    """Normal, with a fraction of each column zero. See `unifinit.Sparse`."""
    _require_axes(tensor, 2, 2)
    return _filled(tensor, ui.Sparse(sparsity, std), generator)


def _deprecated(function: Callable[Parameters, Tensor]) -> Callable[Parameters, Tensor]:
    """The function under its old name, which ends without an underscore."""
    name = function.__name__
    old = name.removesuffix("_")

    @wraps(function)
    def call(*arguments: Parameters.args, **named: Parameters.kwargs) -> Tensor:
        warnings.warn(
            f"`nn.init.{old}` is now deprecated in favor of `nn.init.{name}`.", FutureWarning, stacklevel=2
        )
        return function(*arguments, **named)

    call.__name__ = call.__qualname__ = old
    return call


uniform = _deprecated(uniform_)
normal = _deprecated(normal_)
constant = _deprecated(constant_)
eye = _deprecated(eye_)
dirac = _deprecated(dirac_)
xavier_uniform = _deprecated(xavier_uniform_)
xavier_normal = _deprecated(xavier_normal_)
kaiming_uniform = _deprecated(kaiming_uniform_)
kaiming_normal = _deprecated(kaiming_normal_)
orthogonal = _deprecated(orthogonal_)
sparse = _deprecated(sparse_)
