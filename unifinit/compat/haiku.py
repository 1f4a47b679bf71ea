"""The names of ``haiku.initializers``, drawn by unifinit.

The classes are subclasses of Haiku's: their arguments, attributes and errors are Haiku's own. Keys come from
``hk.next_rng_key()``, as in Haiku. What draws nothing is Haiku's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import haiku as hk
import jax
from haiku.initializers import Constant, Identity, Initializer

import unifinit as ui
from unifinit.layout import Layout
from unifinit.types import as_dtype

__all__ = [
    "Constant",
    "Identity",
    "Initializer",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "UniformScaling",
    "VarianceScaling",
]


def _drawn(
    initializer: ui.Initializer, shape: Sequence[int], dtype: Any, layout: Layout | None = None
) -> jax.Array:
    dtype = jax.dtypes.canonicalize_dtype(dtype)
    array: jax.Array = initializer(shape, dtype, seed=hk.next_rng_key(), backend="jax", layout=layout)
    return array


def _as(value: Any, dtype: Any) -> jax.Array:
    array: jax.Array = jax.lax.convert_element_type(value, jax.dtypes.canonicalize_dtype(dtype))
    return array


def _is_number(*values: object) -> bool:
    return all(isinstance(value, (int, float)) for value in values)


class RandomNormal(hk.initializers.RandomNormal):  # type: ignore[misc]
    """Normal with a mean and a standard deviation. See `unifinit.RandomNormal`."""

    def __call__(self, shape: Sequence[int], dtype: Any) -> jax.Array:
        """A new array; parameters that are arrays or complex numbers are applied to standard numbers."""
        if _is_number(self.mean, self.stddev):
            return _drawn(ui.RandomNormal(self.mean, self.stddev), shape, dtype)
        return _drawn(ui.RandomNormal(), shape, dtype) * _as(self.stddev, dtype) + _as(self.mean, dtype)


class TruncatedNormal(hk.initializers.TruncatedNormal):  # type: ignore[misc]
    """Normal, truncated at standard deviations. See `unifinit.TruncatedNormal`."""

    def __call__(self, shape: Sequence[int], dtype: Any) -> jax.Array:
        """A new array; of complex ones each part has the standard deviation, as in Haiku."""
        factor = 2**0.5 if as_dtype(dtype).is_complex else 1.0
        if _is_number(self.mean, self.stddev):
            stddev = self.stddev * factor
            return _drawn(ui.TruncatedNormal(self.mean, stddev, self.lower, self.upper), shape, dtype)
        standard = _drawn(ui.TruncatedNormal(0.0, factor, self.lower, self.upper), shape, dtype)
        return standard * _as(self.stddev, dtype) + _as(self.mean, dtype)


class RandomUniform(hk.initializers.RandomUniform):  # type: ignore[misc]
    """Uniform on [minval, maxval). See `unifinit.RandomUniform`."""

    def __call__(self, shape: Sequence[int], dtype: Any) -> jax.Array:
        """A new array."""
        if _is_number(self.minval, self.maxval):
            return _drawn(ui.RandomUniform(self.minval, self.maxval), shape, dtype)
        low = _as(self.minval, dtype)
        return _drawn(ui.RandomUniform(), shape, dtype) * (_as(self.maxval, dtype) - low) + low


class VarianceScaling(hk.initializers.VarianceScaling):  # type: ignore[misc]
    """Variance ``scale / fan``. See `unifinit.VarianceScaling`, whose "normal" is truncated."""

    def __call__(self, shape: Sequence[int], dtype: Any) -> jax.Array:
        """A new array."""
        distribution = "untruncated_normal" if self.distribution == "normal" else self.distribution
        initializer = ui.VarianceScaling(self.scale, self.mode, distribution)
        return _drawn(initializer, shape, dtype, self._layout(len(shape)))

    def _layout(self, rank: int) -> Layout | None:
        """Which axes are inputs: Haiku asks for them only where there are more than two."""
        if self.fan_in_axes is None or rank < 3:
            return None
        inputs = [range(rank)[axis] for axis in self.fan_in_axes]
        return Layout(in_axes=inputs, out_axes=[axis for axis in range(rank) if axis not in inputs])


class UniformScaling(hk.initializers.UniformScaling):  # type: ignore[misc]
    """Uniform on ±scale * sqrt(3 / all axes but the last). See `unifinit.UniformUnitScaling`."""

    def __call__(self, shape: Sequence[int], dtype: Any) -> jax.Array:
        """A new array."""
        return _drawn(ui.UniformUnitScaling(self.scale), shape, dtype)


class Orthogonal(hk.initializers.Orthogonal):  # type: ignore[misc]
    """A matrix with orthonormal rows or columns, times a scale. See `unifinit.Orthogonal`."""

    def __call__(self, shape: Sequence[int], dtype: Any) -> jax.Array:
        """A new array."""
        if len(shape) < 2:
            raise ValueError(f"Orthogonal initializer requires at least a 2D shape. Received: {tuple(shape)}")
        axis = range(len(shape))[self.axis]
        inputs = [other for other in range(len(shape)) if other != axis]
        layout = Layout(in_axes=inputs, out_axes=axis)
        return _drawn(ui.Orthogonal(self.scale), shape, dtype, layout)
