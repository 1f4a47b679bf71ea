import subprocess
import sys

import pytest

import unifinit
from unifinit.cli.arguments import make_parser


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("", "no command"),
        ("frobnicate", "frobnicate"),
        ("--frobnicate", "--frobnicate"),
        ("compare nope", "no initializer 'nope'"),
        ("compare --shape 3,x", "'3,x' is no shape"),
        ("compare --shape=3,-1", "negative"),
        ("compare --shape=3,,1", "is no shape"),
        ("compare --dtype float31", "did you mean 'float32'"),
        ("compare --dtype float32,", "empty name"),
        ("compare --layout OX", "layout 'OX' is malformed"),
        ("compare --layout HWIO", "is for 4 axes"),
        ("compare --backends troch", "known: dask"),
        ("compare --seed x", "'x' is no seed"),
        ("compare --seed=-1", "0 <= seed < 2**64"),
        ("compare --seed 18446744073709551616", "0 <= seed < 2**64"),
        ("compare --repeats many", "'many' is no number of runs"),
        ("describe he_normal", "--shape"),
        ("describe he_normal --shape 3,3 --set scale=2", "no hyperparameter 'scale'"),
        ("describe RandomNormal --shape 3 --set stddev", "KEY=VALUE"),
        ("describe RandomNormal --shape 3 --set stddev=-1", "wanted at least 0"),
        ("describe RandomNormal --shape 3 --set seed=abc", "seed 'abc'"),
        ("describe RandomNormal --shape 3 --dtype int32", "RandomNormal draws real numbers"),
        ("describe Orthogonal --shape 3", "Orthogonal wants at least 2"),
    ],
)
def test_wrong_arguments_are_told_in_one_line_with_status_2(run, arguments, told):
    status, out, err = run(*arguments.split())
    assert (status, out) == (2, "")
    assert err.startswith("unifinit: ")
    assert err.count("\n") == 1
    assert told in err


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("3,3,64,128", (3, 3, 64, 128)),
        ("7", (7,)),
        ("()", ()),
        ("(2, 3)", (2, 3)),
        ("5,", (5,)),
        ("0,4", (0, 4)),
    ],
)
def test_shapes_are_read_as_they_are_written(text, shape):
    assert make_parser().parse_args(["compare", "--shape", text]).shape == shape


def test_lists_keep_their_order_and_lose_repetitions():
    arguments = make_parser().parse_args(
        ["compare", "--dtype", "float64,float32,float64", "--backends", "b, a,b"]
    )
    assert arguments.dtype == ["float64", "float32"]
    assert arguments.backends == ["b", "a"]


def test_seeds_have_64_bits_and_may_be_hexadecimal():
    assert make_parser().parse_args(["compare", "--seed", "0xffffffffffffffff"]).seed == 2**64 - 1


def test_settings_are_json_or_else_strings():
    settings = ["stddev=0.5", "value=[1, 2]", "maxval=null", "mode=fan_out", "name=a=b"]
    arguments = ["describe", "x", "--shape", "1", *(word for text in settings for word in ("--set", text))]
    assert make_parser().parse_args(arguments).config == [
        ("stddev", 0.5),
        ("value", [1, 2]),
        ("maxval", None),
        ("mode", "fan_out"),
        ("name", "a=b"),
    ]


@pytest.mark.parametrize("arguments", [("--json", "list"), ("list", "--json")])
def test_json_is_asked_for_before_or_behind_the_command(arguments):
    assert make_parser().parse_args(arguments).json


def test_help_fits_a_narrow_terminal_and_documents_every_key(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    with pytest.raises(SystemExit) as exit_:
        make_parser().parse_args(["compare", "--help"])
    text = capsys.readouterr().out
    assert exit_.value.code == 0
    assert max(map(len, text.splitlines())) <= 90
    assert "not_compared" in text


def test_version(run, run_json):
    assert run("--version") == (0, f"unifinit {unifinit.__version__}\n", "")
    assert run_json("--version")[1]["unifinit"] == unifinit.__version__


def test_the_module_can_be_run():
    done = subprocess.run(
        [sys.executable, "-m", "unifinit.cli", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"unifinit {unifinit.__version__}\n"


def test_no_framework_is_imported_for_a_list():
    code = (
        "import sys; from unifinit.cli import main; main(['list', '--json']); "
        "sys.exit(not {'jax', 'tensorflow', 'torch', 'rich', 'pytest'}.isdisjoint(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_a_reader_who_has_seen_enough_is_no_error():
    code = "import os, sys; from unifinit.cli import main; os.close(0); sys.exit(main(['list', '--json']))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141
