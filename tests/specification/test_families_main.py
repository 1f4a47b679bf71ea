"""The newer parts of ``docs/specification.md``, and the digests of its initializers.

The known answers of the page are in ``test_specification.py``.
"""

from __future__ import annotations

import math
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from families import digest_by, known_answers, library, needs_missing_dtypes, parse, rows
from independent import RefusedError, Stream
from independent_main import ALIASES, SECOND_MOMENTS, MainStream

import unifinit as ui

STREAM = MainStream(Path(str(files("unifinit.stream.tables"))))


def initialize(_: Stream, name: str, *args: Any, **config: Any) -> bytes:
    """What the page says."""
    return STREAM.initialize(name, *args, **config)


CLASSES = {
    *("Zeros", "Ones", "Constant", "RandomUniform", "RandomNormal", "TruncatedNormal", "UniformUnitScaling"),
    *("VarianceScaling", "GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform"),
    *("LecunNormal", "XavierNormal", "KaimingUniform", "KaimingNormal", "Orthogonal"),
}


def small(row: Any) -> bool:
    # Without the three rows of 600 x 500 elements, which take several seconds each.
    return math.prod(row.values[0].shape) < 100_000


def test_every_class_of_the_page_is_covered() -> None:
    assert {row.values[0].initializer["class_name"] for row in rows(CLASSES) if small(row)} == CLASSES
    assert {parse(call)[0] for call, _ in known_answers("../specification.md")} >= CLASSES - {"Zeros", "Ones"}


@pytest.mark.parametrize("row", [row for row in rows(CLASSES) if small(row)])
def test_independent_implementation_has_the_digest(row: Any) -> None:
    assert digest_by(initialize, row) == row.sha256


DTYPES = [
    *("float32", "float64", "float16", "complex64", "complex128"),
    *(
        pytest.param(dtype, marks=pytest.mark.skipif(needs_missing_dtypes(dtype), reason="needs ml_dtypes"))
        for dtype in ("bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz")
    ),
]
SCALINGS = ("uniform", "truncated_normal", "untruncated_normal")
INITIALIZERS: list[Any] = [
    *(("Constant", {"value": value}) for value in (-0.0, 1e-9, 0.001, 1 / 3, -448 / 3, 240, 1.0625, 1.1875)),
    ("RandomUniform", {"minval": 0.3, "maxval": 0.3}),
    ("RandomUniform", {"minval": -3, "maxval": 0.1}),
    ("RandomNormal", {"mean": 0.3, "stddev": 0}),
    ("RandomNormal", {"mean": -1.0, "stddev": 0.2}),
    ("TruncatedNormal", {"lower": -1.0, "upper": 3.0, "corrected": True}),
    ("TruncatedNormal", {"lower": 0.0, "upper": math.inf, "mean": 0.5, "corrected": True}),
    ("TruncatedNormal", {"lower": -math.inf, "upper": math.inf, "corrected": True}),
    ("TruncatedNormal", {"lower": 4.0, "upper": 5.0, "corrected": True}),
    *(
        (
            "TruncatedNormal",
            {"lower": lower, "upper": 1.0, "mean": 0.1, "stddev": stddev, "bounds": "absolute"},
        )
        for lower in (-0.25, -math.inf)
        for stddev in (0.5, 0.0)
    ),
    *(("VarianceScaling", {"gain": 1.7, "scale": 0.3, "distribution": one}) for one in SCALINGS),
    ("VarianceScaling", {"mode": "fan_geo_avg", "gain": 0.0}),
    *((name, {"gain": 1.7}) for name in ("GlorotUniform", "GlorotNormal", "XavierNormal")),
    ("UniformUnitScaling", {"factor": 1.4}),
    ("Orthogonal", {"gain": -1.7}),
    ("Orthogonal", {"flatten": "outputs"}),
]
SHAPES = [((5, 3), "OI"), ((2, 3, 2, 4), "GWIO"), ((2, 3, 2, 3), "batch=2,0 in=1 out=3"), ((2, 0, 3), "GIO")]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "config"), INITIALIZERS, ids=str)
def test_initializers(name: str, config: dict[str, Any], dtype: str) -> None:
    for seed, (shape, layout) in enumerate(SHAPES):
        arguments = (seed, shape, dtype)
        assert library(name, *arguments, layout=layout, **config) == STREAM.initialize(
            name, *arguments, layout, **config
        )


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("value", [1 / 3 + 0.1j, [1 + 2j, -0.0, complex(-0.0, -0.0)]])
def test_complex_constants(value: Any, dtype: str) -> None:
    arguments = (0, (3,), dtype)
    assert library("Constant", *arguments, value=value) == STREAM.initialize(
        "Constant", *arguments, value=value
    )


