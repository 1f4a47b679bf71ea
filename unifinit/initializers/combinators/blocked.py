"""Blocks along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unifinit.content import Content
from unifinit.contents import Blocks
from unifinit.errors import ArgumentError, ShapeError
from unifinit.initializers.base import Initializer, from_identifier
from unifinit.initializers.combinators.wrapper import Composite, contained, unseeded
from unifinit.initializers.hyperparameters import checked, choice, several, whole
from unifinit.types import DType
from unifinit.weight import Weight, place_of, share


def _one_or_several(value: Any, name: str) -> Initializer | tuple[Initializer, ...]:
    if isinstance(value, (list, tuple)):
        if not value:
            raise ArgumentError(f"{name} is empty; wanted an initializer, or one for each block")
        return tuple(_of_a_block(one, f"{name}[{i}]") for i, one in enumerate(value))
    return _of_a_block(value, name)


def _of_a_block(value: Any, name: str) -> Initializer:
    return unseeded(contained(from_identifier(value, name), name), name)


class Blocked(Composite):
    """Blocks along an axis, each a weight of its own: for each gate, head or expert.

    Parameters
    ----------
    initializer : Initializer, str or mapping, or a sequence of them
        That of all blocks, or one for each.
    count : int, optional
        How many blocks there are, all of one size. By default as many as there are initializers or sizes.
    sizes : sequence of int, optional
        The sizes of the blocks, if they differ. They have to sum to the size of the axis.
    axis : {"out", "in", "batch"}
        Which axis is divided: the first one of outputs, inputs or batch axes. A vector has outputs alone.
    seed : int or Key, optional
        Used by calls that give none. Block number i has the key ``seed / i``.

    Raises
    ------
    ArgumentError
        If an initializer has a seed of its own, or the numbers of blocks, sizes and initializers differ.
    ShapeError
        In a call, if there is no such axis, or the blocks do not fit it.

    Notes
    -----
    Block number i is what its initializer gives for the smaller shape with the seed ``seed / i``. Its fans
    are its own: along the outputs, fan_out is a share of that of the whole.

    Examples
    --------
    >>> import unifinit as ui
    >>> gates = ui.Blocked(ui.Orthogonal(), count=4, seed=0)((8, 32))  # Recurrent weights of an LSTM.
    >>> bias = ui.Blocked(["zeros", "ones", "zeros", "zeros"])((32,))
    """

    summary = "blocks along an axis, each a weight of its own"
    formula = "[x₀, x₁, ...], each with a key of its own"
    source = "Gates, heads and experts that share an array"

    initializer: Any = checked(_one_or_several, "an initializer, or a sequence of them")
    count: int | None = whole(default=None, least=1, optional=True)
    sizes: Sequence[int] | None = several(whole(least=0), default=None, least=1, optional=True)
    axis: str = choice(("out", "in", "batch"), default="out")

    def validate(self) -> None:
        """Check how many blocks there are."""
        numbers = {
            "count": self.count,
            "sizes": None if self.sizes is None else len(self.sizes),
            "initializer": len(self.initializer) if isinstance(self.initializer, tuple) else None,
        }
        given = {name: number for name, number in numbers.items() if number is not None}
        if len(set(given.values())) != 1:
            told = " and ".join(f"{name} gives {number}" for name, number in given.items()) or "nothing tells"
            raise ArgumentError(
                f"{told} as the number of blocks; wanted count, sizes or a sequence of initializers, and the "
                "same number by all that are given"
            )

    @property
    def _initializers(self) -> tuple[Initializer, ...]:
        if isinstance(self.initializer, tuple):
            return self.initializer
        number = self.count or len(self.sizes or ())
        return (self.initializer,) * number

    def content(self, weight: Weight, dtype: DType) -> Content:
        """The contents of the blocks, side by side."""
        role = {"out": weight.outputs, "in": weight.inputs, "batch": weight.batch}[self.axis]
        if not role:
            raise ShapeError(f"the weight of shape {weight.shape} has no {self.axis} axis to be divided")
        initializers = self._initializers
        size, number = role[0], len(initializers)
        if self.sizes is None and size % number:
            raise ShapeError(
                f"the {self.axis} axis of shape {weight.shape} has {size} elements; wanted a multiple of "
                f"{number}, the number of blocks, or sizes"
            )
        sizes = tuple(self.sizes or (size // number,) * number)
        if sum(sizes) != size:
            raise ShapeError(
                f"the {self.axis} axis of shape {weight.shape} has {size} elements; wanted {sum(sizes)}, the "
                "sum of the sizes"
            )
        contents = tuple(
            one.checked_content(share(weight, self.axis, part), dtype)
            for one, part in zip(initializers, sizes, strict=True)
        )
        return Blocks(contents, sizes, place_of(weight, self.axis))
