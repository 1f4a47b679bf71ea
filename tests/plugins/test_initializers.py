"""Initializers of plugins: found by name, loaded when asked for, and never in the way of others."""

import pytest

import unifinit as ui
from unifinit import registry as registry_module
from unifinit.extend import Content, InitializerRecord, RandomInitializer, hookimpl, normal
from unifinit.initializers.classes import CLASSES, load_plugins


def make_class():
    class Halved(RandomInitializer):
        """Half."""

        summary = "half"
        aliases = {"half_normal": {}}  # noqa: RUF012

        def content(self, weight, dtype) -> Content:
            return normal(0.0, 0.5, dtype)

    return Halved


def hook(*records):
    @hookimpl
    def unifinit_initializers():
        return list(records)

    return unifinit_initializers


@pytest.fixture
def use(plugin, registry, monkeypatch):
    """Makes a plugin with a hook known to ``ui.get``."""

    def make(*records, more=()):
        known = registry(plugin("ours", unifinit_initializers=hook(*records)), *more)
        monkeypatch.setattr(registry_module, "_registry", known)
        return known

    yield make
    CLASSES.pop("Halved", None)


@pytest.mark.parametrize("name", ["Halved", "halved", "halved_initializer", "halved_", "half_normal"])
def test_is_loaded_by_each_of_its_names(use, name):
    loaded = []

    def load():
        loaded.append(True)
        return make_class()

    use(InitializerRecord("Halved", load, api_version=1, aliases=("half_normal",)))
    assert not loaded
    ui.get("he_normal")
    assert not loaded
    initializer = ui.get(name, seed=3)
    assert loaded
    assert type(initializer).__name__ == "Halved"
    assert (initializer((4, 5)) == ui.RandomNormal(stddev=0.5, seed=3)((4, 5))).all()
    assert ui.get(ui.serialize(initializer)) == initializer


@pytest.mark.parametrize(
    ("load", "told"),
    [
        (lambda: 1 / 0, "ZeroDivisionError"),
        (lambda: ui.Zeros, "wanted a class of the name 'Halved'"),
        (lambda: None, "load returned None"),
    ],
)
def test_that_is_broken_is_told_by_name_and_leaves_others_alone(use, load, told):
    use(InitializerRecord("Halved", load, api_version=1))
    with pytest.raises(ui.BackendUnavailableError, match=told):
        ui.get("halved")
    assert told in load_plugins()["Halved"]
    assert ui.get("he_normal") == ui.HeNormal()


def test_of_a_later_version_is_told(use):
    known = use(InitializerRecord("Halved", make_class, api_version=99))
    assert "plugin API 99" in known.status("initializer Halved", load=False).detail
    with pytest.raises(ui.UnknownInitializerError):
        ui.get("halved")


def test_two_of_one_name_are_both_left_out(use, plugin):
    record = InitializerRecord("Halved", make_class, api_version=1)
    known = use(record, more=[plugin("theirs", unifinit_initializers=hook(record))])
    assert "2 plugins provide initializer Halved" in known.status("initializer Halved", load=False).detail
    with pytest.raises(ui.UnknownInitializerError):
        ui.get("halved")


@pytest.mark.parametrize(
    "record",
    [
        InitializerRecord("", make_class, api_version=1),
        InitializerRecord("Halved", None, api_version=1),
        InitializerRecord("Halved", make_class, api_version="1"),
        InitializerRecord("Halved", make_class, api_version=1, aliases="half"),
        ("Halved", make_class),
    ],
    ids=["name", "load", "version", "aliases", "no record"],
)
def test_malformed_records_are_told(use, record):
    known = use(record)
    detail = known.status("ours", load=False).detail
    assert "plugin 'ours'" in detail
    assert "wanted" in detail
