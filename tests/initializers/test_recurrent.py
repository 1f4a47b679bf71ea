"""Biases of recurrent cells and matrices of state space models: what papers and frameworks say they are."""

import math
from fractions import Fraction

import numpy as np
import pytest

import unifinit as ui
from unifinit import host, reference
from unifinit.initializers.recurrent.biases import ChronoBias, GRUBias, LSTMBias
from unifinit.initializers.recurrent.frequencies import legs_frequencies, times_pi
from unifinit.initializers.recurrent.gates import ORDERS
from unifinit.initializers.recurrent.mamba import Mamba2A, MambaDtBias
from unifinit.initializers.recurrent.statespace import S4D, HiPPO, MambaA
from unifinit.registry import registry
from unifinit.stream.ops import numpy_ops

DRAWN = [
    (ChronoBias(784), (2, 12)),
    (ChronoBias(30, "gru", order="haiku"), (3, 5)),
    (MambaDtBias(), (4, 5)),
    (MambaDtBias(1e-5, 2.0, floor=0.01), (20,)),
    (Mamba2A(), (9,)),
]
FIXED = [
    (LSTMBias(0.3, order="onnx"), (2, 12)),
    (GRUBias(0.7, 0.3), (9,)),
    *((HiPPO(measure), (2, 5, 5)) for measure in ("legs", "legt", "lagt", "lmu", "tlagt")),
    (HiPPO(part="B"), (3, 5)),
    *((S4D(kind, part="imag"), (2, 5)) for kind in ("lin", "inv", "legs", "real")),
    (S4D("real", part="real"), (5,)),
    (MambaA(), (3, 7)),
]
ALL = DRAWN + FIXED


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def filled(arrays, **given):
    """Zeros of the shapes of a mapping, but for some arrays."""
    return {name: given.get(name, np.zeros(np.shape(array), np.float32)) for name, array in arrays.items()}


def keras_cell(kind, bias, **options):
    """A cell of Keras with 2 units, zero weights and a bias; from its state of ones to the next one."""
    keras = pytest.importorskip("keras")
    cell = getattr(keras.layers, kind)(2, bias_initializer=lambda *_, **__: bias, **options)
    cell.build((1, 3))
    cell.set_weights([np.zeros_like(w) for w in cell.get_weights()[:2]] + cell.get_weights()[2:])
    ones = np.ones((1, 2), np.float32)
    return [np.asarray(state)[0] for state in cell(np.zeros((1, 3), np.float32), [ones, ones])[1]]


def torch_cell(kind, bias):
    torch = pytest.importorskip("torch")
    cell = getattr(torch.nn, kind)(3, 2)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.bias_ih.copy_(torch.from_numpy(bias))
        ones = torch.ones(1, 2)
        return cell(torch.zeros(1, 3), (ones, ones) if kind == "LSTMCell" else ones)


def haiku_cell(kind, bias):
    haiku = pytest.importorskip("haiku")
    jax = pytest.importorskip("jax")
    ones = np.ones((1, 2), np.float32)
    state = haiku.LSTMState(ones, ones) if kind == "LSTM" else ones
    cell = haiku.without_apply_rng(haiku.transform(lambda x, s: getattr(haiku, kind)(2)(x, s)[1]))
    x = np.zeros((1, 3), np.float32)
    parameters = {module: filled(v, b=bias) for module, v in cell.init(jax.random.key(0), x, state).items()}
    return cell.apply(parameters, x, state)


def flax_cell(kind, bias):
    nnx = pytest.importorskip("flax.nnx")
    jnp = pytest.importorskip("jax.numpy")
    cell = getattr(nnx, kind)(3, 2, rngs=nnx.Rngs(0))
    for layer in (cell.dense_i, cell.dense_h):
        layer.kernel[...] = jnp.zeros_like(layer.kernel[...])
        if layer.bias is not None and layer.bias[...] is not None:
            layer.bias[...] = jnp.asarray(bias)
    ones = jnp.ones((1, 2))
    return cell((ones, ones) if kind == "OptimizedLSTMCell" else ones, jnp.zeros((1, 3)))[0]


