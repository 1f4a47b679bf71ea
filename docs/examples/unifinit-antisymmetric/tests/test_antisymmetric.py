"""The conformance suites of unifinit, and what the initializer promises itself."""

import subprocess
import sys

import numpy as np
import pytest

import unifinit as ui
from unifinit.testing import BackendConformance, InitializerConformance


class TestBackend(BackendConformance):
    backend = "strict"


class TestInitializer(InitializerConformance):
    initializer = "antisymmetric"
    shapes = ((6, 6), (3, 4, 4))
    layouts = ("IO", "GIO")


def test_plus_its_transpose_is_the_damping():
    matrix = ui.get("antisymmetric", damping=0.25, seed=3)((8, 8), backend="strict", dtype="float64")
    matrix = np.asarray(matrix)
    assert np.array_equal(matrix + matrix.T, -0.5 * np.eye(8))


def test_is_found_by_every_name():
    names = ("Antisymmetric", "antisymmetric", "antisymmetric_initializer", "antisymmetric_rnn")
    assert {repr(ui.get(name)) for name in names} == {"Antisymmetric()"}


def test_is_listed():
    listed = subprocess.run(
        [sys.executable, "-m", "unifinit.cli", "list", "--json"], capture_output=True, text=True, check=True
    )
    assert '"Antisymmetric"' in listed.stdout


def test_backend_is_listed():
    assert ui.backends()["strict"].state == "installed"


@pytest.mark.parametrize("shape", [(3, 4), (5,), (2, 3, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ui.ShapeError, match="wanted a square matrix"):
        ui.get("antisymmetric")(shape)
