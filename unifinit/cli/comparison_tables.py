"""The tables of ``unifinit compare``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from unifinit.cli.comparison import GOLDEN, Comparison, Row, speedup
from unifinit.cli.jobs import Outcome
from unifinit.cli.tables import format_number, format_shape, new_console, new_table

if TYPE_CHECKING:
    from rich.table import Table

DIGITS = 12
"""How much of a digest is shown."""
NARROW = 98
"""Columns below which some facts are left out, rather than all of them cut short."""
STYLES = {
    "identical": "green",
    "refused": "green",
    "different": "bold red",
    "error": "bold red",
    "not compared": "yellow",
}
LABELS = {"different": "DIFFERENT"}


def show_comparison(found: Comparison) -> None:
    """The tables, the reasons and the closing line of ``unifinit compare``."""
    console = new_console()
    for note in found.notes:
        console.print(f"note: {note}", style="yellow")
    if found.mode == "golden":
        console.print(_golden_table(found))
        detailed = [row for row in found.rows if row.verdict in ("different", "error") or row.flags]
    else:
        detailed = found.rows
    if detailed:
        narrow = console.width < NARROW
        console.print(_bits_table(detailed, narrow))
        for dtype in dict.fromkeys(row.task.dtype for row in detailed if row.statistics):
            rows = [row for row in detailed if row.task.dtype == dtype]
            console.print(_statistics_table(rows, dtype, narrow))
    for line, names in _reasons(found).items():
        console.print(f"{line} [{_some(names)}]", style="yellow")
    console.print(_closing(found), style="bold green" if found.ok else "bold red")


def _bits_table(rows: Sequence[Row], narrow: bool) -> Table:
    """A section for each initializer and dtype, a line for each backend; a narrow one has no native times."""
    from rich.text import Text

    table = new_table("initializer", "verdict", "backend", "sha256")
    timed = any(outcome.seconds is not None for row in rows for outcome in row.results.values())
    for header in _unless(narrow, ["unifinit", "native", "speed"], 1) if timed else ():
        table.add_column(header, justify="right")
    for row in rows:
        verdict = row.verdict
        style = STYLES[verdict]
        task = row.task
        left = [Text(row.name, "bold"), Text(f"{task.dtype} {format_shape(task.shape)}", "dim")]
        if task.layout != "...IO":
            left.append(Text(f"layout {task.layout}", "dim"))
        lines = list(row.results.items())
        for number in range(max(len(left), len(lines))):
            label = left[number] if number < len(left) else ""
            shown = Text(LABELS.get(verdict, verdict), style) if number == 0 else ""
            if number < len(lines):
                backend, outcome = lines[number]
                times = _unless(narrow, _times(outcome), 1) if timed else ()
                table.add_row(label, shown, backend, _digest(outcome, style), *times)
            else:
                table.add_row(label, shown)
        table.add_section()
    return table


def _golden_table(found: Comparison) -> Table:
    """A line for each initializer and dtype, with how many rows of the golden table have each verdict."""
    from rich.text import Text

    table = new_table("initializer", "dtype")
    table.add_column("digests", justify="right")
    table.add_column("verdict")
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in found.rows:
        groups.setdefault((row.name, row.task.dtype), []).append(row)
    previous = None
    for (name, dtype), rows in sorted(groups.items()):
        counts: dict[str, int] = {}
        for row in rows:
            counts[row.verdict] = counts.get(row.verdict, 0) + 1
        verdict = Text()
        for kind, count in counts.items():
            text = LABELS.get(kind, kind) if len(counts) == 1 else f"{count} {LABELS.get(kind, kind)} "
            verdict.append(text, STYLES[kind])
        if name != previous:
            table.add_section()
        table.add_row(name if name != previous else "", dtype, str(len(rows)), verdict)
        previous = name
    return table


def _statistics_table(rows: Sequence[Row], dtype: str, narrow: bool) -> Table:
    """A line for each distinct digest in a dtype, next to the theory; a narrow one has no range."""
    table = new_table(f"statistics {dtype}")
    table.columns[0].no_wrap = True
    headers = ["mean", "theory", "σ", "stddev", "theory", "σ", "min", "max", "bounds"]
    for header in _unless(narrow, headers, 6, 7):
        table.add_column(header, justify="right", no_wrap=True)
    for row in rows:
        for digest, values in row.statistics.items():
            orthogonality = values["orthogonality"]
            bounded = values["expected_minimum"] is not None or values["expected_maximum"] is not None
            cells = [
                format_number(values["mean"], 3),
                format_number(values["expected_mean"], 3),
                _sigmas(values["mean_sigmas"]),
                format_number(values["stddev"], 4),
                format_number(values["expected_stddev"], 4),
                _sigmas(values["stddev_sigmas"]) if orthogonality is None else f"{orthogonality:.1f} eps",
                format_number(values["minimum"], 3),
                format_number(values["maximum"], 3),
                ("within" if bounded else "none") if values["within_bounds"] else "BEYOND",
            ]
            name = row.name if len(row.statistics) == 1 else f"{row.name} {digest[:6]}"
            style = "bold red" if values["flags"] else ""
            table.add_row(name, *_unless(narrow, cells, 6, 7), style=style)
    return table


def _reasons(found: Comparison) -> dict[str, list[str]]:
    """Each distinct reason, with the rows that have it."""
    lines: dict[str, list[str]] = {}
    for row in found.rows:
        label = f"{row.name} {row.task.dtype}"
        if row.verdict == "refused":
            reason = next(o.reason for o in row.results.values() if o.status == "refused")
            lines.setdefault(f"refused: {reason}", []).append(label)
        else:
            for backend, outcome in row.results.items():
                if outcome.status != "ok":
                    lines.setdefault(f"{backend}, {outcome.status}: {outcome.reason}", []).append(label)
        for flag in row.flags:
            lines.setdefault(f"statistics: {flag}", []).append(label)
    return lines


def _closing(found: Comparison) -> str:
    counts = found.counts
    others = {
        "refused alike": counts["refused"],
        "DIFFERENT": counts["different"],
        "with errors": counts["error"],
        "not compared": counts["not compared"],
        "with statistics beyond theory": counts["flagged"],
    }
    told = "".join(f", {count} {label}" for label, count in others.items() if count)
    where = ", ".join(str(participant) for participant in found.participants if participant.name != GOLDEN)
    if found.mode == "golden":
        where += " and in the golden digests"
    return f"{counts['identical']} of {len(found.rows)} identical{told} on {where}"


def _unless(narrow: bool, cells: Sequence[Any], *places: int) -> list[Any]:
    """The cells, without those at some places if the table is narrow."""
    return [cell for place, cell in enumerate(cells) if not (narrow and place in places)]


def _digest(outcome: Outcome, style: str) -> Any:
    from rich.text import Text

    if outcome.sha256 is None:
        return Text(outcome.status, "bold red" if outcome.status == "error" else "yellow")
    return Text(outcome.sha256[:DIGITS], style)


def _times(outcome: Outcome) -> tuple[str, str, Any]:
    from rich.text import Text

    factor = speedup(outcome)
    shown = "-" if factor is None else f"{factor:.2g}x" if factor < 10 else f"{factor:.0f}x"
    style = "" if factor is None else "green" if factor >= 1 else "yellow"
    return _time(outcome.seconds), _time(outcome.native_seconds), Text(shown, style)


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def _sigmas(value: float | None) -> str:
    return "-" if value is None else f"{value:+.1f}"


def _some(names: Sequence[str], most: int = 4) -> str:
    distinct = list(dict.fromkeys(names))
    rest = len(distinct) - most
    return ", ".join(distinct[:most]) + (f" and {rest} more" if rest > 0 else "")
