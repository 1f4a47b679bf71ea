"""What there is to know of the parameters of a model, as rows of a table."""

from __future__ import annotations

from typing import NamedTuple

from unifinit.types import Shape


class Row(NamedTuple):
    """What there is to know of a parameter.

    Attributes
    ----------
    path, name
        Its canonical path, and what the framework calls the array that has it.
    shape
        As the array has it; of a part of an array, as the array would have it.
    dtype, layer, layout
        Of the array.
    fan_in, fan_out
        Of the parameter.
    initializer
        What makes it, as code; "keep" if it stays as it is.
    mean, stddev
        Of an element, by theory; None if it stays as it is.
    size
        How many elements it has.
    """

    path: str
    name: str
    shape: Shape
    dtype: str
    layer: str
    layout: str
    fan_in: float
    fan_out: float
    initializer: str
    mean: float | None
    stddev: float | None
    size: int
