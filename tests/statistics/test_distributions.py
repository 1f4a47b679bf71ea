"""A million samples against the exact distribution: Kolmogorov-Smirnov, moments and extremes."""

import math
from functools import partial

import numpy as np
import pytest

import unifinit as ui

stats = pytest.importorskip("scipy.stats")
ndtr = pytest.importorskip("scipy.special").ndtr

COUNT = 1_000_000
SHAPE = (1000, 1000)
DTYPES = ["float32", "float64"]
LEAST_PROBABILITY = 1e-4
"""Seeds are fixed: a test that passes once passes always."""

C = 0.87962566103423978


def uniform(limit):
    return stats.uniform(-limit, 2 * limit)


def truncated(stddev, mean=0.0):
    return stats.truncnorm(-2, 2, loc=mean, scale=stddev)


def of_std(stddev):
    return truncated(stddev / C)


EXACT = {
    ui.RandomUniform(): stats.uniform(),
    ui.RandomUniform(-3, 5): stats.uniform(-3, 8),
    ui.RandomNormal(): stats.norm(),
    ui.RandomNormal(-2, 0.5): stats.norm(-2, 0.5),
    ui.TruncatedNormal(): truncated(1),
    ui.TruncatedNormal(0.5, 3): truncated(3, 0.5),
    ui.VarianceScaling(): of_std(math.sqrt(1 / 1000)),
    ui.VarianceScaling(3, "fan_out", "untruncated_normal"): stats.norm(0, math.sqrt(3 / 1000)),
    ui.VarianceScaling(2, "fan_avg", "uniform"): uniform(math.sqrt(6 / 1000)),
    ui.GlorotUniform(): uniform(math.sqrt(6 / 2000)),
    ui.GlorotNormal(): of_std(math.sqrt(2 / 2000)),
    ui.HeUniform(): uniform(math.sqrt(6 / 1000)),
    ui.HeNormal(): of_std(math.sqrt(2 / 1000)),
    ui.LecunUniform(): uniform(math.sqrt(3 / 1000)),
    ui.LecunNormal(): of_std(math.sqrt(1 / 1000)),
    ui.UniformUnitScaling(1.43): uniform(1.43 * math.sqrt(3 / 1000)),
}
BOUNDS = [(-2, 2), (-0.5, 3), (1, 2), (-math.inf, 0), (2.5, math.inf), (-math.inf, math.inf)]
DRAWS = {
    "uniform": (ui.random.uniform, stats.uniform()),
    "normal": (ui.random.normal, stats.norm()),
    "truncated_normal": (ui.random.truncated_normal, truncated(1)),
}


def truncated_cdf(x, lower, upper, loc=0.0, scale=1.0):
    """SciPy's, on which most of the time would be spent, without its care for far tails."""
    low, high = ndtr(lower), ndtr(upper)
    return (ndtr((x - loc) / scale) - low) / (high - low)


def kolmogorov_smirnov(sample, exact):
    """The probability of a departure at least as large."""
    cdf = exact.cdf
    if exact.dist.name == "truncnorm":
        cdf = partial(truncated_cdf, lower=exact.args[0], upper=exact.args[1], **exact.kwds)
    return stats.kstest(sample.reshape(-1).astype(np.float64), cdf).pvalue


def standard_errors(sample, exact):
    """How far mean and variance are from the exact ones, in their own standard errors."""
    mean, variance, kurtosis = (float(value) for value in exact.stats("mvk"))
    values = sample.astype(np.float64)
    mean_error = (values.mean() - mean) / math.sqrt(variance / sample.size)
    variance_error = (((values - mean) ** 2).mean() - variance) / (
        variance * math.sqrt((kurtosis + 2) / sample.size)
    )
    return mean_error, variance_error


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("initializer", EXACT, ids=repr)
class TestInitializer:
    @pytest.fixture
    def sample(self, initializer, dtype):
        return initializer(SHAPE, dtype, seed=2024)

    def test_distribution_and_moments(self, initializer, sample):
        exact = EXACT[initializer]
        assert kolmogorov_smirnov(sample, exact) > LEAST_PROBABILITY
        assert all(abs(error) < 4.5 for error in standard_errors(sample, exact))

    def test_description_says_the_same(self, initializer, dtype):
        mean, stddev, minimum, maximum = initializer.describe(SHAPE, dtype).moments
        exact = EXACT[initializer]
        assert (mean, stddev) == (pytest.approx(exact.mean(), abs=1e-7), pytest.approx(exact.std(), rel=1e-6))
        assert (minimum, maximum) == pytest.approx(exact.support(), rel=1e-6)


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", DRAWS)
def test_every_seed_gives_the_distribution(name, dtype, seed):
    draw, exact = DRAWS[name]
    sample = draw(seed, COUNT // 4, dtype)
    assert kolmogorov_smirnov(sample, exact) > LEAST_PROBABILITY
    assert all(abs(error) < 4.5 for error in standard_errors(sample, exact))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("lower", "upper"), BOUNDS)
