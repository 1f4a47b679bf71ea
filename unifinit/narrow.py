"""Floats that NumPy does not have, as words: bfloat16 and the 8-bit formats.

The 8-bit formats are those of Micikevicius et al., "FP8 formats for deep learning" (2022), and, with "uz" for
unsigned zero, of Noune et al., "8-bit numerical formats for deep neural networks" (2022), as the package
ml_dtypes and all frameworks name them: "e4m3" has 4 bits of exponent and 3 of mantissa, "fn" no infinities.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Words: TypeAlias = npt.NDArray[np.unsignedinteger[Any]]
Singles: TypeAlias = npt.NDArray[np.float32]


class Format(NamedTuple):
    """An 8-bit format.

    Attributes
    ----------
    mantissa
        Bits of the mantissa.
    least_exponent
        That of the smallest normal number.
    infinity
        The word of infinity; None if there is none.
    nan
        The word of NaN.
    """

    mantissa: int
    least_exponent: int
    infinity: int | None
    nan: int

    @property
    def has_signed_zero(self) -> bool:
        """Whether there is a word for -0; else it is that of NaN."""
        return self.nan != SIGN


SIGN = 0x80
FORMATS = {
    "float8_e4m3fn": Format(3, -6, None, 0x7F),
    "float8_e5m2": Format(2, -14, 0x7C, 0x7E),
    "float8_e4m3fnuz": Format(3, -7, None, SIGN),
    "float8_e5m2fnuz": Format(2, -15, None, SIGN),
}
NARROW = ("bfloat16", *FORMATS)
"""The names of the dtypes that this module knows."""


def word_dtype(name: str) -> np.dtype[Any]:
    """The unsigned integers that stand for a dtype."""
    return np.dtype(np.uint16 if name == "bfloat16" else np.uint8)


def encode(values: Singles, name: str) -> Words:
    """The words of numbers rounded to a dtype, to nearest even.

    Beyond the largest number comes infinity, or NaN where there is none.
    """
    return _to_bfloat16(values) if name == "bfloat16" else _to_words(values, FORMATS[name])


def decode(words: Words, name: str) -> Singles:
    """The numbers that words are."""
    if name == "bfloat16":
        return (words.astype(np.uint32) << 16).view(np.float32)
    return _table(name)[words]


def _to_bfloat16(values: Singles) -> Words:
    # It is the upper half of a float32.
    words = np.asarray(values, dtype=np.float32, order="C").view(np.uint32)
    rounded = ((words + 0x7FFF + (words >> 16 & 1)) >> 16).astype(np.uint16)
    return np.where(np.isnan(values), np.uint16(0x7FC0), rounded)


def _to_words(values: Singles, form: Format) -> Words:
    size = np.abs(np.asarray(values, dtype=np.float64))
    finite = np.isfinite(size)
    known = np.where(finite, size, 0.0)
    # Of x = m * 2**e with 1 <= m < 2; subnormal numbers share the least exponent.
    exponent = np.where(known > 0, np.frexp(known)[1] - 1, form.least_exponent)
    exponent = np.maximum(exponent, form.least_exponent)
    units = np.rint(np.ldexp(known, form.mantissa - exponent)).astype(np.int64)
    words = units + ((exponent.astype(np.int64) - form.least_exponent) << form.mantissa)
    beyond = form.nan if form.infinity is None else form.infinity
    words = np.where(words >= beyond, beyond, words)
    words = np.where(finite, words, np.where(np.isnan(size), form.nan, beyond))
    signed = np.signbit(values) & (words != form.nan if form.has_signed_zero else ~np.isin(words, (0, SIGN)))
    return np.where(signed, words | SIGN, words).astype(np.uint8)


@cache
def _table(name: str) -> Singles:
    form = FORMATS[name]
    words = np.arange(256)
    field, mantissa = (words & 0x7F) >> form.mantissa, words & ((1 << form.mantissa) - 1)
    units = np.where(field == 0, mantissa, mantissa + (1 << form.mantissa))
    exponent = np.maximum(field, 1) - 1 + form.least_exponent - form.mantissa
    numbers = np.ldexp(units.astype(np.float64), exponent)
    numbers = np.where(words & SIGN, -numbers, numbers)
    if not form.has_signed_zero:
        numbers[SIGN] = np.nan
    elif form.infinity is None:
        numbers[[form.nan, form.nan | SIGN]] = np.nan
    else:
        numbers[[form.infinity, form.infinity | SIGN]] = np.inf, -np.inf
        numbers[(words & 0x7F) > form.infinity] = np.nan
    table: Singles = numbers.astype(np.float32)
    return table
