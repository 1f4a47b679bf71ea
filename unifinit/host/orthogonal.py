"""Orthogonal matrices by the kernel: the steps of ``unifinit.linalg`` in several threads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from unifinit.host import threads
from unifinit.host.kernel import kernel_status, load
from unifinit.linalg import STRIP, Matrix, decompose, into_strips

LEAST_PRODUCTS = 2**21
"""Multiplications that are worth a thread."""


class KernelSteps:
    """The steps, compiled. Columns are independent, so threads share the strips."""

    def __init__(self) -> None:
        self._module = load()[0]
        self._level = kernel_status().level

    def reduce_panel(self, panel: Matrix, signs: Matrix) -> tuple[Matrix, Matrix]:
        """The reflectors that reduce a panel to triangular form; the panel itself stays as it is."""
        columns = panel.shape[1]
        reflectors, triangle = np.empty(panel.shape), np.empty((columns, columns))
        self._module.qr_panel(self._level, panel, reflectors, triangle, signs.reshape(1, columns))
        return reflectors, triangle

    def reflect(self, strips: Sequence[Matrix], reflectors: Matrix, triangle: Matrix) -> None:
        """C := (I - V T V^T) C in place for each C, each sum from its first term to its last."""

        def work(start: int, stop: int) -> None:
            for c in strips[start:stop]:
                self._module.qr_reflect(self._level, c, reflectors, triangle)

        products = 2 * reflectors.size * STRIP  # For a strip.
        threads.run(len(strips), work, least=max(1, LEAST_PRODUCTS // products), part=1)


def decomposed(drawn: npt.NDArray[Any]) -> Decomposition:
    """The Q of a matrix, by the kernel."""
    strips = into_strips(drawn)
    return Decomposition(strips, decompose(strips, KernelSteps()))


class Decomposition(NamedTuple):
    """Q but for the signs of its columns, and these."""

    strips: Sequence[Matrix]
    signs: Matrix

    def store(self, values: npt.NDArray[Any], gain: float) -> None:
        """Write Q times a gain into a matrix of float32 or float64, transposed if that is its shape."""
        columns = len(self.signs)
        target = values if values.shape == (len(self.strips[0]), columns) else values.T
        factors = self.signs * gain  # Exact, so that each element is rounded once by its product.
        for left, strip in zip(range(0, columns, STRIP), self.strips, strict=True):
            part = slice(left, left + strip.shape[1])
            np.multiply(strip, factors[part], out=target[:, part], casting="same_kind")
