"""Structured matrices and isometries."""

from unifinit.initializers.matrices.identity import Dirac, Identity
from unifinit.initializers.matrices.isometries import (
    ConvolutionalOrthogonal1D,
    ConvolutionalOrthogonal2D,
    ConvolutionalOrthogonal3D,
    DeltaOrthogonal,
)
from unifinit.initializers.matrices.sparse import Sparse

__all__ = [
    "ConvolutionalOrthogonal1D",
    "ConvolutionalOrthogonal2D",
    "ConvolutionalOrthogonal3D",
    "DeltaOrthogonal",
    "Dirac",
    "Identity",
    "Sparse",
]
