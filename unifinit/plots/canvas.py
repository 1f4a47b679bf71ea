"""Figures without a display, and files that are equal for equal figures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unifinit.errors import ArgumentError, UnifinitError, or_list

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Those of Okabe & Ito, which the colour-blind can tell apart."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
THEORY = "#D55E00"
DRAWN = "#7FB8D8"
MUTED = "#555555"

METADATA: dict[str, dict[str, str | None]] = {
    ".png": {"Software": None},
    ".svg": {"Creator": "unifinit", "Date": None},
}
"""By suffix: what would differ between versions of Matplotlib and from day to day is left out."""

SETTINGS: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#888888",
    "axes.grid": True,
    "axes.labelsize": 9.0,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10.0,
    "figure.dpi": 144.0,
    "figure.titlesize": 11.0,
    "font.size": 9.0,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "legend.fontsize": 8.5,
    "legend.edgecolor": "none",
    "legend.framealpha": 0.9,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.0,
    "svg.fonttype": "path",
    "svg.hashsalt": "unifinit",
}
"""The last one makes the names in an SVG a function of the picture."""


class MissingMatplotlibError(UnifinitError, ImportError):
    """The package matplotlib is not installed."""


class PictureError(UnifinitError, OSError):
    """A picture cannot be written."""


def require_matplotlib() -> None:
    """Do nothing if pictures can be drawn.

    Raises
    ------
    MissingMatplotlibError
        If they cannot.
    """
    if find_spec("matplotlib") is None:
        raise MissingMatplotlibError(
            'pictures need the package matplotlib, which is not installed: pip install "unifinit[plot]"'
        )


@contextmanager
def style() -> Iterator[None]:
    """Settings that do not depend on the user's own; they are Matplotlib's, and so those of all threads."""
    require_matplotlib()
    import matplotlib as mpl
    from matplotlib.style import context

    with context("default"), mpl.rc_context(SETTINGS):
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, that pyplot knows nothing of."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def check_path(path: str | os.PathLike[str]) -> Path:
    """A path to which a picture can be written, as far as its name tells.

    Raises
    ------
    ArgumentError
        If its suffix is neither ".png" nor ".svg".
    PictureError
        If its folder does not exist.
    """
    found = Path(path)
    if found.suffix.lower() not in METADATA:
        raise ArgumentError(
            f"cannot write a picture to {str(path)!r}; wanted a name that ends in one of {or_list(METADATA)}"
        )
    if not found.parent.is_dir():
        raise PictureError(
            f"cannot write a picture to {str(path)!r}: there is no folder {str(found.parent)!r}; "
            "create it first"
        )
    return found


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure to a PNG or SVG file; equal figures become equal files.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        One of this package's, or any other.
    path : str or path
        Its suffix, ".png" or ".svg", decides the format.

    Returns
    -------
    Path
        ``path``.

    Raises
    ------
    ArgumentError
        If the suffix is another.
    PictureError
        If the file cannot be written.
    """
    found = check_path(path)
    suffix = found.suffix.lower()
    with style():
        try:
            figure.savefig(found, format=suffix[1:], metadata=METADATA[suffix])
        except OSError as error:
            raise PictureError(
                f"cannot write a picture to {str(path)!r}: {error.strerror or error}; "
                "wanted a file that can be written"
            ) from error
    return found
