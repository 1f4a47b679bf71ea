"""The classes of initializers by their names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from unifinit.errors import BackendUnavailableError, UnknownInitializerError, suggestion
from unifinit.initializers.families import LATE, PACKAGE

SUFFIX = "_initializer"

CLASSES: dict[str, type[Any]] = {}
"""Every concrete initializer that has been defined, by the name of its class."""


class Named(NamedTuple):
    """What a name stands for: a class, and the hyperparameters in which it differs from the defaults."""

    cls: type[Any]
    config: Mapping[str, Any] = {}


def snake_case(name: str) -> str:
    """``GlorotUniform`` as ``glorot_uniform``, ``Orthogonal2D`` as ``orthogonal_2d``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[a-z])(?=[0-9]+D$)|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def load_families() -> None:
    """Import all modules of unifinit's own initializers, which are imported late."""
    from importlib import import_module

    for module in dict.fromkeys(LATE.values()):
        import_module(module)


def own_classes() -> list[type[Any]]:
    """The initializers that unifinit itself has, by name."""
    load_families()
    own = (cls for cls in CLASSES.values() if cls.__module__.startswith(PACKAGE))
    return sorted(own, key=lambda cls: cls.__name__)


def named(name: str) -> Named:
    """What a name stands for.

    Raises
    ------
    UnknownInitializerError
        If it stands for nothing.
    """
    for load in (lambda: None, load_families, lambda: load_plugins(name)):
        load()
        known = _names()
        found = known.get(name) or known.get(name.removesuffix("_"))
        if found is not None:
            return found
    raise UnknownInitializerError(
        f"no initializer {name!r}{suggestion(name, known)}; known: {', '.join(sorted(CLASSES))}, the "
        f"same in snake_case, with {SUFFIX!r} appended, and the names that other libraries have for them"
    )


def aliases_of(cls: type[Any]) -> Iterator[str]:
    """The names of a class beside its own."""
    name = snake_case(cls.__name__)
    yield from (name, name + SUFFIX, *cls.aliases)


def load_plugins(name: str | None = None) -> dict[str, str]:
    """Let plugins define their initializers: that of a name, or all of them.

    Returns
    -------
    dict
        For each plugin's initializer that could not be loaded, the reason.
    """
    from unifinit.registry import registry

    broken = {}
    wanted = None if name is None else {name, name.removesuffix("_"), name.removesuffix(SUFFIX)}
    for record in registry().initializers():
        if wanted is None or wanted & {record.name, snake_case(record.name), *record.aliases}:
            try:
                registry().load_initializer(record)
            except BackendUnavailableError as error:
                if name is not None:
                    raise
                broken[record.name] = str(error)
    return broken


def _names() -> dict[str, Named]:
    # Not remembered: a class of somebody else's can be made at any time.
    names: dict[str, Named] = {}
    for cls in CLASSES.values():
        names.update({alias: Named(cls, config) for alias, config in cls.aliases.items()})
    for name, cls in CLASSES.items():
        names.update(dict.fromkeys((name, snake_case(name), snake_case(name) + SUFFIX), Named(cls)))
    return names
