"""Readers of models and descriptions of layers that plugins bring."""

import numpy as np
import pytest

import unifinit as ui
from unifinit.backend import LayerRecord, ModelArray, ModelRecord, as_dtype, hookimpl
from unifinit.errors import BackendUnavailableError, UnsupportedModelError
from unifinit.extend import Role
from unifinit.models.layers import LayerTable


class Model:
    """A model of a made-up library."""

    __module__ = "json.models"

    def __init__(self):
        self.weight = np.full((3, 4), np.nan, np.float32)


class Opened:
    def __init__(self, model):
        self.model = model
        self.arrays = [ModelArray("weight", "fc", "weight", (3, 4), as_dtype("float32"), "dense")]

    def write(self, number, plan):
        ui.backend_of_numpy.fill(self.model.weight, plan)

    def finish(self):
        self.finished = True


class Reader:
    def open(self, target, reading):
        return Opened(target) if isinstance(target, Model) else None


def model_record(**changes):
    return ModelRecord(**{"name": "ours", "modules": ("json",), "load": Reader, "api_version": 1} | changes)


def layer_record(**changes):
    fields = {"name": "json:Dense", "describe": lambda _: {"w": Role("dense", "OI")}, "api_version": 1}
    return LayerRecord(**fields | changes)


def hooks(*, models=(), layers=()):
    @hookimpl
    def unifinit_models():
        return list(models)

    @hookimpl
    def unifinit_layers():
        return list(layers)

    found = {"unifinit_models": unifinit_models} if models else {}
    return found | ({"unifinit_layers": unifinit_layers} if layers else {})


@pytest.fixture
def use(plugin, registry, monkeypatch):
    """Let a registry with plugins stand for that of the process."""

    def make(*plugins, **records):
        known = registry(plugin("ours", **hooks(**records)), *plugins)
        for module in ("dispatch", "models.targets", "models.trees"):
            monkeypatch.setattr(f"unifinit.{module}.registry", lambda: known)
        monkeypatch.setattr(ui, "backend_of_numpy", known.get("numpy"), raising=False)
        return known

    return make


class TestModels:
    def test_a_reader_takes_the_models_of_its_library(self, use):
        use(models=[model_record()])
        model = ui.init_(Model(), "glorot_uniform", seed=0)
        assert (model.weight == ui.GlorotUniform()((3, 4), seed=ui.Key(0) / "fc/weight")).all()

    def test_subclasses_elsewhere_are_found(self, use):
        class Mine(Model):
            __module__ = "elsewhere"

        use(models=[model_record()])
        assert not np.isnan(ui.init_(Mine(), "ones", seed=0).weight).any()

    def test_what_no_reader_takes(self, use):
        class Other:
            __module__ = "json.models"

        use(models=[model_record()])
        with pytest.raises(UnsupportedModelError, match=r"a json\.models\.\S+Other is no model"):
            ui.init_(Other(), "ones", seed=0)

    def test_a_reader_that_cannot_be_loaded(self, use):
        def fail():
            raise RuntimeError("no such library")

        use(models=[model_record(load=fail)])
        message = "what reads models of 'ours' failed to load: RuntimeError: no such library"
        with pytest.raises(BackendUnavailableError, match=message):
            ui.init_(Model(), "ones", seed=0)
        assert ui.init_tree({"a": (2,)}, "ones", seed=0)["a"].sum() == 2

    def test_advice_of_a_reader_comes_through(self, use):
        def fail():
            raise BackendUnavailableError("wanted another environment")

        use(models=[model_record(load=fail)])
        with pytest.raises(BackendUnavailableError, match=r"^wanted another environment$"):
            ui.init_(Model(), "ones", seed=0)

    def test_two_of_one_name(self, plugin, use):
        theirs = plugin("theirs", **hooks(models=[model_record()]))
        known = use(theirs, models=[model_record()])
        assert (
            "2 plugins provide reader of models ours"
            in known.status("reader of models ours", load=False).detail
        )

    @pytest.mark.parametrize(
        "changes", [{"modules": ()}, {"modules": "json"}, {"load": None}, {"name": ""}, {"api_version": "1"}]
    )
    def test_malformed_records(self, use, changes):
        known = use(models=[model_record(**changes)])
        (field,) = changes
        assert f"{field} of a ModelRecord is" in known.status("ours", load=False).detail

    def test_records_of_a_later_version(self, use):
        known = use(models=[model_record(api_version=2)])
        assert "is made for plugin API 2" in known.status("reader of models ours", load=False).detail


class TestLayers:
    def test_a_description_counts_in_every_reader(self, use):
        known = use(layers=[layer_record()])

        class Dense:
            __module__ = "json.layers"

        Dense.__qualname__ = "Dense"
        table = LayerTable({}, known.layers())
        assert table.roles(Dense())["w"] == Role("dense", "OI")
        assert table.roles(object()) == {}

    def test_two_of_one_name(self, plugin, use):
        known = use(plugin("theirs", **hooks(layers=[layer_record()])), layers=[layer_record()])
        assert "2 plugins provide layer json:Dense" in known.status("layer json:Dense", load=False).detail
        assert known.layers() == {}

    @pytest.mark.parametrize("changes", [{"describe": None}, {"name": 3}])
    def test_malformed_records(self, use, changes):
        known = use(layers=[layer_record(**changes)])
        (field,) = changes
        assert f"{field} of a LayerRecord is" in known.status("ours", load=False).detail

    def test_describe_has_to_be_callable(self):
        from unifinit.extend import register_layer

        with pytest.raises(ui.ArgumentError, match="wanted a callable of a module"):
            register_layer("x:Y", {"weight": Role()})
