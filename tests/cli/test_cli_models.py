"""The commands about whole models: ``unifinit spec``, ``init``, ``verify`` and ``diff``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unifinit as ui
from unifinit.checkpoints import open_checkpoint, partial
from unifinit.specs import Spec

pytest.importorskip("jsonschema")
tomli_w = pytest.importorskip("tomli_w")

DOCUMENT = {
    "unifinit_spec": 1,
    "name": "A model",
    "seed": 3,
    "rules": [
        {"path": "**/bias", "initializer": "zeros"},
        {"path": "head/weight", "initializer": "orthogonal"},
        {"path": "**", "initializer": "he_normal"},
    ],
    "parameters": [
        {"name": "fc.weight", "shape": [40, 30]},
        {"name": "fc.bias", "shape": [40]},
        {"name": "größe/head.weight", "path": "head/weight", "shape": [8, 6]},
        {"name": "attn.in_proj_weight", "shape": [12, 4]},
    ],
}
ARRAYS = 4
NBYTES = 4 * (1200 + 40 + 48 + 48)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An own working directory, so that paths in outputs are short."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str = "spec.toml", **entries: Any) -> str:
    document = {key: value for key, value in {**DOCUMENT, **entries}.items() if value is not None}
    text = tomli_w.dumps(document) if name.endswith(".toml") else json.dumps(document)
    Path(name).write_text(text, "utf-8")
    return name


def fingerprint(name: str) -> str:
    return Spec.read(name).plan().fingerprint


def files() -> list[str]:
    return sorted(str(path.relative_to(".")) for path in Path().rglob("*") if path.is_file())


def child(*arguments: str, code: str = "") -> subprocess.Popen[str]:
    program = f"{code}\nimport sys; from unifinit.cli import main; sys.exit(main({list(arguments)!r}))"
    return subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


# spec.


def test_spec_of_a_checkpoint(run, run_json):
    write()
    run("init", "spec.toml", "-o", "a.safetensors")
    status, out, err = run("spec", "a.safetensors", "--recipe", "keras", "--seed", "7", "-o", "b.toml")
    assert (status, err) == (0, "")
    assert out == f"wrote b.toml: {ARRAYS} arrays, {NBYTES:,} bytes\n"
    found = Spec.read("b.toml")
    assert {array.name: list(array.shape) for array in found.arrays} == {
        entry["name"]: entry["shape"] for entry in DOCUMENT["parameters"]
    }
    assert (found.key.seed, found.rules) == (7, ui.Rules("keras"))
    status, document = run_json("spec", "a.safetensors", "--recipe", "keras", "--seed", "7")
    assert (status, Spec.from_document(document)) == (0, found)
    status, out, err = run("spec", "a.safetensors", "--recipe", "keras", "--seed", "7")
    assert (status, out, err) == (0, found.to_toml(), "")


def test_spec_takes_rules(run):
    np.savez("a.npz", **{"fc/kernel": np.zeros((3, 2)), "fc/bias": np.zeros(2)})
    Path("rules.json").write_text(
        '{"**/bias": "zeros", "**": {"class_name": "Orthogonal", "config": {"gain": 2}}}'
    )
    assert run("spec", "a.npz", "--rules", "rules.json", "-o", "b.json")[0] == 0
    assert Spec.read("b.json").rules == ui.Rules({"**/bias": "zeros", "**": ui.Orthogonal(gain=2)})
    assert {array.dtype.name for array in Spec.read("b.json").arrays} == {"float64"}


def test_spec_of_a_configuration(run, monkeypatch):
    monkeypatch.setattr("unifinit.specs.sources.find_spec", lambda _: None)
    sizes = {"vocab_size": 9, "n_positions": 5, "n_embd": 4, "n_layer": 2}
    Path("config.json").write_text(json.dumps({"model_type": "gpt2", **sizes}))
    status, _, err = run("spec", "config.json", "--recipe", "gpt2", "--dtype", "bfloat16", "-o", "b.json")
    assert (status, err) == (0, "")
    found = Spec.read("b.json")
    assert (len(found.arrays), found.name) == (28, "gpt2")
    assert {array.dtype.name for array in found.arrays} == {"bfloat16"}


def test_spec_of_a_function(run, monkeypatch, here):
    Path("own_model.py").write_text(
        "class Model(dict):\n"
        "    def __init__(self): super().__init__({'fc': {'kernel': (3, 2)}})\n"
        "def make(): return Model()\n"
        "made = {'fc': {'kernel': (3, 2)}}\n"
        "def broken(): raise OSError('no\\nmodel')\n"
    )
    for name in ("make", "Model", "made"):
        assert run("spec", f"own_model:{name}", "--recipe", "flax", "-o", f"{name}.json")[0] == 0
        assert [array.paths for array in Spec.read(f"{name}.json").arrays] == [("fc/weight",)]
    for name, told in (
        ("broken", "OSError: no model"),
        ("nothing", "AttributeError"),
        ("x.y", "AttributeError"),
    ):
        status, out, err = run("spec", f"own_model:{name}")
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert f"'own_model:{name}' makes no model: {told}" in err
    sys.modules.pop("own_model")
    assert str(here) not in sys.path


# init.


@pytest.mark.parametrize("name", ["spec.toml", "spec.json"])
@pytest.mark.parametrize("output", ["a.safetensors", "a.npz", "a.zarr", "folder", "new/folder"])
def test_init_writes_and_verify_agrees(run, name, output):
    if output.endswith(".zarr"):
        pytest.importorskip("zarr")
    write(name)
    status, out, err = run("init", name, "-o", output)
    assert (status, err) == (0, "")
    assert out == f"wrote {output}: {ARRAYS} arrays, fingerprint {fingerprint(name)}\n"
    with open_checkpoint(output) as checkpoint:
        assert checkpoint.metadata["unifinit"] == fingerprint(name)
    status, out, err = run("verify", name, output)
    assert (status, err) == (0, "")
    assert out == f"{output} is the start of {name}, Key(3), {fingerprint(name)}\n"


def test_init_in_json_and_with_another_seed(run_json):
    write()
    status, document = run_json("init", "spec.toml", "-o", "a.safetensors", "--seed", "4")
    assert status == 0
    assert document == {
        "output": "a.safetensors",
        "fingerprint": Spec.read("spec.toml").plan(4).fingerprint,
        "bytes": NBYTES,
    }
    status, document = run_json("verify", "spec.toml", "a.safetensors")
    assert (status, document["ok"], document["seed"]) == (1, False, 3)
    verdicts = {entry["name"]: entry["verdict"] for entry in document["arrays"]}
    assert verdicts.pop("fc.bias") == "identical"
    assert set(verdicts.values()) == {"different"}


def test_arrays_that_are_kept_are_not_written(run_json):
    write(rules=[{"path": "fc/*", "initializer": "ones"}], unmatched="keep")
    _, document = run_json("init", "spec.toml", "-o", "a.safetensors")
    assert document["bytes"] == 4 * 1240
    with open_checkpoint("a.safetensors") as checkpoint:
        assert set(checkpoint.arrays) == {"fc.weight", "fc.bias"}
    assert run_json("verify", "spec.toml", "a.safetensors")[0] == 0


def test_a_dry_run_shows_and_writes_nothing(run, run_json):
    write()
    status, out, err = run("init", "spec.toml", "--dry-run")
    assert (status, out, err) == (0, f"{Spec.read('spec.toml').plan()}\n", "")
    assert "head/weight" in out
    assert run_json("init", "spec.toml", "--dry-run") == (0, Spec.read("spec.toml").plan().as_dict())
    status, out, err = run("init", "spec.toml", "--html", "a.html")
    assert (status, out, err) == (0, "wrote a.html\n", "")
    assert "<h1>A model</h1>" in Path("a.html").read_text("utf-8")
    assert files() == ["a.html", "spec.toml"]


def test_an_interrupted_init_goes_on(run, monkeypatch):
    write(
        parameters=[{"name": f"{n}.weight", "shape": [2**10, 2**11]} for n in range(3)],
        rules=[{"path": "**", "initializer": "he_normal"}],
    )
    code = """
