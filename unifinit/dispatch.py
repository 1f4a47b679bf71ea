"""From the arguments of a call to a backend: what creates an array, of which dtype, and where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unifinit.errors import ArgumentError
from unifinit.key import Key
from unifinit.layout import Layout, as_layout
from unifinit.plan import Plan
from unifinit.registry import DEFAULT, registry
from unifinit.types import DTYPES, Array, DType, Shape, as_dtype, as_shape

MakePlan = Callable[[Shape, DType, Layout], Plan]
"""From a shape, a dtype and a layout to a plan whose key is left open."""


def create(
    plan: MakePlan,
    key: Key | None,
    shape: object,
    dtype: object,
    *,
    like: Array | None,
    backend: Any,
    device: Any,
    layout: str | Layout | None = None,
) -> Array:
    """A new array.

    Parameters
    ----------
    plan
        Makes the plan, once shape and dtype are known.
    key
        The plan's key; None if it needs none.
    shape, dtype, like, backend, device, layout
        The arguments of the public call.
    """
    info = None
    if like is None:
        chosen = registry().resolve(DEFAULT if backend is None else backend)
    else:
        chosen = registry().of(like)
        if backend is not None and registry().resolve(backend) is not chosen:
            raise ArgumentError(
                f"like= is an array of {chosen.name}, but backend={backend!r} is another; "
                "wanted one of the two"
            )
        info = chosen.inspect(like)
    if dtype is None:
        dtype = DTYPES["float32"] if info is None else info.dtype
    resolved = as_dtype(dtype)
    made = plan(as_shape(shape), resolved, as_layout(layout)).with_key(key)
    chosen.check_dtype(resolved)
    place = info.device if device is None and info is not None else chosen.device(device)
    return chosen.run(made, place)


def fill(plan: MakePlan, key: Key | None, target: Array, *, layout: str | Layout | None) -> None:
    """Overwrite an array in place; nothing is written if an argument is wrong."""
    backend = registry().of(target)
    info = backend.inspect(target)
    backend.fill(target, plan(as_shape(info.shape), info.dtype, as_layout(layout)).with_key(key))
