"""Fixed-point numbers of 32 bits: exact in integers, and within float32's own rounding of the truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unifinit.stream import single, tables
from unifinit.stream.ops import Ops

scipy_special = pytest.importorskip("scipy.special")

STEPS = Ops(np)
EXPONENT = Ops(np, float32_bits=lambda x: x.view(np.int32))
ONE = 2**24
"""U runs from 1 - ONE to ONE - 1."""
CHUNK = 2**20


@pytest.fixture(params=[STEPS, EXPONENT], ids=["by steps", "by exponent"])
def ops(request):
    return request.param


def tails():
    """Every t = 2**24 - |U| from the far tail to the middle, in chunks that overlap by one."""
    for start in range(1, ONE + 1, CHUNK):
        yield np.arange(start, min(start + CHUNK, ONE) + 1, dtype=np.int32)


def as_float32(z):
    return z.astype(np.float32) * np.float32(2.0**-28)


class TestQuantile:
    def test_worst_error_over_all_points(self, record_property):
        # All 2**23 points at which normal numbers are drawn, in the negative and the positive half.
        worst, where = 0.0, None
        for start in range(0, 2**23, CHUNK):
            k = np.arange(start, start + CHUNK, dtype=np.int32)
            u = single.centred(EXPONENT, k)
            tail = (ONE - np.abs(u)).astype(np.float64) * 2.0**-25
            truth = np.copysign(scipy_special.ndtri(tail), u)
            errors = np.abs(as_float32(single.quantile(EXPONENT, u)) - truth)
            if errors.max() > worst:
                worst, where = float(errors.max()), (int(k[errors.argmax()]), float(truth[errors.argmax()]))
        record_property("worst_error", worst)
        print(f"worst error {worst:.4g} at k = {where[0]}, z = {where[1]:.6f}")  # noqa: T201
        assert worst <= 2.5e-7

    def test_worst_error_before_rounding_over_all_tails(self, record_property):
        # Points that only truncated normal numbers reach are as good.
        worst = 0.0
        for tail in tails():
            truth = -scipy_special.ndtri(tail.astype(np.float64) * 2.0**-25)
            found = single.quantile(EXPONENT, ONE - tail) * 2.0**-28
            worst = max(worst, float(np.abs(found - truth).max()))
        record_property("worst_error", worst)
        print(f"worst error before rounding {worst:.4g}")  # noqa: T201
        assert worst <= 6e-8

    def test_never_falls_over_all_points(self):
        for tail in tails():
            z = single.quantile(EXPONENT, ONE - tail)
            assert np.all(np.diff(z) <= 0)

    def test_is_symmetric_over_all_points(self):
        for tail in tails():
            u = ONE - tail
            assert np.array_equal(single.quantile(EXPONENT, u), -single.quantile(EXPONENT, -u))

    def test_at_the_middle_and_at_the_ends(self, ops):
        u = np.array([0, 1, -1, 2, ONE - 1, 1 - ONE, ONE - 2], np.int32)
        middle, above, below, two_above, last, first, before_last = single.quantile(ops, u).tolist()
        assert middle == 0
        assert 0 < above < two_above
        assert below == -above
        assert last == -first == single.LARGEST_QUANTILE > before_last

    def test_keeps_to_int32(self, ops):
        u = single.centred(ops, np.arange(0, 2**23, 4099, dtype=np.int32))
        assert single.quantile(ops, u).dtype == np.int32

    def test_array_api_strict_gives_the_same(self):
        xp = pytest.importorskip("array_api_strict")
        u = np.arange(1 - ONE, ONE, 10007, dtype=np.int32)
        found = single.quantile(Ops(xp), xp.asarray(u))
        assert found.dtype == xp.int32
        assert np.array_equal(np.asarray(found), single.quantile(STEPS, u))

    def test_no_intermediate_result_overflows(self, check_overflow):
        random = np.random.default_rng(0)
        octaves = [t for e in range(25) for t in (2**e - 1, 2**e, 2**e + 1) if 1 <= t <= ONE]
        tail = np.array([*octaves, *random.integers(1, ONE, 2000)], np.int32)
        assert check_overflow(single.quantile, np.concatenate([ONE - tail, tail - ONE])) <= 31

    def test_no_slope_of_the_table_overflows(self):
        table = tables.single().astype(np.int64)
        assert np.abs(np.diff(table)).max() * (2**13 - 1) < 2**31


def test_both_ways_to_locate_agree_over_all_tails():
    for tail in tails():
        index, step = single._locate_by_steps(STEPS, tail)
        other_index, other_step = single._locate_by_exponent(EXPONENT, tail)
        assert np.array_equal(index, other_index)
        assert np.array_equal(step, other_step)
        assert index.min() >= 0
        assert index.max() <= len(tables.single()) - 2
        assert step.min() >= 0
        assert step.max() < 2**13


class TestFraction:
    def test_is_the_upper_23_bits_of_the_exclusive_or(self):
        first, second = np.random.default_rng(0).integers(0, 2**32, (2, 1000), dtype=np.uint32)
        k = single.fraction(STEPS, first.view(np.int32), second.view(np.int32))
        assert k.tolist() == ((first ^ second) >> 9).tolist()

    @pytest.mark.parametrize(
        ("bits", "k"), [(0, 0), (511, 0), (512, 1), (2**31, 2**22), (2**32 - 1, 2**23 - 1)]
    )
    def test_at_the_ends(self, bits, k):
        zero = np.zeros(1, np.int32)
        assert single.fraction(STEPS, zero, np.array([bits], np.uint32).view(np.int32)).tolist() == [k]

    @pytest.mark.parametrize(("k", "u"), [(0, 1 - ONE), (2**22, 1), (2**22 - 1, -3), (2**23 - 1, ONE - 3)])
    def test_is_centred_at_jaxs_points(self, k, u):
        assert single.centred(STEPS, np.array([k], np.int32)).tolist() == [u]


class TestBetween:
    @given(
        k=st.lists(st.integers(0, 2**23 - 1), min_size=1, max_size=20),
        start=st.integers(1 - ONE, ONE - 1),
        data=st.data(),
    )
    def test_is_the_exact_floor(self, k, start, data):
        span = data.draw(st.integers(0, ONE - 1 - start))
        found = single.between(STEPS, np.array(k, np.int32), start, span)
        assert found.tolist() == [start + (number * span >> 23) for number in k]

    @pytest.mark.parametrize("span", [0, 1, 2**11 - 1, 2**11, 2**24, 2**25 - 2, 2**25])
    def test_no_intermediate_result_overflows(self, span, check_overflow):
        k = np.array([0, 1, 2**12 - 1, 2**12, 2**22 + 1, 2**23 - 2**12, 2**23 - 1], np.int32)
        start = -span // 2

        def between(ops, k):
            return single.between(ops, k, start, span)

        assert check_overflow(between, k) <= 31
        assert between(STEPS, k).tolist() == [start + (number * span >> 23) for number in k.tolist()]
