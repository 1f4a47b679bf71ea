"""The stream against numbers that others have published: Random123's known answers, and JAX's values."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest

import unifinit as ui
from unifinit.stream.threefry import ArrayWords, IntWords, signed, threefry2x32

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "jax_threefry.json").read_text())


def words(texts):
    return tuple(int(text, 16) for text in texts)


def bit_patterns(array):
    return [
        f"{word:0{2 * array.itemsize}x}" for word in array.view(f"u{array.itemsize}").reshape(-1).tolist()
    ]


def case(entry):
    return "-".join(
        str(entry[name]) for name in ("initializer", "seed", "shape", "data", "num") if name in entry
    )


def entries(name):
    return pytest.mark.parametrize("entry", VECTORS[name], ids=case)


@pytest.mark.parametrize("entry", VECTORS["threefry2x32_20_known_answers"], ids=lambda e: e["key"][0])
class TestRandom123KnownAnswers:
    def test_on_python_integers(self, entry):
        block = threefry2x32(IntWords(), words(entry["key"]), words(entry["counter"]))
        assert block == words(entry["output"])

    @pytest.mark.parametrize("library", ["numpy", "array_api_strict"])
    @pytest.mark.parametrize("arrays", ["all words", "one counter"])
    def test_on_int32_arrays(self, entry, library, arrays):
        xp = pytest.importorskip(library)
        key, counter = (tuple(map(signed, words(entry[name]))) for name in ("key", "counter"))
        if arrays == "all words":
            key, counter = ([xp.asarray([word], dtype=xp.int32) for word in pair] for pair in (key, counter))
        else:
            counter = counter[0], xp.asarray([counter[1]], dtype=xp.int32)
        block = threefry2x32(ArrayWords(xp), key, counter)
        assert all(word.dtype == xp.int32 for word in block)
        assert tuple(int(word[0]) & 0xFFFFFFFF for word in block) == words(entry["output"])


@entries("keys")
def test_key_from_a_seed_is_jaxs(entry):
    assert ui.Key(entry["seed"]).words == words(entry["key"])


@entries("keys_64bit_seed")
def test_key_from_a_seed_of_64_bits_is_jaxs_with_x64(entry):
    assert ui.Key(entry["seed"]).words == words(entry["key"])


@entries("fold_in")
def test_fold_in_is_jaxs(entry):
    assert ui.Key(entry["seed"]).fold_in(entry["data"]).words == words(entry["key"])


@entries("split")
def test_split_is_jaxs(entry):
    keys = ui.Key(entry["seed"]).split(entry["num"])
    assert [key.words for key in keys] == [words(key) for key in entry["keys"]]


@entries("bits32")
def test_bits_are_jaxs(entry):
    assert bit_patterns(ui.random.bits(entry["seed"], entry["shape"])) == entry["bits"]


@entries("uniform01_f32")
def test_uniform_float32_is_jaxs(entry):
    assert bit_patterns(ui.random.uniform(entry["seed"], entry["shape"])) == entry["float32_bits"]


@entries("uniform01_f64")
def test_uniform_float64_is_jaxs_with_x64(entry):
    assert bit_patterns(ui.random.uniform(entry["seed"], entry["shape"], "float64")) == entry["float64_bits"]


@entries("initializers_f32")
def test_initializer_is_jaxs(entry):
    value = ui.get(entry["initializer"], seed=entry["seed"])(entry["shape"])
    assert value.shape == tuple(entry["shape"])
    assert bit_patterns(value) == entry["float32_bits"]


@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1])
def test_64_bits_are_the_first_word_above_the_second(seed):
    blocks = [threefry2x32(IntWords(), ui.Key(seed).words, (0, index)) for index in range(5)]
    wanted = [int.from_bytes(struct.pack(">II", *block), "big") for block in blocks]
    assert ui.random.bits(seed, 5, "uint64").tolist() == wanted
    assert [ui.Key(seed).fold_in(index).seed for index in range(5)] == wanted


def test_array_arithmetic_equals_integer_arithmetic_on_many_blocks():
    random = np.random.default_rng(0)
    four = random.integers(0, 2**32, (4, 500), dtype=np.uint32)
    four[:, :16] = np.array(np.meshgrid([0, 2**32 - 1], [0, 2**31], [1, 2**31 - 1], [0, 2**32 - 1])).reshape(
        4, 16
    )
    arrays = four.view(np.int32)
    first, second = threefry2x32(ArrayWords(np), (arrays[0], arrays[1]), (arrays[2], arrays[3]))
    wanted = [threefry2x32(IntWords(), (a, b), (c, d)) for a, b, c, d in four.T.tolist()]
    assert list(zip(first.view(np.uint32).tolist(), second.view(np.uint32).tolist(), strict=True)) == wanted


@pytest.mark.parametrize(
    ("word", "wanted"), [(0, 0), (2**31 - 1, 2**31 - 1), (2**31, -(2**31)), (2**32 - 1, -1), (2**32 + 5, 5)]
)
def test_signed_is_the_int32_of_the_same_bits(word, wanted):
    assert signed(word) == wanted
