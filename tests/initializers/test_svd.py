"""The decomposition with specified bits: against LAPACK's, and against itself in another order of work."""

import numpy as np
import pytest

from unifinit import svd as module
from unifinit.svd import svd

SHAPES = [(1, 1), (2, 2), (3, 3), (8, 8), (31, 31), (64, 64), (5, 1), (9, 4), (40, 33), (4, 0), (0, 0)]


def departure(columns):
    return np.abs(columns.T @ columns - np.eye(columns.shape[1])).max(initial=0)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_equals_lapacks(shape):
    a = np.random.default_rng(0).standard_normal(shape)
    u, s, v = svd(a)
    assert (u.shape, s.shape, v.shape) == (shape, shape[1:], (shape[1], shape[1]))
    assert s == pytest.approx(np.linalg.svd(a, compute_uv=False), rel=1e-12)
    assert (np.diff(s) <= 0).all()
    assert (u * s) @ v.T == pytest.approx(a, abs=1e-13)
    assert departure(u) <= 2e-14
    assert departure(v) <= 1e-11


@pytest.mark.parametrize("rank", [0, 1, 5, 20])
def test_the_largest_ones(rank):
    a = np.random.default_rng(1).standard_normal((20, 20))
    for some, all_of_it in zip(svd(a, rank), svd(a), strict=True):
        assert np.array_equal(some, all_of_it[..., :rank])


def test_vectors_up_to_their_signs():
    a = np.random.default_rng(2).standard_normal((12, 9))
    u, _, v = svd(a)
    u0, _, vt0 = np.linalg.svd(a, full_matrices=False)
    signs = np.copysign(1, (u * u0).sum(axis=0))
    assert u == pytest.approx(u0 * signs, abs=1e-12)
    assert v == pytest.approx(vt0.T * signs, abs=1e-12)


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1.0, 1e160, 1e300])
def test_any_scale(scale):
    a = np.random.default_rng(3).standard_normal((10, 10))
    factor = 2.0 ** round(np.log2(scale))
    u, s, v = svd(a * factor)
    plain = svd(a)
    assert np.array_equal(u, plain[0])
    assert np.array_equal(s, plain[1] * factor)
    assert np.array_equal(v, plain[2])


def test_equal_singular_values():
    for a in (
        np.eye(7),
        -0.25 * np.eye(6),
        np.linalg.qr(np.random.default_rng(4).standard_normal((9, 9)))[0],
    ):
        u, s, v = svd(a)
        assert s == pytest.approx(np.full(len(a), s[0]), rel=1e-14)
        assert (u * s) @ v.T == pytest.approx(a, abs=1e-14)
        assert max(departure(u), departure(v)) <= 2e-14


def test_zero_singular_values():
    b = np.random.default_rng(5).standard_normal((8, 3))
    for a, rank in ((b @ b.T, 3), (np.zeros((4, 4)), 0), (np.ones((6, 2)), 1)):
        u, s, v = svd(a)
        assert (s[:rank] > 1e-3).all()
        assert (s[rank:] <= 1e-13).all()
        assert (u * s) @ v.T == pytest.approx(a, abs=1e-13)
    assert not any(part.any() for part in svd(np.zeros((3, 3))))


@pytest.mark.parametrize("size", [9, 50])
def test_pieces_change_no_bit(size, monkeypatch):
    a = np.random.default_rng(6).standard_normal((size, size))
    a[:, ::3] = np.eye(size)[:, ::3] * -0.0  # Zeros of either sign, too.
    a[:, 1] *= -1
    expected = svd(a)
    for chunk in (1, 100, 10**6):
        monkeypatch.setattr(module, "CHUNK", chunk)
        for found, part in zip(svd(a), expected, strict=True):
            assert found.tobytes() == part.tobytes()


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_order_changes_no_bit(order):
    a = np.random.default_rng(7).standard_normal((20, 14))
    for found, part in zip(svd(np.array(a, order=order)), svd(a), strict=True):
        assert np.array_equal(found, part)


def test_does_not_overwrite():
    a = np.random.default_rng(8).standard_normal((5, 5))
    before = a.copy()
    svd(a)
    assert np.array_equal(a, before)


def test_step_by_step():
    """Written again from the specification, number by number."""
    a = np.random.default_rng(9).standard_normal((6, 5))
    expected = plainly(a)
    for found, part in zip(svd(a), expected, strict=True):
        assert found.tolist() == part


def plainly(a):
    rows, columns = a.shape
    exponent = max(np.frexp(abs(x))[1] for x in a.reshape(-1))
    w = [[float(a[i, j]) * 2.0**-exponent for i in range(rows)] for j in range(columns)]
    scaled = [column[:] for column in w]
    half = (columns + 1) // 2
    w += [[0.0] * rows] * (2 * half - columns)
    upper, lower = list(range(half)), list(range(half, 2 * half))
    for _ in range(60):
        rotated = False
        for _ in range(2 * half - 1):
            for p, q in zip(upper, lower, strict=True):
                x, y = w[p], w[q]
                alpha, beta, gamma = (
                    fold([s * t for s, t in zip(*pair, strict=True)]) for pair in ((x, x), (y, y), (x, y))
                )
                t = 0.0
                if abs(gamma) > 2.0**-47 * (alpha * beta) ** 0.5:
                    rotated = True
                    zeta = (beta - alpha) / (2 * gamma)
                    t = np.copysign(1, zeta) / (abs(zeta) + (1 + zeta * zeta) ** 0.5)
                c = 1 / (1 + t * t) ** 0.5
                s = c * t
                w[p] = [c * i - s * j for i, j in zip(x, y, strict=True)]
                w[q] = [c * j + s * i for i, j in zip(x, y, strict=True)]
            upper, lower = [upper[0], lower[0], *upper[1:-1]], [*lower[1:], upper[-1]]
        if not rotated:
            break
    norms = [fold([x * x for x in column]) ** 0.5 for column in w[:columns]]
    order = sorted(range(columns), key=lambda j: -norms[j])
    u = [[x / norms[j] for x in w[j]] for j in order]
    v = [
        [fold([s * t for s, t in zip(scaled[i], u[k], strict=True)]) / norms[j] for k, j in enumerate(order)]
        for i in range(columns)
    ]
    return [list(row) for row in zip(*u, strict=True)], [norms[j] * 2.0**exponent for j in order], v


def fold(terms):
    while len(terms) > 1:
        half = (len(terms) + 1) // 2
        terms = [x + y for x, y in zip(terms, terms[half:], strict=False)] + terms[len(terms) - half : half]
    return terms[0]
