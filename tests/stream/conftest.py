"""What the tests of both resolutions share."""

import numpy as np
import pytest

from unifinit.stream.ops import Ops


class ExactIntegers:
    """NumPy's functions on unbounded integers; a result that machine integers cannot hold is an error."""

    def __init__(self, bits):
        self.bits = bits
        self.widest = 0

    def __getattr__(self, name):
        function = getattr(np, name)

        def exact(*arguments, **options):
            result = function(*map(unbounded, arguments), **options)
            # Bits that a shift moves out at the top are those that ``where`` drops.
            if result.dtype == object and name != "bitwise_left_shift":
                widest = max(int(number).bit_length() for number in result)
                assert widest < self.bits, f"{name} has results of {widest} bits and a sign"
                self.widest = max(self.widest, widest)
            return result

        return exact

    def take(self, table, index, axis):
        return unbounded(np.take(table, index.astype(np.int64), axis=axis))


def unbounded(array):
    is_integer = isinstance(array, np.ndarray) and array.dtype.kind == "i"
    return array.astype(object) if is_integer else array


@pytest.fixture
def check_overflow():
    """Run a function of the stream in machine integers and in unbounded ones, which must agree."""

    def check(function, *arguments):
        bits = 8 * arguments[0].itemsize
        exact = ExactIntegers(bits)
        wanted = function(Ops(exact), *map(unbounded, arguments))
        found = function(Ops(np), *arguments)
        assert found.dtype == arguments[0].dtype
        assert found.tolist() == wanted.tolist()
        return exact.widest

    return check
