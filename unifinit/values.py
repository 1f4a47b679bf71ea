"""Immutable objects, and values: objects that are equal if their parts are.

They are what frozen dataclasses are, but share their methods. ``dataclass`` compiles six functions for each
class whenever it is imported; for all the classes that start-up needs, that took longer than all else.
"""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import ClassVar


class Immutable:
    """Base of objects whose attributes cannot be set or deleted."""

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")


class Value(Immutable):
    """Base of immutable values.

    A subclass names its parts, the attributes that are compared, hashed and shown. Its constructor sets
    these, and whatever follows from them, with ``vars(self).update(...)``.
    """

    parts: ClassVar[tuple[str, ...]]

    def _compared(self) -> tuple[object, ...]:
        try:
            return tuple(map(vars(self).__getitem__, self.parts))
        except KeyError as error:  # Compilers look at objects that have not been constructed.
            raise AttributeError(f"this {type(self).__name__} has no {error} yet") from None

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._compared() == other._compared()

    def __hash__(self) -> int:
        return hash(self._compared())

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={vars(self)[name]!r}" for name in self.parts)
        return f"{type(self).__qualname__}({shown})"
