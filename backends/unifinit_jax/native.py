"""JAX's own initializers, as a measure of speed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
from jax.nn import initializers

from unifinit.backend import DType, Layout, Request, Shape
from unifinit_jax.generated import function_of


def native_initializer(
    name: str, config: Mapping[str, Any], shape: Shape, dtype: DType
) -> Callable[[], object] | None:
    """The jitted function of ``jax.nn.initializers`` that does the same; None if there is none."""
    if name == "Constant" and not isinstance(config["value"], list):
        initialize: Any = initializers.constant(config["value"])
    else:
        constants = {"Zeros": initializers.zeros, "Ones": initializers.ones}
        initialize = constants.get(name) or function_of(Request(name, config, shape, dtype, Layout()))
    if initialize is None:
        return None
    compiled = jax.jit(lambda key: initialize(key, shape, dtype.name))
    key = jax.random.key(0)
    return lambda: compiled(key).block_until_ready()
