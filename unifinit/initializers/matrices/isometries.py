"""Convolutions that preserve norms."""

from __future__ import annotations

import math
from typing import ClassVar

from unifinit.content import Content
from unifinit.contents import batched, orthogonal
from unifinit.errors import ShapeError
from unifinit.initializers.base import Aliases, RandomInitializer
from unifinit.initializers.hyperparameters import real
from unifinit.initializers.matrices.identity import require_kernel
from unifinit.initializers.matrices.orthogonal_kernel import orthogonal_kernel
from unifinit.initializers.matrices.taps import at_centre
from unifinit.types import DType
from unifinit.weight import Weight


class DeltaOrthogonal(RandomInitializer):
    """The kernel of a convolution with orthonormal rows at its centre, times a gain, and zeros elsewhere.

    The convolution multiplies norms by the gain, whatever pads the borders, as long as the padding puts the
    centre at the place of the output. Along batch axes each kernel is one of its own: kernel number i is what
    a call with ``seed / i`` gives.

    Parameters
    ----------
    gain : float
        By how much norms grow.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If gain is not finite; in a call, if it does not fit the dtype.
    ShapeError
        In a call, for no spatial axis or more than three, or for more inputs than outputs: no linear map
        preserves norms then.

    Notes
    -----
    K[(k - 1) // 2] = gain·Q, Q being the inputs × outputs matrix of `Orthogonal` with the same key: Xiao et
    al., "Dynamical isometry and a mean field theory of CNNs" (2018), algorithm 2. Complex kernels are
    unitary. The centre of an even number k of taps is left of the middle; "same" padding puts it at the
    output's own place. An array without elements stays one.

    ``jax.nn.initializers.delta_orthogonal`` gives the same but for rounding; its ``scale`` is the gain.
    TensorFlow 1's ``convolutional_delta_orthogonal`` takes the first rows of a square matrix, so that it
    draws other numbers from the same distribution. Both have the same centre, and refuse the same shapes.
    """

    summary = "orthonormal rows times gain at the centre of a kernel, 0 elsewhere"
    formula = "K[(k-1)//2] = gain·Q, QQᵀ = I, else 0"
    source = "Xiao et al. (2018), algorithm 2; jax.nn.initializers.delta_orthogonal"
    aliases: ClassVar[Aliases] = {"convolutional_delta_orthogonal": {}}

    gain: float = real(default=1.0)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """A kernel, or one for each place along the batch axes."""
        require_kernel(weight, type(self).__name__, "Orthogonal")
        matrix = orthogonal(self.gain, *_sides(weight, type(self).__name__), dtype)
        return batched(at_centre(matrix, weight.spatial), weight.batch)


class _ConvolutionalOrthogonal(RandomInitializer):
    """A kernel whose circular convolution multiplies norms by a gain."""

    has_complex = False
    axes: ClassVar[int]

    gain: float = real(default=1.0)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """A kernel, or one for each place along the batch axes."""
        name = type(self).__name__
        if len(weight.spatial) != self.axes:
            raise ShapeError(
                f"shape {weight.shape} has {len(weight.spatial)} spatial axes; {name} wanted {self.axes}: "
                "there are ConvolutionalOrthogonal1D, 2D and 3D"
            )
        if len(set(weight.spatial)) != 1:
            raise ShapeError(
                f"shape {weight.shape} has {weight.spatial} taps along its spatial axes; {name} wanted "
                "equally many, or DeltaOrthogonal for any numbers"
            )
        sides = _sides(weight, name)
        return batched(orthogonal_kernel(self.gain, weight.spatial, *sides, dtype), weight.batch)


