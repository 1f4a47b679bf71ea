"""The command ``python -m benchmarks.scaling``: what large models would cost, from measured rates.

It writes the tables of ``docs/scaling.md``.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import torch

import unifinit as ui
from benchmarks import machine, report
from benchmarks.cases import FULL, QUICK, ROOT, Effort
from benchmarks.timing import Call
from benchmarks.timing import measure as timed
from unifinit.registry import registry

PAGE = ROOT / "docs" / "scaling.md"
MARKS = "<!-- scaling:start -->", "<!-- scaling:end -->"

SIDE = 8192
"""Of the matrix from which rates are measured."""
BYTES = 2
"""Of a parameter in bfloat16."""
PROCESSORS = 8
"""Of the host, for each device."""
LINK = 25e9
"""Bytes that a process sends in a second: a link of 200 Gbit/s."""
MODELS = {"7 B": 7e9, "70 B": 70e9, "1 T": 1e12}
DEVICES = (8, 512, 8192)


@dataclass(frozen=True)
class Rates:
    """Nanoseconds for each element of a bfloat16 array, one thread, truncated normal numbers."""

    rows: float
    columns: float
    torch_truncated: float
    torch_normal: float
    copy: float


def measure(effort: Effort) -> Rates:
    """Rates of one thread, measured side by side."""
    ui.set_num_threads(1)
    torch.set_num_threads(1)
    init = ui.TruncatedNormal(stddev=0.02, seed=0)
    target = torch.zeros(SIDE // 4, SIDE, dtype=torch.bfloat16)
    plan = init.plan((SIDE, SIDE), "bfloat16")
    across = torch.zeros(SIDE, SIDE // 4, dtype=torch.bfloat16)
    backend = registry().of(target)
    source = torch.zeros_like(target)
    calls: dict[str, Call] = {
        "rows": lambda: backend.fill(target, plan.window(slice(SIDE // 4, SIDE // 2))),
        "columns": lambda: backend.fill(across, plan.window((slice(None), slice(SIDE // 4, SIDE // 2)))),
        "torch_truncated": lambda: torch.nn.init.trunc_normal_(target, std=0.02, a=-0.04, b=0.04),
        "torch_normal": lambda: torch.nn.init.normal_(target, std=0.02),
        "copy": lambda: target.copy_(source),
    }
    timings = timed(calls, effort).timings
    return Rates(**{name: timing.seconds / target.numel() * 1e9 for name, timing in timings.items()})


def tables(rates: Rates) -> str:
    """The tables of the page."""
    names = {
        "rows": "unifinit, a shard of rows",
        "columns": "unifinit, a shard of columns",
        "torch_truncated": "`torch.nn.init.trunc_normal_`",
        "torch_normal": "`torch.nn.init.normal_`",
        "copy": "a copy, for comparison",
    }
    lines = ["| truncated normal, bfloat16, one thread | ns for each parameter |", "|---|---|"]
    lines += [f"| {title} | {getattr(rates, name):.2f} |" for name, title in names.items()]
    lines += [
        "",
        "| parameters | devices | unifinit: time | memory of a device | materialise and slice: time "
        "| its memory | materialise and scatter: time | its memory |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for model, parameters in MODELS.items():
        for devices in DEVICES:
            share = parameters / devices
            ours = share * rates.columns * 1e-9 / PROCESSORS
            everywhere = parameters * rates.torch_normal * 1e-9
            sent = parameters * BYTES / LINK
            cells = (
                _seconds(ours),
                _bytes(share * BYTES),
                _seconds(everywhere),
                f"{_bytes(parameters * BYTES)} in each process",
                _seconds(everywhere + sent),
                f"{_bytes(parameters * BYTES)} in one",
            )
            lines.append(f"| {model} | {devices:,} | {' | '.join(cells)} |")
    about = machine.describe()
    lines += [
        "",
        f"Measured {about['date']} on {about['processor']}, torch {torch.__version__}, "
        f"NumPy {np.__version__}.",
    ]
    return "\n".join(lines) + "\n"


def _seconds(value: float) -> str:
    if value >= 120:
        return f"{value / 60:.0f} min"
    return f"{value:.1f} s" if value >= 1 else f"{value * 1e3:.1f} ms"


def _bytes(value: float) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e3:.3g} kB"


def main() -> None:
    """Measure, print the tables, and put them into the page if told so."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds, to see that everything works")
    parser.add_argument("--page", action="store_true", help=f"put the tables into {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    made = tables(measure((QUICK if options.quick else FULL).thorough))
    print(made)
    if options.page:
        report.replace(PAGE, MARKS, f"\n\n{made}\n")


if __name__ == "__main__":
    main()
