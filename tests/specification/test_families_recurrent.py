"""The page ``recurrent.md`` is complete and true: what is written from it gives the same bytes."""

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
from independent_recurrent import MAKERS, initialize

import unifinit as ui

NAMES = set(MAKERS)


def test_every_class_of_the_page_is_covered() -> None:
    assert classes_of("recurrent.md") == NAMES
    assert {parse(call)[0] for call, _ in known_answers("recurrent.md")} == NAMES
    assert {row.values[0].initializer["class_name"] for row in rows(NAMES)} == NAMES


@pytest.mark.parametrize(("call", "answer"), known_answers("recurrent.md"))
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
    ("LSTMBias", {}),
    ("LSTMBias", {"forget_bias": -2.5, "order": "ojif"}),
    ("GRUBias", {"order": "arz", "update_bias": 1.0, "reset_bias": -0.0}),
    ("ChronoBias", {"longest": 2.0}),
    ("ChronoBias", {"longest": 300.0, "cell": "gru", "order": "haiku"}),
    ("ChronoBias", {"longest": 300.0, "cell": "gru", "order": "zra"}),
    *(
        ("HiPPO", {"measure": measure, "part": part})
        for measure in ("legs", "legt", "lmu", "lagt", "tlagt")
        for part in "AB"
    ),
    *(
        ("S4D", {"kind": kind, "part": part})
        for kind in ("lin", "inv", "legs", "real")
        for part in ("complex", "real", "imag", "log_real")
    ),
    ("MambaA", {}),
    ("MambaDtBias", {"minimum": 0.01, "maximum": 0.01, "floor": 0.0}),
    ("MambaDtBias", {"minimum": 1e-30, "maximum": 700.0, "floor": 0.0}),
    ("Mamba2A", {"minimum": 2.0, "maximum": 2.0}),
    ("Mamba2A", {"minimum": 1e-3, "maximum": 7.0}),
]


@pytest.mark.parametrize(("name", "config"), CONFIGS, ids=str)
def test_both_agree_on_shapes_at_the_ends(name: str, config: dict[str, Any]) -> None:
    agree(initialize, name, config)


REFUSED: list[Any] = [
    (ui.ShapeError, "LSTMBias", (0, (6,)), {}),
    (ui.ShapeError, "LSTMBias", (0, (3, 4)), {}),
    (ui.ShapeError, "LSTMBias", (0, (1, 1, 4)), {}),
    (ui.ArgumentError, "LSTMBias", (0, (4,)), {"order": "ifcc"}),
    (ui.ArgumentError, "LSTMBias", (0, (4,)), {"order": "IFCO"}),
    (ui.ArgumentError, "LSTMBias", (0, (4,)), {"forget_bias": math.inf}),
    (ui.ArgumentError, "LSTMBias", (0, (0,), "int8"), {"forget_bias": 0.5}),
    (ui.ShapeError, "GRUBias", (0, ()), {}),
    (ui.ArgumentError, "GRUBias", (0, (3,)), {"order": "tensorflow1"}),
    (ui.ArgumentError, "GRUBias", (0, (0,), "float16"), {"reset_bias": 1e5}),
    (ui.ArgumentError, "ChronoBias", (0, (4,)), {"longest": 1.9}),
    (ui.ArgumentError, "ChronoBias", (0, (4,)), {"longest": 2 + 1e-9}),
    (ui.ArgumentError, "ChronoBias", (0, (4,)), {"longest": 1e39}),
    (ui.DtypeError, "ChronoBias", (0, (4,), "complex64"), {"longest": 9.0}),
    (ui.ShapeError, "HiPPO", (0, (3,)), {}),
    (ui.ShapeError, "HiPPO", (0, (3, 4)), {}),
    (ui.ShapeError, "HiPPO", (0, (2, 1)), {"part": "B"}),
    (ui.DtypeError, "HiPPO", (0, (3, 3), "int8"), {}),
    (ui.ArgumentError, "HiPPO", (0, (0, 300), "float8_e4m3fn"), {"part": "B", "measure": "lmu"}),
    (ui.ShapeError, "S4D", (0, ()), {"part": "imag"}),
    (ui.DtypeError, "S4D", (0, (3,)), {}),
    (ui.DtypeError, "MambaA", (0, (3,), "bool"), {}),
    (ui.ArgumentError, "MambaDtBias", (0, (3,)), {"minimum": 0.2}),
    (ui.ArgumentError, "MambaDtBias", (0, (3,)), {"floor": 0.2}),
    (ui.ArgumentError, "MambaDtBias", (0, (3,)), {"floor": -1.0}),
    (ui.ArgumentError, "MambaDtBias", (0, (3,), "float16"), {"maximum": 65510.0}),
    (ui.ArgumentError, "Mamba2A", (0, (3,)), {"minimum": 0.0}),
    (ui.ArgumentError, "Mamba2A", (0, (3,)), {"minimum": 17.0}),
    (ui.ArgumentError, "Mamba2A", (0, (3,)), {"minimum": 1e-40}),
    (ui.DtypeError, "Mamba2A", (0, (3,), "complex64"), {}),
]


@pytest.mark.parametrize(("error", "name", "args", "config"), REFUSED, ids=str)
def test_refused(error: type[Exception], name: str, args: tuple[Any, ...], config: dict[str, Any]) -> None:
    with pytest.raises(RefusedError):
        initialize(STREAM, name, *args, **config)
    with pytest.raises(error):
        library(name, *args, **config)
