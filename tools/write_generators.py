"""Draw every pair of a framework's initializer and ours with one generator, and write docs/generators.md."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "generators.md"
START, END = "<!-- pairs:start -->", "<!-- pairs:end -->"


def main() -> None:
    """Write the tables."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.path.insert(0, str(ROOT / "tests" / "generators"))
    pairs = importlib.import_module("pairs")
    tables = []
    for library, title in (
        ("torch", "PyTorch"),
        ("jax", "JAX"),
        ("tensorflow", "TensorFlow"),
        ("numpy", "NumPy"),
    ):
        rows = [pair for pair in pairs.PAIRS if pair.library == library]
        tables += [f"### {title}", "", "| the framework's own | with `generator=` | values | equal |"]
        tables += ["| --- | --- | --- | --- |"]
        for pair in rows:
            count, equal = pairs.compared(pair)
            tables.append(f"| `{pair.theirs}` | `{pair.ours}` | {count:,} | {equal:,} |")
        tables.append("")
    before, rest = PAGE.read_text("utf-8").split(START)
    after = rest.split(END)[1]
    PAGE.write_text("\n".join([before + START, "", *tables, END + after]), "utf-8")
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
