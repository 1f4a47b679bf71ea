"""The catalogue in the documentation is what the code says."""

import importlib
import inspect
import pkgutil
import re
import sys
from pathlib import Path

import pytest

from unifinit import initializers
from unifinit.initializers.base import Initializer
from unifinit.initializers.classes import CLASSES
from unifinit.peers import load_peers

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "catalogue.md"


@pytest.fixture(scope="module")
def written():
    return PAGE.read_text("utf-8")


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    yield importlib.import_module("tools.write_catalogue")
    sys.modules.pop("tools.write_catalogue")


def own_names():
    """The concrete initializers that any module of unifinit defines."""
    modules = pkgutil.walk_packages(initializers.__path__, f"{initializers.__name__}.")
    return {
        cls.__name__
        for module in modules
        for cls in vars(importlib.import_module(module.name)).values()
        if isinstance(cls, type) and issubclass(cls, Initializer) and not inspect.isabstract(cls)
        if cls.__module__.startswith("unifinit.") and not cls.__name__.startswith("_")
    }


def test_is_up_to_date(tool, written):
    assert tool.page() == written, "docs/catalogue.md is out of date: run python tools/write_catalogue.py"


def test_has_every_initializer_of_ours_and_no_other(tool):
    class Foreign(initializers.Zeros):
        """Somebody else's."""

    try:
        listed = re.findall(r"^### (\w+)$", tool.page(), flags=re.MULTILINE)
    finally:
        CLASSES.pop("Foreign")
    assert len(listed) == len(set(listed))
    assert set(listed) == own_names()


def test_has_every_name_elsewhere(written):
    for peer in load_peers():
        for name in (peer.name, *peer.aliases):
            assert f"`{name}`" in written
