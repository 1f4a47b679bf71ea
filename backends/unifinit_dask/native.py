"""dask's own random numbers, as a measure of speed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import dask.array as da

from unifinit.backend import DType, Shape


def native_initializer(
    name: str, config: Mapping[str, Any], shape: Shape, dtype: DType
) -> Callable[[], object] | None:
    """The call that a user of dask alone would write, computed; None if there is no single one."""
    generator = da.random.default_rng(0)
    if name in ("Zeros", "Ones"):
        create = da.zeros if name == "Zeros" else da.ones
        return lambda: create(shape, dtype=dtype.compute.name).compute()
    if name == "Constant" and not isinstance(config["value"], list):
        return lambda: da.full(shape, config["value"], dtype=dtype.compute.name).compute()
    if name == "RandomUniform":
        return lambda: generator.uniform(config["minval"], config["maxval"], shape).compute()
    if name == "RandomNormal":
        return lambda: generator.normal(config["mean"], config["stddev"], shape).compute()
    return None
