"""Initializers whose variance follows from the fans, to keep the scale of signals through a network."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from unifinit.content import Content
from unifinit.contents import fill, normal, truncated_normal, uniform
from unifinit.distributions.parameters import require_normal
from unifinit.distributions.resolution import rounded
from unifinit.initializers.base import Aliases, RandomInitializer
from unifinit.initializers.hyperparameters import checked, choice, real
from unifinit.types import DType
from unifinit.weight import Weight

MODES = ("fan_in", "fan_out", "fan_avg", "fan_geo_avg")
DISTRIBUTIONS = ("normal", "truncated_normal", "untruncated_normal", "uniform")
TRUNCATED_STDDEV = 0.87962566103423978
"""Standard deviation of a standard normal variable truncated at two."""


def fan(weight: Weight, mode: str) -> float:
    """A fan of a weight, at least 1."""
    fan_in, fan_out = weight.fans
    return max(
        1,
        {
            "fan_in": fan_in,
            "fan_out": fan_out,
            "fan_avg": (fan_in + fan_out) / 2,
            "fan_geo_avg": math.sqrt(fan_in * fan_out),
        }[mode],
    )


def scaled(weight: Weight, dtype: DType, scale: float, mode: str, distribution: str) -> Content:
    """Numbers of variance ``scale / n``, n being a fan of the weight, at least 1."""
    return with_variance(scale / fan(weight, mode), distribution, dtype)


def with_variance(variance: float, distribution: str, dtype: DType) -> Content:
    """Numbers of mean 0 and some variance; zeros for a variance of 0.

    Each step is rounded to the dtype of computation, in JAX's order, so that uniform values are
    those of ``jax.nn.initializers``. Of complex numbers, each part has half the variance.
    """
    if variance == 0:
        return fill(0.0, dtype)
    part = dtype.part
    variance = rounded(variance, part)
    stddev = rounded(math.sqrt(variance), part)
    require_normal(stddev, "stddev", part)  # Or what is not 0 would become a constant.
    if distribution == "uniform":
        square = 3 * variance / 2 if dtype.is_complex else 3 * variance
        limit = rounded(math.sqrt(rounded(square, part)), part)
        return uniform(-limit, limit, dtype)
    if distribution == "untruncated_normal":
        return normal(0.0, stddev, dtype)
    return truncated_normal(-2.0, 2.0, 0.0, stddev / rounded(TRUNCATED_STDDEV, part), dtype)


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
    gain : float
        Factor of the standard deviation, as `calculate_gain` gives it: the variance is gain² * scale / n.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If scale or gain is negative or not finite, or mode or distribution is unknown.

    Notes
    -----
    The general form of the initializers of Glorot & Bengio (2010), LeCun et al. (1998) and He et al.
    (2015). A vector of n elements has both fans n, a scalar both 1.
    """

    summary = "variance gain² * scale / fan"
    formula = "variance gain²·scale/n, n = fan"
    source = "The general form in TensorFlow, Keras, JAX and Haiku of Glorot, He and LeCun"

    scale: float = real(default=1.0, least=0)
    mode: str = choice(MODES, default="fan_in")
    distribution: str = choice(DISTRIBUTIONS, default="normal")
    gain: float = real(default=1.0, least=0)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """Numbers of that variance."""
        scale = self.gain * self.gain * self.scale
        return scaled(weight, dtype, scale, self.mode, self.distribution)


class _FixedScaling(RandomInitializer):
    """Variance scaling whose scale, mode and distribution a subclass fixes."""

    scaling: ClassVar[tuple[float, str, str]]

    def content(self, weight: Weight, dtype: DType) -> Content:
        """Numbers of that variance."""
        return scaled(weight, dtype, *self.scaling)


class _Glorot(RandomInitializer):
    """Variance 2 * gain² / (fan_in + fan_out)."""

    distribution: ClassVar[str]

    gain: float = real(default=1.0, least=0)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """Numbers of that variance."""
        return scaled(weight, dtype, self.gain * self.gain, "fan_avg", self.distribution)


