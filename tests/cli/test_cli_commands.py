import json
import sys

import pytest

import unifinit as ui
from unifinit import host
from unifinit.cli import tables


def test_list_has_every_public_initializer_with_its_defaults(run_json):
    status, document = run_json("list")
    listed = {entry["name"]: entry for entry in document["initializers"]}
    public = {
        name
        for name in ui.__all__
        if isinstance(getattr(ui, name), type) and issubclass(getattr(ui, name), ui.Initializer)
    } - {"Initializer"}
    assert status == 0
    assert set(listed) == public
    assert listed["VarianceScaling"] == {
        "name": "VarianceScaling",
        "summary": ui.VarianceScaling.summary,
        "hyperparameters": {
            "scale": 1.0,
            "mode": "fan_in",
            "distribution": "normal",
            "gain": 1.0,
            "seed": None,
        },
        "required": [],
        "formula": ui.VarianceScaling.formula,
        "source": ui.VarianceScaling.source,
        "names": ["variance_scaling", "variance_scaling_initializer"],
        "plugin": None,
    }
    assert listed["ChronoBias"]["required"] == ["longest"]
    assert document["broken"] == {}


def test_describe_tells_what_the_library_tells(run_json):
    status, document = run_json(
        "describe", "he_normal", "--shape", "128,64,3,3", "--layout", "OIHW", "--dtype", "float16"
    )
    assert status == 0
    assert document == ui.HeNormal().describe((128, 64, 3, 3), "float16", layout="OIHW").as_dict()
    assert document["fan_in"] == 576


def test_describe_sets_hyperparameters(run_json):
    _, document = run_json(
        "describe", "RandomNormal", "--shape", "3", "--set", "stddev=0.5", "--set", "mean=2"
    )
    assert document["config"] == {"mean": 2.0, "stddev": 0.5, "seed": None}
    assert (document["mean"], document["stddev"], document["maximum"]) == (2.0, 0.5, None)


def test_numbers_that_json_lacks_are_strings(run_json):
    _, document = run_json("describe", "Constant", "--shape", "3", "--set", "value=NaN")
    assert document["config"] == {"value": "NaN"}


def test_backends_tells_versions_and_how_to_get_what_is_missing(run_json, only_numpy):
    status, document = run_json("backends")
    found = {entry["name"]: entry for entry in document["backends"]}
    assert status == 0
    assert found["numpy"].pop("execution") == host.execution(uses_kernel=True)
    assert found["numpy"] == {
        "name": "numpy",
        "state": "installed",
        "version": sys.modules["numpy"].__version__,
        "detail": "",
    }
    assert found["torch"]["state"] == "disabled"


def test_backends_survives_a_framework_that_crashes(run_json, only_numpy, fake_backend):
    fake_backend(load="os.abort()")
    status, document = run_json("backends")
    found = {entry["name"]: entry for entry in document["backends"]}
    assert status == 0
    assert found["numpy"]["state"] == "installed"
    assert found["fake"]["state"] == "broken"
    assert "SIGABRT" in found["fake"]["detail"]


@pytest.mark.parametrize("width", [100, 140])
@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ("list", ["GlorotUniform", "truncated normal, variance 2 / fan_in", "mode='fan_in'"]),
        ("describe RandomUniform --shape 3,4", ["0.28867513", "3x4", "0 to 1"]),
        ("describe RandomNormal --shape ()", ["scalar", "none"]),
        ("backends", ["numpy", "installed"]),
    ],
)
def test_tables_fit_and_show_the_facts(run, only_numpy, monkeypatch, width, arguments, shown):
    pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", str(width))
    status, out, err = run(*arguments.split())
    assert (status, err) == (0, "")
    assert max(map(len, out.splitlines())) <= width
    assert all(text in out for text in shown)


@pytest.mark.parametrize("arguments", ["list", "describe Zeros --shape 3", "backends", "compare Zeros"])
def test_tables_without_rich_tell_how_to_get_it(run, monkeypatch, arguments):
    monkeypatch.setitem(sys.modules, "rich", None)
    status, out, err = run(*arguments.split())
    assert (status, out) == (2, "")
    assert 'pip install "unifinit[cli]"' in err
    assert "--json" in err


@pytest.mark.parametrize(
    "arguments",
    [
        "list",
        "describe Zeros --shape 3",
        "backends",
        "compare Zeros --backends numpy,array_api_strict --repeats 0",
    ],
)
def test_json_needs_no_rich(run, monkeypatch, only_numpy, arguments):
    pytest.importorskip("array_api_strict")
    monkeypatch.setitem(sys.modules, "rich", None)
    status, out, err = run(*arguments.split(), "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)


def test_progress_is_shown_on_a_terminal_only(monkeypatch, capsys):
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm")
    with tables.progress() as advance:
        advance("numpy", 1, 2)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with tables.progress() as advance:
        advance("numpy", 1, 2)
    captured = capsys.readouterr()
    assert "numpy" in captured.err
    assert captured.out == ""
