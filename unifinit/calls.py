"""The arguments of a call, in the orders and by the names in which libraries call an initializer."""

from __future__ import annotations

from typing import Any, SupportsIndex

from unifinit.errors import ArgumentError
from unifinit.key import Key, TracedKey
from unifinit.layout import Layout
from unifinit.registry import registry


def ordered(name: str, arguments: tuple[Any, ...], shape: Any, dtype: Any) -> tuple[Any, Any, Any]:
    """Key, shape and dtype of a call; the key is None unless it comes first, as in JAX.

    No dtype is a shape, so the second argument tells the two orders apart. A seed does not come first:
    whoever writes ``init(3, 4)`` means a shape.

    Raises
    ------
    TypeError
        If an argument is missing, there twice, or one too many.
    """
    key, rest = None, list(arguments)
    is_followed = shape is not None or (len(rest) > 1 and is_shape(rest[1]))
    if rest and is_key(rest[0]) and is_followed:
        key = rest.pop(0)
    if shape is None:
        if not rest:
            raise TypeError(
                f"{name} got no shape; wanted init(shape, dtype=None) or init(key, shape, dtype=None)"
            )
        shape = rest.pop(0)
    if rest and dtype is None:
        dtype = rest.pop(0)
    if rest:
        raise TypeError(
            f"{name} got {rest[0]!r} beside its shape and dtype; wanted init(shape, dtype=None) or "
            "init(key, shape, dtype=None), and everything else by name"
        )
    return key, shape, dtype


def is_key(x: object) -> bool:
    """Whether an argument can be meant as a key: one of unifinit, or an array."""
    return isinstance(x, (Key, TracedKey)) or (hasattr(x, "dtype") and hasattr(x, "shape"))


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
    return registry().of(key) if hasattr(key, "dtype") else None


def owner_of_place(layout: Any) -> Any:
    """The backend of a sharding that a library hands over as ``layout``; None if it is a layout of ours."""
    owner = None if isinstance(layout, Layout) else registry().owner(layout)
    return owner if owner is not None and owner.is_sharding(layout) else None


def part(partition_info: Any, shape: Any) -> tuple[Any, tuple[slice, ...]]:
    """The whole shape, and which part of it a partition of a variable of TensorFlow 1 is."""
    starts_and_sizes = zip(partition_info.var_offset, shape, strict=True)
    return partition_info.full_shape, tuple(slice(start, start + size) for start, size in starts_and_sizes)
