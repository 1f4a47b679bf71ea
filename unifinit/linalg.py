"""A QR decomposition whose every bit is specified.

LAPACK and BLAS sum in orders that depend on the library, the processor and the number of threads. This
one fixes the order of each sum, and uses only float64 additions, multiplications, divisions and square
roots, which IEEE 754 defines exactly. It is the blocked Householder method of Golub & Van Loan,
"Matrix Computations" (4th ed., section 5.2), with the compact WY form of Schreiber & Van Loan (1989).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from unifinit.memory import aligned_empty

Matrix: TypeAlias = npt.NDArray[np.float64]

BLOCK = 32
"""Columns that are reduced together; part of the specification, as it decides the order of sums."""
STRIP = 64
"""Columns that lie together in memory, so that caches hold them; not part of the specification."""


class Steps(Protocol):
    """The two steps of the decomposition; whoever does them faster has to give the same bits."""

    def reduce_panel(self, panel: Matrix, signs: Matrix) -> tuple[Matrix, Matrix]:
        """Find the reflectors that reduce a panel to triangular form, and leave anything in the panel.

        Returns
        -------
        reflectors, triangle
            V, unit lower trapezoidal, and the upper triangular T with H_1 H_2 ... = I - V T V^T; ``signs``
            receives the signs of the diagonal of R.
        """

    def reflect(self, strips: Sequence[Matrix], reflectors: Matrix, triangle: Matrix) -> None:
        """C := (I - V T V^T) C in place for each C, each sum from its first term to its last."""


def orthonormal_columns(a: Matrix) -> Matrix:
    """The Q of the decomposition A = QR in which the diagonal of R is not negative.

    Parameters
    ----------
    a
        Of shape (m, n), m >= n >= 1, and of full rank.

    Returns
    -------
    ndarray
        Of shape (m, n), with orthonormal columns.
    """
    strips = into_strips(a)
    signs = decompose(strips, ArraySteps())
    return np.hstack(strips) * signs


def into_strips(a: npt.NDArray[np.floating]) -> list[Matrix]:
    """A copy of a matrix as matrices of ``STRIP`` columns each, the last one with those that are left."""
    rows, columns = a.shape
    memory = aligned_empty((-(-columns // STRIP), rows, STRIP), np.dtype(np.float64))
    strips = []
    for strip, left in zip(memory, range(0, columns, STRIP), strict=True):
        part = a[:, left : left + STRIP]
        strips.append(strip[:, : part.shape[1]])
        strips[-1][:] = part
    return strips


def decompose(strips: Sequence[Matrix], steps: Steps) -> Matrix:
    """Overwrite a matrix with the Q of its decomposition A = QR.

    Parameters
    ----------
    strips
        The matrix, as ``into_strips`` gives it.
    steps
        Who takes the steps.

    Returns
    -------
    ndarray
        The signs of the diagonal of R, by which the columns of Q are to be multiplied.
    """
    columns = sum(strip.shape[1] for strip in strips)
    signs = np.empty(columns)
    kept = []
    for start in range(0, columns, BLOCK):
        stop = min(start + BLOCK, columns)
        panel = _below(strips, start, start)[0][:, :BLOCK]
        reflectors, triangle = steps.reduce_panel(panel, signs[start:stop])
        steps.reflect(_below(strips, start, stop), reflectors, np.ascontiguousarray(triangle.T))
        panel[:] = reflectors  # R is not needed, so V can wait in its place.
        kept.append((start, panel, triangle))
    for start, panel, triangle in reversed(kept):
        reflectors = panel.copy()
        rest = _below(strips, start, start)
        for strip in rest:
            strip[: panel.shape[1]] = 0.0  # Rows and columns of the unit matrix.
        panel[:] = 0.0
        np.fill_diagonal(panel, 1.0)
        steps.reflect(rest, reflectors, triangle)
    return signs


def _below(strips: Sequence[Matrix], row: int, column: int) -> list[Matrix]:
    """What is left of a matrix from a row and a column on."""
    first = column // STRIP
    parts = [strip[row:] for strip in strips[first:]]
    if parts:
        parts[0] = parts[0][:, column - first * STRIP :]
    return parts


def _sum_rows(terms: Matrix) -> Matrix:
    """The sum over the first axis from the first row to the last; ``sum`` may go in another order."""
    return np.add.accumulate(terms, axis=0)[-1]  # type: ignore[no-any-return]


class ArraySteps:
    """The steps in operations on whole arrays."""

    def reduce_panel(self, panel: Matrix, signs: Matrix) -> tuple[Matrix, Matrix]:
        """Reduce a panel to triangular form in place."""
        rows, columns = panel.shape
        reflectors = np.zeros((rows, columns))
        triangle = np.zeros((columns, columns))
        for j in range(columns):
            below = panel[j + 1 :, j]
            alpha = panel[j, j]
            tail = _sum_rows(below * below) if len(below) else np.float64(0)
            v = np.zeros(rows - j)
            v[0] = 1.0
            if tail == 0:
                tau, beta = np.float64(0), alpha
            else:
                beta = -np.copysign(np.sqrt(alpha * alpha + tail), alpha)
                tau = (beta - alpha) / beta
                v[1:] = below / (alpha - beta)
            signs[j] = np.copysign(1.0, beta)
            reflectors[j:, j] = v
            rest = panel[j:, j + 1 :]
            rest -= v[:, None] * (_sum_rows(v[:, None] * rest) * tau)
            # T grows by a column: -tau T (V^T v), the products with v over the rows that it touches.
            dots = _sum_rows(reflectors[j:, :j] * v[:, None])
            if j:
                triangle[:j, j] = _sum_rows(triangle[:j, :j].T * dots[:, None]) * -tau
            triangle[j, j] = tau
        return reflectors, triangle

    def reflect(self, strips: Sequence[Matrix], reflectors: Matrix, triangle: Matrix) -> None:
        """C := (I - V T V^T) C in place for each C, each sum from its first term to its last."""
        for c in strips:
            w = np.stack([_sum_rows(v[:, None] * c) for v in reflectors.T])
            w = np.stack([_sum_rows(t[:, None] * w) for t in triangle])
            for v, row in zip(reflectors.T, w, strict=True):
                c -= v[:, None] * row  # noqa: PLW2901 - in place
