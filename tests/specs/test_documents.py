"""Files of specifications: what is read and written, and what is refused, with the place where it stands."""

from __future__ import annotations

import copy
import json
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import unifinit as ui
from unifinit.errors import ConfigError, MissingPackageError, RuleError, SpecError, UnifinitError
from unifinit.layout import as_layout
from unifinit.models.arrays import LAYERS, ModelArray, Split
from unifinit.specs import Spec, documents, schema
from unifinit.types import DTYPES, as_dtype

jsonschema = pytest.importorskip("jsonschema")
tomli_w = pytest.importorskip("tomli_w")


def document(**entries: Any) -> dict[str, Any]:
    """A sound document with other entries; None removes one."""
    found = {
        "unifinit_spec": 1,
        "seed": 0,
        "rules": [{"path": "**", "initializer": "he_normal"}],
        "parameters": [{"name": "fc.weight", "shape": [4, 3]}],
        **entries,
    }
    return {name: value for name, value in found.items() if value is not None}


def parameter(**entries: Any) -> dict[str, Any]:
    return document(parameters=[{"name": "fc.weight", "shape": [6, 4], **entries}])


def rule(**entries: Any) -> dict[str, Any]:
    return document(rules=[{"path": "**", "initializer": "he_normal", **entries}])


def nested(depth: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(depth):
        found = [found]
    return found


# The schema.


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema()["properties"]["unifinit_spec"]["const"] == documents.FORMAT


def test_the_schema_has_the_layers_and_dtypes_of_the_library() -> None:
    assert schema()["$defs"]["layer"]["enum"] == list(LAYERS)
    pattern = re.compile(schema()["$defs"]["dtype"]["pattern"])
    assert [name for name in DTYPES if not pattern.search(name)] == []


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2**65) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
PLACES = [
    ("unifinit_spec",),
    ("stream",),
    ("seed",),
    ("name",),
    ("dtype",),
    ("unmatched",),
    ("rules",),
    ("rules", 0),
    ("rules", 0, "path"),
    ("rules", 0, "initializer"),
    ("rules", 0, "layer"),
    ("rules", 0, "layout"),
    ("rename",),
    ("parameters",),
    ("parameters", 0),
    ("parameters", 0, "name"),
    ("parameters", 0, "path"),
    ("parameters", 0, "shape"),
    ("parameters", 0, "dtype"),
    ("parameters", 0, "layer"),
    ("parameters", 0, "layout"),
    ("parameters", 0, "splits"),
    ("architecture",),
    ("something",),
]


@given(st.sampled_from(PLACES), VALUES)
def test_schema_and_reader_agree(place: tuple[Any, ...], value: Any) -> None:
    found = document()
    inner: Any = found
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = value
    is_valid = jsonschema.Draft202012Validator(schema()).is_valid(found)
    try:
        Spec.from_document(found)
    except SpecError:
        return  # The reader may refuse more: names of initializers, malformed patterns.
    assert is_valid


