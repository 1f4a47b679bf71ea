"""A QR decomposition whose every bit is specified.

LAPACK and BLAS sum in orders that depend on the library, the processor and the number of threads. This
one fixes the order of each sum, and uses only float64 additions, multiplications, divisions and square
roots, which IEEE 754 defines exactly. It is the blocked Householder method of Golub & Van Loan,
"Matrix Computations" (4th ed., section 5.2), with the compact WY form of Schreiber & Van Loan (1989).
"""

from __future__ import annotations

from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Matrix: TypeAlias = npt.NDArray[np.float64]

BLOCK = 32
"""Columns that are reduced together; part of the specification, as it decides the order of sums."""


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

    def reflect(self, c: Matrix, reflectors: Matrix, triangle: Matrix) -> None:
        """C := (I - V T V^T) C in place, each sum from its first term to its last."""


def orthonormal_columns(a: Matrix, steps: Steps | None = None) -> Matrix:
    """The Q of the decomposition A = QR in which the diagonal of R is not negative.

    Parameters
    ----------
    a
        Of shape (m, n), m >= n >= 1, in row-major order, and of full rank. It is overwritten.
    steps
        By default those of this module.

    Returns
    -------
    ndarray
        ``a``, with orthonormal columns.
    """
    steps = steps or ArraySteps()
    columns = a.shape[1]
    triangles = []
    signs = np.empty(columns)
    panels = [slice(start, min(start + BLOCK, columns)) for start in range(0, columns, BLOCK)]
    for panel in panels:
        left, right = a[panel.start :, panel], a[panel.start :, panel.stop :]
        reflectors, triangle = steps.reduce_panel(left, signs[panel])
        steps.reflect(right, reflectors, np.ascontiguousarray(triangle.T))
        left[:] = reflectors  # R is not needed, so V can wait in its place.
        triangles.append(triangle)
    for panel in reversed(panels):
        left, rest = a[panel.start :, panel], a[panel.start :, panel.start :]
        reflectors = left.copy()
        rest[: panel.stop - panel.start] = 0.0  # Rows and columns of the unit matrix.
        left[:] = 0.0
        np.fill_diagonal(left, 1.0)
        steps.reflect(rest, reflectors, triangles.pop())
    a *= signs
    return a


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

    def reflect(self, c: Matrix, reflectors: Matrix, triangle: Matrix) -> None:
        """C := (I - V T V^T) C in place, each sum from its first term to its last."""
        rows = len(c)
        width = max(1, 2**17 // rows)  # Columns are independent; a few at a time stay in the cache.
        for left in range(0, c.shape[1], width):
            part = c[:, left : left + width]
            w = np.stack([_sum_rows(v[:, None] * part) for v in reflectors.T])
            w = np.stack([_sum_rows(t[:, None] * w) for t in triangle])
            for v, row in zip(reflectors.T, w, strict=True):
                part -= v[:, None] * row
