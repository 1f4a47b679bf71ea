"""Neighbours do not know of one another: elements, keys, derived keys, and shapes."""

import math

import numpy as np
import pytest

import unifinit as ui

COUNT = 1_000_000
KEYS = {
    "next seed": (ui.Key(0), ui.Key(1)),
    "next seed, far away": (ui.Key(2**63), ui.Key(2**63 + 1)),
    "upper word": (ui.Key(1), ui.Key(2**32)),
    "swapped words": (ui.Key(5 << 32 | 7), ui.Key(7 << 32 | 5)),
    "one bit": (ui.Key(2**40), ui.Key(2**40 ^ 2**13)),
    "complement": (ui.Key(0), ui.Key(2**64 - 1)),
    "fold_in": (ui.Key(3).fold_in(0), ui.Key(3).fold_in(1)),
    "fold_in and its parent": (ui.Key(3), ui.Key(3).fold_in(0)),
    "fold_in of two parents": (ui.Key(3).fold_in(4), ui.Key(4).fold_in(3)),
    "fold_in, late": (ui.Key(3).fold_in(2**32 - 2), ui.Key(3).fold_in(2**32 - 1)),
    "names": (ui.Key(0) / "kernel", ui.Key(0) / "bias"),
    "nearly equal names": (ui.Key(0) / "layer1" / "kernel", ui.Key(0) / "layer2" / "kernel"),
    "split": ui.Key(6).split(),
}
DRAWS = {
    "uniform": ui.random.uniform,
    "normal": ui.random.normal,
    "truncated": ui.random.truncated_normal,
}


def correlation(a, b):
    """Pearson's, in units of its standard error."""
    return float(np.corrcoef(a.astype(np.float64), b.astype(np.float64))[0, 1]) * math.sqrt(len(a))


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_neighbouring_elements(name, dtype):
    sample = DRAWS[name](9, COUNT, dtype)
    for distance in (1, 2, 3, 4, 7, 16, 64, 1000, 1024, 4096):
        assert abs(correlation(sample[:-distance], sample[distance:])) < 5


def test_magnitudes_of_neighbouring_elements():
    sample = ui.random.normal(9, COUNT) ** 2
    for distance in (1, 2, 16, 1024):
        assert abs(correlation(sample[:-distance], sample[distance:])) < 5


@pytest.mark.parametrize("kind", KEYS)
def test_keys(kind):
    one, other = KEYS[kind]
    assert one != other
    first, second = ui.random.normal(one, COUNT), ui.random.normal(other, COUNT)
    assert abs(correlation(first, second)) < 5
    assert abs(correlation(first**2, second**2)) < 5
    # Not the same elements at another place either.
    for distance in (1, 2):
        assert abs(correlation(first[distance:], second[:-distance])) < 5


def test_first_elements_of_many_seeds():
    first = np.array([ui.random.normal(seed, 2) for seed in range(3000)])
    assert abs(correlation(first[:, 0], first[:, 1])) < 5
    assert abs(correlation(first[:-1, 0], first[1:, 0])) < 5
    assert abs(first.mean()) * math.sqrt(first.size) < 5
    assert abs(first.std() - 1) * math.sqrt(2 * first.size) < 5


def test_changing_one_bit_of_a_key_changes_half_of_the_bits():
    base = ui.random.bits(ui.Key(0), 5000, "uint64")
    for place in range(64):
        changed = ui.random.bits(ui.Key(1 << place), 5000, "uint64")
        count = int(np.bitwise_count(base ^ changed).sum())
        assert abs(count - base.size * 32) < 5 * math.sqrt(base.size * 64) / 2


def test_words_do_not_repeat():
    # A million 64-bit words: the chance that two are equal is 3e-8.
    assert len(np.unique(ui.random.bits(0, COUNT, "uint64"))) == COUNT


@pytest.mark.parametrize("axis", [0, 1])
def test_rows_and_columns_of_a_weight(axis):
    weight = ui.HeNormal(seed=1)((1000, 1000))
    correlations = np.corrcoef(weight if axis == 0 else weight.T)
    off_diagonal = correlations[np.triu_indices(1000, 1)] * math.sqrt(1000)
    assert abs(off_diagonal.std() - 1) < 0.01
    assert np.abs(off_diagonal).max() < 6


def test_parameters_of_one_shape_differ_by_key():
    weights = [ui.GlorotUniform()((50, 50), seed=ui.Key(0) / f"layer{i}") for i in range(100)]
    assert len({weight.tobytes() for weight in weights}) == 100
    flat = np.corrcoef(np.stack([weight.reshape(-1) for weight in weights]))
    assert np.abs(flat[np.triu_indices(100, 1)]).max() < 6 / math.sqrt(2500)
