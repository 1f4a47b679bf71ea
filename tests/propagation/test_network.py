"""The forward and backward pass."""

import math

import numpy as np
import pytest

from unifinit.propagation import ACTIVATIONS
from unifinit.propagation.network import backward, cosine, forward, mean_square, measure

RANDOM = np.random.default_rng(0)
SAMPLES, WIDTH, DEPTH = 3, 7, 4
WEIGHTS = {layer: RANDOM.normal(size=(WIDTH, WIDTH)) / 2 for layer in range(1, DEPTH + 1)}
BIASES = {layer: RANDOM.normal(size=WIDTH) / 5 for layer in range(1, DEPTH + 1)}
INPUTS, GRADIENT = RANDOM.normal(size=(2, SAMPLES, WIDTH))
LAYERS = range(1, DEPTH + 1)


def draw(layer):
    return WEIGHTS[layer], BIASES[layer]


def passed_back(activation, residual):
    found = forward(INPUTS, LAYERS, draw, activation, residual)
    return found, backward(GRADIENT, LAYERS, found.preactivations, draw, activation, residual)


@pytest.mark.parametrize("residual", [None, 0.4])
@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_gradients_are_those_of_numeric_differentiation(activation, residual):
    found, gradients = passed_back(activation, residual)
    step = 1e-6
    for layer in range(DEPTH + 1):
        for _ in range(3):
            direction = RANDOM.normal(size=(SAMPLES, WIDTH))

            def loss(x, layer=layer):
                after = forward(x, LAYERS[layer:], draw, activation, residual).activations[-1]
                return float(np.sum(after * GRADIENT))

            x = found.activations[layer]
            numeric = (loss(x + step * direction) - loss(x - step * direction)) / (2 * step)
            assert float(np.sum(gradients[layer] * direction)) == pytest.approx(numeric, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("residual", [None, 0.4])
@pytest.mark.parametrize("name", ["relu", "tanh", "gelu", "silu", "selu"])
def test_both_passes_are_those_of_pytorch(name, residual):
    torch = pytest.importorskip("torch")
    found, gradients = passed_back(ACTIVATIONS[name], residual)
    function = getattr(torch.nn.functional, name)
    x = torch.from_numpy(INPUTS).requires_grad_()
    activations = [x]
    for layer in LAYERS:
        h = activations[-1] @ torch.from_numpy(WEIGHTS[layer]) + torch.from_numpy(BIASES[layer])
        branch = function(h)
        activations.append(branch if residual is None else activations[-1] + residual * branch)
        activations[-1].retain_grad()
    activations[-1].backward(torch.from_numpy(GRADIENT))
    for ours, theirs, gradient in zip(found.activations, activations, gradients, strict=True):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(gradient, theirs.grad.numpy(), rtol=1e-10, atol=1e-12)


def test_what_is_measured():
    found, gradients = passed_back(ACTIVATIONS["tanh"], None)
    layers = measure(INPUTS, GRADIENT, DEPTH, draw, ACTIVATIONS["tanh"], None)
    assert layers.preactivations == pytest.approx([np.mean(h**2) for h in found.preactivations])
    assert layers.activations == pytest.approx([np.mean(x**2) for x in found.activations])
    assert layers.gradients == pytest.approx([np.mean(g**2) / np.mean(GRADIENT**2) for g in gradients])
    pairs = [(0, 1), (0, 2), (1, 2)]
    for x, measured in zip(found.activations, layers.cosines, strict=True):
        norms = np.linalg.norm(x, axis=1)
        assert measured == pytest.approx(np.mean([x[i] @ x[j] / norms[i] / norms[j] for i, j in pairs]))


def test_cosines_do_not_overflow_and_may_be_undefined():
    x = np.array([[1.0, 1.0], [1.0, 0.0]])
    for scale in (1e-300, 1.0, 1e300):
        assert cosine(scale * x) == pytest.approx(math.sqrt(0.5))
    with np.errstate(all="ignore"):
        assert math.isnan(cosine(np.array([[1.0, 1.0], [0.0, 0.0]])))
        assert math.isnan(cosine(np.array([[1.0, 1.0], [math.inf, 0.0]])))


def test_an_overflow_is_infinite_from_then_on():
    with np.errstate(over="ignore"):
        assert mean_square(np.array([1e200])) == math.inf
    assert mean_square(np.array([math.nan])) == math.inf

    def huge(layer):
        return np.full((WIDTH, WIDTH), 1e100), None

    layers = measure(np.abs(INPUTS), GRADIENT, 8, huge, ACTIVATIONS["relu"], None)
    assert layers.activations[1] < math.inf
    assert layers.activations[2:] == (math.inf,) * 7
    assert np.isnan(layers.gradients).all()
