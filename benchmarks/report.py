"""The results as Markdown: all of them for a file, and a summary for the README."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks import peers
from benchmarks.results import FILE, Measurement, Memory, Results, Target

START, END = "<!-- benchmark:start -->", "<!-- benchmark:end -->"
MARKDOWN = "results.md"
SIZES_PLOT, LINEAR_PLOT = "sizes.svg", "linear.svg"
SHOWN = 2**24
"""Elements of the README's table, or the largest size below."""
MIB = 2**20
MOST_PARTS = 4
"""Of a target that are shown."""
UNSAID = (peers.HAS_NONE, peers.NOT_INSTALLED)


def save(results: Results, folder: Path) -> None:
    """Write the JSON and the Markdown file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (folder / MARKDOWN).write_text(full(results, folder), encoding="utf-8")


def read(folder: Path) -> Results:
    """The results that a run has left in a folder."""
    results: Results = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return results


def rewrite(readme: Path, results: Results, folder: Path) -> None:
    """Replace what stands between the markers of a README.

    Raises
    ------
    ValueError
        If the markers are not there.
    """
    replace(readme, (START, END), f"\n\n{summary(results, folder, readme.parent)}\n")


def replace(page: Path, marks: tuple[str, str], text: str) -> None:
    """Replace what is between two marks of a page.

    Raises
    ------
    ValueError
        If the marks are not there.
    """
    before, start, rest = page.read_text(encoding="utf-8").partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not start or not end:
        raise ValueError(
            f"{page} has no lines {' and '.join(marks)}; wanted both, around what is to be replaced"
        )
    page.write_text(before + start + text + end + after, encoding="utf-8")


def full(results: Results, folder: Path) -> str:
    """All results."""
    parts = ["# Benchmark results", machine(results)]
    if results.get("quick"):
        parts.append("**A quick run: it shows that the benchmarks work. The times mean nothing.**")
    if "targets" in results:
        parts += ["## Targets", _targets(results["targets"])]
    if "sizes" in results:
        parts += ["## Sizes", LEGEND]
        if (folder / SIZES_PLOT).exists():
            parts.append(f"![Time per element against the number of elements]({SIZES_PLOT})")
        parts += _by_initializer(results["sizes"])
    if "initializers" in results:
        shape = _size(results["initializers"][0]["shape"])
        parts += [f"## Initializers, {shape} float32", LEGEND, _times(results["initializers"], "initializer")]
    if "dtypes" in results:
        parts += [f"## Dtypes, {_size(results['dtypes'][0]['shape'])}", LEGEND]
        parts += _by_initializer(results["dtypes"], "dtype")
    if "memory" in results:
        parts += ["## Peak memory beyond the result", _memory(results["memory"])]
    if "linear" in results:
        rows = results["linear"]
        parts += [f"## Linear cost, {rows[0]['dtype']} in place", "Nanoseconds for each element."]
        if (folder / LINEAR_PLOT).exists():
            parts.append(f"![Time per element up to the largest arrays]({LINEAR_PLOT})")
        parts += _by_initializer(rows, "elements", per_element=True)
    parts += _absences(results)
    return "\n\n".join(parts) + "\n"


def summary(results: Results, folder: Path, base: Path) -> str:
    """The table of the README and the plot; paths are relative to ``base``."""

    def link(name: str) -> str:
        return Path(os.path.relpath(folder / name, base)).as_posix()

    if "sizes" not in results:
        raise ValueError(f"the results in {folder} have no sizes; wanted a run that measures them")
    elements = max(row["elements"] for row in results["sizes"] if row["elements"] <= SHOWN)
    rows = [row for row in results["sizes"] if row["elements"] == elements]
    initializers = [row["initializer"] for row in rows]
    names = [name for name in peers.TABLE if any(name in row["timings"] for row in rows)]
    body = [[_label(name), *(_cell(row, name) for row in rows)] for name in names]
    return "\n\n".join(
        [
            f"Time for a float32 array of shape {_size(rows[0]['shape'])}, in place where the library can "
            "and new elsewhere. In brackets: how many times that of unifinit on the same library.",
            table(["", *initializers], body),
            f"![Nanoseconds for each element against the number of elements]({link(SIZES_PLOT)})",
            machine(results),
            f"[All results]({link(MARKDOWN)}), and [how they are measured](benchmarks/README.md).",
        ]
    )


def machine(results: Results) -> str:
    """A sentence on where and with what a run was made."""
    facts = results["machine"]
    memory = f", {facts['memory_bytes'] / 2**30:.0f} GiB" if facts["memory_bytes"] else ""
    libraries = ", ".join(f"{name} {version}" for name, version in facts["libraries"].items())
    text = (
        f"{facts['date']}: {facts['processor']}, {facts['processors']} processors{memory}, "
        f"{facts['system']}, Python {facts['python']}; "
        f"unifinit {facts['unifinit']}: {_execution(facts['execution'])}; {libraries}."
    )
    if "memset" in results:
        overhead = results["memset"]["dispatch_seconds"] * 1e6
        text += f" memset in {facts['processors']} threads; to hand out its work takes {overhead:.0f} µs."
    missing = "; ".join(f"{name} {reason}" for name, reason in facts["missing"].items())
    return text + (f" Skipped: {missing}." if missing else "")


def _execution(paths: Mapping[str, str]) -> str:
    """How the backends compute, those that do the same named together."""
    users: dict[str, list[str]] = {}
    for name, path in paths.items():
        users.setdefault(path, []).append(name)
    return "; ".join(f"{path} on {', '.join(names)}" for path, names in users.items())


LEGEND = (
    "Medians. In brackets: how many times that of unifinit on the same library. unifinit on NumPy and torch, "
    "torch.nn.init, numpy.random.Generator and memset write in place; the others make a new array."
)


def _targets(targets: Iterable[Target]) -> str:
    rows = []
    for target in targets:
        bound, unit = target["bound"], target["unit"]
        wanted = "none set" if bound is None else f"{target['sense']} {number(bound)}{_unit(unit)}"
        measured = target["measured"]
        known = [(name, value) for name, value in target["parts"].items() if value is not None]
        known.sort(key=lambda part: part[1], reverse=target["sense"] != "at least")
        parts = [f"{name}: {number(value)}" for name, value in known[:MOST_PARTS]] if len(known) > 1 else []
        parts += ["..."] if len(known) > MOST_PARTS else []
        rows.append(
            [
                target["what"],
                wanted,
                "not measured" if measured is None else f"{number(measured)}{_unit(unit)}",
                {True: "yes", False: "**no**", None: "—"}[target["met"]],
                "; ".join([*parts, *filter(None, [target["note"]])]),
            ]
        )
    return table(["", "target", "measured", "met", "in detail, the worst first: it counts"], rows)


def _by_initializer(
    rows: Sequence[Measurement], key: str = "elements", *, per_element: bool = False
) -> list[str]:
    """A heading and a table for each initializer."""
    parts = []
    for initializer in dict.fromkeys(row["initializer"] for row in rows):
        chosen = [row for row in rows if row["initializer"] == initializer]
        parts += [f"### {initializer}", _times(chosen, key, per_element=per_element)]
    return parts


def _times(rows: Sequence[Measurement], key: str, *, per_element: bool = False) -> str:
    names = [name for name in peers.ALL if any(name in row["timings"] for row in rows)]
    body = [
        [_key(row, key), *(_per_element(row, name) if per_element else _cell(row, name) for name in names)]
        for row in rows
    ]
    return table([key, *names], body)


def _key(row: Measurement, key: str) -> str:
    if key == "elements":
        return f"2^{row['elements'].bit_length() - 1}"
    return row["dtype"] if key == "dtype" else row["initializer"]


def _cell(row: Measurement, name: str) -> str:
    """A time, and its ratio to that of unifinit on the same library."""
    timing, baseline = row["timings"].get(name), row["timings"].get(peers.ALL[name].baseline)
    if timing is None:
        return ""
    if baseline is None or baseline is timing:
        return duration(timing["seconds"])
    return f"{duration(timing['seconds'])} ({number(timing['seconds'] / baseline['seconds'])}×)"


def _per_element(row: Measurement, name: str) -> str:
    timing = row["timings"].get(name)
    return "" if timing is None else f"{timing['seconds'] / row['elements'] * 1e9:.3f}"


def _memory(rows: Sequence[Memory]) -> str:
    names = [name for name in peers.ALL if any(row["contender"] == name for row in rows)]
    body = []
    for initializer in dict.fromkeys(row["initializer"] for row in rows):
        chosen = {row["contender"]: row for row in rows if row["initializer"] == initializer}
        first = next(iter(chosen.values()))
        head = (
            f"{initializer} {_size(first['shape'])} {first['dtype']}, {first['result_bytes'] / MIB:.1f} MiB"
        )
        body.append([head, *(_mebibytes(chosen.get(name)) for name in names)])
    return table(["", *names], body)


def _mebibytes(row: Memory | None) -> str:
    if row is None:
        return ""
    return row["reason"] if row["extra_bytes"] is None else f"{row['extra_bytes'] / MIB:.1f} MiB"


def _absences(results: Results) -> list[str]:
    """Failures and sizes left out: what is empty in the tables, but for initializers that a library lacks."""
    reasons: dict[str, None] = {}
    measured = (
        results.get("sizes"),
        results.get("initializers"),
        results.get("dtypes"),
        results.get("linear"),
    )
    for row in (row for rows in measured if rows for row in rows):
        for name, reason in row["absent"].items():
            if reason not in UNSAID:
                reasons[f"- {name}, {row['initializer']} {_size(row['shape'])} {row['dtype']}: {reason}"] = (
                    None
                )
    for what, evidence in results.get("evidence", {}).items():
        for name, reason in evidence.get("absent", {}).items():
            if reason not in UNSAID:
                reasons[f"- {name}, {what}: {reason}"] = None
    return ["## Not measured", "\n".join(reasons)] if reasons else []


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _label(name: str) -> str:
    return f"**{name}**" if peers.ALL[name].baseline == name else name


def _size(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


def _unit(unit: str) -> str:
    return unit if unit in ("", "×") else f" {unit}"


def number(value: float) -> str:
    """Three significant digits, without an exponent."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def duration(seconds: float) -> str:
    """A time in the unit that suits it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{number(seconds / size)} {unit}"
    return f"{number(seconds * 1e9)} ns"
