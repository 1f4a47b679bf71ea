"""The examples run, a small version of each, and do what they say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
    pytest.skip("this torch has no gloo", allow_module_level=True)
if sys.platform != "linux":
    pytest.skip("peak memory is read as Linux tells it", allow_module_level=True)

EXAMPLE = Path(__file__).parents[2] / "examples" / "fsdp2_billion.py"


def printed(*arguments: str) -> dict[str, str]:
    command = [sys.executable, str(EXAMPLE), "--parameters", "small", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return dict(re.split(r" {2,}", line, maxsplit=1) for line in done.stdout.splitlines())


def test_sharded_decoder_has_the_digest_of_one_process() -> None:
    sharded, single = printed("--ranks", "4"), printed("--single")
    assert sharded["digest"] == single["digest"]
    assert len(sharded["digest"]) == 64
    assert sharded["parameters"] == single["parameters"]
    assert sharded["parameters"].startswith("264,384,")
    assert sharded["way"].startswith("4 gloo processes")
    assert len(sharded["peak memory"].rpartition(":")[2].split(",")) == 4
