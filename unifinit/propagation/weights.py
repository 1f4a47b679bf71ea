"""Weights that a backend has drawn, as numbers on the host."""

from __future__ import annotations

from typing import Any

import numpy as np

from unifinit.elements import decode, storage
from unifinit.initializers.base import Initializer
from unifinit.key import Key
from unifinit.layout import Layout
from unifinit.propagation.activations import Numbers
from unifinit.registry import DEFAULT, registry
from unifinit.types import DType, Shape


def drawn(
    initializer: Initializer,
    shape: Shape,
    dtype: DType,
    *,
    seed: Key,
    backend: Any = None,
    layout: str | Layout | None = None,
) -> Numbers:
    """An array of the backend as float64, which holds every value of every floating dtype exactly."""
    chosen = registry().resolve(DEFAULT if backend is None else backend)
    array = initializer(shape, dtype, backend=chosen, seed=seed, layout=layout)
    return decode(np.frombuffer(chosen.to_bytes(array), storage(dtype)), dtype).reshape(shape)
