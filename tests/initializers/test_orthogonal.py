"""Orthogonal matrices: orthonormal to rounding, and equal to any other QR with the signs fixed."""

import numpy as np
import pytest

import unifinit as ui
from unifinit.linalg import orthonormal_columns

SIDES = [
    (1, 1),
    (4, 4),
    (31, 31),
    (32, 32),
    (33, 33),
    (64, 64),
    (65, 65),
    (100, 7),
    (7, 100),
    (33, 32),
    (32, 33),
]
SIDES += [(65, 64), (96, 65), (1, 40), (40, 1), (2, 1000)]
DEEPER = [(3, 4, 5), (2, 3, 4, 30), (3, 3, 2, 40), (2, 2, 2, 3, 4), (1, 1, 5, 5), (30, 2, 3)]
TOLERANCE = {"float32": 1e-6, "float64": 2e-15}
SLACK = {"float32": 1e-6, "float64": 1e-12}
"""How much another QR may differ."""


def as_matrix(array):
    return array.reshape(-1, array.shape[-1])


def departure(matrix):
    """The largest entry of Q^T Q - I, for the shorter side."""
    matrix = matrix.astype(np.float64)
    tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    return np.abs(tall.T @ tall - np.eye(tall.shape[1])).max()


def reference(seed, rows, columns, dtype):
    """With NumPy's QR, that is, LAPACK's."""
    sides = max(rows, columns), min(rows, columns)
    q, r = np.linalg.qr(ui.random.normal(seed, sides, dtype).astype(np.float64))
    q *= np.copysign(1, np.diag(r))
    return q if rows >= columns else q.T


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SIDES + DEEPER, ids=str)
class TestMatrix:
    def test_is_orthonormal(self, shape, dtype):
        found = ui.Orthogonal(seed=1)(shape, dtype)
        assert found.shape == shape
        assert found.dtype.name == dtype
        assert departure(as_matrix(found)) <= TOLERANCE[dtype]

    def test_equals_lapacks_with_the_signs_fixed(self, shape, dtype):
        found = as_matrix(ui.Orthogonal(seed=2)(shape, dtype))
        assert np.abs(found - reference(2, *found.shape, dtype)).max() <= SLACK[dtype]


@pytest.mark.parametrize("gain", [0.5, 1.4142, -2.0, 0.0])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gain_multiplies(gain, dtype):
    plain = ui.Orthogonal(seed=3)((20, 12), "float64")
    found = ui.Orthogonal(gain, seed=3)((20, 12), dtype)
    assert np.abs(np.linalg.norm(found, axis=0) - abs(gain)).max() <= 1e-6
    if dtype == "float64":
        assert np.array_equal(found, plain * gain)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_sixteen_bits_are_the_rounded_32(dtype):
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    initializer = ui.Orthogonal(1.1, seed=4)
    found = initializer((3, 11, 17), dtype)
    assert found.dtype.name == dtype
    assert np.array_equal(found, initializer((3, 11, 17)).astype(found.dtype))


def test_wide_is_the_transposed_tall_one():
    assert np.array_equal(ui.Orthogonal(seed=5)((9, 40)), ui.Orthogonal(seed=5)((40, 9)).T)


def test_all_axes_but_the_last_are_rows():
    assert np.array_equal(
        ui.Orthogonal(seed=6)((3, 3, 4, 10)).reshape(36, 10), ui.Orthogonal(seed=6)((36, 10))
    )


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (2, 0, 4)], ids=str)
def test_without_elements(shape):
    assert ui.Orthogonal(seed=0)(shape).shape == shape


@pytest.mark.parametrize("shape", [(), (5,), 5], ids=str)
def test_needs_two_axes(shape):
    for call in (ui.Orthogonal(), ui.Orthogonal().plan, ui.Orthogonal().describe):
        with pytest.raises(ui.ShapeError, match="Orthogonal wants at least 2"):
            call(shape)


def test_a_single_row_or_column_is_a_unit_vector():
    for shape in ((1, 50), (50, 1)):
        found = ui.Orthogonal(seed=7)(shape, "float64").reshape(-1)
        normal = ui.random.normal(7, (50,), "float64")
        assert found == pytest.approx(normal / np.linalg.norm(normal), abs=1e-15)


class TestDecomposition:
    """The function beneath, on matrices that a draw hardly gives."""

    @pytest.mark.parametrize("rows", [1, 2, 31, 32, 33, 70])
    def test_of_a_triangular_matrix_is_the_identity(self, rows):
        a = np.triu(np.random.default_rng(0).uniform(0.5, 1, (rows, rows)))
        assert np.array_equal(orthonormal_columns(a), np.eye(rows))

    def test_a_negative_diagonal_changes_signs(self):
        assert (
            orthonormal_columns(np.diag([2.0, -3.0, -0.5, 1.0])).tolist()
            == np.diag([1.0, -1, -1, 1]).tolist()
        )

    def test_zeros_below_or_on_the_diagonal(self):
        a = np.array([[0.0, 1, 2], [1, 0, 1], [0, 0, 1]])
        q = orthonormal_columns(a.copy())
        r = q.T @ a
        assert departure(q) <= 1e-15
        assert np.abs(np.tril(r, -1)).max() <= 1e-15
        assert (np.diag(r) >= 0).all()

    @pytest.mark.parametrize("scale", [1e-100, 1e100])
    def test_any_scale(self, scale):
        a = np.random.default_rng(1).standard_normal((50, 40))
        assert np.abs(orthonormal_columns(a * scale) - orthonormal_columns(a.copy())).max() <= 1e-12

    @pytest.mark.parametrize("order", ["C", "F"])
    def test_memory_order_changes_no_bit(self, order):
        a = np.random.default_rng(2).standard_normal((90, 70))
        assert np.array_equal(orthonormal_columns(np.array(a, order=order)), orthonormal_columns(a.copy()))

    def test_nearly_dependent_columns(self):
        a = np.random.default_rng(3).standard_normal((40, 35))
        a[:, 1] = a[:, 0] * (1 + 1e-14)
        assert departure(orthonormal_columns(a)) <= 2e-15
