"""Plugins are asked one by one; what is wrong with one is told by name and does not touch the others."""

from importlib.metadata import EntryPoint

import pytest

import unifinit as ui
from unifinit.backend import API_VERSION, hookimpl
from unifinit.plugins import DISABLE_VARIABLE, GROUP, disabled_plugins, discover


def hook(function):
    """A function as the hook of a plugin, under the hook's name."""
    function.__name__ = "unifinit_backends"
    return hookimpl(function)


def broken_hooks(record):
    def raising():
        raise RuntimeError("out of paper")

    def with_parameters(backends, extra):
        return []

    answers = {
        "nothing": None,
        "an empty list": [],
        "a number": 3,
        "a record without a list": record(),
        "a name": "toy",
        "tuples": [("toy", ("json",))],
        "a record and something else": [record(), None],
        "classes": [type(record())],
    }
    hooks = {name: hook(lambda answer=answer: answer) for name, answer in answers.items()}
    return hooks | {"an error": hook(raising), "parameters": hook(with_parameters)}


NO_HOOK = "no hook unifinit_backends, unifinit_initializers, unifinit_models or unifinit_layers that returns"
WRONG_HOOKS = {
    "nothing": NO_HOOK,
    "an empty list": NO_HOOK,
    "a number": "TypeError",
    "a record without a list": "TypeError",
    "a name": "returned a str; wanted BackendRecords",
    "tuples": "returned a tuple; wanted BackendRecords",
    "a record and something else": "returned a NoneType; wanted BackendRecords",
    "classes": "returned a type; wanted BackendRecords",
    "an error": "RuntimeError: out of paper",
    "parameters": "unifinit_backends",
}


def works(registry):
    """Whether the healthy backend still does."""
    return ui.HeNormal(seed=0)((2, 3), backend=registry.get("numpy")).shape == (2, 3)


def test_records_are_found_by_the_name_of_the_backend(plugin, record):
    toy, other = record(), record(name="other")
    found = discover([plugin("two", toy, other)], frozenset())
    assert found.records == {"toy": toy, "other": other}
    assert found.broken == {}
    assert found.disabled == ()


def test_the_installed_plugins_are_found():
    found = discover(disabled=frozenset())
    assert {"numpy", "torch", "tensorflow", "jax"} <= set(found.records)
    assert all(record.api_version <= API_VERSION for record in found.records.values())
    assert found.records["torch"].install == 'pip install "unifinit[torch]"'


