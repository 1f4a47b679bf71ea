"""Initializers are immutable values, and configurations describe them completely."""

import copy
import dataclasses
import json
import pickle

import numpy as np
import pytest

import unifinit as ui


class TestRoundTrip:
    def test_configuration(self, initializer):
        config = json.loads(json.dumps(initializer.get_config()))
        assert type(initializer).from_config(config) == initializer
        assert type(initializer).from_config(config).get_config() == config

    def test_serialize_and_get(self, initializer):
        serialized = ui.serialize(initializer)
        assert serialized == {"class_name": type(initializer).__name__, "config": initializer.get_config()}
        assert ui.get(json.loads(json.dumps(serialized))) == initializer

    def test_repr(self, initializer):
        found = eval(repr(initializer), {type(initializer).__name__: type(initializer)})
        assert found == initializer
        assert repr(found) == repr(initializer)

    @pytest.mark.parametrize("protocol", [0, 2, pickle.HIGHEST_PROTOCOL])
    def test_pickle(self, initializer, protocol):
        assert pickle.loads(pickle.dumps(initializer, protocol)) == initializer

    def test_copies(self, initializer):
        assert copy.copy(initializer) == copy.deepcopy(initializer) == initializer
        assert initializer.replace() == initializer

    def test_gives_the_same_values(self, drawing):
        again = ui.get(ui.serialize(drawing))
        assert np.array_equal(again((3, 4), seed=9), drawing((3, 4), seed=9))


class TestValue:
    def test_equal_ones_have_equal_hashes(self, initializer):
        twin = copy.deepcopy(initializer)
        assert twin is not initializer
        assert hash(twin) == hash(initializer)
        assert len({twin, initializer}) == 1

    def test_fields_cannot_be_changed(self, initializer):
        before = copy.deepcopy(initializer)
        for name in initializer.hyperparameters:
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(initializer, name, 1)
            with pytest.raises(dataclasses.FrozenInstanceError):
                delattr(initializer, name)
        with pytest.raises(dataclasses.FrozenInstanceError):
            initializer.other = 1
        assert initializer == before

    def test_classes_and_hyperparameters_are_compared(self):
        different = [
            ui.Zeros(),
            ui.Ones(),
            ui.Constant(0),
            ui.Constant([0]),
            ui.RandomNormal(),
            ui.RandomNormal(seed=0),
            ui.RandomNormal(seed=1),
            ui.RandomNormal(mean=1),
            ui.TruncatedNormal(),
            ui.VarianceScaling(1.0, "fan_avg", "uniform"),
            ui.GlorotUniform(),
            ui.LecunUniform(),
        ]
        for i, one in enumerate(different):
            assert [one == other for other in different] == [i == j for j in range(len(different))]

    def test_equal_however_it_was_written(self):
        assert ui.RandomUniform() == ui.RandomUniform(0, 1) == ui.RandomUniform(maxval=np.float32(1))
        assert ui.RandomNormal(seed=np.uint8(3)) == ui.RandomNormal(seed=3) == ui.RandomNormal(seed=ui.Key(3))
        assert ui.Constant([[1, 2], [3, 4]]) == ui.Constant((1, 2, 3, 4)) == ui.Constant(np.arange(1, 5))
        assert ui.Orthogonal(2) == ui.Orthogonal(gain=2.0)

    def test_is_not_equal_to_anything_else(self, initializer):
        assert initializer != initializer.get_config()
        assert initializer != repr(initializer)

    def test_later_changes_to_what_it_was_made_of_do_not_show(self):
        values = np.array([1.0, 2.0])
        constant = ui.Constant(values)
        values[:] = 0
        assert constant == ui.Constant([1.0, 2.0])
        config = constant.get_config()
        config["value"][0] = 5
        assert constant == ui.Constant([1.0, 2.0])


def test_defaults_are_the_documented_ones():
    assert {name: ui.get(name).get_config() for name in ("zeros", "ones", "constant")} == {
        "zeros": {},
        "ones": {},
        "constant": {"value": 0.0},
    }
    assert ui.RandomUniform().get_config() == {"minval": 0.0, "maxval": 1.0, "seed": None}
    assert ui.RandomNormal().get_config() == {"mean": 0.0, "stddev": 1.0, "seed": None}
    assert ui.TruncatedNormal().get_config() == {
        "mean": 0.0,
        "stddev": 1.0,
        "lower": -2.0,
        "upper": 2.0,
        "bounds": "sigma",
        "corrected": False,
        "seed": None,
    }
    assert ui.UniformUnitScaling().get_config() == {"factor": 1.0, "seed": None}
    assert ui.Orthogonal().get_config() == {"gain": 1.0, "flatten": "inputs", "seed": None}
    assert ui.VarianceScaling().get_config() == {
        "scale": 1.0,
        "mode": "fan_in",
        "distribution": "normal",
        "gain": 1.0,
        "seed": None,
    }
    for name, gain in (("Glorot", {"gain": 1.0}), ("He", {}), ("Lecun", {})):
        config = {**gain, "seed": None}
        assert ui.get(f"{name}Uniform").get_config() == ui.get(f"{name}Normal").get_config() == config


def test_seed_is_a_keyword():
    for cls in (ui.GlorotUniform, ui.HeNormal, ui.Orthogonal, ui.RandomUniform):
        with pytest.raises(TypeError, match="positional"):
            cls(1.0, 2.0, 3.0, 4.0)


@pytest.mark.parametrize(
    ("named", "scale", "mode", "distribution"),
    [
        ("GlorotUniform", 1.0, "fan_avg", "uniform"),
        ("GlorotNormal", 1.0, "fan_avg", "truncated_normal"),
        ("HeUniform", 2.0, "fan_in", "uniform"),
        ("HeNormal", 2.0, "fan_in", "normal"),
        ("LecunUniform", 1.0, "fan_in", "uniform"),
        ("LecunNormal", 1.0, "fan_in", "truncated_normal"),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_named_schemes_are_variance_scaling(named, scale, mode, distribution, dtype):
    general = ui.VarianceScaling(scale, mode, distribution, seed=6)
    assert np.array_equal(ui.get(named, seed=6)((3, 3, 5, 7), dtype), general((3, 3, 5, 7), dtype))
