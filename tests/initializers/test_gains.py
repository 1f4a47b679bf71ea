"""Gains: PyTorch's numbers, the moments of activation functions, and what is refused."""

import ast
import importlib.util
import math
import subprocess
import sys
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import unifinit as ui
from unifinit import gains
from unifinit.gains import ACTIVATIONS, CONVENTIONS, Moments, activation_moments, calculate_gain

ROOT = Path(__file__).parents[2]
NAMES = sorted({name for each in ACTIVATIONS.values() for name in (each.name, *each.aliases)})
PARAMETRISED = [name for name, each in ACTIVATIONS.items() if each.parameter]
FIXED = [name for name in ACTIVATIONS if name not in PARAMETRISED]
PARAMS = [0, 1e-3, 0.2, 0.3, 1, 1.7, -1, -0.5, 30.0]

TORCH_NAMES = [
    *("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
    *("sigmoid", "tanh", "relu", "leaky_relu", "selu"),
]

NFNETS = {
    "linear": 1.0,
    "celu": 1.270926833152771,
    "elu": 1.2716004848480225,
    "gelu_tanh": 1.7015043497085571,
    "leaky_relu": 1.70590341091156,
    "log_sigmoid": 1.9193484783172607,
    "relu": 1.7139588594436646,
    "relu6": 1.7131484746932983,
    "selu": 1.0008515119552612,
    "sigmoid": 4.803835391998291,
    "silu": 1.7881293296813965,
    "softsign": 2.338853120803833,
    "softplus": 1.9203323125839233,
    "tanh": 1.5939117670059204,
}
"""The constants of DeepMind's NFNets, which were estimated from random numbers."""


def torch_functions(torch):
    f = torch.nn.functional
    return {
        **{name: getattr(f, name) for name in ("relu", "leaky_relu", "elu", "celu", "selu", "relu6", "gelu")},
        **{name: getattr(f, name) for name in ("silu", "mish", "hardswish", "softplus", "hardsigmoid")},
        **{name: getattr(f, name) for name in ("hardtanh", "softsign", "tanhshrink", "softshrink")},
        **{name: getattr(torch, name) for name in ("sigmoid", "tanh", "erf", "sin", "exp")},
        "log_sigmoid": f.logsigmoid,
        "gelu_tanh": lambda z: f.gelu(z, approximate="tanh"),
        "quick_gelu": lambda z: z * torch.sigmoid(1.702 * z),
        "relu_squared": lambda z: f.relu(z).square(),
        "prelu": lambda z, weight=0.25: f.prelu(z, torch.tensor([weight], dtype=z.dtype)),
        "linear": torch.nn.Identity(),
    }


def jax_functions(jax):
    nn = jax.nn
    return {
        **{name: getattr(nn, name) for name in ("relu", "leaky_relu", "elu", "celu", "selu", "relu6")},
        **{name: getattr(nn, name) for name in ("hard_swish", "hard_silu", "hard_sigmoid", "hard_tanh")},
        **{name: getattr(nn, name) for name in ("silu", "swish", "mish", "softplus", "log_sigmoid")},
        **{name: getattr(nn, name) for name in ("squareplus", "sparse_plus", "sigmoid", "sparse_sigmoid")},
        **{name: getattr(nn, name) for name in ("soft_sign", "tanh", "identity")},
        "gelu": lambda z: nn.gelu(z, approximate=False),
        "gelu_tanh": nn.gelu,
        "erf": jax.scipy.special.erf,
        "sin": jax.numpy.sin,
        "exp": jax.numpy.exp,
    }


def keras_functions(keras):
    f = keras.activations
    return {
        **{name: getattr(f, name) for name in ("linear", "relu", "elu", "celu", "selu", "relu6", "gelu")},
        **{name: getattr(f, name) for name in ("hard_swish", "hard_silu", "hard_sigmoid", "hard_tanh")},
        **{name: getattr(f, name) for name in ("silu", "swish", "mish", "softplus", "log_sigmoid")},
        **{name: getattr(f, name) for name in ("squareplus", "sparse_plus", "sigmoid", "sparse_sigmoid")},
        **{name: getattr(f, name) for name in ("softsign", "tanh", "tanh_shrink", "soft_shrink")},
        "exponential": f.exponential,
        "gelu_tanh": lambda z: f.gelu(z, approximate=True),
        "leaky_relu": lambda z, slope=0.01: f.leaky_relu(z, slope),
    }


def near(expected, rel, abs=0.0):  # noqa: A002
    """What is equal but for a relative error; approx alone would allow 1e-12 besides."""
    return pytest.approx(expected, rel=rel, abs=abs)


@cache
def quadrature():
    """Points and weights of the standard normal density: Gauss and Legendre's, in panels of length 1/2."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    points = (np.arange(-14, 14, 0.5)[:, None] + (nodes + 1) / 4).ravel()
    density = np.exp(-points * points / 2) / math.sqrt(2 * math.pi)
    return points, np.tile(weights / 4, 56) * density


def integral(values):
    return math.fsum(np.asarray(values, np.float64) * quadrature()[1])


def assert_moments(values, moments, error=1e-14):
    """Compare with the values of a function at the points of the quadrature."""
    mean = integral(values)
    assert mean == near(moments.mean, error, abs=error)
    assert integral(values**2) == near(moments.second_moment, error)
    assert integral((values - mean) ** 2) == near(moments.variance, error)


class TestPyTorch:
    @pytest.fixture
    def init(self):
        return pytest.importorskip("torch").nn.init

    @pytest.mark.parametrize("name", TORCH_NAMES)
    @pytest.mark.parametrize("param", [None, *PARAMS], ids=repr)
    def test_gains_are_those_of_pytorch(self, init, name, param):
        gain = calculate_gain(name, param)
        assert gain == init.calculate_gain(name, param)
        assert type(gain) is float

    def test_slopes_as_they_are_used_give_the_same_float(self, init):
        for thousandth in range(-1000, 1001):
            slope = thousandth / 1000
            assert calculate_gain("leaky_relu", slope) == init.calculate_gain("leaky_relu", slope)

    @given(st.floats(-1e6, 1e6))
    def test_any_slope_gives_the_same_gain_but_for_the_rounding_of_pow(self, slope):
        init = pytest.importorskip("torch").nn.init
        theirs = init.calculate_gain("leaky_relu", slope)
        assert abs(calculate_gain("leaky_relu", slope) - theirs) <= math.ulp(theirs)

    def test_names_that_pytorch_lacks_have_the_gain_of_the_second_moment(self, init):
        later = [name for name in NAMES if name not in TORCH_NAMES]
        assert len(later) > 30
        for name in later:
            with pytest.raises(ValueError, match="Unsupported"):
                init.calculate_gain(name)
            assert calculate_gain(name) == calculate_gain(name, convention="second_moment")


class TestMoments:
    def test_literals_are_what_the_committed_script_computes(self):
        pytest.importorskip("mpmath")
        path = ROOT / "tools" / "generate_gains.py"
        spec = importlib.util.spec_from_file_location("generate_gains", path)
        generator = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(generator)
        assert generator.FUNCTIONS.keys() == ACTIVATIONS.keys()
        points = generator.nodes()
        for name, each in ACTIVATIONS.items():
            computed = generator.moments(generator.FUNCTIONS[name], points)
            assert computed == (each.parameter.coefficients if each.parameter else (each.moments,)), name

    def test_every_function_is_pytorchs(self):
        torch = pytest.importorskip("torch")
        functions = torch_functions(torch)
        assert set(ACTIVATIONS) - set(functions) == {"squareplus", "sparse_plus", "sparse_sigmoid"}
        for name, function in functions.items():
            z = torch.tensor(quadrature()[0], requires_grad=True)
            values = function(z)
            values.sum().backward()
            moments = activation_moments(name)
            assert_moments(values.detach().numpy(), moments)
            error = 1e-7 if name == "hardsigmoid" else 1e-14  # There PyTorch has 1/6 in float32.
            assert integral(z.grad.numpy() ** 2) == near(moments.derivative_second_moment, error)

    def test_every_function_is_jaxs(self):
        jax = pytest.importorskip("jax")
        with jax.enable_x64(True):
            for name, function in jax_functions(jax).items():
                z = jax.numpy.asarray(quadrature()[0])
                moments = activation_moments(name)
                assert_moments(np.asarray(function(z)), moments)
                slopes = jax.vmap(jax.grad(function))(z)
                assert integral(slopes**2) == near(moments.derivative_second_moment, rel=1e-14)

    def test_every_function_is_kerass(self):
        pytest.importorskip("tensorflow")
        keras = pytest.importorskip("keras")
        for name, function in keras_functions(keras).items():
            z = keras.ops.convert_to_tensor(quadrature()[0], dtype="float64")
            # TensorFlow rounds the constants of some functions to float32.
            assert_moments(keras.ops.convert_to_numpy(function(z)), activation_moments(name), error=1e-7)

    @pytest.mark.parametrize("name", PARAMETRISED)
    @pytest.mark.parametrize("param", PARAMS, ids=repr)
    def test_parameters_are_those_of_pytorch(self, name, param):
        torch = pytest.importorskip("torch")
        z = torch.tensor(quadrature()[0], requires_grad=True)
        values = torch_functions(torch)[name](z, param)
        values.sum().backward()
        moments = activation_moments(name, param)
        assert_moments(values.detach().numpy(), moments)
        assert integral(z.grad.numpy() ** 2) == near(moments.derivative_second_moment, rel=1e-14)

    @pytest.mark.parametrize("name", PARAMETRISED)
    def test_no_parameter_means_the_default(self, name):
        assert activation_moments(name) == activation_moments(name, ACTIVATIONS[name].parameter.default)

    def test_elu_in_closed_form(self):
        mpmath = pytest.importorskip("mpmath")
        with mpmath.workdps(30):
            below = [mpmath.exp(k * k / 2) * mpmath.ncdf(-k) for k in (mpmath.mpf(1), mpmath.mpf(2))]
            for alpha in (0.5, 1.0, 1.75):
                moments = activation_moments("elu", alpha)
                second = 0.5 + alpha**2 * (below[1] - 2 * below[0] + 0.5)
                mean = mpmath.npdf(0) + alpha * (below[0] - 0.5)
                assert moments.mean == near(float(mean), rel=4e-16, abs=1e-16)
                assert moments.second_moment == near(float(second), rel=4e-16)
                assert moments.variance == near(float(second - mean**2), rel=4e-16)
                assert moments.derivative_second_moment == near(float(0.5 + alpha**2 * below[1]), rel=4e-16)

    @pytest.mark.parametrize(
        ("name", "second"),
        [
            ("relu", 1 / 2),
            ("relu_squared", 3 / 2),
            ("selu", 1),
            ("squareplus", 3 / 2),
            ("sin", (1 - math.exp(-2)) / 2),
            ("exp", math.exp(2)),
            ("erf", 2 / math.pi * math.asin(2 / 3)),
            ("gelu", 1 / 4 + math.asin(1 / 2) / (2 * math.pi) + 1 / (2 * math.sqrt(3) * math.pi)),
        ],
    )
    def test_second_moments_in_closed_form(self, name, second):
        assert activation_moments(name).second_moment == near(second, rel=4e-16)

    def test_functions_that_are_special_cases_of_others(self):
        assert activation_moments("leaky_relu", 0) == activation_moments("relu")
        assert activation_moments("leaky_relu", 1) == near(activation_moments("linear"), rel=4e-16, abs=1e-15)
        assert activation_moments("prelu", 0.1) == activation_moments("leaky_relu", 0.1)
        assert activation_moments("elu", 1) == near(activation_moments("celu"), rel=1e-15)
        scale = 1.0507009873554805
        elu = activation_moments("elu", 1.6732632423543772)
        assert elu.second_moment * scale**2 == near(1, rel=1e-15)
        assert elu.mean * scale == near(0, rel=0, abs=1e-15)

    @pytest.mark.parametrize("name", NAMES)
    def test_the_variance_is_what_the_mean_leaves_of_the_second_moment(self, name):
        mean, second, variance, _ = activation_moments(name)
        assert variance == near(second - mean * mean, rel=1e-14, abs=1e-15)


class TestConventions:
    @pytest.mark.parametrize("name", NAMES)
    def test_the_gain_of_the_second_moment_keeps_it(self, name):
        gain = calculate_gain(name, convention="second_moment")
        assert gain**2 * activation_moments(name).second_moment == near(1, rel=1e-15)

    @pytest.mark.parametrize("name", NAMES)
    def test_the_gain_of_the_variance_keeps_it(self, name):
        gain = calculate_gain(name, convention="variance")
        assert gain**2 * activation_moments(name).variance == near(1, rel=1e-15)

    @pytest.mark.parametrize("name", NFNETS)
    def test_the_gain_of_the_variance_is_the_gamma_of_nfnets(self, name):
        assert calculate_gain(name, convention="variance") == near(NFNETS[name], rel=2e-3)

    @pytest.mark.parametrize(
        ("name", "param", "gain"),
        [
            ("linear", None, 1.0),
            ("relu", None, math.sqrt(2)),
            ("leaky_relu", 0.5, math.sqrt(1.6)),
            ("leaky_relu", None, math.sqrt(2 / (1 + 0.01 * 0.01))),
            ("prelu", None, math.sqrt(2 / (1 + 0.25 * 0.25))),
            ("selu", None, 1.0),
            ("tanh", None, 1.5925374197228312),
            ("sigmoid", None, 1.8462285453386054),
        ],
    )
    def test_second_moments_of_names_that_pytorch_has(self, name, param, gain):
        assert calculate_gain(name, param, convention="second_moment") == gain

    def test_relu_loses_the_square_of_its_mean_in_the_variance(self):
        gain = calculate_gain("relu", convention="variance")
        assert gain == near(math.sqrt(2 / (1 - 1 / math.pi)), rel=4e-16)

    @pytest.mark.parametrize("convention", CONVENTIONS)
    @pytest.mark.parametrize("number", [np.float32(0.25), np.int8(1), Fraction(1, 4), np.float64(0.25), 1])
    def test_any_real_number_is_a_parameter(self, convention, number):
        assert calculate_gain("elu", number, convention=convention) == calculate_gain(
            "elu", float(number), convention=convention
        )

    def test_a_deep_network_keeps_the_size_of_signals(self):
        rng = np.random.default_rng(0)
        for name, function in {
            "tanh": np.tanh,
            "sin": np.sin,
            "softsign": lambda z: z / (1 + abs(z)),
        }.items():
            signal = rng.standard_normal((400, 400))
            gain = calculate_gain(name, convention="second_moment")
            for _ in range(20):
                signal = rng.standard_normal((400, 400)) * (gain / 20) @ function(signal)
            assert np.mean(signal**2) == near(1, rel=0.15)


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "meant"),
        [
            ("ReLU", "relu"),
            ("geul", "gelu"),
            ("leakyrelu", "leaky_relu"),
            ("swsh", "swish"),
            ("SiLU", "silu"),
            ("conv2", "conv2d"),
            ("hard-swish", "hardswish"),
        ],
    )
    def test_unknown_names_with_what_was_meant(self, name, meant):
        with pytest.raises(ui.UnifinitError, match=rf"nonlinearity is '{name}' \(did you mean '{meant}'\?\)"):
            calculate_gain(name)

    @pytest.mark.parametrize("name", ["", "zzz", None, 1, ["relu"], math.tanh, b"relu"], ids=repr)
    def test_what_is_no_name(self, name):
        with pytest.raises(ui.ArgumentError, match=r"nonlinearity is .*; wanted .*'relu'"):
            calculate_gain(name)
        with pytest.raises(ui.ArgumentError, match="nonlinearity is"):
            activation_moments(name)

    @pytest.mark.parametrize("convention", ["he", "", None, 1, ["torch"], np.arange(3)], ids=repr)
    def test_unknown_conventions(self, convention):
        with pytest.raises(ui.ArgumentError, match=r"convention is .*; wanted one of 'torch', 'second_mom"):
            calculate_gain("relu", convention=convention)

    def test_conventions_are_suggested(self):
        with pytest.raises(ui.ArgumentError, match=r"'varianc' \(did you mean 'variance'\?\)"):
            calculate_gain("relu", convention="varianc")

    @pytest.mark.parametrize("name", ["leaky_relu", "relu", "elu", "gelu"])
    @pytest.mark.parametrize(
        "param",
        [True, False, np.True_, "0.2", b"1", math.nan, math.inf, -math.inf, 1j, [0.2], np.ones(1), 10**400],
        ids=lambda param: repr(param)[:9],
    )
    def test_what_is_no_finite_number(self, name, param):
        with pytest.raises(ui.ArgumentError, match=r"param is .*; wanted a finite number, or None"):
            calculate_gain(name, param)
        with pytest.raises(ui.ArgumentError, match="wanted a finite number"):
            activation_moments(name, param)

    @pytest.mark.parametrize("convention", CONVENTIONS)
    @pytest.mark.parametrize("name", PARAMETRISED)
    def test_parameters_that_are_too_large(self, name, convention):
        with pytest.raises(ui.ArgumentError, match=r"param is 1e\+200, the .*; wanted a smaller number"):
            calculate_gain(name, 1e200, convention=convention)

    @pytest.mark.parametrize("name", FIXED)
    def test_parameters_where_there_is_none(self, name):
        message = rf"param is 0.5, but '{name}' .*; wanted None, or one of 'leaky_relu', 'prelu', 'elu'"
        for convention in ("second_moment", "variance"):
            with pytest.raises(ui.ArgumentError, match=message):
                calculate_gain(name, 0.5, convention=convention)
        with pytest.raises(ui.ArgumentError, match=message):
            activation_moments(name, 0.5)
        if name not in TORCH_NAMES:
            with pytest.raises(ui.ArgumentError, match=message):
                calculate_gain(name, 0.5)


class TestModule:
    def test_names_are_unique(self):
        assert len(NAMES) == sum(1 + len(each.aliases) for each in ACTIVATIONS.values())

    def test_records_are_complete(self):
        for name, each in ACTIVATIONS.items():
            assert each.name == name
            assert each.formula
            assert each.source
            assert isinstance(each.moments, Moments)
            assert all(type(moment) is float for moment in each.moments)
            assert all(gains.find_activation(alias) is each for alias in each.aliases)

    def test_the_table_cannot_be_changed(self):
        with pytest.raises(TypeError):
            ACTIVATIONS["relu"] = ACTIVATIONS["gelu"]
        with pytest.raises(AttributeError):
            ACTIVATIONS["relu"].moments.mean = 1.0

    def test_only_operations_that_are_exact_everywhere(self):
        tree = ast.parse(Path(gains.__file__).read_text("utf-8"))
        nodes = list(ast.walk(tree))
        used = {
            node.attr
            for node in nodes
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "math"
        }
        assert used == {"sqrt", "isfinite", "nan", "inf"}
        assert not [node for node in nodes if isinstance(node, (ast.Pow, ast.MatMult))]

    def test_it_needs_no_more_than_the_errors(self):
        # A package without its __init__: that of unifinit imports all of the library.
        script = (
            "import sys, types\n"
            "package = types.ModuleType('unifinit')\n"
            f"package.__path__ = [{str(Path(gains.__file__).parent)!r}]\n"
            "sys.modules['unifinit'] = package\n"
            "sys.modules['numpy'] = None\n"
            "from unifinit.gains import calculate_gain\n"
            "print(calculate_gain('gelu'))\n"
            "print(*sorted(name for name in sys.modules if name.startswith('unifinit.')))\n"
        )
        run = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
        assert run.stdout.split() == [repr(calculate_gain("gelu")), "unifinit.errors", "unifinit.gains"]
