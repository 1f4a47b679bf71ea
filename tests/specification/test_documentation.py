"""The pages show what happens: their examples run, and the reference leaves no public name out."""

from __future__ import annotations

import doctest
import importlib
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import unifinit as ui
from unifinit import backend
from unifinit.initializers.classes import CLASSES

DOCS = Path(__file__).resolve().parents[2] / "docs"
FRAMEWORKS = (
    *("torch", "tensorflow", "keras", "jax", "flax", "haiku", "equinox"),
    *("dask", "array_api_strict", "ml_dtypes", "jsonschema", "tomli_w"),
)


def examples() -> list[object]:
    """Each section of a page that has examples, to be skipped where a framework is missing."""
    found = []
    for page in sorted([*DOCS.glob("*.md"), *DOCS.glob("frameworks/*.md")]):
        for section in re.split(r"^(?=## )", page.read_text("utf-8"), flags=re.MULTILINE):
            blocks = re.findall(r"^```python\n(>>> .*?)^```", section, flags=re.MULTILINE | re.DOTALL)
            title = section.partition("\n")[0].lstrip("# ")
            missing = [
                name
                for name in FRAMEWORKS
                if re.search(rf"(import|from) .*\b{name}\b", "".join(blocks)) and find_spec(name) is None
            ]
            if blocks:
                skip = pytest.mark.skipif(bool(missing), reason=f"needs {missing}")
                found.append(pytest.param("".join(blocks), id=f"{page.stem}-{title}", marks=skip))
    return found


@pytest.mark.parametrize("source", examples())
def test_examples_give_what_they_show(source: str, capsys: pytest.CaptureFixture[str]) -> None:
    test = doctest.DocTestParser().get_doctest(source, {}, "examples", None, 0)
    results = doctest.DocTestRunner(verbose=False).run(test)
    assert results.attempted
    assert not results.failed, capsys.readouterr().out


def test_reference_has_every_public_name() -> None:
    page = (DOCS / "api.md").read_text("utf-8")
    documented = set(re.findall(r"^\.\. (?:auto\w+|py:data):: unifinit\.([\w.]+)$", page, flags=re.MULTILINE))
    public = {name for name in ui.__all__ if name not in ("__version__", "random")}
    top_level = {id(getattr(ui, name)) for name in public}
    public |= {f"random.{name}" for name in ui.random.__all__}
    public |= {
        f"backend.{name}"
        for name in backend.__all__
        if name not in ("reference", "host") and id(getattr(backend, name)) not in top_level
    }
    public |= {f"host.{name}" for name in backend.host.__all__ if name not in public}
    assert documented >= public | {"reference.run"}
    for name in documented:
        parent, _, last = f"unifinit.{name}".rpartition(".")
        assert hasattr(importlib.import_module(parent), last) or find_spec(f"unifinit.{name}"), name


def test_plugin_on_the_page_passes_the_conformance_suite(tmp_path: Path) -> None:
    pytest.importorskip("array_api_strict")
    page = (DOCS / "backends.md").read_text("utf-8").partition("(initializers-of-plugins)=")[0]
    plugin, module, tests = re.findall(
        r"^```python\n((?:from|import) .*?)^```", page, re.MULTILINE | re.DOTALL
    )
    entry_points = re.search(r"^\[project\.entry-points\.unifinit]\n(\w+) = \"(\w+)\"$", page, re.MULTILINE)
    assert entry_points is not None
    distribution = tmp_path / "unifinit_strict-1.0.0.dist-info"
    package = tmp_path / entry_points[2]
    for folder in (distribution, package):
        folder.mkdir()
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: unifinit-strict\nVersion: 1.0.0\n")
    (distribution / "entry_points.txt").write_text(f"[unifinit]\n{entry_points[1]} = {entry_points[2]}\n")
    (package / "__init__.py").write_text(plugin)
    (package / "backend.py").write_text(module)
    (tmp_path / "test_page.py").write_text(tests)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "test_page.py"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout


def test_initializer_of_a_plugin_on_the_page_works() -> None:
    page = (DOCS / "backends.md").read_text("utf-8").partition("(initializers-of-plugins)=")[2]
    source = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)[0]
    names: dict[str, Any] = {"__name__": "example_of_the_page"}
    try:
        exec(source, names)
        (record,) = names["unifinit_initializers"]()
        found = ui.get("cubed", scale=2.0)
        assert type(found) is record.load() is names["Cubed"]
        assert found.describe((4, 3)).moments.stddev == pytest.approx((2 / 64) ** 0.5, rel=1e-6)
    finally:
        CLASSES.pop("Cubed", None)
