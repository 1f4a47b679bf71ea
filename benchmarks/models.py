"""The command ``python -m benchmarks.models``: whole models, in memory and on the disk.

It times ``ui.init_`` on many small parameters beside the loop of torch.nn.init, and ``unifinit init`` on a
model in the style of Llama beside zeros on the same disk and the kernel alone. It kills runs, too, and lets
them go on.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import unifinit as ui
from unifinit import host
from unifinit.files import PIECE, windows

MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""A small program that runs a command, and tells the most memory of it."""
SIDE = 64
SEED = 0
ZEROS = bytes(PIECE)


def document(layers: int) -> dict[str, Any]:
    """A specification in the style of Llama, of 7 billion parameters with 32 layers."""
    return {
        "unifinit_spec": 1,
        "name": "Llama-style",
        "seed": SEED,
        "dtype": "bfloat16",
        "rules": [{"recipe": "llama"}],
        "architecture": {"name": "llama", "sizes": {"num_hidden_layers": layers}},
    }


def seconds(call: Callable[[], object]) -> float:
    """How long a call takes."""
    gc.collect()
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def small_parameters(count: int, repeats: int) -> dict[str, float]:
    """Medians of the two ways in turn, in seconds."""
    model = torch.nn.Sequential(*(torch.nn.Linear(SIDE, SIDE, bias=False) for _ in range(count)))

    def loop() -> None:
        for parameter in model.parameters():
            torch.nn.init.xavier_uniform_(parameter)

    def whole() -> None:
        ui.init_(model, "xavier_uniform", SEED)

    pairs = [(seconds(loop), seconds(whole)) for _ in range(repeats + 1)][1:]
    return {
        "torch": statistics.median(first for first, _ in pairs),
        "unifinit": statistics.median(second for _, second in pairs),
        "ratio": statistics.median(second / first for first, second in pairs),
    }


def write_zeros(path: Path, size: int) -> None:
    """So many bytes, synced."""
    with open(path, "wb", buffering=0) as file:
        for start in range(0, size, PIECE):
            file.write(ZEROS[: min(PIECE, size - start)])
        os.fsync(file.fileno())


def compute(plan: ui.ModelPlan) -> None:
    """All values, piece by piece, thrown away."""
    memory = np.empty(PIECE, np.uint8)
    for one in plan.arrays:
        assert one.plan is not None  # noqa: S101 - a recipe decides on all
        dtype = host.storage(one.plan.dtype)
        for index in windows(one.plan.result_shape, PIECE // dtype.itemsize):
            part = one.plan.window(index)
            host.overwrite(memory[: part.size * dtype.itemsize].view(dtype).reshape(part.result_shape), part)


def command(spec: Path, output: Path) -> list[str]:
    """The command that writes the checkpoint."""
    return [sys.executable, "-m", "unifinit.cli", "init", str(spec), "--output", str(output)]


def run(spec: Path, output: Path) -> int:
    """Write the checkpoint in a process of its own; the most memory of it in bytes."""
    # Another process starts it: one that is forked from this one counts the memory of this one as its own.
    done = subprocess.run(  # noqa: S603 - it is ours
        [sys.executable, "-c", MEASURED, *command(spec, output)],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(done.stdout) * 1024


def digest(path: Path) -> str:
    """That of all files in a folder, in the order of their names."""
    found = hashlib.sha256()
    for name in sorted(os.listdir(path)):
        found.update(name.encode())
        with open(path / name, "rb") as file:
            while piece := file.read(2**24):
                found.update(piece)
    return found.hexdigest()


def large_model(folder: Path, layers: int, repeats: int) -> dict[str, Any]:
    """Medians in turn, in seconds, and the most memory of a process that writes."""
    spec = folder / "spec.json"
    spec.write_text(json.dumps(document(layers)))
    plan = ui.Spec.read(spec).plan()
    times: dict[str, list[float]] = {"zeros": [], "kernel": [], "unifinit": []}
    memory = 0
    for _ in range(repeats):
        target = folder / "zeros"
        times["zeros"].append(seconds(lambda path=target: write_zeros(path, plan.nbytes)))  # type: ignore[misc]
        target.unlink()
        times["kernel"].append(seconds(lambda: compute(plan)))
        output = folder / "model"
        start = time.perf_counter()
        memory = max(memory, run(spec, output))
        times["unifinit"].append(time.perf_counter() - start)
        shutil.rmtree(output)
    medians = {name: statistics.median(found) for name, found in times.items()}
    limit = max(medians["zeros"], medians["kernel"])
    return {
        "bytes": plan.nbytes,
        "memory": memory,
        **medians,
        "ratio": medians["unifinit"] / limit,
        "all": times,
    }


def kills(folder: Path, layers: int, count: int) -> dict[str, Any]:
    """The digests of runs that were killed at a random moment and went on, and that of one that was not."""
    spec = folder / "spec.json"
    spec.write_text(json.dumps(document(layers)))
    output = folder / "model"
    start = time.perf_counter()
    run(spec, output)
    whole = time.perf_counter() - start
    wanted = digest(output)
    shutil.rmtree(output)
    moments, found = [], []
    for _ in range(count):
        moment = random.uniform(0.05, 0.95) * whole  # noqa: S311 - nothing secret
        process = subprocess.Popen(command(spec, output), stdout=subprocess.DEVNULL)  # noqa: S603 - as above
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        process.wait()
        start = time.perf_counter()
        run(spec, output)
        moments.append((round(moment, 2), round(time.perf_counter() - start, 2)))
        found.append(digest(output))
        shutil.rmtree(output)
    return {"seconds": whole, "wanted": wanted, "same": [one == wanted for one in found], "moments": moments}


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--folder", default=None, help="on the disk to be measured; by default a temporary one"
    )
    parser.add_argument("--layers", type=int, default=32, help="32 are 7 billion parameters")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--kills", type=int, default=0, help="how many runs to kill, by default none")
    parser.add_argument("--parameters", type=int, default=10_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        found: dict[str, Any] = {"small": small_parameters(arguments.parameters, 2 * arguments.repeats + 1)}
        if arguments.repeats:
            found["large"] = large_model(folder, arguments.layers, arguments.repeats)
        if arguments.kills:
            found["kills"] = kills(folder, arguments.layers, arguments.kills)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
