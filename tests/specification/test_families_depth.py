"""The page ``depth.md`` is complete and true: what is written from it gives the same bytes."""

from __future__ import annotations

from typing import Any

import pytest
from families import (
    STREAM,
    agree,
    as_hex,
    classes_of,
    digest_by,
    known_answers,
    library,
    needs_missing_dtypes,
    parse,
    rows,
)
from independent import RefusedError
from independent_depth import MAKERS, initialize

import unifinit as ui

NAMES = set(MAKERS)


def test_every_class_of_the_page_is_covered() -> None:
    assert classes_of("depth.md") == NAMES
    assert {parse(call)[0] for call, _ in known_answers("depth.md")} == NAMES
    assert {row.values[0].initializer["class_name"] for row in rows(NAMES)} == NAMES


@pytest.mark.parametrize(("call", "answer"), known_answers("depth.md"))
def test_known_answer_holds(call: str, answer: str) -> None:
    name, args, config = parse(call)
    dtype = args[2] if len(args) > 2 else "float32"
    assert as_hex(initialize(STREAM, name, *args, **config), dtype) == answer
    if not needs_missing_dtypes(dtype):
        assert as_hex(library(name, *args, **config), dtype) == answer


@pytest.mark.parametrize("row", rows(NAMES))
def test_independent_implementation_has_the_digest(row: Any) -> None:
    assert digest_by(initialize, row) == row.sha256


MATRICES = ("query", "key", "value", "projection")
CONFIGS: list[Any] = [
    ("ResidualNormal", {"layers": 3}),
    ("ResidualNormal", {"layers": 3, "stddev": 0.0}),
    ("SmallInit", {}),
    ("SmallInit", {"width": 3}),
    ("WangInit", {"layers": 5}),
    *(("TFixup", {"layers": 5, "kind": kind}) for kind in ("encoder", "decoder", "embedding")),
    *(("DeepNorm", {"layers": 5, "part": "encoder", "other_layers": n}) for n in (0, 3)),
    ("Fixup", {"branches": 7}),
    ("Fixup", {"branches": 1, "per_branch": 3, "mode": "fan_geo_avg"}),
    ("LayerScale", {"depth": 20}),
    ("LayerScale", {"value": 1.0}),
    ("MuP", {"kind": "hidden", "base_fan_in": 3.0}),
    ("MuP", {"kind": "hidden", "base_fan_in": 4.0, "base_fan_out": 2.5, "mode": "fan_geo_avg"}),
    ("MuP", {"kind": "hidden", "base_fan_in": 4.0, "scale": 0.0}),
    ("MuP", {"kind": "output", "base_fan_in": 3.0, "mode": "fan_avg", "distribution": "uniform"}),
    ("MuP", {"kind": "readout", "base_fan_in": 5.5, "distribution": "normal"}),
    ("MuP", {"kind": "input", "base_fan_in": 1.0}),
    ("MuP", {"kind": "input", "base_fan_in": 4.0, "base_fan_out": 2.5, "mode": "fan_out"}),
    ("SpectralMuP", {"gain": 0.3}),
    ("SpectralMuP", {"gain": 0.0}),
    ("ZerO", {}),
    ("ZerO", {"normalization": "orthonormal"}),
    ("IDInit", {}),
    ("IDInit", {"gain": 0.3}),
    *(("MimeticAttention", {"matrix": matrix, "heads": heads}) for matrix in MATRICES for heads in (1, 2, 4)),
    ("MimeticAttention", {"matrix": "key", "heads": 1, "alpha": 0.0, "beta": 0.0}),
    ("MimeticAttention", {"matrix": "value", "heads": 1, "alpha": 0.0, "beta": 1.0}),
    ("MimeticAttention", {"matrix": "query", "heads": 1, "alpha": -1e-3, "beta": 1e20}),
]


@pytest.mark.parametrize(("name", "config"), CONFIGS, ids=str)
def test_both_agree_on_shapes_at_the_ends(name: str, config: dict[str, Any]) -> None:
    agree(initialize, name, config)


