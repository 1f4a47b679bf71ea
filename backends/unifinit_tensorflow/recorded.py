"""What differs while TensorFlow records a computation: keys that are known later, and calls of the host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from unifinit.backend import AnyKey, SeedError, Shape, TracedKey, key_of_array
from unifinit_tensorflow import namespace

WORDS = (tf.uint32, tf.int32, tf.uint64, tf.int64)


def key_of(x: Any) -> AnyKey:
    """The key that a tensor or a variable is; a ``TracedKey`` if its value is not known yet.

    What cannot be checked then is left out: of wider integers the lower 32 bits are the word.

    Raises
    ------
    SeedError
        If it is none.
    """
    # A tensor from outside the graph has its value in the graph too, a variable only where it is run.
    if hasattr(x, "numpy") and (tf.executing_eagerly() or not isinstance(x, tf.Variable)):
        return key_of_array(np.asarray(x.numpy()))
    words = tf.convert_to_tensor(x)
    if words.dtype.is_integer and words.shape == ():
        seed = tf.cast(words, tf.int64)
        return TracedKey(
            namespace, low_word(tf.bitwise.right_shift(seed, tf.constant(32, tf.int64))), low_word(seed)
        )
    if words.dtype not in WORDS or words.shape != (2,):
        raise SeedError(
            f"seed is a tensor of shape {words.shape} and dtype {words.dtype.name}; wanted a key: two words "
            "of uint32 or int32, or of wider integers below 2**32, whose shape is known"
        )
    return TracedKey(namespace, low_word(words[0]), low_word(words[1]))


def low_word(x: Any) -> Any:
    """The lower 32 bits of an integer, as int32."""
    if x.dtype.size == 8:
        x = tf.cast(tf.bitwise.bitwise_and(x, tf.constant(0xFFFFFFFF, x.dtype)), tf.uint32)
    return namespace.astype(x, tf.int32, copy=False)


def host_call(
    function: Callable[[tuple[int, int]], Any], words: tuple[Any, Any], shape: Shape, dtype: str
) -> Any:
    """What a function of the host returns for two words, whenever the graph is run.

    Raises
    ------
    SeedError
        If XLA will compile the graph, which cannot call the host.
    """
    if is_for_xla():
        raise SeedError(
            "what is computed on the host, such as an orthogonal matrix, cannot have a key that is only "
            "known when a function runs, if XLA compiles it (jit_compile=True): TensorFlow's XLA does not "
            "call the host; wanted a key that is known, such as an integer, or no jit_compile"
        )
    result = tf.numpy_function(
        lambda *known: function((int(known[0]), int(known[1]))), words, tf.as_dtype(dtype), stateful=False
    )
    result.set_shape(shape)
    return result


def is_for_xla() -> bool:
    """Whether the graph that is being recorded, or one around it, is for XLA; False if that is not told."""
    try:
        # TensorFlow has no public name for it.
        from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext
    except ImportError:
        return False
    return bool(GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph()))


def keep_as_written(*packages: str) -> None:
    """Keep AutoGraph from translating the functions of packages, in which no Python depends on tensors.

    It would take seconds for a call, and warn of what it cannot translate.
    """
    try:
        # TensorFlow's public way is a decorator, which would have to be imported where no framework is.
        from tensorflow.python.autograph.core import config
    except ImportError:
        return
    config.CONVERSION_RULES = (*map(config.DoNotConvert, packages), *config.CONVERSION_RULES)
