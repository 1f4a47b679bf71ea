"""Weights that a backend has drawn, as numbers on the host."""

from __future__ import annotations

from typing import Any

import numpy as np

from unifinit.errors import ConfigError
from unifinit.initializers.base import Initializer
from unifinit.initializers.catalogue import get
from unifinit.key import Key
from unifinit.layout import Layout
from unifinit.propagation.activations import Numbers
from unifinit.registry import DEFAULT, registry
from unifinit.types import DType, Shape


def as_initializer(identifier: Any) -> Initializer:
    """The initializer for whatever ``unifinit.get`` takes.

    Raises
    ------
    ConfigError
        If it is none of unifinit, as another callable is.
    """
    initializer = get(identifier)
    if not isinstance(initializer, Initializer):
        raise ConfigError(
            f"{identifier!r} is no initializer of unifinit; wanted a name or an instance, such as 'he_normal'"
        )
    return initializer


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
    return _decoded(chosen.to_bytes(array), dtype).reshape(shape)


def _decoded(data: bytes, dtype: DType) -> Numbers:
    if dtype.name == "bfloat16":  # The upper half of a float32.
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    return np.frombuffer(data, np.dtype(dtype.name).newbyteorder("<")).astype(np.float64)
