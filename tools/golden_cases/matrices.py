"""Identities, Dirac kernels, sparse matrices and isometric convolutions."""

from unifinit.initializers.base import Initializer
from unifinit.initializers.matrices.identity import Dirac, Identity
from unifinit.initializers.matrices.isometries import (
    ConvolutionalOrthogonal1D,
    ConvolutionalOrthogonal2D,
    ConvolutionalOrthogonal3D,
    DeltaOrthogonal,
)
from unifinit.initializers.matrices.sparse import Sparse

CASES: list[tuple[Initializer, tuple[int, ...], str]] = [
    (Identity(), (6, 5), "OI"),
    (Identity(gain=-0.3, shift=2), (3, 4, 5), "...IO"),
    (Identity(gain=2.0), (3, 4, 5), "GIO"),
    (Dirac(), (3, 4, 6), "...IO"),
    (Dirac(groups=2), (6, 3, 4, 3), "OI..."),
    (Sparse(0.3), (20, 31), "OI"),
    (Sparse(0.55, stddev=0.5, per="output"), (3, 3, 4, 5), "...IO"),
    (Sparse(0.07, per="output"), (2, 100, 3), "GIO"),
    (DeltaOrthogonal(), (3, 5, 6), "...IO"),
    (DeltaOrthogonal(gain=1.4), (33, 20, 2, 3), "OIHW"),
    (DeltaOrthogonal(gain=0.5), (2, 1, 2, 3, 4, 4), "GDHWIO"),
    (ConvolutionalOrthogonal1D(), (5, 7, 33), "...IO"),
    (ConvolutionalOrthogonal1D(gain=1.4), (6, 6, 4), "OI..."),
    (ConvolutionalOrthogonal1D(), (3, 2, 4, 4), "GWIO"),
    (ConvolutionalOrthogonal2D(), (3, 3, 8, 12), "...IO"),
    (ConvolutionalOrthogonal2D(gain=1.4), (6, 5, 4, 4), "OIHW"),
    (ConvolutionalOrthogonal3D(), (3, 3, 3, 2, 5), "...IO"),
    (ConvolutionalOrthogonal3D(gain=1.4), (4, 3, 2, 2, 2), "OIDHW"),
]