class TestLSTMBias:
    def test_is_that_of_a_layer_of_keras(self):
        keras = pytest.importorskip("keras")
        layer = keras.layers.LSTM(5)
        layer.build((1, 4, 3))
        assert np.array_equal(layer.get_weights()[2], LSTMBias()((20,)))

    # With zero weights, a cell of ones is multiplied by the forget gate alone.

    def test_reaches_the_forget_gate_of_keras(self):
        _, c = keras_cell("LSTMCell", LSTMBias(2.0)((8,)), unit_forget_bias=False)
        assert c == pytest.approx(sigmoid(2.0), rel=1e-6)

    def test_reaches_the_forget_gate_of_torch(self):
        _, c = torch_cell("LSTMCell", LSTMBias(2.0, order="torch")((8,)))
        assert c.numpy() == pytest.approx(sigmoid(2.0), rel=1e-6)

    def test_reaches_the_forget_gate_of_haiku_which_adds_1(self):
        state = haiku_cell("LSTM", LSTMBias(2.0, order="haiku")((8,)))
        assert np.asarray(state.cell) == pytest.approx(sigmoid(3.0), rel=1e-6)

    def test_reaches_the_forget_gate_of_flax(self):
        c, _ = flax_cell("OptimizedLSTMCell", LSTMBias(2.0, order="flax")((8,)))
        assert np.asarray(c) == pytest.approx(sigmoid(2.0), rel=1e-6)

    @pytest.mark.filterwarnings("ignore:.*(deprecated|add_variable)")
    def test_reaches_the_forget_gate_of_tensorflow_1(self):
        tf = pytest.importorskip("tensorflow")
        cells = pytest.importorskip("tensorflow.python.keras.layers.legacy_rnn.rnn_cell_impl")
        cell = cells.BasicLSTMCell(2, forget_bias=0.0)
        cell.build((1, 3))
        cell.set_weights([np.zeros((5, 8), np.float32), LSTMBias(2.0, order="tensorflow1")((8,))])
        ones = tf.ones((1, 2))
        _, (c, _) = cell.call(tf.zeros((1, 3)), (ones, ones))
        assert c.numpy() == pytest.approx(sigmoid(2.0), rel=1e-6)

    @pytest.mark.parametrize(
        ("order", "place"),
        [
            *((order, 1) for order in ("keras", "torch", "mxnet", "sonnet", "flax", "cudnn", "ifco", "ifgo")),
            *((order, 2) for order in ("tensorflow1", "haiku", "onnx", "ijfo", "igfo", "iofc")),
            ("fico", 0),
            ("igof", 3),
        ],
    )
    def test_place_of_the_forget_gate(self, order, place):
        expected = np.zeros((4, 3), np.float32)
        expected[place] = -0.5
        bias = LSTMBias(-0.5, order=order)
        assert np.array_equal(bias((12,)), expected.reshape(-1))
        assert np.array_equal(bias((4, 3)), expected)
        assert np.array_equal(bias((3, 4), layout="OI"), expected.T)
        assert np.array_equal(bias((2, 12)), [expected.reshape(-1), np.zeros(12)])
        assert np.array_equal(bias((5, 4, 3), layout="GIO"), [expected] * 5)

    def test_integers(self):
        assert LSTMBias(2)((4,), "int8").tolist() == [0, 2, 0, 0]
        with pytest.raises(ui.ArgumentError, match=r"0\.5 does not fit dtype int8"):
            LSTMBias(0.5)((4,), "int8")

    def test_moments(self):
        mean, stddev, minimum, maximum = LSTMBias(2.0).describe((2, 8)).moments
        assert (mean, minimum, maximum) == (0.25, 0.0, 2.0)
        assert stddev == pytest.approx(np.std([2.0] * 2 + [0.0] * 14))


