"""Arithmetic of pairs against rational numbers."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unifinit.numerics import pairs

UNIT = Fraction(1, 2**53)
FLOATS = st.floats(-(2.0**100), 2.0**100).filter(lambda x: x == 0 or abs(x) > 2.0**-100)


def exact(pair):
    return sum(Fraction(float(part)) for part in pair)


@st.composite
def pair(draw):
    first = draw(FLOATS)
    return pairs.two_sum(first, first * 2.0**-53 * draw(st.floats(-1, 1)))


@given(FLOATS, FLOATS)
def test_sums_and_products_of_floats_have_no_error(a, b):
    assert exact(pairs.two_sum(a, b)) == Fraction(a) + Fraction(b)
    assert exact(pairs.two_product(a, b)) == Fraction(a) * Fraction(b)
    larger, smaller = sorted((a, b), key=abs, reverse=True)
    assert pairs.fast_two_sum(larger, smaller) == pairs.two_sum(a, b)
    assert pairs.fast_two_sum(0.0, b) == (b, 0.0)


@given(pair(), pair())
def test_errors_of_sums(x, y):
    total = exact(x) + exact(y)
    if 4 * abs(total) >= max(abs(exact(x)), abs(exact(y))):
        assert abs(exact(pairs.plus(x, y)) - total) <= 4 * UNIT**2 * (abs(exact(x)) + abs(exact(y)))


@given(pair(), pair())
def test_errors_of_products(x, y):
    product = exact(x) * exact(y)
    assert abs(exact(pairs.times(x, y)) - product) <= 7 * UNIT**2 * abs(product)


@given(st.fractions(1, 2, max_denominator=10**30))
def test_nearest_pair(value):
    assert abs(exact(pairs.pair(value)) - value) <= UNIT**2 * value


def test_polynomials():
    x, coefficients = Fraction(3, 1000), [Fraction(1, 7), Fraction(-1, 3), Fraction(5)]
    truth = coefficients[2] + x * (coefficients[1] + x * (coefficients[0] + x * Fraction(1, 8)))
    found = pairs.series(pairs.pair(x), 0.125, [pairs.pair(c) for c in coefficients])
    # The float is rounded, and so is its product with x, which is multiplied by x twice more.
    assert abs(exact(found) - truth) < 20 * UNIT**2 * truth + 2 * UNIT * x**3 / 8
    assert pairs.polynomial(3.0, [2.0, 0.0, 1.0]) == 19


class TestRounded:
    HALF = 2.0**-53
    """Half an ulp of 1."""

    @pytest.mark.parametrize(
        ("low", "error", "expected"),
        [
            (0.0, 2.0**-60, 1.0),
            (HALF - 2.0**-80, 2.0**-90, 1.0),
            (HALF + 2.0**-80, 2.0**-90, 1 + 2 * HALF),
            (-HALF / 2 + 2.0**-80, 2.0**-90, 1.0),
            (-HALF / 2 - 2.0**-80, 2.0**-90, 1 - HALF),
            (HALF - 2.0**-80, 2.0**-79, None),
            (HALF + 2.0**-80, 2.0**-79, None),
            (HALF, 2.0**-90, None),
            (-HALF / 2, 2.0**-90, None),
            (0.0, np.nan, None),
        ],
    )
    def test_only_what_is_open_is_computed_exactly(self, low, error, expected):
        asked = []

        def exact(place):
            asked.append(place)
            return 42.0

        value = np.ones((2, 2)), np.array([[0.0, low], [0.0, low]])
        errors = np.array([[2.0**-90, error]] * 2)
        result = pairs.rounded(value, errors, exact)
        assert result.tolist() == [[1.0, 42.0 if expected is None else expected]] * 2
        assert asked == ([1, 3] if expected is None else [])
