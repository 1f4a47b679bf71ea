"""The golden table itself: complete, honest, and able to turn the suite red."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from unifinit.initializers.classes import own_classes
from unifinit.stream import VERSION
from unifinit.testing import golden
from unifinit.testing.conformance import BackendConformance

ROOT = Path(__file__).parent.parent.parent


class Numpy(BackendConformance):  # Not collected: its tests are called here with spoiled rows.
    backend = "numpy"


def test_every_initializer_has_digests_in_every_floating_dtype() -> None:
    covered = {(row.initializer["class_name"], row.dtype) for row in golden.load()}
    dtypes = ("float16", "bfloat16", "float32", "float64")
    names = {cls.__name__ for cls in own_classes()} - {"FromFunction"}  # Which no configuration can hold.
    assert {(name, dtype) for name in names for dtype in dtypes} <= covered


def test_every_public_function_of_random_has_digests() -> None:
    from unifinit import random

    assert {row.function for row in golden.load_random()} == set(random.__all__)


def test_rows_are_distinct_and_of_this_stream() -> None:
    names = [str(row) for row in (*golden.load(), *golden.load_random())]
    assert len(names) == len(set(names))
    assert json.loads((ROOT / "unifinit/testing/golden.json").read_text())["stream"] == VERSION


@pytest.mark.parametrize("position", [0, 17, 255])
def test_one_changed_bit_turns_the_suite_red(position: int) -> None:
    suite = Numpy()
    tested = BackendConformance.tested.__wrapped__(suite)  # The fixture's function.
    row = next(row for row in golden.load() if row.initializer["class_name"] == "HeNormal")
    suite.test_golden_digest_of_initializer(tested, row)
    spoiled = replace(row, sha256=f"{int(row.sha256, 16) ^ 1 << position:064x}")
    with pytest.raises(AssertionError):
        suite.test_golden_digest_of_initializer(tested, spoiled)


def test_committed_script_writes_exactly_the_committed_file(tmp_path: Path) -> None:
    pytest.importorskip("ml_dtypes")
    written = tmp_path / "golden.json"
    script = ROOT / "tools" / "write_golden.py"
    subprocess.run([sys.executable, script, "--output", written], check=True, capture_output=True)
    assert written.read_bytes() == (ROOT / "unifinit/testing/golden.json").read_bytes()


def test_script_refuses_to_change_a_published_digest(tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("ml_dtypes")
    spec = importlib.util.spec_from_file_location("write_golden", ROOT / "tools" / "write_golden.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    row = golden.load()[0]
    monkeypatch.setattr(golden, "load", lambda: [replace(row, sha256="0" * 64)])
    monkeypatch.setattr(sys, "argv", ["write_golden.py", "--output", str(tmp_path / "golden.json")])
    with pytest.raises(SystemExit, match="frozen"):
        script.main()
    assert not (tmp_path / "golden.json").exists()
