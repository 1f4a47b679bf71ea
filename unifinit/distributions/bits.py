"""Random bits."""

from __future__ import annotations

import math
from functools import cached_property

from unifinit.distributions.base import Distribution, Moments, Parameters
from unifinit.errors import ArgumentError, DtypeError
from unifinit.stream import double
from unifinit.stream.ops import Ops
from unifinit.types import Array, DType


class Bits(Distribution):
    """Unsigned integers of 32 or 64 random bits."""

    dtype: DType

    parts = ("dtype",)

    def __init__(self, dtype: DType) -> None:
        if dtype.name not in ("uint32", "uint64"):
            raise DtypeError(f"bits have dtype 'uint32' or 'uint64', not {dtype.name!r}")
        vars(self).update(dtype=dtype)

    @cached_property
    def parameters(self) -> Parameters:
        """What ``draw`` computes with."""
        return Parameters()

    def draw(self, ops: Ops, first: Array, second: Array) -> Array:
        """32 bits: the exclusive or of the words; 64 bits: the first word on top of the second."""
        if self.dtype.bits == 64:
            return double.join(ops, first, second)
        return ops.xp.bitwise_xor(first, second)

    def scaled(self, factor: float, dtype: DType) -> Bits:
        """Raise an ``ArgumentError``: bits have no scale."""
        raise ArgumentError(f"bits cannot be scaled by {factor}; wanted numbers of a floating dtype")

    def moments(self) -> Moments:
        """Of the discrete uniform distribution."""
        top = 2**self.dtype.bits - 1
        return Moments(top / 2, math.sqrt(((top + 1) ** 2 - 1) / 12), 0, top)
