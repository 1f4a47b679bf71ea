"""Plans and descriptions: what an array will hold, known before it exists."""

import dataclasses
import json
import math
import pickle

import numpy as np
import pytest

import unifinit as ui
from unifinit import contents, distributions, plan
from unifinit.stream import single
from unifinit.stream.ops import numpy_ops
from unifinit.types import DTYPES

FLOAT32, FLOAT64 = DTYPES["float32"], DTYPES["float64"]


class TestPlan:
    def test_is_a_value(self, default):
        one, same = (default.plan((3, 4), seed=1) for _ in range(2))
        assert one == same
        assert hash(one) == hash(same)
        assert pickle.loads(pickle.dumps(one)) == one
        assert one != default.plan((4, 3), seed=1)
        assert one != default.plan((3, 4), "float64", seed=1)
        with pytest.raises(dataclasses.FrozenInstanceError):
            one.shape = (1,)

    @pytest.mark.parametrize("layout", [None, "OI..."])
    def test_says_shape_and_dtype(self, default, layout):
        made = default.plan([2, 3, 4, 5], np.float64, seed=1, layout=layout)
        assert made.result_shape == (2, 3, 4, 5)
        assert made.shape == ((2, 3, 4, 5) if layout is None else (4, 5, 3, 2))
        assert made.size == 120
        assert made.dtype == FLOAT64

    def test_takes_the_seed_of_the_initializer(self, drawing):
        seeded = type(drawing).from_config(drawing.get_config() | {"seed": 8})
        assert seeded.plan((3, 4)) == drawing.plan((3, 4), seed=8)
        assert seeded.plan((3, 4)).key == ui.Key(8)

    def test_makes_no_array(self, drawing):
        huge = (2**20, 2**20, 2, 2**20)
        assert drawing.plan(huge).size == 2**61

    @pytest.mark.parametrize("shape", [(3,), 3, [3], np.array([3]), range(3, 4)], ids=repr)
    def test_takes_any_form_of_shape(self, shape):
        assert ui.Zeros().plan(shape).result_shape == (3,)

    def test_keys_can_be_exchanged_where_something_is_drawn(self):
        made = ui.HeNormal().plan((3, 4), seed=1)
        assert made.key == ui.Key(1)
        assert made.with_key(ui.Key(2)) == ui.HeNormal().plan((3, 4), seed=2)
        assert ui.Orthogonal(seed=1).plan((3, 4)).with_key(ui.Key(2)).key == ui.Key(2)
        assert ui.Zeros().plan((3,), seed=1).key is None
        assert ui.Zeros().plan((3,)).with_key(ui.Key(2)) == ui.Zeros().plan((3,))

    def test_an_open_key_is_an_error_when_it_is_needed(self):
        open_plan = ui.HeNormal().plan((3, 4), seed=1).with_key(None)
        with pytest.raises(ValueError, match="with_key"):
            open_plan.required_key()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
class TestMoments:
    def test_values_keep_within_the_bounds(self, default, dtype):
        if dtype == "bfloat16":
            pytest.importorskip("ml_dtypes")
        made = default.plan((30, 40), dtype, seed=2)
        found = default((30, 40), dtype, seed=2).astype(np.float64)
        moments = made.moments()
        # The bounds are those of the dtype of computation; sixteen bits round once more.
        low, high = (made.dtype.round(bound) for bound in (moments.minimum, moments.maximum))
        assert low <= found.min()
        assert found.max() <= high

    def test_values_have_mean_and_standard_deviation(self, default, dtype):
        if dtype == "bfloat16":
            pytest.importorskip("ml_dtypes")
        moments = default.plan((120, 100), dtype).moments()
        found = default((120, 100), dtype, seed=3).astype(np.float64)
        assert found.mean() == pytest.approx(moments.mean, abs=0.04 * moments.stddev)
        assert found.std() == pytest.approx(moments.stddev, rel=0.03)


TRUNCATIONS = [(-2, 2), (-1, 1), (1, 2), (-3, -1), (3, 5), (-0.01, 0.01), (-5, -4.5), (-0.5, 3)]
TRUNCATIONS += [(0, math.inf), (-math.inf, 0), (-math.inf, math.inf), (4, math.inf)]


@pytest.mark.parametrize(("lower", "upper"), TRUNCATIONS)
@pytest.mark.parametrize(("mean", "stddev"), [(0.0, 1.0), (-2.0, 0.5)])
def test_moments_of_the_truncated_normal_are_scipys(lower, upper, mean, stddev):
    stats = pytest.importorskip("scipy.stats")
    moments = distributions.TruncatedNormal(lower, upper, mean, stddev, FLOAT64).moments()
    theirs = stats.truncnorm(lower, upper, loc=mean, scale=stddev)
    assert moments.mean == pytest.approx(theirs.mean(), rel=1e-9, abs=1e-12)
    assert moments.stddev == pytest.approx(theirs.std(), rel=1e-6)
    assert moments.minimum == mean + lower * stddev
    assert moments.maximum == mean + upper * stddev


@pytest.mark.parametrize(("lower", "upper"), [(1, 1.00001), (-1.00001, -1), (4, 4.0001), (-1e-5, 1e-5)])
def test_moments_of_a_narrow_truncated_normal_are_those_of_a_uniform(lower, upper):
    # scipy's cancel here; the density is flat between the bounds.
    moments = distributions.TruncatedNormal(lower, upper, 0.0, 1.0, FLOAT64).moments()
    assert lower <= moments.mean <= upper
    assert moments.mean == pytest.approx((lower + upper) / 2, abs=(upper - lower) * 0.01)
    assert moments.stddev == pytest.approx((upper - lower) / math.sqrt(12), rel=0.01)


