"""Initializers by name and as configurations, which cannot run code."""

import sys

import pytest

import unifinit as ui
from unifinit import ConfigError, UnknownInitializerError
from unifinit.contents import Fill
from unifinit.initializers.base import RandomInitializer
from unifinit.initializers.classes import CLASSES, own_classes, snake_case

TENSORFLOW_1 = {
    "zeros_initializer": ui.Zeros,
    "ones_initializer": ui.Ones,
    "constant_initializer": ui.Constant,
    "random_uniform_initializer": ui.RandomUniform,
    "random_normal_initializer": ui.RandomNormal,
    "truncated_normal_initializer": ui.TruncatedNormal,
    "uniform_unit_scaling_initializer": ui.UniformUnitScaling,
    "variance_scaling_initializer": ui.VarianceScaling,
    "orthogonal_initializer": ui.Orthogonal,
    "glorot_uniform_initializer": ui.GlorotUniform,
    "glorot_normal_initializer": ui.GlorotNormal,
}
SNAKE_CASE = {
    **{name.removesuffix("_initializer"): cls for name, cls in TENSORFLOW_1.items()},
    "he_uniform": ui.HeUniform,
    "kaiming_normal": ui.KaimingNormal,
    "kaiming_uniform": ui.KaimingUniform,
    "xavier_normal": ui.XavierNormal,
    "he_normal": ui.HeNormal,
    "lecun_uniform": ui.LecunUniform,
    "lecun_normal": ui.LecunNormal,
}
MALICIOUS = [
    "os.system",
    "__import__('os')",
    "__import__('os').system('true')",
    "builtins.eval",
    "unifinit.initializers.base.CLASSES",
    "unifinit.Zeros",
    "__class__",
    "eval",
    "print",
    "",
    "../Zeros",
    "Zeros()",
]


@pytest.mark.parametrize(("name", "cls"), sorted((SNAKE_CASE | TENSORFLOW_1).items()))
def test_names(name, cls):
    assert ui.get(name) == cls()


@pytest.mark.parametrize("name", sorted(SNAKE_CASE))
def test_every_snake_case_name_may_end_in_initializer(name):
    assert ui.get(f"{name}_initializer") == ui.get(name)


def test_every_class_has_its_names(default):
    name = type(default).__name__
    assert ui.get(name) == default
    assert ui.get(snake_case(name)) == default
    assert ui.get(f"{snake_case(name)}_") == default


def test_hyperparameters_go_with_a_name_or_a_class():
    assert ui.get("truncated_normal_initializer", stddev=0.01) == ui.TruncatedNormal(stddev=0.01)
    assert ui.get(ui.Orthogonal, gain=2, seed=1) == ui.Orthogonal(2, seed=1)


def test_initializers_and_callables_pass_through(initializer):
    assert ui.get(initializer) is initializer
    assert ui.get(max) is max


def test_class_gives_an_instance(default):
    assert ui.get(type(default)) == default


def test_configuration_may_leave_out_what_has_defaults():
    assert ui.get({"class_name": "he_normal"}) == ui.HeNormal()
    assert ui.get({"class_name": "RandomUniform", "config": {"minval": -1}}) == ui.RandomUniform(-1)


@pytest.mark.parametrize("name", MALICIOUS)
class TestNothingIsRun:
    @pytest.fixture(autouse=True)
    def nothing_imported(self):
        ui.backends(load=False)  # Plugins are asked, whatever the name.
        before = set(sys.modules)
        yield
        assert set(sys.modules) == before

    def test_by_name(self, name):
        with pytest.raises(UnknownInitializerError, match="no initializer"):
            ui.get(name)

    def test_by_configuration(self, name):
        with pytest.raises(UnknownInitializerError, match="no initializer"):
            ui.get({"class_name": name, "config": {"command": "true"}})

    def test_as_a_key(self, name):
        with pytest.raises(ConfigError, match="no hyperparameter"):
            ui.get({"class_name": "Zeros", "config": {name: 1}})

    def test_as_a_value(self, name):
        with pytest.raises(ui.ArgumentError):
            ui.get({"class_name": "RandomNormal", "config": {"stddev": name}})


