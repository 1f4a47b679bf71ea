"""``assert_identical``: what is identical, and what the report tells if something is not."""

from __future__ import annotations

import math
from collections import OrderedDict, namedtuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import unifinit as ui
from unifinit import elements, narrow
from unifinit.testing import assert_identical, identical
from unifinit.types import DTYPES, FLOATS

REAL = [dtype.name for dtype in FLOATS if not dtype.is_narrow]
Pair = namedtuple("Pair", ["kernel", "bias"])  # noqa: PYI024 - the older kind is meant


def report(*arrays, **options):
    with pytest.raises(AssertionError) as error:
        assert_identical(*arrays, **options)
    return str(error.value)


def of_words(words, dtype="float32"):
    return np.array(words, f"u{np.dtype(dtype).itemsize}").view(dtype)


def made(dtype, words):
    """The elements of an array of words, which NumPy need not be able to hold."""
    data = np.asarray(words, elements.storage(DTYPES[dtype])).tobytes()
    return identical.Elements("made", DTYPES[dtype], (len(words),), data)


class TestIdentical:
    @pytest.mark.parametrize(
        "one",
        [
            np.arange(6, dtype="int16").reshape(2, 3),
            np.zeros((0, 3)),
            np.float64(0.1),
            np.array([np.nan, np.inf, -0.0], "float16"),
            np.array([1 + 2j, complex(np.nan, -0.0)], "complex64"),
            np.array([True, False]),
            {"a": [np.ones(3), (None, "text", 3, True)], "b": {}},
            Pair(np.ones(2), [0.5, 2j]),
        ],
        ids=str,
    )
    def test_to_itself_and_to_a_copy(self, one):
        import copy

        assert_identical(one, one)
        assert_identical(one, copy.deepcopy(one), copy.deepcopy(one))

    def test_memory_order_and_byte_order_do_not_count(self):
        x = np.arange(12, dtype="float32").reshape(3, 4)
        assert_identical(x, np.asfortranarray(x), x.astype(">f4"), x.T.copy().T)

    def test_mappings_in_any_order_and_of_any_kind(self):
        assert_identical({"a": 1, "b": 2}, OrderedDict(b=2, a=1))

    def test_nan_of_the_same_bits(self):
        assert_identical(of_words([0x7FC00001]), of_words([0x7FC00001]))

    def test_arrays_of_other_libraries(self):
        strict = pytest.importorskip("array_api_strict")
        x = np.linspace(0, 1, 5, dtype="float32")
        assert_identical(x, strict.asarray(x))
        assert "expected: array_api_strict, float32, shape (5,)" in report(x + 1, strict.asarray(x))

    @pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "float32", "complex64", "int64", "bool"])
    def test_tensors_of_torch(self, dtype):
        torch = pytest.importorskip("torch")
        x = torch.tensor([0, 1, 1, 0], dtype=torch.float32).to(getattr(torch, dtype))
        assert_identical(x, x.clone(), x.clone().requires_grad_() if x.is_floating_point() else x)
        y = torch.tensor([0, 1, 0, 0], dtype=torch.float32).to(getattr(torch, dtype))
        text = report(x, y)
        assert "1 of 4 elements differ (25%)" in text
        assert f"actual:   torch, {dtype}, shape (4,)" in text
        assert "the first at index (2,)" in text


