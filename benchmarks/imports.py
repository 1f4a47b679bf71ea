"""What ``import unifinit`` costs beyond ``import numpy``, in fresh interpreters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.cases import ROOT
from benchmarks.terminal import progress

FRAMEWORKS = ("jax", "keras", "tensorflow", "torch")
MODULES = ("numpy", "unifinit")

# The clock runs inside of the interpreter, so that its own start and end are no part of the time.
CODE = """
import sys, time
start = time.perf_counter()
import {module}
print(time.perf_counter() - start, *sorted({frameworks!r} & set(sys.modules)))
"""


class Imports(NamedTuple):
    """Median seconds by module, and the frameworks that unifinit has loaded."""

    seconds: dict[str, float]
    frameworks: list[str]


def measure_imports(interpreters: int) -> Imports:
    """Start interpreters in turn, after one each that writes compiled files."""
    times: dict[str, list[float]] = {module: [] for module in MODULES}
    frameworks: set[str] = set()
    with TemporaryDirectory() as folder:
        for number in range(interpreters + 1):
            progress("imports", number, interpreters + 1, "numpy and unifinit")
            for module in MODULES if number % 2 else reversed(MODULES):
                seconds, *loaded = _import(module, Path(folder))
                if number:
                    times[module].append(float(seconds))
                if module == "unifinit":
                    frameworks.update(loaded)
    return Imports({module: median(values) for module, values in times.items()}, sorted(frameworks))


def _import(module: str, cache: Path) -> list[str]:
    """The answer of an interpreter."""
    code = CODE.format(module=module, frameworks=set(FRAMEWORKS))
    # Compiled files are used, as where a package has been installed, whatever this shell has set.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(cache)
    process = subprocess.run(  # noqa: S603 - the code above
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return process.stdout.split()
