"""Expectations against closed forms, and against adaptive quadrature."""

import math
from itertools import pairwise

import numpy as np
import pytest

from unifinit.propagation import ACTIVATIONS
from unifinit.propagation.quadrature import correlated_expectation, expectation

VARIANCES = [1e-6, 0.3, 2.0, 400.0]
CORRELATIONS = [-1.0, -0.6, 0.0, 0.3, 0.95, 1 - 1e-9, 1.0]
relu, erf = ACTIVATIONS["relu"].function, ACTIVATIONS["erf"].function


def adaptive(function, variance):
    quad = pytest.importorskip("scipy.integrate").quad
    scale = math.sqrt(variance)

    def integrand(z):
        value = float(function(np.array([scale * z]))[0])
        return value * math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)

    near = min(1.0, 10 / scale)  # Where a function saturates.
    pieces = pairwise([-12.0, -near, 0.0, near, 12.0])
    return sum(quad(integrand, *piece, epsabs=1e-13, epsrel=1e-12, limit=500)[0] for piece in pieces)


@pytest.mark.parametrize("variance", VARIANCES)
@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_expectations_of_squares_agree_with_adaptive_quadrature(activation, variance):
    # The nodes are too far apart for the quick oscillations of sin.
    close = 1e-5 if activation.name == "sin" and variance > 100 else 1e-10
    for function in (activation.function, activation.derivative):
        expected = adaptive(lambda x, f=function: f(x) ** 2, variance)
        assert expectation(lambda x, f=function: f(x) ** 2, variance) == pytest.approx(expected, rel=close)


def test_the_weights_are_those_of_a_probability():
    assert expectation(np.ones_like, 1.0) == pytest.approx(1, abs=1e-13)
    for correlation in CORRELATIONS:
        assert correlated_expectation(np.ones_like, 1.0, correlation) == pytest.approx(1, abs=1e-11)


@pytest.mark.parametrize("correlation", CORRELATIONS)
@pytest.mark.parametrize("variance", VARIANCES)
class TestOfTwoVariables:
    def test_of_relu_is_the_arc_cosine_kernel(self, variance, correlation):
        # Cho & Saul, "Kernel methods for deep learning" (2009).
        angle = math.acos(correlation)
        expected = variance * (math.sin(angle) + (math.pi - angle) * correlation) / (2 * math.pi)
        assert correlated_expectation(relu, variance, correlation) == pytest.approx(
            expected, abs=1e-11 * variance
        )

    def test_of_a_step_is_the_fraction_of_a_sector(self, variance, correlation):
        expected = (math.pi - math.acos(correlation)) / (2 * math.pi)
        found = correlated_expectation(ACTIVATIONS["relu"].derivative, variance, correlation)
        assert found == pytest.approx(expected, abs=1e-11)

    def test_of_erf_is_an_arc_sine(self, variance, correlation):
        # Williams, "Computing with infinite networks" (1997).
        expected = 2 / math.pi * math.asin(2 * variance * correlation / (1 + 2 * variance))
        assert correlated_expectation(erf, variance, correlation) == pytest.approx(expected, abs=1e-10)

    def test_of_the_identity_is_the_covariance(self, variance, correlation):
        found = correlated_expectation(lambda x: x, variance, correlation)
        assert found == pytest.approx(variance * correlation, abs=1e-11 * variance)


@pytest.mark.parametrize("variance", [0.3, 2.0, 100.0])
@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_of_equal_variables_is_that_of_the_square(activation, variance):
    square = expectation(lambda x: activation.function(x) ** 2, variance)
    # sin oscillates too quickly for the nodes in the plane, if the variance is large.
    close = 0.02 if activation.name == "sin" and variance > 10 else 1e-10
    assert correlated_expectation(activation.function, variance, 1.0) == pytest.approx(square, rel=close)


def test_of_sin_is_a_hyperbolic_sine():
    for variance in (0.1, 1.0, 4.0):
        for correlation in CORRELATIONS:
            expected = math.exp(-variance) * math.sinh(variance * correlation)
            found = correlated_expectation(np.sin, variance, correlation)
            assert found == pytest.approx(expected, abs=1e-9)