class TestGRUBias:
    # With zero weights, a state of ones becomes what the update gate keeps of it.

    @pytest.mark.parametrize(("after", "shape"), [(False, (6,)), (True, (2, 6))])
    def test_reaches_the_update_gate_of_keras(self, after, shape):
        h = keras_cell("GRUCell", GRUBias(2.0, 0.5)(shape), reset_after=after)[0]
        assert h == pytest.approx(sigmoid(2.0), rel=1e-6)

    def test_reaches_the_update_gate_of_torch(self):
        h = torch_cell("GRUCell", GRUBias(2.0, 0.5, order="torch")((6,)))
        assert h.numpy() == pytest.approx(sigmoid(2.0), rel=1e-6)

    def test_reaches_the_update_gate_of_flax(self):
        h = flax_cell("GRUCell", GRUBias(2.0, 0.5, order="flax")((6,)))
        assert np.asarray(h) == pytest.approx(sigmoid(2.0), rel=1e-6)

    def test_update_gate_of_haiku_admits(self):
        h = haiku_cell("GRU", GRUBias(2.0, 0.5, order="haiku")((6,)))
        assert np.asarray(h) == pytest.approx(1 - sigmoid(2.0), rel=1e-6)

    def test_defaults_are_those_of_tensorflow_1(self):
        # Its gates are r and u, with a bias of ones; that of the candidate is apart, zeros.
        assert GRUBias(order="ruc")((6,)).tolist() == [1, 1, 1, 1, 0, 0]

    @pytest.mark.parametrize(
        ("order", "places"),
        [
            *((order, "zr0") for order in ("keras", "onnx", "haiku", "sonnet", "urc")),
            *((order, "rz0") for order in ("torch", "flax", "mxnet", "cudnn", "run")),
            ("arz", "0rz"),
        ],
    )
    def test_places(self, order, places):
        values = {"z": 2.0, "r": 3.0, "0": 0.0}
        expected = np.repeat([values[place] for place in places], 2)
        bias = GRUBias(2.0, 3.0, order=order)
        assert np.array_equal(bias((6,)), expected)
        assert np.array_equal(bias((3, 2)), expected.reshape(3, 2))
        assert np.array_equal(bias((2, 6)), [expected, np.zeros(6)])


class TestChronoBias:
    @pytest.mark.parametrize("longest", [2.5, 784.0])
    def test_is_the_papers(self, longest):
        stats = pytest.importorskip("scipy.stats")
        i, f, c, o = ChronoBias(longest, seed=1)((4, 4000), "float64")
        assert np.array_equal(i, -f)
        assert not c.any()
        assert not o.any()
        assert stats.kstest(np.exp(f), stats.uniform(1, longest - 2).cdf).pvalue > 0.01

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_is_the_logarithm_of_a_uniform_number(self, dtype):
        u = ui.random.uniform(5, (100,), dtype, minval=1.0, maxval=99.0)
        f = ChronoBias(100, seed=5)((4, 100), dtype)[1]
        assert f == pytest.approx(np.log(u.astype(np.float64)), rel=1e-7 if dtype == "float32" else 4e-16)

    @pytest.mark.parametrize("order", sorted(ORDERS["gru"]))
    def test_keeps_the_state_of_a_gru(self, order):
        bias = ChronoBias(100, "gru", order=order, seed=2)((3, 50))
        lstm = ChronoBias(100, seed=2)((4, 50))
        place = ORDERS["gru"][order].index("z")
        sign = -1 if order in ("haiku", "sonnet") else 1
        assert np.array_equal(bias[place], sign * lstm[1])
        assert not np.delete(bias, place, 0).any()

    def test_memory_of_haiku_and_torch_lasts_as_long(self):
        ours = {order: ChronoBias(50, "gru", order=order, seed=3)((6,)) for order in ("haiku", "torch")}
        kept = np.asarray(haiku_cell("GRU", ours["haiku"]))
        assert kept == pytest.approx(torch_cell("GRUCell", ours["torch"]).numpy(), rel=1e-6)
        assert kept.min() > 0.5

    def test_second_row_is_zero(self):
        found = ChronoBias(50, seed=1)((2, 12))
        assert np.array_equal(found[0], ChronoBias(50, seed=1)((12,)))
        assert not found[1].any()

    def test_biases_along_a_batch_axis_have_keys_of_their_own(self):
        found = ChronoBias(50)((3, 4, 5), seed=7, layout="GIO")
        for i in range(3):
            assert np.array_equal(found[i], ChronoBias(50)((4, 5), seed=ui.Key(7) / i))

    def test_least_length_gives_positive_zeros(self):
        found = ChronoBias(2, seed=1)((8,))
        assert not found.any()
        assert not np.signbit(found).any()

    def test_longer_than_a_narrow_dtype_reaches(self):
        assert np.isfinite(ChronoBias(1e6, seed=1)((40,), "float16")).all()


