"""What holds for any shape and any arguments."""

import math

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import unifinit as ui
from unifinit import ArgumentError
from unifinit.stream.ops import numpy_ops

from_any = st.sampled_from
SEEDS = st.integers(0, 2**64 - 1)
SHAPES = st.lists(st.integers(0, 5), max_size=4).map(tuple)
NAMES = [
    *("RandomUniform", "RandomNormal", "TruncatedNormal", "VarianceScaling", "GlorotUniform", "GlorotNormal"),
    *("HeUniform", "HeNormal", "LecunUniform", "LecunNormal", "UniformUnitScaling", "Orthogonal"),
]
FLOATS = ["float16", "float32", "float64"]
LARGEST = {"float16": 65504.0, "float32": float(np.finfo("f4").max), "float64": float(np.finfo("f8").max)}
TINY = float(np.finfo("f4").tiny)
COMPUTE = {"float16": np.float32, "float32": np.float32, "float64": np.float64}


def draw(name, shape, seed, dtype="float32"):
    if name == "Orthogonal" and len(shape) < 2:
        shape = (*shape, 2, 3)[:2]
    return ui.get(name)(shape, dtype, seed=seed)


@given(name=from_any(NAMES), shape=SHAPES, seed=SEEDS, dtype=from_any(FLOATS))
def test_values_are_a_function_of_the_arguments(name, shape, seed, dtype):
    one, two = draw(name, shape, seed, dtype), draw(name, list(shape), ui.Key(seed), np.dtype(dtype))
    assert one.dtype == two.dtype == dtype
    assert one.shape == two.shape
    assert one.tobytes() == two.tobytes()
    assert np.isfinite(one).all()


@given(name=from_any(NAMES), shape=SHAPES, seed=SEEDS)
def test_float16_is_the_rounded_float32(name, shape, seed):
    with np.errstate(all="ignore"):
        assert np.array_equal(draw(name, shape, seed, "float16"), draw(name, shape, seed).astype(np.float16))


@given(name=from_any(NAMES), shape=SHAPES, seed=SEEDS)
def test_bfloat16_is_the_rounded_float32(name, shape, seed):
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    assert np.array_equal(draw(name, shape, seed, "bfloat16"), draw(name, shape, seed).astype(bfloat16))


@given(
    make=from_any([ui.random.uniform, ui.random.normal, ui.random.truncated_normal, ui.random.bits]),
    n=st.integers(0, 70),
    more=st.integers(0, 70),
    seed=SEEDS,
    wide=st.booleans(),
)
def test_an_element_depends_on_its_index_alone(make, n, more, seed, wide):
    dtype = (
        {True: "uint64", False: "uint32"} if make is ui.random.bits else {True: "float64", False: "float32"}
    )
    assert np.array_equal(make(seed, n, dtype[wide]), make(seed, n + more, dtype[wide])[:n])


@given(
    make=from_any([ui.random.uniform, ui.random.normal, ui.random.truncated_normal, ui.random.bits]),
    shape=SHAPES,
    seed=SEEDS,
)
def test_elements_are_numbered_row_by_row(make, shape, seed):
    assert np.array_equal(make(seed, shape), make(seed, math.prod(shape)).reshape(shape))


@given(shape=SHAPES, seed=SEEDS, name=from_any(NAMES), layout=from_any(["OI...", "O...I", "I...O"]))
def test_a_layout_permutes_the_elements(shape, seed, name, layout):
    assume(len(shape) >= 2)
    plain = ui.get(name).plan(shape, seed=seed, layout=layout)
    found = ui.get(name)(shape, seed=seed, layout=layout)
    canonical = ui.get(name)(plain.shape, seed=seed)
    assert np.array_equal(np.sort(found, axis=None), np.sort(canonical, axis=None))


def finite(largest):
    return st.floats(-largest, largest, allow_subnormal=False)


def rounded_bounds(dtype, low, high):
    """Bounds as the dtype stores them, by way of the dtype of computation."""
    return [COMPUTE[dtype](bound).astype(dtype) for bound in (low, high)]


def try_to_draw(make):
    """The values, or None where the arguments are refused with a reason."""
    try:
        return make()
    except ArgumentError as error:
        assert "wanted" in str(error) or "not below" in str(error)  # noqa: PT017 - either outcome is right
        return None


@settings(max_examples=300)
@given(
    ends=st.tuples(finite(1e30), finite(1e30)).map(sorted), dtype=from_any(["float32", "float64"]), seed=SEEDS
)
@example(ends=[5.0, 5.1], dtype="float32", seed=0)
@example(ends=[-5.1, -5.0], dtype="float32", seed=0)
@example(ends=[0.1, 0.3], dtype="float64", seed=0)
@example(ends=[1.0, 1.0 + 2**-23], dtype="float32", seed=0)
@example(ends=[1.0, 1.0 + 2**-52], dtype="float64", seed=0)
@example(ends=[1.0, 1.0 + 2**-40], dtype="float32", seed=0)
@example(ends=[16777216.0, 16777218.0], dtype="float32", seed=0)
@example(ends=[-1e30, 1e-30], dtype="float32", seed=0)
@example(ends=[-1.0, 1e30], dtype="float32", seed=0)
def test_uniform_numbers_lie_within_their_ends(ends, dtype, seed):
    initializer = ui.RandomUniform(*ends, seed=seed)
    found = try_to_draw(lambda: initializer(200, dtype))
    if found is not None:
        low, high = rounded_bounds(dtype, *ends)
        assert low <= found.min()
        assert found.max() <= high
        if high - low > 64 * np.spacing(max(abs(low), abs(high))):
            assert len(set(found.tolist())) > 10


