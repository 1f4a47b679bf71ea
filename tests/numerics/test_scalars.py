"""Functions of single numbers against mpmath with many digits, and where rounding is hard."""

import math
import re
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unifinit import numerics
from unifinit.errors import ArgumentError
from unifinit.numerics.circle import pi_fixed, sincos_fixed
from unifinit.numerics.rounding import nearest, settled

mpmath = pytest.importorskip("mpmath")

TINY = 5e-324
NORMAL = sys.float_info.min
LARGEST = sys.float_info.max
LAST_EXP = float.fromhex("0x1.62e42fefa39efp+9")


def exactly(value):
    """A rational number as one of mpmath."""
    value = Fraction(value)
    return mpmath.mpf(value.numerator) / value.denominator


def correct(function, *arguments, digits=60):
    """The float64 nearest to a value that mpmath computes from rational arguments.

    It fails if values that differ by the last ten digits would round to different floats.
    """
    with mpmath.workdps(digits):
        value = function(*map(exactly, arguments))
        sign, factor, twos, size = value._mpf_
    if size + twos < -1200:
        return 0.0
    value = (-1) ** sign * factor * Fraction(2) ** twos
    margin = Fraction(1, 10 ** (digits - 10))
    found, other = (nearest(value * (1 + e)) for e in (-margin, margin))
    assert found == other
    return found


def power(base, exponent):
    return mpmath.exp(mpmath.log(base) * exponent)


def inverse_softplus(y):
    return mpmath.log(mpmath.expm1(y))


REFERENCES = {
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "log": mpmath.log,
    "log1p": lambda x: mpmath.log(1 + x),
    "inverse_softplus": inverse_softplus,
}
# Among the hardest arguments that there are; see Lefèvre & Muller, "Worst cases for correct rounding of the
# elementary functions in double precision" (2001).
HARD = {
    "exp": ["-0x1.ed318efb627eap-27", "0x1.83d4bcdebb3f4p+2", "0x1.d6479eba7c971p+8"],
    "log": ["0x1.ac50b409c8aeep+8", "0x1.62a88613629b6p+678"],
}
EDGES = {
    "exp": [
        0.0,
        -0.0,
        TINY,
        -TINY,
        2.0**-53,
        -(2.0**-53),
        -(2.0**-54),
        1.0,
        LAST_EXP,
        -708.4,
        -745.13,
        -746.5,
        -1e308,
    ],
    "expm1": [2.0**-60, 2.0**-59, -(2.0**-54), 1e-9, 0.5, 37.4, -40.0, -800.0, LAST_EXP],
    "log": [TINY, NORMAL, 1 - 2.0**-53, 1 + 2.0**-52, 2.0, math.e, LARGEST],
    "log1p": [2.0**-60, 2.0**-59, -(2.0**-54), 1e-9, 0.5, -1 + 2.0**-53, -0.5, LARGEST],
    "inverse_softplus": [
        TINY,
        1e-200,
        2.0**-53,
        math.log(2),
        math.nextafter(math.log(2), 1),
        1.0,
        36.7,
        63.9,
        64.0,
        1e308,
    ],
}
CASES = [(name, x) for name, edges in EDGES.items() for x in edges] + [
    (name, float.fromhex(x)) for name, hard in HARD.items() for x in hard
]


@pytest.mark.parametrize(("name", "x"), CASES)
def test_edges_and_hard_cases(name, x):
    assert getattr(numerics, name)(x) == correct(REFERENCES[name], x, digits=800)


@pytest.mark.parametrize(("name", "x"), [(name, x) for name, hard in HARD.items() for x in hard])
def test_hard_cases_are_hard(name, x):
    # Half an ulp is 1 here; the value is close to a float or a tie.
    with mpmath.workdps(60):
        scaled = mpmath.frexp(REFERENCES[name](mpmath.mpf(float.fromhex(x))))[0] * 2**54
        assert abs(scaled - mpmath.nint(scaled)) < 2.0**-55


@given(st.floats(-746, LAST_EXP))
def test_exp(x):
    assert numerics.exp(x) == correct(mpmath.exp, x, digits=400)


@given(st.floats(TINY, LARGEST))
def test_log(x):
    assert numerics.log(x) == correct(mpmath.log, x)


