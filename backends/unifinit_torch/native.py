"""PyTorch's own initializers, as a measure of speed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch.nn import init

from unifinit.backend import DType, Request, Shape
from unifinit_torch.generated import LAYOUT, Filler, filler_of

NEAREST = {
    "GlorotNormal": init.xavier_normal_,
    "HeNormal": partial(init.kaiming_normal_, nonlinearity="relu"),
    "LecunNormal": partial(init.kaiming_normal_, nonlinearity="linear"),
}
"""What PyTorch's users take for initializers of these names, although it truncates nothing."""
CONSTANTS = {"Zeros": init.zeros_, "Ones": init.ones_}


def native_initializer(
    name: str, config: Mapping[str, Any], shape: Shape, dtype: DType
) -> Callable[[], object] | None:
    """The function of ``torch.nn.init`` that does the same; None if there is none."""
    spatial, rest = shape[:-2], shape[-2:]
    size = (*reversed(rest), *spatial)  # PyTorch's order: (out, in, spatial...).
    fill = filler_for(Request(name, config, size, dtype, LAYOUT))
    if fill is None:
        return None
    native = getattr(torch, dtype.name)
    return lambda: fill(torch.empty(size, dtype=native))


def filler_for(request: Request) -> Filler | None:
    """The function for a request, or the nearest one."""
    if request.name == "Constant" and not isinstance(request.config["value"], list):
        return partial(init.constant_, val=request.config["value"])
    if request.name in NEAREST and len(request.shape) < 2:
        return None
    return {**CONSTANTS, **NEAREST}.get(request.name) or filler_of(request)
