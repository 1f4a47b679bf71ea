"""Contents: what the elements of an array are, whatever its shape."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from unifinit.types import DType
from unifinit.values import Value


class Moments(NamedTuple):
    """What theory says of an element.

    Of complex elements the mean is that of the real parts, the standard deviation the total one, and the
    bounds are those of both parts.
    """

    mean: float
    stddev: float
    minimum: float
    maximum: float


class Content(Value, ABC):
    """What the elements of an array are: a value, made of checked numbers that fit the array's dtype."""

    @property
    def needs_key(self) -> bool:
        """Whether anything is drawn."""
        return True

    @property
    def is_elementwise(self) -> bool:
        """Whether an element can be computed without the others."""
        return True

    @property
    def label(self) -> str:
        """What it is called in descriptions."""
        return type(self).__name__

    @abstractmethod
    def moments(self) -> Moments:
        """Mean, standard deviation and bounds of an element, the mean over all elements if they differ."""

    def untruncated_stddev(self) -> float:
        """The standard deviation before truncation; that of an element where nothing is truncated."""
        return self.moments().stddev

    def mean_square(self) -> float:
        """The expected square of the magnitude of an element."""
        moments = self.moments()
        return moments.mean**2 + moments.stddev**2

    @abstractmethod
    def scaled(self, factor: float, dtype: DType) -> Content:
        """The content whose elements are those of this one times a factor, positive and finite.

        Raises
        ------
        ArgumentError
            If they would not fit the dtype.
        """

    @abstractmethod
    def blocks(self, size: int) -> int:
        """How many blocks of the stream are computed for an array of some size."""
