"""The page ``combinators.md`` is complete and true: what is written from it gives the same bytes."""

from __future__ import annotations

import math
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from families import as_hex, digest_by, known_answers, library, needs_missing_dtypes, parse, rows
from independent import RefusedError, Stream
from independent_combinators import CLASSES, CombinatorStream

import unifinit as ui

PAGE = "combinators.md"
STREAM = CombinatorStream(Path(str(files("unifinit.stream.tables"))))


def initialize(_: Stream, name: str, *args: Any, **config: Any) -> bytes:
    """What the page says."""
    return STREAM.initialize(name, *args, **config)


def test_every_class_of_the_page_is_covered() -> None:
    # FromFunction has neither known answers nor digests: a function is no text. It has its own test below.
    texts = CLASSES - {"FromFunction"}
    assert {parse(call)[0] for call, _ in known_answers(PAGE)} == texts
    assert {row.values[0].initializer["class_name"] for row in rows(CLASSES)} == texts


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


def inside(name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": name, "config": config}


DTYPES = [
    *("float32", "float64", "float16", "complex64", "complex128"),
    *(
        pytest.param(dtype, marks=pytest.mark.skipif(needs_missing_dtypes(dtype), reason="needs ml_dtypes"))
        for dtype in ("bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz")
    ),
]
INSIDE: list[Any] = [
    *("he_normal", "glorot_uniform", "uniform_unit_scaling", "truncated_normal", "orthogonal", "ones"),
    inside("RandomUniform", minval=-0.3, maxval=0.1),
    inside("RandomUniform", minval=0.3, maxval=0.3),
    inside("RandomNormal", mean=0.1, stddev=0.3),
    inside("RandomNormal", mean=0.1, stddev=0.0),
    inside("TruncatedNormal", mean=0.1, stddev=0.3, lower=-1.0, upper=0.5, bounds="absolute"),
    inside("Constant", value=[i / 10 for i in range(12)]),
    inside("Orthogonal", gain=0.7),
    inside("Identity", gain=0.3),
    inside("Sparse", sparsity=0.4, stddev=0.3),
]
KERNELS: list[Any] = [
    inside("Orthogonal", gain=0.7, flatten="outputs"),
    inside("DeltaOrthogonal", gain=0.7),
    inside("ConvolutionalOrthogonal1D", gain=0.7),
    inside("Dirac"),
    inside("Blocked", initializer="he_normal", count=2),
]


def agree(name: str, shape: tuple[int, ...], dtype: str, layout: str = "...IO", **config: Any) -> None:
    arguments = (3, shape, dtype)
    assert library(name, *arguments, layout=layout, **config) == STREAM.initialize(
        name, *arguments, layout=layout, **config
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("initializer", INSIDE, ids=str)
def test_combinations(initializer: Any, dtype: str) -> None:
    mask = [[1, 0, 1]]
    twice = inside("Scaled", initializer=initializer, factor=0.3)
    for factor in (0, 0.1, 1, 3.7):
        agree("Scaled", (3, 4), dtype, "OI", initializer=initializer, factor=factor)
        agree("Scaled", (3, 4), dtype, "OI", initializer=twice, factor=factor)
    agree("Masked", (3, 4), dtype, "OI", initializer=twice, mask=mask)
    covered = inside("Masked", initializer=initializer, mask=mask)
    agree("Scaled", (3, 4), dtype, "OI", initializer=covered, factor=0.3)
    agree("Stacked", (2, 3, 4), dtype, "OI", initializer=twice)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("initializer", [one for one in INSIDE if "Constant" not in str(one)], ids=str)
def test_blocks(initializer: Any, dtype: str) -> None:
    blocks = inside("Blocked", initializer=initializer, sizes=[0, 2, 1])
    agree("Blocked", (3, 4), dtype, "OI", initializer=blocks, sizes=[3, 1], axis="in")
    agree("Blocked", (2, 3, 4), dtype, "conv(stride=2) WOI", initializer=initializer, sizes=[1, 2])
    agree("Blocked", (2, 3, 4), dtype, "conv(stride=2) WOI", initializer=initializer, count=2, axis="in")
    agree("Blocked", (2, 3, 4), dtype, "GOI", initializer=initializer, count=2, axis="batch")
    agree("Blocked", (2, 3, 4), dtype, "out=0 in=1,2", initializer=initializer, count=3, axis="in")
    agree("Scaled", (3, 4), dtype, "OI", initializer=blocks, factor=0.3)
    if isinstance(initializer, str) and initializer != "orthogonal":
        agree("Blocked", (4,), dtype, initializer=initializer, sizes=[1, 3])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("initializer", KERNELS, ids=str)
def test_kernels(initializer: Any, dtype: str) -> None:
    if dtype.startswith("complex") and "Convolutional" in str(initializer):
        pytest.skip("there are no complex ones")
    twice = inside("Scaled", initializer=initializer, factor=0.3)
    agree("Scaled", (2, 2, 4), dtype, initializer=initializer, factor=0.7)
    agree("Scaled", (2, 2, 2, 4), dtype, "GWIO", initializer=twice, factor=0.7)
    agree("Masked", (2, 2, 4), dtype, initializer=twice, mask=[[[1]], [[0]]])
    agree("Blocked", (2, 2, 4), dtype, initializer=initializer, count=2)
    agree("Stacked", (2, 2, 2, 4), dtype, initializer=twice)


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8"])
def test_integers(dtype: str) -> None:
    constants = inside("Constant", value=[0, 1, 5])
    agree("Scaled", (3,), dtype, initializer=constants, factor=3.0)
    agree("Masked", (3,), dtype, initializer=constants, mask=[1, 0, 1])
    agree("Blocked", (3, 2), dtype, initializer=["ones", inside("Identity", gain=2.0)])
    agree("Stacked", (2, 3), dtype, initializer=constants)


def numbers_of(key: Any, shape: tuple[int, ...], dtype: str) -> list[complex]:
    words = key if isinstance(key, tuple) else key.words
    unit = 1 - 2j if dtype.startswith("complex") else 1.0
    return [unit * (words[1] % 1000 + i) / 7000 for i in range(math.prod(shape))]


@pytest.mark.parametrize("dtype", DTYPES)
def test_functions(dtype: str) -> None:
    def array_of(key: Any, shape: tuple[int, ...], dtype: str) -> Any:
        return np.reshape(numbers_of(key, shape, dtype), shape)

    plain = ui.FromFunction(array_of)
    made = {
        "FromFunction": (plain, {"function": numbers_of}),
        "Scaled": (ui.Scaled(plain, 0.3), {"factor": 0.3}),
        "Masked": (ui.Masked(plain, [1, 0]), {"mask": [1, 0]}),
        "Blocked": (ui.Blocked(plain, 2), {"count": 2}),
        "Stacked": (ui.Stacked(plain), {}),
    }
    for name, (initializer, config) in made.items():
        if name != "FromFunction":
            config = {**config, "initializer": inside("FromFunction", function=numbers_of)}  # noqa: PLW2901
        shape, layout = ((2, 3, 4), "...IO") if name == "Stacked" else ((2, 3), "OI")
        array = initializer(shape, dtype, seed=42, backend="numpy", layout=layout)
        assert np.asarray(array).tobytes() == STREAM.initialize(name, 42, shape, dtype, layout, **config)


REFUSED: list[Any] = [
    (ui.ArgumentError, "Scaled", (2, 2), "float32", {"initializer": "he_normal", "factor": -1.0}),
    (ui.ArgumentError, "Scaled", (2, 2), "float16", {"initializer": "ones", "factor": 1e5}),
    (ui.ArgumentError, "Scaled", (2, 2), "int32", {"initializer": "ones", "factor": 0.5}),
    (ui.DtypeError, "Scaled", (2, 2), "int32", {"initializer": "he_normal", "factor": 0.0}),
    (ui.ShapeError, "Masked", (2, 2), "float32", {"initializer": "ones", "mask": [1, 0, 1]}),
    (ui.ShapeError, "Masked", (2,), "float32", {"initializer": "ones", "mask": [[1, 0]]}),
    (ui.ShapeError, "Blocked", (2, 3), "float32", {"initializer": "ones", "count": 2}),
    (ui.ShapeError, "Blocked", (2, 3), "float32", {"initializer": "ones", "sizes": [1, 1]}),
    (ui.ShapeError, "Blocked", (3,), "float32", {"initializer": "ones", "count": 3, "axis": "in"}),
    (ui.ArgumentError, "Blocked", (2, 3), "float32", {"initializer": ["ones", "zeros"], "count": 3}),
    (ui.ArgumentError, "Blocked", (2, 2), "float32", {"initializer": inside("HeNormal", seed=1), "count": 2}),
    (ui.ArgumentError, "Stacked", (2, 2), "float32", {"initializer": inside("HeNormal", seed=1)}),
    (ui.ShapeError, "Stacked", (), "float32", {"initializer": "ones"}),
]


@pytest.mark.parametrize(("error", "name", "shape", "dtype", "config"), REFUSED, ids=str)
def test_refused(
    error: type[Exception], name: str, shape: tuple[int, ...], dtype: str, config: dict[str, Any]
) -> None:
    with pytest.raises(RefusedError):
        STREAM.initialize(name, 0, shape, dtype, **config)
    with pytest.raises(error):
        library(name, 0, shape, dtype, **config)
