"""Initializers that draw from one distribution, whatever the shape."""

from __future__ import annotations

import math
from typing import ClassVar

from unifinit.content import Content
from unifinit.contents import normal, truncated_normal, uniform
from unifinit.distributions.parameters import real as any_real
from unifinit.errors import ArgumentError
from unifinit.initializers.base import Aliases, RandomInitializer
from unifinit.initializers.hyperparameters import boolean, checked, choice, real
from unifinit.truncation import truncated_stddev
from unifinit.types import DType
from unifinit.weight import Weight

BOUND = 2.0
"""Where frameworks truncate, in standard deviations."""


class RandomUniform(RandomInitializer):
    """Uniform on [minval, maxval).

    Parameters
    ----------
    minval : float
        Lower end.
    maxval : float, optional
        Upper end; None means 1. Rounding to the dtype can reach it, and to 16 bits exceed it by half the
        distance to its neighbour.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If an end is not finite or minval exceeds maxval. Equal ends give a constant.

    Notes
    -----
    For minval 0 and maxval 1 the values are those of ``jax.random.uniform``. Of complex numbers, real and
    imaginary part are both uniform on [minval, maxval).
    """

    summary = "uniform on [minval, maxval)"
    formula = "U[minval, maxval)"
    source = "jax.random.uniform"
    aliases: ClassVar[Aliases] = {"uniform": {}}

    minval: float = real(default=0.0)
    maxval: float | None = real(default=None, none=1.0)

    def validate(self) -> None:
        """Check the order of the ends."""
        if self.minval > self._maxval:
            raise ArgumentError(f"minval {self.minval} exceeds maxval {self.maxval}; wanted minval <= maxval")

    @property
    def _maxval(self) -> float:
        return 1.0 if self.maxval is None else self.maxval

    def content(self, weight: Weight, dtype: DType) -> Content:
        """Uniform numbers."""
        return uniform(self.minval, self._maxval, dtype)


class RandomNormal(RandomInitializer):
    """Normal with a mean and a standard deviation.

    Parameters
    ----------
    mean : float
        Mean.
    stddev : float
        Standard deviation; 0 gives a constant.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If a parameter is not finite or stddev is negative.

    Notes
    -----
    Of complex numbers, each part has half the variance, as in ``jax.random.normal`` and in PyTorch; the
    mean is that of the real part.
    """

    summary = "normal with mean and stddev"
    formula = "N(mean, stddev²)"
    source = "jax.random.normal, by the exact quantile"
    aliases: ClassVar[Aliases] = {"normal": {}}

    mean: float = real(default=0.0)
    stddev: float = real(default=1.0, least=0)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """Normal numbers."""
        return normal(self.mean, self.stddev, dtype)


class TruncatedNormal(RandomInitializer):
    """Normal, truncated at two bounds.

    Parameters
    ----------
    mean : float
        Mean before truncation.
    stddev : float
        Standard deviation before truncation, as in all frameworks; with the default bounds, that of the
        values is 0.87962566103423978 times as much. 0 gives a constant.
    lower : float
        The lower bound; infinite ones are allowed.
    upper : float
        The upper bound.
    bounds : {"sigma", "absolute"}
        Whether the bounds are in standard deviations from the mean, as in TensorFlow, Keras, JAX and Haiku,
        or numbers of their own, as in ``torch.nn.init.trunc_normal_`` and in Flux.
    corrected : bool
        Whether ``stddev`` is that of the values instead, after truncation.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If mean or stddev is not finite, stddev is negative, lower is not below upper, no number of the
        stream lies between the bounds, or absolute bounds are to be corrected for.

    Notes
    -----
    Each value is one quantile: nothing is rejected, and no value lies outside, but for the rounding to the
    dtype. ``ui.get("trunc_normal_")`` has PyTorch's absolute bounds -2 and 2, so that at a stddev of 0.02
    nothing is truncated. Of complex numbers, each part has half the variance and is truncated at the bounds
    in its own standard deviations.
    """

    summary = "normal with mean and stddev, truncated at lower and upper"
    formula = "N(mean, stddev²) within [mean + lower·stddev, mean + upper·stddev]"
    source = "jax.random.truncated_normal, by the exact quantile"
    aliases: ClassVar[Aliases] = {
        "trunc_normal": {"bounds": "absolute"},
        "trunc_normal_tf": {},
    }

    mean: float = real(default=0.0)
    stddev: float = real(default=1.0, least=0)
    lower: float = checked(any_real, "a real number, which may be infinite", default=-BOUND)
    upper: float = checked(any_real, "a real number, which may be infinite", default=BOUND)
    bounds: str = choice(("sigma", "absolute"), default="sigma")
    corrected: bool = boolean(default=False)

    def validate(self) -> None:
        """Check what the bounds are together."""
        if not self.lower < self.upper:
            raise ArgumentError(f"lower {self.lower} is not below upper {self.upper}")
        if self.corrected and self.bounds == "absolute":
            raise ArgumentError(
                "corrected is True and bounds is 'absolute'; wanted bounds='sigma': the standard deviation "
                "before truncation would depend on bounds that depend on it"
            )

    def content(self, weight: Weight, dtype: DType) -> Content:
        """Truncated normal numbers."""
        lower, upper, stddev = self.lower, self.upper, self.stddev
        if self.bounds == "absolute" and stddev > 0:
            lower, upper = (lower - self.mean) / stddev, (upper - self.mean) / stddev
            if dtype.is_complex:
                lower, upper = lower * math.sqrt(2), upper * math.sqrt(2)
        content = truncated_normal(lower, upper, self.mean, stddev, dtype)
        if not self.corrected or stddev == 0:
            return content
        return truncated_normal(lower, upper, self.mean, stddev / truncated_stddev(lower, upper), dtype)
