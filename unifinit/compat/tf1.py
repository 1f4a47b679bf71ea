"""The initializers of TensorFlow 1, drawn by unifinit: in graphs, sessions and eagerly.

They have the names of ``tf.compat.v1.initializers``, of ``tf.*_initializer``, and of the classes. The
classes are subclasses of TensorFlow's: arguments, defaults, the dtype argument, ``get_config`` and errors
are its own.

A seed gives the same values at each call and in each run; operations of TensorFlow advance. Without one, or
with the seed of a graph set by ``tf.compat.v1.set_random_seed``, an operation draws the key, so that each
session has values of its own, or those that the graph's seed decides. A partitioned variable has the values
of the whole one, if there is a seed.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, ClassVar, SupportsIndex

import tensorflow as tf

import unifinit as ui
from unifinit.errors import SeedError, ShapeError

v1: Any = tf.compat.v1

__all__ = [
    "Constant",
    "ConvolutionDeltaOrthogonal",
    "ConvolutionOrthogonal1D",
    "ConvolutionOrthogonal2D",
    "ConvolutionOrthogonal3D",
    "GlorotNormal",
    "GlorotUniform",
    "Identity",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "UniformUnitScaling",
    "VarianceScaling",
    "Zeros",
    "constant",
    "constant_initializer",
    "convolutional_delta_orthogonal",
    "convolutional_orthogonal_1d",
    "convolutional_orthogonal_2d",
    "convolutional_orthogonal_3d",
    "glorot_normal",
    "glorot_normal_initializer",
    "glorot_uniform",
    "glorot_uniform_initializer",
    "he_normal",
    "he_uniform",
    "identity",
    "identity_initializer",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "ones_initializer",
    "orthogonal",
    "orthogonal_initializer",
    "random_normal",
    "random_normal_initializer",
    "random_uniform",
    "random_uniform_initializer",
    "truncated_normal",
    "truncated_normal_initializer",
    "uniform_unit_scaling",
    "uniform_unit_scaling_initializer",
    "variance_scaling",
    "variance_scaling_initializer",
    "zeros",
    "zeros_initializer",
]

NO_GRAPH_SEED = 87654321
"""What ``tf.compat.v1.get_seed`` puts beside a seed of an operation, where the graph has none."""

Constant = v1.constant_initializer
Identity = v1.initializers.identity
Ones = v1.ones_initializer
Zeros = v1.zeros_initializer


class _Drawn:
    """What the classes override: the call."""

    make: ClassVar[Callable[..., ui.Initializer]]
    """The class of unifinit."""
    names: ClassVar[tuple[str, ...]] = ()
    """The hyperparameters, which have the same names in both."""

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Any:
        """A new tensor, or the part of one that a partition of a variable has.

        Parameters
        ----------
        shape
            A shape that is known when the graph is made.
        dtype : dtype, optional
            By default that of the constructor.
        partition_info : optional
            The whole shape, and where the part begins.
        """
        own: Any = self
        dtype = tf.as_dtype(own.dtype if dtype is None else dtype)
        if not (dtype.is_floating or dtype.is_complex):
            # TensorFlow itself draws integers.
            return super().__call__(shape, dtype, partition_info)  # type: ignore[misc]
        initializer = own.make(**{name: getattr(own, name) for name in self.names})
        if partition_info is not None and own.seed is None and isinstance(self, Orthogonal):
            raise SeedError(
                "an orthogonal matrix is partitioned, but has no seed: each part would draw a key of its "
                "own, and belong to another matrix; wanted seed="
            )
        key = _key(own.seed)
        shape = _static(shape)
        return initializer(shape, dtype, seed=key, backend="tensorflow", partition_info=partition_info)


def _static(shape: Any) -> tuple[int, ...]:
    """A shape in numbers.

    Raises
    ------
    ShapeError
        If it is not known yet.
    """
    known = tf.get_static_value(shape) if isinstance(shape, (tf.Tensor, tf.Variable)) else shape
    if known is None or not tf.TensorShape(known).is_fully_defined():
        raise ShapeError(f"shape {shape} is not known when the graph is made; wanted numbers")
    return tuple(tf.TensorShape(known).as_list())


def _key(seed: SupportsIndex | None) -> Any:
    """The key: the seed, together with that of the graph if it has one; one that is drawn without a seed."""
    if seed is not None:
        seed = operator.index(seed)
        first, second = v1.get_seed(seed)
        return seed % 2**64 if first == NO_GRAPH_SEED else ui.Key((first % 2**32) << 32 | second % 2**32)
    return v1.random_uniform((2,), tf.int32.min, tf.int32.max, tf.int32)


class RandomUniform(_Drawn, v1.random_uniform_initializer):  # type: ignore[misc]
    """Uniform on [minval, maxval). See `unifinit.RandomUniform`. TensorFlow itself draws integers."""

    make = ui.RandomUniform
    names = ("minval", "maxval")


class RandomNormal(_Drawn, v1.random_normal_initializer):  # type: ignore[misc]
    """Normal with a mean and a standard deviation. See `unifinit.RandomNormal`."""

    make = ui.RandomNormal
    names = ("mean", "stddev")


class TruncatedNormal(_Drawn, v1.truncated_normal_initializer):  # type: ignore[misc]
    """Normal, truncated at two standard deviations, and not rescaled. See `unifinit.TruncatedNormal`."""

    make = ui.TruncatedNormal
    names = ("mean", "stddev")


class UniformUnitScaling(_Drawn, v1.uniform_unit_scaling_initializer):  # type: ignore[misc]
    """Uniform on ±factor * sqrt(3 / all axes but the last). See `unifinit.UniformUnitScaling`."""

    make = ui.UniformUnitScaling
    names = ("factor",)


class VarianceScaling(_Drawn, v1.variance_scaling_initializer):  # type: ignore[misc]
    """Variance ``scale / fan``. See `unifinit.VarianceScaling`."""

    make = ui.VarianceScaling
    names = ("scale", "mode", "distribution")


class GlorotUniform(_Drawn, v1.glorot_uniform_initializer):  # type: ignore[misc]
    """Uniform, of variance 2 / (fan_in + fan_out). See `unifinit.GlorotUniform`. It drops its dtype."""

    make = ui.GlorotUniform


class GlorotNormal(_Drawn, v1.glorot_normal_initializer):  # type: ignore[misc]
    """Truncated normal, of the same variance. See `unifinit.GlorotNormal`. It drops its dtype too."""

    make = ui.GlorotNormal


class Orthogonal(_Drawn, v1.orthogonal_initializer):  # type: ignore[misc]
    """A matrix with orthonormal rows or columns, times a gain. See `unifinit.Orthogonal`."""

    make: ClassVar[Callable[..., ui.Initializer]] = ui.Orthogonal
    names = ("gain",)


class ConvolutionDeltaOrthogonal(Orthogonal):
    """A kernel that is an orthogonal matrix at its centre, and else zero. See `unifinit.DeltaOrthogonal`."""

    make = ui.DeltaOrthogonal


class ConvolutionOrthogonal1D(Orthogonal):
    """An isometric convolution. See `unifinit.ConvolutionalOrthogonal1D`."""

    make = ui.ConvolutionalOrthogonal1D


class ConvolutionOrthogonal2D(Orthogonal):
    """An isometric convolution. See `unifinit.ConvolutionalOrthogonal2D`."""

    make = ui.ConvolutionalOrthogonal2D


class ConvolutionOrthogonal3D(Orthogonal):
    """An isometric convolution. See `unifinit.ConvolutionalOrthogonal3D`."""

    make = ui.ConvolutionalOrthogonal3D


def lecun_uniform(seed: int | None = None) -> VarianceScaling:
    """Uniform, of variance 1 / fan_in. See `unifinit.LecunUniform`."""
    return VarianceScaling(1.0, "fan_in", "uniform", seed)


def lecun_normal(seed: int | None = None) -> VarianceScaling:
    """Truncated normal of variance 1 / fan_in. See `unifinit.LecunNormal`."""
    return VarianceScaling(1.0, "fan_in", "truncated_normal", seed)


def he_uniform(seed: int | None = None) -> VarianceScaling:
    """Uniform, of variance 2 / fan_in. See `unifinit.HeUniform`."""
    return VarianceScaling(2.0, "fan_in", "uniform", seed)


def he_normal(seed: int | None = None) -> VarianceScaling:
    """Truncated normal of variance 2 / fan_in. See `unifinit.HeNormal`."""
    return VarianceScaling(2.0, "fan_in", "truncated_normal", seed)


constant = constant_initializer = Constant
glorot_normal = glorot_normal_initializer = GlorotNormal
glorot_uniform = glorot_uniform_initializer = GlorotUniform
identity = identity_initializer = Identity
ones = ones_initializer = Ones
orthogonal = orthogonal_initializer = Orthogonal
random_normal = random_normal_initializer = RandomNormal
random_uniform = random_uniform_initializer = RandomUniform
truncated_normal = truncated_normal_initializer = TruncatedNormal
uniform_unit_scaling = uniform_unit_scaling_initializer = UniformUnitScaling
variance_scaling = variance_scaling_initializer = VarianceScaling
zeros = zeros_initializer = Zeros
convolutional_delta_orthogonal = ConvolutionDeltaOrthogonal
convolutional_orthogonal_1d = ConvolutionOrthogonal1D
convolutional_orthogonal_2d = ConvolutionOrthogonal2D
convolutional_orthogonal_3d = ConvolutionOrthogonal3D
