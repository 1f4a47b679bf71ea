"""Initializers that draw from one distribution, whatever the shape."""

from __future__ import annotations

from dataclasses import dataclass

from unifinit.errors import ArgumentError
from unifinit.initializers.base import RandomInitializer, check_real
from unifinit.plan import Content, normal, truncated_normal, uniform
from unifinit.types import DType
from unifinit.weight import Weight


@dataclass(frozen=True, repr=False)
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
    For minval 0 and maxval 1 the values are those of ``jax.random.uniform``.
    """

    summary = "uniform on [minval, maxval)"

    minval: float = 0.0
    maxval: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.maxval is None:
            object.__setattr__(self, "maxval", 1.0)
        check_real(self, "minval", "maxval")
        if self.minval > self._maxval:
            raise ArgumentError(f"minval {self.minval} exceeds maxval {self.maxval}; wanted minval <= maxval")

    @property
    def _maxval(self) -> float:
        return 1.0 if self.maxval is None else self.maxval

    def _content(self, weight: Weight, dtype: DType) -> Content:
        return uniform(self.minval, self._maxval, dtype)


@dataclass(frozen=True, repr=False)
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
    """

    summary = "normal with mean and stddev"

    mean: float = 0.0
    stddev: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_real(self, "mean")
        check_real(self, "stddev", least=0)

    def _content(self, weight: Weight, dtype: DType) -> Content:
        return normal(self.mean, self.stddev, dtype)


@dataclass(frozen=True, repr=False)
class TruncatedNormal(RandomInitializer):
    """Normal, truncated at two standard deviations from the mean.

    Parameters
    ----------
    mean : float
        Mean.
    stddev : float
        Standard deviation before truncation, as in TensorFlow, Keras and JAX; that of the values is
        0.87962566103423978 times as much. 0 gives a constant.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If a parameter is not finite or stddev is negative.

    Notes
    -----
    Each value is one quantile: nothing is rejected, and no value lies outside, but for the rounding to the
    dtype. In ``torch.nn.init.trunc_normal_`` the bounds are absolute numbers instead.
    """

    summary = "normal with mean and stddev, truncated at two stddev"

    mean: float = 0.0
    stddev: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_real(self, "mean")
        check_real(self, "stddev", least=0)

    def _content(self, weight: Weight, dtype: DType) -> Content:
        return truncated_normal(-2.0, 2.0, self.mean, self.stddev, dtype)
