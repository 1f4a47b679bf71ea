"""Whether a checkpoint is a start: the first difference is found, and which start it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unifinit as ui
from unifinit import elements
from unifinit.checkpoints import Checkpoint, Entry, open_checkpoint, write_checkpoint
from unifinit.models import ModelPlan
from unifinit.models.arrays import ModelArray
from unifinit.models.names import described
from unifinit.specs import Spec, verification
from unifinit.specs.verification import Checked, identify, verify
from unifinit.types import as_dtype

RULES = {"**/bias": "zeros", "**/scale": "ones", "head/weight": ui.Orthogonal(), "**": "he_normal"}
SHAPES: dict[str, tuple[int, ...]] = {
    "fc.weight": (96, 40),
    "fc.bias": (96,),
    "norm.weight": (96,),
    "attn.in_proj_weight": (24, 8),
    "attn.in_proj_bias": (24,),
    "head.weight": (10, 12),
    "log_scale": (),
    "empty": (0, 3),
}


def spec(
    rules: Any = RULES, seed: int = 5, dtype: str = "float32", shapes: dict[str, tuple[int, ...]] = SHAPES
) -> Spec:
    arrays: list[ModelArray] = described((name, shape, as_dtype(dtype)) for name, shape in shapes.items())
    return Spec(arrays, rules, seed)


def write(path: Path, plan: ModelPlan, **changes: Any) -> Path:
    """A checkpoint of a plan; what is given stands for its arrays, None for nothing."""
    if not changes:
        entries = [Entry(one.array.name, one.plan) for one in plan.arrays if one.plan is not None]
        write_checkpoint(path, entries, fingerprint=plan.fingerprint)
        return path
    arrays = {one.array.name: values(one) for one in plan.arrays if one.plan is not None}
    arrays.update(changes)
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def values(one: Any) -> Any:
    from unifinit.files import stream

    data = b"".join(map(bytes, stream(one.plan)))
    return np.frombuffer(data, elements.storage(one.array.dtype)).reshape(one.array.shape).copy()


def array_of(plan: ModelPlan, name: str) -> Any:
    return next(values(one) for one in plan.arrays if one.array.name == name)


@pytest.fixture
def checked(tmp_path: Path) -> Iterator[Any]:
    opened: list[Checkpoint] = []

    def check(plan: ModelPlan, **changes: Any) -> dict[str, Checked]:
        path = write(tmp_path / ("a.npz" if changes else "a.safetensors"), plan, **changes)
        opened.append(open_checkpoint(path))
        return {one.name: one for one in verify(plan, opened[-1])}

    yield check
    for checkpoint in opened:
        checkpoint.__exit__(None, None, None)


# Array by array.


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "float8_e4m3fn", "complex64"])
def test_a_start_is_identical(checked: Any, dtype: str) -> None:
    found = checked(spec({"**": "he_normal"}, dtype=dtype).plan())
    assert {one.verdict for one in found.values()} == {"identical"}
    assert {name: one.size for name, one in found.items()} == {
        name: int(np.prod(shape)) for name, shape in SHAPES.items()
    }


def test_split_orthogonal_and_constant_arrays_are_identical(checked: Any) -> None:
    found = checked(spec().plan())
    assert all(one.is_right and one.verdict == "identical" for one in found.values())
    assert str(found["attn.in_proj_weight"]) == "attn.in_proj_weight (attn/query/weight): identical"


@pytest.mark.parametrize(
    ("name", "place", "index"),
    [
        ("fc.weight", 0, (0, 0)),
        ("fc.weight", 96 * 40 - 1, (95, 39)),
        ("fc.weight", 1234, (30, 34)),
        ("fc.bias", 7, (7,)),
        ("attn.in_proj_weight", 100, (12, 4)),
        ("log_scale", 0, ()),
    ],
)
@pytest.mark.parametrize("bit", [0, 31])
def test_one_flipped_bit_is_found(checked: Any, name: str, place: int, index: Any, bit: int) -> None:
    plan = spec().plan()
    wrong = array_of(plan, name)
    before = wrong.reshape(-1).view("u4")[place]
    wrong.reshape(-1).view("u4")[place] ^= np.uint32(1 << bit)
    found = checked(plan, **{name: wrong})
    one = found.pop(name)
    assert all(other.verdict == "identical" for other in found.values())
    assert (one.verdict, one.place, one.size) == ("different", index, place)
    assert (int(one.wanted, 16), int(one.found, 16)) == (before, before ^ np.uint32(1 << bit))
    assert f"differs first at {index}: bits {one.found}, wanted {one.wanted}" in str(one)


@pytest.mark.parametrize(("dtype", "digits"), [("float64", 16), ("float16", 4), ("complex128", 32)])
def test_bits_are_those_of_a_whole_element(checked: Any, dtype: str, digits: int) -> None:
    plan = spec({"**": "he_normal"}, dtype=dtype).plan()
    wrong = array_of(plan, "fc.weight")
    wrong[3, 4] = -wrong[3, 4]
    one = checked(plan, **{"fc.weight": wrong})["fc.weight"]
    assert one.place == (3, 4)
    assert len(one.found) == len(one.wanted) == 2 + digits


def test_the_first_of_several_differences_is_named_whatever_the_pieces(
    checked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "PIECE", 100)
    plan = spec().plan()
    wrong = array_of(plan, "fc.weight")
    wrong[20:, 5] += 1
    assert checked(plan, **{"fc.weight": wrong})["fc.weight"].place == (20, 5)


def test_what_is_missing_unexpected_or_of_another_kind(checked: Any) -> None:
    plan = spec().plan()
    found = checked(
        plan,
        **{
            "fc.weight": None,
            "fc.bias": np.zeros((96, 1), "f4"),
            "norm.weight": np.ones(96, "f2"),
            "more\nlines": np.zeros(3),
        },
    )
    assert found["fc.weight"].verdict == "missing"
    assert str(found["fc.weight"]) == "fc.weight (fc/weight): not in the checkpoint"
    assert str(found["fc.bias"]) == "fc.bias (fc/bias): of shape (96, 1), wanted (96,)"
    assert str(found["norm.weight"]) == "norm.weight (norm/scale): of dtype float16, wanted float32"
    assert str(found["more\nlines"]) == r"'more\nlines': in the checkpoint, but not in the specification"
    assert not any(found[name].is_right for name in ("fc.weight", "fc.bias", "norm.weight", "more\nlines"))


@pytest.mark.parametrize("there", [True, False])
def test_arrays_that_are_kept_may_be_anything(checked: Any, there: bool) -> None:
    plan = spec({"fc/bias": "keep", **RULES}).plan()
    found = checked(plan, **({"fc.bias": np.arange(3)} if there else {"x": None}))
    assert found["fc.bias"].verdict == "not planned"
    assert all(one.is_right for one in found.values())


def test_compressed_files_and_progress(tmp_path: Path) -> None:
    plan = spec().plan()
    arrays = {one.array.name: values(one) for one in plan.arrays}
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    told: list[tuple[int, int]] = []
    with open_checkpoint(tmp_path / "a.npz") as checkpoint:
        found = list(verify(plan, checkpoint, lambda done, total: told.append((done, total))))
    assert all(one.is_right for one in found)
    assert told[-1] == (plan.nbytes, plan.nbytes)
    assert told == sorted(told)


# Which start.


def names(candidates: dict[str, Spec], path: Path, seeds: Any = ()) -> list[tuple[str, int]]:
    plans = {name: one.plan() for name, one in candidates.items()}
    with open_checkpoint(path) as checkpoint:
        return [(name, key.seed) for name, key in identify(plans, checkpoint, seeds)]


CANDIDATES = {
    "right": spec(),
    "other seed": spec(seed=6),
    "other rule": spec({**RULES, "**": "glorot_uniform"}),
    "other constant": spec({**RULES, "**/bias": "ones"}),
    "other shape": spec(shapes={**SHAPES, "fc.bias": (97,)}),
    "other name": spec(shapes={**SHAPES, "more": (2,)}),
    "other dtype": spec(dtype="float16"),
}


def test_a_specification_is_identified(tmp_path: Path) -> None:
    assert names(CANDIDATES, write(tmp_path / "a.safetensors", CANDIDATES["right"].plan())) == [("right", 5)]


@pytest.mark.parametrize("only", [None, "attn.in_proj_weight", "head.weight", "fc.weight"])
def test_a_seed_is_identified(tmp_path: Path, only: str | None) -> None:
    shapes = SHAPES if only is None else {only: SHAPES[only]}
    rules = RULES if only != "head.weight" else {"**": ui.Orthogonal()}
    rules = {"**": "he_normal"} if only in ("fc.weight", "attn.in_proj_weight") else rules
    path = write(tmp_path / "a.safetensors", spec(rules, shapes=shapes).plan(37))
    assert names({"one": spec(rules, shapes=shapes)}, path) == []
    assert names({"one": spec(rules, shapes=shapes)}, path, range(30, 40)) == [("one", 37)]
    assert names({"one": spec(rules, shapes=shapes)}, path, [ui.Key(37), 37]) == [("one", 37)]


def test_a_start_without_random_numbers_goes_under_its_own_seed(tmp_path: Path) -> None:
    shapes = {"fc.bias": (3,), "attn.in_proj_bias": (6,)}
    path = write(tmp_path / "a.safetensors", spec({"**": "zeros"}, shapes=shapes).plan())
    ones = spec({"**": "ones"}, shapes=shapes)
    zeros = spec({"**": "zeros"}, shapes=shapes)
    assert names({"ones": ones, "zeros": zeros}, path, range(10)) == [("zeros", 5)]
