"""Matrices with orthonormal rows or columns."""

from __future__ import annotations

import math

from unifinit.content import Content
from unifinit.contents import Computed, Transposed, batched, orthogonal
from unifinit.errors import ShapeError
from unifinit.initializers.base import RandomInitializer
from unifinit.initializers.hyperparameters import choice, real
from unifinit.types import DType
from unifinit.weight import Weight


class Orthogonal(RandomInitializer):
    """A random orthogonal matrix, uniform in Haar measure, times a gain; unitary for complex dtypes.

    If there are at least as many rows as columns, the columns are orthonormal, else the rows. Along batch
    axes each matrix is one of its own: matrix number i is what a call with ``seed / i`` gives.

    Parameters
    ----------
    gain : float
        The norm of the columns or rows.
    flatten : {"inputs", "outputs"}
        Which axes the spatial ones are flattened with. "inputs": spatial and input axes are rows, output
        axes columns; in the default layout all axes but the last are rows, as in TensorFlow, Keras and JAX,
        and in PyTorch's layout all but the first, as in ``torch.nn.init.orthogonal_``. "outputs": input
        axes are rows, and spatial and output axes columns, as for a transposed convolution.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If gain is not finite, or flatten is unknown.
    ShapeError
        In a call, for fewer than two axes.

    Notes
    -----
    The Q of the QR decomposition of a normal matrix, with signs that make the diagonal of R positive:
    Saxe et al. (2014); Mezzadri, "How to generate random matrices from the classical compact groups" (2007).
    ``jax.nn.initializers.orthogonal`` gives the same but for rounding. Computed in float64 on the host,
    in an order of operations that is part of the specification, for every backend.
    """

    summary = "orthonormal rows or columns, times gain"
    formula = "gain·Q·diag(sign(diag R)), QR = N(0, 1) matrix with its long side first"
    source = "Saxe et al. (2014); Mezzadri (2007)"

    gain: float = real(default=1.0)
    flatten: str = choice(("inputs", "outputs"), default="inputs")

    def content(self, weight: Weight, dtype: DType) -> Content:
        """A matrix, or one for each place along the batch axes."""
        if weight.rank < 2:
            raise ShapeError(f"shape {weight.shape} has {weight.rank} axes; Orthogonal wants at least 2")
        if self.flatten == "inputs" or not weight.spatial:
            matrix: Computed = orthogonal(self.gain, weight.rows, weight.columns, dtype)
        else:
            rows, columns = math.prod(weight.inputs), math.prod(weight.spatial) * weight.columns
            matrix = orthogonal(self.gain, rows, columns, dtype)
            matrix = Transposed(matrix, (rows, math.prod(weight.spatial), weight.columns), (1, 0, 2))
        return batched(matrix, weight.batch)