class TestHiPPO:
    def test_small_ones(self):
        a = HiPPO()((3, 3), "float64")
        s = math.sqrt
        assert a.tolist() == [[-1, 0, 0], [-s(3), -2, 0], [-s(5), -s(15), -3]]
        assert HiPPO(part="B")((3,), "float64").tolist() == [1, s(3), s(5)]
        assert HiPPO("legt")((2, 2), "float64").tolist() == [[-0.5, s(3) / 2], [-s(3) / 2, -1.5]]
        assert HiPPO("lmu")((3, 3)).tolist() == [[-1, -1, -1], [3, -3, -3], [-5, 5, -5]]
        assert HiPPO("lmu", "B")((3,)).tolist() == [1, -3, 5]

    def test_legs_projects_the_past_on_legendre_polynomials(self):
        # Of f = x^m the coefficients are a[n] t^m, and t x' = A x + B f is m a = A a + B.
        n = 8
        a, b = HiPPO()((n, n), "float64"), HiPPO(part="B")((n,), "float64")
        for m in range(n):
            x = [
                math.sqrt(2 * k + 1)
                * Fraction(math.factorial(m) ** 2, math.factorial(m - k) * math.factorial(m + k + 1))
                if k <= m
                else 0.0
                for k in range(n)
            ]
            x = np.array(x, np.float64)
            assert a @ x + b == pytest.approx(m * x, abs=1e-12)

    @pytest.mark.parametrize(("measure", "window"), [("legt", 2.0), ("lmu", 1.0)])
    def test_legendre_polynomials_of_a_window(self, measure, window):
        # A window moves with time, so the derivative of a coefficient is the coefficient of the derivative.
        special = pytest.importorskip("scipy.special")
        n, t = 6, 0.7
        nodes, weights = np.polynomial.legendre.leggauss(20)
        norm = [(2 * k + 1) * (-1) ** k if measure == "lmu" else math.sqrt(2 * k + 1) for k in range(n)]

        def coefficients(f):
            past = f(t + window * (nodes - 1) / 2)
            return np.array(
                [norm[k] * np.sum(weights * past * special.eval_legendre(k, nodes)) / 2 for k in range(n)]
            )

        self.assert_moves(measure, coefficients, n, t)

    @pytest.mark.parametrize(("measure", "tilt"), [("tlagt", 1.0), ("lagt", 0.5)])
    def test_laguerre_polynomials_of_the_past(self, measure, tilt):
        special = pytest.importorskip("scipy.special")
        n, t = 6, 0.7
        nodes, weights = np.polynomial.laguerre.laggauss(30)

        def coefficients(f):
            ages = nodes / tilt
            past = weights * f(t - ages) / tilt
            return np.array([np.sum(past * special.eval_laguerre(k, ages)) for k in range(n)])

        self.assert_moves(measure, coefficients, n, t)

    @staticmethod
    def assert_moves(measure, coefficients, n, t):
        a, b = HiPPO(measure)((n, n), "float64"), HiPPO(measure, "B")((n,), "float64")
        for m in range(n):
            moved = coefficients(lambda x, m=m: m * x ** max(0, m - 1))
            assert a @ coefficients(lambda x, m=m: x**m) + b * t**m == pytest.approx(
                moved, abs=1e-8, rel=1e-8
            )

    @pytest.mark.parametrize("measure", ["legs", "legt", "lagt", "lmu", "tlagt"])
    def test_repeats_itself_along_leading_axes(self, measure):
        for part, own in (("A", (4, 4)), ("B", (4,))):
            one = HiPPO(measure, part)(own)
            assert np.array_equal(HiPPO(measure, part)((2, 3, *own)), np.broadcast_to(one, (2, 3, *own)))

    def test_another_layout_is_transposed(self):
        assert np.array_equal(HiPPO()((5, 5), layout="OI"), HiPPO()((5, 5)).T)

    def test_complex(self):
        assert np.array_equal(HiPPO()((4, 4), "complex64"), HiPPO()((4, 4)).astype(np.complex64))

    def test_column_is_not_taken_for_one_state(self):
        with pytest.raises(
            ui.ShapeError, match=r"\(64, 1\) has B of a single state many times; wanted \(64,\)"
        ):
            HiPPO(part="B")((64, 1))
        assert HiPPO(part="B")((1, 1)).tolist() == [[1]]


