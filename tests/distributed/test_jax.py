"""JAX over several devices and over several processes: all have the bits of one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("jax")

HERE = Path(__file__).parent


def test_eight_devices_of_one_process(run_ranks):
    run_ranks(HERE / "jax_devices.py", 1)


def test_four_devices_of_each_of_two_processes(run_ranks):
    run_ranks(HERE / "jax_processes.py", 2)


def test_one_process_agrees_with_itself():
    code = "import sys, unifinit_jax; assert 'jax' not in sys.modules; unifinit_jax.check_processes()"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=100)
