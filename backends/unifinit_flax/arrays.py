"""What is known of an array of Flax by its layer, its name and its shape."""

from __future__ import annotations

from typing import Any

from unifinit.backend import (
    ModelArray,
    Role,
    Shape,
    as_dtype,
    as_layout,
    canonical_leaf,
    role_of,
)
from unifinit_flax.layers import HIDDEN
from unifinit_jax.lifting import described_rank, inserted_axis, lifted

Told = dict[str, tuple[str, Role]]
"""What layers tell of their arrays: a path and a role, by names from here with dots."""


def array_of(
    name: str, last: str, owner: str, told: tuple[str, Role] | None, value: Any, inner: Shape | None = None
) -> ModelArray:
    """An array of a layer.

    Parameters
    ----------
    name
        What Flax calls it, from the root.
    last
        What its layer calls it.
    owner
        The path of that.
    told
        What layers tell of it.
    value
        The array, or its shape and dtype.
    inner
        The shape that the layer itself has asked for, where that is known.
    """
    shape = tuple(value.shape)
    above, role = (owner, role_of(owner, last, shape)) if told is None else told
    leaf = role.leaf or canonical_leaf(last)
    layout = as_layout(role.layout)
    rank = len(inner) if inner is not None else described_rank(layout, leaf)
    if rank is not None and rank < len(shape) and (told is not None or inner is not None):
        added = tuple(range(len(shape) - rank))
        if inner is not None and len(added) == 1:
            axis = inserted_axis(inner, shape)
            added = added if axis is None else (axis,)
        if told is None:
            layout = as_layout(role_of(owner, last, inner or ()).layout)
        layout = lifted(layout, rank, added)
    return ModelArray.of(role, above, last, name, shape, as_dtype(value.dtype))._replace(layout=layout)


def told_below(told: Told, child: str) -> Told:
    """What is told of the arrays of a child, by names from there."""
    start = f"{child}."
    return {name.removeprefix(start): one for name, one in told.items() if name.startswith(start)}


def component_of(parent: type | None, child: str) -> str:
    """What a child of a class adds to paths; an empty string for nothing."""
    for cls in () if parent is None else parent.__mro__:
        if cls.__module__.partition(".")[0] == "flax" and child in HIDDEN.get(cls.__name__, {}):
            return HIDDEN[cls.__name__][child]
    return child
