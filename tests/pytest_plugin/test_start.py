"""What the plugin costs runs of pytest that do not use it: nothing but its import."""

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

HEAVY = {"numpy", "unifinit", "torch", "tensorflow", "jax", "dask", "array_api_compat"}
ROOT = Path(__file__).parents[2]
PLAIN = "def test():\n    pass\n"
REPORT = """
import sys

def pytest_unconfigure():
    print("LOADED", *sorted({name.partition(".")[0] for name in sys.modules}))
"""


def loaded(folder, source, *options):
    """The top-level modules of a process in which the tests of a source text have run."""
    (folder / "test_it.py").write_text(source)
    (folder / "conftest.py").write_text(REPORT)
    # The path as this process has it, so that the same sources are tested.
    path = os.pathsep.join([str(ROOT), str(ROOT / "backends"), *filter(None, sys.path)])
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "-p", "unifinit_pytest"]
    done = subprocess.run(
        [*command, *options],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return set(done.stdout.rpartition("LOADED")[2].split())


@pytest.mark.parametrize(
    "source",
    [PLAIN, "import pytest\n@pytest.mark.parametrize('x', [1])\ndef test(x, tmp_path):\n    pass\n"],
    ids=["plain", "fixtures"],
)
def test_of_others_import_nothing(tmp_path, source):
    found = loaded(tmp_path, source)
    assert "unifinit_pytest" in found
    assert found & HEAVY == set()


@pytest.mark.parametrize("option", ["--unifinit-update-golden", "--collect-only"])
def test_nor_do_options_that_choose_no_backend(tmp_path, option):
    assert loaded(tmp_path, PLAIN, option) & HEAVY == set()


def test_a_fixture_imports_what_it_needs(tmp_path):
    # Otherwise the tests above could not fail.
    source = "def test(unifinit_backend):\n    pass\n"
    assert {"unifinit", "numpy"} <= loaded(tmp_path, source, "--unifinit-backends=numpy")


def test_entry_point_has_the_name_of_the_module():
    # Or pytest would load it twice if it were asked for by -p.
    found = [point for point in entry_points(group="pytest11") if point.value == "unifinit_pytest"]
    if not found:
        pytest.skip("unifinit is not installed with this entry point: install it again")
    assert [point.name for point in found] == ["unifinit_pytest"]


def test_class_of_the_fixture_is_public():
    import unifinit_pytest
    from unifinit_pytest.backends import BackendUnderTest

    assert unifinit_pytest.BackendUnderTest is BackendUnderTest
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        unifinit_pytest.nothing  # noqa: B018
