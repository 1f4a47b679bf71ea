"""What all drop-in namespaces promise."""

import doctest
import importlib
import inspect

import pytest

NAMESPACES = {"torch": "torch", "keras": "keras", "jax": "jax", "haiku": "haiku", "tf1": "tensorflow"}


@pytest.mark.parametrize(("name", "library"), NAMESPACES.items())
def test_names_and_docstrings(name, library):
    pytest.importorskip(library)
    module = importlib.import_module(f"unifinit.compat.{name}")
    assert [entry for entry in module.__all__ if not hasattr(module, entry)] == []
    assert module.__all__ == sorted(module.__all__, key=lambda entry: (not entry.isupper(), entry))
    assert module.__doc__
    own = (getattr(module, entry) for entry in module.__all__)
    own = [member for member in own if getattr(member, "__module__", None) == module.__name__]
    assert len(own) > 5
    for member in own:
        assert inspect.getdoc(member), member
        if inspect.isclass(member):
            assert inspect.getdoc(member.__call__), member
    assert doctest.testmod(module).failed == 0
