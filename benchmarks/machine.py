"""On what a run was made."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import unifinit as ui
from benchmarks.libraries import NAMES, missing, versions
from benchmarks.memset import processors


def describe() -> dict[str, Any]:
    """The machine, the versions of all libraries, and how unifinit computes."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "processor": _processor(),
        "processors": processors(),
        "memory_bytes": _memory(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "unifinit": ui.__version__,
        "execution": {name: status.execution for name, status in ui.backends().items() if status.execution},
        "libraries": versions(),
        "missing": {name: reason for name in NAMES if (reason := missing(name))},
    }


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
