"""Initializers by name, and as configurations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import isabstract
from typing import Any

from unifinit.errors import ConfigError, UnknownInitializerError, suggestion
from unifinit.initializers.base import CLASSES, Initializer, snake_case

SUFFIX = "_initializer"


def _names() -> dict[str, type[Initializer]]:
    # Not remembered: a class of somebody else's can be made at any time.
    names = {}
    for name, cls in CLASSES.items():
        names.update({name: cls, snake_case(name): cls, snake_case(name) + SUFFIX: cls})
    return names


def get(identifier: Any, **config: Any) -> Initializer | Callable[..., Any]:
    """An initializer for whatever identifies one.

    Parameters
    ----------
    identifier : str, mapping, Initializer, type or callable
        A class name ("GlorotUniform"), the same in snake case ("glorot_uniform"), TensorFlow 1's name
        ("glorot_uniform_initializer"), what ``serialize`` returns, a class, or an initializer or another
        callable, which is returned as it is.
    **config
        Hyperparameters, where the identifier is a name or a class.

    Returns
    -------
    Initializer or callable
        Only names of initializers are looked up: no configuration can run code.

    Raises
    ------
    UnknownInitializerError
        If no initializer has that name.
    ConfigError
        If the configuration is malformed.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.get("truncated_normal_initializer", stddev=0.01)
    TruncatedNormal(stddev=0.01)
    """
    if isinstance(identifier, str):
        return _class(identifier).from_config(config)
    if isinstance(identifier, type) and issubclass(identifier, Initializer):
        if isabstract(identifier):
            raise UnknownInitializerError(f"{identifier.__name__} is abstract; wanted one of its subclasses")
        return identifier.from_config(config)
    if config:
        raise ConfigError(
            f"hyperparameters {sorted(config)} go with a name or a class, not with {identifier!r}"
        )
    if isinstance(identifier, Mapping):
        if set(identifier) - {"class_name", "config"} or not isinstance(identifier.get("class_name"), str):
            raise ConfigError(
                f"configuration {dict(identifier)!r} is malformed; wanted "
                "{'class_name': ..., 'config': {...}}, as unifinit.serialize returns"
            )
        return _class(identifier["class_name"]).from_config(identifier.get("config", {}))
    if callable(identifier):
        return identifier  # type: ignore[no-any-return]
    raise UnknownInitializerError(
        f"{identifier!r} identifies no initializer; wanted a name, a configuration, a class or a callable"
    )


def as_initializer(identifier: Any, **config: Any) -> Initializer:
    """What ``get`` returns, if it is an initializer.

    Raises
    ------
    ConfigError
        If it is another callable.
    UnknownInitializerError, ConfigError
        As ``get``.
    """
    initializer = get(identifier, **config)
    if not isinstance(initializer, Initializer):
        raise ConfigError(
            f"{identifier!r} is no initializer of unifinit; wanted a name or an instance, such as 'he_normal'"
        )
    return initializer


def serialize(initializer: Initializer) -> dict[str, Any]:
    """An initializer as a JSON-ready mapping from which ``get`` makes it again.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.serialize(ui.Orthogonal(gain=2, seed=1))
    {'class_name': 'Orthogonal', 'config': {'gain': 2.0, 'seed': 1}}

    Raises
    ------
    ConfigError
        If it is no initializer.
    """
    if not isinstance(initializer, Initializer):
        raise ConfigError(f"{initializer!r} is no initializer; wanted an instance of unifinit.Initializer")
    return {"class_name": type(initializer).__name__, "config": initializer.get_config()}


def _class(name: str) -> type[Initializer]:
    if name not in _names():
        known = sorted(CLASSES)
        raise UnknownInitializerError(
            f"no initializer {name!r}{suggestion(name, _names())}; known: {', '.join(known)}, the same in "
            f"snake_case, and with {SUFFIX!r} appended"
        )
    return _names()[name]
