"""Plans of whole models: rows, texts, the page, and the fingerprint."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unifinit as ui
from unifinit.errors import ConfigError
from unifinit.layout import as_layout
from unifinit.models import ModelPlan
from unifinit.models.arrays import ModelArray, Split
from unifinit.models.assignment import assign
from unifinit.models.page import BINS, histogram
from unifinit.models.rules import Rules
from unifinit.types import as_dtype

RULES = {"**/bias": "zeros", "**/scale": "ones", "head/weight": ui.Orthogonal(), "**": "he_normal"}


def array(name: str = "fc.weight", shape: tuple[int, ...] = (8, 8), **settings: Any) -> ModelArray:
    owner, _, leaf = name.replace(".", "/").rpartition("/")
    layout = as_layout(settings.pop("layout", "OI..."))
    dtype = as_dtype(settings.pop("dtype", "float32"))
    return ModelArray(name, owner, leaf, shape, dtype, layout=layout, **settings)


def plan(*arrays: ModelArray, rules: Any = None, seed: int = 0) -> ModelPlan:
    rules = rules or (RULES if arrays == MODEL else "he_normal")
    return ModelPlan(assign(arrays or [array()], Rules(rules, unmatched="keep"), ui.Key(seed)), ui.Key(seed))


PACKED = array("attn.packed", (12, 4), splits=(Split("out", ("q", "k", "v")),))
MODEL = (
    array(shape=(8, 6), layer="dense"),
    array("fc.bias", (8,)),
    array("conv.weight", (4, 3, 5, 5), dtype="bfloat16", layer="conv"),
    PACKED,
    array("norm.scale", (8,), layer="norm"),
    array("head.weight", (10, 12)),
    array("log_scale", ()),
    array("empty.weight", (0, 3)),
)


# Rows.


def test_rows_tell_all_that_there_is_to_know() -> None:
    rows = {row.path: row for row in plan(*MODEL).rows}
    assert list(rows)[3:6] == ["attn/q/packed", "attn/k/packed", "attn/v/packed"]
    row = rows["fc/weight"]
    assert row[:9] == ("fc/weight", "fc.weight", (8, 6), "float32", "dense", "OI...", 6, 8, "HeNormal()")
    assert (row.mean, row.size) == (0, 48)
    assert row.stddev == pytest.approx((2 / 6) ** 0.5)
    assert rows["attn/k/packed"][1:3] == ("attn.packed", (4, 4))
    assert rows["attn/k/packed"][6:8] == (4, 4)
    assert rows["conv/weight"].shape == (4, 3, 5, 5)
    assert (rows["conv/weight"].fan_in, rows["conv/weight"].fan_out) == (75, 100)
    assert (rows["norm/scale"].mean, rows["norm/scale"].stddev) == (1, 0)
    assert rows["head/weight"].initializer == "Orthogonal()"
    assert rows["empty/weight"].size == 0


def test_sums() -> None:
    found = plan(*MODEL)
    assert found.elements == 48 + 8 + 300 + 48 + 8 + 120 + 1
    assert found.nbytes == 4 * found.elements - 2 * 300


def test_layers_side_by_side_have_the_fans_of_one() -> None:
    (row,) = plan(array(shape=(3, 8, 6), layout="...IO"), rules=ui.Stacked(ui.HeNormal())).rows
    assert (row.fan_in, row.fan_out, row.shape) == (8, 6, (3, 8, 6))


def test_what_stays_as_it_is() -> None:
    found = plan(array(), rules={"fc/*": "keep"})
    (row,) = found.rows
    assert (row.initializer, row.mean, row.stddev) == ("keep", None, None)
    assert str(found).splitlines()[1].split()[-3:] == ["keep", "-", "64"]


def test_parts_have_plans_of_their_own() -> None:
    found = plan(PACKED)
    (one,) = found.arrays
    parts = [found.part_plan(one, part) for part in one.parameters]
    assert [part.shape for part in parts if part is not None] == [(4, 4)] * 3
    whole = ui.init_tree({"attn.in_proj_weight": (12, 4)}, "he_normal", seed=0)["attn.in_proj_weight"]
    alone = plan(array("attn.query.weight", (4, 4)), rules="he_normal")
    part = alone.part_plan(alone.arrays[0], alone.arrays[0].parameters[0])
    assert part is not None
    assert np.array_equal(ui.HeNormal()((4, 4), seed=part.key), whole[:4].T)


# Texts.


def test_the_text_is_a_table() -> None:
    lines = str(plan(*MODEL)).splitlines()
    assert lines[0].split() == [
        "path",
        "shape",
        "dtype",
        "layer",
        "layout",
        "fans",
        "initializer",
        "std",
        "size",
    ]
    starts = [re.match(r"(\S+ +)(\S+ +)", line) for line in lines[:-1]]
    assert len({tuple(found.regs[1:]) for found in starts if found}) == 1
    assert "log_scale      scalar" in "\n".join(lines)
    assert lines[-1] == "10 parameters, 533 elements, 1,532 bytes"
    assert not any(line != line.rstrip() for line in lines)


def test_as_dict_has_what_json_has() -> None:
    found = plan(*MODEL).as_dict()
    assert json.loads(json.dumps(found)) == found
    assert found["seed"] == 0
    assert found["fingerprint"] == plan(*MODEL).fingerprint
    assert found["parameters"][0]["shape"] == [8, 6]
    assert (found["elements"], found["bytes"]) == (533, 1532)


# The fingerprint.


@pytest.mark.parametrize(
    "other",
    [
        lambda: plan(seed=1),
        lambda: plan(rules="glorot_normal"),
        lambda: plan(rules=ui.VarianceScaling(scale=2.0, distribution="untruncated_normal")),
        lambda: plan(rules={"fc/*": "keep"}),
        lambda: plan(array(shape=(8, 4))),
        lambda: plan(array(shape=(64,))),
        lambda: plan(array(dtype="float16")),
        lambda: plan(array(layout="IO")),
        lambda: plan(array(layout="embedding OI")),
        lambda: plan(array(name="fd.weight")),
        lambda: plan(array()._replace(name="fd")),
        lambda: plan(array()._replace(zero_row=1)),
        lambda: plan(array()._replace(renamed=("fd/weight",))),
        lambda: plan(array(splits=(Split("out", ("a", "b")),))),
        lambda: plan(array(), array("a.weight")),
    ],
)
def test_the_fingerprint_changes_with_all_that_matters(other: Any) -> None:
    assert other().fingerprint != plan().fingerprint


@pytest.mark.parametrize(
    "split", [Split("in", ("a", "b")), Split("out", ("a", "b"), (2, 6)), Split("out", ("b", "a"))]
)
def test_the_fingerprint_knows_how_an_array_is_divided(split: Split) -> None:
    first = plan(array(splits=(Split("out", ("a", "b")),)))
    assert plan(array(splits=(split,))).fingerprint != first.fingerprint


@pytest.mark.parametrize(
    "other",
    [
        lambda: plan(array(layer="dense")),
        lambda: plan(array(layout="OI")),
        lambda: plan(array(layout="in=1 out=0")),
        lambda: plan(array(layout="IO"), rules=[ui.Rule("**", "he_normal", layout="OI")]),
        lambda: plan(rules={"fc/weight": "HeNormal"}),
        lambda: plan(rules=[("x", "zeros"), ("**/weight", ui.HeNormal()), ("**", "ones")]),
        lambda: plan(array(splits=(Split("out", ("a",)),))._replace(renamed=("fc/weight",), splits=())),
    ],
)
@pytest.mark.filterwarnings("ignore::unifinit.UnusedRuleWarning")
def test_the_fingerprint_changes_with_nothing_else(other: Any) -> None:
    assert other().fingerprint == plan().fingerprint


def test_the_fingerprint_is_the_same_tomorrow() -> None:
    assert plan(*MODEL).fingerprint == plan(*MODEL).fingerprint
    assert re.fullmatch(r"v1:[0-9a-f]{16,64}", plan().fingerprint)


def test_without_a_configuration_there_is_no_fingerprint() -> None:
    with pytest.raises(ConfigError):
        _ = plan(rules=ui.FromFunction(lambda *_: None)).fingerprint


# The page.

VOID = {"meta", "input", "br", "rect", "path"}


class Page(HTMLParser):
    """What a page consists of; elements have to be closed in the order in which they are opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.cells: list[list[str]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if "td" in self.open or "th" in self.open:
            self.cells[-1][-1] += data


def read(path: Path, found: ModelPlan, **settings: Any) -> Page:
    found.to_html(path, **settings)
    return Page(path.read_text("utf-8"))


def test_the_page_has_a_row_and_a_histogram_for_each_parameter(tmp_path: Path) -> None:
    found = plan(*MODEL)
    page = read(tmp_path / "a.html", found, title="A model")
    assert [cells[0] for cells in page.cells[1:]] == [
        row.path + ("" if row.path == row.name else row.name) for row in found.rows
    ]
    pictures = {row.path: cells[-1] for row, cells in zip(found.rows, page.cells[1:], strict=True)}
    assert pictures["fc/bias"] == "all 0"
    assert pictures["norm/scale"] == "all 1"
    assert pictures["empty/weight"] == "-"
    assert page.tags.count("svg") == 6  # Of the orthogonal weight too.
    assert "A model" in page.text
    assert found.fingerprint in page.text


def test_nothing_else_is_loaded(tmp_path: Path) -> None:
    page = read(tmp_path / "a.html", plan(*MODEL))
    assert {"link", "img", "iframe", "object", "embed", "base"}.isdisjoint(page.tags)
    assert {"src", "href", "action", "background", "style", "srcset"}.isdisjoint(dict(page.attributes))
    text = (tmp_path / "a.html").read_text("utf-8")
    assert not re.search(r"https?:|//|url\(|@import|fetch|XMLHttp|import\(", text)


def test_hostile_names_are_text(tmp_path: Path) -> None:
    hostile = """<script>alert("1")</script>'&amp;"""
    one = ModelArray(hostile, hostile, "weight", (2, 2), as_dtype("float32"), layer=hostile)
    harmless = read(tmp_path / "a.html", plan(array()))
    page = read(tmp_path / "b.html", plan(one, rules="zeros"), title=hostile)
    assert page.tags.count("script") == harmless.tags.count("script")
    assert page.cells[1][0] == f"{hostile}/weight{hostile}"
    assert page.text.count(hostile) == 2 + 1 + 1  # The title twice, the name, the layer.


def test_a_title_without_an_encoding(tmp_path: Path) -> None:
    assert "a?" in read(tmp_path / "a.html", plan(), title="a\udcff").text


def test_large_weights_that_are_computed_as_a_whole_have_no_histogram(tmp_path: Path) -> None:
    page = read(tmp_path / "a.html", plan(array(shape=(2**11, 2**10)), rules=ui.Orthogonal()))
    assert page.cells[1][-1] == "-"


def test_a_page_that_is_there_is_replaced_only_if_wanted(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        plan().to_html(path)
    assert path.read_text() == "mine"
    plan().to_html(path, overwrite=True)
    assert path.read_text().startswith("<!doctype html>")
    assert [found.name for found in tmp_path.iterdir()] == ["a.html"]


def bars(values: Any) -> list[float]:
    text = histogram(np.asarray(values, np.float64))
    Page(text)
    return [float(height) for height in re.findall(r'<rect [^>]* height="([\d.]+)"', text)]


def test_bars_are_as_high_as_there_are_numbers() -> None:
    assert bars([0, 0, 0, 0, 1, 1]) == [40, 20]
    found = bars(np.linspace(0, 1, 48 * 100))
    assert len(found) == BINS
    assert min(found) > 39


@pytest.mark.parametrize(
    "values",
    [
        [-1.7e308, 0, 1.7e308],
        [1, np.nextafter(1, 2)],
        [0, 5e-324],
        [-5e-324, 5e-324],
        [np.nan, 1, np.inf, 2],
    ],
)
def test_numbers_of_any_range_have_bars(values: Any) -> None:
    assert max(bars(values)) == 40


def test_numbers_without_a_range_are_told() -> None:
    assert histogram(np.array([0.5, 0.5, np.nan])) == "all 0.5"
    assert histogram(np.array([np.nan, np.inf])) == "no finite numbers"
