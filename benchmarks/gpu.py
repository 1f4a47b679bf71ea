"""The command ``python -m benchmarks.gpu``: unifinit and its peers on a GPU, and what its memory allows.

It measures as ``python -m benchmarks`` does, at sizes that occupy a GPU, and looks first whether the bits are
those of the processor. Calls on PyTorch are waited for, as those on JAX are.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks import machine, peers, report
from benchmarks.buffers import Buffer
from benchmarks.cases import DRAWN, FLOATS, FULL, QUICK, ROOT, Case, Scale, Shape, square
from benchmarks.libraries import library, missing, wide_mode
from benchmarks.results import Measurement, measurement
from benchmarks.terminal import progress
from benchmarks.timing import Call, measure
from unifinit.registry import registry

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # JAX leaves memory to PyTorch.

DEVICE = "cuda"
OUTPUT = ROOT / "benchmarks" / "results"
QUICK_OUTPUT = ROOT / "build" / "benchmarks"
NAME = "gpu"

OPERATIONS = "unifinit, torch, array operations"
ZERO = "zero_"
"""The least that writing the memory of the GPU can cost."""
COLUMNS = (peers.IN_TORCH, OPERATIONS, peers.TORCH, peers.ON_JAX, peers.JITTED, ZERO)
ALIKE: Shape = (1000, 1003)
"""A shape for which the bits are compared with those of the processor."""


class GpuMemory(Buffer):
    """Memory of the GPU, of PyTorch."""

    def torch(self, case: Case) -> Any:
        """A tensor for a case."""
        torch = library("torch")
        return torch.empty(case.shape, dtype=getattr(torch, case.dtype), device=DEVICE)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the result is its exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description="Time unifinit on a GPU.")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that everything works")
    parser.add_argument("--output", type=Path, help="the folder to write to")
    options = parser.parse_args(arguments)
    if reason := missing("torch"):
        print(f"nothing to measure: torch {reason}")
        return 0
    if not library("torch").cuda.is_available():
        print("nothing to measure: there is no GPU that PyTorch can use")
        return 0
    results = run(QUICK if options.quick else FULL)
    results["quick"] = options.quick
    folder: Path = options.output or (QUICK_OUTPUT if options.quick else OUTPUT)
    folder.mkdir(parents=True, exist_ok=True)
    text = written(results)
    (folder / f"{NAME}.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (folder / f"{NAME}.md").write_text(text, encoding="utf-8")
    print(text, end="")
    return 0 if all(results["identical"].values()) else 1


def run(scale: Scale) -> dict[str, Any]:
    """Compare bits, and measure."""
    large = square(26 if scale is FULL else 12)
    cases = [Case(initializer, square(exponent)) for initializer in DRAWN for exponent in scale.sizes]
    cases += [Case(initializer, large, dtype) for initializer in DRAWN for dtype in FLOATS]
    identical = {}
    for number, initializer in enumerate(DRAWN):
        progress("bits", number, len(DRAWN), type(initializer).__name__)
        for dtype in FLOATS:
            case = Case(initializer, ALIKE, dtype)
            identical[str(case)] = is_identical(case)
    rows = []
    for number, case in enumerate(cases):
        progress(NAME, number, len(cases), str(case))
        rows.append(timed(case, scale))
    return {"machine": machine.describe(), "gpu": gpu(), "identical": identical, "rows": rows}


def gpu() -> dict[str, Any]:
    """What the GPU is, and what draws there."""
    torch, accelerator = library("torch"), library("unifinit_torch.accelerator")
    about = torch.cuda.get_device_properties(0)
    plan = DRAWN[0].plan((1,))
    return {
        "name": about.name,
        "memory_bytes": about.total_memory,
        "runtime": f"HIP {torch.version.hip}" if torch.version.hip else f"CUDA {torch.version.cuda}",
        "execution": "Triton kernel"
        if accelerator.usable(torch.empty(1, device=DEVICE), plan)
        else "array operations",
    }


def is_identical(case: Case) -> bool:
    """Whether a case has the same bits on the GPU and on the processor."""
    to_bytes = registry().get("torch").to_bytes
    there, here = (
        case.initializer(case.shape, case.dtype, backend="torch", device=device) for device in (DEVICE, "cpu")
    )
    return to_bytes(there) == to_bytes(here)


def timed(case: Case, scale: Scale) -> Measurement:
    """The times of all that can make a case on the GPU."""
    memory = GpuMemory(case.nbytes)
    with wide_mode(case.dtype):
        calls, absent = peers.calls(case, (peers.IN_TORCH, peers.TORCH), memory)
        target = memory.torch(case)
        calls |= {OPERATIONS: operations(case, target), ZERO: target.zero_}
        calls = {name: waited_for(call) for name, call in calls.items()}
        if reason := no_gpu_of_jax():
            absent |= dict.fromkeys((peers.ON_JAX, peers.JITTED), reason)
        else:
            more, none = peers.calls(case, (peers.ON_JAX, peers.JITTED), memory)
            calls, absent = calls | more, absent | none
        return measurement(case, measure(calls, scale.brief), absent)


def operations(case: Case, target: Any) -> Call:
    """What fills a tensor where Triton cannot be had."""
    fill = library("unifinit_torch.accelerator").fill_by_operations
    plan = case.initializer.plan(case.shape, case.dtype)
    ops = registry().get("torch").ops(target.device)  # type: ignore[attr-defined]  # Of PyTorch's backend.
    return lambda: fill(target, plan, ops)


def waited_for(call: Call) -> Call:
    """A call that returns when the GPU is done."""
    synchronize = library("torch").cuda.synchronize

    def run_and_wait() -> None:
        call()
        synchronize()

    return run_and_wait


def no_gpu_of_jax() -> str:
    """Why JAX cannot be measured; an empty string if it can."""
    if missing("jax"):
        return peers.NOT_INSTALLED
    return "" if library("jax").default_backend() == "gpu" else "computes on the processor"


def written(results: dict[str, Any]) -> str:
    """The results as Markdown."""
    about = results["gpu"]
    alike = [case for case, same in results["identical"].items() if same]
    others = [case for case, same in results["identical"].items() if not same]
    parts = [
        "# Benchmark results on a GPU",
        f"{about['name']}, {about['memory_bytes'] / 2**30:.0f} GiB, {about['runtime']}; unifinit on torch: "
        f"{about['execution']}. {report.machine(results)}",  # type: ignore[arg-type]  # It needs no more.
        f"The bits of {len(alike)} of {len(alike) + len(others)} arrays are those of the processor."
        + "".join(f" **Not those of {case}.**" for case in others),
        "Medians, and in brackets how many bytes are written in a second. unifinit on torch, torch.nn.init "
        "and zero_ write in place; JAX makes new arrays.",
    ]
    if results["quick"]:
        parts.append("**A quick run: it shows that the benchmarks work. The times mean nothing.**")
    for initializer in dict.fromkeys(row["initializer"] for row in results["rows"]):
        rows = [row for row in results["rows"] if row["initializer"] == initializer]
        parts += [f"## {initializer}", table(rows)]
    return "\n\n".join(parts) + "\n"


def table(rows: Iterable[Measurement]) -> str:
    """Times by size and dtype."""
    body = []
    for row in rows:
        cells = [f"2^{row['elements'].bit_length() - 1}", row["dtype"]]
        for name in COLUMNS:
            timing = row["timings"].get(name)
            cells.append(row["absent"].get(name, "") if timing is None else cell(row, timing["seconds"]))
        body.append(cells)
    return report.table(["elements", "dtype", *COLUMNS], body)


def cell(row: Measurement, seconds: float) -> str:
    """A time, and the rate of writing."""
    size = Case(DRAWN[0], tuple(row["shape"]), row["dtype"]).nbytes
    return f"{report.duration(seconds)} ({report.number(size / seconds / 1e9)} GB/s)"


if __name__ == "__main__":
    sys.exit(main())
