"""The page ``docs/specification.md`` is complete and true: an implementation from it gives the same bytes."""

from __future__ import annotations

import math
import random
import re
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from families import as_hex, needs_missing_dtypes, parse
from independent import FILES, RefusedError, block, derive, fold_in, key_from_seed, split
from independent_main import MainStream

import unifinit as ui
from unifinit.stream import double, single
from unifinit.stream.ops import numpy_ops

PAGE = Path(__file__).resolve().parents[2] / "docs" / "specification.md"
STREAM = MainStream(Path(str(files("unifinit.stream.tables"))))
SEEDS = (0, 42, 2**63 + 12345)
DTYPES = [
    "float32",
    "float64",
    "float16",
    pytest.param(
        "bfloat16", marks=pytest.mark.skipif(find_spec("ml_dtypes") is None, reason="NumPy needs ml_dtypes")
    ),
]


def library(name: str, seed: int, *args: Any, **kwargs: Any) -> bytes:
    """What unifinit makes on NumPy: a function of ``unifinit.random``, or an initializer."""
    if name in ui.random.__all__:
        array = getattr(ui.random, name)(seed, *args, backend="numpy", **kwargs)
    else:
        call = {key: kwargs.pop(key) for key in ("layout",) if key in kwargs}
        array = getattr(ui, name)(**kwargs)(*args, seed=seed, backend="numpy", **call)
    return np.asarray(array).tobytes()


def independent(name: str, seed: int, *args: Any, **kwargs: Any) -> bytes:
    """What the page says of the same."""
    if name in ui.random.__all__:
        return getattr(STREAM, name)(seed, *args, **kwargs)
    return STREAM.initialize(name, seed, *args, **kwargs)


# The known answers.


def known_answers() -> list[tuple[str, str]]:
    section = PAGE.read_text("utf-8").partition("(spec-answers)=")[2].partition("(spec-sources)=")[0]
    return re.findall(r"^\| `(\w+\(.*\))` \| ([0-9a-f ]+) \|$", section, flags=re.MULTILINE)


def key_by_library(name: str, args: list[Any]) -> list[tuple[int, int]]:
    key = ui.Key(args[0])
    return {
        "key": lambda: [key.words],
        "fold_in": lambda: [key.fold_in(args[1]).words],
        "split": lambda: [derived.words for derived in key.split(args[1])],
        "derive": lambda: [(key / args[1]).words],
    }[name]()


def key_by_page(name: str, args: list[Any]) -> list[tuple[int, int]]:
    key = key_from_seed(args[0])
    return {
        "key": lambda: [key],
        "fold_in": lambda: [fold_in(key, args[1])],
        "split": lambda: split(key, args[1]),
        "derive": lambda: [derive(key, args[1])],
    }[name]()


def test_page_has_known_answers_of_every_kind() -> None:
    # That each initializer has one is tested in test_families_main.py.
    names = {parse(call)[0] for call, _ in known_answers()}
    assert {"block", "key", "fold_in", "split", "derive", *ui.random.__all__} <= names


@pytest.mark.parametrize(("call", "answer"), known_answers())
def test_known_answer_holds(call: str, answer: str) -> None:
    name, args, kwargs = parse(call)
    if "corrected" in kwargs:
        pytest.importorskip("mpmath")  # The page wants a number that is rounded once.
    if name == "block":
        assert "{:08x} {:08x}".format(*block(*args)) == answer
    elif name in ("key", "fold_in", "split", "derive"):
        for words in (key_by_page(name, args), key_by_library(name, args)):
            assert " ".join(f"{word:08x}" for pair in words for word in pair) == answer
    else:
        dtype = args[2] if len(args) > 2 else "float32"
        assert as_hex(independent(name, *args, **kwargs), dtype) == answer
        if not needs_missing_dtypes(dtype):
            assert as_hex(library(name, *args, **kwargs), dtype) == answer


def test_checksums_are_on_the_page() -> None:
    page = PAGE.read_text("utf-8")
    published = (files("unifinit.stream.tables") / "SHA256SUMS").read_text("utf-8")
    for name, checksum in FILES.items():
        assert re.search(rf"^\| {re.escape(name)} \| \d+ \| {checksum} \|$", page, flags=re.MULTILINE)
        assert f"{checksum}  {name}\n" in published


# Keys and quantiles.


@pytest.mark.parametrize("seed", [*SEEDS, 1, 2**32 - 1, 2**32, 2**64 - 1])
def test_keys(seed: int) -> None:
    assert ui.Key(seed).words == key_from_seed(seed)
    for data in (0, 1, 77, 2**32 - 1):
        assert ui.Key(seed).fold_in(data).words == fold_in(key_from_seed(seed), data)
    for name in ("", "encoder", "größe", "層", 5):
        assert (ui.Key(seed) / name).words == derive(key_from_seed(seed), name)
    assert [key.words for key in ui.Key(seed).split(5)] == split(key_from_seed(seed), 5)


