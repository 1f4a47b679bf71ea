"""What the probe returns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from unifinit.initializers.base import Initializer
from unifinit.initializers.catalogue import serialize
from unifinit.propagation.meanfield import Limit
from unifinit.propagation.network import Layers
from unifinit.propagation.trends import Trend


class MeanField(NamedTuple):
    """What theory predicts for infinitely wide layers.

    Attributes
    ----------
    weight_variance
        Width times the variance of a weight, σ_w².
    layers
        What would be measured.
    chi
        χ of layers 1 to depth: by how much a layer, without its skip connection, multiplies the mean square
        of gradients.
    forward, backward
        The trends of activations and gradients.
    limit
        Where signals end up in a deep network.
    """

    weight_variance: float
    layers: Layers
    chi: tuple[float, ...]
    forward: Trend
    backward: Trend
    limit: Limit


class Propagation(NamedTuple):
    """How signals propagate through layers of one initializer.

    Attributes
    ----------
    initializer
        What drew the weights.
    mean, stddev
        Of a weight, according to theory.
    measured
        What was measured in each layer.
    forward, backward
        The trends of activations and gradients.
    theory
        What mean-field theory predicts; None if the weights do not have mean 0, which it assumes.
    """

    initializer: Initializer
    mean: float
    stddev: float
    measured: Layers
    forward: Trend
    backward: Trend
    theory: MeanField | None

    def as_dict(self) -> dict[str, Any]:
        """The facts in types that JSON has: infinities are "Infinity", and what is not defined is None."""
        theory = None
        if self.theory is not None:
            parts = {name: part for name, part in self.theory._asdict().items() if name != "layers"}
            theory = {**self.theory.layers._asdict(), **parts}
        facts: dict[str, Any] = _plain(
            {
                "initializer": serialize(self.initializer),
                "mean": self.mean,
                "stddev": self.stddev,
                "forward": self.forward,
                "backward": self.backward,
                "measured": self.measured,
                "theory": theory,
            }
        )
        return facts


@dataclass(frozen=True)
class Probe:
    """What ``unifinit.probe`` found; ``str`` gives it as a table.

    Attributes
    ----------
    width, depth, activation, residual, bias_variance, samples, correlation, backend, dtype
        As in the call.
    seed
        The seed of all keys, also where none was given.
    runs
        One result for each initializer.
    """

    width: int
    depth: int
    activation: str
    residual: float | None
    bias_variance: float
    samples: int
    correlation: float
    seed: int
    backend: str
    dtype: str
    runs: tuple[Propagation, ...]

    def as_dict(self) -> dict[str, Any]:
        """The facts in types that JSON has: infinities are "Infinity", and what is not defined is None."""
        settings = {name: value for name, value in vars(self).items() if name != "runs"}
        return {**settings, "runs": [run.as_dict() for run in self.runs]}

    def heading(self) -> str:
        """What was probed, in one line."""
        skip = "" if self.residual is None else f", residual branches times {self.residual:g}"
        bias = f", bias variance {self.bias_variance:g}" if self.bias_variance else ""
        return f"{self.depth} layers of width {self.width}, {self.activation}{skip}{bias}"

    def __str__(self) -> str:
        rows = [("initializer", "σ_w²", "forward", "per layer", "backward", "per layer", "cosine")]
        for run in self.runs:
            theory = run.theory
            rows.append(
                (
                    repr(run.initializer),
                    "-" if theory is None else f"{theory.weight_variance:.4g}",
                    run.forward.verdict,
                    shown_beside(run.forward.rate, None if theory is None else theory.forward.rate),
                    run.backward.verdict,
                    shown_beside(run.backward.rate, None if theory is None else theory.backward.rate),
                    shown_beside(
                        run.measured.cosines[-1], None if theory is None else theory.layers.cosines[-1]
                    ),
                )
            )
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(n) for cell, n in zip(row, widths, strict=True)).rstrip() for row in rows
        ]
        return "\n".join([self.heading(), *lines, "(in brackets: what mean-field theory predicts)"])


def shown_layers(depth: int) -> list[int]:
    """Layers enough for a table: 0, the powers of two, and the last one."""
    return sorted({0, depth, *(2**i for i in range(depth.bit_length()))})


def shown_number(value: float | None) -> str:
    """Four digits; "-" for what is not defined."""
    return "-" if value is None or math.isnan(value) else f"{value:.4g}"


def shown_beside(measured: float, predicted: float | None) -> str:
    """What was measured, with what was predicted in brackets."""
    return (
        shown_number(measured)
        if predicted is None
        else f"{shown_number(measured)} ({shown_number(predicted)})"
    )


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(part) for part in value]
    return value