class ConvolutionalOrthogonal1D(_ConvolutionalOrthogonal):
    """A 1-D convolution kernel that multiplies norms by a gain, with all of its taps in use.

    That is exact for circular padding; other padding changes norms at the borders. Along batch axes each
    kernel is one of its own: kernel number i is what a call with ``seed / i`` gives.

    Parameters
    ----------
    gain : float
        By how much norms grow.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If gain is not finite; in a call, if it does not fit the dtype.
    DtypeError
        In a call, for complex numbers.
    ShapeError
        In a call, unless there is one spatial axis, or for more inputs than outputs: no linear map
        preserves norms then.

    Notes
    -----
    K = gain·H * [P₁, I - P₁] * ... * [Pₖ₋₁, I - Pₖ₋₁], where * is the convolution of sequences of matrices,
    H the inputs × outputs matrix of `Orthogonal` with the same key, and each P the projection onto the span
    of some columns of a random orthogonal matrix, each column being taken with probability one half: Xiao
    et al., "Dynamical isometry and a mean field theory of CNNs" (2018), algorithm 1, as TensorFlow 1's
    ``convolutional_orthogonal_1d`` has it. A kernel of one tap is that of `DeltaOrthogonal`. Computed in
    float64 on the host, in an order of operations that is part of the specification, for every backend. An
    array without elements stays one.

    Every matrix has a key of its own. In TensorFlow 1 a seed of 0 uses one matrix for all of them, and with
    another seed each call of the same object gives other values; H is the first rows of a square matrix
    there, which have the same distribution.
    """

    summary = "isometric 1-D convolution with circular padding, times gain"
    formula = "K = gain·H * [P₁, I-P₁] * ... * [Pₖ₋₁, I-Pₖ₋₁]"
    source = "Xiao et al. (2018), algorithm 1; TensorFlow 1's convolutional_orthogonal_1d"
    aliases: ClassVar[Aliases] = {"convolutional_orthogonal_1d": {}}
    axes = 1


class ConvolutionalOrthogonal2D(_ConvolutionalOrthogonal):
    """A 2-D convolution kernel that multiplies norms by a gain, with all of its taps in use.

    That is exact for circular padding; other padding changes norms at the borders. Along batch axes each
    kernel is one of its own: kernel number i is what a call with ``seed / i`` gives.

    Parameters
    ----------
    gain : float
        By how much norms grow.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If gain is not finite; in a call, if it does not fit the dtype.
    DtypeError
        In a call, for complex numbers.
    ShapeError
        In a call, unless there are two spatial axes with equally many taps, or for more inputs than outputs.

    Notes
    -----
    `ConvolutionalOrthogonal1D` tells where this comes from. The kernels that are convolved have 2 × 2 taps,
    [[PQ, P(I - Q)], [(I - P)Q, (I - P)(I - Q)]] with two projections each, P along the first spatial axis.
    """

    summary = "isometric 2-D convolution with circular padding, times gain"
    formula = "K = gain·H * [P₁, I-P₁]⊗[Q₁, I-Q₁] * ... (k - 1 of them)"
    source = "Xiao et al. (2018), algorithm 1; TensorFlow 1's convolutional_orthogonal_2d"
    aliases: ClassVar[Aliases] = {"convolutional_orthogonal_2d": {}}
    axes = 2


class ConvolutionalOrthogonal3D(_ConvolutionalOrthogonal):
    """A 3-D convolution kernel that multiplies norms by a gain, with all of its taps in use.

    That is exact for circular padding; other padding changes norms at the borders. Along batch axes each
    kernel is one of its own: kernel number i is what a call with ``seed / i`` gives.

    Parameters
    ----------
    gain : float
        By how much norms grow.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If gain is not finite; in a call, if it does not fit the dtype.
    DtypeError
        In a call, for complex numbers.
    ShapeError
        In a call, unless there are three spatial axes with equally many taps, or for more inputs than
        outputs.

    Notes
    -----
    `ConvolutionalOrthogonal1D` tells where this comes from. The kernels that are convolved have 2 × 2 × 2
    taps F(P)·F(Q)·F(R) with three projections each, P along the first spatial axis, where F is the projection
    at index 0 and I minus it at index 1, as for one and two axes. TensorFlow 1 has it the other way round for
    three axes, which gives the same distribution, because P and I - P are equally likely.
    """

    summary = "isometric 3-D convolution with circular padding, times gain"
    formula = "K = gain·H * [P₁, I-P₁]⊗[Q₁, I-Q₁]⊗[R₁, I-R₁] * ... (k - 1 of them)"
    source = "Xiao et al. (2018), algorithm 1; TensorFlow 1's convolutional_orthogonal_3d"
    aliases: ClassVar[Aliases] = {"convolutional_orthogonal_3d": {}}
    axes = 3


def _sides(weight: Weight, what: str) -> tuple[int, int]:
    """How many inputs and outputs there are.

    Raises
    ------
    ShapeError
        If there are more inputs than outputs.
    """
    inputs, outputs = math.prod(weight.inputs), weight.columns
    if inputs > outputs:
        raise ShapeError(
            f"shape {weight.shape} has {inputs} inputs and {outputs} outputs; {what} wanted at least as many "
            "outputs, because no linear map preserves norms otherwise"
        )
    return inputs, outputs
