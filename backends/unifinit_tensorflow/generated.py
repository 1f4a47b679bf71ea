"""What TensorFlow draws: by a ``tf.random.Generator``, or for a pair of seeds, as Keras does.

The initializers of TensorFlow 2 are those of Keras. They compute bounds and standard deviations as unifinit
does before it rounds them, and draw for the pair ``(seed, 0)``; so there is no need to call each by its
name.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from unifinit.backend import AnyKey, ArgumentError, Key, Layout, Request
from unifinit_tensorflow import namespace, recorded

STATELESS = {
    "uniform": tf.random.stateless_uniform,
    "normal": tf.random.stateless_normal,
    "truncated_normal": tf.random.stateless_truncated_normal,
}
SIGMAS = 2.0
"""Where TensorFlow truncates, in standard deviations."""
LAYOUT = Layout("...IO")
"""How Keras reads a shape."""


def is_generator(x: object) -> bool:
    """Whether ``x`` is a generator or a pair of seeds."""
    if isinstance(x, (tf.random.Generator, tf.random.experimental.Generator)):
        return True
    if isinstance(x, (tuple, list)):
        return len(x) == 2 and all(map(is_seed, x))
    if isinstance(x, (tf.Tensor, tf.Variable)):
        return bool(x.dtype.is_integer and x.shape == (2,))
    return isinstance(x, np.ndarray) and x.shape == (2,) and x.dtype.kind in "iu"


def is_seed(x: object) -> bool:
    """Whether ``x`` is one of a pair of seeds, which TensorFlow holds as int64."""
    return isinstance(x, (int, np.integer)) and not isinstance(x, bool) and -(2**63) <= int(x) < 2**63


def is_stateful(generator: Any) -> bool:
    """Whether a generator advances when it draws."""
    return isinstance(generator, (tf.random.Generator, tf.random.experimental.Generator))


def key_from(generator: Any) -> AnyKey:
    """A key: one draw of two words, or the low words of the two seeds."""
    if is_stateful(generator):
        words = generator.uniform_full_int((2,), dtype=tf.uint32)
        return recorded.key_of(words)
    if isinstance(generator, (tf.Tensor, tf.Variable)) and tf.executing_eagerly():
        generator = generator.numpy()
    if isinstance(generator, (tf.Tensor, tf.Variable)):  # Of which only the lower words count.
        words = tf.cast(generator, tf.uint64)
        return recorded.key_of(tf.bitwise.bitwise_and(words, tf.constant(0xFFFFFFFF, tf.uint64)))
    first, second = (int(word) & 0xFFFFFFFFFFFFFFFF for word in generator)
    key = Key((first & 0xFFFFFFFF) << 32 | second & 0xFFFFFFFF)
    if first >> 32 or second >> 32:
        key = key.fold_in(first >> 32).fold_in(second >> 32)
    return key


def generated(request: Request, generator: Any, device: Any) -> Any:
    """A tensor that TensorFlow draws; None if it has nothing of the kind."""
    config = request.config
    if not request.dtype.is_floating or request.dtype.bits == 8:
        return None
    if request.name == "RandomUniform":
        minval, maxval = request.ends
        return drawn("uniform", request, generator, device, minval=minval, maxval=maxval)
    if request.name == "RandomNormal":
        return drawn("normal", request, generator, device, mean=config["mean"], stddev=config["stddev"])
    if request.name == "TruncatedNormal":
        is_known = (config["lower"], config["upper"], config["bounds"]) == (-SIGMAS, SIGMAS, "sigma")
        if not is_known or config["corrected"]:
            return None
        numbers = {"mean": config["mean"], "stddev": config["stddev"]}
        return drawn("truncated_normal", request, generator, device, **numbers)
    rank = len(request.shape)
    if request.name != "Orthogonal" or rank < 2 or is_stateful(generator) or request.dtype.bits < 32:
        return None
    is_known = config["flatten"] == "inputs" and request.layout.roles(rank) == LAYOUT.roles(rank)
    return orthogonal(request, generator, device) if is_known else None


def drawn(name: str, request: Request, generator: Any, device: Any, **numbers: float) -> Any:
    """Numbers of a distribution."""
    dtype = tf.as_dtype(request.dtype.name)
    with namespace.on(device):
        if is_stateful(generator):
            return getattr(generator, name)(request.shape, dtype=dtype, **numbers)
        if name == "uniform":  # Keras casts its ends, which rounds them to float32 on the way.
            numbers = {key: tf.cast(value, dtype) for key, value in numbers.items()}
        return STATELESS[name](request.shape, seed=pair(generator), dtype=dtype, **numbers)


def pair(generator: Any) -> Any:
    """Two seeds, as a tensor of one of the two dtypes that TensorFlow takes."""
    if isinstance(generator, (tf.Tensor, tf.Variable)):
        return generator if generator.dtype in (tf.int32, tf.int64) else tf.cast(generator, tf.int64)
    return tf.constant([int(word) for word in generator], tf.int64)


def orthogonal(request: Request, generator: Any, device: Any) -> Any:
    """The matrix of Keras, which is the one that TensorFlow 2 has.

    Raises
    ------
    ArgumentError
        If Keras runs on another library in this process.
    """
    import keras

    if (other := keras.backend.backend()) != "tensorflow":
        raise ArgumentError(
            f"orthogonal matrices of TensorFlow 2 are those of Keras, which runs on {other} in this process; "
            "wanted the environment variable KERAS_BACKEND=tensorflow before Keras is imported, or seed= "
            "instead of generator="
        )

    class Pair(keras.random.SeedGenerator):  # type: ignore[misc]
        """A source of two seeds, which is all that Keras asks a generator for."""

        def __init__(self) -> None:
            """Without a variable."""

        def next(self, ordered: bool = True) -> Any:
            """The two."""
            return pair(generator)

    with namespace.on(device):
        initialize = keras.initializers.Orthogonal(request.config["gain"], seed=Pair())
        return initialize(request.shape, dtype=request.dtype.name)
