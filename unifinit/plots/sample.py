"""What the pictures of an initializer show: an array, and the theory of its elements."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, SupportsIndex

import numpy as np

from unifinit.content import Content
from unifinit.describe import Description
from unifinit.errors import ArgumentError
from unifinit.initializers.base import Initializer
from unifinit.initializers.catalogue import as_initializer
from unifinit.key import Key, as_key
from unifinit.layout import Layout, as_layout
from unifinit.propagation.activations import Numbers
from unifinit.propagation.weights import drawn
from unifinit.types import as_dtype, as_shape, require_floating


class Sample(NamedTuple):
    """An array that an initializer has made.

    Attributes
    ----------
    initializer, description, content
        What theory says of it.
    values
        The elements as float64, in canonical order.
    columns
        How many columns the elements have as a matrix, whose columns are the outputs.
    seed
        The seed of the key.
    """

    initializer: Initializer
    description: Description
    content: Content
    values: Numbers
    columns: int
    seed: int

    @property
    def matrix(self) -> Numbers:
        """The elements with all axes but the outputs as rows."""
        return self.values.reshape(-1, self.columns)

    def title(self) -> str:
        """The initializer, and below it the shape and the fans."""
        described = self.description
        shape = f"shape {'×'.join(map(str, described.shape))}" if described.shape else "scalar"
        layout = f" ({described.layout})" if described.layout != "...IO" else ""
        return (
            f"{self.initializer!r}\n{shape}{layout}, {described.dtype}, "
            f"fan in {described.fan_in}, fan out {described.fan_out}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Seed, and statistics of the elements."""
        values = self.values
        return {
            "seed": self.seed,
            "count": values.size,
            "mean": float(np.mean(values)),
            "stddev": float(np.std(values)),
            "minimum": float(np.min(values)),
            "maximum": float(np.max(values)),
        }


def make_sample(
    initializer: Any,
    shape: object,
    dtype: object = "float32",
    *,
    layout: str | Layout | None = None,
    seed: SupportsIndex | Key | None = None,
    backend: Any = None,
) -> Sample:
    """Draw what a picture shows.

    Parameters
    ----------
    initializer : str, mapping or Initializer
        Whatever ``unifinit.get`` takes.
    shape, dtype, layout, backend
        As in a call of the initializer.
    seed : int or Key, optional
        By default the initializer's own seed, or else 0.

    Raises
    ------
    ShapeError, LayoutError, SeedError, DtypeError, ArgumentError
        If an argument is wrong, or the array would have no elements, or infinite ones.
    """
    chosen = as_initializer(initializer)
    dimensions, order = as_shape(shape), as_layout(layout)
    kind = require_floating(as_dtype(dtype), "a picture")
    if math.prod(dimensions) == 0:
        raise ArgumentError(
            f"shape {dimensions} has no elements; wanted at least one, or there is nothing to draw"
        )
    described = chosen.describe(dimensions, kind, layout=order)
    if not (math.isfinite(described.moments.mean) and math.isfinite(described.moments.stddev)):
        raise ArgumentError(
            f"values of {chosen!r} are not finite; wanted finite ones, which a picture can show"
        )
    own = getattr(chosen, "seed", None)
    key = as_key(seed if seed is not None else own if own is not None else 0)
    values = drawn(chosen, dimensions, kind, seed=key, backend=backend, layout=order)
    plan = chosen.plan(dimensions, kind, seed=key, layout=order)
    canonical = values if plan.axes is None else values.transpose(np.argsort(plan.axes))
    columns = chosen.weight(dimensions, layout=order).columns
    return Sample(chosen, described, plan.content, np.ascontiguousarray(canonical), columns, key.seed)
