"""From the arguments of a call to a backend: what creates an array, of which dtype, and where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unifinit.errors import ArgumentError
from unifinit.layout import Layout, as_layout
from unifinit.plan import Content, make_plan
from unifinit.registry import DEFAULT, registry
from unifinit.types import DTYPES, Array, DType, Shape, as_dtype, as_shape

MakeContent = Callable[[Shape, DType], Content]
"""From a canonical shape and a dtype to the content of a plan."""


def create(
    content: MakeContent,
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
    content
        Makes the content, once shape and dtype are known.
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
    order = as_layout(layout)
    canonical = order.canonical_shape(as_shape(shape))
    plan = make_plan(canonical, resolved, order, content(canonical, resolved))
    chosen.check_dtype(resolved)
    place = info.device if device is None and info is not None else chosen.device(device)
    return chosen.run(plan, place)


def fill(content: MakeContent, target: Array, *, layout: str | Layout | None) -> None:
    """Overwrite an array in place; nothing is written if an argument is wrong."""
    backend = registry().of(target)
    info = backend.inspect(target)
    order = as_layout(layout)
    canonical = order.canonical_shape(as_shape(info.shape))
    backend.fill(target, make_plan(canonical, info.dtype, order, content(canonical, info.dtype)))
