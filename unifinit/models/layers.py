"""Layers: what the arrays of a module are, by the class of the module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from unifinit.errors import ArgumentError
from unifinit.models.arrays import Role

Roles: TypeAlias = Mapping[str, Role]
"""The roles of a module's arrays by the names that the module has for them."""
Describe: TypeAlias = Callable[[Any], Roles]
"""From a module to the roles of its arrays; those that it leaves out are told by name and shape."""

_REGISTERED: dict[str, Describe] = {}


def label_of(cls: type) -> str:
    """What stands for a class in tables: the library's top-level module, and the name of the class."""
    return f"{cls.__module__.partition('.')[0]}:{cls.__qualname__}"


def register_layer(cls: type | str, describe: Describe) -> None:
    """Make known what the arrays of a class of modules are, for this process.

    Parameters
    ----------
    cls : type or str
        The class, or what stands for it, as ``"torch:Linear"``. Its subclasses are meant too, unless they are
        known themselves.
    describe : callable
        From such a module to a mapping from the names of its arrays to ``unifinit.extend.Role``.

    Examples
    --------
    >>> from unifinit.extend import Role, register_layer
    >>> class Conv1D:  # As that of Transformers: a dense layer whose weight is (in, out).
    ...     pass
    >>> register_layer(Conv1D, lambda module: {"weight": Role("dense", "IO")})
    """
    if not callable(describe):
        raise ArgumentError(f"describe is {describe!r}; wanted a callable of a module that returns its roles")
    _REGISTERED[cls if isinstance(cls, str) else label_of(cls)] = describe


class LayerTable:
    """Descriptions of the layers of a library, with those of plugins and of this process.

    Parameters
    ----------
    own
        Those that come with the reader of the library's models.
    others
        Those of plugins.
    """

    def __init__(self, own: Mapping[str, Describe], others: Mapping[str, Describe]) -> None:
        self._known = {**own, **others, **_REGISTERED}
        self._by_type: dict[type, Describe | None] = {}

    def roles(self, module: Any) -> Roles:
        """The roles of a module's arrays; empty if its class is not known."""
        cls = type(module)
        if cls not in self._by_type:
            labels = (label_of(base) for base in cls.__mro__)
            self._by_type[cls] = next((self._known[name] for name in labels if name in self._known), None)
        describe = self._by_type[cls]
        return {} if describe is None else describe(module)
