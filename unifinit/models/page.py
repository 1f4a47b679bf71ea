"""A page of HTML that shows what a model is to hold, for a person to look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from unifinit.models.rows import Row

Numbers: TypeAlias = npt.NDArray[Any]

BINS = 48
WIDTH, HEIGHT = 192, 40

STYLE = """\
:root { color-scheme: light dark; --line: #8884; --bar: #3b7dd8; --muted: #777; }
body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 110rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0 0 .3rem; }
p { margin: .2rem 0 1rem; color: var(--muted); }
code { font: 12px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
input { font: inherit; padding: .35rem .6rem; width: 24rem; max-width: 100%; margin-bottom: .8rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line); }
th { position: sticky; top: 0; background: Canvas; white-space: nowrap; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.path { min-width: 14rem; }
svg { display: block; }
svg rect { fill: var(--bar); }
svg path { stroke: var(--line); fill: none; }
svg text { font-size: 9px; fill: var(--muted); }
"""

SCRIPT = """\
document.getElementById("filter").addEventListener("input", function () {
  var wanted = this.value.toLowerCase();
  document.querySelectorAll("tbody tr").forEach(function (row) {
    row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
});
"""

COLUMNS = ("path", "shape", "layer, layout", "fans", "initializer", "mean", "std", "size", "first elements")


def page(
    title: str, rows: Sequence[Row], samples: Iterable[Numbers | None], fingerprint: str
) -> Iterator[str]:
    """The text of the page, piece by piece.

    Parameters
    ----------
    title
        What stands above the table.
    rows
        The parameters.
    samples
        For each some of its elements, or None.
    fingerprint
        Of the start.
    """
    name = escape(title or "Initial parameters")
    yield (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>\n{STYLE}</style></head><body>\n<h1>{name}</h1>\n"
        f"<p>{len(rows):,} parameters, {sum(row.size for row in rows):,} elements. "
        f"Fingerprint <code>{escape(fingerprint)}</code></p>\n"
        '<input id="filter" type="search" placeholder="Filter, such as attention" aria-label="Filter">\n'
        '<div class="scroll"><table><thead><tr>'
    )
    yield "".join(f"<th>{column}</th>" for column in COLUMNS) + "</tr></thead><tbody>\n"
    for row, values in zip(rows, samples, strict=True):
        yield _table_row(row, values)
    yield f"</tbody></table></div>\n<script>\n{SCRIPT}</script></body></html>\n"


def _table_row(row: Row, values: Numbers | None) -> str:
    other = "" if row.name == row.path else f"<br><code>{escape(row.name)}</code>"
    mean, stddev = ("-" if value is None else f"{value:.5g}" for value in (row.mean, row.stddev))
    cells = (
        f'<td class="path"><strong>{escape(row.path)}</strong>{other}</td>',
        f"<td>{' × '.join(map(str, row.shape)) or 'scalar'}<br>{row.dtype}</td>",
        f"<td>{escape(row.layer) or '-'}<br><code>{escape(row.layout)}</code></td>",
        f'<td class="number">{row.fan_in:g}<br>{row.fan_out:g}</td>',
        f"<td><code>{escape(row.initializer)}</code></td>",
        f'<td class="number">{mean}</td>',
        f'<td class="number">{stddev}</td>',
        f'<td class="number">{row.size:,}</td>',
        f"<td>{'-' if values is None else histogram(values)}</td>",
    )
    return f"<tr>{''.join(cells)}</tr>\n"


def histogram(values: Numbers) -> str:
    """A picture of numbers as SVG, with the ends of their range below."""
    numbers = values[np.isfinite(values)]
    if not numbers.size:
        return "no finite numbers"
    low, high = float(numbers.min()), float(numbers.max())
    if low == high:
        return f"all {low:.5g}"
    # NumPy's own function wants bins with distinct ends, and a range that does not overflow.
    scale = 1.0 if np.isfinite(high - low) else 0.5
    places = (numbers * scale - low * scale) / (high * scale - low * scale)
    counts = np.bincount(np.minimum((places * BINS).astype(np.int64), BINS - 1), minlength=BINS)
    width = WIDTH / BINS
    heights = counts / counts.max() * HEIGHT
    bars = "".join(
        f'<rect x="{number * width:.1f}" y="{HEIGHT - height:.1f}" width="{width - 0.5:.1f}" '
        f'height="{height:.1f}"/>'
        for number, height in enumerate(heights)
        if height
    )
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT + 12}" role="img" '
        f'aria-label="from {low:.4g} to {high:.4g}">{bars}'
        f'<path d="M0 {HEIGHT}.5H{WIDTH}"/><text x="0" y="{HEIGHT + 10}">{low:.4g}</text>'
        f'<text x="{WIDTH}" y="{HEIGHT + 10}" text-anchor="end">{high:.4g}</text></svg>'
    )
