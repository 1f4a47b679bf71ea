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
from independent import Stream

import unifinit as ui
from unifinit.testing import golden

PAGES = Path(__file__).resolve().parents[2] / "docs" / "specification"
STREAM = Stream(Path(str(files("unifinit.stream.tables"))))
WIDTHS = {"int8": 1, "float16": 2, "bfloat16": 2, "float64": 8, "complex64": 4, "complex128": 8}  # Of parts.


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
    width = WIDTHS.get(dtype, 4)
    return " ".join(data[i : i + width][::-1].hex() for i in range(0, len(data), width))


def needs_missing_dtypes(dtype: str) -> bool:
    return dtype.startswith(("bfloat", "float8")) and find_spec("ml_dtypes") is None


def library(name: str, seed: int, *args: Any, layout: str = "...IO", **config: Any) -> bytes:
    """What unifinit makes on NumPy."""
    array = getattr(ui, name)(**config)(*args, seed=seed, backend="numpy", layout=layout)
    return np.asarray(array).tobytes()


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
