"""Which seed counts, and what follows from it."""

import numpy as np
import pytest

import unifinit as ui

SHAPE = (4, 6)


def equal(*arrays):
    return all(np.array_equal(arrays[0], array) for array in arrays)


def with_seed(initializer, seed):
    return type(initializer).from_config(initializer.get_config() | {"seed": seed})


def test_equal_seeds_give_equal_values(drawing):
    seeded = with_seed(drawing, 3)
    assert equal(seeded(SHAPE), seeded(SHAPE), drawing(SHAPE, seed=3), seeded(SHAPE, seed=None))


def test_the_seed_of_the_call_wins(drawing):
    assert equal(with_seed(drawing, 3)(SHAPE, seed=4), with_seed(drawing, 4)(SHAPE))
    assert not equal(with_seed(drawing, 3)(SHAPE, seed=4), with_seed(drawing, 3)(SHAPE))


def test_a_seed_of_zero_is_a_seed(drawing):
    assert equal(with_seed(drawing, 3)(SHAPE, seed=0), with_seed(drawing, 0)(SHAPE))


def test_without_a_seed_every_call_differs(drawing):
    fresh = with_seed(drawing, None)
    calls = [fresh(SHAPE).tobytes() for _ in range(3)]
    assert len(set(calls)) == 3


def test_without_a_seed_plans_and_fills_differ_too(drawing):
    fresh = with_seed(drawing, None)
    assert fresh.plan(SHAPE) != fresh.plan(SHAPE)
    assert not equal(fresh.fill_(np.zeros(SHAPE, np.float32)), fresh.fill_(np.zeros(SHAPE, np.float32)))


@pytest.mark.parametrize("seed", [5, np.int64(5), np.uint8(5), ui.Key(5)], ids=repr)
def test_integers_and_keys_mean_the_same(drawing, seed):
    assert equal(drawing(SHAPE, seed=seed), drawing(SHAPE, seed=5), with_seed(drawing, 5)(SHAPE))


def test_both_words_of_the_key_count(drawing):
    values = [drawing(SHAPE, seed=seed) for seed in (0, 1, 2**32, 2**32 + 1, 2**63)]
    assert len({value.tobytes() for value in values}) == len(values)


def test_constants_take_a_seed_and_ignore_it(constant):
    assert equal(constant(SHAPE), constant(SHAPE, seed=1), constant(SHAPE, seed=ui.Key(2)))
    with pytest.raises(ui.SeedError, match=r"seed -1 is out of range"):
        constant(SHAPE, seed=-1)


def test_values_do_not_depend_on_numpys_global_state(drawing):
    state = np.random.get_state()  # noqa: NPY002 - the very state that must not matter
    first = drawing(SHAPE, seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(state, np.random.get_state(), strict=True))  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    assert equal(first, drawing(SHAPE, seed=1))
    np.random.set_state(state)  # noqa: NPY002
