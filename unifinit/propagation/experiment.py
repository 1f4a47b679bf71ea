"""The signal-propagation probe."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, SupportsIndex

from unifinit.distributions.parameters import finite
from unifinit.errors import ArgumentError
from unifinit.initializers.base import Initializer
from unifinit.initializers.catalogue import as_initializer
from unifinit.initializers.orthogonal import Orthogonal
from unifinit.initializers.random import RandomNormal
from unifinit.key import Key, as_key
from unifinit.propagation.activations import Activation, Numbers, as_activation
from unifinit.propagation.meanfield import Network, limit, predict
from unifinit.propagation.network import Draw, measure
from unifinit.propagation.results import MeanField, Probe, Propagation
from unifinit.propagation.trends import backward_trend, forward_trend
from unifinit.propagation.weights import drawn
from unifinit.registry import DEFAULT, registry
from unifinit.types import DTYPES, DType, as_dtype, require_floating

KEPT = 2**30
"""Bytes of weights that are kept for the backward pass; the others are drawn again."""
CENTRED = 1e-6
"""A mean so small, in standard deviations, that weights count as having mean 0."""


def probe(
    *initializers: str | Initializer | Mapping[str, Any],
    width: int = 256,
    depth: int = 32,
    activation: str | Activation = "relu",
    residual: float | None = None,
    bias_variance: float = 0.0,
    samples: int = 8,
    correlation: float = 0.5,
    seed: SupportsIndex | Key | None = 0,
    backend: Any = None,
    dtype: object = "float32",
) -> Probe:
    """How signals and gradients propagate through a deep network, measured and predicted.

    A network of equal layers, ``φ(x W + b)``, is drawn with each initializer. Inputs are sent forward and a
    random gradient backward, in float64 on the host, and the results are shown beside mean-field theory.

    Parameters
    ----------
    *initializers : str, mapping or Initializer
        Whatever ``unifinit.get`` takes; at least one.
    width : int
        Units of each layer, and of the inputs; more than ``samples``.
    depth : int
        Number of layers.
    activation : str or Activation
        "linear", "relu", "leaky_relu" (slope 0.01), "elu", "selu", "gelu", "silu", "softplus", "sigmoid",
        "tanh", "erf" or "sin", or a function of your own with its derivative.
    residual : float, optional
        Makes layers ``x + residual * φ(x W + b)``.
    bias_variance : float
        Variance of the biases, which are normal; 0 for none.
    samples : int
        Number of inputs, at least 2.
    correlation : float
        Cosine similarity of any two inputs, from 0 to 1; their mean square is 1.
    seed : int or Key, optional
        Weights of layer l, from 1, have the key ``key / l``, its biases ``key / l / "bias"``; the inputs have
        ``key / "inputs"``, the gradient ``key / "gradient"``. None is fresh entropy.
    backend : str or namespace, optional
        What draws the weights; it never changes them.
    dtype : str or dtype
        Of the weights.

    Returns
    -------
    Probe
        With one result for each initializer.

    Raises
    ------
    ArgumentError, DtypeError, SeedError, ConfigError
        If an argument is wrong; nothing has been drawn then.
    UnknownBackendError, BackendUnavailableError
        If there is no such backend.

    Notes
    -----
    Theory: Poole et al. (2016), Schoenholz et al. (2017), and Yang & Schoenholz (2017) for residual networks.
    The weights are the same bits everywhere; the measurements, sums of floats, agree to rounding.

    Examples
    --------
    >>> import unifinit as ui
    >>> from unifinit import probe
    >>> found = probe("he_normal", "glorot_normal", width=128, depth=16, activation="relu")
    >>> [run.forward.verdict for run in found.runs]
    ['stable', 'vanishing']
    """
    chosen = [as_initializer(initializer) for initializer in initializers]
    if not chosen:
        raise ArgumentError("no initializer; wanted at least one, such as probe('he_normal')")
    function = as_activation(activation)
    depth, samples = _count(depth, "depth", 1), _count(samples, "samples", 2)
    width = _count(width, "width", samples + 1, " (one more than samples)")
    scale = None if residual is None else finite(residual, "residual")
    bias_variance, correlation = finite(bias_variance, "bias_variance"), finite(correlation, "correlation")
    if bias_variance < 0:
        raise ArgumentError(f"bias_variance is {bias_variance}; wanted at least 0")
    if not 0 <= correlation <= 1:
        raise ArgumentError(f"correlation is {correlation}; wanted a number from 0 to 1")
    key = as_key(seed)
    kind = require_floating(as_dtype(dtype), "the probe")
    place = registry().resolve(DEFAULT if backend is None else backend)
    place.check_dtype(kind)
    moments = [_moments(initializer, width, kind) for initializer in chosen]
    biases = RandomNormal(stddev=math.sqrt(bias_variance)) if bias_variance else None
    if biases is not None:
        biases.describe((width,), kind)  # It may be too small or too large for the dtype.

    inputs = _inputs(key, samples, width, correlation)
    gradient = drawn(RandomNormal(), (samples, width), DTYPES["float64"], seed=key / "gradient")
    runs = []
    for initializer, (mean, stddev) in zip(chosen, moments, strict=True):
        draw = _draw(initializer, width, kind, key, place, biases)
        measured = measure(inputs, gradient, depth, draw, function, scale)
        theory = None
        if abs(mean) <= CENTRED * stddev:
            network = Network(width * stddev**2, bias_variance, function, scale)
            theory = _theory(network, depth, correlation)
        runs.append(
            Propagation(
                initializer,
                mean,
                stddev,
                measured,
                forward_trend(measured.activations, width),
                backward_trend(measured.gradients, width),
                theory,
            )
        )
    return Probe(
        width,
        depth,
        function.name,
        scale,
        bias_variance,
        samples,
        correlation,
        key.seed,
        place.name,
        kind.name,
        tuple(runs),
    )


def _theory(network: Network, depth: int, correlation: float) -> MeanField:
    layers, chi = predict(network, depth, correlation)
    trends = forward_trend(layers.activations), backward_trend(layers.gradients)
    return MeanField(network.weight_variance, layers, chi, *trends, limit(network))


def _count(value: Any, name: str, least: int, reason: str = "") -> int:
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise ArgumentError(f"{name} is {value!r}; wanted an integer of at least {least}{reason}") from None
    if number < least:
        raise ArgumentError(f"{name} is {number}; wanted at least {least}{reason}")
    return number


def _moments(initializer: Initializer, width: int, dtype: DType) -> tuple[float, float]:
    """Mean and standard deviation of a weight."""
    moments = initializer.describe((width, width), dtype).moments
    if not (math.isfinite(moments.mean) and math.isfinite(moments.stddev)):
        raise ArgumentError(f"weights of {initializer!r} are not finite; wanted finite ones")
    return moments.mean, moments.stddev


def _inputs(key: Key, samples: int, width: int, correlation: float) -> Numbers:
    """Vectors of mean square 1 with equal angles: a direction that they share, and one for each alone."""
    rows = drawn(Orthogonal(), (samples + 1, width), DTYPES["float64"], seed=key / "inputs")
    found: Numbers = math.sqrt(correlation) * rows[0] + math.sqrt(1 - correlation) * rows[1:]
    return found * math.sqrt(width)


def _draw(
    initializer: Initializer, width: int, dtype: DType, key: Key, backend: Any, biases: Initializer | None
) -> Draw:
    """Draws weights and biases of a layer, and keeps those of the last ones, which go backward first."""

    def draw(layer: int) -> tuple[Numbers, Numbers | None]:
        weights = drawn(initializer, (width, width), dtype, seed=key / layer, backend=backend)
        if biases is None:
            return weights, None
        return weights, drawn(biases, (width,), dtype, seed=key / layer / "bias", backend=backend)

    return lru_cache(maxsize=KEPT // (8 * width * (width + 1)))(draw)
