"""Convolution kernels of which one tap holds a matrix, and the others zeros."""

from __future__ import annotations

import numpy as np

from unifinit.content import Moments
from unifinit.contents import Computed, Derived, HostArray, Source, mixed
from unifinit.types import DType, Shape

NOTHING = Moments(0.0, 0.0, 0.0, 0.0)


class Tap(Derived):
    """A computed content of checked numbers at one of some taps, and zeros at the others."""

    content: Computed
    taps: int
    place: int

    parts = ("content", "taps", "place")
    checked = True

    def __init__(self, content: Computed, taps: int, place: int) -> None:
        vars(self).update(content=content, taps=taps, place=place)

    def compute(self, source: Source, dtype: DType) -> HostArray:
        """The taps one after the other; the key is that of the other content."""
        matrix = self.content.compute(source, dtype)
        kernel = np.zeros((self.taps, *matrix.shape), dtype=matrix.dtype)
        kernel[self.place] = matrix
        return kernel

    def moments(self) -> Moments:
        """Those of an element of any tap."""
        return mixed([(1, self.content.moments()), (max(0, self.taps - 1), NOTHING)])

    def scaled(self, factor: float, dtype: DType) -> Tap:
        """The other content scaled."""
        return Tap(self.content.scaled(factor, dtype), self.taps, self.place)

    def blocks(self, size: int) -> int:
        """Those of the other content."""
        return self.content.blocks(size // max(1, self.taps))


def at_centre(content: Computed, spatial: Shape, *, upper: bool = False) -> Computed:
    """A content at the centre of a kernel.

    Parameters
    ----------
    content
        A matrix, row by row, of checked numbers.
    spatial
        The size of the kernel; without axes, the content is all of it.
    upper
        Whether the centre of an even number k of taps is ``k // 2``, rather than ``(k - 1) // 2``.
    """
    taps, place = 1, 0
    for size in spatial:
        taps, place = taps * size, place * size + (size if upper else size - 1) // 2
    return content if taps == 1 else Tap(content, taps, place)