class TestBrokenPlugins:
    @pytest.mark.parametrize(
        "error", ["ImportError", "RuntimeError", "OSError", "SyntaxError", "AttributeError"]
    )
    def test_error_on_import(self, error, package, registry):
        module = package("fails_on_import", f"raise {error}('no such luck')")
        known = registry(EntryPoint("ill", module, GROUP))
        status = known.status("ill", load=True)
        assert status.state == "broken"
        assert status.detail.startswith("plugin 'ill' of an unknown distribution (fails_on_import) failed: ")
        assert f"{error}: no such luck" in status.detail
        assert works(known)

    def test_module_that_does_not_exist(self, registry):
        known = registry(EntryPoint("ill", "no_such_module_at_all", GROUP))
        assert (
            "ModuleNotFoundError: No module named 'no_such_module_at_all'"
            in known.status("ill", load=False).detail
        )
        assert works(known)

    def test_attribute_that_does_not_exist(self, registry):
        known = registry(EntryPoint("ill", "json:plugin", GROUP))
        assert "AttributeError" in known.status("ill", load=False).detail
        assert works(known)

    @pytest.mark.parametrize("kind", WRONG_HOOKS)
    def test_hook_is_wrong(self, kind, plugin, record, registry):
        known = registry(plugin("ill", unifinit_backends=broken_hooks(record)[kind]))
        status = known.status("ill", load=True)
        assert status.state == "broken"
        assert "plugin 'ill'" in status.detail
        assert WRONG_HOOKS[kind] in status.detail
        assert works(known)

    def test_wrong_signature_is_told_with_both(self, plugin, record, registry):
        known = registry(plugin("ill", unifinit_backends=broken_hooks(record)["parameters"]))
        detail = known.status("ill", load=False).detail
        assert "PluginValidationError" in detail
        assert "hook 'unifinit_backends'" in detail
        assert "unifinit_backends(backends, extra)" in detail

    def test_hook_of_an_unknown_name(self, plugin, registry):
        @hookimpl
        def unifinit_backend():
            return []

        known = registry(plugin("ill", unifinit_backend=unifinit_backend))
        assert "unknown hook 'unifinit_backend'" in known.status("ill", load=False).detail
        assert works(known)

    def test_module_without_a_hook(self, registry):
        known = registry(EntryPoint("ill", "json", GROUP))
        detail = known.status("ill", load=False).detail
        assert (
            "no hook unifinit_backends, unifinit_initializers, unifinit_models or unifinit_layers that "
            "returns a record" in detail
        )
        assert works(known)

    @pytest.mark.parametrize(
        "changes",
        [
            {"api_version": "1"},
            {"api_version": None},
            {"name": ["toy"]},
            {"name": 3},
            {"name": ""},
            {"modules": ()},
            {"modules": "json"},
            {"modules": None},
            {"modules": (None,)},
            {"load": None},
            {"install": None},
        ],
        ids=str,
    )
    def test_malformed_record(self, changes, plugin, record, registry):
        known = registry(plugin("ill", record(**changes)))
        assert known.status("ill", load=False).state == "broken"
        assert "plugin 'ill'" in known.status("ill", load=False).detail
        assert [known.status(name, load=True).state for name in known.names()] == ["broken", "installed"]
        assert works(known)

    def test_a_broken_plugin_leaves_a_backend_of_its_name_alone(self, registry):
        # The name of a plugin is not the name of a backend: this one has told nothing.
        known = registry(EntryPoint("numpy", "no_such_module_at_all", GROUP))
        assert known.status("numpy", load=True).state == "installed"
        assert works(known)
        told = [known.status(name, load=True).detail for name in known.names()]
        assert any("No module named 'no_such_module_at_all'" in detail for detail in told)

    def test_several_are_told_apart(self, plugin, record, registry):
        known = registry(
            EntryPoint("a", "no_such_module_at_all", GROUP),
            EntryPoint("b", "json", GROUP),
            plugin("c", record()),
        )
        assert known.names() == ["a", "b", "numpy", "toy"]
        states = {name: known.status(name, load=True).state for name in known.names()}
        assert states == {"a": "broken", "b": "broken", "numpy": "installed", "toy": "installed"}


class TestVersions:
    def test_a_later_api_is_refused_by_name(self, plugin, record, registry):
        known = registry(plugin("new", record(api_version=API_VERSION + 1)))
        status = known.status("toy", load=True)
        assert status.state == "broken"
        assert "plugin 'new'" in status.detail
        assert (
            f"plugin API {API_VERSION + 1}, this unifinit has {API_VERSION}: upgrade unifinit"
            in status.detail
        )
        with pytest.raises(ui.BackendUnavailableError, match=r"backend 'toy' is broken: .*upgrade unifinit"):
            known.get("toy")
        assert works(known)

    def test_an_earlier_api_is_accepted(self, plugin, record, registry):
        assert registry(plugin("old", record(api_version=API_VERSION - 1))).get("toy").name == "toy"

    def test_a_later_api_of_one_backend_leaves_the_plugins_others(self, plugin, record, registry):
        known = registry(plugin("both", record(api_version=99), record(name="other")))
        assert known.status("toy", load=True).state == "broken"
        assert known.status("other", load=True).state == "installed"


