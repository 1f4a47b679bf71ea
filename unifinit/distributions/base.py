"""What all distributions share."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import NamedTuple

from unifinit.content import Content, Moments
from unifinit.stream.ops import Ops
from unifinit.types import Array

__all__ = ["Distribution", "Moments", "Parameters"]


class Parameters(NamedTuple):
    """The numbers with which values are made, for whoever makes them elsewhere.

    A value is ``(x + shift) * scale``, held between ``minimum`` and ``maximum`` if ``clips``. For a truncated
    distribution the points are ``first`` to ``first + span``, and quantiles are held between ``lowest`` and
    ``highest``.
    """

    shift: float = 0.0
    scale: float = 1.0
    minimum: float = 0.0
    maximum: float = 0.0
    clips: bool = False
    first: int = 0
    span: int = 0
    lowest: int = 0
    highest: int = 0


class Distribution(Content):
    """A distribution whose parameters have been checked and rounded.

    Element i is a function of the parameters and of the block for (key, i).
    """

    @cached_property
    @abstractmethod
    def parameters(self) -> Parameters:
        """What ``draw`` computes with."""

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

    def blocks(self, size: int) -> int:
        """One for each element."""
        return size
