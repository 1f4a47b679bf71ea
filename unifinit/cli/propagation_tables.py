"""The tables of ``unifinit probe``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unifinit.cli.tables import new_console, new_table
from unifinit.propagation import Probe, Propagation
from unifinit.propagation.results import shown_beside, shown_layers, shown_number
from unifinit.propagation.trends import Trend

if TYPE_CHECKING:
    from rich.table import Table

STYLES = {"stable": "green", "exploding": "bold red", "vanishing": "yellow", "undefined": "bold red"}


def show_probe(found: Probe) -> None:
    """A summary, then signals in some of the layers."""
    console = new_console()
    console.print(found.heading(), style="bold")
    console.print(_summary(found))
    console.print(_theory(found))
    console.print(_layers(found))
    console.print("forward and backward: factor per layer. In brackets: what mean-field theory predicts.")


def _summary(found: Probe) -> Table:
    from rich.text import Text

    table = new_table("initializer", "forward", "", "backward", "")
    for run in found.runs:
        theory = run.theory
        cells: list[Text | str] = []
        trends: list[tuple[Trend, Trend | None]] = [
            (run.forward, None if theory is None else theory.forward),
            (run.backward, None if theory is None else theory.backward),
        ]
        for measured, predicted in trends:
            cells.append(Text(measured.verdict, STYLES[measured.verdict]))
            cells.append(shown_beside(measured.rate, None if predicted is None else predicted.rate))
        table.add_row(repr(run.initializer), *cells)
    return table


def _theory(found: Probe) -> Table:
    """What theory says of deep networks."""
    table = new_table("in the limit of depth", "σ_w²", "q*", "c*", "χ", "phase", "ξ_q", "ξ_c")
    for run in found.runs:
        if run.theory is None:
            table.add_row(repr(run.initializer), "-", "-", "-", "-", "no theory: the mean is not 0", "-", "-")
            continue
        limit = run.theory.limit
        table.add_row(
            repr(run.initializer),
            shown_number(run.theory.weight_variance),
            *map(shown_number, (limit.variance, limit.cosine, limit.chi)),
            limit.phase or "-",
            *map(shown_number, (limit.variance_scale, limit.cosine_scale)),
        )
    return table


def _layers(found: Probe) -> Table:
    table = new_table("initializer", "layer")
    for header in ("mean square", "cosine", "gradient"):
        table.add_column(header, justify="right")
    for run in found.runs:
        name = repr(run.initializer)
        for layer in shown_layers(found.depth):
            table.add_row(name, str(layer), *_cells(run, layer))
            name = ""
        table.add_section()
    return table


def _cells(run: Propagation, layer: int) -> list[str]:
    measured = run.measured.activations, run.measured.cosines, run.measured.gradients
    if run.theory is None:
        return [shown_number(values[layer]) for values in measured]
    layers = run.theory.layers
    predicted = layers.activations, layers.cosines, layers.gradients
    return [
        shown_beside(values[layer], theory[layer]) for values, theory in zip(measured, predicted, strict=True)
    ]
