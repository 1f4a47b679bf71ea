"""Checks of the parameters of distributions."""

from __future__ import annotations

import math

from unifinit.distributions.resolution import least_scale, smallest_normal
from unifinit.errors import ArgumentError
from unifinit.types import DType


def real(value: float, what: str) -> float:
    """A real number, infinite ones included.

    Raises
    ------
    ArgumentError
        If it is none, or NaN.
    """
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if math.isnan(number) or isinstance(value, (str, bytes, bytearray)):
        raise ArgumentError(f"{what} is {value!r}; wanted a real number")
    return number


def finite(value: float, what: str) -> float:
    """A finite real number.

    Raises
    ------
    ArgumentError
        If it is none.
    """
    number = real(value, what)
    if math.isinf(number):
        raise ArgumentError(f"{what} is {value!r}; wanted a finite number")
    return number


def require_normal(scale: float, what: str, dtype: DType) -> None:
    """Do nothing if a scale is finite, and numbers of that scale are far from the subnormal ones.

    Raises
    ------
    ArgumentError
        If not.
    """
    least = least_scale(dtype)
    if scale == math.inf:
        raise ArgumentError(f"{what} is too large for {dtype.compute}; wanted a finite number")
    if scale < 0:
        raise ArgumentError(f"{what} is {scale}; wanted at least 0")
    if not scale >= least:
        raise ArgumentError(
            f"{what} is {scale} (as {dtype.compute}); wanted at least {least:.3g}, below which values would "
            "be subnormal numbers, which frameworks treat differently"
            + ("" if dtype.name == "float64" else ", or dtype='float64'")
        )


def require_offset(offset: float, what: str, dtype: DType) -> None:
    """Do nothing if a number is 0 or a normal number, not a subnormal one.

    Raises
    ------
    ArgumentError
        If it is subnormal.
    """
    least = smallest_normal(dtype)
    if 0 < abs(offset) < least:
        raise ArgumentError(
            f"{what} is {offset} (as {dtype.compute}), a subnormal number, which frameworks treat "
            f"differently; wanted 0, or at least {least:.3g} in magnitude"
        )


def require_range(minimum: float, maximum: float, dtype: DType) -> None:
    """Do nothing if a dtype holds all numbers of a range.

    Raises
    ------
    ArgumentError
        If not.
    """
    if not (-dtype.largest <= minimum and maximum <= dtype.largest):
        raise ArgumentError(
            f"values between {minimum:.6g} and {maximum:.6g} do not fit dtype {dtype.name}, whose largest "
            f"number is {dtype.largest:.6g}; wanted a smaller range or a wider dtype"
        )
