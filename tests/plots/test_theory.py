"""The curves that are drawn beside values."""

import math

import numpy as np
import pytest

import unifinit as ui
from unifinit.plots.theory import density, marchenko_pastur

SHAPE = (40, 30)


def content(initializer):
    return initializer.plan(SHAPE, seed=0).content


@pytest.mark.parametrize(
    "initializer",
    [ui.GlorotUniform(), ui.RandomUniform(-1, 3), ui.RandomNormal(2.0, 0.5), ui.HeNormal(), ui.LecunNormal()],
    ids=repr,
)
def test_densities_have_area_1_and_the_moments_of_theory(initializer):
    curve = density(content(initializer))
    x, y = curve.x, curve.y
    moments = initializer.describe(SHAPE).moments
    mean = np.trapezoid(x * y, x)
    assert np.trapezoid(y, x) == pytest.approx(1, abs=2e-4)
    assert mean == pytest.approx(moments.mean, abs=1e-3 * moments.stddev)
    if len(x) > 4:  # The trapezoidal rule needs more points of a uniform density.
        assert np.trapezoid((x - mean) ** 2 * y, x) == pytest.approx(moments.stddev**2, rel=1e-3)
    if math.isfinite(moments.minimum):
        assert (x[0], x[-1]) == pytest.approx((moments.minimum, moments.maximum), abs=1e-12)


@pytest.mark.parametrize("initializer", [ui.Zeros(), ui.Constant(2.0), ui.Orthogonal()], ids=repr)
def test_others_have_no_density(initializer):
    assert density(content(initializer)) is None
    assert marchenko_pastur(content(initializer), 0.1, *SHAPE) is None


@pytest.mark.parametrize("shape", [(600, 400), (200, 800), (500, 500), (900, 30)])
def test_singular_values_are_those_of_a_large_random_matrix(shape):
    initializer = ui.RandomNormal(stddev=0.3)
    values = initializer(shape, "float64", seed=1)
    found = np.linalg.svd(values, compute_uv=False)[::-1]
    spectrum = marchenko_pastur(initializer.plan(shape, seed=0).content, 0.3, *shape)
    places = np.linspace(0, 1, len(spectrum.quantiles))
    expected = np.interp((np.arange(len(found)) + 0.5) / len(found), places, spectrum.quantiles)
    assert np.max(np.abs(found - expected)) < 0.03 * spectrum.largest
    assert abs(np.mean(found - expected)) < 0.006 * spectrum.largest
    assert spectrum.quantiles[0] == pytest.approx(spectrum.smallest)
    assert spectrum.quantiles[-1] == pytest.approx(spectrum.largest)
    assert spectrum.largest == pytest.approx(0.3 * (math.sqrt(shape[0]) + math.sqrt(shape[1])))