REFUSED: list[Any] = [
    (ui.ArgumentError, "ResidualNormal", (0, (2, 2)), {"layers": 0}),
    (ui.ArgumentError, "ResidualNormal", (0, (2, 2)), {"layers": 2**63}),
    (ui.ArgumentError, "ResidualNormal", (0, (2, 2)), {"layers": 2, "stddev": -1.0}),
    (ui.DtypeError, "ResidualNormal", (0, (2, 2), "int8"), {"layers": 2}),
    (ui.ArgumentError, "SmallInit", (0, (2, 2)), {"width": 0}),
    (ui.ArgumentError, "WangInit", (0, (2, 2)), {"layers": 2, "width": 0}),
    (ui.ArgumentError, "TFixup", (0, (2, 2)), {"layers": 0, "kind": "encoder"}),
    (ui.ArgumentError, "DeepNorm", (0, (2, 2)), {"layers": 2, "part": "encoder", "other_layers": -1}),
    (ui.ArgumentError, "Fixup", (0, (2, 2)), {"branches": 2, "per_branch": 1}),
    (ui.ArgumentError, "LayerScale", (0, (2,)), {"depth": 2, "value": 1.0}),
    (ui.ArgumentError, "LayerScale", (0, (0,), "int8"), {}),
    (ui.ShapeError, "MuP", (0, (2, 2)), {"kind": "input", "base_fan_in": 3.0}),
    (ui.ArgumentError, "MuP", (0, (2, 2)), {"kind": "output", "base_fan_in": 2.0, "base_fan_out": 2.0}),
    (ui.ArgumentError, "MuP", (0, (2, 2)), {"kind": "hidden", "base_fan_in": 2.0, "mode": "fan_avg"}),
    (ui.ArgumentError, "MuP", (0, (2, 2)), {"kind": "hidden", "base_fan_in": 0.5}),
    (ui.ArgumentError, "MuP", (0, (2, 2)), {"kind": "hidden", "base_fan_in": 2.0, "scale": -1.0}),
    (ui.ArgumentError, "MuP", (0, (2, 2)), {"kind": "hidden", "base_fan_in": 2.0, "scale": 1e-300}),
    (ui.ArgumentError, "MuP", (0, (2, 2)), {"kind": "output", "base_fan_in": 1e300}),
    (ui.ArgumentError, "SpectralMuP", (0, (2, 2)), {"gain": -1.0}),
    (ui.ShapeError, "ZerO", (0, (3,)), {}),
    (ui.ArgumentError, "ZerO", (0, (1, 2), "bool"), {}),
    (ui.ShapeError, "IDInit", (0, (3,)), {}),
    (ui.ShapeError, "IDInit", (0, (3, 2, 2)), {}),
    (ui.ArgumentError, "IDInit", (0, (3, 2), "float16"), {"gain": 1e5}),
    (ui.ShapeError, "MimeticAttention", (0, (3,)), {"matrix": "query", "heads": 1}),
    (ui.ShapeError, "MimeticAttention", (0, (3, 3)), {"matrix": "key", "heads": 2}),
    (ui.ShapeError, "MimeticAttention", (0, (2, 3)), {"matrix": "key", "heads": 1}),
    (ui.ShapeError, "MimeticAttention", (0, (2, 3)), {"matrix": "value", "heads": 1}),
    (ui.ShapeError, "MimeticAttention", (0, (3, 2)), {"matrix": "projection", "heads": 1}),
    (ui.DtypeError, "MimeticAttention", (0, (2, 2), "complex64"), {"matrix": "query", "heads": 1}),
    (ui.ArgumentError, "MimeticAttention", (0, (2, 2)), {"matrix": "query", "heads": 0}),
    (ui.ArgumentError, "MimeticAttention", (0, (2, 2)), {"matrix": "query", "heads": 1, "alpha": 1e90}),
]


@pytest.mark.parametrize(("error", "name", "args", "config"), REFUSED, ids=str)
def test_refused(error: type[Exception], name: str, args: tuple[Any, ...], config: dict[str, Any]) -> None:
    with pytest.raises(RefusedError):
        initialize(STREAM, name, *args, **config)
    with pytest.raises(error):
        library(name, *args, **config)
