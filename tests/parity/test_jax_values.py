"""Live agreement with JAX, whose stream this is: to the bit, or within JAX's own error of the truth."""

import math

import numpy as np
import pytest

import unifinit as ui
from unifinit.stream import single
from unifinit.stream.ops import Ops

jax = pytest.importorskip("jax")
scipy_special = pytest.importorskip("scipy.special")
initializers = pytest.importorskip("jax.nn.initializers")

SEEDS = [0, 42, 2**31, 2**32 - 1]
WIDE_SEEDS = [2**32 + 5, 2**63 - 1]
SHAPES = [(1, 1), (4, 6), (7, 300), (3, 5, 2), (2, 2, 3, 4)]
COUNT = 1_000_000
OPS = Ops(np, float32_bits=lambda x: x.view(np.int32))


def words(key):
    return tuple(np.asarray(jax.random.key_data(key)).tolist())


@pytest.fixture(autouse=True)
def partitionable():
    """The stream is that of JAX's partitionable Threefry, its default since 0.5."""
    assert jax.config.jax_threefry_partitionable


@pytest.fixture
def x64():
    with jax.enable_x64(True):
        yield


@pytest.fixture
def report(record_property):
    """Show measured numbers with ``-s``, and keep them in the report."""

    def show(**numbers):
        for name, number in numbers.items():
            record_property(name, float(number))
        print(", ".join(f"{name} {number:.4g}" for name, number in numbers.items()))  # noqa: T201

    return show


class TestKeys:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_seeds(self, seed):
        # As an array: JAX refuses larger Python integers than an int32 while x64 is off.
        assert ui.Key(seed).words == words(jax.random.key(np.uint32(seed)))

    @pytest.mark.parametrize("seed", SEEDS + WIDE_SEEDS)
    def test_seeds_of_64_bits(self, seed, x64):
        assert ui.Key(seed).words == words(jax.random.key(seed))

    @pytest.mark.parametrize("data", [0, 1, 31, 2**31, 2**32 - 1])
    @pytest.mark.parametrize("seed", [0, 42])
    def test_fold_in(self, seed, data):
        assert ui.Key(seed).fold_in(data).words == words(
            jax.random.fold_in(jax.random.key(seed), np.uint32(data))
        )

    @pytest.mark.parametrize("num", [1, 2, 7])
    def test_split(self, num):
        theirs = jax.random.split(jax.random.key(42), num)
        assert [key.words for key in ui.Key(42).split(num)] == [words(key) for key in theirs]

    def test_a_chain_of_derivations(self):
        theirs = jax.random.fold_in(jax.random.split(jax.random.fold_in(jax.random.key(3), 8), 3)[2], 1)
        assert (ui.Key(3) / 8).split(3)[2].fold_in(1).words == words(theirs)


@pytest.mark.parametrize("seed", [0, 42])
@pytest.mark.parametrize("shape", [(), (1000,), (13, 17)], ids=str)
class TestBitsAndUniform:
    def test_bits(self, seed, shape):
        theirs = np.asarray(jax.random.bits(jax.random.key(seed), shape))
        assert np.array_equal(ui.random.bits(seed, shape), theirs)

    def test_bits_of_64(self, seed, shape, x64):
        theirs = np.asarray(jax.random.bits(jax.random.key(seed), shape, "uint64"))
        assert np.array_equal(ui.random.bits(seed, shape, "uint64"), theirs)

    def test_uniform_float32(self, seed, shape):
        theirs = np.asarray(jax.random.uniform(jax.random.key(seed), shape))
        assert ui.random.uniform(seed, shape).tobytes() == theirs.tobytes()

    def test_uniform_float64(self, seed, shape, x64):
        theirs = np.asarray(jax.random.uniform(jax.random.key(seed), shape, "float64"))
        assert theirs.dtype == np.float64
        assert ui.random.uniform(seed, shape, "float64").tobytes() == theirs.tobytes()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("seed", [0, 9])
