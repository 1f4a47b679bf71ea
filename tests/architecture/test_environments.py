"""The environments of tox: what needs a framework runs in one that has it."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FRAMEWORKS = ("torch", "tensorflow", "jax")
NEEDS = re.compile(r"importorskip\(\s*\"(\w+)")
ANY = re.compile(r"def test_\w+\([^)]*\bunifinit_backend\b")
"""A test that runs on whatever is installed."""


def settings() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "tox.ini", encoding="utf-8")
    return parser


def paths(text: str, parser: configparser.ConfigParser) -> list[Path]:
    """The paths of a setting, those of the settings that it names among them."""
    while named := re.search(r"\{\[(\w+)\](\w+)\}", text):
        text = text.replace(named[0], parser[named[1]][named[2]])
    return [ROOT / part for part in text.split()]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_what_needs_a_framework_runs_beside_it(framework: str) -> None:
    parser = settings()
    chosen = re.search(rf"^{framework}: TESTS = (.*)$", parser["testenv"]["set_env"], re.MULTILINE)
    assert chosen is not None
    where = paths(chosen[1], parser)
    assert all(path.exists() for path in where)
    need = [
        path
        for path in (ROOT / "tests").rglob("test_*.py")
        if framework in NEEDS.findall(text := path.read_text("utf-8")) or ANY.search(text)
    ]
    assert len(need) > 3
    assert [path for path in need if not any(path.is_relative_to(found) for found in where)] == []
