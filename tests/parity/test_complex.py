"""Complex numbers: the keys and the variance of JAX and PyTorch, unitary matrices, and exact assembly."""

import math

import numpy as np
import pytest

import unifinit as ui

stats = pytest.importorskip("scipy.stats")

WIDE = {"complex64": "float32", "complex128": "float64"}


@pytest.mark.parametrize("dtype", WIDE)
class TestParts:
    def test_have_keys_of_their_own(self, dtype):
        found = ui.RandomNormal(stddev=math.sqrt(2), seed=3)((50, 40), dtype)
        parts = [ui.RandomNormal(stddev=1.0)((50, 40), WIDE[dtype], seed=key) for key in ui.Key(3).split()]
        # The square root of 2 over itself is 1.0000000000000002 or 1, and so is its float32.
        assert found.real == pytest.approx(parts[0], rel=1e-6)
        assert found.imag == pytest.approx(parts[1], rel=1e-6)

    @pytest.mark.parametrize(
        "initializer",
        [
            ui.RandomNormal(0.5, 2.0),
            ui.TruncatedNormal(stddev=3.0),
            ui.HeNormal(),
            ui.GlorotUniform(),
            ui.RandomUniform(-1, 2),
        ],
        ids=repr,
    )
    def test_total_variance(self, dtype, initializer):
        found = initializer((400, 500), dtype, seed=1)
        moments = initializer.describe((400, 500), dtype).moments
        deviation = found - np.mean(found)
        assert math.sqrt(np.mean(np.abs(deviation) ** 2)) == pytest.approx(moments.stddev, rel=5e-3)
        assert np.mean(found.real) == pytest.approx(
            moments.mean, abs=6 * moments.stddev / math.sqrt(found.size)
        )
        assert min(found.real.min(), found.imag.min()) >= moments.minimum - 1e-6
        assert max(found.real.max(), found.imag.max()) <= moments.maximum + 1e-6
        if not isinstance(initializer, (ui.RandomUniform, ui.RandomNormal, ui.TruncatedNormal)):
            real = initializer.describe((400, 500)).moments
            assert moments.stddev == pytest.approx(real.stddev, rel=1e-6)

    def test_parts_are_independent(self, dtype):
        found = ui.RandomNormal(seed=5)((100_000,), dtype)
        assert abs(np.corrcoef(found.real, found.imag)[0, 1]) < 5 / math.sqrt(found.size)
        assert stats.kstest(np.angle(found), stats.uniform(-math.pi, 2 * math.pi).cdf).pvalue > 1e-4

    @pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (3, 2, 4), (40, 33)], ids=str)
    def test_orthogonal_is_unitary(self, dtype, shape):
        matrix = ui.Orthogonal(2.0, seed=7)(shape, dtype).reshape(-1, shape[-1])
        if matrix.shape[0] < matrix.shape[1]:
            matrix = matrix.T
        error = np.abs(matrix.conj().T @ matrix - 4 * np.eye(matrix.shape[1])).max()
        assert error < (1e-5 if dtype == "complex64" else 1e-13)


def test_normal_is_that_of_jax():
    jax = pytest.importorskip("jax")
    wanted = np.asarray(jax.random.normal(jax.random.key(11), (1000,), "complex64"))
    assert np.abs(ui.random.normal(11, (1000,), "complex64") - wanted).max() < 5e-5


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4)], ids=str)
def test_orthogonal_is_that_of_jax(shape):
    jax = pytest.importorskip("jax")
    wanted = np.asarray(jax.nn.initializers.orthogonal()(jax.random.key(11), shape, "complex64"))
    assert np.abs(ui.Orthogonal(seed=11)(shape, "complex64") - wanted).max() < 1e-4


def test_variance_is_that_of_torch():
    torch = pytest.importorskip("torch")
    wanted = torch.empty(300_000, dtype=torch.complex64).normal_(generator=torch.Generator().manual_seed(1))
    found = ui.RandomNormal(seed=1)((300_000,), "complex64")
    for part in ("real", "imag"):
        result = stats.ks_2samp(getattr(found, part), getattr(wanted, part).numpy())
        assert result.pvalue > 1e-4


def test_constants():
    assert ui.Constant(1 - 2j)((2,), "complex64").tolist() == [1 - 2j, 1 - 2j]
    assert ui.Zeros()((1,), "complex128").tolist() == [0j]
    with pytest.raises(ui.DtypeError, match="complex"):
        ui.Constant(1j)((2,))


def test_ranges_are_those_of_the_parts():
    with pytest.raises(ui.ArgumentError, match="do not fit"):
        ui.RandomNormal(stddev=1e38)((2,), "complex64")
