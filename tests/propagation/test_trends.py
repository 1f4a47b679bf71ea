import math

import pytest

from unifinit.propagation.trends import Trend, backward_trend, forward_trend


@pytest.mark.parametrize("rate", [0.25, 0.5, 0.9, 1.0, 1.1, 3.0])
def test_the_rate_of_a_power_is_found_in_both_directions(rate):
    values = [7 * rate**layer for layer in range(41)]
    verdict = "stable" if rate == 1 else "exploding" if rate > 1 else "vanishing"
    assert forward_trend(values) == Trend(verdict, pytest.approx(rate))
    assert backward_trend(values[::-1]) == Trend(verdict, pytest.approx(rate))


def test_what_happens_in_the_first_half_is_forgotten():
    assert forward_trend([1e9] * 10 + [1.0] * 11) == Trend("stable", 1.0)
    assert backward_trend([1e9] * 10 + [1.0] * 11) == Trend("stable", 1.0)


@pytest.mark.parametrize("depth", [8, 100, 1000])
def test_algebraic_decay_is_stable_whatever_the_depth(depth):
    assert forward_trend([1 / (layer + 1) for layer in range(depth + 1)]).verdict == "stable"


def test_the_limit_is_a_factor_of_10_over_the_whole_depth():
    for factor, verdict in ((9.9, "stable"), (10.1, "exploding"), (1 / 9.9, "stable"), (0.099, "vanishing")):
        assert forward_trend([factor ** (layer / 20) for layer in range(21)]).verdict == verdict


def test_chance_is_no_trend_in_narrow_networks():
    values = [1.2**layer for layer in range(21)]
    assert forward_trend(values, width=50).verdict == "stable"
    assert forward_trend(values, width=5000).verdict == "exploding"


def test_what_overflows_or_vanishes_is_cut_off():
    values = [10.0**layer for layer in range(21)] + [math.inf] * 20
    assert forward_trend(values) == Trend("exploding", pytest.approx(10))
    values = [0.1**layer for layer in range(21)] + [0.0] * 20
    assert forward_trend(values) == Trend("vanishing", pytest.approx(0.1))
    assert backward_trend(values[::-1]) == Trend("vanishing", pytest.approx(0.1))


@pytest.mark.parametrize(
    ("values", "verdict"),
    [([1.0, 0.0], "vanishing"), ([1.0, math.inf], "exploding"), ([1.0, math.nan], "undefined")],
)
def test_a_single_step_is_enough(values, verdict):
    assert forward_trend(values).verdict == verdict
    assert backward_trend(values[::-1]).verdict == verdict


def test_one_layer_has_a_rate():
    assert forward_trend([2.0, 1.0]) == Trend("stable", 0.5)
    assert backward_trend([2.0, 1.0]) == Trend("stable", 2.0)
