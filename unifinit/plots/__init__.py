"""Pictures of initializers and of signal propagation, by Matplotlib, which is imported when one is drawn."""

from unifinit.plots.canvas import MissingMatplotlibError, PictureError, save_figure
from unifinit.plots.initializer import histogram_figure, initializer_figure, singular_values_figure
from unifinit.plots.propagation import propagation_figure

__all__ = [
    "MissingMatplotlibError",
    "PictureError",
    "histogram_figure",
    "initializer_figure",
    "propagation_figure",
    "save_figure",
    "singular_values_figure",
]