import os, signal
from unifinit.checkpoints import partial
partial.STAGE = partial.SYNC = 2**22
write, calls = partial.Resumable.write, []
def dying(self, piece):
    calls.append(len(piece))
    if len(calls) == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return write(self, piece)
partial.Resumable.write = dying
"""
    process = child("init", "spec.toml", "-o", "a.safetensors", code=code)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == -9
    assert not os.path.exists("a.safetensors")
    written = []
    whole = partial.Resumable.write
    monkeypatch.setattr(
        partial.Resumable, "write", lambda self, piece: written.append(len(piece)) or whole(self, piece)
    )
    assert run("init", "spec.toml", "-o", "a.safetensors")[0] == 0
    assert 0 < sum(written) <= 3 * 2**23 - 3 * 2**22 + 2**12  # Blocks begin with the header.
    assert run("init", "spec.toml", "-o", "b.safetensors")[0] == 0
    assert Path("a.safetensors").read_bytes() == Path("b.safetensors").read_bytes()
    assert files() == ["a.safetensors", "b.safetensors", "spec.toml"]


def test_shards_from_two_processes(run, run_json):
    write()
    arguments = ("init", "spec.toml", "-o", "parts", "--shards", "2")
    processes = [child(*arguments, "--index", str(index)) for index in (0, 1)]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, ""), out
    assert run(*arguments, "-o", "whole")[0] == 0
    names = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)] + ["model.safetensors.index.json"]
    assert files() == [
        *(f"parts/{name}" for name in names),
        "spec.toml",
        *(f"whole/{name}" for name in names),
    ]
    for name in names:
        assert Path("parts", name).read_bytes() == Path("whole", name).read_bytes()
    assert run_json("verify", "spec.toml", "parts")[0] == 0
    assert run_json("verify", "spec.toml", "parts/model.safetensors.index.json")[0] == 0


def test_shard_size(run):
    write()
    assert run("init", "spec.toml", "-o", "parts", "--shard-size", "1000")[0] == 0
    assert len(files()) == 1 + 2 + 1


# verify.


def flip(path: str, name: str, element: int) -> None:
    """Flip the lowest bit of an element of a safetensors file."""
    data = bytearray(Path(path).read_bytes())
    length = int.from_bytes(data[:8], "little")
    begin = json.loads(data[8 : 8 + length])[name]["data_offsets"][0]
    data[8 + length + begin + 4 * element] ^= 1
    Path(path).write_bytes(data)


def test_verify_names_the_first_difference(run, run_json):
    write()
    run("init", "spec.toml", "-o", "a.safetensors")
    flip("a.safetensors", "fc.weight", 30 * 11 + 7)
    status, out, err = run("verify", "spec.toml", "a.safetensors")
    assert (status, err) == (1, "")
    first, last = out.splitlines()
    assert first.startswith("fc.weight (fc/weight): differs first at (11, 7): bits 0x")
    assert last.startswith("a.safetensors is not the start of spec.toml, Key(3), v1:")
    assert last.endswith(": 1 of 4 arrays are wrong")
    assert len(run("verify", "spec.toml", "a.safetensors", "--all")[1].splitlines()) == 5
    status, document = run_json("verify", "spec.toml", "a.safetensors")
    (wrong,) = [entry for entry in document["arrays"] if entry["verdict"] != "identical"]
    assert (status, wrong["place"], wrong["path"]) == (1, [11, 7], "fc/weight")
    assert int(wrong["wanted"], 16) ^ int(wrong["found"], 16) == 1
    assert (document["spec"], document["fingerprint"]) == ("spec.toml", fingerprint("spec.toml"))


def test_verify_tells_which_specification_it_is(run, run_json):
    ones = [
        {**rule, "initializer": "ones"} if rule["path"] == "**/bias" else rule for rule in DOCUMENT["rules"]
    ]
    write("a.toml", rules=ones)
    write("b.json")
    write("c.toml", seed=4)
    run("init", "b.json", "-o", "x.safetensors")
    status, out, _ = run("verify", "a.toml", "b.json", "c.toml", "x.safetensors")
    assert (status, out) == (0, f"x.safetensors is the start of b.json, Key(3), {fingerprint('b.json')}\n")
    status, out, err = run("verify", "a.toml", "c.toml", "x.safetensors")
    assert (status, out, err) == (1, "x.safetensors is none of 2 specifications and 0 more seeds\n", "")
    status, document = run_json("verify", "a.toml", "c.toml", "x.safetensors")
    assert (status, document) == (1, {"ok": False, "spec": None, "seed": None, "arrays": []})


def test_specifications_that_begin_alike_are_told_apart(run):
    # The first elements of both are the same, as random numbers come one after the other.
    write(
        "long.toml",
        parameters=[{"name": "a", "shape": [500]}],
        rules=[
            {
                "path": "**",
                "initializer": {
                    "class_name": "Masked",
                    "config": {"initializer": "random_normal", "mask": [True] * 400 + [False] * 100},
                },
            }
        ],
    )
    write(
        "whole.toml",
        parameters=[{"name": "a", "shape": [500]}],
        rules=[{"path": "**", "initializer": "random_normal"}],
    )
    run("init", "whole.toml", "-o", "x.safetensors")
    status, out, _ = run("verify", "long.toml", "whole.toml", "x.safetensors")
    assert (status, out.split(",")[0]) == (0, "x.safetensors is the start of whole.toml")


@pytest.mark.parametrize("seeds", ["0:100", "5,77"])
def test_verify_finds_the_seed(run_json, seeds):
    write()
    run_json("init", "spec.toml", "-o", "x.safetensors", "--seed", "77")
    status, document = run_json("verify", "spec.toml", "x.safetensors", "--seeds", seeds)
    assert (status, document["ok"], document["seed"]) == (0, True, 77)
    assert run_json("verify", "spec.toml", "x.safetensors", "--seeds", "0:70")[0] == 1


# diff.


def test_diff(run, run_json):
    write()
    run("init", "spec.toml", "-o", "a.safetensors")
    with open_checkpoint("a.safetensors") as checkpoint:
        found = {
            name: array.read(0, array.size).reshape(array.shape) for name, array in checkpoint.arrays.items()
        }
    other = {
        "dense/kernel": found["fc.weight"].T.copy(),
        "dense/bias": found["fc.bias"],
        "größe/head/kernel": 2 * found["größe/head.weight"].T.copy(),
        "more": np.zeros(2),
    }
    np.savez("b.npz", **other)
    status, out, err = run("diff", "a.safetensors", "b.npz", "--rename", "fc=dense")
    assert (status, err) == (1, "")
    assert out.splitlines() == [
        "größe/head/weight: scaled: B is 2 times A",
        *(f"attn/{name}/weight: only in A: attn.in_proj_weight" for name in ("query", "key", "value")),
        "more: only in B: more",
        "1 transposed, 1 identical, 1 scaled, 3 only in A, 1 only in B",
    ]
    assert len(run("diff", "a.safetensors", "b.npz", "--rename", "fc=dense", "--all")[1].splitlines()) == 8
    status, document = run_json("diff", "a.safetensors", "b.npz", "--rename", "fc=dense")
    assert (status, document["ok"], len(document["parameters"])) == (1, False, 7)
    assert document["parameters"][0] == {
        "path": "dense/weight",
        "relation": "transposed",
        "detail": "OI... and ...IO",
    }


def test_diff_of_the_same(run):
    write()
    run("init", "spec.toml", "-o", "a.safetensors")
    run("init", "spec.toml", "-o", "b.npz")
    assert run("diff", "a.safetensors", "b.npz") == (0, "6 identical\n", "")
    np.savez("c.npz", x=np.zeros((2, 3)))
    np.savez("d.npz", x=np.zeros((3, 2)))
    assert run("diff", "c.npz", "d.npz")[0] == 1
    assert run("diff", "c.npz", "d.npz", "--layout-a", "x=OI", "--layout-b", "x=IO")[0] == 0
    np.savez("e.npz")
    assert run("diff", "e.npz", "e.npz") == (0, "nothing to compare\n", "")


# What is wrong.


def prepare() -> None:
    write("good.toml")
    write("other-seed.toml", seed=9)
    write(
        "overlap.toml",
        rules=[{"path": "**", "initializer": "he_normal"}, {"path": "fc/*", "initializer": "zeros"}],
    )
    write("twice.toml", rules=[{"path": "**", "initializer": name} for name in ("zeros", "ones")])
    write("unknown.toml", rules=[{"path": "**", "initializer": "he_norml"}])
    write("unmatched.toml", rules=[{"path": "fc/*", "initializer": "zeros"}])
    write(
        "shape.toml",
        rules=[{"path": "**", "initializer": {"class_name": "Constant", "config": {"value": [1, 2]}}}],
    )
    write("layout.toml", parameters=[{"name": "a.weight", "shape": [2, 2], "layout": "OIHW"}])
    write("names.toml", parameters=[{"name": "a", "shape": [2]}] * 2)
    write("paths.toml", parameters=[{"name": f"a.{leaf}", "shape": [2, 2]} for leaf in ("kernel", "weight")])
    write("separator.toml", parameters=[{"name": "a//b", "shape": [2]}])
    write("invisible.toml", parameters=[{"name": "a.b\u200b", "shape": [2]}])
    write("later.toml", unifinit_spec=2)
    write("stream.toml", stream="v2")
    write("huge.toml", parameters=[{"name": "a", "shape": [2**40, 2**40]}])
    Path("broken.toml").write_text("a = ")
    Path("text.safetensors").write_text("text")
    Path("taken").write_text("mine")
    Path("taken.safetensors").write_text("mine")
    Path("taken.toml").write_text("mine")
    Path("taken.html").write_text("mine")
    Path("taken.zarr").write_text("mine")
    Path("model.pt").write_bytes(b"\x80\x04.")
    Path("rules.json").write_text("[")
    Path("list.json").write_text("[]")
    Path("config.json").write_text('{"model_type": "llama", "num_attention_heads": 0}')
    np.savez("x.npz", **{"fc/kernel": np.zeros((3, 2))})


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            "init overlap.toml -o new",
            "decides nothing: all that it matches is taken by Rule('**', HeNormal())",
        ),
        ("init twice.toml -o new", "rules select the same parameters in two ways"),
        ("init unknown.toml -o new", "unknown.toml: at rules[0]: no initializer 'he_norml' (did you mean"),
        ("init unmatched.toml -o new", "no rule matches 4 parameters: 'head/weight'"),
        ("init shape.toml -o new", "fc/weight: "),
        ("init layout.toml -o new", "a.weight: layout 'OIHW' is for 4 axes"),
        ("init names.toml -o new", "two parameters are called 'a'"),
        ("init paths.toml -o new", "path 'a/weight' stands for both 'a.kernel' and 'a.weight'"),
        ("init separator.toml -o new", "path 'a//b' has an empty component"),
        ("init invisible.toml -o new", "has a component 'b\\u200b'"),
        ("init later.toml -o new", "is of version 2 of the format, this unifinit reads version 1"),
        ("init stream.toml -o new", "is for version 'v2' of the random stream"),
        ("init huge.toml -o new", "wanted fewer than 2**63"),
        ("init broken.toml -o new", "broken.toml cannot be read: Invalid value"),
        ("init missing.toml -o new", "No such file or directory: 'missing.toml'"),
        ("init good -o new", "good: the name ends in none of .toml, .json"),
        ("init good.toml", "there is nothing to write to; wanted --output, --dry-run or --html"),
        ("init good.toml -o new --dry-run", "--dry-run writes nothing; wanted it without --output"),
        ("init good.toml -o new --dry-run --html new.html", "--dry-run writes nothing"),
        ("init good.toml -o new.npz --shards 2", "new.npz is one file; wanted a folder for --shards"),
        ("init good.toml -o new.npz --html new.html --index 0", "new.npz is one file"),
        ("init good.toml -o new --shards 2 --index 2", "index=2, but there are 2 files; wanted 0 to 1"),
        ("init good.toml -o new --shards 9", "4 arrays cannot fill 9 files"),
        ("init good.toml -o new --shards 0", "shards=0; wanted at least 1"),
        ("init good.toml -o new --shards x", "'x' is no integer"),
        ("init good.toml -o taken.safetensors", "there is a file; wanted another name, or --overwrite"),
        ("init good.toml -o taken", "taken"),
        ("init good.toml -o taken/new", "taken"),
        ("init good.toml -o taken/new.safetensors", "taken"),
        ("init good.toml -o nowhere/new.safetensors", "No such file or directory"),
        ("init good.toml --html taken.html", "there is a file"),
        ("init good.toml -o new --seed -1", "0 <= seed < 2**64"),
        ("verify good.toml", "there is one path; wanted SPEC ... CHECKPOINT"),
        ("verify good.toml missing.npz", "No such file or directory: 'missing.npz'"),
        ("verify good.toml text.safetensors", "text.safetensors has 4 bytes; wanted a safetensors file"),
        ("verify good.toml model.pt", "model.pt depends on unpickling"),
        ("verify later.toml x.npz", "is of version 2 of the format"),
        ("verify good.toml x.npz --seeds 1:x", "'x' is no seed"),
        ("diff x.npz missing.npz", "No such file or directory: 'missing.npz'"),
        ("diff x.npz x.npz --rename fc", "'fc' is no pair; wanted OLD=NEW"),
        ("diff x.npz x.npz --rename fd=x", "rename has 'fd', which matches no path of the first checkpoint"),
        ("diff x.npz x.npz --layout-a **=OX", "layout 'OX' is malformed"),
        ("diff x.npz x.npz --layout-b **/wieght=OI", "layouts have '**/wieght', which decides nothing"),
        ("spec x.npz --recipe torc", "names neither a recipe nor an initializer (did you mean 'torch'?)"),
        ("spec x.npz --rules rules.json", "rules.json cannot be read: Expecting value"),
        ("spec x.npz --rules list.json", "list.json holds no object"),
        ("spec x.npz --rules list.json --recipe torch", "--rules and --recipe are both given"),
        ("spec x.npz --dtype float16", "--dtype is for a config.json"),
        ("spec x.npz -o taken.toml", "there is a file"),
        ("spec x.npz -o new.yaml", "the name ends in none of .toml, .json"),
        ("spec list.json", "list.json has no model_type"),
        ("spec missing.json", "No such file or directory: 'missing.json'"),
        ("spec missing.npz", "'missing.npz' is no file, and not of the form package.module:function"),
        ("spec no_such_module:make", "'no_such_module:make' makes no model: ModuleNotFoundError"),
        ("spec .:make", "'.:make' makes no model"),
    ],
)
def test_what_is_wrong_is_told_in_one_line_and_harms_nothing(run, monkeypatch, arguments, told):
    monkeypatch.setattr("unifinit.specs.sources.find_spec", lambda _: None)
    prepare()
    before = {name: Path(name).read_bytes() for name in files()}
    status, out, err = run(*arguments.split())
    assert (status, out) == (2, "")
    assert err.startswith("unifinit: ")
    assert err.count("\n") == 1
    assert told in err
    assert {name: Path(name).read_bytes() for name in files()} == before


def test_a_group_of_zarr_that_is_none_is_left_alone(run):
    pytest.importorskip("zarr")
    prepare()
    status, out, err = run("init", "good.toml", "-o", "taken.zarr", "--overwrite")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert Path("taken.zarr").read_text() == "mine"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="whoever is root may do all")
def test_without_permission(run):
    write()
    Path("closed").mkdir(mode=0o500)
    for output in ("closed/a.safetensors", "closed/a.npz", "closed/folder"):
        status, out, err = run("init", "spec.toml", "-o", output)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert "Permission denied" in err
    Path("spec.toml").chmod(0)
    assert "Permission denied" in run("init", "spec.toml", "--dry-run")[2]


def test_without_permission_as_the_system_tells_it(run, monkeypatch):
    # Also where the tests may do all.
    write()

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied", "a.safetensors")

    monkeypatch.setattr("unifinit.cli.models.write_checkpoint", refuse)
    status, out, err = run("init", "spec.toml", "-o", "a.safetensors")
    assert (status, out) == (2, "")
    assert err == "unifinit: [Errno 13] Permission denied: 'a.safetensors'\n"


def test_too_little_memory_is_told(run, monkeypatch):
    write()

    def refuse(*_: Any, **__: Any) -> None:
        raise MemoryError("Unable to allocate 8.00 EiB")

    monkeypatch.setattr("unifinit.cli.models.write_checkpoint", refuse)
    status, out, err = run("init", "spec.toml", "-o", "a.safetensors")
    assert (status, out, err) == (
        2,
        "",
        "unifinit: there is not enough memory: Unable to allocate 8.00 EiB\n",
    )


def test_overwrite_replaces_what_is_there(run):
    write()
    for name in ("a.safetensors", "a.npz", "a.html"):
        Path(name).write_text("mine")
    assert run("init", "spec.toml", "-o", "a.safetensors", "--html", "a.html", "--overwrite")[0] == 0
    assert run("init", "spec.toml", "-o", "a.npz", "--overwrite")[0] == 0
    assert run("diff", "a.safetensors", "a.npz")[0] == 0
    assert Path("a.html").read_text("utf-8").startswith("<!doctype html>")


def test_a_rule_that_matches_nothing_is_a_warning_of_one_line(run):
    write(rules=[{"path": "nothing", "initializer": "zeros"}, {"path": "**", "initializer": "he_normal"}])
    status, _, err = run("init", "spec.toml", "-o", "a.safetensors")
    assert status == 0
    assert err.startswith(
        "unifinit: warning: Rule('nothing', Zeros()) decides nothing: nothing matches it; paths"
    )
    assert err.count("\n") == 1


def test_a_terminal_that_lacks_a_character_is_no_error():
    write()
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "unifinit.cli", "init", "spec.toml", "-o", "größe.safetensors"],
        capture_output=True,
        check=False,
        env=environment,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"wrote gr\\xf6\\xdfe.safetensors: 4 arrays")
