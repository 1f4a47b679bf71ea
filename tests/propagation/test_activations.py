import numpy as np
import pytest

from unifinit.errors import ArgumentError
from unifinit.propagation import ACTIVATIONS, Activation
from unifinit.propagation.activations import as_activation

# Not at 0, where some have a kink.
POINTS = np.concatenate([np.linspace(-6, -0.01, 200), np.linspace(0.01, 6, 200)])


@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_derivatives_are_those_of_the_functions(activation):
    step = 1e-6
    difference = (activation.function(POINTS + step) - activation.function(POINTS - step)) / (2 * step)
    np.testing.assert_allclose(activation.derivative(POINTS), difference, atol=2e-9)


@pytest.mark.parametrize(
    ("name", "torchs"),
    [
        ("relu", "relu"),
        ("leaky_relu", "leaky_relu"),
        ("elu", "elu"),
        ("selu", "selu"),
        ("gelu", "gelu"),
        ("silu", "silu"),
        ("softplus", "softplus"),
        ("sigmoid", "sigmoid"),
        ("tanh", "tanh"),
    ],
)
def test_functions_are_those_of_pytorch(name, torchs):
    torch = pytest.importorskip("torch")
    expected = getattr(torch.nn.functional, torchs)(torch.from_numpy(POINTS)).numpy()
    np.testing.assert_allclose(ACTIVATIONS[name].function(POINTS), expected, rtol=1e-12, atol=1e-14)


def test_functions_of_the_name():
    assert ACTIVATIONS["linear"].function(POINTS) is POINTS
    np.testing.assert_array_equal(ACTIVATIONS["sin"].function(POINTS), np.sin(POINTS))
    assert ACTIVATIONS["erf"].function(np.array([0.5]))[0] == pytest.approx(0.5204998778130465, abs=1e-15)


def test_some_have_two_names():
    assert as_activation("identity") is as_activation("linear")
    assert as_activation("swish") is as_activation("silu")


def test_a_function_of_ones_own_is_taken_as_it_is():
    own = Activation("cube", lambda x: x**3, lambda x: 3 * x**2)
    assert as_activation(own) is own


@pytest.mark.parametrize(
    ("wrong", "told"), [("rleu", "did you mean 'relu'"), (None, "None"), (np.tanh, "an Activation")]
)
def test_others_are_refused(wrong, told):
    with pytest.raises(ArgumentError, match=told):
        as_activation(wrong)
