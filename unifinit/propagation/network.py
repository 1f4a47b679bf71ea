"""A network of equal layers, and what is measured as signals pass through it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from unifinit.propagation.activations import Activation, Numbers

Draw: TypeAlias = Callable[[int], tuple[Numbers, Numbers | None]]
"""From the number of a layer, from 1, to its weights ``(in, out)`` and its biases, if it has any."""


class Layers(NamedTuple):
    """One number for each layer; layer 0 is the inputs.

    A number is infinite if it overflowed, or was computed from what overflowed, and NaN if it is not defined:
    the cosine of vectors that are 0 or infinite, and gradients after an overflow on the way forward.

    Attributes
    ----------
    preactivations
        Mean square of the pre-activations of layers 1 to depth.
    activations
        Mean square of the activations of layers 0 to depth.
    cosines
        Cosine similarity of two inputs' activations, the mean over all pairs, in layers 0 to depth.
    gradients
        Mean square of the gradient with respect to the activations of layers 0 to depth, divided by that of
        the last layer.
    """

    preactivations: tuple[float, ...]
    activations: tuple[float, ...]
    cosines: tuple[float, ...]
    gradients: tuple[float, ...]


class Forward(NamedTuple):
    """Activations of layers 0 to depth, pre-activations of layers 1 to depth; ``(samples, width)`` each."""

    activations: list[Numbers]
    preactivations: list[Numbers]


def forward(
    inputs: Numbers, layers: Sequence[int], draw: Draw, activation: Activation, residual: float | None
) -> Forward:
    """Send inputs through layers: ``φ(x W + b)``, or ``x + residual * φ(x W + b)``."""
    activations, preactivations = [inputs], []
    for layer in layers:
        weights, biases = draw(layer)
        x = activations[-1]
        h = x @ weights if biases is None else x @ weights + biases
        branch = activation.function(h)
        preactivations.append(h)
        activations.append(branch if residual is None else x + residual * branch)
    return Forward(activations, preactivations)


def backward(
    gradient: Numbers,
    layers: Sequence[int],
    preactivations: Sequence[Numbers],
    draw: Draw,
    activation: Activation,
    residual: float | None,
) -> list[Numbers]:
    """Gradients with respect to the activations before, and behind, each layer, from that behind the last."""
    gradients = [gradient]
    for layer, h in zip(reversed(layers), reversed(preactivations), strict=True):
        weights, _ = draw(layer)
        behind = gradients[-1]
        before = (behind * activation.derivative(h)) @ weights.T
        gradients.append(before if residual is None else behind + residual * before)
    return gradients[::-1]


def measure(
    inputs: Numbers,
    gradient: Numbers,
    depth: int,
    draw: Draw,
    activation: Activation,
    residual: float | None,
) -> Layers:
    """Send inputs forward and a gradient backward, and measure both in every layer."""
    layers = range(1, depth + 1)
    with np.errstate(all="ignore"):  # An overflow is a result, and shown as one.
        passed = forward(inputs, layers, draw, activation, residual)
        squares = _overflown([mean_square(x) for x in passed.activations])
        if math.isinf(squares[-1]):
            gradients = [math.nan] * (depth + 1)
        else:
            found = backward(gradient, layers, passed.preactivations, draw, activation, residual)
            last = mean_square(gradient)
            gradients = [mean_square(g) / last for g in found]
        return Layers(
            tuple(_overflown([mean_square(h) for h in passed.preactivations])),
            tuple(squares),
            tuple(cosine(x) for x in passed.activations),
            tuple(gradients),
        )


def mean_square(x: Numbers) -> float:
    """Of all elements; infinite if it overflows, or if one of them has."""
    found = float(np.mean(np.square(x)))
    return found if math.isfinite(found) else math.inf


def cosine(x: Numbers) -> float:
    """The mean over all pairs of rows; NaN if one is 0 or not finite."""
    largest = np.max(np.abs(x), axis=1, keepdims=True)
    scaled = x / largest  # The squares of large and of small numbers would leave the range of float64.
    scaled /= np.sqrt(np.sum(scaled**2, axis=1, keepdims=True))
    samples = len(x)
    total = float(np.sum(np.sum(scaled, axis=0) ** 2))
    found = (total - samples) / (samples * (samples - 1))
    return 1.0 if found > 1 else found


def _overflown(values: list[float]) -> list[float]:
    """The values, infinite from the first one on that is."""
    first = values.index(math.inf) if math.inf in values else len(values)
    return values[:first] + [math.inf] * (len(values) - first)
