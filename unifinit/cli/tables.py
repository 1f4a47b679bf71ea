"""Tables and the progress bar, by rich, which is imported only when something is shown."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from unifinit.errors import MissingPackageError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

WIDTH = 100
"""Columns where there is no terminal."""
STATE_STYLES = {"installed": "green", "broken": "bold red", "missing": "yellow", "disabled": "yellow"}


def require_rich() -> None:
    """Do nothing if tables can be shown.

    Raises
    ------
    MissingPackageError
        If they cannot.
    """
    if find_spec("rich") is None:
        raise MissingPackageError(
            'tables need the package rich, which is not installed: pip install "unifinit[cli]", or use --json'
        )


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on stderr, if that is a terminal, as a function of what is at work, done and total."""
    if not sys.stderr.isatty() or find_spec("rich") is None:
        yield lambda _label, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("")
        yield lambda label, done, total: bar.update(task, description=label, completed=done, total=total)


@contextmanager
def bytes_progress() -> Iterator[Callable[[int, int], None] | None]:
    """The same for bytes done and in total, with the time that is left; None if nothing is shown."""
    if not sys.stderr.isatty() or find_spec("rich") is None:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def show_initializers(listed: Sequence[Mapping[str, Any]]) -> None:
    """The table of ``unifinit list``."""
    table = new_table("initializer", "what it draws", "hyperparameters")
    table.columns[2].max_width = 28  # Or the summaries would be broken for them.
    for entry in listed:
        parameters = ", ".join(
            name if name in entry["required"] else f"{name}={default!r}"
            for name, default in entry["hyperparameters"].items()
        )
        table.add_row(entry["name"], entry["summary"], parameters)
    new_console().print(table)


def show_description(described: Mapping[str, Any]) -> None:
    """The table of ``unifinit describe``."""
    table = new_table(described["name"], described["summary"])
    config = ", ".join(f"{name}={value!r}" for name, value in described["config"].items())
    ends = (described["minimum"], described["maximum"])
    bounds = "none" if ends == (None, None) else f"{_end(ends[0], '-')} to {_end(ends[1], '')}"
    for label, text in {
        "hyperparameters": config or "none",
        "shape": format_shape(described["shape"]),
        "layout": described["layout"],
        "dtype": described["dtype"],
        "fan in": described["fan_in"],
        "fan out": described["fan_out"],
        "elements": described["content"],
        "mean": format_number(described["mean"], 8),
        "stddev": _stddev(described),
        "bounds": bounds,
        "expected norm": format_number(described["expected_norm"], 8),
        "draws": f"{described['blocks']} blocks of the stream",
    }.items():
        table.add_row(label, str(text))
    console = new_console()
    console.print(table)
    if described["peers"]:
        console.print(_peers_table(described["peers"]))


def _stddev(described: Mapping[str, Any]) -> str:
    found, before = described["stddev"], described["untruncated_stddev"]
    text = format_number(found, 8)
    return text if found == before else f"{text} ({format_number(before, 8)} before truncation)"


def _peers_table(peers: Sequence[Mapping[str, Any]]) -> Table:
    """What the initializers of the same name in other libraries draw for this shape."""
    table = new_table("in other libraries", "fans", "stddev", "bounds", "what differs")
    for peer in peers:
        name = f"{peer['framework']}: {peer['name'].rpartition('.')[2]}"
        fans = "-" if peer["fan_in"] is None else f"{peer['fan_in']:g}, {peer['fan_out']:g}"
        note = "nothing" if peer["same"] else peer["note"] or "the values"
        bounds = _short_bounds(peer["minimum"], peer["maximum"])
        table.add_row(name, fans, format_number(peer["stddev"], 6), bounds, note)
    for column in table.columns[:4]:
        column.no_wrap = True
    return table


def _short_bounds(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return "none"
    if low is not None and high is not None and low == -high:
        return f"±{format_number(high, 6)}"
    return f"{_end(low, '-')} to {_end(high, '')}"


def show_backends(found: Sequence[Mapping[str, Any]]) -> None:
    """The table of ``unifinit backends``."""
    from rich.text import Text

    table = new_table("backend", "state", "version", "what draws in host memory, or what to know")
    for entry in found:
        state = Text(entry["state"], STATE_STYLES[entry["state"]])
        table.add_row(entry["name"], state, entry["version"] or "-", entry["detail"] or entry["execution"])
    new_console().print(table)


def format_number(value: Any, digits: int) -> str:
    """A number with some digits; "-" for None."""
    return "-" if value is None else f"{value:.{digits}g}"


def _end(value: float | None, sign: str) -> str:
    return f"{sign}infinity" if value is None else format_number(value, 8)


def format_shape(shape: Sequence[int]) -> str:
    """A shape as ``3x4``."""
    return "x".join(map(str, shape)) or "scalar"


def new_table(*headers: str) -> Table:
    """An empty table."""
    require_rich()
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for header in headers:
        table.add_column(header)
    return table


def new_console() -> Console:
    """Where tables are shown: stdout."""
    require_rich()
    from rich.console import Console

    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that lacks a sign is no reason to fail.
        sys.stdout.reconfigure(errors="replace")
    fixed = None if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDTH
    return Console(width=fixed, highlight=False, markup=False, emoji=False)