class TestS4D:
    def test_lin_is_the_nearest_multiple_of_pi(self):
        mpmath = pytest.importorskip("mpmath")
        with mpmath.workdps(60):
            expected = [float(mpmath.pi * n) for n in range(300)]
        assert S4D(part="imag")((300,), "float64").tolist() == expected
        assert expected != [math.pi * n for n in range(300)]

    def test_inv_is_the_formula_rounded_once(self):
        mpmath = pytest.importorskip("mpmath")
        m, n = 50, 100
        with mpmath.workdps(60):
            expected = [float(n / mpmath.pi * (mpmath.mpf(n) / (2 * k + 1) - 1)) for k in range(m)]
        assert S4D("inv", part="imag")((m,), "float64").tolist() == expected

    @pytest.mark.parametrize("m", [1, 2, 7, 32])
    def test_legs_are_eigenvalues(self, m):
        a, b = HiPPO()((2 * m, 2 * m), "float64"), HiPPO(part="B")((2 * m,), "float64")
        expected = np.linalg.eigvals(a + np.outer(b, b) / 2)
        assert expected.real == pytest.approx(-0.5, abs=1e-10)
        found = S4D("legs")((m,), "complex128")
        assert found.imag == pytest.approx(np.sort(expected.imag)[::-1][:m], rel=1e-11)
        assert np.all(found.real == -0.5)

    def test_legs_are_rounded_once(self):
        mpmath = pytest.importorskip("mpmath")
        m = 16
        with mpmath.workdps(50):
            for n, w in enumerate(legs_frequencies(m)):
                ends = [mpmath.mpf(w) + (mpmath.mpf(math.nextafter(w, to)) - w) / 2 for to in (0.0, math.inf)]
                low, high = (
                    mpmath.fsum(mpmath.atan(2 * end / (2 * k + 1)) for k in range(2 * m)) for end in ends
                )
                assert low < mpmath.pi * (m - n - 0.5) < high

    def test_largest_frequencies_go_as_the_papers_conjecture(self):
        # N**2 / (pi (2n + 1)); "inv" is that less N / pi.
        legs, inv = (S4D(kind, part="imag")((32,), "float64") for kind in ("legs", "inv"))
        expected = 64**2 / math.pi / (2 * np.arange(3) + 1)
        assert legs[:3] == pytest.approx(expected, rel=0.01)
        assert inv[:3] == pytest.approx(expected - 64 / math.pi, rel=1e-12)

    def test_real(self):
        assert S4D("real")((3,), "complex64").tolist() == [-1, -2, -3]
        assert S4D("real", part="real")((2, 2)).tolist() == [[-1, -2], [-1, -2]]
        assert np.array_equal(S4D("real", part="log_real")((2, 16)), MambaA()((2, 16)))

    @pytest.mark.parametrize("kind", ["lin", "inv", "legs"])
    def test_parts_are_those_of_the_complex_numbers(self, kind):
        whole = S4D(kind)((2, 6), "complex64")
        assert np.array_equal(S4D(kind, part="real")((2, 6)), whole.real)
        assert np.array_equal(S4D(kind, part="imag")((2, 6)), whole.imag)
        assert np.exp(S4D(kind, part="log_real")((2, 6))) == pytest.approx(-whole.real, rel=1e-7)

    def test_minimal_module_of_the_authors(self):
        # log_A_real = log(0.5 * ones), A_imag = pi * arange.
        torch = pytest.importorskip("torch")
        real = torch.log(0.5 * torch.ones(3, 8)).numpy()
        assert np.array_equal(S4D(part="log_real")((3, 8)), real)
        assert S4D(part="imag")((3, 8)) == pytest.approx(np.tile(math.pi * np.arange(8), (3, 1)), rel=1e-7)

    def test_complex_numbers_want_a_complex_dtype(self):
        with pytest.raises(
            ui.DtypeError, match="float32; wanted dtype='complex64' or 'complex128', or part="
        ):
            S4D()((4,))


