"""What is recorded, not computed: whether JAX is tracing, keys that are traced, and calls of the host."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from unifinit.backend import AnyKey, SeedError, Shape, TracedKey, key_of_array
from unifinit_jax.meshes import replicated

try:
    from jax.extend.core import get_opaque_trace_state
except ImportError:  # Where older releases have it, and which argument they want.
    get_opaque_trace_state = partial(jax.core.get_opaque_trace_state, convention="flax")

THREEFRY = "threefry2x32"

with jax.core.eval_context():
    NOT_TRACING = get_opaque_trace_state()


def is_tracing() -> bool:
    """Whether JAX is recording a computation, into which large constants should not go."""
    return bool(get_opaque_trace_state() != NOT_TRACING)


def is_traced(x: object) -> bool:
    """Whether an array stands for others, so that its elements cannot be read."""
    return isinstance(x, jax.core.Tracer)


def as_key(x: jax.Array) -> AnyKey:
    """The key that an array is: a typed one, or a raw one of two words.

    Raises
    ------
    SeedError
        If it is none, several, or one of another generator than Threefry.
    """
    is_typed = jnp.issubdtype(x.dtype, jax.dtypes.prng_key)
    if is_typed and str(jax.random.key_impl(x)) != THREEFRY:
        raise SeedError(
            f"seed is a key of JAX for the generator {str(jax.random.key_impl(x))!r}; wanted one for "
            f"{THREEFRY!r}, which is the stream: jax.random.key(seed, impl={THREEFRY!r})"
        )
    if x.ndim > (0 if is_typed else 1):
        raise SeedError(
            f"seed is an array of keys, of shape {x.shape if is_typed else x.shape[:-1]}; wanted one key, "
            "of two words: use jax.vmap for an array for each of them"
        )
    return _traced(x, is_typed) if is_traced(x) else key_of_array(_read(x, is_typed))


def _traced(x: jax.Array, is_typed: bool) -> TracedKey:
    if x.ndim == 0 and not is_typed and jnp.issubdtype(x.dtype, jnp.integer):
        x, is_typed = jax.random.key(x, impl=THREEFRY), True  # A seed.
    words = jax.random.key_data(x) if is_typed else x
    if words.shape != (2,) or words.dtype not in (np.uint32, np.int32):
        raise SeedError(
            f"seed is a traced array of shape {x.shape} and dtype {x.dtype}; wanted a key: "
            "jax.random.key(seed), or its two words of uint32, or an integer"
        )
    words = jax.lax.bitcast_convert_type(words, jnp.int32)
    return TracedKey(jnp, words[0], words[1])


def _read(x: jax.Array, is_typed: bool) -> npt.NDArray[Any]:
    if not x.is_fully_addressable:
        if not x.is_fully_replicated:
            raise SeedError(
                "seed is a key that is divided among processes, none of which has all of it; wanted a key "
                "that each of them has"
            )
        x = x.addressable_data(0)
    # A key from outside can be read in the midst of a trace, but not by operations that would be recorded.
    with jax.ensure_compile_time_eval():
        return np.asarray(jax.random.key_data(x) if is_typed else x)


def host_call(
    function: Callable[[tuple[int, int]], npt.NDArray[Any]],
    words: tuple[jax.Array, jax.Array],
    shape: Shape,
    dtype: str,
) -> jax.Array:
    """What a function of a key's words returns on the host, when the computation is run."""

    def call(first: jax.Array, second: jax.Array) -> npt.NDArray[Any]:
        return function((int(first), int(second)))

    result = jax.ShapeDtypeStruct(shape, dtype)
    # One device calls the host. The compiler fails if the result leaves a mesh so.
    return replicated(jax.pure_callback(call, result, *words, vmap_method="sequential"))
