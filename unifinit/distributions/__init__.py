"""Distributions: from the words of the stream to numbers, and what theory says of those numbers.

Every real number is made as ``(x + shift) * scale`` from an integer times a power of two, with one
rounded addition and one rounded multiplication: the only float arithmetic that compilers cannot
reorder or contract into something else. All parameters are therefore rounded to the dtype of
computation here, once, before any array exists.
"""

from __future__ import annotations

from unifinit.distributions.base import Distribution, Moments
from unifinit.distributions.bits import Bits
from unifinit.distributions.normal import Normal
from unifinit.distributions.truncated_normal import TruncatedNormal
from unifinit.distributions.uniform import Uniform

__all__ = ["Bits", "Distribution", "Moments", "Normal", "TruncatedNormal", "Uniform"]
