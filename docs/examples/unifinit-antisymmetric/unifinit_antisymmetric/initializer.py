"""The initializer: antisymmetric recurrent weights."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from unifinit.extend import (
    Aliases,
    Computed,
    Content,
    DType,
    HostArray,
    Moments,
    RandomInitializer,
    ShapeError,
    Source,
    Weight,
    batched,
    normal,
    real,
)


class AntisymmetricMatrix(Computed):
    """``(A - A^T) / sqrt(2 n) * stddev - damping * I`` for a standard normal matrix A of n rows."""

    size: int
    stddev: float
    damping: float

    parts = ("size", "stddev", "damping")

    def __init__(self, size: int, stddev: float, damping: float) -> None:
        vars(self).update(size=size, stddev=stddev, damping=damping)

    def compute(self, source: Source, dtype: DType) -> HostArray:
        """The matrix: one subtraction and one multiplication for each element off the diagonal."""
        drawn = source.draw(normal(0.0, 1.0, dtype.compute), (self.size, self.size), dtype.compute)
        wide = drawn.astype(np.float64)
        matrix = (wide - wide.T) * self._factor
        np.fill_diagonal(matrix, -self.damping)
        return matrix

    @property
    def _factor(self) -> float:
        return self.stddev / math.sqrt(2 * max(1, self.size))

    def moments(self) -> Moments:
        """Those of all elements together: on the diagonal there is the damping alone."""
        on_diagonal = 1 / max(1, self.size)
        mean = -self.damping * on_diagonal
        square = (1 - on_diagonal) * 2 * self._factor**2 + on_diagonal * self.damping**2
        return Moments(mean, math.sqrt(max(0.0, square - mean**2)), -math.inf, math.inf)

    def blocks(self, size: int) -> int:
        """One for each element."""
        return size


class Antisymmetric(RandomInitializer):
    """Antisymmetric recurrent weights, slightly damped: stable without being contractive.

    Parameters
    ----------
    stddev : float
        The standard deviation of elements off the diagonal, times the square root of the width.
    damping : float
        What is subtracted on the diagonal.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If a parameter is negative or not finite.
    ShapeError
        In a call, for a weight with other than equally many inputs and outputs, or with spatial axes.

    Notes
    -----
    Source: Chang et al., "AntisymmetricRNN: a dynamical system view on recurrent neural networks" (2019).
    """

    summary = "antisymmetric, less damping on the diagonal"
    formula = "(A − Aᵀ)·stddev/√(2n) − damping·I, A = N(0, 1)"
    source = "Chang et al. (2019)"
    aliases: ClassVar[Aliases] = {"antisymmetric_rnn": {}}
    has_complex = False

    stddev: float = real(default=1.0, least=0)
    damping: float = real(default=0.01, least=0)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """The matrix, or one for each place along the batch axes."""
        if weight.spatial or weight.rows != weight.columns or weight.rank < 2:
            raise ShapeError(
                f"shape {weight.shape} has {weight.rows} inputs and {weight.columns} outputs; wanted a "
                "square matrix, as an antisymmetric one is"
            )
        return batched(AntisymmetricMatrix(weight.rows, self.stddev, self.damping), weight.batch)
