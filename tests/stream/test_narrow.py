"""Floats that NumPy lacks, against exact arithmetic and ml_dtypes."""

from fractions import Fraction

import numpy as np
import pytest

from unifinit import narrow
from unifinit.types import DTYPES

EIGHT = sorted(narrow.FORMATS)


def boundaries(name: str) -> np.ndarray:
    """All finite numbers of a dtype, the midpoints between neighbours, and what lies next to these."""
    finite = narrow.decode(np.arange(256, dtype=np.uint8), name)
    finite = np.unique(np.abs(finite[np.isfinite(finite)]))
    middle = ((finite[1:].astype(np.float64) + finite[:-1]) / 2).astype(np.float32)
    points = np.concatenate([finite, middle])
    near = [np.nextafter(points, np.float32(end)) for end in (np.inf, 0)]
    found = np.concatenate([points, *near])
    found = found[found <= DTYPES[name].largest]
    return np.concatenate([found, -found])


def nearest(x: float, name: str) -> set[int]:
    """The words whose numbers are nearest to x, the even one if there are two."""
    words = np.arange(256, dtype=np.uint8)
    numbers = narrow.decode(words, name)
    exact = {
        int(word): Fraction(float(number))
        for word, number in zip(words, numbers, strict=True)
        if np.isfinite(number)
    }
    distance = {word: abs(number - Fraction(x)) for word, number in exact.items()}
    least = min(distance.values())
    found = {word for word, far in distance.items() if far == least}
    if len({exact[word] for word in found}) > 1:
        found = {word for word in found if word % 2 == 0}
    return found


@pytest.mark.parametrize("name", EIGHT)
class TestEightBits:
    def test_nearest_even(self, name: str) -> None:
        values = boundaries(name)
        for x, word in zip(values.tolist(), narrow.encode(values, name).tolist(), strict=True):
            assert word in nearest(x, name), (x, word)

    def test_signs(self, name: str) -> None:
        values = boundaries(name)
        words = narrow.encode(values, name)
        signed = narrow.FORMATS[name].has_signed_zero
        for x, word in zip(values, words.tolist(), strict=True):
            negative = np.signbit(x) and (signed or narrow.decode(np.array([word], np.uint8), name)[0] != 0)
            assert (word >= 128) == negative

    def test_numbers_are_those_of_ml_dtypes(self, name: str) -> None:
        native = np.dtype(getattr(pytest.importorskip("ml_dtypes"), name))
        words = np.arange(256, dtype=np.uint8)
        ours, theirs = narrow.decode(words, name), words.view(native).astype(np.float32)
        assert np.array_equal(np.isnan(ours), np.isnan(theirs))
        real = ~np.isnan(ours)
        assert np.array_equal(ours[real].view(np.uint32), theirs[real].view(np.uint32))

    def test_words_are_those_of_ml_dtypes(self, name: str) -> None:
        native = np.dtype(getattr(pytest.importorskip("ml_dtypes"), name))
        values = boundaries(name)
        assert np.array_equal(narrow.encode(values, name), values.astype(native).view(np.uint8))

    def test_what_is_beyond(self, name: str) -> None:
        form = narrow.FORMATS[name]
        found = narrow.decode(narrow.encode(np.array([np.inf, 1e30, np.nan], np.float32), name), name)
        assert np.isnan(found[2])
        assert np.isinf(found[:2]).all() if form.infinity is not None else np.isnan(found[:2]).all()

    def test_largest(self, name: str) -> None:
        assert DTYPES[name].largest == np.nanmax(
            np.where(np.isfinite(v := narrow.decode(np.arange(256, dtype=np.uint8), name)), v, 0)
        )
        assert DTYPES[name].round(DTYPES[name].largest) == DTYPES[name].largest


def test_bfloat16_keeps_nan_and_infinities() -> None:
    values = np.array([np.nan, np.inf, -np.inf, -0.0], np.float32)
    found = narrow.decode(narrow.encode(values, "bfloat16"), "bfloat16")
    assert np.array_equal(found, values, equal_nan=True)
    assert np.signbit(found[3])
