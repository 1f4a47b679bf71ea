"""What a generator of NumPy draws. NumPy has distributions, and no initializers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from unifinit.backend import Key, Request


def key_from(generator: np.random.Generator) -> Key:
    """A key, by one draw of 64 bits."""
    return Key(int(generator.integers(2**64, dtype=np.uint64)))


def drawing(request: Request, generator: np.random.Generator) -> Callable[[], Any] | None:
    """What draws numbers of float64; None if NumPy has no such distribution."""
    config = request.config
    if request.dtype.is_complex:
        return None
    if request.name == "RandomUniform":
        return partial(generator.uniform, *request.ends, request.shape)
    if request.name == "RandomNormal":
        return partial(generator.normal, config["mean"], config["stddev"], request.shape)
    return None