@pytest.mark.parametrize(
    ("stream", "ours"), [(single, STREAM.single), (double, STREAM.double)], ids=["single", "double"]
)
def test_quantiles_at_the_ends_at_the_joints_and_between(stream: Any, ours: Any) -> None:
    top = ours.fraction_bits + 1
    draw = random.Random(0)
    tails = {1, 2, 3, 2**top, *(2**e + offset for e in range(2, top) for offset in (-1, 0, 1))}
    tails |= {2**e * 33 // 32 + offset for e in range(5, top) for offset in (-1, 0)}
    tails |= {draw.randrange(1, 2**e) for e in range(1, top) for _ in range(20)}
    points = sorted({sign * (2**top - t) for t in tails for sign in (-1, 1)})
    drawn = stream.quantile(numpy_ops(), np.array(points, dtype=stream.INTEGER))
    assert drawn.tolist() == [ours.quantile(u) for u in points]


@pytest.mark.parametrize("ours", [STREAM.single, STREAM.double], ids=["single", "double"])
def test_largest_quantile_is_that_of_the_outermost_point(ours: Any) -> None:
    assert ours.quantile(2 ** (ours.fraction_bits + 1) - 1) == ours.top


# Every function and initializer, over a grid of arguments.


RANDOM: list[tuple[str, dict[str, float]]] = [
    ("uniform", {}),
    ("uniform", {"minval": -0.05, "maxval": 0.05}),
    ("uniform", {"minval": 5.0, "maxval": 5.1}),
    ("uniform", {"minval": -3, "maxval": 0.1}),
    ("uniform", {"minval": 1.0, "maxval": 1.0 + 3e-7}),
    ("uniform", {"minval": 0.1, "maxval": 0.1}),
    ("uniform", {"minval": -1e-35, "maxval": 1.0}),
    ("normal", {}),
    ("normal", {"mean": 1.0, "stddev": 0.02}),
    ("normal", {"mean": -1e-33, "stddev": 1.0}),
    ("normal", {"mean": 0.3, "stddev": 0.0}),
    ("normal", {"mean": 1e4, "stddev": 1e-4}),
    ("normal", {"stddev": 1e-7}),
    ("truncated_normal", {}),
    ("truncated_normal", {"lower": -0.5, "upper": 3.0, "mean": 1.0, "stddev": 0.1}),
    ("truncated_normal", {"lower": 4.0, "upper": 5.0}),
    ("truncated_normal", {"lower": 0.0, "upper": math.inf}),
    ("truncated_normal", {"lower": -math.inf, "upper": -0.1}),
    ("truncated_normal", {"lower": -math.inf, "upper": math.inf, "mean": 2.0}),
    ("truncated_normal", {"lower": 0.1, "upper": 0.1 + 1e-6}),
    # Few points, 0 among them, where the shift is below the least scale; and where the clamp matters.
    ("truncated_normal", {"lower": -1e-7, "upper": 1e-7, "mean": 1e-33}),
    ("truncated_normal", {"lower": -(2.0**-50), "upper": 2.0**-50}),
    ("truncated_normal", {"lower": -2.0, "upper": 0.7, "mean": 0.3, "stddev": 0}),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "arguments"), RANDOM, ids=str)
def test_random_numbers(name: str, arguments: dict[str, float], dtype: str) -> None:
    for seed in SEEDS:
        assert library(name, seed, (5, 7), dtype, **arguments) == independent(
            name, seed, (5, 7), dtype, **arguments
        )


@pytest.mark.parametrize(
    ("dtype", "minval", "maxval"),
    [
        ("float32", 1.5082660913467407, 1.5082664489746094),
        ("float64", 1.808242546074963, 1.8082425460749636),
    ],
)
def test_uniform_where_rounding_leaves_the_range(dtype: str, minval: float, maxval: float) -> None:
    # Without clipping, a quarter of these numbers would lie outside.
    arguments = {"minval": minval, "maxval": maxval}
    data = library("uniform", 0, (50,), dtype, **arguments)
    assert data == independent("uniform", 0, (50,), dtype, **arguments)
    assert minval <= np.frombuffer(data, dtype).min()
    assert np.frombuffer(data, dtype).max() <= maxval


@pytest.mark.parametrize("dtype", ["uint32", "uint64"])
def test_bits(dtype: str) -> None:
    for seed in SEEDS:
        assert library("bits", seed, (3, 50), dtype) == independent("bits", seed, (3, 50), dtype)


