"""What a key of JAX draws, by the functions of ``jax.nn.initializers``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jax.nn import initializers

from unifinit.backend import Layout, Request
from unifinit_jax.traced import THREEFRY

Function: TypeAlias = Callable[..., jax.Array]

DISTRIBUTIONS = {
    "normal": "truncated_normal",
    "truncated_normal": "truncated_normal",
    "untruncated_normal": "normal",
    "uniform": "uniform",
}
"""JAX's names for those of ``VarianceScaling``."""
SCALING = {
    "GlorotNormal": initializers.glorot_normal,
    "GlorotUniform": initializers.glorot_uniform,
    "HeNormal": initializers.he_normal,
    "HeUniform": initializers.he_uniform,
    "LecunNormal": initializers.lecun_normal,
    "LecunUniform": initializers.lecun_uniform,
}
COMPLEX = ("RandomNormal", "VarianceScaling", *SCALING)
"""What JAX draws complex numbers of."""


def is_key(x: object) -> bool:
    """Whether an array is a key: a typed one, or the words of one."""
    if not isinstance(x, jax.Array):
        return False
    if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
        return bool(x.ndim == 0)
    return bool(x.shape in ((2,), (4,)) and x.dtype == jnp.uint32)


def words_from(key: jax.Array) -> jax.Array:
    """A key of Threefry: the key itself, or what one of another generator draws."""
    typed = key if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else jax.random.wrap_key_data(key)
    if str(jax.random.key_impl(typed)) == THREEFRY:
        return key
    return jax.random.bits(key, (2,), jnp.uint32)


def generated(request: Request, key: jax.Array) -> jax.Array | None:
    """An array that JAX draws; None if it has nothing of the kind."""
    function = function_of(request)
    return None if function is None else function(key, request.shape, request.dtype.name)


def function_of(request: Request) -> Any:
    """The function for a request; None if there is none."""
    config = request.config
    if request.dtype.bits == 8 or (request.dtype.is_complex and request.name not in COMPLEX):
        return None
    if request.name == "RandomUniform":
        return uniform(*request.ends)
    if request.name == "RandomNormal":
        return shifted(initializers.normal(config["stddev"]), config["mean"])
    if request.name == "TruncatedNormal":
        return truncated(**config)
    if len(request.shape) < 2 or 0 in request.shape:
        return None
    axes = axes_of(request)
    if axes is None:
        return None
    if request.name == "VarianceScaling" and config["gain"] == 1:
        scale, mode = config["scale"], config["mode"]
        return initializers.variance_scaling(scale, mode, DISTRIBUTIONS[config["distribution"]], **axes)
    if request.name in SCALING and config.get("gain", 1) == 1:
        return SCALING[request.name](**axes)
    if request.name in ("Orthogonal", "DeltaOrthogonal"):
        return orthogonal(request)
    return None


def uniform(minval: float, maxval: float) -> Any:
    """Uniform numbers; from 0 on, those of the initializer."""
    if minval == 0:
        return initializers.uniform(maxval)
    return lambda key, shape, dtype: jax.random.uniform(key, shape, dtype, minval, maxval)


def truncated(
    mean: float, stddev: float, lower: float, upper: float, bounds: str, corrected: bool, **_: Any
) -> Function | None:
    """A truncated normal, whose bounds are standard deviations in JAX."""
    if bounds == "absolute" or corrected:
        return None
    return shifted(initializers.truncated_normal(stddev, lower=lower, upper=upper), mean)


def shifted(function: Function, mean: float) -> Function:
    """A function to which a mean is added, for which initializers of JAX have no parameter."""
    return (
        (lambda key, shape, dtype: function(key, shape, dtype) + jnp.asarray(mean, dtype))
        if mean
        else function
    )


def axes_of(request: Request) -> dict[str, Any] | None:
    """The parameters that tell JAX what the axes are; None if it computes other fans then."""
    roles = request.layout.roles(len(request.shape))
    if roles is None:
        return None
    plain = Layout(in_axes=roles.inputs, out_axes=roles.outputs, batch_axes=roles.batch)
    if plain.weight(request.shape).fans != request.layout.weight(request.shape).fans:
        return None
    return {"in_axis": roles.inputs, "out_axis": roles.outputs, "batch_axis": roles.batch}


def orthogonal(request: Request) -> Any:
    """A matrix with orthonormal rows or columns, whose columns have one axis in JAX; None for others."""
    roles = request.layout.roles(len(request.shape))
    if roles is None or len(roles.outputs) != 1 or roles.batch:
        return None
    gain = request.config["gain"]
    if request.dtype.bits < 32 or request.config.get("flatten", "inputs") != "inputs":
        return None
    if request.name == "Orthogonal":
        return initializers.orthogonal(gain, column_axis=roles.outputs[0])
    if roles.outputs[0] != len(request.shape) - 1 or roles.inputs != (len(request.shape) - 2,):
        return None
    return initializers.delta_orthogonal(gain)
