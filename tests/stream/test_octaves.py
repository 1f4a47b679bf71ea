"""The leading bit of an integer, found by steps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unifinit.stream.octaves import normalise
from unifinit.stream.ops import numpy_ops


@pytest.mark.parametrize(
    ("top", "dtype"),
    [(1, np.int32), (5, np.int32), (24, np.int32), (30, np.int32), (53, np.int64), (62, np.int64)],
)
def test_every_power_of_two_and_its_neighbours(top, dtype):
    numbers = sorted(
        {n for e in range(top + 1) for n in (2**e, 2**e + 1, 2 ** (e + 1) - 1) if n < 2 ** (top + 1)}
    )
    octave, moved = normalise(numpy_ops(), np.array(numbers, dtype), top)
    assert octave.dtype == moved.dtype == dtype
    assert octave.tolist() == [number.bit_length() - 1 for number in numbers]
    assert moved.tolist() == [number << (top + 1 - number.bit_length()) for number in numbers]


@given(top=st.integers(1, 62), data=st.data())
def test_any_number_and_any_top(top, data):
    number = data.draw(st.integers(1, 2 ** (top + 1) - 1))
    octave, moved = normalise(numpy_ops(), np.array([number], np.int64), top)
    assert int(octave[0]) == number.bit_length() - 1
    assert int(moved[0]) == number << (top - int(octave[0]))