class TestTwoOfOneName:
    def test_neither_is_taken_and_both_are_named(self, plugin, record, registry):
        known = registry(plugin("first", record()), plugin("second", record()))
        detail = known.status("toy", load=True).detail
        assert known.status("toy", load=True).state == "broken"
        assert "2 plugins provide a backend 'toy'" in detail
        assert "plugin 'first'" in detail
        assert "plugin 'second'" in detail
        assert DISABLE_VARIABLE in detail
        with pytest.raises(ui.BackendUnavailableError, match="2 plugins provide"):
            known.get("toy")
        assert works(known)

    def test_one_can_be_disabled(self, plugin, record, registry):
        known = registry(
            plugin("first", record()), plugin("second", record()), disabled=frozenset({"second"})
        )
        assert known.get("toy").name == "toy"

    def test_plugins_of_one_name_do_not_collide(self, plugin, record, registry):
        one = plugin("same", record())
        two = EntryPoint("same", plugin("unlike", record(name="other")).value, GROUP)
        known = registry(one, two)
        assert known.get("toy").name == known.get("other").name == "toy"

    def test_a_later_api_beside_a_usable_one(self, plugin, record, registry):
        known = registry(plugin("first", record()), plugin("second", record(api_version=99)))
        assert known.status("toy", load=True).state == "broken"
        assert works(known)


class TestDisabled:
    def test_by_the_name_of_the_plugin(self, plugin, record, registry):
        known = registry(plugin("toy", record()), disabled=frozenset({"toy"}))
        status = known.status("toy", load=True)
        assert status.state == "disabled"
        assert DISABLE_VARIABLE in status.detail
        with pytest.raises(
            ui.BackendUnavailableError, match=f"backend 'toy' is disabled: remove it from {DISABLE_VARIABLE}"
        ):
            known.get("toy")
        assert works(known)

    def test_by_the_name_of_the_distribution(self, distribution, plugin, record):
        plugins = distribution(
            "toy-plugin", one=plugin("a", record()).value, two=plugin("b", record(name="b")).value
        )
        assert discover(plugins, frozenset({"toy-plugin"})).disabled == ("one", "two")
        assert discover(plugins, frozenset()).disabled == ()

    def test_a_disabled_plugin_is_not_imported(self, package):
        module = package("fails_if_imported", "raise SystemExit('imported')")
        found = discover([EntryPoint("ill", module, GROUP)], frozenset({"ill"}))
        assert found.disabled == ("ill",)
        assert found.broken == {}

    @pytest.mark.parametrize(
        ("value", "names"),
        [
            ("", set()),
            ("torch", {"torch"}),
            ("torch,jax", {"torch", "jax"}),
            (" torch , ,jax,", {"torch", "jax"}),
        ],
    )
    def test_names_come_from_the_environment(self, value, names, monkeypatch):
        monkeypatch.setenv(DISABLE_VARIABLE, value)
        assert disabled_plugins() == names

    def test_the_environment_is_the_default(self, plugin, record, monkeypatch):
        toy = plugin("toy", record())
        monkeypatch.setenv(DISABLE_VARIABLE, "toy")
        assert discover([toy]).disabled == ("toy",)
        monkeypatch.delenv(DISABLE_VARIABLE)
        assert discover([toy]).disabled == ()


def test_distribution_is_named(distribution):
    [entry_point] = distribution("toy-plugin", toy="no_such_module_at_all")
    detail = discover([entry_point], frozenset()).broken["toy"]
    assert detail.startswith("plugin 'toy' of toy-plugin (no_such_module_at_all) failed: ModuleNotFoundError")


def test_order_of_entry_points_does_not_matter(plugin, record):
    plugins = [plugin("first", record()), plugin("second", record()), plugin("third", record(name="other"))]
    assert discover(plugins, frozenset()) == discover(plugins[::-1], frozenset())


def test_a_plugin_that_exits_on_import_breaks_nothing_else(registry, tmp_path, monkeypatch):
    (tmp_path / "plugin_that_exits.py").write_text("raise SystemExit(3)\n")
    monkeypatch.syspath_prepend(tmp_path)
    known = registry(EntryPoint("ill", "plugin_that_exits", GROUP))
    assert known.status("ill", load=False).state == "broken"
    assert works(known)
