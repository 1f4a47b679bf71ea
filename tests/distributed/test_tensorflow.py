"""TensorFlow on several devices of one process.

TensorFlow divides the processor into devices before it is first used, and never again: so the tests of
``tensorflow_*.py`` run in processes of their own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tensorflow")

SECONDS = 240


@pytest.mark.parametrize("name", ["tensorflow_replicas", "tensorflow_mesh"])
def test_on_several_devices(name: str) -> None:
    script = Path(__file__).with_name(f"{name}.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(script)]
    # Besides, oneDNN is off, which is on elsewhere: it changes what TensorFlow's own functions return.
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0"}
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=SECONDS, env=environment
        )
    except subprocess.TimeoutExpired as expired:
        pytest.fail(f"{name} took more than {SECONDS} s: {expired.stdout!r}")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-4000:]}"
    assert " passed" in done.stdout, done.stdout
