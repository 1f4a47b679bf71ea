"""The kernel at each of its levels, and with any number of threads."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator

import pytest

from unifinit import host
from unifinit.host import threads
from unifinit.host.kernel import OFF

LEVELS = host.kernel_status().levels
needs_kernel = pytest.mark.skipif(not LEVELS, reason="the kernel was not built")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Settings of the process return to their defaults."""
    yield
    host.select(None)
    host.set_num_threads(None)


@pytest.fixture(params=[*LEVELS, OFF])
def level(request: pytest.FixtureRequest) -> str:
    """Each level of this processor, and none."""
    host.select(request.param)
    return str(request.param)


@pytest.fixture
def share_everything(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets a number of threads, which share even the smallest arrays."""

    def share(count: int) -> None:
        host.set_num_threads(count)
        monkeypatch.setattr(threads, "LEAST", 1)

    return share


def python(program: str, **environment: str) -> str:
    """What a program prints in a Python of its own."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=120,
    ).stdout.strip()