class GlorotUniform(_Glorot):
    """Uniform on ±gain * sqrt(6 / (fan_in + fan_out)). Also Xavier uniform.

    Parameters
    ----------
    gain : float
        Factor of the standard deviation; 0 gives zeros.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If gain is negative or not finite.

    Notes
    -----
    Source: Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural networks"
    (2010), equation 16. To the bit ``jax.nn.initializers.glorot_uniform()``.
    """

    summary = "uniform, variance 2 / (fan_in + fan_out)"
    formula = "U(±gain·√(6/(fan_in + fan_out)))"
    source = "Glorot & Bengio (2010), equation 16"
    aliases: ClassVar[Aliases] = {"xavier_uniform": {}}
    distribution = "uniform"


class GlorotNormal(_Glorot):
    """Truncated normal of variance 2 * gain² / (fan_in + fan_out).

    Parameters
    ----------
    gain : float
        Factor of the standard deviation; 0 gives zeros.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If gain is negative or not finite.

    Notes
    -----
    Source: Glorot & Bengio (2010), equation 12. Truncated at two standard deviations and rescaled, as
    in TensorFlow, Keras and JAX, where ``xavier_normal`` is another name for it; PyTorch's
    ``xavier_normal_``, which is `XavierNormal` here, does not truncate.
    """

    summary = "truncated normal, variance 2 / (fan_in + fan_out)"
    formula = "truncated N(0, σ²), variance 2·gain²/(fan_in + fan_out)"
    source = "Glorot & Bengio (2010), equation 12"
    distribution = "truncated_normal"


class XavierNormal(_Glorot):
    """Normal of variance 2 * gain² / (fan_in + fan_out), not truncated.

    Parameters
    ----------
    gain : float
        Factor of the standard deviation; 0 gives zeros.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If gain is negative or not finite.

    Notes
    -----
    Source: Glorot & Bengio (2010), equation 12, as ``torch.nn.init.xavier_normal_`` has it. In JAX and Flax,
    ``xavier_normal`` is truncated: `GlorotNormal`.
    """

    summary = "normal, variance 2 / (fan_in + fan_out)"
    formula = "N(0, 2·gain²/(fan_in + fan_out))"
    source = "Glorot & Bengio (2010), equation 12; torch.nn.init.xavier_normal_"
    distribution = "untruncated_normal"


class HeUniform(_FixedScaling):
    """Uniform on ±sqrt(6 / fan_in): variance 2 / fan_in. Also Kaiming uniform.

    Source: He et al., "Delving deep into rectifiers" (2015), equation 10. To the bit
    ``jax.nn.initializers.he_uniform()``.
    """

    summary = "uniform, variance 2 / fan_in"
    formula = "U(±√(6/fan_in))"
    source = "He et al. (2015), equation 10"
    scaling = (2.0, "fan_in", "uniform")


class HeNormal(_FixedScaling):
    """Truncated normal of variance 2 / fan_in.

    Source: He et al. (2015), equation 10. Truncated at two standard deviations and rescaled, as in
    TensorFlow, Keras and JAX, where ``kaiming_normal`` is another name for it; PyTorch's
    ``kaiming_normal_``, which is `KaimingNormal` here, does not truncate.
    """

    summary = "truncated normal, variance 2 / fan_in"
    formula = "truncated N(0, σ²), variance 2/fan_in"
    source = "He et al. (2015), equation 10"
    scaling = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_FixedScaling):
    """Uniform on ±sqrt(3 / fan_in): variance 1 / fan_in.

    Source: LeCun et al., "Efficient BackProp" (1998), section 4.6. To the bit
    ``jax.nn.initializers.lecun_uniform()``.
    """

    summary = "uniform, variance 1 / fan_in"
    formula = "U(±√(3/fan_in))"
    source = "LeCun et al. (1998), section 4.6"
    scaling = (1.0, "fan_in", "uniform")