# What is refused.


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (document(unifinit_spec=None), "at the top: 'unifinit_spec' is a required property"),
        (document(seed=None), "at the top: 'seed' is a required property"),
        (document(rules=None), "at the top: 'rules' is a required property"),
        (document(parameters=None), "at the top: there are neither parameters nor an architecture"),
        (document(unifinit_spec="1"), "at unifinit_spec: 1 was expected"),
        (document(unifinit_spec=True), "at unifinit_spec: 1 was expected"),
        (document(speed=1), "at the top: Additional properties are not allowed ('speed' was unexpected)"),
        (document(seed=-1), "at seed: -1 is less than the minimum of 0"),
        (document(seed=2**64), "at seed: 18446744073709551616 is greater than the maximum"),
        (document(seed="0"), "at seed: '0' is not of type 'integer'"),
        (document(seed=1.0), "seed 1.0 is a float; wanted an integer"),
        (document(dtype="float31"), "at dtype: 'float31' does not match"),
        (document(dtype="float8_x"), "unknown dtype 'float8_x'"),
        (document(unmatched="ignore"), "at unmatched: 'ignore' is not one of ['error', 'keep']"),
        (document(rules=[]), "at rules: []"),
        (document(rules={}), "at rules: {} is not of type 'array'"),
        (document(rules=["zeros"]), "at rules[0]: 'zeros' is not of type 'object'"),
        (rule(path=""), "at rules[0].path: ''"),
        (rule(initializer=3), "at rules[0].initializer: 3 is not of type 'object'"),
        (rule(initializer={"config": {}}), "at rules[0].initializer: 'class_name' is a required property"),
        (rule(layer="dens"), "at rules[0].layer: 'dens' is not one of"),
        (rule(layer=""), "at rules[0].layer: '' is not one of"),
        (rule(recipe="torch"), "at rules[0]: Additional properties are not allowed"),
        (document(rules=[{"recipe": "torc"}]), "at rules[0]: no recipe 'torc' (did you mean 'torch'?)"),
        (
            document(rules=[{"recipe": "gpt2", "settings": {"name": 1}}]),
            "at rules[0]: recipe 'gpt2' has no setting 'name'; wanted 'stddev'",
        ),
        (
            document(rules=[{"recipe": "gpt2", "settings": {"self": 1}}]),
            "at rules[0]: recipe 'gpt2' has no setting 'self'",
        ),
        (
            document(rules=[{"recipe": "gpt2", "settings": {"layers": 0}}]),
            "at rules[0]: layers is 0; wanted an integer, at least 1",
        ),
        (rule(initializer="he_norml"), "at rules[0]: no initializer 'he_norml' (did you mean 'he_normal'?)"),
        (
            rule(initializer={"class_name": "HeNormal", "config": {"self": 1}}),
            "at rules[0]: HeNormal has no hyperparameter 'self'",
        ),
        (
            rule(initializer={"class_name": "HeNormal", "config": {"seed": 1}}),
            "at rules[0]: rule '**' has HeNormal(seed=1) with a seed of its own; wanted it without",
        ),
        (rule(path="re:("), "at rules[0]: pattern 're:(' is malformed"),
        (rule(path="re:a{99999999999999999999}"), "at rules[0]: pattern"),
        (rule(path="re:" + "(" * 5000), "at rules[0]: pattern"),
        (rule(path="a//c"), "at rules[0]: pattern 'a//c' has an empty component"),
        (rule(layout="OX"), "at rules[0]: layout 'OX' is malformed"),
        (
            document(rules=[{"path": "**", "initializer": name} for name in ("zeros", "ones")]),
            "rules select the same parameters in two ways: Rule('**', Zeros()) and Rule('**', Ones())",
        ),
        (document(rename={"fc": 1}), "at rename.fc: 1 is not of type 'string'"),
        (document(rename={"fc": "a//b"}), "rename has 'a//b' for 'fc': path 'a//b' has an empty component"),
        (document(rename={"fc": "*"}), "rename has '*' for 'fc': 1 wildcards for 0"),
        (document(parameters=[{"name": "a"}]), "at parameters[0]: 'shape' is a required property"),
        (document(parameters=[{"shape": [1]}]), "at parameters[0]: 'name' is a required property"),
        (parameter(colour="red"), "at parameters[0]: Additional properties are not allowed"),
        (parameter(name=""), "at parameters[0].name: ''"),
        (parameter(shape=[-1]), "at parameters[0].shape[0]: -1 is less than the minimum of 0"),
        (parameter(shape=[True]), "at parameters[0].shape[0]: True is not of type 'integer'"),
        (parameter(shape=[3.0]), "at parameters[0] ('fc.weight'): shape [3.0] is no shape"),
        (parameter(shape=[2**62, 2]), "at parameters[0] ('fc.weight'): shape (4611686018427387904, 2)"),
        (parameter(shape="3,4"), "at parameters[0].shape: '3,4' is not of type 'array'"),
        (parameter(dtype="float31"), "at parameters[0].dtype: 'float31' does not match"),
        (parameter(layer="dens"), "at parameters[0].layer: 'dens' is not one of"),
        (parameter(zero_row=-1), "at parameters[0].zero_row: -1 is less than the minimum of 0"),
        (parameter(layout="OX"), "at parameters[0] ('fc.weight'): layout 'OX' is malformed"),
        (
            parameter(name="fc..weight"),
            "at parameters[0] ('fc..weight'): path 'fc..weight' has an empty comp",
        ),
        (parameter(name="fc.we\night"), "has a component 'we\\night'; wanted components of visible char"),
        (parameter(name="fc.weight "), "has a component 'weight '; wanted components of visible char"),
        (parameter(path="/"), "at parameters[0] ('fc.weight'): path '/' has an empty component"),
        (parameter(path="~"), "at parameters[0] ('fc.weight'): '~' is no path"),
        (parameter(name="\ud800"), "has a component '\\ud800'"),
        (parameter(splits=[{"axis": "up", "names": ["a"]}]), "at parameters[0].splits[0].axis: 'up' is not"),
        (parameter(splits=[{"axis": "out", "names": []}]), "at parameters[0].splits[0].names: []"),
        (parameter(splits=[{"axis": "out", "names": ["a\nb"]}]), "has a component 'a\\nb'"),
        (
            document(parameters=[{"name": "a", "shape": [2]}] * 2),
            "two parameters are called 'a'; wanted distinct names",
        ),
        (document(architecture={"name": "llama"}), "at architecture: 'sizes' is a required property"),
        (
            document(architecture={"name": "lama", "sizes": {}}),
            "no architecture 'lama' (did you mean 'llama'",
        ),
        ([], "holds a list; wanted a table with unifinit_spec = 1"),
        (document(parameters=nested(100_000)), "is nested too deeply"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(found: Any, told: str) -> None:
    with pytest.raises(SpecError, match=re.escape(told)) as caught:
        Spec.from_document(found)
    assert str(caught.value).startswith("the document")
    assert re.search(r"wanted|known:|see unifinit\.specs\.schema\(\)", str(caught.value))


@pytest.mark.parametrize(
    ("found", "error", "told"),
    [
        (
            parameter(layout="OIHW"),
            ui.LayoutError,
            "fc.weight: layout 'OIHW' is for 4 axes, but the shape has 2",
        ),
        (parameter(zero_row=4), ui.LayoutError, "fc.weight has no row 4 that could hold zeros"),
        (
            parameter(splits=[{"axis": "out", "names": list("abcde")}]),
            ui.LayoutError,
            "fc.weight has 6 indices along its out axis; wanted 5 parts that fill it",
        ),
        (
            parameter(splits=[{"axis": "out", "names": ["a", "b"], "sizes": [2, 3]}]),
            ui.LayoutError,
            "fc.weight has 6 indices along its out axis",
        ),
        (
            parameter(splits=[{"axis": "batch", "names": ["a", "b"]}]),
            ui.LayoutError,
            "fc.weight has no batch axis along which it could have parts",
        ),
        (
            document(parameters=[{"name": f"a.{leaf}", "shape": [2, 2]} for leaf in ("kernel", "weight")]),
            ui.PathError,
            "path 'a/weight' stands for both 'a.kernel' and 'a.weight'",
        ),
        (rule(path="b"), ui.UnmatchedParameterError, "no rule matches 1 parameters: 'fc/weight'"),
        (document(rename={"zz": "y"}), RuleError, "rename has 'zz', which is the path of nothing"),
        (
            rule(initializer={"class_name": "Constant", "config": {"value": [1, 2]}}),
            UnifinitError,
            "fc/weight",
        ),
    ],
)
def test_what_does_not_fit_is_told_when_it_is_planned(
    found: Any, error: type[UnifinitError], told: str
) -> None:
    with pytest.raises(error, match=re.escape(told)) as caught:
        Spec.from_document(found).plan()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        (
            {"unifinit_spec": 2},
            "is of version 2 of the format, this unifinit reads version 1; wanted a newer",
        ),
        ({"stream": "v2"}, "is for version 'v2' of the random stream, this unifinit has 'v1'; wanted a unif"),
    ],
)
def test_later_versions_are_told_before_all_else(entries: Any, told: str) -> None:
    with pytest.raises(SpecError, match=re.escape(told)):
        Spec.from_document(document(**entries, rules="what a later version may mean"))


