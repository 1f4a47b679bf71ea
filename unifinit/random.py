"""Random numbers for any framework's arrays, the same bits on each.

All functions are pure: equal keys, shapes and dtypes give equal values. They are those of
``jax.random`` where JAX is exact, and agree with them within JAX's own error elsewhere. Element i in
row-major order depends on the key and on i alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, SupportsIndex

from unifinit import contents, dispatch
from unifinit.compilers import read, read_as
from unifinit.content import Content
from unifinit.errors import SeedError
from unifinit.key import AnyKey
from unifinit.plan import make_plan
from unifinit.types import DTYPES, Array, DType, require_inexact

__all__ = ["bits", "normal", "truncated_normal", "uniform"]


@read_as(lambda *a, **k: read("bits", a, k))
def bits(
    key: AnyKey | SupportsIndex | Array,
    shape: object,
    dtype: object = None,
    *,
    like: Array | None = None,
    backend: Any = None,
    device: Any = None,
    index: object = ...,
) -> Array:
    """Random bits; the values of ``jax.random.bits``.

    Parameters
    ----------
    key : Key, int or array
        The key, its seed, or a key of a framework, which may be traced.
    shape : int or sequence of int
        The shape.
    dtype : {"uint32", "uint64"}, optional
        The dtype, by default uint32.
    like, backend, device
        As in a call of an initializer, but ``like`` does not decide the dtype.
    index : int, slice, ellipsis or tuple of them, optional
        Which part of the array is wanted, as in ``Initializer.shard``.

    Returns
    -------
    array
        Unsigned integers.

    Raises
    ------
    DtypeError
        For other dtypes.
    SeedError, ShapeError, WindowError, DeviceError, BackendError
        If another argument is wrong.
    """
    return dispatch.create(
        _maker(contents.bits),
        _required(key),
        shape,
        DTYPES["uint32"] if dtype is None else dtype,
        like=like,
        backend=backend,
        device=device,
        index=index,
    )


@read_as(lambda *a, **k: read("uniform", a, k))
def uniform(
    key: AnyKey | SupportsIndex | Array,
    shape: object,
    dtype: object = None,
    *,
    minval: float = 0.0,
    maxval: float = 1.0,
    like: Array | None = None,
    backend: Any = None,
    device: Any = None,
    index: object = ...,
) -> Array:
    """Uniform numbers on [minval, maxval); for 0 and 1 the values of ``jax.random.uniform``.

    Parameters
    ----------
    key : Key, int or array
        The key, its seed, or a key of a framework, which may be traced.
    shape : int or sequence of int
        The shape.
    dtype : str or dtype, optional
        A floating dtype, by default that of ``like``, or else float32. There are 2**52 different numbers
        for float64, 2**23 for float32; 16-bit floats are rounded float32 numbers.
    minval, maxval : float
        The ends; equal ends give a constant. Rounding can reach ``maxval``, unless the ends are 0 and 1
        and the dtype has at least 32 bits; rounding to 16 bits can exceed an end that 16 bits do not hold.
    like, backend, device
        As in a call of an initializer.
    index : int, slice, ellipsis or tuple of them, optional
        Which part of the array is wanted, as in ``Initializer.shard``.

    Raises
    ------
    ArgumentError
        If an end is not finite, or minval exceeds maxval.
    DtypeError, SeedError, ShapeError, WindowError, DeviceError, BackendError
        If another argument is wrong.
    """
    return dispatch.create(
        _maker(lambda dtype: contents.uniform(minval, maxval, require_inexact(dtype, "uniform"))),
        _required(key),
        shape,
        dtype,
        like=like,
        backend=backend,
        device=device,
        index=index,
    )


@read_as(lambda *a, **k: read("normal", a, k))
def normal(
    key: AnyKey | SupportsIndex | Array,
    shape: object,
    dtype: object = None,
    *,
    mean: float = 0.0,
    stddev: float = 1.0,
    like: Array | None = None,
    backend: Any = None,
    device: Any = None,
    index: object = ...,
) -> Array:
    """Normal numbers; those of ``jax.random.normal``, but more exact.

    Each is the quantile of a uniform number, from a table that is part of the stream: off by at most
    2.5e-7 for float32 (its rounding; JAX: 2.2e-5), and 1e-13 for float64. They reach from -5.42 to 5.22
    standard deviations for float32, and from -8.29 to 8.16 for float64.

    Parameters
    ----------
    key : Key, int or array
        The key, its seed, or a key of a framework, which may be traced.
    shape : int or sequence of int
        The shape.
    dtype : str or dtype, optional
        A floating dtype, by default that of ``like``, or else float32.
    mean, stddev : float
        Mean and standard deviation; a stddev of 0 gives a constant.
    like, backend, device
        As in a call of an initializer.
    index : int, slice, ellipsis or tuple of them, optional
        Which part of the array is wanted, as in ``Initializer.shard``.

    Raises
    ------
    ArgumentError
        If a parameter is not finite, stddev is negative, or values would not fit the dtype.
    DtypeError, SeedError, ShapeError, WindowError, DeviceError, BackendError
        If another argument is wrong.
    """
    return dispatch.create(
        _maker(lambda dtype: contents.normal(mean, stddev, require_inexact(dtype, "normal"))),
        _required(key),
        shape,
        dtype,
        like=like,
        backend=backend,
        device=device,
        index=index,
    )


@read_as(lambda *a, **k: read("truncated_normal", a, k))
def truncated_normal(
    key: AnyKey | SupportsIndex | Array,
    shape: object,
    dtype: object = None,
    *,
    lower: float = -2.0,
    upper: float = 2.0,
    mean: float = 0.0,
    stddev: float = 1.0,
    like: Array | None = None,
    backend: Any = None,
    device: Any = None,
    index: object = ...,
) -> Array:
    """Normal numbers conditioned on ``lower <= (x - mean) / stddev <= upper``.

    Each is one quantile: nothing is rejected, and none lies outside, but for the rounding to the dtype.
    ``jax.random.truncated_normal`` gives the same within its own error.

    Parameters
    ----------
    key : Key, int or array
        The key, its seed, or a key of a framework, which may be traced.
    shape : int or sequence of int
        The shape.
    dtype : str or dtype, optional
        A floating dtype, by default that of ``like``, or else float32.
    lower, upper : float
        The bounds, in standard deviations from the mean; infinite ones are allowed.
    mean, stddev : float
        Mean and standard deviation before truncation; a stddev of 0 gives a constant.
    like, backend, device
        As in a call of an initializer.
    index : int, slice, ellipsis or tuple of them, optional
        Which part of the array is wanted, as in ``Initializer.shard``.

    Raises
    ------
    ArgumentError
        If lower is not below upper, no number lies between them, mean or stddev is not finite, stddev is
        negative, or values would not fit the dtype.
    DtypeError, SeedError, ShapeError, WindowError, DeviceError, BackendError
        If another argument is wrong.
    """
    return dispatch.create(
        _maker(
            lambda dtype: contents.truncated_normal(
                lower, upper, mean, stddev, require_inexact(dtype, "truncated_normal")
            )
        ),
        _required(key),
        shape,
        dtype,
        like=like,
        backend=backend,
        device=device,
        index=index,
    )


def _maker(content: Callable[[DType], Content]) -> dispatch.MakePlan:
    return lambda shape, dtype, layout: make_plan(shape, dtype, layout, lambda _: content(dtype))


def _required(key: AnyKey | SupportsIndex | Array) -> AnyKey:
    if key is None:
        raise SeedError("key is None; wanted a unifinit.Key or an integer: random functions are pure")
    return dispatch.as_any_key(key)
