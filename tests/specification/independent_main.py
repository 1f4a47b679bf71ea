"""The parts of ``docs/specification.md`` that came after the first ones, written from the page alone.

Gains, Kaiming's initializers, bounds of truncation, complex constants, and orthogonal matrices along batch
axes, flattened either way and complex. What they are made of is in ``independent.py``.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator

from independent import (
    COMPLEX,
    LARGEST,
    Matrix,
    Stream,
    Weight,
    columns,
    derive,
    element,
    fold_in,
    key_from_seed,
    refuse,
    seed_of,
    stored,
)

SECOND_MOMENTS = {
    "elu": 0.6449454174929239,
    "celu": 0.6449454174929239,
    "relu6": 0.49999999807527046,
    "relu_squared": 1.5,
    "gelu": 0.4252214825702987,
    "gelu_tanh": 0.42519371103309944,
    "quick_gelu": 0.4219528068969808,
    "silu": 0.35577551981735217,
    "mish": 0.45234219237588275,
    "hardswish": 0.3315673751379077,
    "softplus": 0.9212459088593002,
    "log_sigmoid": 0.9212459088593002,
    "squareplus": 1.5,
    "sparse_plus": 0.5248435053873499,
    "hardsigmoid": 0.2776390910565126,
    "sparse_sigmoid": 0.3790146377404283,
    "hardtanh": 0.5160585509617133,
    "softsign": 0.1830140212665475,
    "erf": 0.46455905439753997,
    "tanhshrink": 0.18288347119352352,
    "softshrink": 0.41927852005066774,
    "sin": 0.43233235838169365,
    "exp": 7.38905609893065,
}
"""Copied from the data of ``unifinit/gains.py``, as the page tells the reader to."""

ALIASES = {
    **dict.fromkeys(("identity", "conv1d", "conv2d", "conv3d"), "linear"),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), "linear"),
    **dict.fromkeys(("relu2", "squared_relu"), "relu_squared"),
    **dict.fromkeys(("gelu_new", "gelu_pytorch_tanh"), "gelu_tanh"),
    **dict.fromkeys(("hard_swish", "hard_silu"), "hardswish"),
    "swish": "silu",
    "soft_plus": "softplus",
    "logsigmoid": "log_sigmoid",
    "hard_sigmoid": "hardsigmoid",
    "hard_tanh": "hardtanh",
    "soft_sign": "softsign",
    "tanh_shrink": "tanhshrink",
    "soft_shrink": "softshrink",
    "sine": "sin",
    "exponential": "exp",
}
"""Copied likewise."""


def gain_of(nonlinearity: str, a: float) -> float:
    nonlinearity = ALIASES.get(nonlinearity, nonlinearity)
    gains = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + a * a))
    if nonlinearity in gains:
        return gains[nonlinearity]
    if nonlinearity == "prelu":
        return math.sqrt(1 / (0.5 + 0.5 * (a * a)))
    return math.sqrt(1 / SECOND_MOMENTS[nonlinearity])


def deviation_between(lower: float, upper: float) -> float:
    """The standard deviation of a standard normal variable between bounds, rounded once."""
    import mpmath  # Nothing else here needs it.

    with mpmath.workdps(500):
        a, b = mpmath.mpf(lower), mpmath.mpf(upper)
        if a > 0:
            a, b = -b, -a
        probability = mpmath.ncdf(b) - mpmath.ncdf(a)
        p, q = (mpmath.npdf(x) / probability for x in (a, b))
        variance = 1 - (p - q) ** 2
        variance += sum(sign * x * y for sign, x, y in ((1, a, p), (-1, b, q)) if mpmath.isfinite(x))
        return float(mpmath.sqrt(variance))


@functools.cache
def element_of(key: tuple[int, int], i: int) -> tuple[int, int]:
    return element(key, i)


class MainStream(Stream):
    """The whole of the page."""

    def fractions(self, seed: int, count: int, dtype: str) -> list[int]:
        # The same, but each block is computed once for all dtypes.
        key, fraction = key_from_seed(seed), self.resolution(dtype).fraction
        return [fraction(*element_of(key, i)) for i in range(count)]

    def stored_constant(self, value: complex, dtype: str) -> bytes:
        if isinstance(value, complex):
            refuse(dtype not in COMPLEX)
            parts = (value.real, value.imag)
            return b"".join(self.stored_constant(x, COMPLEX[dtype]) for x in parts)
        if dtype in LARGEST:
            refuse(math.isinf(value) and dtype.startswith("float8") and dtype != "float8_e5m2")
        return super().stored_constant(value, dtype)

    def uniform(
        self,
        seed: int,
        shape: tuple[int, ...],
        dtype: str = "float32",
        minval: float = 0.0,
        maxval: float = 1.0,
    ) -> bytes:
        if dtype in COMPLEX and minval == maxval:
            return self.constant(shape, dtype, complex(minval, minval))
        return super().uniform(seed, shape, dtype, minval, maxval)

    def variance_scaling(
        self,
        seed: int,
        weight: Weight,
        dtype: str,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "normal",
        gain: float = 1.0,
    ) -> bytes:
        refuse(gain < 0)
        return super().variance_scaling(seed, weight, dtype, scale, mode, distribution, gain)

    def bounded_normal(
        self,
        seed: int,
        shape: tuple[int, ...],
        dtype: str,
        mean: float = 0.0,
        stddev: float = 1.0,
        lower: float = -2.0,
        upper: float = 2.0,
        bounds: str = "sigma",
        corrected: bool = False,
    ) -> bytes:
        refuse(not lower < upper or (corrected and bounds == "absolute"))
        if bounds == "absolute" and stddev != 0:
            lower, upper = (lower - mean) / stddev, (upper - mean) / stddev
            if dtype in COMPLEX:
                lower, upper = lower * math.sqrt(2), upper * math.sqrt(2)
        if corrected:
            stddev /= deviation_between(lower, upper)
        return self.truncated_normal(seed, shape, dtype, lower, upper, mean, stddev)

    def kaiming(
        self,
        seed: int,
        weight: Weight,
        dtype: str,
        distribution: str,
        a: float = 0.0,
        mode: str = "fan_in",
        nonlinearity: str = "leaky_relu",
    ) -> bytes:
        gain = gain_of(nonlinearity, a)
        return self.variance_scaling(seed, weight, dtype, gain * gain, mode, distribution)

    def orthogonal(
        self, seed: int, weight: Weight, dtype: str, gain: float = 1.0, flatten: str = "inputs"
    ) -> bytes:
        refuse(len(weight.shape) < 2)
        refuse(not abs(gain) <= LARGEST[COMPLEX.get(dtype, dtype)])
        if math.prod(weight.shape) == 0:
            return b""
        seeds = places_and_seeds(weight, seed)
        return b"".join(self.orthogonal_kernel(s, weight, dtype, gain, flatten) for s in seeds)

    def orthogonal_kernel(self, seed: int, weight: Weight, dtype: str, gain: float, flatten: str) -> bytes:
        rn = self.resolution(dtype).rn
        field, inputs, outputs = weight.field, weight.inputs, weight.outputs
        rows, width = (field * inputs, outputs) if flatten == "inputs" else (inputs, field * outputs)
        q = self.isometry(seed, rows, width, dtype)
        gain = rn(gain)
        flat = [self.number(times(x, gain), dtype) for row in q for x in row]
        if flatten == "outputs":
            places = itertools.product(range(field), range(inputs), range(outputs))
            flat = [flat[(i * field + t) * outputs + o] for t, i, o in places]
        return b"".join(flat)

    def number(self, x: complex, dtype: str) -> bytes:
        """Float64 numbers as an element: rounded to the dtype of computation, and then to the dtype."""
        if dtype in COMPLEX and isinstance(x, complex):
            return b"".join(self.number(part, COMPLEX[dtype]) for part in (x.real, x.imag))
        return stored(self.resolution(dtype).rn(x), dtype)

    def isometry(
        self, seed: int, rows: int, width: int, dtype: str
    ) -> list[list[float]] | list[list[complex]]:
        """Steps 1 to 3: Q, real or complex."""
        m, n = max(rows, width), min(rows, width)
        q = (
            self.orthonormal_complex(seed, m, n, dtype)
            if dtype in COMPLEX
            else self.orthonormal(seed, m, n, dtype)
        )
        return q if rows >= width else [[q[i][j] for i in range(m)] for j in range(n)]

    def orthonormal(self, seed: int, m: int, n: int, dtype: str) -> Matrix:
        return columns(self.gaussian(seed, m, n, dtype))

    def gaussian(self, seed: int, m: int, n: int, dtype: str, stddev: float = 1.0) -> Matrix:
        # Ranges of the dtype are not checked: these numbers are no elements of the array.
        drawn = "float64" if dtype in ("float64", "complex128") else "float32"
        numbers = self.normals(seed, (m, n), drawn, 0.0, stddev)
        return [numbers[n * i : n * (i + 1)] for i in range(m)]

    def orthonormal_complex(self, seed: int, m: int, n: int, dtype: str) -> list[list[complex]]:
        key, t = key_from_seed(seed), 1.0 / math.sqrt(2)
        real, imaginary = (self.gaussian(seed_of(fold_in(key, part)), m, n, dtype, t) for part in (0, 1))
        b = []
        for re, im in zip(real, imaginary, strict=True):
            b.append([x for x, y in zip(re, im, strict=True) for x in (x, -y)])
            b.append([x for x, y in zip(re, im, strict=True) for x in (y, x)])
        p = columns(b)
        return [[complex(p[2 * i][2 * j], p[2 * i + 1][2 * j]) for j in range(n)] for i in range(m)]

    def canonical(self, name: str, seed: int, weight: Weight, dtype: str, **config: object) -> bytes:
        if name == "TruncatedNormal":
            return self.bounded_normal(seed, weight.shape, dtype, **config)
        return super().canonical(name, seed, weight, dtype, **config)


def times(x: complex, gain: float) -> float | complex:
    return complex(x.real * gain, x.imag * gain) if isinstance(x, complex) else x * gain


def places_and_seeds(weight: Weight, seed: int) -> Iterator[int]:
    """The seed of the kernel at each place along the batch axes, in row-major order."""
    key = key_from_seed(seed)
    for place in itertools.product(*(range(size) for size in weight.sizes[0])):
        yield seed_of(functools.reduce(derive, place, key))
