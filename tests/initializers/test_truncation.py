"""Truncated normal numbers: other bounds, absolute ones, and the standard deviation after truncation."""

import math

import numpy as np
import pytest

import unifinit as ui
from unifinit.truncation import truncated_stddev

stats = pytest.importorskip("scipy.stats")

BOUNDS = [
    (-2.0, 2.0),
    (-1.0, 3.0),
    (0.5, 0.75),
    (3.0, 5.0),
    (-math.inf, 0.0),
    (-math.inf, math.inf),
    (-0.001, 0.001),
]


@pytest.mark.parametrize(("lower", "upper"), BOUNDS)
def test_standard_deviation_is_that_of_scipy(lower, upper):
    assert truncated_stddev(lower, upper) == pytest.approx(stats.truncnorm(lower, upper).std(), rel=1e-6)


@pytest.mark.parametrize(("lower", "upper"), BOUNDS)
def test_standard_deviation_is_that_of_mpmath(lower, upper):
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(60):
        mass = mpmath.ncdf(upper) - mpmath.ncdf(lower)
        first, second = (
            mpmath.quad(
                lambda x, n=n: x**n * mpmath.npdf(x), mpmath.linspace(max(lower, -30), min(upper, 30), 25)
            )
            / mass
            for n in (1, 2)
        )
        assert truncated_stddev(lower, upper) == float(mpmath.sqrt(second - first**2))


def test_of_the_usual_bounds_is_the_usual_constant():
    assert truncated_stddev(-2.0, 2.0) == 0.87962566103423978


@pytest.mark.parametrize(("lower", "upper"), BOUNDS[:5])
def test_corrected_is_the_standard_deviation_of_the_values(lower, upper):
    values = ui.TruncatedNormal(stddev=0.3, lower=lower, upper=upper, corrected=True, seed=1)(
        (400_000,), "float64"
    )
    assert np.std(values) == pytest.approx(0.3, rel=0.01)
    described = ui.TruncatedNormal(stddev=0.3, lower=lower, upper=upper, corrected=True).describe(
        (3,), "float64"
    )
    assert described.moments.stddev == pytest.approx(0.3, rel=1e-9)


def test_absolute_bounds_are_those_of_torch():
    torch = pytest.importorskip("torch")
    ours = ui.get("trunc_normal_", mean=0.5, stddev=0.8, lower=-0.25, upper=1.0, seed=3)((200_000,))
    theirs = torch.empty(200_000)
    torch.nn.init.trunc_normal_(theirs, 0.5, 0.8, -0.25, 1.0, generator=torch.Generator().manual_seed(2))
    assert stats.ks_2samp(ours, theirs.numpy()).pvalue > 1e-4
    assert -0.25 <= ours.min() < ours.max() <= 1.0


def test_absolute_bounds_far_away_truncate_nothing():
    near, far = (
        ui.TruncatedNormal(stddev=0.02, lower=-b, upper=b, bounds="absolute", seed=3) for b in (0.02, 2.0)
    )
    assert abs(near((10_000,))).max() <= 0.02
    assert far((10_000,)) == pytest.approx(ui.RandomNormal(stddev=0.02, seed=3)((10_000,)), abs=1e-5)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"lower": 1.0, "upper": 1.0}, "lower 1.0 is not below upper 1.0"),
        ({"lower": math.nan}, "lower is nan"),
        ({"bounds": "absolute", "corrected": True}, "corrected is True and bounds is 'absolute'"),
        ({"bounds": "relative"}, "bounds is 'relative'"),
        ({"corrected": 1}, "corrected is 1"),
    ],
    ids=repr,
)
def test_what_is_refused(arguments, told):
    with pytest.raises(ui.ArgumentError, match=told):
        ui.TruncatedNormal(**arguments)


@pytest.mark.parametrize("corrected", [False, True])
@pytest.mark.parametrize(("lower", "upper"), [(36.0, 37.0), (38.0, math.inf), (-math.inf, -50.0)])
def test_bounds_that_no_number_reaches(lower, upper, corrected):
    with pytest.raises(ui.ArgumentError, match="no number of the stream"):
        ui.TruncatedNormal(lower=lower, upper=upper, corrected=corrected)((3,))
