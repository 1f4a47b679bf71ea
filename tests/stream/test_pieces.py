"""The reference path computes in pieces: which ones changes nothing, and indices have 64 bits."""

import numpy as np
import pytest

import unifinit as ui
from unifinit import contents, distributions, plan, reference
from unifinit.key import TracedKey
from unifinit.stream.ops import Ops
from unifinit.stream.threefry import IntWords, threefry2x32
from unifinit.types import DTYPES

OPS = Ops(np)
KEY = ui.Key(2**40 + 5)


def draw_bits(dtype, size=1):
    return plan.Plan((size,), DTYPES[dtype], contents.bits(DTYPES[dtype]), key=KEY)


def blocks(indices):
    return [threefry2x32(IntWords(), KEY.words, (i >> 32, i & 0xFFFFFFFF)) for i in indices]


@pytest.mark.parametrize(
    "start",
    [0, 2**31 - 8, 2**31, 2**32 - 16, 2**32, 3 * 2**32 - 16, 2**40 + 2**31 - 5, 2**62, 2**63 - 16],
    ids=hex,
)
class TestIndex:
    def test_counter_is_its_two_halves(self, start):
        found = reference.run(draw_bits("uint32", 2**63).window(slice(start, start + 16)), OPS)
        assert found.tolist() == [first ^ second for first, second in blocks(range(start, start + 16))]

    def test_64_bits_use_the_same_block(self, start):
        found = reference.run(draw_bits("uint64", 2**63).window(slice(start, start + 16)), OPS)
        assert found.tolist() == [first << 32 | second for first, second in blocks(range(start, start + 16))]


CONTENTS = {
    "uniform": distributions.Uniform(-1.0, 3.0, DTYPES["float32"]),
    "normal": distributions.Normal(0.5, 2.0, DTYPES["float32"]),
    "truncated": distributions.TruncatedNormal(-2.0, 2.0, 0.0, 1.0, DTYPES["float32"]),
    "double": distributions.Normal(0.0, 1.0, DTYPES["float64"]),
    "half": distributions.Normal(0.0, 1.0, DTYPES["float16"]),
    "bits": distributions.Bits(DTYPES["uint64"]),
}


@pytest.mark.parametrize("piece", [1, 5, 2**4, 2**31, None])
class TestPieceSize:
    @pytest.mark.parametrize("name", CONTENTS)
    @pytest.mark.parametrize("axes", [None, (1, 0)])
    def test_draws_do_not_depend_on_it(self, name, axes, piece):
        content = CONTENTS[name]
        made = plan.Plan((5, 7), content.dtype, content, axes, KEY)
        found = reference.run(made, OPS, piece=piece)
        assert found.dtype == content.dtype.name
        assert np.array_equal(found, reference.run(made, OPS))

    @pytest.mark.parametrize(
        "initializer", [ui.Orthogonal(seed=3), ui.Constant(np.arange(35)), ui.Ones()], ids=repr
    )
    def test_host_values_do_not_depend_on_it(self, initializer, piece):
        made = initializer.plan((5, 7), layout="OI")
        assert np.array_equal(reference.run(made, OPS, piece=piece), reference.run(made, OPS))


@pytest.mark.parametrize("piece", [reference.PIECE, reference.LARGEST_AXIS, 2**40])
def test_pieces_cover_a_huge_array(piece, monkeypatch):
    monkeypatch.setattr(reference, "_draw", lambda *arguments, **_: arguments[-1])
    size = 2**33 + 12345
    end = 0
    for part, (first, (count,), (step,)) in reference.pieces(draw_bits("uint32", size), OPS, piece=piece):
        assert (part.start, part.stop - part.start, step) == (first, count, 1)
        assert end == first
        assert 0 < count <= min(piece, reference.LARGEST_AXIS)
        end = part.stop
    assert end == size


@pytest.mark.parametrize("content", [contents.Fill(1.0), contents.Values(()), CONTENTS["uniform"]])
def test_an_empty_plan_has_no_pieces_and_an_empty_result(content):
    empty = plan.Plan((3, 0, 2), DTYPES["float32"], content, (2, 1, 0))
    assert list(reference.pieces(empty, OPS)) == []
    assert reference.run(empty, OPS).shape == (2, 0, 3)


def test_a_traced_key_gives_the_same():
    # How compiled functions get the key: as two int32 scalars of the framework.
    words = np.array(KEY.words, np.uint32).view(np.int32)
    made = ui.RandomNormal().plan((10,), seed=TracedKey(np, words[0], words[1]))
    assert np.array_equal(reference.run(made, OPS), ui.RandomNormal(seed=KEY)((10,)))


@pytest.mark.parametrize("name", ["uniform", "normal", "truncated", "double", "half"])
def test_host_values_are_only_for_contents_that_the_host_computes(name):
    content = CONTENTS[name]
    with pytest.raises(TypeError, match=f"a {type(content).__name__} is not computed on the host"):
        reference.host_values(plan.Plan((3,), content.dtype, content, key=KEY))
