"""What initializers have in common that change what another one gives."""

from __future__ import annotations

from typing import Any

from unifinit.errors import ArgumentError
from unifinit.initializers.base import Initializer, RandomInitializer, initializer
from unifinit.types import DType


class Composite(RandomInitializer):
    """An initializer that is made of others, which check the dtype."""

    def _check_dtype(self, dtype: DType) -> DType:
        return dtype


class Wrapper(Composite):
    """An initializer that changes what another one gives; its seed is by default that of the other."""

    initializer: Any = initializer()

    def validate(self) -> None:
        """Take over the seed of the other initializer."""
        inner = contained(self.initializer, "initializer")
        if isinstance(inner, RandomInitializer) and inner.seed is not None:
            seed = inner.seed if self.seed is None else self.seed
            vars(self).update(initializer=inner.replace(seed=None), seed=seed)


def contained(inner: Initializer, name: str) -> Initializer:
    """An initializer, if another one can contain it.

    Raises
    ------
    ArgumentError
        If it has to be the outermost one.
    """
    if inner.is_outermost:
        raise ArgumentError(
            f"{name} is {inner!r}, which no other initializer can contain; wanted it outside: "
            f"{type(inner).__name__}(...) of the other"
        )
    return inner


def unseeded(inner: Initializer, name: str) -> Initializer:
    """An initializer, if it has no seed of its own.

    Raises
    ------
    ArgumentError
        If it has one: parts get keys that are derived from that of the whole.
    """
    if isinstance(inner, RandomInitializer) and inner.seed is not None:
        raise ArgumentError(
            f"{name} {inner!r} has a seed of its own; wanted the seed for all blocks, or in the call: each "
            "block gets a key that is derived from it"
        )
    return inner
