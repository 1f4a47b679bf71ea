"""Constants: one value for all elements, or one for each; nothing is repeated, cut off or changed."""

import math

import numpy as np
import pytest

import unifinit as ui
from unifinit import ArgumentError, Constant, DtypeError, ShapeError

LAPLACIAN = [1, 1, 1, 1, -8, 1, 1, 1, 1]


@pytest.mark.parametrize(
    "value",
    [
        LAPLACIAN,
        tuple(LAPLACIAN),
        [[1, 1, 1], [1, -8, 1], [1, 1, 1]],
        np.array(LAPLACIAN),
        np.array(LAPLACIAN, np.int8).reshape(3, 3),
        np.array(LAPLACIAN, np.float16).reshape(3, 3, 1),
        np.array([[1, 1, 1], [1, -8, 1], [1, 1, 1]]).T,
    ],
    ids=["list", "tuple", "nested", "array", "matrix", "more axes", "transposed"],
)
def test_laplacian(value):
    found = Constant(value)((3, 3))
    assert found.dtype == np.float32
    assert found.tolist() == [[1, 1, 1], [1, -8, 1], [1, 1, 1]]


@pytest.mark.parametrize("shape", [(6,), (2, 3), (3, 2), (1, 6, 1), (2, 1, 3)])
def test_values_go_row_by_row_into_any_shape_of_their_number(shape):
    found = Constant([0, 1, 2, 3, 4, 5])(shape)
    assert found.shape == shape
    assert found.reshape(-1).tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("count", "shape"), [(8, (3, 3)), (10, (3, 3)), (1, (2,)), (2, ()), (0, (1,)), (1, (0,))]
)
def test_too_few_or_too_many_values(count, shape):
    wanted = math.prod(shape)
    with pytest.raises(
        ShapeError, match=rf"{count} values, but shape .* has {wanted} elements; wanted one value"
    ):
        Constant([1.0] * count)(shape)


def test_one_value_for_one_element_and_none_for_none():
    assert Constant([7])(()).tolist() == 7
    assert Constant([7])((1, 1)).tolist() == [[7]]
    assert Constant([])((0, 5)).shape == (0, 5)


@pytest.mark.parametrize("value", [5, 5.0, np.int16(5), np.float64(5), np.array(5), True * 5])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int8", "uint64"])
def test_a_number_fills_any_shape_and_dtype(value, dtype):
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    found = Constant(value)((2, 0, 3), dtype)
    assert found.shape == (2, 0, 3)
    found = Constant(value)((2, 3), dtype)
    assert found.dtype.name == dtype
    assert (found == 5).all()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("many", [False, True], ids=["one", "each"])
def test_infinities_and_nan_are_numbers_to_floats(dtype, many):
    for value in (math.inf, -math.inf, math.nan):
        found = Constant([value] if many else value)((1,), dtype)
        assert np.array_equal(found, np.array([value], dtype), equal_nan=True)


@pytest.mark.parametrize(
    ("value", "dtype", "stored"),
    [
        (0.1, "float32", float(np.float32(0.1))),
        (0.1, "float64", 0.1),
        (0.1, "float16", float(np.float16(0.1))),
        (2**24 + 1, "float32", 2.0**24),
        (65504, "float16", 65504.0),
        (1e-50, "float32", 0.0),
        # Rounded once to float32, once to float16: a tie that goes down, where 1 + 2**-11 + 2**-30 goes up.
        (1 + 2**-11 + 2**-30, "float16", 1.0),
        (3.4028234663852886e38, "float32", 3.4028234663852886e38),
        (2**63 - 1, "int64", 2**63 - 1),
        (-(2**63), "int64", -(2**63)),
        (2**64 - 1, "uint64", 2**64 - 1),
        (2**53 + 1, "int64", 2**53 + 1),
        (2**70, "float32", 2.0**70),
        (-128, "int8", -128),
        (-0.0, "int32", 0),
        (1, "bool", True),
        (0.0, "bool", False),
        (True, "float32", 1.0),
    ],
)
@pytest.mark.parametrize("many", [False, True], ids=["one", "each"])
def test_stored_exactly_or_rounded_to_nearest(value, dtype, stored, many):
    found = Constant([value, value] if many else value)((2,), dtype)
    assert found.dtype.name == dtype
    assert found.tolist() == [stored, stored]


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (0.5, "int32"),
        (300, "uint8"),
        (-1, "uint8"),
        (2.0**63, "int64"),
        (2**63, "int64"),
        (2**70, "uint64"),
        pytest.param(10**400, "float32", id="10**400-float32"),
        pytest.param(-(10**400), "int64", id="-10**400-int64"),
        (-(2.0**64), "int64"),
        (2.0**64, "uint64"),
        (128, "int8"),
        (2, "bool"),
        (0.5, "bool"),
        (math.nan, "int32"),
        (math.inf, "int64"),
        (-math.inf, "uint8"),
        (65520, "float16"),
        (-1e5, "float16"),
        (1e39, "float32"),
        (3.4e38 * 1.001, "bfloat16"),
    ],
)
@pytest.mark.parametrize("many", [False, True], ids=["one", "each"])
def test_what_does_not_fit_is_an_error(value, dtype, many):
    with pytest.raises(ArgumentError, match=rf"does not fit dtype {dtype}.*wanted a "):
        Constant([0, value] if many else value)((2,), dtype)


@pytest.mark.parametrize(
    "value",
    [
        "a",
        "1",
        None,
        {},
        ...,
        [1, None],
        ["1"],
        [[1, 2], [3]],
        np.datetime64("2020-01-01"),
        {1, 2},
    ],
    ids=repr,
)
def test_what_is_not_numeric_is_an_error(value):
    with pytest.raises(ArgumentError, match="is not numeric"):
        Constant(value)


@pytest.mark.parametrize("value", [1j, np.array([1 + 0j]), [{"real": 0.0, "imag": 1}]], ids=repr)
def test_complex_numbers_want_a_complex_dtype(value):
    constant = Constant(value)
    with pytest.raises(DtypeError, match="complex dtype"):
        constant((1,))
    assert constant((1,), "complex64").tolist() in ([1j], [1 + 0j])
    assert Constant(**constant.get_config()) == constant


def test_bfloat16_values_are_taken():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    value = np.array([1.5, -2, 0.1], ml_dtypes.bfloat16)
    assert Constant(value)(3, "bfloat16").tolist() == value.tolist()
    assert Constant(value)(3, "float64").tolist() == value.astype(float).tolist()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "uint32", "bool"])
def test_zeros_and_ones_have_any_dtype(dtype):
    for initializer, value in ((ui.Zeros(), 0), (ui.Ones(), 1)):
        found = initializer((2, 3), dtype)
        assert found.dtype.name == dtype
        assert (found == value).all()


def test_each_call_gives_an_array_of_its_own(constant):
    first = constant((3,))
    wanted = first.tolist()
    first[:] = 9
    assert constant((3,)).tolist() == wanted