def test_times_pi_of_zero():
    assert times_pi(0, 1, 1) == 0


class TestMamba:
    def test_a_is_that_of_the_authors(self):
        torch = pytest.importorskip("torch")
        theirs = torch.log(torch.arange(1, 17, dtype=torch.float32)).repeat(5, 1).numpy()
        assert MambaA()((5, 16)) == pytest.approx(theirs, rel=2e-7)

    def test_a_is_rounded_once(self):
        mpmath = pytest.importorskip("mpmath")
        with mpmath.workdps(50):
            expected = [float(mpmath.log(n)) for n in range(1, 200)]
        assert MambaA()((199,), "float64").tolist() == expected

    @pytest.mark.parametrize("config", [{}, {"minimum": 1e-5, "maximum": 2.0, "floor": 0.01}], ids=str)
    def test_steps_are_those_of_the_authors_formula(self, config):
        torch = pytest.importorskip("torch")
        low, high, floor = ({"minimum": 1e-3, "maximum": 0.1, "floor": 1e-4} | config).values()
        u = torch.from_numpy(ui.random.uniform(3, (300,), "float64"))
        dt = torch.exp(u * (math.log(high) - math.log(low)) + math.log(low)).clamp(min=floor)
        theirs = dt + torch.log(-torch.expm1(-dt))
        found = MambaDtBias(**config, seed=3)((300,), "float64")
        assert found == pytest.approx(theirs.numpy(), rel=1e-12)
        assert torch.nn.functional.softplus(torch.from_numpy(found)).numpy() == pytest.approx(
            dt.numpy(), rel=1e-12
        )

    def test_softplus_is_log_uniform(self):
        stats = pytest.importorskip("scipy.stats")
        dt = np.log1p(np.exp(MambaDtBias(seed=1)((2000,)).astype(np.float64)))
        assert stats.kstest(dt, stats.loguniform(1e-3, 0.1).cdf).pvalue > 0.01
        assert dt.min() >= 1e-3 * (1 - 1e-6)
        assert dt.max() < 0.1

    def test_floor_replaces_smaller_steps(self):
        least = MambaDtBias(0.01, 0.1, floor=0.05, seed=1)((200,)).min()
        assert math.log1p(math.exp(least)) == pytest.approx(0.05, rel=1e-6)
        assert np.count_nonzero(MambaDtBias(0.01, 0.1, floor=0.05, seed=1)((200,)) == least) > 100

    def test_equal_ends_give_one_step(self):
        found = MambaDtBias(0.05, 0.05, seed=1)((7,))
        assert len(set(found.tolist())) == 1
        assert math.log1p(math.exp(found[0])) == pytest.approx(0.05, rel=1e-6)

    def test_a_of_mamba_2_is_the_logarithm_of_a_uniform_number(self):
        u = ui.random.uniform(4, (200,), minval=1.0, maxval=16.0)
        assert Mamba2A(seed=4)((200,)) == pytest.approx(np.log(u.astype(np.float64)), rel=1e-7)

    def test_weight_of_the_projection(self):
        # The docstring: uniform on ±1 / sqrt(fan_in).
        found = ui.VarianceScaling(1 / 3, distribution="uniform").describe((64, 100)).moments
        assert found.maximum == pytest.approx(1 / 8)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"])
@pytest.mark.parametrize(("initializer", "shape"), ALL, ids=str)
def test_narrow_dtypes_are_the_rounded_float32(initializer, shape, dtype):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    found = initializer(shape, dtype, **seed_of(initializer))
    wide = initializer(shape, "float32", **seed_of(initializer))
    target = np.float16 if dtype == "float16" else getattr(ml_dtypes, dtype)
    assert np.array_equal(found, wide.astype(target))


@pytest.mark.parametrize(("initializer", "shape"), FIXED, ids=str)
def test_fixed_float32_is_the_rounded_float64(initializer, shape):
    assert np.array_equal(initializer(shape), initializer(shape, "float64").astype(np.float32))


