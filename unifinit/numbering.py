"""The numbers of the elements of an array: which elements of the stream an array, or a part of one, holds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple, Self

from unifinit.types import Shape


class Numbering(NamedTuple):
    """An element's number is ``first`` plus, for each axis, its index times the step.

    Attributes
    ----------
    first
        The number of the element whose indices are all 0.
    sizes
        The shape.
    steps
        By how much the number grows along each axis; it may fall.
    """

    first: int
    sizes: Shape
    steps: tuple[int, ...]

    @property
    def ends(self) -> tuple[int, int]:
        """The lowest and the highest number; there is at least one element."""
        reaches = [(size - 1) * step for size, step in zip(self.sizes, self.steps, strict=True)]
        return (
            self.first + sum(reach for reach in reaches if reach < 0),
            self.first + sum(reach for reach in reaches if reach > 0),
        )

    def joined(self) -> Self:
        """The same numbers in the same order on as few axes as possible, at least one."""
        sizes: list[int] = []
        steps: list[int] = []
        for size, step in zip(self.sizes, self.steps, strict=True):
            if size == 1:
                continue
            if sizes and steps[-1] == step * size:
                sizes[-1] *= size
                steps[-1] = step
            else:
                sizes.append(size)
                steps.append(step)
        return type(self)(self.first, tuple(sizes or [1]), tuple(steps or [1]))

    def pieces(self, most: int) -> Iterator[tuple[slice, Self]]:
        """Consecutive parts in row-major order, each with at most ``most`` elements.

        Yields
        ------
        slice, Numbering
            Which elements in row-major order, and their numbers. Nothing if there are none.
        """
        whole = self.joined()
        sizes, steps = whole.sizes, whole.steps
        if 0 in sizes:
            return
        divided = len(sizes) - 1  # The axis of which a piece has a part; of those behind it, it has all.
        while divided and math.prod(sizes[divided:]) <= most:
            divided -= 1
        behind = math.prod(sizes[divided + 1 :])
        rows = max(1, most // behind)
        start = 0
        for outer in product(*map(range, sizes[:divided])):
            first = whole.first + sum(map(int.__mul__, outer, steps))
            for row in range(0, sizes[divided], rows):
                count = min(rows, sizes[divided] - row)
                stop = start + count * behind
                yield (
                    slice(start, stop),
                    type(self)(first + row * steps[divided], (count, *sizes[divided + 1 :]), steps[divided:]),
                )
                start = stop