class TestUniformInitializers:
    @pytest.mark.parametrize("name", ["glorot_uniform", "he_uniform", "lecun_uniform"])
    def test_named(self, name, shape, seed):
        theirs = np.asarray(getattr(initializers, name)()(jax.random.key(seed), shape))
        assert ui.get(name, seed=seed)(shape).tobytes() == theirs.tobytes()

    @pytest.mark.parametrize("scale", [0.5, 1 / 3])
    @pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
    def test_variance_scaling(self, mode, scale, shape, seed):
        theirs = np.asarray(
            initializers.variance_scaling(scale, mode, "uniform")(jax.random.key(seed), shape)
        )
        assert ui.VarianceScaling(scale, mode, "uniform", seed=seed)(shape).tobytes() == theirs.tobytes()


@pytest.mark.parametrize("name", ["glorot_uniform", "he_uniform", "lecun_uniform"])
def test_uniform_initializers_in_float64(name, x64):
    theirs = np.asarray(getattr(initializers, name)()(jax.random.key(5), (30, 7), "float64"))
    assert ui.get(name, seed=5)((30, 7), "float64").tobytes() == theirs.tobytes()


def jax_normal_of(k):
    """What ``jax.random.normal`` makes of the upper 23 bits of a random word."""
    bits = jax.lax.bitcast_convert_type(k | np.uint32(0x3F800000), np.float32)
    low = np.nextafter(np.float32(-1), np.float32(0))
    u = jax.lax.max(low, (bits - np.float32(1)) * (np.float32(1) - low) + low)
    return np.float32(math.sqrt(2)) * jax.lax.erf_inv(u)


class TestNormal:
    def test_jaxs_formula_is_jaxs(self):
        key = jax.random.key(7)
        found = jax.jit(jax_normal_of)(jax.random.bits(key, (COUNT,)) >> 9)
        assert np.array_equal(np.asarray(found), np.asarray(jax.random.normal(key, (COUNT,))))

    def test_is_closer_to_the_truth_than_jax_over_all_inputs(self, report):
        k = np.arange(2**23, dtype=np.uint32)
        u = single.centred(OPS, k.astype(np.int32))
        truth = np.copysign(scipy_special.ndtri((2**24 - np.abs(u)).astype(np.float64) * 2.0**-25), u)
        ours = single.quantile(OPS, u).astype(np.float32) * np.float32(2.0**-28)
        our_errors = np.abs(ours - truth)
        jax_errors = np.abs(np.asarray(jax.jit(jax_normal_of)(k)) - truth)
        report(ours=our_errors.max(), jax=jax_errors.max(), jax_nearer=(jax_errors < our_errors).mean())
        assert our_errors.max() <= 2.5e-7
        assert 2e-5 < jax_errors.max() < 3e-5  # The bound by which the two may differ.
        assert our_errors.mean() < jax_errors.mean()

    @pytest.mark.parametrize("seed", [0, 42])
    def test_agrees_within_jaxs_error(self, seed, report):
        difference = np.abs(
            ui.random.normal(seed, COUNT) - np.asarray(jax.random.normal(jax.random.key(seed), (COUNT,)))
        )
        report(difference=difference.max())
        assert difference.max() <= 2.3e-5

    def test_agrees_in_float64(self, x64, report):
        theirs = np.asarray(jax.random.normal(jax.random.key(1), (COUNT,), "float64"))
        ours = ui.random.normal(1, COUNT, "float64")
        k = ui.random.bits(1, COUNT, "uint64") >> np.uint64(12)
        u = (4 * k.astype(np.int64)) - 2**53 + 1
        truth = np.copysign(scipy_special.ndtri((2**53 - np.abs(u)).astype(np.float64) * 2.0**-54), u)
        our_error, jax_error = np.abs(ours - truth).max(), np.abs(theirs - truth).max()
        report(ours=our_error, jax=jax_error)
        assert our_error <= 1e-14
        assert our_error <= jax_error <= 1e-10


