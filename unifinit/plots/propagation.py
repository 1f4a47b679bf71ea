"""The picture of a probe: three panels with a curve for each initializer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from unifinit.plots.canvas import COLORS, MARKERS, MUTED, new_figure, style
from unifinit.propagation.activations import Numbers
from unifinit.propagation.network import Layers
from unifinit.propagation.results import Probe, Propagation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKED = 24
"""At most so many layers have a marker."""
LEAST, MOST = 1e-270, 1e270
"""What is beyond is left out of logarithmic axes, whose margins would leave the range of float64."""


def propagation_figure(result: Probe) -> Figure:
    """Activations, cosines and gradients in each layer: markers are measured, lines are mean-field theory.

    Parameters
    ----------
    result : Probe
        What ``unifinit.probe`` returned.

    Returns
    -------
    matplotlib.figure.Figure
        One that pyplot knows nothing of. ``save_figure`` writes it.

    Raises
    ------
    MissingMatplotlibError
        If matplotlib is not installed.
    """
    panels: list[tuple[str, str, Callable[[Layers], Sequence[float]]]] = [
        ("Signal, forward", "mean square of activations", lambda layers: layers.activations),
        ("Similarity, forward", "cosine of two inputs' activations", lambda layers: layers.cosines),
        ("Gradient, backward", "mean square, relative to the last layer", lambda layers: layers.gradients),
    ]
    with style():
        from matplotlib.lines import Line2D

        legend_rows = math.ceil((len(result.runs) + 2) / 3)
        figure = new_figure(12.0, 3.9 + 0.2 * legend_rows)
        figure.suptitle(_title(result))
        for axes, (title, label, part) in zip(figure.subplots(1, 3), panels, strict=True):
            logarithmic = label.startswith("mean square")
            for number, run in enumerate(result.runs):
                _draw(axes, run, part, number, logarithmic=logarithmic)
            axes.set(title=title, xlabel="layer (0: inputs)", ylabel=label)
            axes.set_xlim(-0.02 * result.depth, 1.02 * result.depth)
            axes.xaxis.get_major_locator().set_params(integer=True)
            if logarithmic:
                axes.set_yscale("log")
                _widen(axes)
            else:
                low, high = axes.get_ylim()
                axes.set_ylim(min(low, -0.02), max(high, 1.05))
        handles = [
            Line2D([], [], color=_color(number), marker=_marker(number), label=_label(run))
            for number, run in enumerate(result.runs)
        ]
        handles.append(Line2D([], [], color=MUTED, marker="o", linestyle="none", label="measured"))
        if any(run.theory is not None for run in result.runs):
            handles.append(Line2D([], [], color=MUTED, label="mean-field theory"))
        figure.legend(handles=handles, loc="outside lower center", ncols=min(3, len(handles)))
        return figure


def _draw(
    axes: Axes,
    run: Propagation,
    part: Callable[[Layers], Sequence[float]],
    number: int,
    *,
    logarithmic: bool,
) -> None:
    measured = _shown(part(run.measured), logarithmic)
    step = math.ceil(len(measured) / MARKED)
    places = np.arange(0, len(measured), step)
    if run.theory is not None:
        axes.plot(
            _shown(part(run.theory.layers), logarithmic), color=_color(number), linewidth=1.4, alpha=0.85
        )
    else:  # A line all the same, or an order of the markers would be hard to see.
        axes.plot(measured, color=_color(number), linewidth=0.6, linestyle=":")
    axes.plot(places, measured[places], _marker(number), color=_color(number), markeredgecolor="white")
    axes.lines[-1].set_markeredgewidth(0.4)


def _shown(values: Sequence[float], logarithmic: bool) -> Numbers:
    """Values with gaps where the axis cannot show them."""
    numbers = np.array(values)
    return np.where((numbers > LEAST) & (numbers < MOST) if logarithmic else True, numbers, np.nan)


def _widen(axes: Axes) -> None:
    """At least two decades, so that chance does not look like a trend."""
    low, high = axes.get_ylim()
    missing = 2 - math.log10(high / low)
    if missing > 0:
        axes.set_ylim(low * 10 ** (-missing / 2), high * 10 ** (missing / 2))


def _color(number: int) -> str:
    return COLORS[number % len(COLORS)]


def _marker(number: int) -> str:
    return MARKERS[number % len(MARKERS)]


def _label(run: Propagation) -> str:
    """The initializer, and what its curves do not show."""
    overflow = [layer for layer, x in enumerate(run.measured.activations) if math.isinf(x)]
    name = repr(run.initializer)
    return f"{name}, overflows in layer {overflow[0]}" if overflow else name


def _title(result: Probe) -> str:
    layer = "φ(x W + b)" if result.bias_variance else "φ(x W)"
    if result.residual is not None:
        layer = f"x + {result.residual:g} {layer}"
    bias = f", bias variance {result.bias_variance:g}" if result.bias_variance else ""
    size = f"{result.depth} layers {layer} of width {result.width}"
    return f"Signal propagation: {size}, φ = {result.activation}{bias}"
