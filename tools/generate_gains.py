"""Print the moments of activation functions that ``unifinit.gains`` holds as literals.

Run ``python tools/generate_gains.py`` (needs mpmath); it takes seconds and writes no file. A test compares
the literals with what it computes.

For each function f, and z standard normal, there are E[f(z)], E[f(z)²], Var f(z) and E[f'(z)²]. A function
with a parameter p is f + p * g: its moments are polynomials of p, of which there are the coefficients of
1, p and p².
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath
from mpmath import mp
from mpmath.calculus.quadrature import GaussLegendre

DIGITS = 40
mp.dps = DIGITS

Number = Any  # mpmath has no types.
Function = Callable[[Number], Number]
Row = tuple[float, float, float, float]
"""Mean, second moment, variance, and second moment of the derivative."""

REACH = 16
"""The normal density beyond is below 1e-55."""
PANELS_PER_UNIT = 2
"""Panels end at multiples of 1/2, and so do all pieces of the functions below."""
DEGREE = 4
"""24 nodes in a panel."""
NOISE = mpmath.mpf(10) ** -28
"""What is smaller is zero, but for rounding, or for the digits of SELU's constants."""

SELU_ALPHA = mpmath.mpf("1.6732632423543772848170429916717")
SELU_SCALE = mpmath.mpf("1.0507009873554804934193349852946")
GELU_TANH = mpmath.sqrt(2 / mpmath.pi), mpmath.mpf("0.044715")
QUICK_GELU = mpmath.mpf("1.702")
HALF = mpmath.mpf(1) / 2


class Differentiable(NamedTuple):
    """A function, its derivative, and what its parameter multiplies, if it has one."""

    value: Function
    derivative: Function
    factor: Function | None = None
    factor_derivative: Function | None = None


def sigmoid(z: Number) -> Number:
    """The logistic function."""
    return 1 / (1 + mpmath.exp(-z))


def softplus(z: Number) -> Number:
    """The integral of the logistic function."""
    return mpmath.log1p(mpmath.exp(z))


def clip(z: Number, low: float, high: float) -> Number:
    """The nearest number between two."""
    return mpmath.mpf(min(max(z, low), high))


def inside(z: Number, low: float, high: float) -> Number:
    """1 between two numbers, else 0."""
    return mpmath.mpf(low < z < high)


def above(z: Number) -> Number:
    """1 for positive numbers, else 0."""
    return mpmath.mpf(z > 0)


def gated(gate: Function, gate_derivative: Function) -> Differentiable:
    """``z * gate(z)``."""
    return Differentiable(lambda z: z * gate(z), lambda z: gate(z) + z * gate_derivative(z))


def gelu_tanh_argument(z: Number) -> Number:
    """Twice what the hyperbolic tangent is taken of: 1/2 + tanh(x) / 2 is sigmoid(2x)."""
    root, cubic = GELU_TANH
    return 2 * root * (z + cubic * z**3)


def gelu_tanh_gate_derivative(z: Number) -> Number:
    """The derivative of ``sigmoid(gelu_tanh_argument(z))``."""
    root, cubic = GELU_TANH
    gate = sigmoid(gelu_tanh_argument(z))
    return gate * (1 - gate) * 2 * root * (1 + 3 * cubic * z**2)


def elu_below(z: Number) -> Number:
    """What ELU's alpha multiplies."""
    return mpmath.expm1(min(z, 0))


def elu_below_derivative(z: Number) -> Number:
    """Its derivative."""
    return mpmath.exp(z) * above(-z)


ELU = Differentiable(lambda z: z * above(z), above, elu_below, elu_below_derivative)
LEAKY_RELU = Differentiable(lambda z: z * above(z), above, lambda z: z * above(-z), lambda z: above(-z))
ELU_AT_ONE = Differentiable(
    lambda z: z * above(z) + elu_below(z),
    lambda z: above(z) + elu_below_derivative(z),
)

