import json
from dataclasses import asdict

import numpy as np
import pytest

import unifinit as ui
from unifinit.cli.statistics import analyse, kurtosis
from unifinit.distributions import Normal, TruncatedNormal, Uniform
from unifinit.elements import decode, storage
from unifinit.registry import registry
from unifinit.types import DTYPES

FLOATS = ["float16", "bfloat16", "float32", "float64"]


def to_bytes(array):
    return registry().get("numpy").to_bytes(array)


def draw(initializer, shape, dtype="float32", layout=None, seed=0):
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    plan = initializer.plan(shape, dtype, seed=seed, layout=layout)
    return plan, initializer(shape, dtype, seed=seed, layout=layout)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    "initializer",
    [
        ui.Zeros(),
        ui.Ones(),
        ui.Constant(0.1),
        ui.RandomUniform(),
        ui.RandomUniform(5.0, 5.1),
        ui.RandomNormal(3.0, 0.5),
        ui.TruncatedNormal(),
        ui.HeNormal(),
        ui.GlorotUniform(),
        ui.Orthogonal(gain=2.0),
    ],
    ids=repr,
)
def test_what_unifinit_draws_is_not_flagged(initializer, dtype):
    plan, array = draw(initializer, (200, 150), dtype)
    found = analyse(plan, to_bytes(array))
    assert found.flags == ()
    assert found.within_bounds
    assert found.count == 30_000


def test_statistics_are_those_of_numpy():
    plan, array = draw(ui.RandomNormal(1.0, 2.0), (300, 400), "float64")
    found = analyse(plan, to_bytes(array))
    assert found.mean == pytest.approx(array.mean(), rel=1e-12)
    assert found.stddev == pytest.approx(array.std(), rel=1e-12)
    assert (found.minimum, found.maximum) == (array.min(), array.max())
    assert (found.expected_mean, found.expected_stddev) == (1.0, 2.0)
    assert (found.expected_minimum, found.expected_maximum) == (None, None)


def test_arrays_longer_than_a_piece_are_read_whole():
    plan, array = draw(ui.RandomUniform(), 2**21 + 5)
    found = analyse(plan, to_bytes(array))
    assert found.mean == pytest.approx(array.mean(dtype="float64"), rel=1e-12)
    assert found.maximum == array.max()


@pytest.mark.parametrize(
    ("spoil", "flag"),
    [
        (lambda x: x + np.float32(0.05), "mean is +"),
        (lambda x: x * np.float32(1.05), "stddev is +"),
        (lambda x: x * np.float32(0.95), "stddev is -"),
        (np.zeros_like, "stddev is -"),
        (lambda x: np.full_like(x, np.nan), "mean is +nan"),
    ],
)
def test_samples_of_another_distribution_are_flagged(spoil, flag):
    plan, array = draw(ui.RandomNormal(), (256, 128))
    flags = analyse(plan, to_bytes(spoil(array))).flags
    assert any(flag in text for text in flags)


def test_elements_out_of_bounds_are_flagged():
    plan, array = draw(ui.TruncatedNormal(), (256, 128))
    array[3, 5] = np.nextafter(np.float32(2), np.float32(3)) + np.float32(1e-5)
    found = analyse(plan, to_bytes(array))
    assert not found.within_bounds
    assert any("beyond the bounds" in text for text in found.flags)


def test_a_wrong_constant_is_flagged():
    plan, array = draw(ui.Constant([1, 2, 3, 4]), (2, 2))
    assert analyse(plan, to_bytes(array)).flags == ()
    array[0, 0] = 2
    assert analyse(plan, to_bytes(array)).flags


@pytest.mark.parametrize(("shape", "layout"), [((40, 30), None), ((30, 40), "OI"), ((64, 5, 3, 3), "OIHW")])
@pytest.mark.parametrize("dtype", FLOATS)
def test_orthogonality_is_checked_in_canonical_order(shape, layout, dtype):
    plan, array = draw(ui.Orthogonal(gain=3.0), shape, dtype, layout)
    found = analyse(plan, to_bytes(array))
    assert found.flags == ()
    assert found.stddev_sigmas is None
    first = (0,) * array.ndim
    array[first] = 0.5 * array[first] + 0.5
    assert any("not orthogonal" in text for text in analyse(plan, to_bytes(array)).flags)


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_constants_that_are_not_finite_are_no_error(value):
    plan, array = draw(ui.Constant(value), 4)
    assert analyse(plan, to_bytes(array)).flags == ()


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "uint64"])
def test_integers_and_booleans_have_statistics(dtype):
    plan, array = draw(ui.Ones(), (3, 2), dtype)
    found = analyse(plan, to_bytes(array))
    assert (found.mean, found.stddev, found.flags) == (1.0, 0.0, ())


def test_an_empty_array_has_no_statistics_and_no_flags():
    plan, array = draw(ui.HeNormal(), (0, 4))
    found = analyse(plan, to_bytes(array))
    assert (found.count, found.mean, found.minimum, found.flags) == (0, None, None, ())


def test_too_few_bytes_are_an_error():
    plan, array = draw(ui.HeNormal(), (3, 4))
    with pytest.raises(ValueError, match="returned 11 elements; wanted 12"):
        analyse(plan, to_bytes(array)[:-4])


def test_statistics_go_through_json():
    plan, array = draw(ui.RandomNormal(), (3, 4))
    values = asdict(analyse(plan, to_bytes(array)))
    assert json.loads(json.dumps(values)) == {**values, "flags": []}


def test_bfloat16_is_decoded_without_ml_dtypes():
    dtype = DTYPES["bfloat16"]
    stored = np.frombuffer(bytes.fromhex("803f 00c0 ff7f 0000"), storage(dtype))
    decoded = decode(stored, dtype)
    assert decoded[:2].tolist() == [1.0, -2.0]
    assert np.isnan(decoded[2])


@pytest.mark.parametrize(
    ("distribution", "frozen"),
    [
        (Uniform(-1.0, 3.0, DTYPES["float64"]), ("uniform",)),
        (Normal(1.0, 2.0, DTYPES["float64"]), ("norm",)),
        (TruncatedNormal(-2.0, 2.0, 1.0, 2.0, DTYPES["float64"]), ("truncnorm", -2, 2)),
        (TruncatedNormal(-1.0, 2.5, 0.0, 1.0, DTYPES["float64"]), ("truncnorm", -1, 2.5)),
    ],
)
def test_kurtosis_is_that_of_scipy(distribution, frozen):
    stats = pytest.importorskip("scipy.stats")
    name, *parameters = frozen
    excess = getattr(stats, name)(*parameters).stats(moments="k")
    assert kurtosis(distribution) == pytest.approx(3 + float(excess), rel=1e-9)
