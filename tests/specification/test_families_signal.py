"""The page ``signal.md`` is complete and true: what is written from it gives the same bytes."""

from __future__ import annotations

import math
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
from independent_signal import COMPUTED, DRAWN, initialize

import unifinit as ui

NAMES = {*COMPUTED, *DRAWN}


def test_every_class_of_the_page_is_covered() -> None:
    assert classes_of("signal.md") == NAMES
    assert {parse(call)[0] for call, _ in known_answers("signal.md")} == NAMES
    assert {row.values[0].initializer["class_name"] for row in rows(NAMES)} == NAMES


@pytest.mark.parametrize(("call", "answer"), known_answers("signal.md"))
def test_known_answer_holds(call: str, answer: str) -> None:
    name, args, config = parse(call)
    dtype = args[2] if len(args) > 2 else "float32"
    assert as_hex(initialize(STREAM, name, *args, **config), dtype) == answer
    if not needs_missing_dtypes(dtype):
        assert as_hex(library(name, *args, **config), dtype) == answer


@pytest.mark.parametrize("row", rows(NAMES))
def test_independent_implementation_has_the_digest(row: Any) -> None:
    assert digest_by(initialize, row) == row.sha256


CONFIGS: list[Any] = [
    ("Bilinear", {}),
    ("Bilinear", {"downsampling": True}),
    ("Bilinear", {"channels": "all"}),
    ("ICNR", {}),
    ("ICNR", {"initializer": "glorot_uniform", "order": "tensorflow"}),
    ("ICNR", {"initializer": "ones", "factor": 1}),
    *(
        ("STFT", {"window": window, "periodic": periodic, "side": side, "scaling": scaling})
        for window, periodic, side, scaling in (
            ("hann", False, "real", "density"),
            (None, False, "imag", "density"),
            ("bartlett", True, "real", "spectrum"),
            ("triang", False, "imag", "density"),
            ("triang", True, "real", "spectrum"),
            ("cosine", True, "imag", None),
            ("boxcar", False, "real", "spectrum"),
            ("nuttall", True, "real", "density"),
            ([0.0, -0.0, -1.0, 2.0, 0.1], False, "imag", "density"),
        )
    ),
    ("SinusoidalPositions", {}),
    ("SinusoidalPositions", {"order": "concatenated", "endpoint": True, "offset": 7}),
    ("SinusoidalPositions", {"base": 1.0, "endpoint": True, "offset": 2**31 - 8}),
    ("Siren", {}),
    ("Siren", {"first": True}),
    ("Siren", {"fan_in": 7, "omega": 0.5}),
    ("LoraA", {}),
    ("LoraA", {"distribution": "gaussian"}),
    ("LoraA", {"embedding": True}),
    ("LoraB", {}),
    ("LoraB", {"embedding": True}),
]


@pytest.mark.parametrize(("name", "config"), CONFIGS, ids=str)
def test_both_agree_on_shapes_at_the_ends(name: str, config: dict[str, Any]) -> None:
    agree(initialize, name, config)


REFUSED: list[Any] = [
    (ui.ShapeError, "Bilinear", (0, (3, 3)), {}),
    (ui.ShapeError, "Bilinear", (0, (3, 2, 3)), {}),
    (ui.DtypeError, "Bilinear", (0, (3, 2, 2), "int8"), {}),
    (ui.ShapeError, "ICNR", (0, (4, 4)), {}),
    (ui.ShapeError, "ICNR", (0, (1, 1, 2, 6)), {}),
    (ui.LayoutError, "ICNR", (0, (1, 2, 2, 4)), {"layout": "in=1 out=2,3"}),
    (ui.ArgumentError, "ICNR", (0, (1, 1, 4)), {"factor": 0}),
    (ui.ArgumentError, "ICNR", (0, (1, 1, 4)), {"factor": 2**20 + 1}),
    (
        ui.ArgumentError,
        "ICNR",
        (0, (1, 1, 4), "float16"),
        {"initializer": {"class_name": "RandomNormal", "config": {"stddev": 1e5}}},
    ),
    (ui.ShapeError, "STFT", (0, (4, 3)), {}),
    (ui.ShapeError, "STFT", (0, (4, 2, 3)), {}),
    (ui.ShapeError, "STFT", (0, (4, 1, 1)), {}),
    (ui.ShapeError, "STFT", (0, (4, 1, 3)), {"window": [1.0, 2.0]}),
    (ui.ArgumentError, "STFT", (0, (0, 1, 3)), {"window": []}),
    (ui.ArgumentError, "STFT", (0, (2, 1, 3)), {}),
    (ui.ArgumentError, "STFT", (0, (2, 1, 3)), {"window": [1.0, math.inf], "scaling": None}),
    (ui.ArgumentError, "STFT", (0, (2, 1, 3), "float16"), {"window": [1.0, 1e5], "scaling": None}),
    (ui.DtypeError, "STFT", (0, (4, 1, 3), "int8"), {}),
    (ui.ShapeError, "SinusoidalPositions", (0, (3,)), {}),
    (ui.ShapeError, "SinusoidalPositions", (0, (2, 3, 4)), {}),
    (ui.ShapeError, "SinusoidalPositions", (0, (3, 2)), {"offset": 2**31 - 2}),
    (ui.ArgumentError, "SinusoidalPositions", (0, (3, 2)), {"offset": -1}),
    (ui.ArgumentError, "SinusoidalPositions", (0, (3, 2)), {"base": 0.5}),
    (ui.ArgumentError, "SinusoidalPositions", (0, (3, 2)), {"base": 1.1e300}),
    (ui.ShapeError, "Siren", (0, (3,)), {}),
    (ui.DtypeError, "Siren", (0, (3, 2), "complex64"), {}),
    (ui.ArgumentError, "Siren", (0, (3, 2)), {"omega": 0.0}),
    (ui.ArgumentError, "Siren", (0, (3, 2)), {"fan_in": 0}),
    (ui.ShapeError, "LoraA", (0, (3,)), {}),
    (ui.DtypeError, "LoraB", (0, (3,), "int8"), {}),
]


@pytest.mark.parametrize(("error", "name", "args", "config"), REFUSED, ids=str)
def test_refused(error: type[Exception], name: str, args: tuple[Any, ...], config: dict[str, Any]) -> None:
    with pytest.raises(RefusedError):
        initialize(STREAM, name, *args, **config)
    with pytest.raises(error):
        library(name, *args, **config)
