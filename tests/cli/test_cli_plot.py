import sys

import pytest

import unifinit as ui


@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("SVG", b"<?xml")])
def test_the_suffix_decides_the_format(run, tmp_path, suffix, start):
    pytest.importorskip("matplotlib")
    path = tmp_path / f"picture.{suffix}"
    assert run("plot", "he_normal", "--shape", "8,6", "--output", str(path)) == (0, f"wrote {path}\n", "")
    assert path.read_bytes().startswith(start)


def test_pictures_do_not_change_from_run_to_run(run, tmp_path):
    pytest.importorskip("matplotlib")
    paths = [tmp_path / "a.svg", tmp_path / "b.svg", tmp_path / "c.svg"]
    for path, seed in zip(paths, ("0", "0", "1"), strict=True):
        run("plot", "he_normal", "--shape", "8,6", "--seed", seed, "--output", str(path))
    first, second, other = (path.read_bytes() for path in paths)
    assert first == second != other


def test_json_has_theory_and_sample(run_json, tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "a.png"
    status, document = run_json(
        *("plot", "random_normal", "--shape", "8,4,3,3", "--layout", "OIHW", "--dtype", "float64"),
        *("--seed", "3", "--set", "stddev=0.5", "--output", str(path)),
    )
    init = ui.RandomNormal(stddev=0.5)
    values = init((8, 4, 3, 3), "float64", seed=3, layout="OIHW")
    assert status == 0
    assert document["output"] == str(path)
    assert document["description"] == init.describe((8, 4, 3, 3), "float64", layout="OIHW").as_dict()
    assert document["sample"] == {
        "seed": 3,
        "count": 288,
        "mean": pytest.approx(values.mean()),
        "stddev": pytest.approx(values.std()),
        "minimum": values.min(),
        "maximum": values.max(),
    }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("plot", "NAME"),
        ("plot ones --shape 3", "--output"),
        ("plot ones --output a.png", "--shape"),
        ("plot ones --shape 3 --output a.pdf", "'.png', '.svg'"),
        ("plot ones --shape 3 --output picture", "'.png', '.svg'"),
        ("plot ones --shape 3 --output nowhere/a.png", "no folder 'nowhere'"),
        ("plot nope --shape 3 --output a.png", "no initializer 'nope'"),
        ("plot ones --shape 0,3 --output a.png", "has no elements"),
        ("plot he_normal --shape 3 --dtype int32 --output a.png", "draws real numbers"),
        ("plot he_normal --shape 3,3 --layout HWIO --output a.png", "is for 4 axes"),
        ("plot he_normal --shape 3 --set scale=2 --output a.png", "no hyperparameter 'scale'"),
    ],
)
def test_wrong_arguments_are_told_in_one_line_with_status_2(run, arguments, told):
    pytest.importorskip("matplotlib")
    status, out, err = run(*arguments.split())
    assert (status, out) == (2, "")
    assert err.startswith("unifinit: ")
    assert err.count("\n") == 1
    assert told in err


def test_without_matplotlib_the_way_to_get_it_is_told(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    status, out, err = run("plot", "ones", "--shape", "3", "--output", "a.png")
    assert (status, out) == (2, "")
    assert 'pip install "unifinit[plot]"' in err
