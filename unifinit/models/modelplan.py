"""What a whole model is to hold, before anything is written: to be looked at, written, or compared with."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from unifinit import elements, host
from unifinit.agreement import VERSION
from unifinit.content import Content, Moments
from unifinit.contents import HostArray
from unifinit.errors import ConfigError
from unifinit.files import atomic_file, windows
from unifinit.key import AnyKey, Key, digest
from unifinit.models.arrays import Parameter
from unifinit.models.assignment import PlannedArray, PlannedParameter
from unifinit.models.rows import Row
from unifinit.plan import Plan
from unifinit.types import Shape
from unifinit.weight import Weight

if TYPE_CHECKING:
    import os

SAMPLED = 4096
"""Elements of a parameter that its histogram shows: the first ones."""
WHOLE = 2**20
"""Elements up to which a parameter is computed that can only be computed as a whole."""


class ModelPlan:
    """The arrays of a model, and what each is to hold.

    ``str`` gives a table. It is what ``ui.plan_model`` and ``ui.Spec.plan`` return.

    Parameters
    ----------
    arrays
        The arrays with their plans.
    key
        The key of the model.

    Attributes
    ----------
    arrays, key
        As above.
    """

    def __init__(self, arrays: Sequence[PlannedArray], key: AnyKey) -> None:
        self.arrays = tuple(arrays)
        self.key = key

    @property
    def parameters(self) -> Iterator[PlannedParameter]:
        """All parameters; an array can have several."""
        return (one for array in self.arrays for one in array.parameters)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """A row for each parameter."""
        return tuple(_row(array, one) for array in self.arrays for one in array.parameters)

    @property
    def elements(self) -> int:
        """How many elements all parameters have."""
        return sum(row.size for row in self.rows)

    @property
    def nbytes(self) -> int:
        """How many bytes all arrays have."""
        return sum(
            one.parameter.dtype.bits // 8 * _size(one) for array in self.arrays for one in array.parameters
        )

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the start: of names, paths, shapes, dtypes, axes, fans, initializers and the seed.

        Layouts that say the same of a shape are the same; so are rules that choose the same initializers.

        Raises
        ------
        ConfigError
            If an initializer has no configuration, or the key is not known yet.
        """
        if not isinstance(self.key, Key):
            raise ConfigError("the key of this model is traced; wanted an integer or a ui.Key as seed")
        told = [
            [
                array.array.name,
                list(array.array.shape),
                array.array.dtype.name,
                array.layout.canonical_axes(len(array.array.shape)),
                array.array.zero_row,
                [[one.parameter.path, _told(_weight(array, one)), _config(one)] for one in array.parameters],
            ]
            for array in self.arrays
        ]
        return f"{VERSION}:{digest(json.dumps([VERSION, self.key.seed, told], separators=(',', ':')))}"

    def part_plan(self, array: PlannedArray, one: PlannedParameter) -> Plan | None:
        """The plan of one parameter in canonical order; None if it stays as it is."""
        content = content_of(array, one)
        if content is None:
            return None
        shape = array.plan.shape if len(array.parameters) == 1 and array.plan else one.parameter.weight.shape
        return Plan(shape, one.parameter.dtype, content, key=one.key)

    def as_dict(self) -> dict[str, Any]:
        """The rows and the sums, in types that JSON has."""
        return {
            "fingerprint": self.fingerprint,
            "seed": self.key.seed if isinstance(self.key, Key) else None,
            "parameters": [{**row._asdict(), "shape": list(row.shape)} for row in self.rows],
            "elements": self.elements,
            "bytes": self.nbytes,
        }

    def to_html(self, path: str | os.PathLike[str], *, title: str = "", overwrite: bool = False) -> None:
        """Write a page with a table and a histogram of each parameter, which needs no other file.

        Parameters
        ----------
        path : str or path
            The name of the file.
        title : str
            What stands above the table.
        overwrite : bool
            Whether to replace a file of that name.
        """
        from unifinit.models.page import page

        samples = (self._sample(array, one) for array in self.arrays for one in array.parameters)
        with atomic_file(path, overwrite=overwrite) as file:
            for text in page(title, self.rows, samples, self.fingerprint):
                file.write(text.encode(errors="replace"))  # A title may come from the name of a file.

    def _sample(self, array: PlannedArray, one: PlannedParameter) -> HostArray | None:
        """The first elements of a parameter; None if there are none, or they would take long."""
        part = self.part_plan(array, one)
        if part is None or not part.size or (part.size > WHOLE and not part.content.is_elementwise):
            return None
        shown = part.window(next(windows(part.result_shape, SAMPLED)))
        return np.real(elements.decode(host.compute(shown).reshape(-1), part.dtype))

    def __str__(self) -> str:
        header = ("path", "shape", "dtype", "layer", "layout", "fans", "initializer", "std", "size")
        lines = [header, *(_cells(row) for row in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
        text = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines
        ]
        total = f"{len(self.rows)} parameters, {self.elements:,} elements, {self.nbytes:,} bytes"
        return "\n".join([*(line.rstrip() for line in text), total])

    def __repr__(self) -> str:
        return f"<ModelPlan of {len(self.arrays)} arrays, {self.key!r}>"


def content_of(array: PlannedArray, one: PlannedParameter) -> Content | None:
    """What a parameter holds; None if it stays as it is."""
    if one.initializer is None or array.plan is None:
        return None
    if len(array.parameters) == 1:
        return array.plan.content
    return one.initializer.checked_content(one.parameter.weight, one.parameter.dtype)


def _config(one: PlannedParameter) -> object:
    if one.initializer is None:
        return None
    return [type(one.initializer).__name__, one.initializer.get_config()]


def _weight(array: PlannedArray, one: PlannedParameter) -> Weight:
    """The weight whose fans count, which the initializer of a whole array may tell otherwise."""
    if one.initializer is None or len(array.parameters) > 1:
        return one.parameter.weight
    return one.initializer.weight(array.array.shape, layout=array.layout)


def _told(weight: Weight) -> list[object]:
    return [weight.batch, weight.spatial, weight.inputs, weight.outputs, weight.fans]


def _size(one: PlannedParameter) -> int:
    return math.prod(one.parameter.weight.shape)


def _row(array: PlannedArray, one: PlannedParameter) -> Row:
    parameter, content = one.parameter, content_of(array, one)
    moments: Moments | None = None if content is None else content.moments()
    return Row(
        parameter.path,
        parameter.name,
        _stored_shape(parameter),
        parameter.dtype.name,
        parameter.layer,
        parameter.layout.text,
        *_weight(array, one).fans,
        "keep" if one.initializer is None else repr(one.initializer),
        None if moments is None else moments.mean,
        None if moments is None else moments.stddev,
        _size(one),
    )


def _stored_shape(parameter: Parameter) -> Shape:
    """The canonical shape with its axes as the array has them."""
    shape = parameter.weight.shape
    axes = parameter.layout.from_canonical(len(shape))
    return shape if axes is None else tuple(shape[axis] for axis in axes)


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.path,
        "x".join(map(str, row.shape)) or "scalar",
        row.dtype,
        row.layer or "-",
        row.layout,
        f"{row.fan_in:g}, {row.fan_out:g}",
        row.initializer,
        "-" if row.stddev is None else f"{row.stddev:.6g}",
        f"{row.size:,}",
    )