@given(st.floats(-40, LAST_EXP).filter(bool))
def test_expm1(x):
    assert numerics.expm1(x) == correct(mpmath.expm1, x, digits=400)


@given(st.floats(-1, LARGEST, exclude_min=True).filter(bool))
def test_log1p(x):
    assert numerics.log1p(x) == correct(REFERENCES["log1p"], x, digits=400)


@given(st.floats(1e-20, 100))
def test_inverse_softplus(y):
    assert numerics.inverse_softplus(y) == correct(inverse_softplus, y, digits=100)


def test_values_that_are_exact():
    assert numerics.exp(0) == 1
    for name in ("log", "expm1", "log1p"):
        value = getattr(numerics, name)(1.0 if name == "log" else 0.0)
        assert (value, math.copysign(1, value)) == (0, 1)


class TestPower:
    @given(st.integers(1, 10**6), st.fractions(-20, 20, max_denominator=100))
    def test_of_integers(self, base, exponent):
        assert numerics.power(base, exponent) == correct(power, base, exponent, digits=200)

    @given(st.floats(1e-300, 1e300), st.floats(-1, 1))
    def test_of_floats(self, base, exponent):
        assert numerics.power(base, exponent) == correct(power, base, exponent, digits=700)

    @pytest.mark.parametrize("below", range(1, 8))
    @pytest.mark.parametrize("root", [1, 3, 12, 3**20, 2**53 - 1])
    def test_roots_of_powers(self, root, below):
        assert numerics.power(root**below, Fraction(1, below)) == root
        assert numerics.power(root**below, Fraction(-1, below)) == 1 / root
        assert numerics.power(root**below, Fraction(2, below)) == nearest(Fraction(root**2))

    @pytest.mark.parametrize("odd", [2**53 + 1, 2**53 + 3, 2**54 - 1, 94_906_267**2])
    def test_midway_between_two_floats(self, odd):
        # Ties, which no enclosure can decide; and what is next to them.
        for shift in (0, 900, -900):
            scale = Fraction(2) ** shift
            for tie in (odd, odd + Fraction(1, 10**40), odd - Fraction(1, 10**40)):
                for degree in (1, 2, 5):
                    base, exponent = (tie * scale) ** degree, Fraction(1, degree)
                    assert numerics.power(base, exponent) == nearest(tie * scale)
                    assert numerics.power(1 / base, -exponent) == nearest(tie * scale)

    def test_square_that_is_midway(self):
        assert numerics.power(94_906_267, 2) == nearest(Fraction(94_906_267**2)) != 94_906_267**2

    def test_close_to_the_middle(self):
        # sqrt(1 + 2e) = 1 + e - e**2 / 2 for the e at which 1 + e lies midway.
        assert numerics.power(1 + 2.0**-52, 0.5) == 1
        assert numerics.power(1 + 2.0**-52, math.nextafter(0.5, 1)) == correct(
            power, 1 + 2.0**-52, math.nextafter(0.5, 1), digits=200
        )

    @pytest.mark.parametrize(
        ("base", "exponent", "expected"),
        [
            (2, -1074, TINY),
            (2, -1075, 0.0),
            (2, Fraction(-2149, 2), TINY),
            (3, -678, TINY),
            (2, -(10**30), 0.0),
            (3, -(10**30), 0.0),
            (0.5, 10**400, 0.0),
            (1, 10**400, 1.0),
            (1, Fraction(1, 10**400), 1.0),
            (7.5, 0, 1.0),
            (TINY, 1, TINY),
            (TINY, Fraction(1, 2), 2.0**-537),
            (LARGEST, 1, LARGEST),
            (1 + 2.0**-52, 1e-300, 1.0),
            (np.int64(2**62), np.int64(2), 2.0**124),
            (10**400, Fraction(1, 400), 10.0),
            (10**400 + 1, Fraction(1, 400), 10.0),
        ],
    )
    def test_far_out(self, base, exponent, expected):
        assert numerics.power(base, exponent) == expected

    def test_subnormal_results_are_rounded_once(self):
        for exponent in range(-700, -640, 7):
            assert numerics.power(3, exponent) == nearest(Fraction(3) ** exponent)


