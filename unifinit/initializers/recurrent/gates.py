"""The gates of recurrent cells, whose biases lie side by side in one array."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from unifinit.content import Content, Moments
from unifinit.contents import Computed, Fixed, HostArray, Source, batched, fitting, mixed
from unifinit.errors import ArgumentError, ShapeError, or_list, suggestion
from unifinit.initializers.hyperparameters import checked
from unifinit.initializers.recurrent.logarithms import Logarithms
from unifinit.types import DType
from unifinit.weight import Weight

ORDERS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "lstm": {
            "keras": "ifco",
            "torch": "ifgo",
            "tensorflow1": "ijfo",
            "haiku": "igfo",
            "sonnet": "ifgo",
            "flax": "ifgo",
            "mxnet": "ifco",
            "onnx": "iofc",
            "cudnn": "ifco",
        },
        "gru": {
            "keras": "zrh",
            "torch": "rzn",
            "haiku": "zra",
            "sonnet": "zra",
            "flax": "rzn",
            "mxnet": "rzn",
            "onnx": "zrh",
            "cudnn": "rzh",
        },
    }
)
"""In which order the frameworks store the gates of a cell."""
LETTERS = {"lstm": {"g": "c", "j": "c"}, "gru": {"u": "z", "a": "h", "c": "h", "n": "h"}}
"""What some call other gates: the candidate of the new state, and the update gate."""
GATES = {"lstm": "cfio", "gru": "hrz"}
"""The gates of a cell, sorted."""
ADMITTING = ("haiku", "sonnet")
"""Whose update gate z admits the new state, rather than keeping the old one."""


def gates_in(order: str, cell: str, name: str = "order") -> str:
    """The gates of a cell in an order that letters or the name of a framework give, one letter each.

    Raises
    ------
    ArgumentError
        If it is neither.
    """
    letters = ORDERS[cell].get(order, order)
    gates = "".join(LETTERS[cell].get(letter, letter) for letter in letters)
    if "".join(sorted(gates)) != GATES[cell]:
        raise ArgumentError(
            f"{name} is {order!r}{suggestion(order, ORDERS[cell])}; wanted {order_words(cell)}"
        )
    return gates


def order_words(cell: str) -> str:
    """What an order may be, in words."""
    example = ORDERS[cell]["torch"]
    return (
        f"the letters of the {len(GATES[cell])} gates, as in {example!r}, or one of {or_list(ORDERS[cell])}"
    )


def order_of(cell: str) -> Any:
    """The declaration of an order of the gates of a cell."""

    def check(value: Any, name: str) -> str:
        gates_in(text(value, name), cell, name)
        return str(value)

    return checked(check, order_words(cell), default="keras")


def text(value: Any, name: str) -> str:
    """A string.

    Raises
    ------
    ArgumentError
        If it is none.
    """
    if not isinstance(value, str):
        raise ArgumentError(f"{name} is {value!r}; wanted the letters of the gates, or a framework's name")
    return str(value)


class Gates(Fixed):
    """A number for each gate, as often as there are hidden units, and zeros behind them."""

    values: tuple[float, ...]
    hidden: int
    rest: int

    parts = ("values", "hidden", "rest")
    checked = True

    def __init__(self, values: tuple[float, ...], hidden: int, rest: int) -> None:
        vars(self).update(values=values, hidden=hidden, rest=rest)

    def numbers(self) -> HostArray:
        """Gate by gate."""
        return np.concatenate([np.repeat(np.array(self.values), self.hidden), np.zeros(self.rest)])


class OpposedGates(Computed):
    """The same drawn numbers at some gates, with a sign each, and zeros behind them.

    Attributes
    ----------
    drawn
        The numbers, one for each hidden unit.
    signs
        Of each gate 1, -1, or 0 for zeros.
    rest
        How many zeros follow.
    """

    drawn: Logarithms
    signs: tuple[int, ...]
    rest: int

    parts = ("drawn", "signs", "rest")

    def __init__(self, drawn: Logarithms, signs: tuple[int, ...], rest: int) -> None:
        vars(self).update(drawn=drawn, signs=signs, rest=rest)

    @property
    def label(self) -> str:
        """That of the numbers."""
        return self.drawn.label

    def compute(self, source: Source, dtype: DType) -> HostArray:
        """Gate by gate; the key is that of the numbers."""
        drawn = self.drawn.compute(source, dtype)
        # A difference, so that the negative of 0 is 0.
        signed = {1: drawn, -1: 0.0 - drawn, 0: np.zeros(drawn.size)}
        return np.concatenate([*(signed[sign] for sign in self.signs), np.zeros(self.rest)])

    def moments(self) -> Moments:
        """Those of an element of any gate."""
        mean, stddev, minimum, maximum = self.drawn.moments()
        nothing = Moments(0.0, 0.0, 0.0, 0.0)
        parts = {
            1: Moments(mean, stddev, minimum, maximum),
            -1: Moments(-mean, stddev, -maximum, -minimum),
            0: nothing,
        }
        size = self.drawn.size
        return mixed([*((size, parts[sign]) for sign in self.signs), (self.rest, nothing)])

    def blocks(self, size: int) -> int:
        """Those of the numbers."""
        return self.drawn.blocks(size)


def units(weight: Weight, gates: int, name: str) -> tuple[int, int]:
    """How many hidden units a bias is for, and how many zeros follow it.

    Raises
    ------
    ShapeError
        If the shape is not that of the bias of a cell.
    """
    if not weight.spatial and len(weight.inputs) <= 1 and len(weight.outputs) == 1:
        columns = weight.outputs[0]
        rows = weight.inputs[0] if weight.inputs else 1
        if rows == gates:
            return columns, 0
        if rows in (1, 2) and columns % gates == 0:
            return columns // gates, columns * (rows - 1)
    raise ShapeError(
        f"shape {weight.shape} is not that of a bias of {gates} gates; {name} wants ({gates} * hidden,), "
        f"(2, {gates} * hidden) for the biases of inputs and of hidden units, or ({gates}, hidden)"
    )


def fixed_gates(
    values: Mapping[str, float], gates: str, hidden: int, rest: int, weight: Weight, dtype: DType
) -> Content:
    """A number for each gate, 0 if there is none, the same along batch axes."""
    for value in values.values():
        fitting(value, dtype)
    return batched(Gates(tuple(values.get(gate, 0.0) for gate in gates), hidden, rest), weight.batch)
