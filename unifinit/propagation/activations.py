"""Activation functions and their derivatives, in float64 on the host."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from unifinit.errors import ArgumentError, or_list, suggestion

Numbers: TypeAlias = npt.NDArray[np.float64]
Function: TypeAlias = Callable[[Numbers], Numbers]

LEAK = 0.01
"""The slope of leaky_relu below 0, that of PyTorch and JAX."""
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772
"""Klambauer et al., "Self-normalizing neural networks" (2017), equation 14 in float64."""


class Activation(NamedTuple):
    """An activation function.

    Attributes
    ----------
    name
        What it is called in results.
    function, derivative
        From a float64 array to another one, element by element. Both have to be smooth but at 0, for the
        mean-field predictions to be exact.
    """

    name: str
    function: Function
    derivative: Function


def _sigmoid(x: Numbers) -> Numbers:
    return 0.5 * (1 + np.tanh(0.5 * x))


_erf_of_one: Any = np.frompyfunc(math.erf, 1, 1)


def _erf(x: Numbers) -> Numbers:
    """NumPy has none."""
    return np.asarray(_erf_of_one(x)).astype(np.float64)


def _normal(x: Numbers) -> Numbers:
    """The cumulative distribution function of a standard normal variable."""
    return 0.5 * (1 + _erf(x / math.sqrt(2)))


def _density(x: Numbers) -> Numbers:
    return np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)


def _exponential(x: Numbers, alpha: float, scale: float) -> Numbers:
    return scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _exponential_slope(x: Numbers, alpha: float, scale: float) -> Numbers:
    return scale * np.where(x > 0, 1.0, alpha * np.exp(np.minimum(x, 0)))


ACTIVATIONS = {
    activation.name: activation
    for activation in (
        Activation("linear", lambda x: x, np.ones_like),
        Activation("relu", lambda x: np.maximum(x, 0), lambda x: np.where(x > 0, 1.0, 0.0)),
        Activation(
            "leaky_relu", lambda x: np.where(x > 0, x, LEAK * x), lambda x: np.where(x > 0, 1.0, LEAK)
        ),
        Activation("elu", lambda x: _exponential(x, 1.0, 1.0), lambda x: _exponential_slope(x, 1.0, 1.0)),
        Activation(
            "selu",
            lambda x: _exponential(x, SELU_ALPHA, SELU_SCALE),
            lambda x: _exponential_slope(x, SELU_ALPHA, SELU_SCALE),
        ),
        Activation("gelu", lambda x: x * _normal(x), lambda x: _normal(x) + x * _density(x)),
        Activation(
            "silu",
            lambda x: x * _sigmoid(x),
            lambda x: _sigmoid(x) * (1 + x * _sigmoid(-x)),
        ),
        Activation("softplus", lambda x: np.logaddexp(0, x), _sigmoid),
        Activation("sigmoid", _sigmoid, lambda x: _sigmoid(x) * _sigmoid(-x)),
        Activation("tanh", np.tanh, lambda x: 1 - np.tanh(x) ** 2),
        Activation("erf", _erf, lambda x: 2 / math.sqrt(math.pi) * np.exp(-x * x)),
        Activation("sin", np.sin, np.cos),
    )
}
"""By name: gelu is that with the error function, elu has alpha 1, leaky_relu the slope 0.01."""

ALIASES = {"identity": "linear", "swish": "silu"}


def as_activation(activation: object) -> Activation:
    """An activation from its name.

    Raises
    ------
    ArgumentError
        If it is neither a known name nor an ``Activation``.
    """
    if isinstance(activation, Activation):
        return activation
    name = ALIASES.get(activation, activation) if isinstance(activation, str) else activation
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise ArgumentError(
            f"no activation {activation!r}{suggestion(str(activation), [*ACTIVATIONS, *ALIASES])}; "
            f"wanted one of {or_list(ACTIVATIONS)}, or an Activation with a function and its derivative"
        )
    return ACTIVATIONS[name]
