"""Runs of pytest within the tests, with made-up backends beside NumPy's."""

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import array_api_compat.numpy  # noqa: F401 - Pytester forgets what a run imports, and this needs NumPy's.
import numpy as np
import pytest

import unifinit_pytest.backends
import unifinit_pytest.golden  # noqa: F401 - As above.
from unifinit.backend import ArrayApiBackend, BackendRecord, hookimpl
from unifinit.plugins import GROUP, discover
from unifinit.registry import Registry


def twin():
    """A backend that is there; its arrays are NumPy's, which tests cannot tell from its name."""
    return ArrayApiBackend("twin", np)


def cracked():
    """A backend that is installed and cannot be loaded."""
    raise OSError("no driver")


RECORDS = (
    BackendRecord("twin", ("json",), twin, "pip install twin", api_version=1),
    BackendRecord("absent", ("no_such_framework",), twin, "pip install no-such-framework", api_version=1),
    BackendRecord("cracked", ("json",), cracked, "pip install cracked", api_version=1),
    BackendRecord("futuristic", ("json",), twin, "pip install futuristic", api_version=99),
)


@pytest.fixture
def known(monkeypatch):
    """Backends, by name, beside that of NumPy; by default all but the broken one."""

    def know(*names, disabled=frozenset()):
        module = ModuleType("plugin_of_the_tests")
        records = [record for record in RECORDS if record.name in names]
        module.unifinit_backends = hookimpl(lambda: records)
        module.unifinit_backends.__name__ = "unifinit_backends"
        monkeypatch.setitem(sys.modules, module.__name__, module)
        plugins = [EntryPoint("numpy", "unifinit_numpy", GROUP)]
        if records:
            plugins.append(EntryPoint("made_up", module.__name__, GROUP))
        registry = Registry(discover(plugins, disabled))
        monkeypatch.setattr("unifinit.registry._registry", registry)
        return registry

    know("twin", "absent")
    return know


@pytest.fixture
def run(pytester, known):
    """Run the tests of a source text, with options."""

    def run(source, *options):
        if source is not None:
            pytester.makepyfile(test_it=source)
        return pytester.runpytest_inprocess(
            "-p", "no:cacheprovider", "-W", "error", "--strict-markers", "-ra", *options
        )

    return run