class TestErrors:
    @pytest.mark.parametrize(
        "name", ["glorot_unifrom", "GlorotUnifrom", "GLOROT_UNIFORM_", "glorot_uniform_init"]
    )
    def test_a_name_close_to_a_known_one_gets_a_suggestion(self, name):
        with pytest.raises(UnknownInitializerError, match=f"no initializer '{name}'"):
            ui.get(name)

    def test_suggestion_and_list_of_what_is_known(self):
        with pytest.raises(UnknownInitializerError) as caught:
            ui.get("glorot_unifrom")
        message = str(caught.value)
        assert "did you mean 'glorot_uniform'?" in message
        known = message.partition("known: ")[2].partition(", the same")[0].split(", ")
        assert known == sorted(CLASSES)
        assert set(known) >= {cls.__name__ for cls in own_classes()}

    @pytest.mark.parametrize(
        "name", ["Initializer", "RandomInitializer", "random_initializer", "_FixedScaling"]
    )
    def test_abstract_bases_have_no_name(self, name):
        with pytest.raises(UnknownInitializerError):
            ui.get(name)

    @pytest.mark.parametrize("cls", [ui.Initializer, RandomInitializer])
    def test_abstract_bases_cannot_be_had_by_class_either(self, cls):
        with pytest.raises(UnknownInitializerError, match=cls.__name__):
            ui.get(cls)

    @pytest.mark.parametrize("identifier", [None, 3, 1.5, ["Zeros"], ("Zeros", {}), b"Zeros"], ids=repr)
    def test_what_identifies_nothing(self, identifier):
        with pytest.raises(UnknownInitializerError, match="identifies no initializer; wanted a name"):
            ui.get(identifier)

    @pytest.mark.parametrize(
        "identifier",
        [
            {},
            {"config": {}},
            {"class_name": 3},
            {"class_name": ui.Zeros},
            {"class_name": "Zeros", "module": "os"},
            {"class_name": "Zeros", "config": {}, "registered_name": None},
        ],
        ids=repr,
    )
    def test_malformed_configuration(self, identifier):
        with pytest.raises(ConfigError, match=r"malformed; wanted \{'class_name'"):
            ui.get(identifier)

    @pytest.mark.parametrize("config", [None, 3, "seed", ["seed"], [("seed", 1)]], ids=repr)
    def test_configuration_that_is_no_mapping(self, config):
        with pytest.raises(ConfigError, match=r"config of HeNormal is .*; wanted a mapping"):
            ui.get({"class_name": "HeNormal", "config": config})

    def test_unknown_hyperparameter(self):
        with pytest.raises(ConfigError, match=r"no hyperparameter 'std' \(did you mean 'stddev'\?\)"):
            ui.get("random_normal", std=1.0)
        with pytest.raises(ConfigError, match="Zeros has no hyperparameter 'seed'; wanted none"):
            ui.Zeros.from_config({"seed": 1})
        with pytest.raises(ConfigError, match="no hyperparameter 5; wanted "):
            ui.Orthogonal.from_config({5: 1})

    def test_hyperparameters_with_a_configuration_or_an_instance(self):
        with pytest.raises(ConfigError, match="go with a name or a class"):
            ui.get(ui.Zeros(), seed=1)
        with pytest.raises(ConfigError, match="go with a name or a class"):
            ui.get({"class_name": "HeNormal"}, seed=1)

    @pytest.mark.parametrize(
        "config", [{"seed": -1}, {"seed": "0"}, {"stddev": None}, {"mean": [0, 1]}], ids=repr
    )
    def test_values_are_checked_as_in_the_constructor(self, config):
        with pytest.raises(ui.ArgumentError, match=next(iter(config))):
            ui.RandomNormal.from_config(config)

    @pytest.mark.parametrize("other", [3, "Zeros", max, ui.Zeros], ids=repr)
    def test_only_initializers_can_be_serialized(self, other):
        with pytest.raises(ui.UnifinitError):
            ui.serialize(other)


def test_an_initializer_of_ones_own_gets_a_name():
    ui.get("zeros")  # Names that have been looked up before do not hide it.
    try:

        class FortyTwo(ui.Initializer):
            def content(self, weight, dtype):
                return Fill(42.0)

        assert ui.get("FortyTwo") == ui.get("forty_two") == FortyTwo()
        assert ui.get(ui.serialize(FortyTwo()))(2).tolist() == [42, 42]
    finally:
        CLASSES.pop("FortyTwo", None)


def test_a_name_of_unifinits_own_cannot_be_taken():
    with pytest.raises(ConfigError, match="'GlorotUniform'"):
        type("GlorotUniform", (ui.Zeros,), {"__module__": __name__})
    assert type(ui.get("glorot_uniform")) is ui.GlorotUniform


@pytest.mark.parametrize("shape", [{3, 4}, {3: 4}], ids=repr)
def test_what_has_no_order_is_no_shape(shape):
    with pytest.raises(ui.ShapeError, match="is no shape"):
        ui.Zeros()(shape)
