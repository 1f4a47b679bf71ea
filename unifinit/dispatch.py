"""From the arguments of a call to a backend: what creates an array, of which dtype, and where."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

from unifinit.errors import ArgumentError, SeedError
from unifinit.key import AnyKey, Key, TracedKey, as_key
from unifinit.layout import Layout, as_layout
from unifinit.plan import Plan
from unifinit.registry import DEFAULT, registry
from unifinit.types import DTYPES, Array, DType, Shape, as_dtype, as_shape

if TYPE_CHECKING:
    from unifinit.backend import Backend

MakePlan = Callable[[Shape, DType, Layout], Plan]
"""From a shape, a dtype and a layout to a plan whose key is left open."""


def create(
    plan: MakePlan,
    key: AnyKey | None,
    shape: object,
    dtype: object,
    *,
    like: Array | None,
    backend: Any,
    device: Any,
    layout: str | Layout | None = None,
    index: object = ...,
) -> Array:
    """A new array.

    Parameters
    ----------
    plan
        Makes the plan, once shape and dtype are known.
    key
        The plan's key; None if it needs none, or for fresh entropy.
    shape, dtype, like, backend, device, layout
        The arguments of the public call.
    index
        Which part of the array is wanted; an ellipsis for all of it.
    """
    chosen = resolve(like, backend)
    is_chosen = chosen is not None
    if chosen is None:
        chosen = (None if type(dtype) is str else registry().owner(dtype)) or registry().get(DEFAULT)
    made, place = planned(plan, chosen, shape, dtype, like=like, device=device, layout=layout, index=index)
    return chosen.run(_keyed(made, key, chosen, place, is_chosen=is_chosen), place)


def resolve(like: Array | None, backend: Any) -> Backend | None:
    """The backend that is to create an array, where ``like`` or ``backend`` says it."""
    if like is None:
        return None if backend is None else registry().resolve(backend)
    found = registry().of(like)
    chosen = found if backend is None else registry().resolve(backend)
    if chosen.name != found.name:
        raise ArgumentError(
            f"like= is an array of {found.name}, but backend={backend!r} is another; wanted one of the two"
        )
    return chosen


def planned(
    plan: MakePlan,
    backend: Backend,
    shape: object,
    dtype: object,
    *,
    like: Array | None,
    device: Any,
    layout: str | Layout | None,
    index: object = ...,
) -> tuple[Plan, Any]:
    """The plan of a new array, its key left open, and the device of the backend where it is to be."""
    info = None if like is None else backend.inspect(like)
    if dtype is None:
        dtype = DTYPES["float32"] if info is None else info.dtype
    resolved = as_dtype(dtype)
    made = plan(as_shape(shape), resolved, as_layout(layout))
    if index is not Ellipsis:
        made = made.window(index)
    backend.check_dtype(resolved)
    place = info.device if device is None and info is not None else backend.device(device)
    return made, place


def fill(plan: MakePlan, key: AnyKey | None, target: Array, *, layout: str | Layout | None) -> None:
    """Overwrite an array in place; nothing is written if an argument is wrong."""
    backend = registry().of(target)
    info = backend.inspect(target)
    made = plan(as_shape(info.shape), info.dtype, as_layout(layout))
    backend.fill(target, _keyed(made, key, backend, info.device, is_chosen=True))


def as_any_key(seed: SupportsIndex | AnyKey | Array | None) -> AnyKey:
    """A key from a seed, which may also be a key of a framework: an array of two words, or JAX's own.

    Raises
    ------
    SeedError
        If it is none.
    """
    if type(seed) is Key or type(seed) is TracedKey:
        return seed
    if type(seed) is int:
        return Key(seed)
    if hasattr(seed, "dtype") and hasattr(seed, "shape") and not isinstance(seed, np.generic):
        return registry().of(seed).key(seed)
    return as_key(seed)  # type: ignore[arg-type]  # It is neither traced nor an array.


def require_known_key(key: AnyKey | None, backend: Backend, wanted: str) -> None:
    """Do nothing if a backend can draw with a key.

    Raises
    ------
    ArgumentError
        If the key is one that another library records; ``wanted`` ends the message.
    """
    if isinstance(key, TracedKey) and key.xp is not getattr(backend, "xp", key.xp):
        raise ArgumentError(
            f"seed= is a key that is only known when what another library records is run, but {backend.name} "
            f"is to create the array; wanted {wanted}"
        )


def _keyed(plan: Plan, key: AnyKey | None, backend: Backend, place: object, *, is_chosen: bool) -> Plan:
    require_known_key(key, backend, "backend= or like= of the key's own library")
    if key is None and plan.content.needs_key:
        if backend.is_shared(place):
            raise SeedError(
                f"the array is spread over several processes or replicas, each of which would draw fresh "
                f"entropy of its own; wanted a seed, the same in all of them ({place})"
            )
        # A library that calls an initializer for its layer asks for no backend, and may be recording.
        recording = backend if is_chosen and backend.is_tracing() else None
        if not is_chosen:
            recording = registry().recording()
        if recording is not None:
            raise SeedError(
                f"{recording.name} is recording a computation, in which fresh entropy would be drawn once "
                "and be the same ever after; wanted a seed: an integer, a unifinit.Key, or a key that is an "
                "argument of the function"
                + ("" if is_chosen else f"; or backend={backend.name!r}, if one draw is meant")
            )
        key = as_key(None)
    return plan.with_key(key)
