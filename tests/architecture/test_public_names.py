"""Every public name is listed, documented and reachable."""

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import unifinit
import unifinit.backend
import unifinit.random
from unifinit import errors
from unifinit.initializers.classes import own_classes
from unifinit.initializers.families import LATE

LIBRARY = Path(unifinit.__file__).parent
MODULES = [
    "unifinit",
    *(
        module.name
        for module in pkgutil.walk_packages(unifinit.__path__, "unifinit.")
        # The drop-in namespaces import what need not be there, and have tests of their own.
        if not module.name.startswith(("unifinit.testing.", "unifinit.cli", "unifinit.compat."))
    ),
]


def public_members(cls):
    return {
        name: member for name, member in vars(cls).items() if not name.startswith("_") and callable(member)
    }


class TestAll:
    def test_has_no_doubles(self):  # Ruff sees to the order.
        assert len(unifinit.__all__) == len(set(unifinit.__all__))

    def test_names_exist(self):
        assert [name for name in unifinit.__all__ if not hasattr(unifinit, name)] == []

    def test_is_all_that_is_imported(self):
        tree = ast.parse((LIBRARY / "__init__.py").read_text("utf-8"))
        imported = {
            alias.asname or alias.name
            for node in tree.body
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for alias in node.names
        }
        # What is imported late, and what only type checkers import.
        known = imported - {"TYPE_CHECKING", "Any", "LATE"}
        assert known | {"__version__", *unifinit._LAZY} == set(unifinit.__all__)

    def test_late_names_are_what_type_checkers_see(self):
        for name, module in unifinit._LAZY.items():
            assert getattr(unifinit, name) is getattr(importlib.import_module(module), name)
        tree = ast.parse((LIBRARY / "__init__.py").read_text("utf-8"))
        checked = next(node for node in tree.body if isinstance(node, ast.If))
        seen = {
            alias.name: node.module
            for node in checked.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        assert seen == dict(unifinit._LAZY)

    def test_late_initializers_are_those_of_their_families(self):
        for module in set(LATE.values()):
            listed = {name for name, place in LATE.items() if place == module}
            classes = {cls.__name__ for cls in own_classes() if cls.__module__.startswith(module + ".")}
            assert listed == classes

    def test_has_every_error(self):
        found = {
            name
            for name, member in vars(errors).items()
            if inspect.isclass(member) and issubclass(member, Exception)
        }
        assert found <= set(unifinit.__all__)

    def test_has_every_initializer(self):
        own = {cls.__name__: cls for cls in own_classes()}
        assert set(own) <= set(unifinit.__all__)
        assert all(getattr(unifinit, name) is cls for name, cls in own.items())

    @pytest.mark.parametrize("name", MODULES)
    def test_of_a_module_names_what_it_has(self, name):
        module = importlib.import_module(name)
        listed = getattr(module, "__all__", [])
        assert [entry for entry in listed if not hasattr(module, entry)] == []
        assert len(set(listed)) == len(listed)

    @pytest.mark.parametrize(
        "module", [unifinit, unifinit.backend, unifinit.random], ids=lambda m: m.__name__
    )
    def test_star_import_gives_it(self, module):
        names = {}
        exec(f"from {module.__name__} import *", names)
        assert set(module.__all__) == set(names) - {"__builtins__"}


class TestDocstrings:
    @pytest.mark.parametrize("name", MODULES)
    def test_of_modules_classes_and_functions(self, name):
        module = importlib.import_module(name)
        missing = [] if module.__doc__ else [name]
        for attribute, member in vars(module).items():
            if attribute.startswith("_") or getattr(member, "__module__", None) != name:
                continue
            if inspect.isfunction(member) or inspect.isclass(member):
                missing += [] if member.__doc__ else [attribute]
            if inspect.isclass(member):
                missing += [
                    f"{attribute}.{method}"
                    for method, f in public_members(member).items()
                    if not inspect.getdoc(f)
                ]
        assert missing == []

    @pytest.mark.parametrize("name", sorted(set(unifinit.__all__) - {"__version__"}))
    def test_of_public_names_begin_with_a_sentence(self, name):
        member = getattr(unifinit, name)
        first = inspect.getdoc(member).partition("\n\n")[0]
        assert first.endswith(".")
        # Not what ``dataclass`` writes where there is none.
        assert not first.startswith(f"{name}(")

    @pytest.mark.parametrize("function", ["bits", "normal", "truncated_normal", "uniform"])
    def test_of_random_functions_tell_every_parameter(self, function):
        member = getattr(unifinit.random, function)
        parameters = inspect.signature(member).parameters
        section = inspect.getdoc(member).partition("Parameters\n")[2].partition("Returns\n")[0]
        assert [name for name in parameters if name not in section] == []

    @pytest.mark.parametrize("cls", own_classes(), ids=lambda cls: cls.__name__)
    def test_of_initializers_tell_every_hyperparameter(self, cls):
        documentation = inspect.getdoc(cls)
        own = [field for field in inspect.signature(cls).parameters if field != "seed"]
        assert [field for field in own if f"{field} :" not in documentation] == []


def test_version_is_the_distributions():
    from importlib.metadata import version

    assert unifinit.__version__ == version("unifinit")
