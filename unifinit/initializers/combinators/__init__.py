"""Initializers made of others, and of functions."""

from unifinit.initializers.combinators.blocked import Blocked
from unifinit.initializers.combinators.function import FromFunction
from unifinit.initializers.combinators.masked import Mask, Masked
from unifinit.initializers.combinators.scaled import Scaled
from unifinit.initializers.combinators.stacked import Stacked

__all__ = ["Blocked", "FromFunction", "Mask", "Masked", "Scaled", "Stacked"]
