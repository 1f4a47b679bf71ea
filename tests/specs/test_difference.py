"""How two checkpoints differ: each relation, across names and layouts of frameworks."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unifinit as ui
from unifinit import narrow
from unifinit.checkpoints import Entry, open_checkpoint, write_checkpoint
from unifinit.errors import ArgumentError, LayoutError, PathError, RuleError
from unifinit.specs.difference import Difference, compare_checkpoints

Compare = Callable[..., dict[str, Difference]]
RNG = np.random.default_rng(0)
MATRIX = RNG.normal(size=(6, 4)).astype("f4")


@pytest.fixture
def compare(tmp_path: Path) -> Compare:
    """Compares what two mappings of arrays, or of plans, hold, as differences by their paths."""

    def write(name: str, arrays: dict[str, Any]) -> Path:
        if all(isinstance(array, np.ndarray) for array in arrays.values()):
            np.savez(tmp_path / f"{name}.npz", **arrays)
            return tmp_path / f"{name}.npz"
        path = tmp_path / f"{name}.safetensors"
        write_checkpoint(path, [Entry(*item) for item in arrays.items()], fingerprint=name, overwrite=True)
        return path

    def compare(first: dict[str, Any], second: dict[str, Any], **settings: Any) -> dict[str, Difference]:
        with ExitStack() as stack:
            one, other = (
                stack.enter_context(open_checkpoint(write(name, arrays)))
                for name, arrays in (("a", first), ("b", second))
            )
            return {found.path: found for found in compare_checkpoints(one, other, **settings)}

    return compare


def relation(compare: Compare, first: Any, second: Any, **settings: Any) -> Difference:
    found = compare({"x": np.asarray(first)}, {"x": np.asarray(second)}, **settings)
    assert list(found) == ["x"]
    return found["x"]


# Each relation.


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "c8", "c16", "i1", "i8", "u2", "?"])
def test_identical(compare: Compare, dtype: str) -> None:
    found = relation(compare, MATRIX.astype(dtype), MATRIX.astype(dtype))
    assert found == ("x", "identical", "")
    assert found.is_same


@pytest.mark.parametrize(
    "values", [np.zeros((0, 3), "f4"), np.zeros((), "f4"), np.array([np.nan, np.inf, -0.0])]
)
def test_identical_whatever_it_is(compare: Compare, values: Any) -> None:
    assert relation(compare, values, values).relation == "identical"


def test_transposed(compare: Compare) -> None:
    found = compare({"fc.weight": MATRIX.T.copy()}, {"fc.kernel": MATRIX})["fc/weight"]
    assert found == ("fc/weight", "transposed", "OI... and ...IO")
    assert found.is_same


def test_axes_of_size_1_have_no_order(compare: Compare) -> None:
    found = compare({"fc.weight": MATRIX[:1].T.copy()}, {"fc.kernel": MATRIX[:1].copy()})
    assert found["fc/weight"].relation == "identical"


@pytest.mark.parametrize(
    ("first", "second"), [("f8", "f4"), ("f4", "f8"), ("f4", "f2"), ("c16", "c8"), ("f8", "f2")]
)
def test_rounded(compare: Compare, first: str, second: str) -> None:
    narrow_one = min(first, second, key=lambda dtype: np.dtype(dtype).itemsize)
    wide_one = max(first, second, key=lambda dtype: np.dtype(dtype).itemsize)
    wide = RNG.normal(size=50).astype(wide_one)
    pair = (wide, wide.astype(narrow_one)) if first == wide_one else (wide.astype(narrow_one), wide)
    found = relation(compare, *pair)
    assert found.relation == "rounded"
    assert found.is_same
    wrong = pair[1].copy()
    wrong[7] *= 1.25
    assert relation(compare, pair[0], wrong).relation == "different"


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "float8_e5m2fnuz"])
def test_rounded_to_what_numpy_lacks(compare: Compare, dtype: str) -> None:
    plans = [ui.HeNormal(seed=1).plan((8, 9), name) for name in ("float32", dtype)]
    found = compare({"x": plans[0]}, {"x": plans[1]})["x"]
    assert (found.relation, found.detail) == ("rounded", f"float32 and {dtype}")


def test_integers_of_other_widths_hold_the_same_numbers(compare: Compare) -> None:
    found = relation(compare, np.arange(9), np.arange(9, dtype="i4"))
    assert found == ("x", "rounded", "int64 and int32, the same numbers")


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "c8"])
@pytest.mark.parametrize("factor", [2.0, -1.0, 0.1, 1.7])
def test_scaled(compare: Compare, dtype: str, factor: float) -> None:
    values = RNG.normal(size=200)
    found = relation(compare, values.astype(dtype), (values * factor).astype(dtype))
    assert found.relation == "scaled"
    assert float(re.findall(r"-?[\d.]+", found.detail)[0]) == pytest.approx(factor, rel=1e-3)
    assert not found.is_same


def test_scaled_whatever_the_range(compare: Compare) -> None:
    values = RNG.normal(size=20)
    assert relation(compare, values * 1e-200, values * 2e-200).detail == "B is 2 times A"
    assert relation(compare, values * 1e200, values * 2e200).detail == "B is 2 times A"
    assert relation(compare, np.arange(5), 3 * np.arange(5)).detail == "B is 3 times A"
    assert relation(compare, np.ones(5), np.full(5, 0.5)).detail == "B is 0.5 times A"


@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e5m2", "bfloat16"])
def test_scaled_and_different_in_few_bits(compare: Compare, name: str) -> None:
    one, twice = (ui.RandomNormal(stddev=stddev, seed=1).plan((40,), name) for stddev in (1.0, 2.0))
    other = ui.RandomNormal(stddev=1.0, seed=2).plan((40,), name)
    assert compare({"x": one}, {"x": twice})["x"].detail == "B is 2 times A"
    assert compare({"x": one}, {"x": other})["x"].relation == "different"


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_one_flipped_bit_is_a_difference_and_no_multiple(compare: Compare, dtype: str) -> None:
    values = RNG.normal(size=100).astype(dtype)
    wrong = values.copy()
    wrong.view(f"u{wrong.itemsize}")[41] ^= 1
    found = relation(compare, values, wrong)
    assert found.relation == "different"
    assert "first at element 41 in canonical order: " in found.detail
    assert not found.is_same


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ([1.0, 2.0, 3.0], [1.0, 2.5, 0.0], "by up to 3, first at element 1 in canonical order: 2 and 2.5"),
        ([0.0, 0.0], [0.0, 1.0], "by up to 1, first at element 1 in canonical order: 0 and 1"),
        ([0.0, 1.0], [0.0, 0.0], "by up to 1, first at element 1 in canonical order: 1 and 0"),
        ([0.0, 0.0], [0.0, -0.0], "by up to 0, first at element 1 in canonical order: 0 and -0"),
        (
            [1.0, np.nan],
            [2.0, np.nan],
            "there are infinities or NaN; first at element 0 in canonical order: 1 and 2",
        ),
        (
            [1.0, np.inf],
            [1.0, -np.inf],
            "there are infinities or NaN; first at element 1 in canonical order: inf",
        ),
        ([1e308, 1e308], [1e308, -1e308], "by up to inf, first at element 1"),
        ([True, False], [False, False], "by up to 1, first at element 0 in canonical order: True and False"),
        (
            [2**53, 5],
            [2**53 + 1, 5],
            f"by up to 0, first at element 0 in canonical order: {2**53} and {2**53 + 1}",
        ),
        ([1, 2, 3], [3, 1, 2], "by up to 2, first at element 0 in canonical order: 1 and 3"),
        ([1j, 2.0], [1j, 3j], "first at element 1 in canonical order: 2+0j and 0+3j"),
    ],
)
def test_different(compare: Compare, first: Any, second: Any, told: str) -> None:
    found = relation(compare, first, second)
    assert found.relation == "different"
    assert told in found.detail
    assert not found.is_same


def test_small_unsigned_integers_do_not_wrap(compare: Compare) -> None:
    found = relation(compare, np.array([1, 9], "u1"), np.array([2, 4], "u1"))
    assert found.detail == "by up to 5, first at element 0 in canonical order: 1 and 2"


def test_nan_with_another_payload(compare: Compare) -> None:
    first = np.array([np.nan, 1.0], "f4")
    second = first.copy()
    second.view("u4")[0] ^= 1
    assert "first at element 0 in canonical order: nan and nan" in relation(compare, first, second).detail


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ((2, 3), (3, 2), "2x3 and 3x2"),
        ((4,), (5,), "4 and 5"),
        ((), (2,), "scalar and 2"),
        ((0, 2), (0, 3), "0x2 and"),
    ],
)
def test_shapes_that_cannot_be_compared(compare: Compare, first: Any, second: Any, told: str) -> None:
    # Zeros of as many elements have the same bits in whatever shape.
    found = relation(compare, np.zeros(first), np.zeros(second))
    assert found.relation == "shape"
    assert told in found.detail
    assert not found.is_same


def test_what_only_one_has(compare: Compare) -> None:
    found = compare({"x": MATRIX, "y": MATRIX}, {"z": MATRIX, "y": MATRIX})
    assert list(found.values()) == [
        ("x", "only in A", "x"),
        ("y", "identical", ""),
        ("z", "only in B", "z"),
    ]


# Across frameworks.


def test_torch_against_keras(compare: Compare) -> None:
    model = {"conv.weight": (8, 3, 5, 5), "fc.weight": (6, 4), "fc.bias": (6,), "norm.weight": (4,)}
    rules = {"**/bias": ui.RandomNormal(), "**/scale": ui.RandomNormal(), "**": "he_normal"}
    planned = ui.plan_model(model, rules, seed=0)
    torch = {one.array.name: one.plan for one in planned.arrays}
    keras = ui.init_tree(
        {
            "conv": {"kernel": (5, 5, 3, 8)},
            "fc": {"kernel": (4, 6), "bias": (6,)},
            "norm": {"gamma": (4,)},
        },
        rules,
        seed=0,
    )
    flat = {f"{layer}/{name}": array for layer, arrays in keras.items() for name, array in arrays.items()}
    found = compare(torch, flat)
    assert {path: one.relation for path, one in found.items()} == {
        "conv/weight": "transposed",
        "fc/weight": "transposed",
        "fc/bias": "identical",
        "norm/scale": "identical",
    }
    flat["fc/kernel"] = flat["fc/kernel"].T.copy()
    assert compare(torch, flat)["fc/weight"].relation == "shape"
    layouts = ({}, {"fc/kernel": "OI"})
    assert compare(torch, flat, layouts=layouts)["fc/weight"].relation == "identical"


def packed() -> tuple[dict[str, Any], list[Any]]:
    parts = [RNG.normal(size=(8, 8)).astype("f4") for _ in range(3)]
    biases = [RNG.normal(size=8).astype("f4") for _ in range(3)]
    return {
        "attn.in_proj_weight": np.concatenate(parts),
        "attn.in_proj_bias": np.concatenate(biases),
    }, list(zip(("query", "key", "value"), parts, biases, strict=True))


def test_packed_projections_against_separate_ones(compare: Compare) -> None:
    torch, parts = packed()
    same = {f"attn.{name}.weight": part for name, part, _ in parts}
    flax = {f"attn/{name}/kernel": part.T.reshape(8, 2, 4).copy() for name, part, _ in parts}
    biases = {f"attn/{name}/bias": bias.reshape(2, 4) for name, _, bias in parts}
    paths = [f"attn/{name}/weight" for name in ("query", "key", "value")]
    found = compare(torch, {**flax, **biases})
    assert [found[path].relation for path in paths] == ["transposed"] * 3
    assert [found[path.replace("weight", "bias")].relation for path in paths] == ["identical"] * 3
    assert len(found) == 6
    found = compare({"attn.in_proj_weight": torch["attn.in_proj_weight"]}, same)
    assert [found[path].relation for path in paths] == ["identical"] * 3
    same["attn.key.weight"] = 2 * same["attn.key.weight"]
    found = compare({"attn.in_proj_weight": torch["attn.in_proj_weight"]}, same)
    assert [found[path].relation for path in paths] == ["identical", "scaled", "identical"]


def test_rename(compare: Compare) -> None:
    torch, parts = packed()
    first = {f"blocks.{number}.{name}": array for number in (0, 1) for name, array in torch.items()}
    second = {
        f"layer_{number}/attn/{name}/kernel": part.T.copy() for number in (0, 1) for name, part, _ in parts
    }
    found = compare(first, second, rename={"blocks/*/**": "layer_*/**"})
    assert {one.relation for path, one in found.items() if path.endswith("weight")} == {"transposed"}
    assert {one.relation for path, one in found.items() if path.endswith("bias")} == {"only in A"}


def test_a_layout_for_packed_arrays(compare: Compare) -> None:
    torch, _ = packed()
    other = {"attn.in_proj_weight": torch["attn.in_proj_weight"].T.copy()}
    first = {"attn.in_proj_weight": torch["attn.in_proj_weight"]}
    # It has 8 rows now, which are no three projections by the name alone.
    found = compare(first, other, layouts=({"attn/key/weight": "OI"}, {}))
    assert found["attn/key/weight"].relation == "only in A"


@pytest.mark.parametrize(
    ("settings", "error", "told"),
    [
        ({"rename": {"fd": "x"}}, ArgumentError, "rename has 'fd', which matches no path of the first"),
        ({"rename": {"fc": "x//y"}}, RuleError, "rename has 'x//y' for 'fc'"),
        (
            {"layouts": ({"**/wieght": "IO"}, {})},
            ArgumentError,
            "layouts have '**/wieght', which decides noth",
        ),
        (
            {"layouts": ({}, {"**": "OI", "fc/weight": "IO"})},
            ArgumentError,
            "'fc/weight', which decides noth",
        ),
        ({"layouts": ({"**": "OX"}, {})}, LayoutError, "layout 'OX' is malformed"),
        ({"layouts": ({"**": "OIHW"}, {})}, LayoutError, "fc.weight: layout 'OIHW' is for 4 axes"),
        ({"layouts": ({"a//c": "OI"}, {})}, RuleError, "pattern 'a//c' has an empty component"),
    ],
)
def test_malformed_maps(compare: Compare, settings: Any, error: Any, told: str) -> None:
    with pytest.raises(error, match=re.escape(told)):
        compare({"fc.weight": MATRIX}, {"fc.weight": MATRIX}, **settings)


def test_paths_of_two_arrays(compare: Compare) -> None:
    with pytest.raises(PathError, match=r"path 'fc/weight' stands for both 'fc\.kernel' and 'fc\.weight'"):
        compare({"fc.kernel": MATRIX, "fc.weight": MATRIX}, {})


def test_narrow_zeros_differ_in_their_sign(compare: Compare) -> None:
    assert narrow.word_dtype("bfloat16") == "u2"
    plans = [ui.Constant(value).plan((3,), "bfloat16") for value in (0.0, -0.0)]
    found = compare({"x": plans[0]}, {"x": plans[1]})["x"]
    assert found.detail == "by up to 0, first at element 0 in canonical order: 0 and -0"
