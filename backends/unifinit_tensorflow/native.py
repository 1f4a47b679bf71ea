"""TensorFlow's own initializers, as a measure of speed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from unifinit.backend import DType, Shape


def native_initializer(
    name: str, config: Mapping[str, Any], shape: Shape, dtype: DType
) -> Callable[[], object] | None:
    """The initializer of ``tf.compat.v1`` that has the same name; None if there is none."""
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    v1 = tf.compat.v1
    create = getattr(v1, f"{snake}_initializer", None) or getattr(v1.initializers, snake, None)
    if create is None:
        return None
    arguments = {key: value for key, value in config.items() if key != "seed"}
    initialize = create(**arguments)
    return lambda: initialize(shape, dtype=tf.as_dtype(dtype.name)).numpy()