@settings(max_examples=300)
@given(
    bounds=st.tuples(st.floats(-9, 9), st.floats(-9, 9)).map(sorted),
    dtype=from_any(["float32", "float64"]),
    seed=SEEDS,
)
@example(bounds=[-2.0, 2.0], dtype="float32", seed=0)
@example(bounds=[0.0, 1e-9], dtype="float32", seed=0)
@example(bounds=[0.0, 2.0**-28], dtype="float32", seed=0)
@example(bounds=[-1e-15, 1e-15], dtype="float64", seed=0)
@example(bounds=[5.41, 5.42], dtype="float32", seed=0)
@example(bounds=[5.42, 9.0], dtype="float32", seed=0)
@example(bounds=[-9.0, -8.2], dtype="float64", seed=0)
@example(bounds=[1.7, 1.7000001], dtype="float32", seed=0)
@example(bounds=[-0.1, 0.7], dtype="float32", seed=0)
def test_truncated_normal_numbers_lie_within_their_bounds(bounds, dtype, seed):
    lower, upper = bounds
    found = try_to_draw(lambda: ui.random.truncated_normal(seed, 200, dtype, lower=lower, upper=upper))
    if found is not None:
        low, high = rounded_bounds(dtype, lower, upper)
        assert low <= found.min()
        assert found.max() <= high


@settings(max_examples=200)
@given(
    lower=st.floats(-6, 0),
    upper=st.floats(0.001, 6),
    mean=st.floats(-1000, 1000),
    stddev=st.floats(1e-6, 1000),
    seed=SEEDS,
)
@example(lower=-2.0, upper=2.0, mean=1e3, stddev=1e-3, seed=0)
@example(lower=-2.0, upper=2.0, mean=0.1, stddev=0.3, seed=0)
def test_shifted_truncated_normal_numbers_lie_within_their_bounds_but_for_rounding(
    lower, upper, mean, stddev, seed
):
    assume(mean == 0 or abs(np.float32(mean)) >= np.finfo(np.float32).tiny)  # Subnormal ones are refused.
    found = ui.random.truncated_normal(seed, 500, lower=lower, upper=upper, mean=mean, stddev=stddev)
    mean, stddev = float(np.float32(mean)), float(np.float32(stddev))
    low, high = mean + lower * stddev, mean + upper * stddev
    # The offset in units of stddev is rounded, then the sum, then the product.
    slack = 2 * float(np.spacing(np.float32(max(abs(low), abs(high), abs(mean)))))
    assert low - slack <= found.min()
    assert found.max() <= high + slack


@given(
    mean=finite(1e35),
    stddev=st.floats(0, 1e35, allow_subnormal=False),
    dtype=from_any(["float32", "float64"]),
    seed=SEEDS,
)
@example(mean=1e35, stddev=1e-20, dtype="float32", seed=0)
@example(mean=1.0, stddev=1e-29, dtype="float32", seed=0)
@example(mean=3.0, stddev=0.0, dtype="float32", seed=0)
def test_normal_numbers_are_finite_and_near_the_mean(mean, stddev, dtype, seed):
    for name in ("RandomNormal", "TruncatedNormal"):
        found = try_to_draw(lambda name=name: ui.get(name, mean=mean, stddev=stddev)(100, dtype, seed=seed))
        if found is not None:
            distance = np.abs(found.astype(np.float64) - mean).max()
            limits = np.finfo(dtype)
            assert distance <= 8.3 * stddev + abs(mean) * 4 * limits.eps + limits.tiny


@given(scale=st.floats(0, 1e6), mode=from_any(["fan_in", "fan_out", "fan_avg"]), shape=SHAPES, seed=SEEDS)
@example(scale=1e-60, mode="fan_in", shape=(3, 4), seed=0)
def test_variance_scaling_is_zero_only_for_scale_zero(scale, mode, shape, seed):
    for distribution in ("normal", "untruncated_normal", "uniform"):
        initializer = ui.VarianceScaling(scale, mode, distribution, seed=seed)
        found = try_to_draw(lambda initializer=initializer: initializer(shape))
        if found is not None and found.size:
            assert found.any() == (scale > 0)


@given(gain=finite(1e3), shape=st.tuples(st.integers(1, 8), st.integers(1, 8)), seed=SEEDS)
def test_orthogonal_has_the_norm_of_its_gain(gain, shape, seed):
    found = ui.Orthogonal(gain, seed=seed)(shape, "float64")
    norms = np.linalg.norm(found, axis=0 if shape[0] >= shape[1] else 1)
    assert norms == pytest.approx(np.full(min(shape), abs(gain)), rel=1e-12)


@pytest.mark.parametrize(
    ("minval", "maxval"), [(1.2e-38, 1), (TINY, 1e-20), (-1, -1.2e-38), (-1.2e-38, 1), (-1e-20, TINY)]
)
@pytest.mark.parametrize("word", [0, -1], ids=["first", "last"])
def test_the_first_and_the_last_uniform_number_are_not_subnormal(minval, maxval, word):
    # Subnormal numbers are zero to some frameworks, so none may ever come out.
    words = np.array([word], np.int32), np.zeros(1, np.int32)
    content = ui.RandomUniform(minval, maxval, seed=0).plan(1).content
    found = content.draw(numpy_ops(), *words)[0]
    assert found == 0 or abs(found) >= TINY
    assert np.float32(minval) <= found <= np.float32(maxval)