class TestTurns:
    @given(st.integers(-(10**12), 10**12), st.integers(1, 10**9))
    def test_sine_and_cosine(self, num, den):
        part = Fraction(num, den) % 1
        if 4 * part % 2 != 1:
            assert numerics.cos_turns(num, den) == correct(lambda x: mpmath.cos(2 * mpmath.pi * x), part)
        if 2 * part % 1 != 0:
            assert numerics.sin_turns(num, den) == correct(lambda x: mpmath.sin(2 * mpmath.pi * x), part)

    def test_exact_values(self):
        for scale in (1, 5, 10**30):
            cosines = [numerics.cos_turns(n * scale, 12 * scale) for n in range(-12, 13)]
            assert cosines[::2] == [1, 0.5, -0.5, -1, -0.5, 0.5, 1, 0.5, -0.5, -1, -0.5, 0.5, 1]
            assert cosines[3::6] == [0, 0, 0, 0]
            sines = [numerics.sin_turns((n + 3) * scale, 12 * scale) for n in range(-12, 13)]
            assert sines == cosines

    def test_integers_of_numpy(self):
        num, den = np.int32(5), np.int64(7)
        assert numerics.cos_turns(num, den) == numerics.cos_turns(5, 7)
        assert numerics.sin_turns(num, den) == numerics.sin_turns(5, 7)
        assert numerics.sincos_turns_array([5], den)[0] == numerics.sin_turns(5, 7)

    def test_tiny_angles(self):
        assert numerics.sin_turns(1, 10**200) == correct(lambda x: 2 * mpmath.pi * x, Fraction(1, 10**200))
        assert numerics.sin_turns(-1, 10**200) == -numerics.sin_turns(1, 10**200)
        assert numerics.cos_turns(1, 10**200) == 1

    @pytest.mark.parametrize("bits", [16, 64, 160, 1000])
    def test_fixed_point(self, bits):
        with mpmath.workprec(bits + 40):
            assert abs(mpmath.mpf(pi_fixed(bits)) - mpmath.pi * 2**bits) < 1
            for i in range(65):
                turns = (i << bits) // 64 + (i % 3 if i < 64 else 0)
                angle = 2 * mpmath.pi * turns / mpmath.mpf(2) ** bits
                for found, truth in zip(
                    sincos_fixed(turns, bits), (mpmath.sin(angle), mpmath.cos(angle)), strict=True
                ):
                    assert abs(found - truth * 2**bits) < 2


class TestZiv:
    def test_precision_doubles_until_rounding_is_certain(self):
        middle, asked = 1 + Fraction(1, 2**53), []

        def enclose(bits):
            asked.append(bits)
            return middle + Fraction(1, 2**300), Fraction(1, 2**bits)

        assert settled(enclose, "x") == 1 + 2.0**-52
        assert asked == [128, 256, 512]


class TestRefused:
    @pytest.mark.parametrize(
        ("name", "arguments"),
        [
            ("exp", (math.nan,)),
            ("exp", (math.inf,)),
            ("exp", (-math.inf,)),
            ("exp", (math.nextafter(LAST_EXP, 1000),)),
            ("exp", (1e308,)),
            ("expm1", (710.0,)),
            ("expm1", (math.nan,)),
            ("log", (0.0,)),
            ("log", (-1.0,)),
            ("log", (math.inf,)),
            ("log1p", (-1.0,)),
            ("log1p", (math.nan,)),
            ("inverse_softplus", (0.0,)),
            ("inverse_softplus", (math.inf,)),
            ("power", (0, 1)),
            ("power", (-2.0, 1)),
            ("power", (math.inf, 1)),
            ("power", (2, math.nan)),
            ("power", (2, 1024)),
            ("power", (3, 10**30)),
            ("power", (0.5, -(10**400))),
            ("power", (10**400, 1)),
            ("cos_turns", (1, 0)),
            ("sin_turns", (1, -3)),
        ],
    )
    def test_arguments(self, name, arguments):
        with pytest.raises(ArgumentError, match=r"got .*, wanted "):
            getattr(numerics, name)(*arguments)


def test_modules_for_many_digits_are_not_imported_at_once():
    sources = [path.read_text("utf-8") for path in Path(numerics.__path__[0]).glob("*.py")]
    lines = re.findall(r"^.*(?:from|import) (?:decimal|fractions).*$", "\n".join(sources), re.MULTILINE)
    assert len(lines) > 10
    assert [line for line in lines if not line.startswith("    ")] == []
