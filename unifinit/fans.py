"""Fans: how many inputs a unit sums over, and how many outputs it feeds."""

from __future__ import annotations

import math
from typing import NamedTuple

from unifinit.types import Shape


class Fans(NamedTuple):
    """The effective number of input and output units of a weight."""

    fan_in: int
    fan_out: int


def compute_fans(shape: Shape) -> Fans:
    """The fans of a weight in canonical order, ``(spatial..., in, out)``.

    For a convolution both are multiplied by the size of the receptive field, the product of the spatial
    axes. A vector of n elements has both fans n, a scalar has both fans 1. Sources:
    Glorot & Bengio (2010), He et al. (2015); the conventions below two axes are TensorFlow's.
    """
    if len(shape) < 2:
        return Fans(math.prod(shape), math.prod(shape))
    *spatial, fan_in, fan_out = shape
    receptive_field = math.prod(spatial)
    return Fans(fan_in * receptive_field, fan_out * receptive_field)


def input_size(shape: Shape) -> int:
    """The product of all axes but the last, as in TensorFlow's uniform unit scaling."""
    return math.prod(shape[:-1])
