"""The numbers of elements, as words of 32 bits, and as consecutive parts."""

import itertools
import math

import numpy as np
import pytest

from unifinit.numbering import Numbering
from unifinit.stream.counters import counters
from unifinit.stream.ops import numpy_ops

pytest.importorskip("hypothesis", reason="properties need hypothesis")

from hypothesis import given
from hypothesis import strategies as st

LARGEST = 2**63 - 1


@st.composite
def numberings(draw):
    """Numbers from 0 to below 2**63, near the places where a word changes too."""
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    magnitude = st.sampled_from([1, 2**8, 2**16, 2**31, 2**32, 2**40, 2**59])
    steps = [draw(st.integers(-3, 3)) * draw(magnitude) + draw(st.integers(-2, 2)) for _ in sizes]
    reaches = [(size - 1) * step for size, step in zip(sizes, steps, strict=True)]
    below, above = -sum(min(reach, 0) for reach in reaches), sum(max(reach, 0) for reach in reaches)
    if below + above > LARGEST:
        steps, below, above = [0 for _ in sizes], 0, 0
    multiple = draw(st.integers(0, (LARGEST - below - above) >> 32)) << 32
    first = min(below + multiple + draw(st.integers(0, 20)), LARGEST - above)
    return Numbering(first, tuple(sizes), tuple(steps))


def listed(numbering):
    """The numbers in row-major order, by integers of Python."""
    first, sizes, steps = numbering
    return [first + sum(map(int.__mul__, index, steps)) for index in itertools.product(*map(range, sizes))]


@given(numberings())
def test_counters_are_the_words_of_the_numbers(numbering):
    upper, lower = counters(numpy_ops(), numbering)
    assert lower.dtype == np.int32
    assert lower.shape == numbering.sizes
    uppers = np.broadcast_to(np.asarray(upper, np.int32), numbering.sizes).reshape(-1)
    words = zip(uppers, lower.reshape(-1), strict=True)
    found = [(int(a) & 0xFFFFFFFF) << 32 | int(b) & 0xFFFFFFFF for a, b in words]
    assert found == listed(numbering)


@given(numberings())
def test_ends(numbering):
    assert numbering.ends == (min(listed(numbering)), max(listed(numbering)))


@given(numberings())
def test_joined_axes_have_the_same_numbers(numbering):
    joined = numbering.joined()
    assert listed(joined) == listed(numbering)
    assert len(joined.sizes) <= len(numbering.sizes)


@given(numberings(), st.integers(1, 30))
def test_pieces_are_consecutive_and_have_all(numbering, most):
    found = []
    for where, piece in numbering.pieces(most):
        assert where.start == len(found)
        assert 0 < math.prod(piece.sizes) <= most
        found += listed(piece)
        assert where.stop == len(found)
    assert found == listed(numbering)


@pytest.mark.parametrize("sizes", [(0,), (3, 0), (0, 2**40)])
def test_no_elements_have_no_pieces(sizes):
    assert list(Numbering(0, sizes, (1,) * len(sizes)).pieces(8)) == []


def test_a_whole_array_is_one_axis():
    assert Numbering(0, (3, 1, 5, 7), (35, 35, 7, 1)).joined() == Numbering(0, (105,), (1,))