SHAPES = [
    ((), None),
    ((5,), "OI..."),
    ((0, 3), None),
    ((3, 4), None),
    ((4, 3), "OI"),
    ((2, 3, 4), "I...O"),
    ((5, 2, 3, 1), "OIHW"),
    ((2, 3, 2, 4), "OWIH"),
    ((3, 2, 3, 2, 2), "IO..."),
    ((2, 2, 1, 3, 2), "DHWIO"),
]
INITIALIZERS: list[Any] = [
    ("Zeros", {}),
    ("Ones", {}),
    ("Constant", {"value": 0.1}),
    ("RandomUniform", {"minval": -0.3, "maxval": 0.05}),
    ("RandomNormal", {"mean": 0.5, "stddev": 2.0}),
    ("TruncatedNormal", {"mean": -0.5, "stddev": 0.01}),
    *(("VarianceScaling", {"scale": 1.7, "mode": mode}) for mode in ("fan_in", "fan_out", "fan_avg")),
    *(
        ("VarianceScaling", {"scale": 0.3, "mode": "fan_out", "distribution": distribution})
        for distribution in ("truncated_normal", "untruncated_normal", "uniform")
    ),
    ("VarianceScaling", {"scale": 0.0}),
    ("GlorotUniform", {}),
    ("GlorotNormal", {}),
    ("HeUniform", {}),
    ("HeNormal", {}),
    ("LecunUniform", {}),
    ("LecunNormal", {}),
    ("UniformUnitScaling", {}),
    ("UniformUnitScaling", {"factor": 1.43}),
    ("Orthogonal", {}),
    ("Orthogonal", {"gain": -2.0}),
    ("VarianceScaling", {"scale": 0.0, "distribution": "uniform"}),
    ("UniformUnitScaling", {"factor": 0.0}),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "config"), INITIALIZERS, ids=str)
def test_initializers(name: str, config: dict[str, Any], dtype: str) -> None:
    for number, (shape, layout) in enumerate(SHAPES):
        if name == "Orthogonal" and len(shape) < 2:
            continue
        arguments = {**config, **({"layout": layout} if layout else {})}
        seed = SEEDS[number % len(SEEDS)]
        assert library(name, seed, shape, dtype, **arguments) == independent(
            name, seed, shape, dtype, **arguments
        )


@pytest.mark.parametrize("dtype", DTYPES)
def test_gain_is_rounded_in_the_dtype_of_computation(dtype: str) -> None:
    assert library("Orthogonal", 0, (9, 5), dtype, gain=1.4) == independent(
        "Orthogonal", 0, (9, 5), dtype, gain=1.4
    )


@pytest.mark.parametrize(("shape", "dtype"), [((40, 33), "float32"), ((3, 11, 70), "float64")], ids=str)
def test_orthogonal_of_more_than_a_block(shape: tuple[int, ...], dtype: str) -> None:
    assert library("Orthogonal", 3, shape, dtype) == independent("Orthogonal", 3, shape, dtype)


@pytest.mark.parametrize("dtype", [*DTYPES, "int8", "uint16", "int64", "bool"])
@pytest.mark.parametrize("layout", ["...IO", "OI..."])
def test_values_in_canonical_order(dtype: str, layout: str) -> None:
    value = [0, 1, 1, 0, 0, 1] if dtype == "bool" else [0, 1, 2, 3, 100, 27]
    arguments = {"value": value, "layout": layout}
    assert library("Constant", 0, (2, 3), dtype, **arguments) == independent(
        "Constant", 0, (2, 3), dtype, **arguments
    )


