"""The page ``matrices.md`` is complete and true: what is written from it gives the same bytes."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from families import as_hex, digest_by, known_answers, library, needs_missing_dtypes, parse, rows
from independent import RefusedError, Stream
from independent_matrices import CLASSES, MatrixStream

import unifinit as ui

PAGE = "matrices.md"
STREAM = MatrixStream(Path(str(files("unifinit.stream.tables"))))


def initialize(_: Stream, name: str, *args: Any, **config: Any) -> bytes:
    """What the page says."""
    return STREAM.initialize(name, *args, **config)


def test_every_class_of_the_page_is_covered() -> None:
    assert {parse(call)[0] for call, _ in known_answers(PAGE)} == CLASSES
    assert {row.values[0].initializer["class_name"] for row in rows(CLASSES)} == CLASSES


@pytest.mark.parametrize(("call", "answer"), known_answers(PAGE))
def test_known_answer_holds(call: str, answer: str) -> None:
    name, args, config = parse(call)
    dtype = args[2] if len(args) > 2 else "float32"
    assert as_hex(STREAM.initialize(name, *args, **config), dtype) == answer
    if not needs_missing_dtypes(dtype):
        assert as_hex(library(name, *args, **config), dtype) == answer


@pytest.mark.parametrize("row", rows(CLASSES))
def test_independent_implementation_has_the_digest(row: Any) -> None:
    assert digest_by(initialize, row) == row.sha256


DTYPES = ["float32", "float64", "float16", "complex64"]
CALLS: list[Any] = [
    ("Identity", (4, 2, 3), "in=0,1 out=2", {"gain": 0.7, "shift": -4}),
    ("Identity", (2, 4, 3, 2, 3), "DHWIO", {}),
    ("Identity", (0, 3, 3), "WIO", {}),
    ("Dirac", (2, 4, 3, 6), "GWIO", {"groups": 3}),
    ("Dirac", (6, 4, 3, 4), "OI...", {"groups": 2}),
    *(
        ("Sparse", (2, 3, 2, 5), "GWIO", {"sparsity": sparsity, "stddev": stddev, "per": per})
        for sparsity in (0, 0.1, 0.5, 1)
        for stddev in (0, 2)
        for per in ("input", "output")
    ),
    ("DeltaOrthogonal", (2, 3, 2, 2), "GWIO", {"gain": -1.3}),
    ("DeltaOrthogonal", (4, 3, 2, 2), "out=0 in=-1", {}),
    # As many inputs as outputs, in one block and in two; a single tap; a mask without members at some seed.
    *(("ConvolutionalOrthogonal1D", shape, "WIO", {}) for shape in ((3, 2, 2), (2, 33, 33), (1, 2, 4))),
    ("ConvolutionalOrthogonal1D", (4, 3, 1, 1), "GWIO", {"gain": -1.3}),
    ("ConvolutionalOrthogonal2D", (2, 2, 2, 1, 3), "GHWIO", {}),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "shape", "layout", "config"), CALLS, ids=str)
def test_library_does_what_the_page_says(
    name: str, shape: tuple[int, ...], layout: str, config: dict[str, Any], dtype: str
) -> None:
    if dtype.startswith("complex") and name.startswith("Convolutional"):
        dtype = "float64"
    arguments = (3, shape, dtype)
    assert library(name, *arguments, layout=layout, **config) == STREAM.initialize(
        name, *arguments, layout=layout, **config
    )


REFUSED: list[Any] = [
    (ui.ShapeError, "Identity", (3,), "float32", {}),
    (ui.ArgumentError, "Identity", (3, 3), "int32", {"gain": 0.5}),
    (ui.ArgumentError, "Identity", (3, 3), "float16", {"gain": 1e5}),
    (ui.ArgumentError, "Identity", (3, 3), "float32", {"shift": 2**63}),
    (ui.ShapeError, "Dirac", (3, 3), "float32", {}),
    (ui.ShapeError, "Dirac", (3, 4, 4), "float32", {"groups": 3}),
    (ui.ArgumentError, "Dirac", (3, 4, 4), "float32", {"groups": 0}),
    (ui.ShapeError, "Sparse", (3,), "float32", {"sparsity": 0.5}),
    (ui.ArgumentError, "Sparse", (3, 3), "float32", {"sparsity": 1.5}),
    (ui.ArgumentError, "Sparse", (3, 3), "float32", {"sparsity": 0.5, "stddev": -1.0}),
    (ui.DtypeError, "Sparse", (3, 3), "int32", {"sparsity": 0.5}),
    (ui.ShapeError, "DeltaOrthogonal", (3, 3), "float32", {}),
    (ui.ShapeError, "DeltaOrthogonal", (3, 3, 2), "float32", {}),
    (ui.ShapeError, "ConvolutionalOrthogonal1D", (2, 2, 2, 2), "float32", {}),
    (ui.ShapeError, "ConvolutionalOrthogonal2D", (2, 3, 2, 2), "float32", {}),
    (ui.ShapeError, "ConvolutionalOrthogonal1D", (2, 3, 2), "float32", {}),
    (ui.ArgumentError, "ConvolutionalOrthogonal1D", (2, 2, 2), "float16", {"gain": 1e5}),
    (ui.DtypeError, "ConvolutionalOrthogonal1D", (2, 2, 2), "complex64", {}),
    (ui.DtypeError, "ConvolutionalOrthogonal1D", (2, 2, 2), "int32", {}),
]


@pytest.mark.parametrize(("error", "name", "shape", "dtype", "config"), REFUSED, ids=str)
def test_refused(
    error: type[Exception], name: str, shape: tuple[int, ...], dtype: str, config: dict[str, Any]
) -> None:
    with pytest.raises(RefusedError):
        STREAM.initialize(name, 0, shape, dtype, **config)
    with pytest.raises(error):
        library(name, 0, shape, dtype, **config)
