"""Weights that hand their inputs on as they are."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from unifinit.content import Content, Moments
from unifinit.contents import Fixed, HostArray, Number, Source, batched, fitting, mixed
from unifinit.errors import ShapeError
from unifinit.initializers.base import Aliases, Initializer
from unifinit.initializers.hyperparameters import real, whole
from unifinit.initializers.matrices.taps import NOTHING, at_centre
from unifinit.types import DType
from unifinit.weight import Weight

MOST_SHIFT = 2**63 - 1


class Diagonal(Fixed):
    """A number on the diagonals of equal blocks of columns, zeros elsewhere.

    Attributes
    ----------
    value
        The number, which fits the dtype.
    rows, columns
        The sides of the matrix.
    groups
        How many blocks there are; columns is a multiple of it.
    shift
        By how many columns the diagonals are shifted to the right, and around within their blocks.
    """

    value: Number
    rows: int
    columns: int
    groups: int
    shift: int

    parts = ("value", "rows", "columns", "groups", "shift")
    checked = True

    def __init__(self, value: Number, rows: int, columns: int, groups: int = 1, shift: int = 0) -> None:
        vars(self).update(value=value, rows=rows, columns=columns, groups=groups, shift=shift)

    @property
    def length(self) -> int:
        """How many numbers a diagonal has."""
        return min(self.rows, self.columns // self.groups)

    def numbers(self) -> HostArray:
        """The matrix."""
        return self._matrix("complex128" if isinstance(self.value, complex) else "float64")

    def compute(self, source: Source, dtype: DType) -> HostArray:
        """The matrix, which needs no rounding."""
        return self._matrix(dtype.compute.name)

    def _matrix(self, dtype: str) -> HostArray:
        matrix = np.zeros((self.rows, self.columns), dtype=dtype)
        block = self.columns // self.groups
        row = np.arange(self.length)
        for start in range(0, self.columns, max(1, block)):
            matrix[row, start + (row + self.shift) % block] = self.value
        return matrix

    def moments(self) -> Moments:
        """Those of an element anywhere."""
        ones = self.groups * self.length
        value = self.value.real if isinstance(self.value, complex) else float(self.value)
        return mixed([(ones, Moments(value, 0.0, value, value)), (self.rows * self.columns - ones, NOTHING)])

    def scaled(self, factor: float, dtype: DType) -> Diagonal:
        """The matrix with the product of the number."""
        value = fitting(self.value * factor, dtype)
        return Diagonal(value, self.rows, self.columns, self.groups, self.shift)


class Identity(Initializer):
    """The identity matrix times a gain; of a convolution, the kernel that changes nothing but the gain.

    Input i feeds output i with the weight ``gain``, as far as there are both; what is left over is zero. All
    dtypes, integers and booleans too.

    Parameters
    ----------
    gain : float
        The numbers on the diagonal.
    shift : int
        Input i feeds output ``(i + shift) % outputs`` instead.

    Raises
    ------
    ArgumentError
        If gain is not finite, or shift no integer; in a call, if the dtype does not have the gain, as int32
        does not have 0.5.
    ShapeError
        In a call, for fewer than two axes.

    Notes
    -----
    W[i, (i + shift) mod outputs] = gain for i < min(inputs, outputs). Several input axes count as one,
    flattened, and several output axes too. Along batch axes all matrices are equal. An array without
    elements stays one.

    The kernel of a convolution has the matrix at its centre, ``(k - 1) // 2`` along an axis of k taps, and
    zeros elsewhere. That is the tap that "same" padding puts on the output's own place, in TensorFlow,
    Keras, JAX and PyTorch, for odd and for even k. `Dirac` follows PyTorch, where it is ``k // 2``.

    ``torch.nn.init.eye_`` and the initializers of TensorFlow, Keras and MindSpore are for two axes only, and
    the latter has no gain. Those of Haiku and Sonnet repeat the matrix along all axes but the last two, so
    that a convolution sums over its field; here only batch axes do that (``layout="GIO"``). Flux fills
    vectors with zeros, and shifts kernels along their first axis rather than along the outputs.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.get("identity", gain=2)((2, 3))
    array([[2., 0., 0.],
           [0., 2., 0.]], dtype=float32)
    """

    summary = "gain on the diagonal, of a kernel at its centre, 0 elsewhere"
    formula = "W[i, (i + shift) mod outputs] = gain, else 0"
    source = "TensorFlow, Keras; torch.nn.init.eye_; Flux's identity_init"
    aliases: ClassVar[Aliases] = {"eye": {}, "identity_init": {}}

    gain: float = real(default=1.0)
    shift: int = whole(default=0, least=-MOST_SHIFT)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """The same matrix for each place along the batch axes."""
        if weight.rank < 2:
            raise ShapeError(
                f"shape {weight.shape} has {weight.rank} axes; Identity wants at least 2, inputs and "
                "outputs, or Zeros for a bias"
            )
        shift = self.shift % max(1, weight.columns)
        matrix = Diagonal(fitting(self.gain, dtype), math.prod(weight.inputs), weight.columns, shift=shift)
        return batched(at_centre(matrix, weight.spatial), weight.batch)


class Dirac(Initializer):
    """The kernel of a convolution that hands each channel on; in each group the first ones.

    Of each group, output i is input i, as far as there are both; what is left over is zero. All dtypes,
    integers and booleans too.

    Parameters
    ----------
    groups : int
        Groups of the convolution. The input axis is that of one group, as PyTorch, Keras and JAX store it,
        the output axis that of all groups.

    Raises
    ------
    ArgumentError
        If groups is no integer, or less than 1.
    ShapeError
        In a call, for no spatial axis or more than three, or if the outputs are no multiple of the groups.

    Notes
    -----
    ``torch.nn.init.dirac_``, to the element, with ``layout="OI..."`` for PyTorch's weights: with b = outputs
    / groups, W[centre, i, g·b + i] = 1 for i < min(inputs, b) and all g, the centre being ``k // 2`` along
    each spatial axis. For an even k that is right of the middle, where `Identity` is left of it; padding by
    ``k // 2`` puts it at the output's own place. Of a grouped transposed convolution's weight, PyTorch's
    function takes the first axis for the outputs: name its axes "OI..." as well. Along batch axes all
    kernels are equal. An array without elements stays one.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.get("dirac_")((3, 2, 1), layout="OI...")[:, :, 0]
    array([[1., 0.],
           [0., 1.],
           [0., 0.]], dtype=float32)
    """

    summary = "1 where an input channel meets its output channel at the centre, 0 elsewhere"
    formula = "W[k//2, i, g·b + i] = 1 for i < b = outputs/groups, else 0"
    source = "torch.nn.init.dirac_"

    groups: int = whole(default=1, least=1)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """The same kernel for each place along the batch axes."""
        require_kernel(weight, "Dirac", "Identity")
        if weight.columns % self.groups:
            raise ShapeError(
                f"shape {weight.shape} has {weight.columns} outputs, which {self.groups} groups cannot share "
                "equally; wanted a multiple of the groups"
            )
        matrix = Diagonal(fitting(1, dtype), math.prod(weight.inputs), weight.columns, self.groups)
        return batched(at_centre(matrix, weight.spatial, upper=True), weight.batch)


def require_kernel(weight: Weight, what: str, other: str) -> None:
    """Do nothing if a weight has one to three spatial axes.

    Parameters
    ----------
    weight
        The weight.
    what
        Who wants that.
    other
        The initializer for weights that have none.

    Raises
    ------
    ShapeError
        If it has more or fewer.
    """
    axes = len(weight.spatial)
    if not 1 <= axes <= 3:
        hint = f": {other} is for weights without them" if axes == 0 else ""
        raise ShapeError(
            f"shape {weight.shape} has {axes} spatial axes; {what} wanted the kernel of a convolution, with "
            f"one to three{hint}"
        )
