"""JAX on several devices of one process, and in several processes.

JAX divides the processor into devices before it is first used, and never again: so the tests of
``jax_devices.py`` run in a process of their own.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("jax")

import jax_processes

SECONDS = 120


def test_on_several_devices() -> None:
    script = Path(__file__).with_name("jax_devices.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(script)]
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
    environment = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=SECONDS, env=environment
        )
    except subprocess.TimeoutExpired as expired:
        pytest.fail(f"{script.name} took more than {SECONDS} s: {expired.stdout!r}")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-4000:]}"
    assert " passed" in done.stdout, done.stdout


def test_in_several_processes(run_ranks) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    folder = run_ranks(Path(jax_processes.__file__), 2, address, seconds=SECONDS)
    for rank in range(2):
        found = json.loads((folder / f"found_{rank}.json").read_text())
        assert "process" in found.pop("refused")
        assert len(found) == 3 * len(jax_processes.initializers())
        for name, gathered in found.items():
            whole = jax_processes.initializers()[name.split()[0]](jax_processes.SHAPE)
            assert bytes.fromhex(gathered) == whole.tobytes(), (rank, name)
