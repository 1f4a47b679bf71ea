"""The arguments of a call, in the orders and under the names in which libraries hand them to an initializer."""

from __future__ import annotations

from typing import Any, SupportsIndex

from unifinit.errors import ArgumentError
from unifinit.key import Key
from unifinit.layout import Layout
from unifinit.registry import registry


def ordered(name: str, arguments: tuple[Any, ...], shape: Any, dtype: Any) -> tuple[Any, Any, Any]:
    """Key, shape and dtype of a call; the key is None unless it comes first, as in JAX.

    No dtype is a shape, so the second argument tells the two orders apart.

    Raises
    ------
    TypeError
        If an argument is missing, there twice, or one too many.
    """
    key, rest = None, list(arguments)
    if rest and (shape is not None or (len(rest) > 1 and is_shape(rest[1]))):
        key = rest.pop(0)
    if shape is None:
        if not rest:
            raise TypeError(f"{name} got no shape; wanted init(shape, dtype=None) or init(key, shape, dtype=None)")
        shape = rest.pop(0)
    if rest and dtype is None:
        dtype = rest.pop(0)
    if rest:
        raise TypeError(
            f"{name} got {rest[0]!r} beside its shape and dtype; wanted init(shape, dtype=None) or "
            "init(key, shape, dtype=None), and everything else by name"
        )
    return key, shape, dtype


def is_shape(x: object) -> bool:
    """Whether an argument is meant as a shape, right or wrong."""
    if isinstance(x, (tuple, list)) or hasattr(x, "as_list"):  # Shapes of TensorFlow are no sequences.
        return True
    return isinstance(x, SupportsIndex) and not isinstance(x, type)


def only_key(key: Any, seed: Any, generator: Any) -> Any:
    """The key in front, if it is the only source of random numbers.

    Raises
    ------
    ArgumentError
        If it is not.
    """
    if seed is not None or generator is not None:
        other = "generator=" if seed is None else "seed="
        raise ArgumentError(f"a key comes first, and {other} beside it; wanted one of the two")
    return key


def backend_of_key(key: Any) -> Any:
    """The backend for which a key in front speaks: that of its library, if it is an array of one."""
    if isinstance(key, (Key, int)) or not hasattr(key, "dtype"):
        return None
    return registry().of(key)


def owner_of_place(layout: Any) -> Any:
    """The backend of a sharding that a library hands over as ``layout``; None if it is a layout of ours."""
    if isinstance(layout, Layout):
        return None
    owner = registry().owner(layout)
    return owner if owner is not None and hasattr(type(layout), "addressable_devices") else None
