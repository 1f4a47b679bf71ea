"""What the tests of the families' pages share: known answers, digests, and both implementations."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from independent import RefusedError, Stream

import unifinit as ui
from unifinit.testing import golden

PAGES = Path(__file__).resolve().parents[2] / "docs" / "specification"
STREAM = Stream(Path(str(files("unifinit.stream.tables"))))
WIDTHS = {"int8": 1, "float16": 2, "bfloat16": 2, "float64": 8, "uint64": 8, "complex128": 8}  # Of parts.


def known_answers(page: str) -> list[tuple[str, str]]:
    """The calls of a page and their elements."""
    section = (PAGES / page).read_text("utf-8").partition("-answers)=")[2].partition("-sources)=")[0]
    answers = re.findall(r"^\| `(\w+\(.*\))` \| ([0-9a-f ]+) \|$", section, flags=re.MULTILINE)
    assert len(answers) == section.count("\n| `")
    return answers


def parse(call: str) -> tuple[str, list[Any], dict[str, Any]]:
    node = ast.parse(call, mode="eval").body
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    keywords = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords}
    return node.func.id, [ast.literal_eval(argument) for argument in node.args], keywords


def as_hex(data: bytes, dtype: str) -> str:
    width = 1 if dtype.startswith("float8") else WIDTHS.get(dtype, 4)
    return " ".join(data[i : i + width][::-1].hex() for i in range(0, len(data), width))


def needs_missing_dtypes(dtype: str) -> bool:
    return dtype.startswith(("bfloat", "float8")) and find_spec("ml_dtypes") is None


def library(name: str, seed: int, *args: Any, layout: str = "...IO", **config: Any) -> bytes:
    """What unifinit makes on NumPy."""
    array = getattr(ui, name)(**config)(*args, seed=seed, backend="numpy", layout=layout)
    return np.asarray(array).tobytes()


def classes_of(page: str) -> set[str]:
    """The initializers that a page defines: those that it calls, but for those of the first page."""
    first = (PAGES.parent / "specification.md").read_text("utf-8").partition("(spec-answers)=")[0]
    text = (PAGES / page).read_text("utf-8")
    return {
        name
        for name in re.findall(r"`(\w+)\(", text)
        if hasattr(ui, name)
        and name.lower() != name
        and f"`{name}" not in first
        and f"| {name} |" not in first
    }


# Shapes at the ends of what the pages accept, and beyond; odd layouts.
SHAPES = [
    ((), "...IO"),
    ((1,), "...IO"),
    ((12,), "...IO"),
    ((0,), "...IO"),
    ((0, 3), "...IO"),
    ((3, 0), "...IO"),
    ((1, 1), "...IO"),
    ((3, 3), "...IO"),
    ((4, 3), "OI"),
    ((3, 12), "...IO"),
    ((4, 12), "IO"),
    ((1, 12), "...IO"),
    ((2, 12), "...IO"),
    ((12, 4), "IO"),
    ((5, 1, 2), "...IO"),
    ((5, 1, 2), "GIO"),
    ((2, 3, 3), "GIO"),
    ((2, 4, 12), "GIO"),
    ((0, 4, 12), "GIO"),
    ((2, 5, 1, 3), "GWIO"),
    ((3, 4, 2, 8), "...IO"),
    ((8, 1, 5), "OIW"),
    ((2, 1, 4), "...IO"),
    ((3, 0, 1, 4), "...IO"),
    ((2, 3, 1, 1, 4), "DHWIO"),
    ((2, 2, 3), "in=0 out=1,2"),
    ((2, 3, 4), "in=0 out=-1 batch=1"),
    ((6, 2, 4, 4), "conv_transpose(groups=3) IOHW"),
    ((12, 2, 5), "conv(groups=3,stride=2) OIW"),
    ((6, 7), "embedding IO"),
    ((3, 3, 1, 8), "depthwise ...IO"),
    ((4, 3, 2), "abd,dhk->abhk"),
]


def agree(initialize: Any, name: str, config: dict[str, Any]) -> None:
    """Both implementations make the same, or refuse the same, for shapes at the ends of what is accepted."""
    made = 0
    for number, (shape, layout) in enumerate(SHAPES):
        for dtype in ("float32", "float64", "float16", "complex64", "int8", "bool"):
            try:
                theirs = library(name, number, shape, dtype, layout=layout, **config)
            except ui.UnifinitError:
                theirs = None
            try:
                ours = initialize(STREAM, name, number, shape, dtype, layout, **config)
            except RefusedError:
                ours = None
            assert ours == theirs, (shape, dtype, layout)
            made += bool(ours)
    assert made


def rows(names: Iterable[str]) -> list[Any]:
    """The golden rows of classes, as parameters of a test."""
    found = [row for row in golden.load() if row.initializer["class_name"] in names]
    return [pytest.param(row, id=str(row)) for row in found]


def digest_by(initialize: Any, row: Any) -> str:
    """The digest that an independent implementation has for a golden row."""
    config = {key: value for key, value in row.initializer["config"].items() if key != "seed"}
    name, seed, shape = row.initializer["class_name"], row.seed, tuple(row.shape)
    data = initialize(STREAM, name, seed, shape, row.dtype, row.layout, **config)
    return hashlib.sha256(data).hexdigest()
