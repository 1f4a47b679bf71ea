"""The kernel of a convolution that is an isometry on a torus."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from unifinit.content import Moments
from unifinit.contents import Computed, HostArray, OrthogonalMatrix, Source, bits, orthogonal
from unifinit.types import DTYPES, DType, Shape

CACHED = 2**14
"""Numbers of a product that are summed together; not part of the specification."""


class OrthogonalKernel(Computed):
    """A kernel whose convolution on a torus is an isometry, times a gain.

    Attributes
    ----------
    matrix
        The orthonormal rows that all taps have as their first factor.
    gain
        By how much norms grow.
    size
        Taps along each axis.
    axes
        How many axes.
    """

    matrix: OrthogonalMatrix
    gain: float
    size: int
    axes: int

    parts = ("matrix", "gain", "size", "axes")
    checked = True

    def __init__(self, matrix: OrthogonalMatrix, gain: float, size: int, axes: int) -> None:
        vars(self).update(matrix=matrix, gain=gain, size=size, axes=axes)

    def compute(self, source: Source, dtype: DType) -> HostArray:
        """The orthonormal rows, convolved along each axis with one pair (P, I - P) after the other."""
        taps = self.matrix.compute(source, dtype)[(np.newaxis,) * self.axes]
        for step in range(self.size - 1):
            for axis in range(self.axes):
                basis = self._basis(source, dtype, step, axis)
                inside = product(product(taps, basis), basis.T)
                taps = overlapped(inside, taps - inside, axis)
        return taps * self.gain

    def _basis(self, source: Source, dtype: DType, step: int, axis: int) -> HostArray:
        """A random orthonormal basis of a random subspace, as columns."""
        side, compute = self.matrix.columns, dtype.compute
        drawn = source.draw(self.matrix.drawn(compute), (side, side), compute, "basis", step, axis)
        words = source.draw(bits(DTYPES["uint32"]), (side,), DTYPES["uint32"], "mask", step, axis)
        return source.orthonormal_columns(drawn)[:, words >> 31 == 1]

    def moments(self) -> Moments:
        """All numbers of an input together have the norm gain, spread evenly."""
        gain, taps = abs(self.gain), self.size**self.axes
        return Moments(0.0, gain / math.sqrt(max(1, taps * self.matrix.columns)), -gain, gain)

    def scaled(self, factor: float, dtype: DType) -> OrthogonalKernel:
        """The kernel with the product of the gain."""
        shape = (self.size,) * self.axes
        return orthogonal_kernel(self.gain * factor, shape, self.matrix.rows, self.matrix.columns, dtype)

    def blocks(self, size: int) -> int:
        """One for each number of all matrices, and for each column of those that make projections."""
        if not size:
            return 0
        side, projections = self.matrix.columns, max(0, self.size - 1) * self.axes
        return self.matrix.rows * side + projections * (side * side + side)


def orthogonal_kernel(
    gain: float, spatial: Shape, inputs: int, outputs: int, dtype: DType
) -> OrthogonalKernel:
    """A kernel with equally many taps along each axis, times a gain; at least as many outputs as inputs."""
    rounded = orthogonal(gain, inputs, outputs, dtype).gain
    return OrthogonalKernel(orthogonal(1.0, inputs, outputs, dtype), rounded, spatial[0], len(spatial))


def product(a: HostArray, b: HostArray) -> npt.NDArray[np.float64]:
    """The product along the last axis of one array and the first of a matrix, summed from first to last."""
    left = a.reshape(math.prod(a.shape[:-1]), a.shape[-1])
    result = np.zeros((len(left), b.shape[1]))
    step = max(1, CACHED // max(1, b.shape[1]))
    for start in range(0, len(left), step):
        total = result[start : start + step]
        for i, (column, row) in enumerate(zip(left[start : start + step].T, b, strict=True)):
            terms = column[:, np.newaxis] * row
            if i == 0:
                total[:] = terms
            else:
                total += terms
    return result.reshape(*a.shape[:-1], b.shape[1])


def overlapped(first: HostArray, second: HostArray, axis: int) -> HostArray:
    """Taps one more along an axis: the first ones, and the second ones added one further on."""
    alone, others = ((slice(None),) * axis + (part,) for part in (slice(1), slice(1, None)))
    end = (slice(None),) * axis + (slice(-1, None),)
    butlast = (slice(None),) * axis + (slice(-1),)
    return np.concatenate([first[alone], first[others] + second[butlast], second[end]], axis=axis)