FUNCTIONS = {
    "linear": Differentiable(lambda z: z, lambda _: mpmath.mpf(1)),
    "relu": Differentiable(lambda z: z * above(z), above),
    "leaky_relu": LEAKY_RELU,
    "prelu": LEAKY_RELU,
    "elu": ELU,
    "celu": ELU_AT_ONE,
    "selu": Differentiable(
        lambda z: SELU_SCALE * (z * above(z) + SELU_ALPHA * elu_below(z)),
        lambda z: SELU_SCALE * (above(z) + SELU_ALPHA * elu_below_derivative(z)),
    ),
    "relu6": Differentiable(lambda z: clip(z, 0, 6), lambda z: inside(z, 0, 6)),
    "relu_squared": Differentiable(lambda z: z * z * above(z), lambda z: 2 * z * above(z)),
    "gelu": gated(mpmath.ncdf, mpmath.npdf),
    "gelu_tanh": gated(lambda z: sigmoid(gelu_tanh_argument(z)), gelu_tanh_gate_derivative),
    "quick_gelu": gated(
        lambda z: sigmoid(QUICK_GELU * z),
        lambda z: QUICK_GELU * sigmoid(QUICK_GELU * z) * sigmoid(-QUICK_GELU * z),
    ),
    "silu": gated(sigmoid, lambda z: sigmoid(z) * sigmoid(-z)),
    "mish": gated(
        lambda z: mpmath.tanh(softplus(z)),
        lambda z: mpmath.sech(softplus(z)) ** 2 * sigmoid(z),
    ),
    "hardswish": gated(lambda z: clip(z + 3, 0, 6) / 6, lambda z: inside(z, -3, 3) / 6),
    "softplus": Differentiable(softplus, sigmoid),
    "log_sigmoid": Differentiable(lambda z: -softplus(-z), lambda z: sigmoid(-z)),
    "squareplus": Differentiable(
        lambda z: (z + mpmath.sqrt(z * z + 4)) / 2,
        lambda z: (1 + z / mpmath.sqrt(z * z + 4)) / 2,
    ),
    "sparse_plus": Differentiable(
        lambda z: z if z > 1 else clip(z + 1, 0, 2) ** 2 / 4,
        lambda z: clip(z + 1, 0, 2) / 2,
    ),
    "sigmoid": Differentiable(sigmoid, lambda z: sigmoid(z) * sigmoid(-z)),
    "hardsigmoid": Differentiable(lambda z: clip(z + 3, 0, 6) / 6, lambda z: inside(z, -3, 3) / 6),
    "sparse_sigmoid": Differentiable(lambda z: clip(z + 1, 0, 2) / 2, lambda z: inside(z, -1, 1) / 2),
    "tanh": Differentiable(mpmath.tanh, lambda z: mpmath.sech(z) ** 2),
    "hardtanh": Differentiable(lambda z: clip(z, -1, 1), lambda z: inside(z, -1, 1)),
    "softsign": Differentiable(lambda z: z / (1 + abs(z)), lambda z: 1 / (1 + abs(z)) ** 2),
    "erf": Differentiable(mpmath.erf, lambda z: 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-z * z)),
    "tanhshrink": Differentiable(lambda z: z - mpmath.tanh(z), lambda z: mpmath.tanh(z) ** 2),
    "softshrink": Differentiable(lambda z: z - clip(z, -HALF, HALF), lambda z: 1 - inside(z, -HALF, HALF)),
    "sin": Differentiable(mpmath.sin, mpmath.cos),
    "exp": Differentiable(mpmath.exp, mpmath.exp),
}


def nodes() -> list[tuple[Number, Number]]:
    """Points and weights of a quadrature of the normal density."""
    rule = GaussLegendre(mp).calc_nodes(DEGREE, mp.prec)
    half = mpmath.mpf(1) / (2 * PANELS_PER_UNIT)
    points = []
    for panel in range(-REACH * PANELS_PER_UNIT, REACH * PANELS_PER_UNIT):
        for node, weight in rule:
            z = half * (2 * panel + 1 + node)
            points.append((z, half * weight * mpmath.npdf(z)))
    return points


def rounded(value: Number) -> float:
    """The nearest float."""
    return float(value) if abs(value) > NOISE else 0.0


def moments(function: Differentiable, points: list[tuple[Number, Number]]) -> tuple[Row, ...]:
    """The moments, or their coefficients of 1, p and p² if the function has a parameter p."""

    def mean(f: Function) -> Number:
        return mpmath.fsum(weight * f(z) for z, weight in points)

    def product(f: Function, g: Function) -> Number:
        return mpmath.fsum(weight * f(z) * g(z) for z, weight in points)

    def row(first: Number, second: Number, squared_mean: Number, slope: Number) -> Row:
        return rounded(first), rounded(second), rounded(second - squared_mean), rounded(slope)

    f, df, g, dg = function
    a = mean(f)
    constant = row(a, product(f, f), a * a, product(df, df))
    if g is None or dg is None:
        return (constant,)
    b = mean(g)
    return (
        constant,
        row(b, 2 * product(f, g), 2 * a * b, 2 * product(df, dg)),
        row(mpmath.mpf(0), product(g, g), b * b, product(dg, dg)),
    )


def main() -> None:
    """Print everything."""
    points = nodes()
    for name, function in FUNCTIONS.items():
        for row in moments(function, points):
            print(f"{name}: Moments({', '.join(map(repr, row))})")


if __name__ == "__main__":
    main()