class LecunNormal(_FixedScaling):
    """Truncated normal of variance 1 / fan_in.

    Source: LeCun et al. (1998), section 4.6; Klambauer et al. (2017) for SELU. Truncated at two
    standard deviations and rescaled, as in TensorFlow, Keras and JAX.
    """

    summary = "truncated normal, variance 1 / fan_in"
    formula = "truncated N(0, σ²), variance 1/fan_in"
    source = "LeCun et al. (1998), section 4.6"
    scaling = (1.0, "fan_in", "truncated_normal")


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
    formula = "U(±factor·√(3/input_size))"
    source = "Sussillo & Abbott (2014), as in TensorFlow 1"
    aliases: ClassVar[Aliases] = {"uniform_scaling": {}}

    factor: float = real(default=1.0, least=0)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """Uniform numbers."""
        limit = math.sqrt(3 / max(1, weight.rows)) * self.factor
        if limit == 0:
            return fill(0.0, dtype)
        if dtype.is_complex:
            limit /= math.sqrt(2)
        require_normal(rounded(limit, dtype), "limit", dtype.part)
        return uniform(-limit, limit, dtype)


def _activation(name: Any, _: str) -> str:
    from unifinit.gains import find_activation  # Not at the top: few programs need its tables.

    find_activation(name)
    return str(name)


class _Kaiming(RandomInitializer):
    """Variance gain² / fan, with the gain of an activation function."""

    distribution: ClassVar[str]

    a: float = real(default=0.0)
    mode: str = choice(MODES, default="fan_in")
    nonlinearity: str = checked(_activation, "the name of an activation function", default="leaky_relu")

    @property
    def gain(self) -> float:
        """The gain of the activation function."""
        from unifinit.gains import calculate_gain, find_activation

        has_slope = find_activation(self.nonlinearity).name in ("leaky_relu", "prelu")
        return calculate_gain(self.nonlinearity, self.a if has_slope else None)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """Numbers of that variance."""
        return scaled(weight, dtype, self.gain * self.gain, self.mode, self.distribution)


class KaimingUniform(_Kaiming):
    """Uniform on ±gain * sqrt(3 / fan), with the gain of an activation function.

    Parameters
    ----------
    a : float
        The negative slope of "leaky_relu" and "prelu"; other functions have none.
    mode : {"fan_in", "fan_out", "fan_avg", "fan_geo_avg"}
        Which fan.
    nonlinearity : str
        The activation function whose gain counts, as `calculate_gain` knows it: PyTorch's number if PyTorch
        has one, or else that of the second moment.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If a is not finite, or mode or nonlinearity is unknown.

    Notes
    -----
    ``torch.nn.init.kaiming_uniform_``, after He et al. (2015), equations 10 and 14. PyTorch's layers call it
    with ``a=sqrt(5)``, which is uniform on ±1 / sqrt(fan_in). In JAX, ``kaiming_uniform`` is `HeUniform`, the
    same as this one's defaults; MLX and Lasagne leave out the gain.
    """

    summary = "uniform, variance gain² / fan, gain of a nonlinearity"
    formula = "U(±gain·√(3/fan)), gain = √(2/(1 + a²)) for leaky_relu"
    source = "He et al. (2015), equation 14; torch.nn.init.kaiming_uniform_"
    distribution = "uniform"


class KaimingNormal(_Kaiming):
    """Normal with standard deviation gain / sqrt(fan), gain being that of an activation; not truncated.

    Parameters
    ----------
    a : float
        The negative slope of "leaky_relu" and "prelu"; other functions have none.
    mode : {"fan_in", "fan_out", "fan_avg", "fan_geo_avg"}
        Which fan.
    nonlinearity : str
        The activation function whose gain counts, as `calculate_gain` knows it: PyTorch's number if PyTorch
        has one, or else that of the second moment.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If a is not finite, or mode or nonlinearity is unknown.

    Notes
    -----
    ``torch.nn.init.kaiming_normal_``, after He et al. (2015), equations 10 and 14. In JAX and Flax,
    ``kaiming_normal`` is truncated: `HeNormal`. MXNet's MSRAPrelu averages the fans and has the slope 0.25.
    """

    summary = "normal, variance gain² / fan, gain of a nonlinearity"
    formula = "N(0, gain²/fan), gain = √(2/(1 + a²)) for leaky_relu"
    source = "He et al. (2015), equation 14; torch.nn.init.kaiming_normal_"
    distribution = "untruncated_normal"
