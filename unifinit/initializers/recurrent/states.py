"""State matrices of linear state space models, x' = A x + B u, and their diagonals."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from unifinit.content import Content, Moments
from unifinit.contents import Fixed, HostArray, fitting
from unifinit.initializers.recurrent.frequencies import frequencies
from unifinit.types import DType

Numbers: TypeAlias = npt.NDArray[np.float64]


class Repeated(Fixed):
    """A content, some times over."""

    content: Fixed
    copies: int

    parts = ("content", "copies")
    checked = True

    def __init__(self, content: Fixed, copies: int) -> None:
        vars(self).update(content=content, copies=copies)

    @property
    def label(self) -> str:
        """That of the content."""
        return self.content.label

    def numbers(self) -> HostArray:
        """The copies, along a first axis."""
        numbers = self.content.numbers()
        return np.broadcast_to(numbers, (self.copies, *numbers.shape))

    def moments(self) -> Moments:
        """Those of the content."""
        return self.content.moments()


def repeated(content: Fixed, copies: int, dtype: DType) -> Content:
    """A content some times over, if its numbers fit the dtype.

    Raises
    ------
    ArgumentError
        If they do not.
    """
    moments = content.moments()
    for bound in (moments.minimum, moments.maximum):
        fitting(bound, dtype)
    return Repeated(content, copies)


class ProjectionMatrix(Fixed):
    """A or B of the HiPPO operator of a measure.

    Attributes
    ----------
    measure, part
        Those of the initializer.
    size
        N; A has the shape (N, N), and B (N,).
    """

    measure: str
    part: str
    size: int

    parts = ("measure", "part", "size")
    checked = True

    def __init__(self, measure: str, part: str, size: int) -> None:
        vars(self).update(measure=measure, part=part, size=size)

    def numbers(self) -> HostArray:
        """The matrix or the vector."""
        n = np.arange(self.size)
        return _input(self.measure, n) if self.part == "B" else _transition(self.measure, n)


def _transition(measure: str, n: npt.NDArray[np.int64]) -> Numbers:
    """A; each number is exact, or the one square root in it is rounded."""
    size = len(n)
    odd = 2.0 * n + 1.0
    # The product is exact. Rounded, the root of a square is the number itself.
    root = np.sqrt(odd[:, None] * odd)
    sign = 1.0 - 2.0 * ((n[:, None] + n) % 2)  # (-1)**(n - k)
    lower = np.tri(size, dtype=np.bool_)
    if measure == "legs":
        return np.where(np.tri(size, k=-1, dtype=np.bool_), -root, 0.0) - np.diag(n + 1.0)
    if measure == "legt":
        signed: Numbers = np.where(lower, -0.5, -0.5 * sign)
        return signed * root
    if measure == "lmu":
        signed = np.where(lower, -sign, -1.0)
        return signed * odd[:, None]
    ones = np.where(lower, -1.0, 0.0)
    return ones + np.diag(np.full(size, 0.5)) if measure == "lagt" else ones


def _input(measure: str, n: npt.NDArray[np.int64]) -> Numbers:
    """B."""
    odd = 2.0 * n.astype(np.float64) + 1.0
    root = np.sqrt(odd).astype(np.float64)
    if measure == "legs":
        return root
    if measure == "legt":
        return 0.5 * root
    sign = 1.0 - 2.0 * (n % 2).astype(np.float64)
    return sign * odd if measure == "lmu" else np.ones(len(n))


class StateDiagonal(Fixed):
    """A diagonal state matrix, of each conjugate pair the number with a positive imaginary part.

    Attributes
    ----------
    kind, part
        Those of the initializer.
    size
        How many numbers there are.
    """

    kind: str
    part: str
    size: int

    parts = ("kind", "part", "size")
    checked = True

    def __init__(self, kind: str, part: str, size: int) -> None:
        vars(self).update(kind=kind, part=part, size=size)

    def numbers(self) -> HostArray:
        """The numbers, or a part of them."""
        if self.part == "imag":
            return self._imag()
        if self.part == "real":
            return -self._decay()
        if self.part == "log_real":
            from unifinit.numerics import log_array

            return log_array(self._decay())
        numbers = np.empty(self.size, dtype=np.complex128)
        numbers.real, numbers.imag = -self._decay(), self._imag()
        return numbers

    def _decay(self) -> Numbers:
        """The negative real part."""
        return np.arange(1.0, self.size + 1) if self.kind == "real" else np.full(self.size, 0.5)

    def _imag(self) -> Numbers:
        return np.array(frequencies(self.kind, self.size), dtype=np.float64)
