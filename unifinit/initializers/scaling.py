"""Initializers whose variance follows from the fans, to keep the scale of signals through a network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from unifinit.distributions import Normal, TruncatedNormal, Uniform
from unifinit.distributions.resolution import rounded
from unifinit.errors import ArgumentError, or_list, suggestion
from unifinit.initializers.base import RandomInitializer, check_real
from unifinit.plan import Content, fill
from unifinit.types import DType
from unifinit.values import Immutable
from unifinit.weight import Weight

MODES = ("fan_in", "fan_out", "fan_avg", "fan_geo_avg")
DISTRIBUTIONS = ("normal", "truncated_normal", "untruncated_normal", "uniform")
TRUNCATED_STDDEV = 0.87962566103423978
"""Standard deviation of a standard normal variable truncated at two."""


def scaled(weight: Weight, dtype: DType, scale: float, mode: str, distribution: str) -> Content:
    """Numbers of variance ``scale / n``, n being a fan of the weight, at least 1.

    Each step is rounded to the dtype of computation, in JAX's order, so that uniform values are
    those of ``jax.nn.initializers``.
    """
    if scale == 0:
        return fill(0.0, dtype)
    fans = weight.fans
    fan = {
        "fan_in": fans.fan_in,
        "fan_out": fans.fan_out,
        "fan_avg": (fans.fan_in + fans.fan_out) / 2,
        "fan_geo_avg": math.sqrt(fans.fan_in * fans.fan_out),
    }[mode]
    variance = rounded(scale / max(1, fan), dtype)
    if distribution == "uniform":
        limit = rounded(math.sqrt(rounded(3 * variance, dtype)), dtype)
        return Uniform(-limit, limit, dtype)
    stddev = rounded(math.sqrt(variance), dtype)
    if distribution == "untruncated_normal":
        return Normal(0.0, stddev, dtype)
    stddev /= rounded(TRUNCATED_STDDEV, dtype)
    return TruncatedNormal(-2.0, 2.0, 0.0, stddev, dtype)


@dataclass(frozen=True, repr=False)
class VarianceScaling(RandomInitializer):
    """Variance ``scale / n``, where n is a fan of the shape.

    Parameters
    ----------
    scale : float
        Factor of the variance; 0 gives zeros.
    mode : {"fan_in", "fan_out", "fan_avg", "fan_geo_avg"}
        Which fan n is: the inputs, the outputs, or the arithmetic or geometric mean of both, at least 1.
    distribution : {"normal", "truncated_normal", "untruncated_normal", "uniform"}
        "normal" means "truncated_normal", as in TensorFlow and Keras (in JAX and Haiku it means
        "untruncated_normal"): truncated at two standard deviations and rescaled, so that the values have
        the variance above. "uniform" is on ±sqrt(3 * scale / n).
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If scale is negative or not finite, or mode or distribution is unknown.

    Notes
    -----
    The general form of the initializers of Glorot & Bengio (2010), LeCun et al. (1998) and He et al.
    (2015). A vector of n elements has both fans n, a scalar both 1.
    """

    summary = "variance scale / fan"

    scale: float = 1.0
    mode: str = "fan_in"
    distribution: str = "normal"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_real(self, "scale", least=0)
        for name, known in (("mode", MODES), ("distribution", DISTRIBUTIONS)):
            value = getattr(self, name)
            if value not in known:
                raise ArgumentError(
                    f"{name} is {value!r}{suggestion(str(value), known)}; wanted one of {or_list(known)}"
                )

    def _content(self, weight: Weight, dtype: DType) -> Content:
        return scaled(weight, dtype, self.scale, self.mode, self.distribution)


class _FixedScaling(Immutable, RandomInitializer):
    """Variance scaling whose scale, mode and distribution a subclass fixes.

    It adds no field, nor do its subclasses: all that ``dataclass`` would do for them is to keep them frozen.
    """

    scaling: ClassVar[tuple[float, str, str]]

    def _content(self, weight: Weight, dtype: DType) -> Content:
        return scaled(weight, dtype, *self.scaling)


class GlorotUniform(_FixedScaling):
    """Uniform on ±sqrt(6 / (fan_in + fan_out)): variance 2 / (fan_in + fan_out). Also Xavier uniform.

    Source: Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural networks"
    (2010), equation 16. To the bit ``jax.nn.initializers.glorot_uniform()``.
    """

    summary = "uniform, variance 2 / (fan_in + fan_out)"
    scaling = (1.0, "fan_avg", "uniform")


class GlorotNormal(_FixedScaling):
    """Truncated normal of variance 2 / (fan_in + fan_out). Also Xavier normal.

    Source: Glorot & Bengio (2010), equation 12. Truncated at two standard deviations and rescaled, as
    in TensorFlow, Keras and JAX; PyTorch's ``xavier_normal_`` does not truncate.
    """

    summary = "truncated normal, variance 2 / (fan_in + fan_out)"
    scaling = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_FixedScaling):
    """Uniform on ±sqrt(6 / fan_in): variance 2 / fan_in. Also Kaiming uniform.

    Source: He et al., "Delving deep into rectifiers" (2015), equation 10. To the bit
    ``jax.nn.initializers.he_uniform()``.
    """

    summary = "uniform, variance 2 / fan_in"
    scaling = (2.0, "fan_in", "uniform")


class HeNormal(_FixedScaling):
    """Truncated normal of variance 2 / fan_in. Also Kaiming normal.

    Source: He et al. (2015), equation 10. Truncated at two standard deviations and rescaled, as in
    TensorFlow, Keras and JAX; PyTorch's ``kaiming_normal_`` does not truncate.
    """

    summary = "truncated normal, variance 2 / fan_in"
    scaling = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_FixedScaling):
    """Uniform on ±sqrt(3 / fan_in): variance 1 / fan_in.

    Source: LeCun et al., "Efficient BackProp" (1998), section 4.6. To the bit
    ``jax.nn.initializers.lecun_uniform()``.
    """

    summary = "uniform, variance 1 / fan_in"
    scaling = (1.0, "fan_in", "uniform")


class LecunNormal(_FixedScaling):
    """Truncated normal of variance 1 / fan_in.

    Source: LeCun et al. (1998), section 4.6; Klambauer et al. (2017) for SELU. Truncated at two
    standard deviations and rescaled, as in TensorFlow, Keras and JAX.
    """

    summary = "truncated normal, variance 1 / fan_in"
    scaling = (1.0, "fan_in", "truncated_normal")


@dataclass(frozen=True, repr=False)
class UniformUnitScaling(RandomInitializer):
    """Uniform on ±sqrt(3 / input_size) * factor, which keeps the scale of the inputs.

    Parameters
    ----------
    factor : float
        Multiplies the range; 1.43 suits ReLU, 1.15 tanh (Sussillo & Abbott, 2014). 0 gives zeros.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If factor is negative or not finite.

    Notes
    -----
    ``input_size`` is the product of the spatial and input axes, at least 1: in the default layout that of all
    axes but the last. For scalars and vectors it is 1.
    Source: Sussillo & Abbott, "Random walk initialization for training very deep feedforward networks"
    (2014), as TensorFlow's ``uniform_unit_scaling_initializer`` has it.
    """

    summary = "uniform on ±sqrt(3 / input_size) * factor"

    factor: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_real(self, "factor", least=0)

    def _content(self, weight: Weight, dtype: DType) -> Content:
        limit = math.sqrt(3 / max(1, weight.rows)) * self.factor
        return Uniform(-limit, limit, dtype) if limit else fill(0.0, dtype)
