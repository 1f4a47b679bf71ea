"""NumPy's own random numbers, as a measure of speed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from unifinit.backend import DType, Shape


def native_initializer(
    name: str, config: Mapping[str, Any], shape: Shape, dtype: DType
) -> Callable[[], object] | None:
    """The call that a user of NumPy alone would write; None if there is no single one."""
    generator = np.random.default_rng(0)
    if name in ("Zeros", "Ones"):
        create = np.zeros if name == "Zeros" else np.ones
        return lambda: create(shape, dtype.compute.name)
    if name == "Constant" and not isinstance(config["value"], list):
        return lambda: np.full(shape, config["value"], dtype.compute.name)
    if name == "RandomUniform":
        return lambda: generator.uniform(config["minval"], config["maxval"], shape)
    if name == "RandomNormal":
        return lambda: generator.normal(config["mean"], config["stddev"], shape)
    return None
