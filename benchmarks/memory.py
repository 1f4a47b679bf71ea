"""Peak memory: each case in a fresh process, by the high-water mark that Linux keeps.

Run as a module, this is such a process: it takes a request as JSON and prints its answer.
"""

from __future__ import annotations

import ctypes
import gc
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import unifinit as ui
from benchmarks import peers
from benchmarks.buffers import Buffer
from benchmarks.cases import DRAWN, ROOT, Case, Scale
from benchmarks.results import Memory
from benchmarks.terminal import progress

WARM_UP = (512, 1024)
"""Large enough for several threads, small enough to leave nothing behind."""
TIMEOUT = 300
TOLERANCE = 2**18
"""Bytes by which Linux may be late in counting pages."""
CLEAR_REFS, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")

UNIFINIT = (
    peers.IN_NUMPY,
    peers.IN_TORCH,
    peers.NEW_NUMPY,
    peers.NEW_TORCH,
    peers.ON_TENSORFLOW,
    peers.ON_JAX,
)
OTHERS = (peers.TORCH, peers.JITTED, peers.KERAS, peers.GENERATOR)


def run(scale: Scale) -> list[Memory]:
    """Peak memory of unifinit and of its peers."""
    cases = [Case(initializer, scale.large) for initializer in DRAWN]
    cases.append(Case(ui.Orthogonal(seed=0), scale.orthogonal))
    jobs = [(case, name) for case in cases for name in (*UNIFINIT, *OTHERS)]
    if scale.sparing:
        jobs = [*jobs[: len(UNIFINIT + OTHERS)], (cases[-1], peers.IN_NUMPY)]
    results = []
    for number, (case, name) in enumerate(jobs):
        progress("memory", number, len(jobs), f"{case}, {name}")
        answer = _ask(case, name)
        if answer["reason"] not in (peers.HAS_NONE, peers.NOT_INSTALLED):
            results.append(answer)
    return results


def _ask(case: Case, name: str) -> Memory:
    """The peak of one case, from a process of its own."""
    request = {"contender": name, "initializer": ui.serialize(case.initializer), "shape": case.shape}
    answer: dict[str, Any] = {"extra_bytes": None, "reason": ""}
    try:
        process = subprocess.run(  # noqa: S603 - this very module
            [sys.executable, "-m", "benchmarks.memory", json.dumps(request | {"dtype": case.dtype})],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        answer["reason"] = f"took more than {TIMEOUT} s"
    else:
        lines = process.stdout.splitlines()
        if process.returncode == 0 and lines:
            answer = json.loads(lines[-1])
        else:
            answer["reason"] = (process.stderr.strip().splitlines() or ["no answer"])[-1]
    return {
        "contender": name,
        "initializer": case.name,
        "shape": list(case.shape),
        "dtype": case.dtype,
        "result_bytes": case.nbytes,
        "extra_bytes": answer["extra_bytes"],
        "reason": answer["reason"],
    }


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    """What this process needs at its peak for a call, beyond what it had and the result."""
    if not CLEAR_REFS.exists():
        return {"extra_bytes": None, "reason": "only Linux can reset the high-water mark"}
    initializer: Any = ui.get(request["initializer"])
    case = Case(initializer, tuple(request["shape"]), request["dtype"])
    contender = peers.ALL[request["contender"]]
    # What is loaded, and started, once for all calls is no part of a call.
    warm_up = replace(case, shape=tuple(map(min, case.shape, WARM_UP)))
    calls, absent = peers.calls(warm_up, [contender.name], Buffer(warm_up.nbytes))
    if absent:
        return {"extra_bytes": None, "reason": absent[contender.name]}
    calls[contender.name]()
    calls, _ = peers.calls(case, [contender.name], Buffer(case.nbytes))
    call = calls[contender.name]
    if contender.library == "jax":
        call()  # JAX compiles for each shape.
    gc.collect()
    _return_free_memory()
    CLEAR_REFS.write_text("5")
    before = _kilobytes("VmRSS")
    result = call()
    peak = _kilobytes("VmHWM")
    del result
    extra = (peak - before) * 1024 - (0 if contender.in_place else case.nbytes)
    if extra < -TOLERANCE:
        return {"extra_bytes": None, "reason": "memory that had been freed was used again"}
    return {"extra_bytes": max(0, extra), "reason": ""}


def _return_free_memory() -> None:
    """Make the C library return what has been freed, so that it cannot serve the call unseen."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _kilobytes(field: str) -> int:
    for line in STATUS.read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise RuntimeError(f"{STATUS} has no {field}")


if __name__ == "__main__":
    print(json.dumps(_answer(json.loads(sys.argv[1]))))
