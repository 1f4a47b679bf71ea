"""What a library is asked for, when its own random numbers are to fill an array."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from unifinit.layout import Layout
from unifinit.types import DType, Shape


class Request(NamedTuple):
    """What a library's own random numbers are asked for.

    Attributes
    ----------
    name
        The class name of the initializer, or that of the distribution that its elements have:
        "RandomUniform", "RandomNormal" or "TruncatedNormal".
    config
        Its hyperparameters.
    shape, dtype
        Of the array.
    layout
        What the axes are.
    """

    name: str
    config: Mapping[str, Any]
    shape: Shape
    dtype: DType
    layout: Layout

    @property
    def ends(self) -> tuple[float, float]:
        """Those of a "RandomUniform", whose upper end is 1 unless it is given."""
        minval, maxval = self.config["minval"], self.config["maxval"]
        return minval, 1.0 if maxval is None else maxval
