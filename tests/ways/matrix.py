"""The page ``docs/ways.md``: for each way and each initializer, whether it gives the same bits."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from ways import CASES, Way

PAGE = Path(__file__).parents[2] / "docs" / "ways.md"
TITLES = {
    "numpy": "NumPy",
    "torch": "PyTorch",
    "torch_distributed": "PyTorch, several processes",
    "tensorflow": "TensorFlow",
    "jax": "JAX",
    "dask": "dask",
}
FRAMEWORKS = {"torch_distributed": "torch"}
"""What a module imports, if that is not its own name."""
SAME = "="

HEAD = """# The same bits in every way

One call of every initializer, and of every function of `unifinit.random`, in each way that there is to run
it, next to the same call on NumPy, byte for byte. `=` says that all bytes are equal; a number refers to the
reason below the table why there is no result. No way gives other bytes. The tests run all of this again and
compare what they find with this page, which
`python tools/write_ways.py` writes.
"""


class WayOf(NamedTuple):
    """A way, where it is from, and what it cannot do."""

    module: str
    name: str
    run: Way
    exceptions: Mapping[str, str]

    def outcomes(self) -> dict[str, str]:
        """For each class ``SAME``, or the documented reason why there is nothing.

        Raises
        ------
        AssertionError
            If the bytes differ, or if it fails, or succeeds, against what is documented.
        """
        found, wrong = {}, []
        results = self.run(CASES)
        assert len(results) == len(CASES)
        for case, result in zip(CASES, results, strict=True):
            reason = self.exceptions.get(case.name, self.exceptions.get("*"))
            if isinstance(result, Exception):
                if reason is None:
                    wrong.append(f"{case.name} raised {type(result).__name__}: {result}")
            elif result != case.expected():
                wrong.append(f"{case.name} has other bytes")
            elif reason is not None:
                wrong.append(f"{case.name} works, although it is documented that it cannot: {reason}")
            found[case.name] = SAME if reason is None else reason
        assert not wrong, f"{self.name}: " + "\n".join(wrong)
        return found


def ways() -> Iterator[WayOf]:
    """All ways whose frameworks are installed."""
    for module in TITLES:
        if importlib.util.find_spec(FRAMEWORKS.get(module, module)) is None:
            continue
        loaded = importlib.import_module(f"ways_{module}")
        for name, run in loaded.WAYS.items():
            reasons = {cls: reason for (way, cls), reason in loaded.EXCEPTIONS.items() if way == name}
            yield WayOf(module, name, run, reasons)


def page(outcomes: Mapping[tuple[str, str], Mapping[str, str]]) -> str:
    """The text of the page, from the outcomes by module and way."""
    sections = [HEAD]
    for module, title in TITLES.items():
        of_module = {way: found for (place, way), found in outcomes.items() if place == module}
        reasons = dict.fromkeys(
            outcome for found in of_module.values() for outcome in found.values() if outcome != SAME
        )
        numbers = {reason: str(number) for number, reason in enumerate(reasons, 1)} | {SAME: SAME}
        lines = [
            f"## {title}",
            "",
            f"| initializer | {' | '.join(of_module)} |",
            "|---" * (len(of_module) + 1) + "|",
        ]
        for case in sorted(CASES):
            cells = (numbers[found[case.name]] for found in of_module.values())
            lines.append(f"| `{case.name}` | {' | '.join(cells)} |")
        lines += ["", *(f"{number}. {reason}" for reason, number in numbers.items() if reason != SAME)]
        sections.append("\n".join(lines).rstrip() + "\n")
    return "\n".join(sections)


def documented(module: str, way: str) -> dict[str, str]:
    """What the page says of a way, by class."""
    text = PAGE.read_text(encoding="utf-8").partition(f"## {TITLES[module]}\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    column = rows[0].index(way)
    reasons = dict(line.split(". ", 1) for line in text.splitlines() if line[:1].isdigit())
    return {row[0].strip("`"): reasons.get(row[column], row[column]) for row in rows[1:]}