class TestTruncatedNormal:
    def truth(self, seed, lower, upper):
        """Quantiles of the truncated distribution at the fractions that both draw."""
        fraction = (ui.random.bits(seed, COUNT) >> 9) * 2.0**-23
        mass = scipy_special.ndtr(upper) - scipy_special.ndtr(lower)
        from_below = scipy_special.ndtri(scipy_special.ndtr(lower) + fraction * mass)
        from_above = -scipy_special.ndtri(scipy_special.ndtr(-upper) + (1 - fraction) * mass)
        return np.where(from_below < 0, from_below, from_above)

    @pytest.mark.parametrize(("lower", "upper"), [(-2.0, 2.0), (-1.0, 3.0), (0.0, 2.0)])
    def test_agrees_within_a_step_of_the_uniform_number(self, lower, upper, report):
        theirs = np.asarray(jax.random.truncated_normal(jax.random.key(3), lower, upper, (COUNT,)))
        ours = ui.random.truncated_normal(3, COUNT, lower=lower, upper=upper)
        truth = self.truth(3, lower, upper)
        our_error, jax_error = np.abs(ours - truth).max(), np.abs(theirs - truth).max()
        difference = np.abs(ours - theirs).max()
        report(ours=our_error, jax=jax_error, difference=difference)
        # A uniform number has steps of 2**-25 in both; towards a bound, where the density is lowest, one
        # is a larger step of the quantile.
        step = 2.0**-25 / (math.exp(-(max(-lower, upper) ** 2) / 2) / math.sqrt(2 * math.pi))
        assert our_error <= 2 * step
        assert jax_error <= 2 * step
        assert difference <= 3 * step

    @pytest.mark.parametrize("name", ["glorot_normal", "he_normal", "lecun_normal"])
    def test_initializers(self, name):
        theirs = np.asarray(getattr(initializers, name)()(jax.random.key(3), (300, 400)))
        ours = ui.get(name, seed=3)((300, 400))
        assert np.abs(ours - theirs).max() <= 2e-6 * ours.std()

    @pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg", "fan_geo_avg"])
    def test_untruncated_variance_scaling_is_jaxs_normal(self, mode):
        theirs = np.asarray(initializers.variance_scaling(2.0, mode, "normal")(jax.random.key(3), (300, 400)))
        ours = ui.VarianceScaling(2.0, mode, "untruncated_normal", seed=3)((300, 400))
        assert np.abs(ours - theirs).max() <= 2.3e-5 * ours.std()


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg", "fan_geo_avg"])
@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((6, 5, 8), {"in_axes": 1, "out_axes": 2, "batch_axes": 0}),
        ((8, 3, 4), {"in_axes": 0, "out_axes": (1, 2)}),
        ((3, 4, 8), {"in_axes": (0, 1), "out_axes": 2}),
        ((2, 3, 5, 7), {"in_axes": -2, "out_axes": -1}),
        ((2, 3, 5, 7), {"in_axes": -2, "out_axes": -1, "batch_axes": (0, 1)}),
    ],
)
def test_numbered_axes_are_jaxs_to_the_bit(mode, shape, axes):
    named = {
        "in_axis": axes["in_axes"],
        "out_axis": axes["out_axes"],
        "batch_axis": axes.get("batch_axes", ()),
    }
    theirs = initializers.variance_scaling(1.7, mode, "uniform", **named)(jax.random.key(9), shape)
    ours = ui.VarianceScaling(1.7, mode, "uniform", seed=9)(shape, layout=ui.Layout(**axes))
    assert np.array_equal(ours, np.asarray(theirs))


class TestOthers:
    @pytest.mark.parametrize("shape", [(40, 40), (50, 20), (20, 50), (3, 3, 4, 10)], ids=str)
    def test_orthogonal(self, shape):
        theirs = np.asarray(initializers.orthogonal(1.5)(jax.random.key(4), shape))
        assert np.abs(ui.Orthogonal(1.5, seed=4)(shape) - theirs).max() <= 1e-5

    def test_random_normal_with_a_stddev(self):
        theirs = np.asarray(initializers.normal(0.02)(jax.random.key(4), (100, 30)))
        assert np.abs(ui.RandomNormal(stddev=0.02, seed=4)((100, 30)) - theirs).max() <= 0.02 * 2.3e-5

    @pytest.mark.parametrize(("minval", "maxval"), [(0, 0.01), (-0.05, 0.05), (-1, 3)])
    def test_random_uniform_with_ends(self, minval, maxval):
        # JAX scales first and adds then: the last bit may differ, the number may not.
        theirs = np.asarray(jax.random.uniform(jax.random.key(4), (10000,), minval=minval, maxval=maxval))
        ours = ui.RandomUniform(minval, maxval, seed=4)((10000,))
        assert np.abs(ours - theirs).max() <= 2 * np.spacing(np.float32(max(-minval, maxval)))
