import json
import sys

import pytest

import unifinit as ui
from unifinit.propagation import probe

SMALL = ("--width", "24", "--depth", "5", "--samples", "3")


def test_probe_tells_what_the_library_tells(run_json):
    status, document = run_json(
        *("probe", "he_normal", "GlorotUniform", *SMALL, "--activation", "tanh", "--residual", "0.5"),
        *("--bias-variance", "0.1", "--correlation", "0.2", "--seed", "0x7", "--dtype", "float16"),
    )
    found = probe(
        "he_normal",
        "glorot_uniform",
        width=24,
        depth=5,
        samples=3,
        activation="tanh",
        residual=0.5,
        bias_variance=0.1,
        correlation=0.2,
        seed=7,
        dtype="float16",
    )
    assert status == 0
    assert document == {**found.as_dict(), "output": None}


def test_defaults_are_those_of_the_library(run_json):
    document = run_json("probe", "he_normal")[1]
    assert document.pop("output") is None
    assert document == probe("he_normal").as_dict()


def test_backends_give_the_same(run_json):
    pytest.importorskip("torch")
    expected = run_json("probe", "orthogonal", *SMALL)[1]
    found = run_json("probe", "orthogonal", *SMALL, "--backend", "torch")[1]
    assert (found.pop("backend"), expected.pop("backend")) == ("torch", "numpy")
    assert found == expected


def test_hyperparameters_are_set(run_json):
    document = run_json("probe", "random_normal", *SMALL, "--set", "stddev=0.5")[1]
    assert document["runs"][0]["stddev"] == 0.5


def test_an_initializer_named_twice_is_probed_once(run_json):
    assert len(run_json("probe", "ones", "ones", *SMALL)[1]["runs"]) == 1


def test_infinities_are_strings(run_json):
    status, document = run_json("probe", "random_normal", "--width", "50", "--depth", "300")
    assert status == 0
    assert document["runs"][0]["measured"]["activations"][-1] == "Infinity"


@pytest.mark.parametrize("width", [100, 140])
def test_tables_fit_and_show_the_facts(run, monkeypatch, width):
    pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", str(width))
    status, out, err = run("probe", "he_normal", "glorot_normal", "ones", "--width", "100")
    assert (status, err) == (0, "")
    assert max(map(len, out.splitlines())) <= width
    shown = ["32 layers of width 100, relu", "HeNormal()", "stable", "vanishing", "exploding", "critical"]
    assert all(text in out for text in [*shown, "no theory"])


def test_a_picture_is_written(run, tmp_path):
    pytest.importorskip("matplotlib")
    pytest.importorskip("rich")
    path = tmp_path / "probe.png"
    status, out, err = run("probe", "he_normal", *SMALL, "--output", str(path))
    assert (status, err) == (0, "")
    assert f"wrote {path}" in out
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("probe", "NAME"),
        ("probe nope", "no initializer 'nope'"),
        ("probe ones --width many", "'many' is no integer"),
        ("probe ones --width 4", "width is 4; wanted at least 9"),
        ("probe ones --depth 0", "depth is 0; wanted at least 1"),
        ("probe ones --activation rleu", "did you mean 'relu'"),
        ("probe ones --residual x", "'x' is no number"),
        ("probe ones --residual nan", "residual is nan"),
        ("probe ones --bias-variance=-1", "wanted at least 0"),
        ("probe ones --correlation 2", "from 0 to 1"),
        ("probe ones --backend nunpy", "did you mean 'numpy'"),
        ("probe ones --dtype int32", "draws real numbers"),
        ("probe ones --seed=-1", "0 <= seed < 2**64"),
        ("probe ones --set value", "KEY=VALUE"),
        ("probe ones --output picture.jpg", "'.png', '.svg'"),
        ("probe ones --output nowhere/picture.png", "no folder 'nowhere'"),
    ],
)
def test_wrong_arguments_are_told_in_one_line_with_status_2(run, arguments, told):
    status, out, err = run(*arguments.split(), "--json")
    assert (status, out) == (2, "")
    assert err.startswith("unifinit: ")
    assert err.count("\n") == 1
    assert told in err


def test_without_matplotlib_nothing_is_probed(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr("unifinit.cli.commands.probe", None)
    status, out, err = run("probe", "ones", "--output", "a.png")
    assert (status, out) == (2, "")
    assert 'pip install "unifinit[plot]"' in err


def test_without_rich_the_way_to_get_it_is_told(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich", None)
    status, out, err = run("probe", "ones", *SMALL)
    assert (status, out) == (2, "")
    assert 'pip install "unifinit[cli]"' in err
    status, out, err = run("probe", "ones", *SMALL, "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["runs"][0]["initializer"] == ui.serialize(ui.Ones())
