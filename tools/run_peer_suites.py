"""Run the peers' own test suites through the drop-in namespaces, and write the table of docs/drop-in.md.

The suites of Keras and Haiku are installed with them. Those of PyTorch, JAX and TensorFlow are in their
sources: give a folder with checkouts of these releases, named ``pytorch``, ``jax`` and ``tensorflow``. The
suite of PyTorch needs the package ``expecttest``.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "drop-in.md"
START, END = "<!-- suites:start -->", "<!-- suites:end -->"


def main() -> None:
    """Run them, print what failed without a reason, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", type=Path, help="the folder with the checkouts")
    sources = parser.parse_args().sources.resolve()
    sys.path.insert(0, str(ROOT / "tests" / "compat"))
    suites = importlib.import_module("suites")
    lines = [
        "| suite | tests | pass as they are | pass through unifinit | the others |",
        "| --- | --- | --- | --- | --- |",
    ]
    broken = []
    for suite in suites.SUITES:
        paths = suite.paths(sources)
        if not paths:
            sys.exit(f"no tests of {suite.name} in {sources}; wanted {suite.checkout!r} with {suite.files}")
        with tempfile.TemporaryDirectory() as folder:
            theirs, ours = (
                suites.run(suite, paths, Path(folder) / str(changed), through_drop_in=changed)
                for changed in (False, True)
            )
        broken += [f"{suite.name}: {name}" for name in suites.unexpected(suite, ours)]
        count = len(theirs.passed | theirs.failed | theirs.skipped)
        reasons: dict[str, list[str]] = {}
        for name, reason in suite.failing.items():
            reasons.setdefault(reason, []).append(f"`{name}`")
        why = " ".join(f"{', '.join(tests)}: {reason}" for reason, tests in reasons.items())
        skipped = f" {len(theirs.skipped)} skip themselves." if theirs.skipped else ""
        lines.append(
            f"| {suite.name} | {count} | {len(theirs.passed)} | {len(ours.passed)} | {why}{skipped} |"
        )
        print(lines[-1], flush=True)
    names = {
        "torch": "torch",
        "keras": "keras",
        "jax": "jax",
        "haiku": "dm-haiku",
        "tensorflow": "tensorflow-cpu",
    }
    versions = ", ".join(f"{name} {importlib.metadata.version(package)}" for name, package in names.items())
    before, rest = PAGE.read_text("utf-8").split(START)
    table = "\n".join([before + START, "", *lines, "", f"Run with {versions}.", "", END + rest.split(END)[1]])
    PAGE.write_text(table, "utf-8")
    if broken:
        sys.exit("failing without a reason:\n" + "\n".join(broken))


if __name__ == "__main__":
    main()