class TestReport:
    def test_of_everything(self):
        x = np.zeros((3, 4), "float32")
        y = x.copy()
        y[1, 2], y[2, 3] = of_words([3])[0], 1
        assert report(x, y, names=("torch", "a longer name")).splitlines() == [
            "torch and a longer name are not identical: 2 of 12 elements differ (16.7%)",
            "  torch:         numpy, float32, shape (3, 4)",
            "  a longer name: numpy, float32, shape (3, 4)",
            "  the first at index (1, 2):",
            "    torch:         0.0    0x00000000",
            "    a longer name: 4e-45  0x00000003",
            "    differing bits: 0x00000003 (2 of 32), distance: 3 ulps",
            "  the largest distance: 1065353216 ulps, at index (2, 3)",
        ]

    def test_shapes_and_dtypes(self):
        text = report(np.zeros((2, 3)), np.zeros((3, 2), "float32"))
        assert "their shapes and dtypes differ" in text
        assert "actual:   numpy, float64, shape (2, 3)" in text
        assert "expected: numpy, float32, shape (3, 2)" in text

    def test_only_the_sign_of_zero(self):
        text = report(np.zeros(3), -np.zeros(3))
        assert "3 of 3 elements differ (100%)" in text
        assert "distance: 0 ulps" in text
        assert "they differ only in the sign of zero" in text

    def test_only_the_bits_of_nan(self):
        text = report(of_words([0x7FC00000, 0]), of_words([0x7FC00001, 0]))
        assert "distance: not comparable" in text
        assert "they differ only in the bits of NaN" in text

    def test_some_of_each(self):
        one = of_words([0, 0x7FC00000, 0x7FC00000, 5, 7])
        other = of_words([0x80000000, 0x7FC00001, 7, 6, 7])
        text = report(one, other)
        assert "4 of 5" in text
        assert "1 of the 4 elements differ only in the sign of zero" in text
        assert "1 of the 4 elements differ only in the bits of NaN" in text
        assert "1 elements are NaN on one side only" in text
        assert "the largest distance: 1 ulp, at index (3,)" in text

    @pytest.mark.filterwarnings("error")
    def test_signalling_nan(self):
        assert "they differ only in the bits of NaN" in report(of_words([0x7F800001]), of_words([0x7F800002]))

    def test_complex_numbers_by_part(self):
        text = report(np.array([1, 1 + 2j, 5j]), np.array([1, complex(1, np.nextafter(2, 3)), 4j]))
        assert "2 of 3 elements differ" in text
        assert "the first at index (1,)" in text
        assert "actual:   (1+2j) " in text
        assert "0x3ff0000000000000 0x4000000000000001" in text
        assert "imaginary part: differing bits: 0x0000000000000001 (1 of 64), distance: 1 ulp" in text
        assert "real part" not in text
        assert "at index (2,), imaginary part" in text

    def test_integers_and_booleans(self):
        text = report(np.array([7, -1], "int64"), np.array([7, 2**63 - 1], "int64"))
        assert "differing bits: 0x8000000000000000 (1 of 64), distance: 9223372036854775808" in text
        assert "ulp" not in text
        text = report(np.array([True]), np.array([False]))
        assert "True   0x01" in text
        assert "distance" not in text

    @pytest.mark.parametrize(
        ("dtype", "words", "values", "steps"),
        [
            ("bfloat16", (0x3F80, 0x3F81), ("1.0", "1.0078125"), 1),
            ("float8_e4m3fn", (0x38, 0xB8), ("1.0", "-1.0"), 0x70),
            ("float8_e5m2", (0x00, 0x7B), ("0.0", "57344.0"), 0x7B),
            ("float8_e4m3fnuz", (0x01, 0x81), ("0.0009765625", "-0.0009765625"), 2),
        ],
    )
    def test_floats_that_numpy_lacks(self, dtype, words, values, steps):
        text = identical.describe(made(dtype, [words[0]]), made(dtype, [words[1]]), ("one", "other"))
        assert all(value in text for value in values)
        assert f"distance: {steps} ulp" in text

    def test_what_lies_in_other_pieces(self, monkeypatch):
        monkeypatch.setattr(identical, "PIECE", 4)
        x = np.arange(22, dtype="complex64")
        y = x.copy()
        y[13], y[20] = -x[13], x[20] + 1
        text = report(x, y)
        assert "2 of 22 elements differ" in text
        assert "the first at index (13,)" in text
        assert "at index (13,), real part" in text

    def test_names_the_array_that_differs(self):
        one = {"layers": [Pair(np.ones(2), np.zeros(2)), Pair(np.ones(2), np.zeros(2))], "step": 1}
        other = {"layers": [Pair(np.ones(2), np.zeros(2)), Pair(np.ones(2), np.ones(2))], "step": 2}
        text = report(one, other)
        assert text.startswith("2 of 5 parts are not identical:")
        assert "actual['layers'][1].bias and expected['layers'][1].bias are not identical: 2 of 2" in text
        assert "actual['step'] and expected['step'] are not identical: int 1 against int 2" in text

    def test_tells_only_some_in_full(self):
        text = report([np.zeros(1)] * 6, [np.ones(1)] * 6)
        assert text.count("are not identical: 1 of 1") == 3
        assert text.endswith("and actual[3], actual[4], actual[5]")

    @pytest.mark.parametrize(
        ("one", "other", "message"),
        [
            ({"a": 1}, {"a": 1, "b": 2}, "only the second has ['b']"),
            (
                [[1], 2],
                [[1, 3], 2],
                "actual[0] and expected[0] are not identical: only the second has [0][1]",
            ),
            ([1], (1,), "one is a list, the other a tuple"),
            ({}, [], "one is a dict, the other a list"),
            (Pair(1, 2), (1, 2), "only the first has .bias"),
            ([1], np.ones(1), "one is a list, the other a ndarray"),
            ([None], [np.ones(1)], "NoneType None against an array (numpy, float64, shape (1,))"),
            ([True], [1], "bool True against int 1"),
            (["a"], ["b"], "str 'a' against str 'b'"),
            ([0.0], [-0.0], "they differ only in the sign of zero"),
        ],
        ids=str,
    )
    def test_of_containers(self, one, other, message):
        assert message in report(one, other)

    def test_names_and_others(self):
        x = np.ones(1)
        assert report(x, x, x, x + 1).startswith("others[1] and expected are not identical")
        assert report(x, x, x + 1, names=["a", "b", "c"]).startswith("c and b are not identical")

    @pytest.mark.parametrize("names", ["ab", ["a"], ["a", "b", "c"]])
    def test_wrong_names(self, names):
        with pytest.raises(ui.ArgumentError, match="wanted one name for each"):
            assert_identical(1, 1, names=names)

    def test_what_is_no_array(self):
        with pytest.raises(ui.UnsupportedArrayError) as error:
            assert_identical({"a": object()}, {"a": 1})
        assert error.value.__notes__ == ["It is actual['a']."]


