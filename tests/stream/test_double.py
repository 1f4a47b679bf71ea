"""Fixed-point numbers of 64 bits against exact arithmetic."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unifinit.stream import double, tables
from unifinit.stream.ops import Ops

mpmath = pytest.importorskip("mpmath")

OPS = Ops(np)
ONE = 2**53
"""U runs from 1 - ONE to ONE - 1."""


@cache
def tails():
    """Values of t = 2**53 - |U|: in every octave its ends and some between, and the middle."""
    random = np.random.default_rng(0)
    found = {ONE}
    for octave in range(53):
        first = 2**octave
        found |= {first, first + first // 2, 2 * first - 1, *random.integers(first, 2 * first, 30).tolist()}
    return sorted(found)


@cache
def exact_quantiles():
    with mpmath.workdps(50):
        return [mpmath.sqrt(2) * mpmath.erfinv(1 - mpmath.mpf(2) * tail / 2 ** (53 + 1)) for tail in tails()]


class TestQuantile:
    @pytest.mark.parametrize("sign", [1, -1])
    def test_worst_error(self, sign, record_property):
        assert len(tails()) >= 1500
        z = double.quantile(OPS, sign * (ONE - np.array(tails(), np.int64)))
        found = z.astype(np.float64) * 2.0**-52
        with mpmath.workdps(50):
            errors = [
                float(abs(mpmath.mpf(x) - sign * truth))
                for x, truth in zip(found.tolist(), exact_quantiles(), strict=True)
            ]
        worst = max(errors)
        record_property("worst_error", worst)
        print(f"worst error {worst:.4g} at t = {tails()[errors.index(worst)]} of {len(errors)} points")  # noqa: T201
        assert worst <= 1e-13  # What is documented.
        assert worst <= 5e-15  # What holds.

    def test_falls_between_neighbours_by_no_more_than_its_error(self):
        # Neighbouring integers throughout the range, across the bounds of segments above all.
        starts = {2**e // 32 * s for e in range(6, 54) for s in range(32, 64)} | set(tails())
        tail = np.array(sorted({t + d for t in starts for d in range(-2, 3) if 1 <= t + d <= ONE}), np.int64)
        z = double.quantile(OPS, ONE - tail)
        assert (z - np.minimum.accumulate(z)).max() * 2.0**-52 <= 2e-15

    def test_is_symmetric(self):
        u = ONE - np.array(tails(), np.int64)
        assert np.array_equal(double.quantile(OPS, u), -double.quantile(OPS, -u))

    def test_at_the_middle_and_at_the_ends(self):
        assert (double.quantile(OPS, np.arange(1, 1000)) >= 0).all()
        middle, last, first = double.quantile(OPS, np.array([0, ONE - 1, 1 - ONE])).tolist()
        assert middle == 0
        assert last == -first == double.LARGEST_QUANTILE

    def test_array_api_strict_gives_the_same(self):
        xp = pytest.importorskip("array_api_strict")
        u = ONE - np.array(tails(), np.int64)
        found = double.quantile(Ops(xp), xp.asarray(u))
        assert found.dtype == xp.int64
        assert np.array_equal(np.asarray(found), double.quantile(OPS, u))

    def test_no_intermediate_result_overflows(self, check_overflow):
        u = ONE - np.array(tails(), np.int64)
        assert check_overflow(double.quantile, np.concatenate([u, -u])) <= 63

    def test_horners_scheme_keeps_within_the_range_of_times(self):
        # Every partial result that is multiplied by a step is a sum of coefficients of x**1 and higher,
        # each lowered by less than one step; the table leaves room.
        bounds = np.abs(tables.double().astype(object))[1:].sum(axis=0)
        assert max(bounds) + 8 < 2**48

    def test_agrees_with_float32s_quantile(self):
        from unifinit.stream import single

        k = np.arange(0, 2**23, 997, dtype=np.int32)
        u = single.centred(OPS, k)
        coarse = single.quantile(OPS, u) * 2.0**-28
        fine = double.quantile(OPS, u.astype(np.int64) << 29) * 2.0**-52
        assert np.abs(coarse - fine).max() <= 6e-8


@given(a=st.integers(1 - 2**48, 2**48 - 1), step=st.integers(0, 2**48 - 1))
def test_times_is_at_most_three_units_below_the_product(a, step):
    found = int(double._times(OPS, np.array([a]), np.array([step]))[0])
    assert 0 <= (a * step >> 48) - found <= 2


class TestFraction:
    def test_is_the_upper_52_bits_of_the_joined_words(self):
        first, second = np.random.default_rng(0).integers(0, 2**32, (2, 1000), dtype=np.uint32)
        first[:3], second[:3] = [0, 2**31, 2**32 - 1], [2**32 - 1, 0, 2**32 - 1]
        words = first.view(np.int32), second.view(np.int32)
        joined = [a << 32 | b for a, b in zip(first.tolist(), second.tolist(), strict=True)]
        assert double.join(OPS, *words).view(np.uint64).tolist() == joined
        assert double.fraction(OPS, *words).tolist() == [number >> 12 for number in joined]

    @pytest.mark.parametrize(("k", "u"), [(0, 1 - ONE), (2**51, 1), (2**51 - 1, -3), (2**52 - 1, ONE - 3)])
    def test_is_centred_at_jaxs_points(self, k, u):
        assert double.centred(OPS, np.array([k])).tolist() == [u]


class TestBetween:
    @given(
        k=st.lists(st.integers(0, 2**52 - 1), min_size=1, max_size=20),
        start=st.integers(1 - ONE, ONE - 1),
        data=st.data(),
    )
    def test_is_the_exact_floor(self, k, start, data):
        span = data.draw(st.integers(0, ONE - 1 - start))
        found = double.between(OPS, np.array(k, np.int64), start, span)
        assert found.tolist() == [start + (number * span >> 52) for number in k]

    @pytest.mark.parametrize("span", [0, 1, 2**26 - 1, 2**26, 2**53, 2**54 - 2, 2**54])
    def test_no_intermediate_result_overflows(self, span, check_overflow):
        k = np.array([0, 1, 2**26 - 1, 2**26, 2**51 + 1, 2**52 - 2**26, 2**52 - 1], np.int64)
        start = -span // 2

        def between(ops, k):
            return double.between(ops, k, start, span)

        assert check_overflow(between, k) <= 63
        assert between(OPS, k).tolist() == [start + (number * span >> 52) for number in k.tolist()]