VALUES = [-0.0, 1 / 3, 1e-7, -1e-42, 3000.7, 2**15 + 1, math.inf, -math.inf]
TIES = [1 + odd * 2.0**-bits for bits in (8, 11, 24) for odd in (1, 3)]
TWICE = [1 + 2.0**-8 + 2.0**-40, 1 + 2.0**-11 + 2.0**-40]  # A tie only after the rounding to float32.


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [*VALUES, *TIES, *TWICE])
def test_constants_are_rounded(value: float, dtype: str) -> None:
    assert library("Constant", 0, (2,), dtype, value=value) == independent(
        "Constant", 0, (2,), dtype, value=value
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_large_integers_are_rounded_to_float64_first(dtype: str) -> None:
    value = 2**60 + 2**36 + 1  # A tie in float32, but only once it is a float64.
    for arguments in ({"value": value}, {"value": [value, -value]}):
        assert library("Constant", 0, (2,), dtype, **arguments) == independent(
            "Constant", 0, (2,), dtype, **arguments
        )


# What is refused.

REFUSED: list[Any] = [
    (ui.SeedError, "bits", (-1, (2,)), {}),
    (ui.SeedError, "bits", (2**64, (2,)), {}),
    (ui.SeedError, "bits", (True, (2,)), {}),
    (ui.DtypeError, "bits", (0, (2,), "int32"), {}),
    (ui.DtypeError, "normal", (0, (2,), "int32"), {}),
    (ui.ArgumentError, "uniform", (0, (2,)), {"minval": 2.0}),
    (ui.ArgumentError, "uniform", (0, (2,)), {"minval": 1.0, "maxval": 1 + 1e-12}),
    (ui.ArgumentError, "uniform", (0, (2,)), {"maxval": 1e-30}),
    (ui.ArgumentError, "uniform", (0, (2,)), {"maxval": 1e39}),
    (ui.ArgumentError, "uniform", (0, (2,), "float16"), {"maxval": 65505.0}),
    (ui.ArgumentError, "uniform", (0, (2,)), {"maxval": math.nan}),
    (ui.ArgumentError, "uniform", (0, (2,)), {"minval": -3e38, "maxval": 3e38}),
    (ui.ArgumentError, "uniform", (0, (2,), "float64"), {"minval": -1e308, "maxval": 1e308}),
    (ui.ArgumentError, "normal", (0, (2,)), {"mean": 1e30, "stddev": 1e-20}),
    (ui.ArgumentError, "truncated_normal", (0, (2,)), {"mean": -1e30, "stddev": 1e-20}),
    (ui.ArgumentError, "normal", (0, (2,)), {"stddev": -1.0}),
    (ui.ArgumentError, "normal", (0, (2,)), {"stddev": 3.1e-30}),
    (ui.ArgumentError, "normal", (0, (2,), "float64"), {"stddev": 1e-293}),
    (ui.ArgumentError, "normal", (0, (2,)), {"mean": math.inf}),
    (ui.ArgumentError, "normal", (0, (2,)), {"mean": 1e-40}),
    (ui.ArgumentError, "uniform", (0, (2,)), {"minval": -1e-40}),
    (ui.ArgumentError, "uniform", (0, (2,), "float64"), {"minval": -1.0, "maxval": 1e-310}),
    (ui.ArgumentError, "truncated_normal", (0, (2,)), {"mean": -1e-40}),
    (ui.ArgumentError, "normal", (0, (2,), "float16"), {"stddev": 12100.0}),
    (ui.ArgumentError, "truncated_normal", (0, (2,)), {"lower": 2.0}),
    (ui.ArgumentError, "truncated_normal", (0, (2,)), {"lower": math.nan}),
    (ui.ArgumentError, "truncated_normal", (0, (2,)), {"lower": 6.0, "upper": 7.0}),
    (ui.ArgumentError, "truncated_normal", (0, (2,), "float16"), {"stddev": 33000.0}),
    (ui.ArgumentError, "VarianceScaling", (0, (2, 3)), {"scale": -1.0}),
    (ui.ArgumentError, "UniformUnitScaling", (0, (2, 3)), {"factor": -1.0}),
    (ui.ArgumentError, "Constant", (0, (2,)), {"value": 1e39}),
    (ui.ArgumentError, "Constant", (0, (2,), "int32"), {"value": 0.5}),
    (ui.ArgumentError, "Constant", (0, (2,), "int8"), {"value": 128}),
    (ui.ArgumentError, "Constant", (0, (2,), "uint8"), {"value": -1}),
    (ui.ArgumentError, "Constant", (0, (2,), "bool"), {"value": 2}),
    (ui.ArgumentError, "Orthogonal", (0, (2, 2), "float16"), {"gain": 1e5}),
    (ui.ShapeError, "Constant", (0, (2,)), {"value": [1.0, 2.0, 3.0]}),
    (ui.ShapeError, "Orthogonal", (0, (2,)), {}),
    (ui.LayoutError, "Zeros", (0, (2,)), {"layout": "OI"}),
    (ui.LayoutError, "Zeros", (0, (2, 2)), {"layout": "OIHW"}),
    (ui.LayoutError, "Zeros", (0, (2, 2)), {"layout": "OO"}),
    (ui.LayoutError, "Zeros", (0, (2, 2, 2)), {"layout": "OIX"}),
    (ui.LayoutError, "Zeros", (0, (2, 2, 2)), {"layout": "OIW..."}),
]


@pytest.mark.parametrize(("error", "name", "args", "kwargs"), REFUSED, ids=str)
def test_refused(error: type[Exception], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    with pytest.raises(RefusedError):
        independent(name, *args, **kwargs)
    with pytest.raises(error):
        library(name, *args, **kwargs)
