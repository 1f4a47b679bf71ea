"""The names of ``jax.nn.initializers``, and Flax's two beside them, drawn by unifinit.

Builders return functions ``init(key, shape, dtype=..., out_sharding=None)``, which work in compiled code
too. Uniform values are JAX's to the bit; normal ones differ from JAX's by its own rounding error, which is
larger. In 16 bits they are the rounded values of float32. Keys are those of the default generator,
Threefry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol, TypeAlias

import jax
from jax.nn.initializers import Initializer, constant, ones, zeros

import unifinit as ui
from unifinit import dispatch
from unifinit.errors import ShapeError
from unifinit.layout import Layout
from unifinit.plan import Plan
from unifinit.types import DType, Shape, as_shape

__all__ = [
    "Initializer",
    "constant",
    "delta_orthogonal",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "ones_init",
    "orthogonal",
    "truncated_normal",
    "uniform",
    "variance_scaling",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
    "zeros_init",
]

Axes: TypeAlias = int | Sequence[int]

DISTRIBUTIONS = {"normal": "untruncated_normal", "truncated_normal": "truncated_normal", "uniform": "uniform"}
"""What JAX's names are here."""


class Scaling(Protocol):
    """A builder of an initializer whose variance follows from the fans."""

    def __call__(
        self, in_axis: Axes = -2, out_axis: Axes = -1, batch_axis: Axes = (), dtype: Any = None
    ) -> Initializer:
        """The initializer, for axes that are inputs, outputs and batches; the others are spatial."""


def _function(draw: Callable[[Any, Shape, Any, Any], jax.Array], dtype: Any) -> Initializer:
    """What JAX calls an initializer, which hands its arguments on."""

    def init(key: Any, shape: Any, dtype: Any = dtype, out_sharding: Any = None) -> jax.Array:
        return draw(key, as_shape(shape), _canonical(dtype), out_sharding)

    return init


def _elements(standard: ui.Initializer, parameter: str, scale: Any, dtype: Any) -> Initializer:
    """An initializer for which the shape does not matter; a scale that is an array is applied at last."""

    def draw(key: Any, shape: Shape, dtype: Any, sharding: Any) -> jax.Array:
        is_number = isinstance(scale, (int, float))
        initializer = standard.replace(**{parameter: scale}) if is_number else standard
        found: jax.Array = initializer(shape, dtype, seed=key, backend="jax", device=sharding)
        return found if is_number else found * jax.numpy.asarray(scale, dtype)

    return _function(draw, dtype)


def _canonical(dtype: Any) -> Any:
    """The dtype that JAX takes for one: by default its own, and no 64 bits without the 64-bit mode."""
    return jax.dtypes.canonicalize_dtype(float if dtype is None else dtype)


def uniform(scale: float = 1e-2, dtype: Any = None) -> Initializer:
    """Uniform on [0, scale). See `unifinit.RandomUniform`."""
    return _elements(ui.RandomUniform(), "maxval", scale, dtype)


def normal(stddev: float = 1e-2, dtype: Any = None) -> Initializer:
    """Normal with a standard deviation. See `unifinit.RandomNormal`."""
    return _elements(ui.RandomNormal(), "stddev", stddev, dtype)


def truncated_normal(
    stddev: float = 1e-2, dtype: Any = None, lower: float = -2.0, upper: float = 2.0
) -> Initializer:
    """Normal, truncated at standard deviations. See `unifinit.TruncatedNormal`."""
    return _elements(ui.TruncatedNormal(lower=lower, upper=upper), "stddev", stddev, dtype)


def variance_scaling(
    scale: float,
    mode: str,
    distribution: str,
    in_axis: Axes = -2,
    out_axis: Axes = -1,
    batch_axis: Axes = (),
    dtype: Any = None,
) -> Initializer:
    """Variance ``scale / fan``. See `unifinit.VarianceScaling`, whose "normal" is truncated, unlike JAX's."""
    initializer = ui.VarianceScaling(scale, mode, DISTRIBUTIONS.get(distribution, distribution))
    layout = Layout(in_axes=in_axis, out_axes=out_axis, batch_axes=batch_axis)

    def draw(key: Any, shape: Shape, dtype: Any, sharding: Any) -> jax.Array:
        if len(shape) < 2 and in_axis == -2:
            raise ShapeError(
                f"Can't compute input and output sizes of a {len(shape)}-dimensional weights tensor with "
                "default in_axis. Must be at least 2D or specify in_axis explicitly."
            )

        def plan(shape: Shape, dtype: DType, _: Layout) -> Plan:
            # Elements are numbered in row-major order, whatever the axes are, as JAX does.
            return Plan(shape, dtype, initializer.checked_content(layout.weight(shape), dtype))

        found: jax.Array = dispatch.create(
            plan, dispatch.as_any_key(key), shape, dtype, like=None, backend="jax", device=sharding
        )
        return found

    return _function(draw, dtype)


glorot_uniform: Scaling = partial(variance_scaling, 1.0, "fan_avg", "uniform")
glorot_normal: Scaling = partial(variance_scaling, 1.0, "fan_avg", "truncated_normal")
lecun_uniform: Scaling = partial(variance_scaling, 1.0, "fan_in", "uniform")
lecun_normal: Scaling = partial(variance_scaling, 1.0, "fan_in", "truncated_normal")
he_uniform: Scaling = partial(variance_scaling, 2.0, "fan_in", "uniform")
he_normal: Scaling = partial(variance_scaling, 2.0, "fan_in", "truncated_normal")
xavier_uniform = glorot_uniform
xavier_normal = glorot_normal
kaiming_uniform = he_uniform
kaiming_normal = he_normal


def orthogonal(scale: float = 1.0, column_axis: int = -1, dtype: Any = None) -> Initializer:
    """A matrix with orthonormal rows or columns, times a scale. See `unifinit.Orthogonal`."""

    def layout(shape: Shape) -> Layout:
        column = range(len(shape))[column_axis]
        return Layout(in_axes=[axis for axis in range(len(shape)) if axis != column], out_axes=column)

    return _matrix(ui.Orthogonal(scale), layout, dtype)


def delta_orthogonal(scale: float = 1.0, column_axis: int = -1, dtype: Any = None) -> Initializer:
    """A kernel that is an orthogonal matrix at its centre, and else zero. See `unifinit.DeltaOrthogonal`.

    The last two axes are inputs and outputs, whatever ``column_axis`` is, as in JAX, where it only decides in
    which order the matrix is made.
    """
    del column_axis
    return _matrix(ui.DeltaOrthogonal(scale), lambda shape: Layout(), dtype)  # noqa: ARG005


def _matrix(initializer: ui.Initializer, layout: Callable[[Shape], Layout], dtype: Any) -> Initializer:
    """An initializer of matrices."""

    def draw(key: Any, shape: Shape, dtype: Any, sharding: Any) -> jax.Array:
        if len(shape) < 2:
            raise ShapeError(
                f"shape {shape} has fewer than two axes; wanted two or more for orthogonal rows or columns"
            )
        found: jax.Array = initializer(
            shape, dtype, seed=key, backend="jax", device=sharding, layout=layout(shape)
        )
        return found

    return _function(draw, dtype)


def zeros_init() -> Initializer:
    """Flax's builder of ``zeros``."""
    found: Initializer = zeros
    return found


def ones_init() -> Initializer:
    """Flax's builder of ``ones``."""
    found: Initializer = ones
    return found
