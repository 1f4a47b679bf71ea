"""Pictures of one array: its values, and its singular values as a matrix."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

from unifinit.contents import OrthogonalMatrix
from unifinit.errors import ShapeError
from unifinit.key import Key
from unifinit.layout import Layout
from unifinit.plots.canvas import COLORS, DRAWN, MUTED, THEORY, new_figure, require_matplotlib, style
from unifinit.plots.sample import Sample, make_sample
from unifinit.plots.theory import density, marchenko_pastur

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FEW = 12
"""So many distinct values are shown one by one."""
MOST_BINS = 100
WIDTH, HEIGHT = 5.6, 4.0


def histogram_figure(
    initializer: Any,
    shape: object,
    dtype: object = "float32",
    *,
    layout: str | Layout | None = None,
    seed: SupportsIndex | Key | None = None,
    backend: Any = None,
) -> Figure:
    """The values of an array, beside the density from which they were drawn.

    Parameters
    ----------
    initializer : str, mapping or Initializer
        Whatever ``unifinit.get`` takes.
    shape, dtype, layout, backend
        As in a call of the initializer.
    seed : int or Key, optional
        By default the initializer's own seed, or else 0.

    Returns
    -------
    matplotlib.figure.Figure
        One that pyplot knows nothing of. ``save_figure`` writes it.

    Raises
    ------
    MissingMatplotlibError
        If matplotlib is not installed.
    ShapeError, LayoutError, SeedError, DtypeError, ArgumentError
        If an argument is wrong, or the array would have no elements, or infinite ones.
    """
    require_matplotlib()
    sample = make_sample(initializer, shape, dtype, layout=layout, seed=seed, backend=backend)
    return sample_figure(sample, spectrum=False)


def singular_values_figure(
    initializer: Any,
    shape: object,
    dtype: object = "float32",
    *,
    layout: str | Layout | None = None,
    seed: SupportsIndex | Key | None = None,
    backend: Any = None,
) -> Figure:
    """The singular values of an array, as a matrix whose columns are the outputs, beside theory.

    Theory is the law of Marchenko & Pastur (1967) for independent elements, and the gain for an
    orthogonal matrix. Arguments, result and errors are those of ``histogram_figure``; also a
    ``ShapeError`` for fewer than two axes.
    """
    require_matplotlib()
    sample = make_sample(initializer, shape, dtype, layout=layout, seed=seed, backend=backend)
    if sample.values.ndim < 2:
        raise ShapeError(
            f"shape {sample.description.shape} has {sample.values.ndim} axes; singular values want at least 2"
        )
    return sample_figure(sample, values=False, spectrum=True)


def initializer_figure(
    initializer: Any,
    shape: object,
    dtype: object = "float32",
    *,
    layout: str | Layout | None = None,
    seed: SupportsIndex | Key | None = None,
    backend: Any = None,
) -> Figure:
    """The values of an array and, from two axes on, its singular values.

    Arguments, result and errors are those of ``histogram_figure``.
    """
    require_matplotlib()
    sample = make_sample(initializer, shape, dtype, layout=layout, seed=seed, backend=backend)
    return sample_figure(sample)


def sample_figure(sample: Sample, *, values: bool = True, spectrum: bool | None = None) -> Figure:
    """The panels that are wanted, side by side; by default singular values only where there is a matrix."""
    spectrum = sample.values.ndim >= 2 if spectrum is None else spectrum
    with style():
        panels = [*([_draw_values] if values else []), *([_draw_singular_values] if spectrum else [])]
        figure = new_figure(WIDTH * len(panels), HEIGHT)
        figure.suptitle(sample.title())
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for draw, place in zip(panels, axes, strict=True):
            draw(place, sample)
        return figure


def _draw_values(axes: Axes, sample: Sample) -> None:
    values = sample.values.reshape(-1)
    count = f"{values.size:,} values" if values.size > 1 else "1 value"
    label = f"{count}: mean {np.mean(values):.4g}, stddev {np.std(values):.4g}"
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= FEW:
        bottom = np.zeros(len(distinct))
        axes.vlines(distinct, bottom, counts / values.size, color=DRAWN, linewidth=3.0, label=label)
        axes.plot(distinct, counts / values.size, "o", color=COLORS[0], markersize=6.0)
        axes.set(ylabel="fraction of the elements", ylim=(0, 1.05 * float(np.max(counts)) / values.size))
    else:
        bins = min(MOST_BINS, max(10, math.ceil(2 * values.size ** (1 / 3))))
        axes.hist(values, bins, density=True, color=DRAWN, edgecolor="white", linewidth=0.3, label=label)
        axes.set(ylabel="density")
    curve = density(sample.content)
    moments = sample.description.moments
    theory = f"mean {moments.mean:.4g}, stddev {moments.stddev:.4g}"
    if curve is not None:
        axes.plot(curve.x, curve.y, color=THEORY, label=f"{curve.label}: {theory}")
    else:
        axes.axvline(moments.mean, color=THEORY, linestyle="--", label=f"theory: {theory}")
        if moments.stddev > 0:
            ends = moments.mean - moments.stddev, moments.mean + moments.stddev
            axes.axvspan(*ends, color=THEORY, alpha=0.08, linewidth=0, zorder=0.5)
    axes.set(xlabel="value", title="Values")
    _leave_room(axes, above=0.28)
    axes.legend(loc="upper left")


def _draw_singular_values(axes: Axes, sample: Sample) -> None:
    matrix = sample.matrix
    rows, columns = matrix.shape
    found = np.linalg.svd(matrix, compute_uv=False)
    count = len(found)
    places = (np.arange(count) + 0.5) / count
    size = 5.0 if count <= 50 else 2.6
    axes.plot(places, found, "o", color=COLORS[0], markersize=size, label=f"{count} of {rows}×{columns}")
    moments = sample.description.moments
    spectrum = marchenko_pastur(sample.content, moments.stddev, rows, columns)
    if isinstance(sample.content, OrthogonalMatrix):
        gain = abs(sample.content.gain)
        axes.axhline(gain, color=THEORY, label=f"gain {gain:.4g}", zorder=3)
        axes.set(ylim=(0, 1.6 * max(gain, float(found[0])) or 1.0))
    elif spectrum is not None:
        fractions = np.linspace(1.0, 0.0, len(spectrum.quantiles))
        axes.plot(fractions, spectrum.quantiles, color=THEORY, label="Marchenko–Pastur law")
        edges = f"its edges: {spectrum.smallest:.4g} and {spectrum.largest:.4g}"
        for edge, label in ((spectrum.largest, edges), (spectrum.smallest, None)):
            axes.axhline(edge, color=MUTED, linestyle="--", linewidth=1.0, label=label)
        outlier = abs(moments.mean) * math.sqrt(rows * columns)
        if outlier > spectrum.largest:
            text = f"from the mean: {outlier:.4g}"
            axes.axhline(outlier, color=COLORS[2], linestyle=":", label=text)
    axes.set(
        xlabel="rank, from the largest to the smallest", ylabel="singular value", title="Singular values"
    )
    axes.set(xlim=(-0.02, 1.02))
    axes.set_ylim(bottom=-0.02 * axes.get_ylim()[1])  # Zeros are seen too.
    _leave_room(axes, above=0.32)
    axes.legend(loc="upper right")


def _leave_room(axes: Axes, above: float) -> None:
    """For a legend that hides nothing."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + above * (high - low))
