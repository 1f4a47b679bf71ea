"""Frameworks' own random numbers: what their generators draw instead of unifinit's stream.

A backend knows what its library has by the name of an initializer, and calls it. For all others the backend
is asked for the distribution that the elements have, and for the rest, such as a matrix of which the
library has none, the generator draws a key for unifinit's stream. So every initializer follows every
generator.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from unifinit import dispatch
from unifinit.distributions import Normal, TruncatedNormal, Uniform
from unifinit.errors import ArgumentError, UnsupportedArrayError
from unifinit.key import Key
from unifinit.layout import Layout, as_layout
from unifinit.plan import Plan
from unifinit.registry import registry
from unifinit.request import Request
from unifinit.types import DTYPES, Array, DType, Shape

if TYPE_CHECKING:
    from unifinit.backend import Backend


class Initializer(Protocol):
    """What this module needs to know of an initializer."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of its hyperparameters."""

    def _plan(self, shape: Shape, dtype: DType, layout: Layout) -> Plan:
        """A plan whose key is left open."""


def create(
    initializer: Initializer,
    generator: Any,
    shape: object,
    dtype: object,
    *,
    seed: Any,
    like: Array | None,
    backend: Any,
    device: Any,
    layout: str | Layout | None,
) -> Array:
    """A new array, drawn by a generator of its library."""
    _require_alone(seed)
    chosen = backend_of(generator, dispatch.resolve(like, backend))
    made, place = dispatch.planned(
        initializer._plan, chosen, shape, dtype, like=like, device=device, layout=layout
    )
    if not made.content.needs_key or not made.size:
        return chosen.run(made.with_key(Key(0)), place)
    for request in requests(initializer, made, as_layout(layout)):
        found = chosen.generated(request, generator, place)
        if found is not None:
            return found
    return chosen.run(made.with_key(chosen.key_from(generator, place)), place)


def fill(
    initializer: Initializer, generator: Any, target: Array, *, seed: Any, layout: str | Layout | None
) -> None:
    """Overwrite an array in place with what a generator of its library draws."""
    _require_alone(seed)
    backend = backend_of(generator, registry().of(target))
    info = backend.inspect(target)
    made = initializer._plan(info.shape, info.dtype, as_layout(layout))
    if made.content.needs_key and made.size:
        for request in requests(initializer, made, as_layout(layout)):
            if backend.generated(request, generator, info.device, target) is not None:
                return
        made = made.with_key(backend.key_from(generator, info.device))
    backend.fill(target, made if made.size else made.with_key(Key(0)))


def backend_of(generator: Any, wanted: Backend | None) -> Backend:
    """The backend to which a generator belongs.

    Parameters
    ----------
    generator
        What a caller gave.
    wanted
        The backend that is to create the array; None if the generator decides.

    Raises
    ------
    ArgumentError
        If the two are of different libraries, or ``generator`` is none of any.
    """
    if wanted is not None and wanted.is_generator(generator):
        return wanted
    owner = registry().owner(generator)
    if owner is None and hasattr(generator, "shape"):
        try:
            owner = registry().of(generator)  # Arrays can be of classes that belong elsewhere.
        except UnsupportedArrayError:
            owner = None
    kind = type(generator).__qualname__
    if owner is None or not owner.is_generator(generator):
        raise ArgumentError(
            f"generator= is {generator!r}, of type {kind}, by which no library draws"
            + ("" if wanted is None else f" an array of {wanted.name}")
            + "; wanted one that belongs to a library, such as a torch.Generator, a numpy.random.Generator, "
            "a tf.random.Generator, a pair of seeds with backend='tensorflow', or a key of JAX. An integer "
            "or a unifinit.Key goes to seed="
        )
    if wanted is not None:
        raise ArgumentError(
            f"generator= is a {kind} of {owner.name}, but the array is to be one of {wanted.name}; wanted "
            f"a generator of {wanted.name}, or seed=, by which all libraries draw the same"
        )
    return owner


def requests(initializer: Initializer, plan: Plan, layout: Layout) -> Iterator[Request]:
    """What to ask a library for: first its own initializer, then the distribution of the elements."""
    shape, dtype = plan.result_shape, plan.dtype
    config = {name: vars(initializer)[name] for name in initializer.parts}
    yield Request(type(initializer).__name__, config, shape, dtype, layout)
    # The numbers as they are before they are rounded for unifinit's own stream.
    wide = DTYPES["complex128" if dtype.is_complex else "float64"]
    content = initializer._plan(shape, wide, layout).content
    if isinstance(content, Uniform):
        yield Request("RandomUniform", _of(content, "minval", "maxval"), shape, dtype, layout)
    elif isinstance(content, Normal):
        yield Request("RandomNormal", _of(content, "mean", "stddev"), shape, dtype, layout)
    elif isinstance(content, TruncatedNormal):
        config = {**_of(content, "mean", "stddev", "lower", "upper"), "bounds": "sigma", "corrected": False}
        yield Request("TruncatedNormal", config, shape, dtype, layout)


def _of(content: object, *names: str) -> dict[str, Any]:
    return {name: vars(content)[name] for name in names}


def _require_alone(seed: Any) -> None:
    if seed is not None:
        raise ArgumentError(
            f"seed={seed!r} and generator= are both given; wanted one of the two: seed= for unifinit's "
            "stream, generator= for the library's own random numbers"
        )
