"""Made-up plugins, and made-up frameworks for them."""

import sys
from importlib.metadata import Distribution, EntryPoint
from types import ModuleType

import pytest

from unifinit.backend import BackendRecord, hookimpl
from unifinit.plugins import GROUP, discover
from unifinit.registry import Registry


class Toy:
    """Just enough of a backend to be told apart."""

    def __init__(self, name="toy"):
        self.name = name

    def is_array(self, x):
        return hasattr(x, "toy")

    def run(self, plan, device):
        return plan

    def fill(self, target, plan):
        target.filled = plan


@pytest.fixture
def record():
    """A record of a backend whose framework is the standard library's ``json``, with changes."""

    def make(**changes):
        fields = {
            "name": "toy",
            "modules": ("json",),
            "load": Toy,
            "install": "pip install toy-framework",
            "api_version": 1,
        }
        return BackendRecord(**fields | changes)

    return make


@pytest.fixture
def plugin(monkeypatch):
    """Make an entry point to a module with a hook, or with given contents."""

    def make(name, *records, **contents):
        module = ModuleType(f"plugin_{name}")
        if not contents:

            @hookimpl
            def unifinit_backends():
                return list(records)

            contents = {"unifinit_backends": unifinit_backends}
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return EntryPoint(name, module.__name__, GROUP)

    return make


@pytest.fixture
def healthy():
    """The entry point of the NumPy backend, which nothing may break."""
    return EntryPoint("numpy", "unifinit_numpy", GROUP)


@pytest.fixture
def registry(healthy):
    """The registry of the healthy plugin and of given ones."""

    def make(*plugins, disabled=frozenset()):
        return Registry(discover([healthy, *plugins], disabled))

    return make


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Write an importable package with a source text."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(name, source):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").write_text(source)
        return name

    yield make
    for path in tmp_path.iterdir():
        sys.modules.pop(path.name, None)


@pytest.fixture
def distribution(tmp_path):
    """Entry points of a distribution as pip would install it."""

    def make(name, **plugins):
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = [f"{plugin} = {module}\n" for plugin, module in plugins.items()]
        (folder / "entry_points.txt").write_text(f"[{GROUP}]\n" + "".join(lines))
        return list(Distribution.at(folder).entry_points.select(group=GROUP))

    return make
