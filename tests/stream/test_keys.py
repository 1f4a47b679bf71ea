"""Keys are immutable values; what is no seed is refused by name."""

import copy
import hashlib
import pickle

import numpy as np
import pytest

import unifinit as ui
from unifinit import Key, SeedError

SEEDS = [0, 1, 42, 2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1]
NO_INTEGERS = [1.0, 0.5, float("nan"), True, False, np.True_, "0", b"0", [0], 1j, np.float32(1), ...]


@pytest.mark.parametrize("seed", SEEDS)
class TestValue:
    def test_words_are_the_halves_of_the_seed(self, seed):
        assert Key(seed).words == divmod(seed, 2**32)
        assert Key(seed).seed == seed

    def test_equal_keys_are_one_value(self, seed):
        assert Key(seed) == Key(seed)
        assert hash(Key(seed)) == hash(Key(seed))
        assert len({Key(seed), Key(seed), Key(seed ^ 1)}) == 2

    def test_repr_evaluates_to_the_key(self, seed):
        assert eval(repr(Key(seed)), {"Key": Key}) == Key(seed)

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_pickle_and_copies_keep_it(self, seed, protocol):
        key = Key(seed)
        assert pickle.loads(pickle.dumps(key, protocol)) == key
        assert copy.copy(key) == copy.deepcopy(key) == key

    def test_is_no_integer_and_no_tuple(self, seed):
        assert Key(seed) != seed
        assert Key(seed) != Key(seed).words
        assert Key(seed) != str(seed)


@pytest.mark.parametrize("name", ["_words", "seed", "words", "other"])
def test_attributes_cannot_be_set_or_deleted(name):
    key = Key(3)
    with pytest.raises(AttributeError, match=r"immutable; derive another with key\.fold_in"):
        setattr(key, name, (0, 0))
    with pytest.raises(AttributeError):
        delattr(key, name)
    assert key == Key(3)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int64, np.uint32, np.uint64])
def test_numpy_integers_are_seeds_and_data(kind):
    assert Key(kind(5)) == Key(5)
    assert Key(0).fold_in(kind(5)) == Key(0).fold_in(5) == Key(0) / kind(5)
    assert Key(0).split(kind(3)) == Key(0).split(3)
    assert np.array_equal(ui.random.bits(kind(5), 3), ui.random.bits(Key(5), 3))


def test_largest_numpy_integer_is_a_seed():
    assert Key(np.uint64(2**64 - 1)).words == (2**32 - 1, 2**32 - 1)


class TestDerivedKeys:
    @pytest.mark.parametrize("name", ["", "conv1", "kernel", "Gewicht/größe", "层", "a" * 1000, "x\0y"])
    def test_a_name_folds_in_both_halves_of_its_hash(self, name):
        number = int(hashlib.sha256(name.encode("utf-8")).hexdigest()[:16], 16)
        key = Key(17)
        assert key / name == key.fold_in(number >> 32).fold_in(number & 0xFFFFFFFF)

    @pytest.mark.parametrize("data", [0, 1, 2**32 - 1])
    def test_an_integer_is_folded_in(self, data):
        assert Key(17) / data == Key(17).fold_in(data)

    def test_a_digit_is_a_name(self):
        assert Key(0) / "3" != Key(0) / 3

    def test_split_gives_the_keys_that_fold_in_gives(self):
        assert Key(8).split(5) == tuple(Key(8).fold_in(i) for i in range(5))
        assert Key(8).split() == Key(8).split(2)
        assert Key(8).split(0) == ()

    def test_order_of_names_matters(self):
        assert Key(0) / "a" / "b" != Key(0) / "b" / "a"
        assert Key(0) / "a" / "b" != Key(0) / "ab"

    def test_derived_keys_differ_from_one_another(self):
        derived = [*Key(0).split(1000), *(Key(0) / f"layer{i}" for i in range(1000)), Key(0)]
        assert len(set(derived)) == 2001


class TestErrors:
    @pytest.mark.parametrize("seed", NO_INTEGERS, ids=repr)
    def test_what_is_no_integer_is_no_seed(self, seed):
        with pytest.raises(
            SeedError, match=rf"is a {type(seed).__name__}; wanted an integer, 0 <= seed < 2\*\*64"
        ):
            Key(seed)

    @pytest.mark.parametrize("seed", [-1, -(2**70), 2**64, 10**30, np.int8(-1)], ids=repr)
    def test_seed_out_of_range(self, seed):
        with pytest.raises(SeedError, match=rf"seed {int(seed)} is out of range; wanted 0 <= seed < 2\*\*64"):
            Key(seed)

    @pytest.mark.parametrize("make", [Key, lambda seed: ui.random.bits(seed, 1)], ids=["Key", "random.bits"])
    def test_none_is_refused_and_not_offered(self, make):
        with pytest.raises(SeedError, match="None") as caught:
            make(None)
        assert "or None" not in str(caught.value)

    @pytest.mark.parametrize("derive", [Key.fold_in, Key.split, Key.__truediv__])
    @pytest.mark.parametrize("data", [-1, 2**32, 2**64], ids=repr)
    def test_data_out_of_range(self, derive, data):
        with pytest.raises(SeedError, match=rf"{data} is out of range; wanted 0 <= (data|num) < 2\*\*32"):
            derive(Key(0), data)

    @pytest.mark.parametrize("derive", [Key.fold_in, Key.split])
    @pytest.mark.parametrize("data", [*NO_INTEGERS, None], ids=repr)
    def test_data_that_is_no_integer(self, derive, data):
        with pytest.raises(SeedError, match=rf"is a {type(data).__name__}; wanted an integer"):
            derive(Key(0), data)

    @pytest.mark.parametrize("name", [1.5, None, True, b"conv1", ("a",)], ids=repr)
    def test_a_name_is_a_string_or_an_integer(self, name):
        with pytest.raises(SeedError, match="wanted an integer"):
            Key(0) / name

    def test_a_name_that_utf_8_cannot_encode(self):
        with pytest.raises(SeedError, match="UTF-8"):
            Key(0) / "\ud800"

    def test_seed_error_is_a_value_error(self):
        assert issubclass(SeedError, ValueError)
