"""Plans are remembered, and nobody can tell but by the time."""

import pickle

import numpy as np
import pytest

import unifinit as ui
from unifinit.contents import fill
from unifinit.initializers import base
from unifinit.initializers.hyperparameters import checked


@pytest.fixture(autouse=True)
def nothing_is_remembered():
    base._PLANS.clear()
    yield
    base._PLANS.clear()


def test_seeds_share_a_plan_and_get_their_own_keys():
    one, other = (ui.HeNormal(seed=seed).plan((3, 4)) for seed in (1, 2))
    assert len(base._PLANS) == 1
    assert one.content is other.content
    assert (one.key, other.key) == (ui.Key(1), ui.Key(2))
    assert one == ui.HeNormal().plan((3, 4), seed=1)


@pytest.mark.parametrize(
    "changed",
    [{"shape": (4, 3)}, {"dtype": "float64"}, {"layout": "OI"}, {"initializer": ui.HeUniform(seed=1)}],
)
def test_everything_else_makes_another_plan(changed):
    asked = {"initializer": ui.HeNormal(seed=1), "shape": (3, 4), "dtype": "float32", "layout": "IO"}
    plans = []
    for arguments in (asked, asked | changed):
        initializer = arguments.pop("initializer")
        plans.append(initializer.plan(**arguments))
    assert plans[0] != plans[1]
    assert len(base._PLANS) == 2


def test_signs_of_zero_are_told_apart():
    for mean in (0.0, -0.0, 0.0):
        found = ui.RandomNormal(mean, 0.0)((1,))
        assert np.signbit(found[0]) == np.signbit(mean)


def test_shapes_are_checked_whatever_is_remembered():
    ui.HeNormal(seed=0)((1, 2))
    with pytest.raises(ui.ShapeError):
        ui.HeNormal(seed=0)((True, 2))
    with pytest.raises(ui.ShapeError):
        ui.HeNormal(seed=0)((1.0, 2))


def test_hyperparameters_that_cannot_be_compared_are_not_remembered():
    try:

        class FirstOf(base.RandomInitializer):
            values: np.ndarray = checked(lambda value, _: value, "an array")

            def content(self, weight, dtype):
                return fill(float(self.values[len(self.values) // 2]), dtype)

        # Long arrays that differ have one representation.
        one, other = np.zeros(5000), np.zeros(5000)
        other[2500] = 1
        assert repr(one) == repr(other)
        assert FirstOf(one)((1,)) == 0
        assert FirstOf(other)((1,)) == 1
    finally:
        base.CLASSES.pop("FirstOf", None)


def test_all_that_a_constructor_sets_counts():
    try:

        class Times(base.RandomInitializer):
            def __init__(self, factor):
                super().__init__()
                vars(self).update(_factor=factor)

            def content(self, weight, dtype):
                return fill(self._factor, dtype)

        assert Times(2.0)((1,)) == 2
        assert Times(3.0)((1,)) == 3
    finally:
        base.CLASSES.pop("Times", None)


def test_memory_does_not_grow_for_ever(monkeypatch):
    monkeypatch.setattr(base, "MOST_PLANS", 10)
    for size in range(1, 35):
        ui.HeNormal(seed=1).plan((size, 2))
        assert len(base._PLANS) <= 10


def test_what_is_remembered_is_not_pickled():
    used = ui.VarianceScaling(2.0, seed=3)
    used((3, 4))
    assert pickle.dumps(used) == pickle.dumps(ui.VarianceScaling(2.0, seed=3))
    assert pickle.loads(pickle.dumps(used)) == used
