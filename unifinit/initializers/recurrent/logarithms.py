"""Logarithms of uniform numbers, and the moments of whatever is a function of one uniform number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from unifinit.content import Moments
from unifinit.contents import Computed, HostArray, Source, uniform
from unifinit.types import DType

POINTS = 4096
"""Quantiles from which moments are computed."""


class Logarithms(Computed):
    """Natural logarithms of uniform numbers."""

    lower: float
    upper: float
    size: int

    parts = ("lower", "upper", "size")

    def __init__(self, lower: float, upper: float, size: int) -> None:
        vars(self).update(lower=lower, upper=upper, size=size)

    @property
    def label(self) -> str:
        """That of the numbers, and what is done to them."""
        return "logarithms of Uniform"

    def compute(self, source: Source, dtype: DType) -> HostArray:
        """Uniform numbers of the dtype of computation, and then the logarithms, rounded once to float64."""
        from unifinit.numerics import log_array

        drawn = source.draw(uniform(self.lower, self.upper, dtype.compute), (self.size,), dtype.compute)
        return log_array(drawn.astype(np.float64))

    def moments(self) -> Moments:
        """Those of the logarithm of a uniform number."""
        return moments_of(lambda u: np.log(self.lower + u * (self.upper - self.lower)))

    def blocks(self, size: int) -> int:
        """One for each number."""
        return self.size


def moments_of(function: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]) -> Moments:
    """The moments of an increasing function of a number that is uniform on [0, 1)."""
    inner = function((np.arange(POINTS) + 0.5) / POINTS)
    minimum, maximum = function(np.array([0.0, 1.0]))
    with np.errstate(over="ignore"):  # Of squares of numbers that are near the largest.
        return Moments(float(np.mean(inner)), float(np.std(inner)), float(minimum), float(maximum))
