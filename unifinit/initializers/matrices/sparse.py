"""Matrices with a given fraction of zeros."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from unifinit.content import Content, Moments
from unifinit.contents import Computed, HostArray, Source, batched, bits, fill, mixed, normal
from unifinit.errors import ShapeError
from unifinit.initializers.base import Aliases, RandomInitializer
from unifinit.initializers.hyperparameters import choice, real
from unifinit.initializers.matrices.taps import NOTHING
from unifinit.types import DTYPES, DType
from unifinit.weight import Weight

WORDS = DTYPES["uint64"]
"""What positions are ranked by: of 64 bits, hardly any two are equal."""


class Sparsified(Computed):
    """A content with the same number of zeros in each row or each column of a matrix, at random places.

    Attributes
    ----------
    numbers
        What the others are.
    rows, columns
        The sides of the matrix.
    zeros
        How many zeros a row or a column has.
    axis
        1 if each row has that many, 0 if each column has.
    """

    numbers: Content
    rows: int
    columns: int
    zeros: int
    axis: int

    parts = ("numbers", "rows", "columns", "zeros", "axis")
    checked = True

    def __init__(self, numbers: Content, rows: int, columns: int, zeros: int, axis: int) -> None:
        vars(self).update(numbers=numbers, rows=rows, columns=columns, zeros=zeros, axis=axis)

    def compute(self, source: Source, dtype: DType) -> HostArray:
        """The numbers of the key, but for zeros where the words of another key are smallest."""
        shape = (self.rows, self.columns)
        numbers = source.draw(self.numbers, shape, dtype.compute)
        words = source.draw(bits(WORDS), shape, WORDS, "positions")
        # Stable: of equal words the first one is the smaller.
        order = np.argsort(words, axis=self.axis, kind="stable")
        np.put_along_axis(numbers, np.take(order, range(self.zeros), self.axis), 0, self.axis)
        return numbers

    def moments(self) -> Moments:
        """Those of an element anywhere."""
        length = (self.rows, self.columns)[self.axis]
        return mixed([(length - self.zeros, self.numbers.moments()), (self.zeros, NOTHING)])

    def scaled(self, factor: float, dtype: DType) -> Sparsified:
        """The matrix with the numbers scaled."""
        return Sparsified(self.numbers.scaled(factor, dtype), self.rows, self.columns, self.zeros, self.axis)

    def blocks(self, size: int) -> int:
        """One for the number of each element, one for its place."""
        return 2 * size


class Sparse(RandomInitializer):
    """Normal, but for a fraction of zeros at random places among the weights of each input or output.

    Parameters
    ----------
    sparsity : float
        The fraction of zeros, from 0 to 1. Of n weights, ``ceil(sparsity * n)`` are zero, the product
        rounded to float64 first, as in PyTorch: 8 of 100 for 0.07.
    stddev : float
        Standard deviation of the others; 0 gives zeros.
    per : {"input", "output"}
        Whose weights are counted. "input": from each input to all outputs, as
        ``torch.nn.init.sparse_``, MindSpore and Flux have it: the columns of a weight that is
        ``(out, in)``. "output": from all inputs to each output, as Martens proposes it, and as MLX and
        Lasagne have it; spatial axes count as inputs.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If sparsity is not from 0 to 1, stddev is negative or not finite, or per is unknown; in a call, if
        the dtype has no normal numbers of that standard deviation.
    ShapeError
        In a call, for fewer than two axes.

    Notes
    -----
    The numbers that are not zeroed are those of `RandomNormal` with the same key and standard deviation. The
    places of the zeros are those of the smallest of as many 64-bit words, which have a key of their own, so
    that all sets of places are equally likely. Martens, "Deep learning via Hessian-free optimization"
    (2010), limits the number of connections into each unit.

    PyTorch, MindSpore, Flux, MLX and Lasagne accept matrices only. Here a weight of more axes is the matrix
    of its spatial and input axes by its output axes; with ``per="input"``, each tap of an input counts by
    itself. Along batch axes each matrix is one of its own: matrix number i is what a call with ``seed / i``
    gives. An array without elements stays one. Of complex numbers, both parts are zero together.

    PyTorch draws the places from its global generator, whatever ``generator`` it is given. MLX has a
    standard deviation of 1 by default. Lasagne's sparsity is the fraction that is *not* zero, rounded down.

    Examples
    --------
    >>> import unifinit as ui
    >>> weight = ui.get("sparse_", sparsity=0.25)((3, 8), seed=0)
    >>> (weight == 0).sum(axis=1)
    array([2, 2, 2])
    """

    summary = "normal with stddev, a fraction of zeros per input or per output"
    formula = "N(0, stddev²), ⌈sparsity·n⌉ of each n set to 0"
    source = "Martens (2010); torch.nn.init.sparse_"
    aliases: ClassVar[Aliases] = {"sparse_init": {}}

    sparsity: float = real(least=0, most=1)
    stddev: float = real(default=0.01, least=0)
    per: str = choice(("input", "output"), default="input")

    def content(self, weight: Weight, dtype: DType) -> Content:
        """A matrix, or one for each place along the batch axes."""
        if weight.rank < 2:
            raise ShapeError(
                f"shape {weight.shape} has {weight.rank} axes; Sparse wants at least 2, inputs and outputs"
            )
        numbers = normal(0.0, self.stddev, dtype)
        rows, columns = weight.rows, weight.columns
        length = columns if self.per == "input" else rows
        zeros = math.ceil(self.sparsity * length)
        if not self.stddev or zeros == length > 0:
            return fill(0, dtype)
        axis = 1 if self.per == "input" else 0
        matrix = Sparsified(numbers, rows, columns, zeros, axis) if zeros else numbers
        return batched(matrix, weight.batch)
