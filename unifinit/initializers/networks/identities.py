"""Matrices that hand their inputs on as far as their shapes let them, without a random number."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from unifinit.content import Content
from unifinit.contents import Computed, Fixed, HostArray, Source, batched, fitting
from unifinit.errors import ShapeError
from unifinit.initializers.base import Aliases, Initializer
from unifinit.initializers.hyperparameters import choice, real
from unifinit.initializers.matrices.identity import Diagonal
from unifinit.initializers.matrices.taps import at_centre
from unifinit.types import DType
from unifinit.weight import Weight


class Hadamard(Fixed):
    """The first rows and columns of a Hadamard matrix of Sylvester's construction, times a number.

    Attributes
    ----------
    value
        The number, which fits the dtype, as its negative does.
    rows, columns
        How many of them.
    """

    value: float
    rows: int
    columns: int

    parts = ("value", "rows", "columns")
    checked = True

    def __init__(self, value: float, rows: int, columns: int) -> None:
        vars(self).update(value=value, rows=rows, columns=columns)

    def numbers(self) -> HostArray:
        """The number, negative where row and column have an odd number of bits in common."""
        common = np.arange(self.rows)[:, None] & np.arange(self.columns)
        odd = np.bitwise_count(common) & 1
        return np.where(odd == 1, -self.value, self.value)

    def compute(self, source: Source, dtype: DType) -> HostArray:
        """The matrix, which needs no rounding."""
        return self.numbers().astype(dtype.compute.name)

    def scaled(self, factor: float, dtype: DType) -> Hadamard:
        """The matrix with the product of the number."""
        return Hadamard(_both_signs(self.value * factor, dtype), self.rows, self.columns)


class Repeated(Fixed):
    """Identity matrices side by side, times a number, the last of them cut off.

    Attributes
    ----------
    value
        The number, which fits the dtype.
    rows, columns
        The sides of the matrix; there is at least one row.
    """

    value: float
    rows: int
    columns: int

    parts = ("value", "rows", "columns")
    checked = True

    def __init__(self, value: float, rows: int, columns: int) -> None:
        vars(self).update(value=value, rows=rows, columns=columns)

    def numbers(self) -> HostArray:
        """The number where row and column are equal modulo the number of rows."""
        column = np.arange(self.columns)
        matrix = np.zeros((self.rows, self.columns))
        matrix[column % self.rows, column] = self.value
        return matrix

    def compute(self, source: Source, dtype: DType) -> HostArray:
        """The matrix, which needs no rounding."""
        return self.numbers().astype(dtype.compute.name)

    def scaled(self, factor: float, dtype: DType) -> Repeated:
        """The matrix with the product of the number."""
        return Repeated(float(fitting(self.value * factor, dtype).real), self.rows, self.columns)


class ZerO(Initializer):
    """The identity where outputs are no more than inputs, and else a part of a Hadamard matrix.

    All numbers are 0, 1 and ±c. Nothing is drawn. Biases are `Zeros`.

    Parameters
    ----------
    normalization : {"paper", "orthonormal"}
        Which c, where 2^m is the least power of two that is not below the outputs: 2^(-(m - 1)/2) as the
        paper prints it, or 2^(-m/2) as in the authors' code, with which the columns of the whole Hadamard
        matrix have norm 1.

    Raises
    ------
    ArgumentError
        If normalization is unknown; in a call, if the dtype does not have ±c, as int32 does not have 1/2.
    ShapeError
        In a call, for fewer than two axes.

    Notes
    -----
    Let i and o be the sizes of all input and of all output axes. If o ≤ i, W[a, b] = 1 for a = b, else 0. If
    o > i, W[a, b] = c·(-1)^(number of bits that a and b have in common), the first i rows and o columns of
    Sylvester's Hadamard matrix. Source: Zhao, Schäfer & Anandkumar, "ZerO initialization: initializing neural
    networks with only zeros and ones" (2022), algorithm 1. The kernel of a convolution has the matrix at its
    centre, ``k // 2`` along an axis of k taps, and zeros elsewhere: algorithm 2. Along batch axes all
    matrices are equal.

    Two independent reimplementations quote the paper's constant; it has not been compared with the paper's
    text. In the authors' notebook it is 2^(-m/2), and public ports have either. Choose "orthonormal" to agree
    with the code, whose signals are smaller by √2 in every layer that widens.
    """

    summary = "identity, or a part of a Hadamard matrix if there are more outputs than inputs"
    formula = "I if out ≤ in, else c·H[:in, :out], c = 2^(-(m - 1)/2), m = ⌈log₂ out⌉"
    source = "Zhao, Schäfer & Anandkumar (2022), algorithms 1 and 2"

    normalization: str = choice(("paper", "orthonormal"), default="paper")

    def content(self, weight: Weight, dtype: DType) -> Content:
        """The same matrix for each place along the batch axes."""
        rows, columns = _sides(weight, "ZerO")
        matrix: Computed
        if columns <= rows or rows == 0:
            matrix = Diagonal(fitting(1, dtype), rows, columns)
        else:
            halvings = (columns - 1).bit_length() - (self.normalization == "paper")
            # The square root of a power of two: exact, or that of 2 or 1/2, rounded once.
            c = math.sqrt(math.ldexp(1.0, -halvings))
            matrix = Hadamard(_both_signs(c, dtype), rows, columns)
        return batched(at_centre(matrix, weight.spatial, upper=True), weight.batch)


class IDInit(Initializer):
    """The identity repeated for as many outputs as there are: output o is input ``o % inputs``, times gain.

    Nothing is drawn. Biases are `Zeros`.

    Parameters
    ----------
    gain : float
        The numbers on the diagonals, called τ in the paper, where it usually is 1.

    Raises
    ------
    ArgumentError
        If gain is not finite; in a call, if the dtype does not have it, as int32 does not have 0.5.
    ShapeError
        In a call, for fewer than two axes, or for spatial ones.

    Notes
    -----
    W[a, b] = gain if a = b mod i, else 0, with i the size of all input axes: with more outputs than inputs,
    identities stand side by side, and with fewer, there is a part of one. Along batch axes all matrices are
    equal. An array without inputs stays empty. Source: Pan et al., "IDInit: a universal and stable
    initialization method for neural network training" (2025), equation 3.

    The equation is as published reviews of the paper quote it, and as an independent implementation has it;
    it has not been compared with the authors' code. Left out is what these do not settle: the zero-preserving
    variant for the last layer of a branch (entries ±1e-6, in columns that are not told), the perturbation of
    repeated rows (of about 1e-6, a variance or a standard deviation), and convolutions, whose order of axes
    under the reshaping is not told. For those, see `Zeros` and `Identity`.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.get("idinit")((2, 5))
    array([[1., 0., 1., 0., 1.],
           [0., 1., 0., 1., 0.]], dtype=float32)
    """

    summary = "identities side by side, times gain"
    formula = "W[a, b] = gain if a ≡ b mod in, else 0"
    source = "Pan et al. (2025), equation 3, as quoted by its reviews"
    aliases: ClassVar[Aliases] = {"idinit": {}}

    gain: float = real(default=1.0)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """The same matrix for each place along the batch axes."""
        rows, columns = _sides(weight, "IDInit")
        if weight.spatial:
            raise ShapeError(
                f"shape {weight.shape} has {len(weight.spatial)} spatial axes; IDInit wants none, as its "
                "form for convolutions is not settled; see Identity, or name those axes as inputs"
            )
        value = float(fitting(self.gain, dtype).real)
        return batched(Repeated(value, max(1, rows), columns), weight.batch)


def _sides(weight: Weight, what: str) -> tuple[int, int]:
    """The sizes of all input and of all output axes, of at least two axes together."""
    if weight.rank < 2:
        raise ShapeError(
            f"shape {weight.shape} has {weight.rank} axes; {what} wants at least 2, inputs and outputs, or "
            "Zeros for a bias"
        )
    return math.prod(weight.inputs), weight.columns


def _both_signs(value: float, dtype: DType) -> float:
    """A number as the dtype has it, if it has its negative too."""
    fitting(-value, dtype)
    return float(fitting(value, dtype).real)
