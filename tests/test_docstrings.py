"""The examples in the docstrings of the library give what they show."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import unifinit

MODULES = [
    module.name
    for module in pkgutil.walk_packages(unifinit.__path__, "unifinit.")
    # The drop-in namespaces import what need not be there, and have tests of their own.
    if not module.name.startswith(("unifinit.testing", "unifinit.cli", "unifinit.compat."))
]


NEEDED = {"unifinit.specs.spec": "jsonschema"}
"""What the examples of a module need besides."""


@pytest.mark.parametrize("name", ["unifinit", *MODULES])
def test_examples_give_what_they_show(name: str) -> None:
    if name in NEEDED:
        pytest.importorskip(NEEDED[name])
    results = doctest.testmod(importlib.import_module(name))
    assert results.failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    examples = [test for name in MODULES for test in finder.find(importlib.import_module(name))]
    assert sum(len(test.examples) for test in examples) > 10