def test_without_jsonschema_it_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "find_spec", lambda _: None)
    with pytest.raises(MissingPackageError, match=r'pip install "unifinit\[spec\]"'):
        Spec.from_document(document())
    with pytest.raises(MissingPackageError, match=r'pip install "unifinit\[spec\]", or write JSON'):
        documents.as_toml({})


# Files.


def refused(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    with pytest.raises(SpecError) as caught:
        Spec.read(path)
    assert str(caught.value).startswith(str(path))
    return str(caught.value).removeprefix(str(path))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", " cannot be read: Expecting value"),
        (b"{", " cannot be read: Expecting property name"),
        (b"\xff", " cannot be read: 'utf-8' codec can't decode"),
        (b"[1]", " holds a list; wanted a table"),
        (b'{"a": 1, "a": 2}', " cannot be read: an object has 'a' twice; wanted JSON"),
        (b'{"rules": [{"b": 1, "b": 1}]}', " cannot be read: an object has 'b' twice"),
        (b"[" * 200_000, " cannot be read: maximum recursion depth exceeded"),
        (b"9" * 5000, " cannot be read: Exceeds the limit"),
        (b'{"name": "\\ud800"}', " cannot be read: 'utf-8' codec can't encode"),
        (b'{"unifinit_spec": 2, "x": 1}', " is of version 2 of the format"),
    ],
)
def test_malformed_json(tmp_path: Path, data: bytes, told: str) -> None:
    assert refused(tmp_path / "a.json", data).startswith(told)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"a = ", " cannot be read: Invalid value"),
        (b"a = 1\na = 2", " cannot be read: Cannot overwrite a value"),
        (b"\xff", " cannot be read: 'utf-8' codec can't decode"),
        (b"a = " + b"[" * 200_000, " cannot be read: "),
        (b"unifinit_spec = 1\nseed = 2020-01-01\nrules = []\nparameters = []", ": at seed: datetime.date("),
        (b"", ": at the top: 'unifinit_spec' is a required property"),
    ],
)
def test_malformed_toml(tmp_path: Path, data: bytes, told: str) -> None:
    assert refused(tmp_path / "a.toml", data).startswith(told)


