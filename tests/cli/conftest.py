import json
import sys
import textwrap

import pytest

import unifinit.cli.commands
import unifinit.cli.compare
from unifinit.cli import main
from unifinit.plugins import discover
from unifinit.registry import Registry

PLUGIN = """
    import os
    import signal
    import sys
    import time

    import numpy as np

    from unifinit.backend import ArrayApiBackend, BackendRecord, DtypeError, hookimpl


    class Fake(ArrayApiBackend):
        def __init__(self):
            super().__init__("fake", np)

        {methods}


    def load():
        {load}
        return Fake()


    @hookimpl
    def unifinit_backends():
        return [BackendRecord("fake", ("fake_plugin",), load, "pip install fake", 1, {environment})]
"""


@pytest.fixture
def fresh_registry(monkeypatch):
    """Has the command line look at the plugins anew."""

    def refresh():
        found = Registry(discover())
        monkeypatch.setattr(unifinit.cli.compare, "registry", lambda: found)
        monkeypatch.setattr(unifinit.cli.commands, "registry", lambda: found)

    return refresh


@pytest.fixture
def only_numpy(monkeypatch, fresh_registry):
    monkeypatch.setenv("UNIFINIT_DISABLE", "dask,jax,tensorflow,torch")
    fresh_registry()


@pytest.fixture
def fake_backend(tmp_path, monkeypatch, fresh_registry):
    """Installs a plugin with a backend "fake" that is NumPy but for what a test adds."""

    def install(methods="pass", load="pass", environment="{}"):
        indented = textwrap.indent(textwrap.dedent(methods), " " * 8).strip()
        load = textwrap.indent(textwrap.dedent(load), " " * 8).strip()
        source = textwrap.dedent(PLUGIN.format(methods=indented, load=load, environment=environment))
        (tmp_path / "fake_plugin.py").write_text(source)
        info = tmp_path / "fake_plugin-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-plugin\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[unifinit]\nfake = fake_plugin\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        fresh_registry()

    yield install
    sys.modules.pop("fake_plugin", None)


@pytest.fixture
def run(capsys):
    """Runs a command line, as status, stdout and stderr."""

    def run(*arguments):
        status = main(arguments)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture
def run_json(run):
    """Runs a command line with --json, as status and document."""

    def run_json(*arguments):
        status, out, err = run(*arguments, "--json")
        assert err == ""
        return status, json.loads(out)

    return run_json
