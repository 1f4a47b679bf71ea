"""JAX's own initializers, as a measure of speed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
from jax.nn import initializers

from unifinit.backend import DType, Shape

DISTRIBUTIONS = {
    "normal": "truncated_normal",
    "truncated_normal": "truncated_normal",
    "untruncated_normal": "normal",
    "uniform": "uniform",
}


def native_initializer(
    name: str, config: Mapping[str, Any], shape: Shape, dtype: DType
) -> Callable[[], object] | None:
    """The jitted function of ``jax.nn.initializers`` that does the same; None if there is none."""
    makers: dict[str, Callable[[], Any]] = {
        "Zeros": lambda: initializers.zeros,
        "Ones": lambda: initializers.ones,
        "RandomUniform": lambda: (
            lambda key, shape, dtype: jax.random.uniform(
                key, shape, dtype, config["minval"], config["maxval"]
            )
        ),
    }
    if name == "Constant" and not isinstance(config["value"], list):
        makers[name] = lambda: initializers.constant(config["value"])
    if config.get("mean") == 0:
        makers["RandomNormal"] = lambda: initializers.normal(config["stddev"])
        makers["TruncatedNormal"] = lambda: initializers.truncated_normal(config["stddev"])
    if len(shape) >= 2:
        makers |= {
            "VarianceScaling": lambda: initializers.variance_scaling(
                config["scale"], config["mode"], DISTRIBUTIONS[config["distribution"]]
            ),
            "GlorotUniform": initializers.glorot_uniform,
            "GlorotNormal": initializers.glorot_normal,
            "HeUniform": initializers.he_uniform,
            "HeNormal": initializers.he_normal,
            "LecunUniform": initializers.lecun_uniform,
            "LecunNormal": initializers.lecun_normal,
            "Orthogonal": lambda: initializers.orthogonal(config["gain"]),
        }
    if name not in makers:
        return None
    initialize = makers[name]()
    compiled = jax.jit(lambda key: initialize(key, shape, dtype.name))
    key = jax.random.key(0)
    return lambda: compiled(key).block_until_ready()