def test_a_file_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "LARGEST", 10)
    assert refused(tmp_path / "a.json", b"{}" + b" " * 9) == " has more than 10 bytes; wanted at most so many"


def test_names_have_endings(tmp_path: Path) -> None:
    assert refused(tmp_path / "a.yaml", b"a: 1").startswith(": the name ends in none of .toml, .json")
    with pytest.raises(SpecError, match=r"the name ends in none of \.toml, \.json"):
        Spec.from_document(document()).write(tmp_path / "b.yaml")
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Spec.read(tmp_path / "a.toml")
    (tmp_path / "b.toml").mkdir()
    with pytest.raises(IsADirectoryError):
        Spec.read(tmp_path / "b.toml")


def test_a_file_that_is_there_is_replaced_only_if_wanted(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("mine")
    spec = Spec.from_document(document())
    with pytest.raises(FileExistsError):
        spec.write(path)
    assert path.read_text() == "mine"
    spec.write(path, overwrite=True)
    assert Spec.read(path) == spec
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


# Round trips.

NAMES = st.from_regex(
    r"[a-zé网][a-z0-9é网_]{0,3}(\.[a-z0-9_]{1,6}){0,2}\.(weight|bias|kernel|x)", fullmatch=True
)
RULES = st.sampled_from(
    [
        ("**", "he_normal"),
        ("**", ui.RandomNormal(mean=0.5, stddev=1e-3)),
        ("**", ui.Constant(float("inf"))),
        ("**", ui.Stacked(ui.VarianceScaling(scale=3.0))),
        ("**", ui.Masked(ui.HeNormal(), [True])),
        ("**", ui.Blocked(["zeros", ui.Orthogonal(gain=2.0)])),
        ("**", ui.TruncatedNormal()),
        ("**", "keep"),
        "torch",
        ui.recipe("gpt2", layers=12, stddev=0.01),
        ui.recipe("gpt2"),
    ]
)


@st.composite
def arrays(draw: st.DrawFn) -> ModelArray:
    name = draw(NAMES)
    shape = tuple(draw(st.lists(st.integers(0, 9), max_size=3)))
    splits = (Split("out", ("q", "k")), Split("in", ("a", "b"), (1, 2)))
    layouts = st.sampled_from(["OI...", "...IO", "depthwise ...IO", "conv(stride=2) OI..."])
    return ModelArray(
        name,
        draw(st.sampled_from(["", "a", "encoder/0"])),
        draw(st.sampled_from(["weight", "bias", "own"])),
        shape,
        as_dtype(draw(st.sampled_from(list(DTYPES)))),
        draw(st.sampled_from(["", *LAYERS])),
        as_layout(draw(layouts)),
        splits[: draw(st.integers(0, 2))],
        draw(st.sampled_from([None, 0, 3])),
    )


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    found = draw(st.lists(arrays(), max_size=3, unique_by=lambda array: array.name))
    rules = ui.Rules([draw(RULES)], unmatched=draw(st.sampled_from(["error", "keep"])))
    rename = draw(st.sampled_from([None, {"a": "b"}, {"**/weight": "**/w", "encoder/*/own": "x/*"}]))
    return Spec(
        found, rules, draw(st.integers(0, 2**64 - 1)), rename=rename, name=draw(st.sampled_from(["", "é"]))
    )


@given(specs())
def test_a_document_is_the_specification(spec: Spec) -> None:
    found = spec.document()
    assert Spec.from_document(found) == spec
    assert Spec.from_document(found).document() == found
    jsonschema.Draft202012Validator(schema()).validate(found)


@given(specs(), st.sampled_from([".toml", ".json"]))
def test_a_text_is_the_specification(
    tmp_path_factory: pytest.TempPathFactory, spec: Spec, ending: str
) -> None:
    path = tmp_path_factory.mktemp("spec") / f"a{ending}"
    spec.write(path)
    assert Spec.read(path) == spec
    assert path.read_text("utf-8") == (spec.to_toml() if ending == ".toml" else spec.to_json())


@given(specs())
def test_values_can_be_hashed_copied_and_pickled(spec: Spec) -> None:
    for other in (copy.deepcopy(spec), pickle.loads(pickle.dumps(spec))):
        assert other == spec
        assert hash(other) == hash(spec)


@pytest.mark.parametrize(
    "rules",
    [
        {"**/bias": "zeros", "**": "he_normal"},
        [ui.Rule("**", "he_normal", layer="dense", layout="IO"), "torch"],
        ui.Rules([("fc/weight", "ones")], unmatched="keep"),
        [ui.Rule(re.compile(".*/WEIGHT", re.IGNORECASE), "ones"), ("**", "zeros")],
        [ui.Rule(re.compile("(?s).*/WEIGHT", re.IGNORECASE), "ones"), ("**", "zeros")],
    ],
)
def test_fingerprints_survive(rules: Any) -> None:
    model = {"fc.weight": (8, 4), "fc.bias": (8,), "attn.in_proj_weight": (12, 4), "norm.weight": (8,)}
    entries = [{"name": name, "shape": list(shape)} for name, shape in model.items()]
    first = Spec(Spec.from_document(document(parameters=entries)).arrays, rules, 7)
    for text, read in ((first.to_json(), json.loads), (first.to_toml(), documents_of_toml)):
        again = Spec.from_document(read(text))
        assert again == first
        assert again.plan().fingerprint == first.plan().fingerprint


def documents_of_toml(text: str) -> Any:
    import tomllib

    return tomllib.loads(text)


def test_a_layer_that_is_none_stays_none() -> None:
    # By its name and its shape it would be a dense layer, for which recipes have other initializers.
    array = ModelArray("fc.weight", "fc", "weight", (4, 3), as_dtype("float32"))
    spec = Spec([array], "torch", 0)
    assert Spec.from_document(spec.document()).arrays == (array,)


def test_an_initializer_without_a_configuration_cannot_be_written() -> None:
    spec = Spec([], [("**", ui.FromFunction(lambda *_: None))], 0)
    with pytest.raises(ConfigError):
        spec.document()


def test_what_toml_lacks_is_written_as_json() -> None:
    spec = Spec([], [("**", ui.STFT(window=None))], 0)
    with pytest.raises(SpecError, match=r"TOML lacks a value of this specification .*; wanted JSON"):
        spec.to_toml()
    assert Spec.from_document(json.loads(spec.to_json())) == spec


def test_names_and_paths_are_what_they_say() -> None:
    entries = [
        {"name": "schicht/größe.weight", "shape": [2, 2]},
        {"name": "a.b", "path": "x/y/own", "shape": [2], "dtype": "bfloat16"},
        {"name": "c", "path": "x/kernel", "shape": [2, 2]},
    ]
    spec = Spec.from_document(document(dtype="float16", parameters=entries))
    assert [array.paths for array in spec.arrays] == [
        *(("schicht/größe/weight",), ("x/y/own",), ("x/weight",))
    ]
    assert [array.dtype.name for array in spec.arrays] == ["float16", "bfloat16", "float16"]


def test_parameters_add_to_an_architecture() -> None:
    sizes = {"n_layer": 1, "n_embd": 4, "vocab_size": 5, "n_positions": 6}
    spec = Spec.from_document(document(architecture={"name": "gpt2", "sizes": sizes}))
    assert spec.arrays[-1].name == "fc.weight"
    assert len(spec.arrays) == 17
