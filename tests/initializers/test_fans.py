"""Fans, and what small, empty and long shapes make of them."""

import math

import numpy as np
import pytest

import unifinit as ui

SHAPES = {
    (): (1, 1),
    (7,): (7, 7),
    (0,): (0, 0),
    (5, 3): (5, 3),
    (1, 1): (1, 1),
    (3, 4, 6): (12, 18),
    (3, 3, 16, 32): (144, 288),
    (2, 3, 4, 5, 6): (120, 144),
    (0, 3): (0, 3),
    (3, 0): (3, 0),
    (0, 3, 4): (0, 0),
}
EMPTY = [(0,), (0, 3), (3, 0), (0, 0), (3, 3, 0, 2), (0, 3, 4, 2), (2, 2, 2, 0)]
LOW_RANK = [(), (1,), (5,)]
EVERY_FAN = {"fan_in": 0, "fan_out": 1}


def fan_of(shape, mode):
    fans = SHAPES[shape]
    means = {"fan_avg": sum(fans) / 2, "fan_geo_avg": math.sqrt(math.prod(fans))}
    return max(1, means[mode] if mode in means else fans[EVERY_FAN[mode]])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_fans(shape):
    assert ui.HeNormal().describe(shape).fans == SHAPES[shape]


@pytest.mark.parametrize(
    ("shape", "wanted"), [((), 1), ((7,), 1), ((5, 3), 5), ((3, 3, 16, 32), 144), ((0, 3), 0), ((3, 0), 3)]
)
def test_rows_are_the_product_of_all_axes_but_the_last(shape, wanted):
    assert ui.Layout().weight(shape).rows == wanted


@pytest.mark.parametrize(
    ("shape", "layout", "fans"),
    [
        ((3, 5), "OI", (5, 3)),
        ((32, 16, 3, 3), "OIHW", (144, 288)),
        ((32, 16, 3, 3), "OI...", (144, 288)),
        ((16, 32, 3), "IOW", (48, 96)),
        ((8, 2, 3, 4, 6), "ODHWI", (144, 192)),
    ],
)
def test_fans_are_those_of_the_layout(shape, layout, fans):
    described = ui.GlorotUniform().describe(shape, layout=layout)
    assert (described.fan_in, described.fan_out) == fans
    bound = math.sqrt(6 / sum(fans))
    assert described.moments.maximum == pytest.approx(bound, rel=1e-6)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg", "fan_geo_avg"])
@pytest.mark.parametrize("distribution", ["normal", "truncated_normal", "untruncated_normal", "uniform"])
def test_variance_is_scale_over_fan(shape, mode, distribution):
    moments = ui.VarianceScaling(2.5, mode, distribution).plan(shape, "float64").moments()
    wanted = math.sqrt(2.5 / fan_of(shape, mode))
    tolerance = 1e-14
    assert moments.mean == pytest.approx(0, abs=tolerance)
    assert moments.stddev == pytest.approx(wanted, rel=tolerance)
    bound = {"uniform": math.sqrt(3), "untruncated_normal": math.inf}.get(
        distribution, 2 / 0.87962566103423978
    )
    assert moments.maximum == -moments.minimum == pytest.approx(wanted * bound, rel=tolerance)


@pytest.mark.parametrize("shape", EMPTY, ids=str)
@pytest.mark.parametrize("layout", [None, "OI..."])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_no_elements_are_no_problem(default, shape, layout, dtype):
    if len(shape) < 2 and isinstance(default, ui.Orthogonal):
        return
    found = default(shape, dtype, seed=0, layout=layout)
    assert found.shape == shape
    assert found.dtype.name == dtype


@pytest.mark.parametrize("shape", LOW_RANK, ids=str)
def test_scalars_and_vectors(default, shape):
    if isinstance(default, ui.Orthogonal):
        with pytest.raises(ui.ShapeError, match=rf"has {len(shape)} axes; Orthogonal wants at least 2"):
            default(shape)
        return
    found = default(shape, seed=0)
    assert found.shape == shape
    assert isinstance(found, np.ndarray)
    assert np.isfinite(found).all()
    bound = default.plan(shape, seed=0).moments()
    assert bound.minimum <= found.min()
    assert found.max() <= bound.maximum


def test_an_int_is_a_vector(default):
    if not isinstance(default, ui.Orthogonal):
        assert np.array_equal(default(5, seed=0), default((5,), seed=0))


@pytest.mark.parametrize("factor", [1.0, 1.43, 0.0])
@pytest.mark.parametrize(
    ("shape", "inputs"), [((), 1), ((1000,), 1), ((50, 40), 50), ((3, 3, 8, 20), 72), ((3, 0, 5), 1)], ids=str
)
class TestUniformUnitScaling:
    def test_limit(self, shape, inputs, factor):
        moments = ui.UniformUnitScaling(factor).plan(shape).moments()
        limit = factor * math.sqrt(3 / inputs)
        assert moments.maximum == -moments.minimum == pytest.approx(limit, rel=1e-7)
        assert moments.stddev == pytest.approx(factor / math.sqrt(inputs), rel=1e-6)

    def test_values_reach_up_to_the_limit(self, shape, inputs, factor):
        found = np.abs(ui.UniformUnitScaling(factor, seed=0)(shape))
        limit = np.float32(factor * math.sqrt(3 / inputs))
        assert found.max(initial=0) <= limit
        if found.size >= 1000:
            assert found.max() >= 0.98 * limit


def test_unit_scaling_keeps_the_scale_of_its_input():
    weights = ui.UniformUnitScaling(seed=0)((400, 500), "float64")
    x = np.random.default_rng(0).standard_normal(400)
    assert np.std(x @ weights) == pytest.approx(np.sqrt(np.mean(x**2)), rel=0.1)
