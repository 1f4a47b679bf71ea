"""Sines and cosines of arrays against mpmath and those of numbers."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unifinit import numerics
from unifinit.errors import ArgumentError
from unifinit.numerics import waves

mpmath = pytest.importorskip("mpmath")

LAST = waves.LARGEST_POSITION
CONVERGENTS = [
    355,
    104_348,
    312_689,
    1_146_408,
    5_419_351,
    80_143_857,
    245_850_922,
    411_557_987,
    1_068_966_896,
]
"""Integers that are almost multiples of pi."""
FREQUENCIES = [
    *((10_000, Fraction(-2 * i, 64)) for i in range(32)),
    *((500_000.0, Fraction(-i, 7)) for i in range(8)),
    (1, 0),
    (math.pi, 1),
    (math.pi / 2, 1),
    (2, Fraction(1, 2)),
    (2, -20),
    (7, Fraction(201, 2)),
    (1e300, 1),
]


def angle(position, base, exponent):
    exponent = Fraction(exponent)
    return position * mpmath.power(mpmath.mpf(base), mpmath.mpf(exponent.numerator) / exponent.denominator)


def truth(positions, frequencies, digits=400):
    with mpmath.workdps(digits):
        angles = [[angle(int(p), *w) for w in frequencies] for p in positions]
        return [[[float(f(x)) for x in row] for row in angles] for f in (mpmath.sin, mpmath.cos)]


def tolist(arrays):
    return [array.tolist() for array in arrays]


class TestProducts:
    def test_values(self):
        random = np.random.default_rng(0)
        positions = [
            0,
            1,
            2,
            LAST,
            *CONVERGENTS,
            *random.integers(0, 10_000, 30),
            *random.integers(0, LAST, 30),
        ]
        assert tolist(numerics.sincos_products(positions, FREQUENCIES)) == truth(positions, FREQUENCIES)

    @settings(max_examples=30)
    @given(
        st.lists(st.integers(0, LAST), max_size=5),
        st.lists(
            st.tuples(
                st.integers(1, 10**9) | st.floats(1e-9, 1e9), st.fractions(-3, 3, max_denominator=1000)
            ),
            max_size=5,
        ),
    )
    def test_any_frequencies(self, positions, frequencies):
        found = tolist(numerics.sincos_products(positions, frequencies))
        assert found == truth(positions, frequencies, 100)

    def test_error_of_pairs(self, monkeypatch, record_property):
        seen = []

        def spy(value, error, exact):
            seen.append(value)
            return rounded(value, error, exact)

        rounded = waves.rounded
        monkeypatch.setattr(waves, "rounded", spy)
        monkeypatch.setattr(waves, "CHUNK", 10**6)
        random = np.random.default_rng(1)
        positions = [*CONVERGENTS, *range(LAST - 9, LAST + 1), *random.integers(0, LAST, 40)]
        numerics.sincos_products(positions, FREQUENCIES)
        worst = 0.0
        with mpmath.workdps(400):
            angles = [angle(int(p), *w) for p in positions for w in FREQUENCIES]
            for function, (high, low) in zip((mpmath.sin, mpmath.cos), seen, strict=True):
                for x, first, second in zip(angles, high.flat, low.flat, strict=True):
                    worst = max(worst, float(abs(mpmath.mpf(float(first)) + float(second) - function(x))))
        record_property("worst_error", math.log2(worst))
        assert worst < 2.0**-93 < waves.ERROR

    @pytest.mark.parametrize("error", [2.0**-56, 1.0])
    def test_elements_that_are_left_open(self, error, monkeypatch):
        positions, asked = [0, 1, 5, 355, LAST], []
        expected = tolist(numerics.sincos_products(positions, FREQUENCIES))

        def spy(*arguments):
            asked.append(arguments)
            return exact(*arguments)

        exact = waves._sincos_product
        monkeypatch.setattr(waves, "ERROR", error)
        monkeypatch.setattr(waves, "_sincos_product", spy)
        monkeypatch.setattr(waves, "CHUNK", 100)
        assert tolist(numerics.sincos_products(positions, FREQUENCIES)) == expected
        count = 2 * len(positions) * len(FREQUENCIES)
        assert len(asked) == count if error == 1 else count / 20 < len(asked) < count

    def test_tiny_results(self):
        frequencies = [(2, -999), (10, Fraction(-301)), (3, Fraction(-100))]
        assert tolist(numerics.sincos_products([0, 1, 3, LAST], frequencies)) == truth(
            [0, 1, 3, LAST], frequencies
        )

    @pytest.mark.parametrize("chunk", [1, 7, 50, 10**6])
    def test_chunks_change_nothing(self, chunk, monkeypatch):
        expected = tolist(numerics.sincos_products(np.arange(40), FREQUENCIES))
        monkeypatch.setattr(waves, "CHUNK", chunk)
        assert tolist(numerics.sincos_products(np.arange(40, dtype=np.uint8), FREQUENCIES)) == expected

    def test_nothing(self):
        for positions, frequencies in (([], FREQUENCIES), ([1, 2], []), ([], [])):
            for found in numerics.sincos_products(positions, frequencies):
                assert found.shape == (len(positions), len(frequencies))

    @pytest.mark.parametrize("positions", [[-1], [LAST + 1], [0.5], [[1, 2]], 3, [True]])
    def test_refuses_positions(self, positions):
        with pytest.raises(ArgumentError, match=r"positions: got .*, wanted one dimension of integers"):
            numerics.sincos_products(positions, FREQUENCIES)

    @pytest.mark.parametrize(
        "frequency",
        [(0, 1), (-1.0, 2), (2, math.nan), (2, 1001), (2, -1001), (2, 10**9), (2, -(10**40)), (2, 10**400)],
    )
    def test_refuses_frequencies(self, frequency):
        with pytest.raises(ArgumentError, match=r": got .*, wanted "):
            numerics.sincos_products([1], [(1, 1), frequency])


class TestTurns:
    @pytest.mark.parametrize("den", [1, 2, 3, 4, 12, 24, 97, 512, 1000])
    def test_all_of_a_circle(self, den):
        num = np.arange(-den, 2 * den).reshape(3, den)
        sines = [numerics.sin_turns(n, den) for n in range(den)]
        cosines = [numerics.cos_turns(n, den) for n in range(den)]
        assert tolist(numerics.sincos_turns_array(num, den)) == [[sines] * 3, [cosines] * 3]

    @given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5), st.integers(1, LAST))
    def test_any(self, num, den):
        expected = [[f(n, den) for n in num] for f in (numerics.sin_turns, numerics.cos_turns)]
        assert tolist(numerics.sincos_turns_array(num, den)) == expected

    def test_unsigned_and_short_integers(self):
        for num in (np.array([2**64 - 1, 5], np.uint64), np.array([-100, 7], np.int8)):
            expected = [numerics.sin_turns(n, 1000) for n in num.tolist()]
            assert numerics.sincos_turns_array(num, 1000)[0].tolist() == expected

    def test_chunks_change_nothing(self, monkeypatch):
        expected = tolist(numerics.sincos_turns_array(np.arange(100), 1000))
        monkeypatch.setattr(waves, "CHUNK", 7)
        assert tolist(numerics.sincos_turns_array(np.arange(100), 1000)) == expected

    def test_refuses(self):
        for num, den in (([1], 0), ([1], -1), ([1], 2**31), ([0.5], 2)):
            with pytest.raises(ArgumentError, match=r"got .*, wanted "):
                numerics.sincos_turns_array(num, den)
