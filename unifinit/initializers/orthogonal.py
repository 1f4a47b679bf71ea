"""Matrices with orthonormal rows or columns."""

from __future__ import annotations

from dataclasses import dataclass

from unifinit.errors import LayoutError, ShapeError
from unifinit.initializers.base import RandomInitializer, check_real
from unifinit.plan import Content, orthogonal
from unifinit.types import DType
from unifinit.weight import Weight


@dataclass(frozen=True, repr=False)
class Orthogonal(RandomInitializer):
    """A random orthogonal matrix, uniform in Haar measure, times a gain.

    Spatial and input axes are flattened into rows, output axes into columns: in the default layout all axes
    but the last into rows, as in TensorFlow, Keras and JAX. If there are at least as many rows as columns,
    the columns are orthonormal, else the rows.

    Parameters
    ----------
    gain : float
        The norm of the columns or rows.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If gain is not finite.
    ShapeError
        In a call, for fewer than two axes.
    LayoutError
        In a call, for a layout with batch axes.

    Notes
    -----
    The Q of the QR decomposition of a normal matrix, with signs that make the diagonal of R positive:
    Saxe et al. (2014); Mezzadri, "How to generate random matrices from the classical compact groups" (2007).
    ``jax.nn.initializers.orthogonal`` gives the same but for rounding. Computed in float64 on the host,
    in an order of operations that is part of the specification, for every backend.
    """

    summary = "orthonormal rows or columns, times gain"

    gain: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_real(self, "gain")

    def _content(self, weight: Weight, dtype: DType) -> Content:
        if weight.rank < 2:
            raise ShapeError(f"shape {weight.shape} has {weight.rank} axes; Orthogonal wants at least 2")
        if weight.batch:
            raise LayoutError(
                f"the layout has batch axes of shape {weight.batch}; Orthogonal wants none: "
                "draw each matrix with a key of its own, as in seed=key / 3"
            )
        return orthogonal(self.gain, weight.rows, weight.columns, dtype)
