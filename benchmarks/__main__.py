"""The command ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import perf_counter

from benchmarks import libraries, machine, memory, plot, report, sweeps
from benchmarks.cases import FULL, QUICK, ROOT, Scale
from benchmarks.memset import processors
from benchmarks.results import FILE, Results
from benchmarks.targets import Targets, memset_overhead

PARTS = ("targets", "sizes", "initializers", "dtypes", "memory", "linear")
REPORT = "report"
OUTPUT = ROOT / "benchmarks" / "results"
QUICK_OUTPUT = ROOT / "build" / "benchmarks"
README = ROOT / "README.md"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the result is its exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Time unifinit and its peers.")
    parser.add_argument(
        "parts",
        nargs="*",
        metavar="PART",
        help=f"what to run: {', '.join(PARTS)}; by default all. 'report' runs nothing and writes the tables "
        "and plots of an earlier run anew",
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that everything works")
    parser.add_argument(
        "--output",
        type=Path,
        help=f"where to write; by default {_shown(OUTPUT)}, or {_shown(QUICK_OUTPUT)} if quick",
    )
    parser.add_argument("--readme", action="store_true", help="put table and plot into README.md")
    options = parser.parse_args(arguments)

    parts: list[str] = options.parts or list(PARTS)
    unknown = [part for part in parts if part not in (*PARTS, REPORT)]
    if unknown:
        parser.error(f"no part {unknown[0]!r}; wanted one of {', '.join((*PARTS, REPORT))}")
    if REPORT in parts and len(parts) > 1:
        parser.error("'report' goes with no other part")
    if options.readme and options.quick:
        parser.error("--readme shows times, and those of --quick mean nothing; wanted one of the two")
    if options.readme and not {"sizes", REPORT} & set(parts):
        parser.error("--readme shows the part 'sizes'; wanted it among the parts")
    folder: Path = options.output or (QUICK_OUTPUT if options.quick else OUTPUT)

    if REPORT in parts:
        if not (folder / FILE).exists():
            parser.error(f"{folder} has no {FILE}; wanted the output of an earlier run")
        results = report.read(folder)
    else:
        results = run(parts, QUICK if options.quick else FULL)
        results["quick"] = options.quick
        report.save(results, folder)  # Before anything else can fail.
    try:
        plot.draw(results, folder)
    except RuntimeError as error:
        print(error, file=sys.stderr)
    report.save(results, folder)
    print(f"wrote {folder}")
    if options.readme:
        report.rewrite(README, results, folder)
        print(f"wrote {README}")
    return 0


def run(parts: list[str], scale: Scale) -> Results:
    """Measure."""
    start = perf_counter()
    for name in libraries.NAMES:
        if reason := libraries.missing(name):
            print(f"skipping {name}: {reason}", file=sys.stderr)
    results: Results = {
        "machine": machine.describe(),
        "memset": {"threads": processors(), "dispatch_seconds": memset_overhead(scale)},
    }
    if "memory" in parts or "targets" in parts:
        results["memory"] = memory.run(scale)
    if "targets" in parts:
        targets = Targets(scale, results["memory"])
        results["targets"], results["evidence"] = targets.rows, targets.evidence
    if "sizes" in parts:
        results["sizes"] = sweeps.sizes(scale)
    if "initializers" in parts:
        results["initializers"] = sweeps.initializers(scale)
    if "dtypes" in parts:
        results["dtypes"] = sweeps.dtypes(scale)
    if "linear" in parts:
        results["linear"] = sweeps.linear(scale)
    results["seconds"] = round(perf_counter() - start, 1)
    return results


def _shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


if __name__ == "__main__":
    sys.exit(main())
