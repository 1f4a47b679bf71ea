"""Functions of arrays against those of numbers, which are tested against mpmath, and their bounds."""

import math
import sys

import numpy as np
import pytest

from unifinit import numerics
from unifinit.errors import ArgumentError
from unifinit.numerics import arrays, scalars

mpmath = pytest.importorskip("mpmath")

LAST_EXP = arrays.LARGEST


def neighbours(values, count=2):
    """Numbers with those next to them."""
    found = np.asarray(values, np.float64)
    below, above = found, found
    every = [found]
    for _ in range(count):
        below, above = np.nextafter(below, -np.inf), np.nextafter(above, np.inf)
        every += [below, above]
    return np.concatenate(every)


def positive():
    """Of every size, around the ends of intervals of the table, around 1, and what is hard to round."""
    random = np.random.default_rng(1)
    borders = (np.arange(178, 365) + 0.5) / arrays.LOG_STEPS
    near = 1 + np.concatenate([s * 2.0 ** -np.arange(1, 53) for s in (1, -0.5)])
    return np.concatenate(
        [
            np.ldexp(random.uniform(0.5, 1, 1500), random.integers(-1073, 1025, 1500)),
            random.lognormal(size=1500),
            neighbours(borders, 1),
            neighbours([0.7071, 1.4142, 0.5, 1, 2, 2.0**-1022]),
            near,
            [5e-324, sys.float_info.max],
            [float.fromhex(x) for x in ("0x1.ac50b409c8aeep+8", "0x1.62a88613629b6p+678")],
        ]
    )


def real():
    """The same for exponentials, of which all results are normal numbers."""
    random = np.random.default_rng(2)
    borders = (random.integers(-261_000, 262_000, 400) + 0.5) * math.log(2) / arrays.EXP_STEPS
    tiny = np.concatenate([s * 2.0 ** -np.arange(1, 1075) for s in (1, -1)])
    return np.concatenate(
        [
            random.uniform(-708, LAST_EXP, 1000),
            random.normal(size=1000),
            neighbours(borders, 1),
            neighbours(math.log(2) * np.arange(-1020, 1024, 97), 1),
            tiny[::7],
            tiny[:120],
            [0.0, -0.0, -708.0, LAST_EXP, math.nextafter(LAST_EXP, 0)],
            [
                float.fromhex(x)
                for x in ("-0x1.ed318efb627eap-27", "0x1.83d4bcdebb3f4p+2", "0x1.d6479eba7c971p+8")
            ],
        ]
    )


CASES = {"log_array": (positive, scalars.log, mpmath.log), "exp_array": (real, scalars.exp, mpmath.exp)}


@pytest.mark.parametrize("name", CASES)
class TestBoth:
    def test_values(self, name):
        numbers, scalar, _ = CASES[name]
        x = numbers()
        assert getattr(numerics, name)(x).tolist() == [scalar(number) for number in x.tolist()]

    def test_error_of_pairs(self, name, monkeypatch, record_property):
        numbers, _, truth = CASES[name]
        seen = []

        def spy(value, error, exact):
            seen.append((value, error))
            return rounded(value, error, exact)

        rounded = arrays.rounded
        monkeypatch.setattr(arrays, "rounded", spy)
        monkeypatch.setattr(arrays, "CHUNK", 10**6)
        x = numbers()
        getattr(numerics, name)(x)
        [((high, low), _)] = seen
        worst = 0.0
        with mpmath.workdps(60):
            for number, first, second in zip(x.tolist(), high.tolist(), low.tolist(), strict=True):
                exact = truth(mpmath.mpf(number))
                if name == "exp_array":  # The pair is what a power of 2 is multiplied with.
                    exact *= mpmath.mpf(2) ** -int(mpmath.nint(mpmath.log(exact / first, 2)))
                error = abs(mpmath.mpf(first) + second - exact)
                worst = max(worst, float(error / abs(exact)) if exact else float(error))
        record_property("worst_error", math.log2(worst))
        assert worst < 2.0**-92 < arrays.ERROR

    @pytest.mark.parametrize("error", [2.0**-56, 1.0])
    def test_elements_that_are_left_open(self, name, error, monkeypatch):
        numbers, scalar, _ = CASES[name]
        x = numbers()[::5]
        expected = getattr(numerics, name)(x)
        asked = []

        def spy(number):
            asked.append(float(number))
            return scalar(number)

        monkeypatch.setattr(arrays, "ERROR", error)
        monkeypatch.setattr(scalars, name.removesuffix("_array"), spy)
        assert getattr(numerics, name)(x).tolist() == expected.tolist()
        assert len(asked) > len(x) / 10
        if error == 1:
            assert set(x[x != 1].tolist()) <= {*asked}

    @pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1,), (5000,), (3, 4, 5)])
    def test_shapes(self, name, shape):
        x = np.random.default_rng(0).uniform(0.5, 3, shape)
        before = x.copy()
        found = getattr(numerics, name)(x)
        assert (found.shape, found.dtype) == (shape, np.float64)
        assert found.reshape(-1).tolist() == [CASES[name][1](number) for number in x.reshape(-1).tolist()]
        assert (x == before).all()

    def test_strides_and_other_dtypes(self, name):
        function = getattr(numerics, name)
        x = np.arange(1, 25).reshape(4, 6)
        assert (function(x[::2, ::-1].T) == function(x.astype(np.float64))[::2, ::-1].T).all()

    def test_warns_of_nothing(self, name):
        x = CASES[name][0]()
        with np.errstate(all="raise"):
            getattr(numerics, name)(x)


class TestExp:
    def test_subnormal_results(self):
        x = np.concatenate(
            [np.linspace(-750, -708, 150), neighbours([-708, -708.39, -745.13, -746], 1), [-1e308]]
        )
        found = numerics.exp_array(x)
        assert found.tolist() == [scalars.exp(number) for number in x.tolist()]
        assert found.min() == 0
        assert 5e-324 in found

    def test_end(self):
        assert numerics.exp_array([LAST_EXP])[0] == scalars.exp(LAST_EXP) < np.inf


def test_logarithm_of_1_is_positive_0():
    assert np.signbit(numerics.log_array([1.0])).tolist() == [False]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *(("log_array", x) for x in (0.0, -0.0, -1.0, np.inf, np.nan)),
        *(("exp_array", x) for x in (np.inf, -np.inf, np.nan, math.nextafter(LAST_EXP, 1000))),
    ],
)
def test_refuses(name, wrong):
    for x in ([1.0, wrong], wrong):
        with pytest.raises(ArgumentError, match=rf"x: got {wrong}, wanted .*finite numbers"):
            getattr(numerics, name)(x)
