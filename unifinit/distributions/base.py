"""What all distributions share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from unifinit.stream.ops import Ops
from unifinit.types import Array


class Moments(NamedTuple):
    """What theory says of a distribution."""

    mean: float
    stddev: float
    minimum: float
    maximum: float


class Distribution(ABC):
    """A distribution whose parameters have been checked and rounded."""

    @abstractmethod
    def draw(self, ops: Ops, first: Array, second: Array) -> Array:
        """One number for each block, in the dtype of computation.

        Parameters
        ----------
        ops
            Where to compute.
        first, second
            The words of the blocks, one-dimensional int32.
        """

    @abstractmethod
    def moments(self) -> Moments:
        """Mean, standard deviation and bounds."""
