"""What a generator of PyTorch draws, by the functions of ``torch.nn.init``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import torch
from torch.nn import init

from unifinit.backend import Layout, Request

Filler: TypeAlias = Callable[..., torch.Tensor]

LAYOUT = Layout("OI...")
"""How ``torch.nn.init`` reads a shape."""
GAINS = ("linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu")
"""The nonlinearities of which ``torch.nn.init.calculate_gain`` knows the gain."""
MODES = ("fan_in", "fan_out")


def words_from(generator: torch.Generator) -> torch.Tensor:
    """Two words of 32 bits."""
    device = generator.device
    return torch.randint(0, 2**32, (2,), dtype=torch.int64, device=device, generator=generator)


def generated(
    request: Request, generator: torch.Generator, device: Any, target: torch.Tensor | None
) -> torch.Tensor | None:
    """A tensor that ``torch.nn.init`` fills; None if it has nothing of the kind."""
    filler = filler_of(request)
    if filler is None:
        return None
    if target is None:
        place = generator.device if device is None else device
        target = torch.empty(request.shape, dtype=getattr(torch, request.dtype.name), device=place)
    with torch.no_grad():
        return filler(target, generator=generator)


def filler_of(request: Request) -> Filler | None:
    """The function for a request, with its parameters."""
    config = request.config
    if (request.dtype.is_complex and request.name != "RandomNormal") or request.dtype.bits == 8:
        return None
    if request.name == "RandomUniform":
        minval, maxval = request.ends
        return partial(init.uniform_, a=minval, b=maxval)
    if request.name == "RandomNormal":
        return partial(init.normal_, mean=config["mean"], std=config["stddev"])
    if request.name == "TruncatedNormal":
        return truncated(**config)
    if len(request.shape) < 2 or 0 in request.shape:
        return None
    if request.name in ("Orthogonal", "Sparse"):
        if request.layout.roles(len(request.shape)) != LAYOUT.roles(len(request.shape)):
            return None
        if request.name == "Sparse":
            sparse = partial(init.sparse_, sparsity=config["sparsity"], std=config["stddev"])
            return sparse if config["per"] == "input" else None
        is_known = config["flatten"] == "inputs" and request.dtype.bits >= 32
        return partial(init.orthogonal_, gain=config["gain"]) if is_known else None
    if request.layout.weight(request.shape).fans != LAYOUT.weight(request.shape).fans:
        return None
    return scaling(request.name, config)


def truncated(
    mean: float, stddev: float, lower: float, upper: float, bounds: str, corrected: bool, **_: Any
) -> Filler | None:
    """A truncated normal, whose bounds are absolute in PyTorch."""
    if corrected:
        return None
    if bounds == "sigma":
        lower, upper = mean + lower * stddev, mean + upper * stddev
    return partial(init.trunc_normal_, mean=mean, std=stddev, a=lower, b=upper)


def scaling(name: str, config: Any) -> Filler | None:
    """A function whose variance follows from the fans."""
    if name == "GlorotUniform":
        return partial(init.xavier_uniform_, gain=config["gain"])
    if name == "XavierNormal":
        return partial(init.xavier_normal_, gain=config["gain"])
    if name == "HeUniform":
        return partial(init.kaiming_uniform_, nonlinearity="relu")
    if name == "LecunUniform":
        return partial(init.kaiming_uniform_, nonlinearity="linear")
    is_kaiming = name in ("KaimingUniform", "KaimingNormal")
    if is_kaiming and config["nonlinearity"] in GAINS and config["mode"] in MODES:
        function = init.kaiming_uniform_ if name == "KaimingUniform" else init.kaiming_normal_
        return partial(function, a=config["a"], mode=config["mode"], nonlinearity=config["nonlinearity"])
    return None
