"""A singular value decomposition whose every bit is specified.

Like ``unifinit.linalg``, it fixes the order of each sum, and uses only float64 additions, multiplications,
divisions and square roots. It is the one-sided Jacobi method of Hestenes (1958): rotations of pairs of
columns make all of them orthogonal, and what is left are the singular values as their norms. Pairs that have
no column in common are rotated together, in the rounds of a tournament (Brent & Luk, 1985).
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Matrix: TypeAlias = npt.NDArray[np.float64]

SMALLEST_COSINE = 2.0**-47
"""Columns count as orthogonal if the cosine of their angle is no larger; part of the specification."""
MOST_SWEEPS = 60
"""More than any matrix is known to take; part of the specification."""
CHUNK = 2**15
"""Elements that are rotated at a time, so that caches hold them; not part of the specification."""


def svd(a: npt.NDArray[Any], rank: int | None = None) -> tuple[Matrix, Matrix, Matrix]:
    """The largest singular values of a matrix, with their vectors.

    Parameters
    ----------
    a
        Of shape (m, n), m >= n, of finite real numbers.
    rank
        How many of them; by default n.

    Returns
    -------
    u, s, v
        Of shapes (m, rank), (rank,) and (n, rank): s falls, and A V = U diag(s). The columns of u are
        orthonormal; those for a singular value of 0 are zeros, in v too. The error of column j of v is
        that of rounding times s[0] / s[j].
    """
    # By a power of two, which changes no digit: then no square overflows, and none that matters underflows.
    exponent = int(np.frexp(np.max(np.abs(a), initial=0.0))[1])
    scaled = np.ldexp(a.astype(np.float64), -exponent)
    columns = orthogonal_columns(scaled)
    norms = np.sqrt(_fold(columns * columns))
    order = np.argsort(-norms, kind="stable")[:rank]
    s = norms[order]
    divisors = np.where(s == 0, 1.0, s)
    u = np.ascontiguousarray((columns[order] / divisors[:, None]).T)
    # A^T u / s, rather than the product of the rotations, which would take as long as they do.
    transposed = np.ascontiguousarray(scaled.T)
    v = np.empty((len(transposed), len(s)))
    for j, column in enumerate(u.T):
        v[:, j] = _fold(transposed * column)
    return u, np.ldexp(s, exponent), v / divisors


def orthogonal_columns(a: Matrix) -> Matrix:
    """The columns of a matrix, one in each row, rotated in pairs until all are orthogonal."""
    rows, columns = a.shape
    half = (columns + 1) // 2
    # An odd number of columns gets one of zeros, which no rotation changes.
    seats, spare = np.zeros((2, half, rows)), np.empty((2, half, rows))
    seats.reshape(2 * half, rows)[:columns] = a.T
    order = np.arange(2 * half).reshape(2, half)
    scratch = np.empty((2, min(half, max(1, CHUNK // max(1, rows))), rows))
    for _ in range(MOST_SWEEPS):
        rotated = False
        for _ in range(2 * half - 1):
            rotated |= _rotate(seats[0], seats[1], scratch)
            seats, spare = _move(seats, spare), seats
            order = _move(order, np.empty_like(order))
        if not rotated:
            break
    result = np.empty((2 * half, rows))
    result[order.reshape(-1)] = seats.reshape(2 * half, rows)
    return result[:columns]


def _rotate(x: Matrix, y: Matrix, scratch: Matrix) -> bool:
    """Make each row of x orthogonal to that of y, in place; whether there was anything to do."""
    rotated = False
    for start in range(0, len(x), scratch.shape[1]):
        p, q = x[start : start + scratch.shape[1]], y[start : start + scratch.shape[1]]
        first, second = scratch[:, : len(p)]
        a = _fold(np.multiply(p, p, out=first)).copy()
        b = _fold(np.multiply(q, q, out=first)).copy()
        c = _fold(np.multiply(p, q, out=first)).copy()
        far = np.abs(c) > SMALLEST_COSINE * np.sqrt(a * b)
        rotated |= bool(far.any())
        # Pairs that are orthogonal are turned by nothing, which may change the sign of a zero.
        zeta = (b - a) / np.where(far, 2.0 * c, 1.0)
        tangent = np.where(far, np.copysign(1.0, zeta) / (np.abs(zeta) + np.sqrt(1.0 + zeta * zeta)), 0.0)
        cosine = 1.0 / np.sqrt(1.0 + tangent * tangent)
        sine, cosine = (cosine * tangent)[:, None], cosine[:, None]
        np.multiply(p, sine, out=first)
        np.multiply(q, sine, out=second)
        p *= cosine
        p -= second
        q *= cosine
        q += first
    return rotated


def _move(seats: npt.NDArray[Any], result: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """All but the first move on: along the first row, down to the second one, and back along it."""
    if seats.shape[1] == 1:
        result[:] = seats
        return result
    result[0, 0], result[0, 1], result[0, 2:] = seats[0, 0], seats[1, 0], seats[0, 1:-1]
    result[1, :-1], result[1, -1] = seats[1, 1:], seats[0, -1]
    return result


def _fold(terms: Matrix) -> Matrix:
    """The sums of rows, which are overwritten: second halves are added to the first until one is left."""
    width = terms.shape[1]
    if width == 0:
        return np.zeros(len(terms))
    while width > 1:
        half = (width + 1) // 2
        terms[:, : width - half] += terms[:, half:width]
        width = half
    return terms[:, 0]
