"""What mean-field theory predicts, for layers of infinite width.

Poole et al., "Exponential expressivity in deep neural networks through transient chaos" (2016); Schoenholz et
al., "Deep information propagation" (2017); with residual branches Yang & Schoenholz, "Mean field residual
networks" (2017).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from unifinit.propagation.activations import Activation
from unifinit.propagation.network import Layers
from unifinit.propagation.quadrature import correlated_expectation, expectation

Phase = Literal["ordered", "critical", "chaotic"]

CRITICAL = 1e-5
"""How near to 1 a slope counts as 1; weights are rounded, and their variances with them."""
FIXED = 1e-6
"""A relative change per layer so small that the variance counts as fixed."""
NOISE = 1e-13
"""A change that may be due to rounding, which then only slows down on its way to 0 or infinity."""
LEAST, MOST = 1e-30, 1e30
"""Where a search for a fixed point ends at 0, and where at infinity."""
BISECTIONS = 60


class Network(NamedTuple):
    """What the theory knows of a network.

    Attributes
    ----------
    weight_variance
        Width times the variance of a weight.
    bias_variance
        Variance of a bias.
    activation
        The function and its derivative.
    residual
        The scale of the branch; None for a network without a skip connection.
    """

    weight_variance: float
    bias_variance: float
    activation: Activation
    residual: float | None

    def preactivation(self, square: float) -> float:
        """The variance of a pre-activation, from the mean square of the activations before."""
        return self.weight_variance * square + self.bias_variance

    def square(self, variance: float) -> float:
        """The mean square of the activation function, from the variance of the pre-activations."""
        return expectation(lambda x: self.activation.function(x) ** 2, variance)

    def chi(self, variance: float) -> float:
        """By how much a branch multiplies the mean square of a gradient."""
        return self.weight_variance * expectation(lambda x: self.activation.derivative(x) ** 2, variance)


class Limit(NamedTuple):
    """Where signals end up in a deep network without residual branches; None for what is not defined.

    Attributes
    ----------
    variance
        q*, the variance of pre-activations that no longer changes.
    cosine
        c*, the correlation of two inputs' pre-activations that no longer changes.
    chi
        By how much a layer then multiplies the mean square of gradients.
    phase
        "ordered" if that is less than 1, "chaotic" if more, "critical" if neither.
    variance_scale, cosine_scale
        ξ_q and ξ_c: how many layers it takes for a deviation from q* and from c* to fall to 1/e of what it
        was. Infinite at criticality, where it falls more slowly than any exponential.
    """

    variance: float | None = None
    cosine: float | None = None
    chi: float | None = None
    phase: Phase | None = None
    variance_scale: float | None = None
    cosine_scale: float | None = None


class Prediction(NamedTuple):
    """The mean square of signals in each layer, and χ, which multiplies that of gradients.

    ``chi[l - 1]`` is that of layer l, without the skip connection.
    """

    layers: Layers
    chi: tuple[float, ...]


def predict(network: Network, depth: int, correlation: float) -> Prediction:
    """From inputs of mean square 1 with a correlation, layer by layer."""
    function, scale = network.activation.function, network.residual
    square, mean, product = 1.0, 0.0, correlation
    variances, squares, cosines, chi = [], [square], [correlation], []
    with np.errstate(all="ignore"):
        for _ in range(depth):
            variance = network.preactivation(square)
            variances.append(variance)
            if not math.isfinite(variance):
                # What overflows stays so, and says nothing of gradients.
                square, cosine, factor = math.inf, math.nan, math.nan
            else:
                covariance = network.preactivation(product)
                similar = covariance / variance if variance > 0 else 1.0
                of_one, of_square = expectation(function, variance), network.square(variance)
                of_product = correlated_expectation(function, variance, similar)
                if scale is None:
                    square, mean, product = of_square, of_one, of_product
                else:
                    # A branch is independent of the skip connection, but neither need have mean 0.
                    crossed = 2 * scale * mean * of_one
                    square, product = (
                        square + crossed + scale**2 * of_square,
                        product + crossed + scale**2 * of_product,
                    )
                    mean += scale * of_one
                cosine = product / square if square > 0 and math.isfinite(square) else math.nan
                factor = network.chi(variance)
            squares.append(square)
            cosines.append(min(cosine, 1.0) if cosine > 0 else cosine)
            chi.append(factor)
    gradients = [1.0]
    for factor in reversed(chi):
        gradients.append(gradients[-1] * (factor if scale is None else 1 + scale**2 * factor))
    return Prediction(
        Layers(tuple(variances), tuple(squares), tuple(cosines), tuple(reversed(gradients))), tuple(chi)
    )


def limit(network: Network) -> Limit:
    """The fixed points that inputs of mean square 1 approach, and how quickly."""
    if network.residual is not None:
        return Limit()  # The skip connection adds up: there is no fixed point.
    with np.errstate(all="ignore"):
        variance = _fixed_variance(network)
        if math.isinf(variance):
            return Limit()
        nearby = max(variance, LEAST)
        chi = network.chi(nearby)
        phase: Phase = "critical" if abs(chi - 1) <= CRITICAL else "ordered" if chi < 1 else "chaotic"
        found = Limit(variance, chi=chi, phase=phase, variance_scale=_scale(_slope(network, nearby)))
        if variance == 0:
            return found._replace(cosine_scale=math.inf if phase == "critical" else None)
        cosine = 1.0 if phase != "chaotic" else _fixed_cosine(network, variance)
        slope = network.weight_variance * correlated_expectation(
            network.activation.derivative, variance, cosine
        )
        return found._replace(cosine=cosine, cosine_scale=_scale(slope))


def _slope(network: Network, variance: float) -> float:
    """The derivative of the map from one layer's variance to the next one's.

    That of ``φ(sqrt(q) z)^2`` with respect to q, so no second derivative of φ is needed.
    """
    _, function, derivative = network.activation
    product = expectation(lambda x: function(x) * derivative(x) * x, variance)
    return network.weight_variance * product / variance


def _scale(slope: float) -> float | None:
    """The number of layers in which a deviation falls to 1/e."""
    if abs(abs(slope) - 1) <= CRITICAL:
        return math.inf
    if slope == 0:
        return 0.0
    return -1 / math.log(abs(slope)) if abs(slope) < 1 else None


def _fixed_variance(network: Network) -> float:
    """Where the variance of pre-activations ends, from that of the first layer; 0 or infinity if nowhere."""

    def growth(variance: float) -> float:
        return network.preactivation(network.square(variance)) / variance - 1

    variance = network.preactivation(1.0)
    if variance < LEAST:
        return 0.0
    if abs(growth(variance)) <= FIXED:
        return variance
    rises = growth(variance) > 0
    # The map is monotone: the way leads to the next fixed point in the direction of the first step.
    previous = variance
    while (growth(variance) > 0) == rises:
        previous, variance = variance, variance * (2.0 if rises else 0.5)
        if not LEAST < variance < MOST or abs(growth(variance)) < NOISE:
            return math.inf if rises else 0.0
    found = _bisect(growth, *sorted((previous, variance)))
    # Without biases 0 is the fixed point of a critical network; what is found beside it is due to rounding.
    return found if network.bias_variance or found > CRITICAL else 0.0


def _fixed_cosine(network: Network, variance: float) -> float:
    """The stable correlation below 1: the map is convex, and beneath the diagonal just before 1."""

    def growth(correlation: float) -> float:
        product = correlated_expectation(network.activation.function, variance, correlation)
        return network.preactivation(product) / variance - correlation

    return 0.0 if abs(growth(0.0)) < 1e-12 else _bisect(growth, 0.0, 1.0 - 1e-7)


def _bisect(growth: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that is positive at the low end and not at the high one changes its sign."""
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if growth(middle) > 0 else (low, middle)
    return (low + high) / 2