def test_moments_of_other_contents():
    assert plan.Plan((3,), FLOAT32, contents.Fill(2.0)).moments() == (2.0, 0.0, 2.0, 2.0)
    assert plan.Plan((4,), FLOAT32, contents.Values((1.0, 3.0, 1.0, 3.0))).moments() == (2.0, 1.0, 1.0, 3.0)
    assert plan.Plan((0,), FLOAT32, contents.Values(())).moments() == (0.0, 0.0, 0.0, 0.0)
    uniform = plan.Plan((4,), FLOAT32, contents.uniform(-1, 3, FLOAT32)).moments()
    assert uniform == (1.0, pytest.approx(4 / math.sqrt(12)), -1.0, 3.0)
    bits = plan.Plan((4,), DTYPES["uint32"], contents.bits(DTYPES["uint32"])).moments()
    assert bits == (2**31 - 0.5, pytest.approx(2**32 / math.sqrt(12)), 0, 2**32 - 1)


@pytest.mark.parametrize(("lower", "upper"), TRUNCATIONS)
def test_ends_of_the_truncated_normal_are_the_outermost_points_within(lower, upper):
    ends = distributions.TruncatedNormal(lower, upper, 0.0, 1.0, FLOAT32).ends
    around = np.array([ends.first - 1, ends.first, ends.last, ends.last + 1], np.int32)
    inside = np.abs(around) < 2**24  # Where there is a quantile.
    z = np.where(inside, single.quantile(numpy_ops(), np.clip(around, 1 - 2**24, 2**24 - 1)), 0)
    low, high = lower * 2.0**28, upper * 2.0**28
    assert low <= z[1] <= z[2] <= high
    assert z[0] < low or not inside[0]
    assert z[3] > high or not inside[3]


class TestContent:
    """Parameters that leave nothing to draw give one value."""

    @pytest.mark.parametrize(
        ("initializer", "value"),
        [
            (ui.RandomUniform(2.5, 2.5), 2.5),
            (ui.RandomNormal(1.5, 0), 1.5),
            (ui.RandomNormal(1.5, -0.0), 1.5),
            (ui.TruncatedNormal(-3, 0), -3.0),
            (ui.VarianceScaling(0), 0.0),
            (ui.VarianceScaling(0, "fan_avg", "uniform"), 0.0),
            (ui.VarianceScaling(0, "fan_out", "untruncated_normal"), 0.0),
            (ui.UniformUnitScaling(0), 0.0),
            (ui.Zeros(), 0.0),
            (ui.Ones(), 1.0),
            (ui.Constant(0.1), float(np.float32(0.1))),
        ],
        ids=repr,
    )
    def test_is_one_value(self, initializer, value):
        assert initializer.plan((3, 4)).content == contents.Fill(value)
        assert (initializer((3, 4)) == np.float32(value)).all()

    def test_is_a_draw_from_a_rounded_distribution(self):
        made = ui.RandomNormal(0.1, 0.2, seed=4).plan((3, 4))
        mean, stddev = float(np.float32(0.1)), float(np.float32(0.2))
        assert made == plan.Plan((3, 4), FLOAT32, distributions.Normal(mean, stddev, FLOAT32), key=ui.Key(4))

    def test_is_the_same_for_arguments_that_round_alike(self):
        assert ui.RandomNormal(0.1, seed=0).plan(3) == ui.RandomNormal(float(np.float32(0.1)), seed=0).plan(3)


class TestDescription:
    def test_has_the_facts(self):
        described = ui.HeNormal().describe((3, 3, 64, 128))
        assert described.name == "HeNormal"
        assert described.summary == ui.HeNormal.summary
        assert described.config == {"seed": None}
        assert described.shape == (3, 3, 64, 128)
        assert described.layout == "...IO"
        assert described.dtype == "float32"
        assert (described.fan_in, described.fan_out) == (576, 1152)
        assert described.content == "TruncatedNormal"
        assert described.moments.stddev == pytest.approx(math.sqrt(2 / 576), rel=1e-6)

    @pytest.mark.parametrize("layout", [None, "OI..."])
    def test_goes_into_json(self, default, layout):
        described = default.describe((3, 4, 5), "float64", layout=layout)
        facts = json.loads(json.dumps(described.as_dict(), allow_nan=False))
        assert facts["name"] == type(default).__name__
        assert facts["shape"] == [3, 4, 5]
        assert facts["layout"] == ("...IO" if layout is None else layout)
        assert facts["config"] == default.get_config()
        assert (facts["fan_in"], facts["fan_out"]) == described.fans

    def test_unbounded_is_null(self):
        facts = ui.RandomNormal().describe((3,)).as_dict()
        assert (facts["minimum"], facts["maximum"]) == (None, None)

    def test_reads_as_text(self, default):
        text = str(default.describe((3, 4)))
        lines = text.splitlines()
        assert lines[0].split() == [type(default).__name__, *default.summary.split()]
        facts = lines[: lines.index("")] if "" in lines else lines
        assert [line.split()[0] for line in facts[1:]] == [
            "config", "shape", "fans", "elements", "mean", "stddev", "range", "norm", "draws"
        ]  # fmt: skip
        assert len({line.index(line.split(maxsplit=1)[1]) for line in facts}) == 1

    def test_every_initializer_has_a_summary(self, default):
        assert default.summary
        assert default.summary == default.summary.strip()

    def test_spends_no_entropy(self, default):
        assert default.describe((3, 4)) == default.describe((3, 4))

    def test_checks_its_arguments(self):
        with pytest.raises(ui.DtypeError, match="int8"):
            ui.HeNormal().describe((3, 4), "int8")
        with pytest.raises(ui.ShapeError, match="negative"):
            ui.HeNormal().describe((3, -4))
