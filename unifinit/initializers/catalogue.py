"""Initializers by name, and as configurations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from unifinit.errors import ConfigError, UnknownInitializerError
from unifinit.initializers.base import Initializer, from_identifier


def get(identifier: Any, **config: Any) -> Initializer | Callable[..., Any]:
    """An initializer for whatever identifies one.

    Parameters
    ----------
    identifier : str, mapping, Initializer, type or callable
        A class name ("GlorotUniform"), the same in snake case ("glorot_uniform"), TensorFlow 1's name
        ("glorot_uniform_initializer"), another library's ("xavier_uniform"), what ``serialize`` returns,
        a class, or an initializer or another callable, which is returned as it is.
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
    known = isinstance(identifier, (str, Mapping, Initializer))
    if known or (isinstance(identifier, type) and issubclass(identifier, Initializer)) or config:
        return from_identifier(identifier, "identifier", config)
    if callable(identifier):
        return identifier  # type: ignore[no-any-return]
    raise UnknownInitializerError(
        f"{identifier!r} identifies no initializer; wanted a name, a configuration, a class or a callable"
    )


def as_initializer(identifier: Any, **config: Any) -> Initializer:
    """What ``get`` returns, if it is an initializer.

    Raises
    ------
    UnknownInitializerError, ConfigError
        As ``get``; also if it is another callable.
    """
    return from_identifier(identifier, "identifier", config)


def serialize(initializer: Initializer) -> dict[str, Any]:
    """An initializer as a JSON-ready mapping from which ``get`` makes it again.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.serialize(ui.Orthogonal(gain=2, seed=1))
    {'class_name': 'Orthogonal', 'config': {'gain': 2.0, 'flatten': 'inputs', 'seed': 1}}

    Raises
    ------
    ConfigError
        If it is no initializer.
    """
    if not isinstance(initializer, Initializer):
        raise ConfigError(f"{initializer!r} is no initializer; wanted an instance of unifinit.Initializer")
    return {"class_name": type(initializer).__name__, "config": initializer.get_config()}
