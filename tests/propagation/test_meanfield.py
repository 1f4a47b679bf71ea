"""Mean-field theory: known critical points, and fixed points that are limits of what is predicted."""

import math

import numpy as np
import pytest

from unifinit.propagation import ACTIVATIONS
from unifinit.propagation.meanfield import Limit, Network, limit, predict


def network(activation, weight_variance, bias_variance=0.0, residual=None):
    return Network(weight_variance, bias_variance, ACTIVATIONS[activation], residual)


class TestKnownPoints:
    def test_relu_is_critical_at_2(self):
        # He et al. (2015).
        found = limit(network("relu", 2.0))
        assert (found.phase, found.variance_scale, found.cosine_scale) == ("critical", math.inf, math.inf)
        assert found.chi == pytest.approx(1, abs=1e-12)
        predicted = predict(network("relu", 2.0), 20, 0.5)
        np.testing.assert_allclose(predicted.layers.activations, 1, rtol=1e-11)
        np.testing.assert_allclose(predicted.layers.gradients, 1, rtol=1e-11)

    def test_relu_halves_signals_and_gradients_at_1(self):
        predicted = predict(network("relu", 1.0), 20, 0.5)
        np.testing.assert_allclose(predicted.layers.activations, 0.5 ** np.arange(21.0), rtol=1e-11)
        np.testing.assert_allclose(predicted.layers.gradients, 0.5 ** np.arange(20.0, -1, -1), rtol=1e-11)

    @pytest.mark.parametrize("name", ["linear", "tanh", "erf", "sin"])
    def test_odd_functions_are_critical_where_the_slope_at_0_is_1(self, name):
        slope = float(ACTIVATIONS[name].derivative(np.zeros(1))[0])
        assert limit(network(name, 1 / slope**2)).phase == "critical"
        assert limit(network(name, 0.9 / slope**2)).phase == "ordered"

    def test_tanh_on_the_published_critical_line(self):
        # Xiao et al., "Dynamical isometry and a mean field theory of CNNs" (2018).
        found = limit(network("tanh", 1.05, 2.01e-5))
        assert found.chi == pytest.approx(1, abs=2e-4)

    def test_tanh_is_ordered_below_1_and_chaotic_above(self):
        assert limit(network("tanh", 0.8)) == Limit(
            0.0, None, pytest.approx(0.8), "ordered", pytest.approx(-1 / math.log(0.8)), None
        )
        found = limit(network("tanh", 1.7))
        assert found.phase == "chaotic"
        assert found.cosine == 0.0

    def test_selu_has_its_fixed_point_at_1(self):
        # Klambauer et al. (2017): zero mean and unit variance are mapped to themselves.
        assert limit(network("selu", 1.0)).variance == pytest.approx(1, abs=1e-6)

    def test_what_grows_without_bounds_has_no_limit(self):
        assert limit(network("relu", 2.5)) == Limit()
        assert limit(network("linear", 1.0, 0.1)) == Limit()

    def test_residual_networks_have_no_limit(self):
        assert limit(network("tanh", 1.0, residual=1.0)) == Limit()

    def test_without_weights_there_is_nothing(self):
        predicted = predict(network("tanh", 0.0), 3, 0.5)
        assert predicted.layers.activations == (1.0, 0.0, 0.0, 0.0)
        assert predicted.layers.gradients == (0.0, 0.0, 0.0, 1.0)
        assert np.isnan(predicted.layers.cosines[1:]).all()
        assert limit(network("tanh", 0.0)).variance == 0


@pytest.mark.parametrize(
    ("activation", "weight_variance", "bias_variance"),
    [
        ("tanh", 1.3, 0.1),
        ("tanh", 0.7, 0.3),
        ("tanh", 3.0, 0.05),
        ("erf", 1.0, 0.1),
        ("gelu", 1.2, 0.3),
        ("sigmoid", 4.0, 0.1),
        ("relu", 1.2, 0.5),
        ("elu", 1.1, 0.2),
    ],
)
class TestLimit:
    """Signals approach the fixed points, and do so as quickly as the scales tell."""

    def test_is_where_signals_end(self, activation, weight_variance, bias_variance):
        model = network(activation, weight_variance, bias_variance)
        found, layers = limit(model), predict(model, 200, 0.5).layers
        assert layers.preactivations[-1] == pytest.approx(found.variance, rel=1e-6)
        covariance = model.preactivation(layers.cosines[-1] * layers.activations[-1])
        assert covariance / found.variance == pytest.approx(found.cosine, abs=1e-5)

    def test_is_approached_at_the_scales(self, activation, weight_variance, bias_variance):
        model = network(activation, weight_variance, bias_variance)
        found, layers = limit(model), predict(model, 200, 0.5).layers
        # A cosine below 1 depends on the variance too, and the slower of the two is seen.
        slower = found.cosine_scale
        if found.cosine < 1:
            slower = max(slower, found.variance_scale)
        for values, scale in (
            (layers.preactivations, found.variance_scale),
            (layers.cosines, slower),
        ):
            distances = np.abs(np.array(values) - values[-1])
            # Late enough for the limit, early enough for float64.
            last = np.flatnonzero(distances > 1e-9)[-1]
            rate = distances[last] / distances[last - 1]
            assert rate == pytest.approx(math.exp(-1 / scale), abs=0.01)


def test_what_overflows_is_infinite_and_says_nothing_of_gradients():
    layers, chi = predict(network("relu", 1e40), 20, 0.5)
    assert layers.activations[:3] == (1.0, pytest.approx(5e39), pytest.approx(2.5e79))
    assert layers.activations[-1] == math.inf
    assert math.isnan(layers.cosines[-1])
    assert math.isnan(layers.gradients[0])
    assert chi[0] == pytest.approx(5e39)


def test_residual_branches_add_up():
    # Without activation function: x + s x W, of which the terms are uncorrelated.
    layers = predict(network("linear", 1.0, residual=0.5), 10, 0.5).layers
    np.testing.assert_allclose(layers.activations, 1.25 ** np.arange(11.0), rtol=1e-11)
    np.testing.assert_allclose(layers.gradients, 1.25 ** np.arange(10.0, -1, -1), rtol=1e-11)
    np.testing.assert_allclose(layers.cosines, 0.5, rtol=1e-11)
