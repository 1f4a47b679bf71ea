"""The plots, by Matplotlib, which only this module needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import peers
from benchmarks.report import LINEAR_PLOT, SIZES_PLOT
from benchmarks.results import Measurement, Results

UNIFINIT, PYTORCH, TENSORFLOW, JAX, NUMPY = "#1f4e9c", "#e4572e", "#e6a400", "#2a9d57", "#8e5bb5"
STYLES: dict[str, dict[str, Any]] = {
    peers.IN_TORCH: {"color": UNIFINIT, "marker": "o"},
    peers.IN_NUMPY: {"color": UNIFINIT, "marker": "s", "markerfacecolor": "white"},
    peers.ON_TENSORFLOW: {"color": UNIFINIT, "marker": "^", "linestyle": "--"},
    peers.ON_JAX: {"color": UNIFINIT, "marker": "v", "linestyle": "--", "markerfacecolor": "white"},
    peers.TORCH: {"color": PYTORCH},
    peers.JITTED: {"color": JAX},
    peers.NOT_JITTED: {"color": JAX, "linestyle": "--"},
    peers.KERAS: {"color": TENSORFLOW},
    peers.TENSORFLOW1: {"color": TENSORFLOW, "linestyle": "--"},
    peers.GENERATOR: {"color": NUMPY},
    peers.MEMSET: {"color": "black", "linestyle": ":"},
}
TITLES = {
    "GlorotUniform": "Uniform (GlorotUniform)",
    "RandomNormal": "Normal (RandomNormal)",
    "TruncatedNormal": "Truncated normal (TruncatedNormal)",
}
SETTINGS: Any = {
    "svg.hashsalt": "unifinit",
    "svg.fonttype": "path",
    "font.size": 9.0,
    "lines.markersize": 4.0,
}
"""The first makes equal results equal files."""


def draw(results: Results, folder: Path) -> list[Path]:
    """Write a plot for each part that has one.

    Raises
    ------
    RuntimeError
        If there is no Matplotlib.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise RuntimeError("plots need matplotlib: pip install matplotlib, or --group bench") from error
    mpl.use("svg")  # Needs no display.
    written = []
    with mpl.rc_context(SETTINGS):
        for part, file in (("sizes", SIZES_PLOT), ("linear", LINEAR_PLOT)):
            if part in results:
                rows = results["sizes"] if part == "sizes" else results["linear"]
                _figure(rows, folder / file, logarithmic=part == "sizes")
                written.append(folder / file)
    return written


def _figure(rows: Sequence[Measurement], path: Path, *, logarithmic: bool) -> None:
    """A panel for each initializer, nanoseconds for each element against the number of elements."""
    import matplotlib.pyplot as plt

    initializers = list(dict.fromkeys(row["initializer"] for row in rows))
    names = [name for name in STYLES if any(name in row["timings"] for row in rows)]
    figure, axes = plt.subplots(
        1,
        len(initializers),
        figsize=(4 * len(initializers), 4.6),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for panel, initializer in zip(axes[0], initializers, strict=True):
        for name in names:
            points = [
                (row["elements"], row["timings"][name]["seconds"] / row["elements"] * 1e9)
                for row in rows
                if row["initializer"] == initializer and name in row["timings"]
            ]
            if points:
                panel.plot(*zip(*points, strict=True), label=name, **STYLES[name])
        panel.set_xscale("log", base=2)
        if logarithmic:
            panel.set_yscale("log")
        panel.set_title(TITLES.get(initializer, initializer))
        panel.set_xlabel(f"elements, {rows[0]['dtype']}")
        panel.grid(visible=True, color="#dddddd", linewidth=0.6)
    if not logarithmic:
        axes[0][0].set_ylim(bottom=0)
    axes[0][0].set_ylabel("nanoseconds for each element")
    # A contender may be missing from a panel, as NumPy has no truncated normal.
    entries = {
        label: line
        for panel in axes[0]
        for line, label in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    shown = [name for name in names if name in entries]
    figure.legend(
        [entries[name] for name in shown], shown, loc="outside lower center", ncols=4, frameon=False
    )
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