class TestOtherDtypes:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (np.arange(3, dtype="int8"), np.arange(3, dtype="uint64")),
            (np.array([0.5, -0.0, np.nan]), np.array([0.5, -0.0, np.nan], "float16")),
            (np.array([1 + 2j]), np.array([1 + 2j], "complex64")),
            (np.zeros(0), np.zeros(0, "float32")),
        ],
    )
    def test_equal_numbers(self, one, other):
        assert_identical(one, other, equal_dtype=False)
        assert "their dtypes differ" in report(one, other)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (np.array([0, -1], "int64"), np.array([0, 2**64 - 1], "uint64")),
            (np.array([0, 2**53 + 1], "int64"), np.array([0, 2**53], "uint64")),
            (np.array([0.0, 0.1]), np.array([0.0, 0.1], "float32")),
            (np.array([0.0, 0.0]), np.array([0.0, -0.0], "float32")),
            (np.array([0.0, np.nan]), np.array([0.0, 1], "float32")),
        ],
    )
    def test_other_numbers(self, one, other):
        text = report(one, other, equal_dtype=False)
        assert "1 of 2 elements differ" in text
        assert "the first at index (1,)" in text

    def test_other_kinds(self):
        assert "their kinds of dtypes differ" in report(np.ones(1), np.ones(1, "int64"), equal_dtype=False)

    def test_bfloat16_in_float32(self):
        one, other = made("bfloat16", [0x3F80]), made("float32", np.array([1], "float32"))
        assert identical.describe(one, other, ("one", "other")) == ""


def distance(x, y, dtype):
    x, y = (np.array([value], dtype).view(f"u{np.dtype(dtype).itemsize}") for value in (x, y))
    return int(identical.distance(x, y, DTYPES[dtype])[0])


def floats(dtype):
    return st.floats(width=8 * np.dtype(dtype).itemsize, allow_nan=False).map(np.dtype(dtype).type)


class TestDistance:
    @pytest.mark.parametrize("dtype", REAL)
    @given(data=st.data())
    def test_of_neighbours_is_one(self, dtype, data):
        x = data.draw(floats(dtype))
        with np.errstate(all="ignore"):
            above = np.nextafter(x, x.dtype.type(np.inf))
        assert distance(x, above, dtype) == (0 if x == np.inf else 1)
        assert distance(above, x, dtype) == distance(x, above, dtype)

    @pytest.mark.parametrize("dtype", REAL)
    @given(data=st.data(), steps=st.integers(0, 40))
    def test_counts_steps(self, dtype, data, steps):
        x = data.draw(floats(dtype).filter(np.isfinite))
        y = x
        with np.errstate(all="ignore"):
            for _ in range(steps):
                y = np.nextafter(y, x.dtype.type(-np.inf))
        assert distance(x, y, dtype) == steps or y == -np.inf

    @given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 1000))
    def test_is_in_units_of_math_ulp(self, x, steps):
        # Away from zero, as long as the exponent is the same, the steps are as long as the ulp.
        y = math.copysign(abs(x) + steps * math.ulp(x), x)
        if math.frexp(y)[1] == math.frexp(x)[1]:
            assert distance(x, y, "float64") == steps

    @given(floats("float32"), floats("float32"), floats("float32"))
    def test_adds_up(self, x, y, z):
        x, y, z = sorted((x, y, z))
        assert distance(x, z, "float32") == distance(x, y, "float32") + distance(y, z, "float32")

    @pytest.mark.parametrize("name", narrow.NARROW)
    def test_of_all_narrow_numbers_is_their_order(self, name):
        words = np.arange(2 ** (8 * narrow.word_dtype(name).itemsize)).astype(narrow.word_dtype(name))
        values = identical._numbers(words, DTYPES[name])
        words, values = words[~np.isnan(values)], values[~np.isnan(values)]
        distinct, rank = np.unique(values, return_inverse=True)
        lowest = words[np.argmin(values)]
        found = identical.distance(words, np.full_like(words, lowest), DTYPES[name])
        assert distinct.size > 240
        np.testing.assert_array_equal(found, rank)

    @pytest.mark.parametrize("dtype", ["int8", "int64", "uint64", "uint16"])
    @given(data=st.data())
    def test_of_integers_is_the_difference(self, dtype, data):
        info = np.iinfo(dtype)
        x, y = (data.draw(st.integers(info.min, info.max)) for _ in range(2))
        assert distance(x, y, dtype) == abs(x - y)

    def test_across_all_of_float64(self):
        most = np.finfo("float64").max
        assert distance(-most, most, "float64") == 2 * (0x7FF0000000000000 - 1)
        assert distance(0.0, -0.0, "float64") == 0


def test_the_frames_of_the_function_are_not_shown(run):
    source = """
        import numpy as np
        def test(assert_identical):
            assert_identical(np.zeros(1), np.ones(1))
    """
    result = run(source)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*AssertionError: actual and expected are not identical: 1 of 1*"])
    result.stdout.no_fnmatch_line("*identical.py*")