@pytest.mark.parametrize(("initializer", "shape"), DRAWN, ids=str)
def test_moments_are_those_of_many_values(initializer, shape):
    many = (*shape[:-1], 1200)
    values = initializer(many, "float64", seed=1)
    moments = initializer.describe(many).moments
    assert values.mean() == pytest.approx(moments.mean, abs=0.15 * moments.stddev)
    assert values.std() == pytest.approx(moments.stddev, rel=0.1)
    assert moments.minimum - 1e-9 <= values.min() <= moments.minimum + 0.5 * moments.stddev
    assert moments.maximum - 0.5 * moments.stddev <= values.max() <= moments.maximum + 1e-9


@pytest.mark.parametrize("backend", ["numpy", "torch", "jax", "tensorflow"])
@pytest.mark.parametrize(
    ("initializer", "shape", "dtype"),
    [
        (LSTMBias(0.3), (2, 8), "float32"),
        (LSTMBias(), (8,), "int32"),
        (ChronoBias(50, order="onnx"), (3, 4, 5), "bfloat16"),
        (HiPPO("legt"), (6, 6), "float32"),
        (S4D("legs"), (2, 6), "complex64"),
        (MambaDtBias(), (7, 3), "float32"),
    ],
    ids=str,
)
def test_backends_agree(initializer, shape, dtype, backend):
    pytest.importorskip(backend)
    pytest.importorskip("ml_dtypes")
    layout = "GIO" if len(shape) == 3 else None
    arguments = {**seed_of(initializer), "layout": layout}
    found = initializer(shape, dtype, backend=backend, **arguments)
    expected = reference.run(initializer.plan(shape, dtype, **arguments), registry().get("numpy").ops(None))
    assert registry().of(found).to_bytes(found) == np.ascontiguousarray(expected).tobytes()


@pytest.mark.parametrize(("initializer", "shape"), DRAWN, ids=str)
def test_kernel_agrees_with_the_reference(initializer, shape):
    plan = initializer.plan(shape, seed=3)
    if not host.can_run(plan):
        pytest.skip("no kernel")
    assert np.array_equal(host.create(plan), np.asarray(reference.run(plan, numpy_ops())))


@pytest.mark.parametrize(
    ("initializer", "shape"),
    [
        (LSTMBias(), (0,)),
        (GRUBias(), (2, 0)),
        (ChronoBias(9), (4, 0)),
        (HiPPO(), (0, 0)),
        (HiPPO(), (0, 3, 3)),
        (HiPPO(part="B"), (0,)),
        (S4D("legs", part="imag"), (0,)),
        (S4D(part="imag"), (0, 4)),
        (MambaA(), (3, 0)),
        (MambaDtBias(), (0, 3)),
        (Mamba2A(), (0,)),
    ],
    ids=str,
)
def test_empty(initializer, shape):
    assert initializer(shape, **seed_of(initializer)).shape == shape
    assert initializer.describe(shape).moments is not None


def test_scalars():
    assert MambaDtBias(seed=0)(()) == MambaDtBias(seed=0)((1,))[0]
    assert Mamba2A(seed=0)(()) == Mamba2A(seed=0)((1,))[0]


