"""What rules may know of the model beside the parameter in question: its layers, widths and depth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from unifinit.errors import RuleError
from unifinit.models.arrays import Parameter
from unifinit.models.paths import SEPARATOR, number_of


class Stack(NamedTuple):
    """Blocks of layers that are numbered, one after the other.

    Attributes
    ----------
    path
        Where they are: "transformer/h", or "encoder/layer_*" where the number is part of a component.
    numbers
        The numbers of the blocks, in ascending order.
    """

    path: str
    numbers: tuple[int, ...]

    @property
    def depth(self) -> int:
        """How many blocks there are."""
        return len(self.numbers)


class Facts:
    """The parameters of a model, as a whole.

    Parameters
    ----------
    parameters
        All of them.

    Attributes
    ----------
    parameters
        All of them.
    memo
        What recipes have found out about the model.
    """

    def __init__(self, parameters: Iterable[Parameter]) -> None:
        self.parameters = tuple(parameters)
        self.memo: dict[object, object] = {}

    @cached_property
    def layers(self) -> dict[str, dict[str, Parameter]]:
        """The parameters of each layer, by its path and by their leaf."""
        found: defaultdict[str, dict[str, Parameter]] = defaultdict(dict)
        for parameter in self.parameters:
            found[parameter.parent][parameter.leaf] = parameter
        return dict(found)

    def sibling(self, parameter: Parameter, leaf: str) -> Parameter | None:
        """Another parameter of the same layer, as the weight of a bias; None if there is none."""
        return self.layers[parameter.parent].get(leaf)

    @cached_property
    def stacks(self) -> tuple[Stack, ...]:
        """All stacks of blocks that hold no other stack's blocks, those with the most parameters first.

        A component counts if it is a number, or ends in one behind an underscore. Blocks are those layers
        that hold layers themselves, so that the layers of a plain sequence are none.
        """
        numbers: defaultdict[str, set[int]] = defaultdict(set)
        counts: defaultdict[str, int] = defaultdict(int)
        for parameter in self.parameters:
            parts = parameter.path.split(SEPARATOR)
            for place, part in enumerate(parts[:-2]):
                number = number_of(part)
                if number is not None:
                    above = SEPARATOR.join(parts[:place])
                    label = "" if part.isdigit() else part.rpartition("_")[0] + "_*"
                    path = SEPARATOR.join(filter(None, (above, label)))
                    numbers[path].add(number)
                    counts[path] += 1
                    break
        ordered = sorted(numbers, key=lambda path: (-counts[path], path))
        return tuple(Stack(path, tuple(sorted(numbers[path]))) for path in ordered)

    def depth(self, what: str) -> int:
        """How many blocks the largest stack has.

        Raises
        ------
        RuleError
            If there is none; ``what`` is the argument that tells it instead.
        """
        if not self.stacks:
            raise RuleError(
                f"the model has no numbered blocks from which its depth could be read; wanted {what}="
            )
        return self.stacks[0].depth

    @cached_property
    def width(self) -> int | None:
        """The width of the model: the outputs of its first embedding, or else the size of its first scale."""
        for parameter in self.parameters:
            if parameter.layer == "embedding" and parameter.leaf == "weight":
                return parameter.weight.columns
        for parameter in self.parameters:
            if parameter.leaf == "scale":
                return parameter.weight.columns
        return None
