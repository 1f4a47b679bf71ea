"""PyTorch's own initializers, as a measure of speed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch.nn import init

from unifinit.backend import DType, Shape


def native_initializer(
    name: str, config: Mapping[str, Any], shape: Shape, dtype: DType
) -> Callable[[], object] | None:
    """The function of ``torch.nn.init`` that does the same; None if there is none."""
    fill: dict[str, Callable[[torch.Tensor], object]] = {"Zeros": init.zeros_, "Ones": init.ones_}
    if name == "Constant" and not isinstance(config["value"], list):
        fill[name] = partial(init.constant_, val=config["value"])
    elif name == "RandomUniform":
        fill[name] = partial(init.uniform_, a=config["minval"], b=config["maxval"])
    elif name == "RandomNormal":
        fill[name] = partial(init.normal_, mean=config["mean"], std=config["stddev"])
    elif name == "TruncatedNormal":
        mean, stddev = config["mean"], config["stddev"]
        bounds = {"a": mean - 2 * stddev, "b": mean + 2 * stddev}  # Absolute in PyTorch.
        fill[name] = partial(init.trunc_normal_, mean=mean, std=stddev, **bounds)
    elif len(shape) >= 2:
        fill |= {
            "GlorotUniform": init.xavier_uniform_,
            "GlorotNormal": init.xavier_normal_,
            "HeUniform": partial(init.kaiming_uniform_, nonlinearity="relu"),
            "HeNormal": partial(init.kaiming_normal_, nonlinearity="relu"),
        }
        if name == "Orthogonal":
            fill[name] = partial(init.orthogonal_, gain=config["gain"])
    if name not in fill:
        return None
    spatial, rest = shape[:-2], shape[-2:]
    size = (*reversed(rest), *spatial)  # PyTorch's order: (out, in, spatial...).
    native = getattr(torch, dtype.name)
    return lambda: fill[name](torch.empty(size, dtype=native))