def test_truncation_at_any_bounds(lower, upper, dtype):
    sample = ui.random.truncated_normal(11, COUNT // 4, dtype, lower=lower, upper=upper)
    assert lower <= sample.min()
    assert sample.max() <= upper
    exact = stats.truncnorm(lower, upper)
    assert kolmogorov_smirnov(sample, exact) > LEAST_PROBABILITY
    assert all(abs(error) < 4.5 for error in standard_errors(sample, exact))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_sixteen_bits_keep_mean_and_variance(dtype):
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    for draw, exact in DRAWS.values():
        # Rounding to 8 bits adds up to 1e-5 of the variance, well below a standard error.
        errors = standard_errors(draw(5, COUNT, dtype), exact)
        assert all(abs(error) < 4.5 for error in errors)


class TestExtremes:
    def test_uniform_numbers_come_near_both_ends(self):
        sample = ui.random.uniform(0, COUNT)
        assert 0 <= sample.min() < 1e-5
        assert 1 - 1e-5 < sample.max() < 1

    def test_tails_of_the_normal_have_their_share(self):
        for dtype in DTYPES:
            sample = np.abs(ui.random.normal(3, 2 * COUNT, dtype))
            for bound in (2, 3, 4):
                expected = 2 * COUNT * 2 * stats.norm.sf(bound)
                assert abs((sample > bound).sum() - expected) < 4.5 * math.sqrt(expected)

    @pytest.mark.parametrize(("dtype", "reach"), [("float32", 5.42), ("float64", 8.3)])
    def test_normal_numbers_keep_within_their_reach(self, dtype, reach):
        assert np.abs(ui.random.normal(4, 2 * COUNT, dtype)).max() <= reach

    def test_every_bit_is_set_half_of_the_time(self):
        for dtype in ("uint32", "uint64"):
            bits = ui.random.bits(6, COUNT // 2, dtype)
            for place in range(8 * bits.itemsize):
                count = int(((bits >> np.array(place, dtype)) & np.array(1, dtype)).sum())
                assert abs(count - COUNT // 4) < 4.5 * math.sqrt(COUNT // 2) / 2

    def test_bytes_are_uniform(self):
        counts = np.bincount(ui.random.bits(7, COUNT).view(np.uint8), minlength=256)
        assert stats.chisquare(counts).pvalue > LEAST_PROBABILITY


SIDE, MATRICES = 16, 1000


@pytest.fixture(scope="module")
def matrices():
    return np.stack([ui.Orthogonal(seed=ui.Key(1) / i)((SIDE, SIDE)) for i in range(MATRICES)])


class TestOrthogonal:
    """Haar measure: an element has mean 0 and variance 1/n, a rotation changes no distribution."""

    def test_every_element_has_mean_zero(self, matrices):
        errors = matrices.mean(axis=0) * math.sqrt(SIDE * MATRICES)
        assert np.abs(errors).max() < 4.5

    def test_every_element_has_variance_one_over_n(self, matrices):
        # The square of an element is Beta(1/2, (n-1)/2) with variance 2(n-1) / (n**2 (n+2)).
        n = SIDE
        error = math.sqrt(2 * (n - 1) / (n**2 * (n + 2)) / MATRICES)
        assert np.abs((matrices**2).mean(axis=0) - 1 / n).max() < 5 * error

    def test_squares_of_elements_are_beta(self, matrices):
        for row, column in ((0, 0), (0, -1), (-1, 0), (-1, -1), (3, 7)):
            exact = stats.beta(0.5, (SIDE - 1) / 2)
            assert kolmogorov_smirnov(matrices[:, row, column] ** 2, exact) > LEAST_PROBABILITY

    def test_traces_have_the_moments_of_haar(self, matrices):
        # E tr = 0, E tr**2 = 1 and E tr**4 = 3 for the orthogonal group (Diaconis & Shahshahani, 1994).
        traces = np.trace(matrices, axis1=1, axis2=2).astype(np.float64)
        assert abs(traces.mean()) < 4.5 / math.sqrt(MATRICES)
        assert abs((traces**2).mean() - 1) < 4.5 * math.sqrt(2 / MATRICES)
        assert abs((traces**4).mean() - 3) < 4.5 * math.sqrt(96 / MATRICES)

    def test_both_determinants_occur_equally_often(self, matrices):
        positive = (np.linalg.det(matrices.astype(np.float64)) > 0).sum()
        assert abs(positive - MATRICES / 2) < 4.5 * math.sqrt(MATRICES) / 2

    def test_standard_deviation_is_the_described_one(self):
        for shape in ((200, 50), (50, 200), (3, 3, 20, 40)):
            found = ui.Orthogonal(1.4, seed=2)(shape)
            described = ui.Orthogonal(1.4).describe(shape).moments
            assert math.sqrt((found.astype(np.float64) ** 2).mean()) == pytest.approx(
                described.stddev, rel=1e-5
            )