FUNCTIONS = ("linear", "sigmoid", "tanh", "relu", "selu", "leaky_relu", "prelu")


@pytest.mark.parametrize("name", [*FUNCTIONS, *SECOND_MOMENTS, *ALIASES])
def test_gains_of_kaiming(name: str) -> None:
    for a in (0.0, 0.3):
        config = {"a": a, "nonlinearity": name}
        arguments = (0, (2, 2), "float64")
        assert library("KaimingNormal", *arguments, **config) == STREAM.initialize(
            "KaimingNormal", *arguments, **config
        )


def test_every_activation_is_on_the_list() -> None:
    ours = {*FUNCTIONS, *SECOND_MOMENTS}
    assert ours == set(ui.gains.ACTIVATIONS)
    assert set(ALIASES) == {alias for one in ui.gains.ACTIVATIONS.values() for alias in one.aliases}


@pytest.mark.parametrize("width", [1e-6, 1e-4, 0.3, 5.0, math.inf])
@pytest.mark.parametrize("lower", [-6.0, -1.3, -0.1, 0.0, 2.5, 6.0])
def test_deviation_between_bounds_is_rounded_once(lower: float, width: float) -> None:
    config = {"lower": lower, "upper": lower + width, "corrected": True}
    arguments = (0, (2,), "float64")
    assert library("TruncatedNormal", *arguments, **config) == STREAM.initialize(
        "TruncatedNormal", *arguments, **config
    )


REFUSED: list[Any] = [
    (ui.ArgumentError, "VarianceScaling", "float32", {"gain": -1.0}),
    (ui.ArgumentError, "GlorotUniform", "float32", {"gain": -1.0}),
    (ui.ArgumentError, "TruncatedNormal", "float32", {"bounds": "absolute", "corrected": True}),
    (ui.ArgumentError, "TruncatedNormal", "float32", {"lower": 1.0, "upper": 1.0}),
    (ui.ArgumentError, "TruncatedNormal", "float8_e4m3fn", {"stddev": 250.0}),
    (ui.ArgumentError, "RandomUniform", "float8_e4m3fnuz", {"maxval": 241.0}),
    (ui.ArgumentError, "RandomNormal", "float8_e5m2", {"stddev": 12000.0}),
    (ui.ArgumentError, "Orthogonal", "float8_e4m3fn", {"gain": 449.0}),
    (ui.ArgumentError, "Constant", "float8_e4m3fn", {"value": 449.0}),
    (ui.ArgumentError, "Constant", "float8_e4m3fn", {"value": math.inf}),
    (ui.ArgumentError, "Constant", "float8_e5m2fnuz", {"value": -math.inf}),
    (ui.ArgumentError, "Constant", "complex64", {"value": complex(0, 1e39)}),
    (ui.DtypeError, "Constant", "float32", {"value": 1 + 0j}),
]


@pytest.mark.parametrize(("error", "name", "dtype", "config"), REFUSED, ids=str)
def test_refused(error: type[Exception], name: str, dtype: str, config: dict[str, Any]) -> None:
    with pytest.raises(RefusedError):
        STREAM.initialize(name, 0, (2, 2), dtype, **config)
    if not needs_missing_dtypes(dtype):
        with pytest.raises(error):
            library(name, 0, (2, 2), dtype, **config)
