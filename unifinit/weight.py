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


def place_of(weight: Weight, axis: str) -> int:
    """Which axis in canonical order is the first of the "batch", the "in" or the "out" axes."""
    before = {"batch": (), "in": (*weight.batch, *weight.spatial)}
    return len(before.get(axis, (*weight.batch, *weight.spatial, *weight.inputs)))


def share(weight: Weight, axis: str, size: int) -> Weight:
    """The weight that a part of an axis is."""
    batch, inputs, outputs = weight.batch, weight.inputs, weight.outputs
    fan_in, fan_out = weight.fans
    if axis == "batch":
        batch = (size, *batch[1:])
    elif axis == "in":
        fan_in = _portion(fan_in, size, inputs[0])
        inputs = (size, *inputs[1:])
    else:
        fan_out = _portion(fan_out, size, outputs[0])
        if weight.rank == 1:
            fan_in = fan_out
        outputs = (size, *outputs[1:])
    return Weight(batch, weight.spatial, inputs, outputs, Fans(fan_in, fan_out))


def _portion(fan: float, size: int, whole_size: int) -> float:
    part = fan * size / max(1, whole_size)
    return int(part) if part == int(part) else part
