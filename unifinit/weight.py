"""Weights: which axes of an array are inputs and outputs of a layer, and the fans that follow."""

from __future__ import annotations

import math
from typing import NamedTuple

from unifinit.types import Shape
from unifinit.values import Value


class Fans(NamedTuple):
    """The effective number of input and output units of a weight.

    Attributes
    ----------
    fan_in
        How many products a unit sums, away from borders.
    fan_out
        How many units an input feeds, on average where a stride makes it a fraction.
    """

    fan_in: float
    fan_out: float


class Weight(Value):
    """The shape of a weight in canonical order, ``(batch..., spatial..., in..., out...)``.

    Attributes
    ----------
    shape
        All axes.
    batch
        The axes along which there are independent weights of one layer each: groups, heads, experts.
    spatial, inputs, outputs
        The axes of the receptive field, of the inputs and of the outputs. A vector, such as a bias, has
        only outputs; a scalar has none of them.
    fans
        Of each of the weights.
    """

    shape: Shape
    batch: Shape
    spatial: Shape
    inputs: Shape
    outputs: Shape
    fans: Fans

    parts = ("batch", "spatial", "inputs", "outputs", "fans")

    def __init__(self, batch: Shape, spatial: Shape, inputs: Shape, outputs: Shape, fans: Fans) -> None:
        vars(self).update(
            shape=(*batch, *spatial, *inputs, *outputs),
            batch=batch,
            spatial=spatial,
            inputs=inputs,
            outputs=outputs,
            fans=fans,
        )

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def rows(self) -> int:
        """Rows of the matrix that a weight is, flattened: the spatial axes and the inputs."""
        return math.prod(self.spatial) * math.prod(self.inputs)

    @property
    def columns(self) -> int:
        """Columns of that matrix: the outputs."""
        return math.prod(self.outputs)