@pytest.mark.parametrize(
    ("initializer", "shape", "message"),
    [
        (LSTMBias(), (), r"shape \(\) is not that of a bias of 4 gates; LSTMBias wants \(4 \* hidden,\)"),
        (LSTMBias(), (6,), r"\(6,\) is not"),
        (LSTMBias(), (3, 8), r"\(3, 8\) is not"),
        (LSTMBias(), (2, 2, 8), r"\(2, 2, 8\) is not"),
        (GRUBias(), (4,), "GRUBias wants .*or .3, hidden."),
        (GRUBias(), (4, 6), r"\(4, 6\) is not"),
        (ChronoBias(9), (6,), "ChronoBias wants"),
        (ChronoBias(9, "gru"), (8,), "bias of 3 gates"),
        (HiPPO(), (3,), r"HiPPO wants \(..., N, N\) for A"),
        (HiPPO(), (3, 4), "not that of A"),
        (HiPPO(part="B"), (), r"HiPPO wants \(..., N\) for B"),
        (S4D(part="imag"), (), "S4D wants the states along the last one"),
        (MambaA(), (), "MambaA wants the states"),
    ],
    ids=str,
)
def test_refused_shapes(initializer, shape, message):
    with pytest.raises(ui.ShapeError, match=message):
        initializer.plan(shape)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LSTMBias(math.nan), "forget_bias is nan"),
        (
            lambda: LSTMBias(order="tensorflow"),
            r"did you mean 'tensorflow1'\?.*letters of the 4 gates, as in 'ifgo'",
        ),
        (lambda: LSTMBias(order="iffo"), "order is 'iffo'"),
        (lambda: LSTMBias(order="rzn"), "order is 'rzn'"),
        (lambda: LSTMBias(order=["i", "f", "c", "o"]), "wanted the letters of the gates"),
        (lambda: GRUBias(order="ifco"), "wanted the letters of the 3 gates"),
        (lambda: GRUBias(order="tensorflow1"), "wanted the letters of the 3 gates"),
        (lambda: GRUBias(reset_bias=math.inf), "reset_bias is inf"),
        (lambda: ChronoBias(1.5), r"longest is 1\.5; wanted at least 2"),
        (lambda: ChronoBias(9, "rnn"), "cell is 'rnn'"),
        (lambda: ChronoBias(9, "gru", order="ifco"), "order is 'ifco'"),
        (lambda: ChronoBias(9, order="rzn"), "order is 'rzn'"),
        (lambda: ChronoBias(9, order=None), "order is None"),
        (lambda: ChronoBias(2 + 1e-9).plan((8,)), "minval"),
        (lambda: HiPPO("legendre"), "measure is 'legendre'"),
        (lambda: HiPPO(part="C"), "part is 'C'"),
        (lambda: HiPPO("lmu").plan((400, 400), "float8_e4m3fn"), "does not fit dtype float8_e4m3fn"),
        (lambda: S4D("legt"), "kind is 'legt'"),
        (lambda: S4D("legs", part="imag").plan((32,), "float8_e4m3fn"), "does not fit"),
        (lambda: MambaDtBias(0.0), "minimum is 0.0; wanted more than 0"),
        (lambda: MambaDtBias(0.2), r"minimum 0\.2 exceeds maximum 0\.1"),
        (lambda: MambaDtBias(floor=-1), "floor is -1"),
        (
            lambda: MambaDtBias(floor=0.5),
            r"floor 0\.5 exceeds maximum 0\.1, so that all steps would be the floor",
        ),
        (lambda: MambaDtBias(1e-300, floor=0).plan((3,), "float8_e4m3fn"), "does not fit"),
        (lambda: Mamba2A(0), "minimum is 0"),
        (lambda: Mamba2A(2, 1), "minimum 2.0 exceeds maximum 1.0"),
    ],
)
def test_refused_arguments(make, message):
    with pytest.raises(ui.ArgumentError, match=message):
        make()


@pytest.mark.parametrize(
    ("initializer", "shape", "dtype"),
    [
        (ChronoBias(9), (8,), "complex64"),
        (MambaDtBias(), (8,), "complex64"),
        (Mamba2A(), (8,), "int32"),
        (HiPPO(), (3, 3), "int32"),
        (S4D(part="imag"), (3,), "bool"),
        (MambaA(), (3,), "int64"),
    ],
    ids=str,
)
def test_refused_dtypes(initializer, shape, dtype):
    with pytest.raises(ui.DtypeError, match=f"dtype {dtype}"):
        initializer.plan(shape, dtype)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lstmbias", LSTMBias()),
        ("lstm_bias", LSTMBias()),
        ("gru_bias", GRUBias()),
        ("hippo", HiPPO()),
        ("hippo_legt", HiPPO("legt")),
        ("s4d", S4D()),
        ("s4d_inv", S4D("inv")),
        ("s4d_real", S4D("real", part="real")),
        ("mamba_a_log", MambaA()),
        ("mamba_dt_bias", MambaDtBias()),
        ("mamba2_a_log", Mamba2A()),
    ],
)
def test_names(name, expected):
    assert ui.get(name) == expected


@pytest.mark.parametrize(("initializer", "_"), ALL, ids=str)
def test_configurations(initializer, _):
    assert ui.get(ui.serialize(initializer)) == initializer


def seed_of(initializer):
    """A seed for those that draw."""
    return {"seed": 5} if isinstance(initializer, ui.initializers.base.RandomInitializer) else {}
