"""Immutable values: what ``unifinit.values`` gives to its subclasses."""

import copy
import dataclasses
import pickle

import pytest

from unifinit import contents, distributions, layout, plan
from unifinit.stream.ops import Ops
from unifinit.types import DTYPES

FLOAT32 = DTYPES["float32"]
EXAMPLES = [
    lambda: contents.Fill(1.0),
    lambda: contents.OrthogonalMatrix(1.0, 2, 3),
    lambda: contents.Values((1.0,)),
    lambda: contents.Complex(contents.Fill(1.0), contents.Fill(0.0)),
    lambda: contents.Blocks((contents.Fill(1.0), contents.Fill(0.0)), (1, 2), 0),
    lambda: contents.Masked(contents.Fill(1.0), b"\x80", 0.125),
    lambda: contents.ScaledValues(contents.Values((1.0,)), 2.0),
    lambda: contents.Transposed(contents.Values((1.0,)), (1, 1), (1, 0)),
    lambda: plan.Plan((2, 3), FLOAT32, contents.Fill(1.0)),
    lambda: plan.Plan((2, 3), FLOAT32, contents.Fill(1.0), (1, 0)),
    lambda: plan.Plan((2, 3), FLOAT32, contents.OrthogonalMatrix(1.0, 2, 3)),
    lambda: layout.Layout("OI..."),
    layout.Layout,
    lambda: distributions.Bits(DTYPES["uint32"]),
    lambda: distributions.Normal(0.0, 1.0, FLOAT32),
    lambda: distributions.Normal(0.0, 1.0, DTYPES["float64"]),
    lambda: distributions.Uniform(0.0, 1.0, FLOAT32),
    lambda: distributions.TruncatedNormal(-2.0, 2.0, 0.0, 1.0, FLOAT32),
    lambda: Ops(1),
]


def test_those_of_equal_classes_and_parts_are_equal():
    for i, one in enumerate(EXAMPLES):
        assert [one() == other() for other in EXAMPLES] == [i == j for j in range(len(EXAMPLES))]


@pytest.mark.parametrize("make", EXAMPLES)
class TestValue:
    def test_equal_ones_have_equal_hashes(self, make):
        assert make() is not make()
        assert hash(make()) == hash(make())

    def test_attributes_cannot_be_changed(self, make):
        value = make()
        for name in [*vars(value), "other"]:
            with pytest.raises(dataclasses.FrozenInstanceError, match=name):
                setattr(value, name, 1)
            with pytest.raises(dataclasses.FrozenInstanceError, match=name):
                delattr(value, name)
        assert value == make()

    @pytest.mark.parametrize("protocol", [0, pickle.HIGHEST_PROTOCOL])
    def test_copies_have_all_attributes(self, make, protocol):
        value = make()
        for again in (pickle.loads(pickle.dumps(value, protocol)), copy.copy(value), copy.deepcopy(value)):
            assert vars(again) == vars(value)
            assert again == value

    def test_is_shown_as_the_call_that_makes_it(self, make):
        value = make()
        shown = ", ".join(f"{name}={vars(value)[name]!r}" for name in value.parts)
        assert repr(value) == f"{type(value).__name__}({shown})"
        assert type(value)(*(vars(value)[name] for name in value.parts)) == value


def test_dtypes_are_equal_if_they_are_the_same():
    assert {dtype: name for name, dtype in DTYPES.items()}[FLOAT32] == "float32"
    assert pickle.loads(pickle.dumps(FLOAT32)) is copy.deepcopy(FLOAT32) is FLOAT32
    with pytest.raises(dataclasses.FrozenInstanceError):
        FLOAT32.bits = 64
