"""Recurrent biases and state spaces, written again from ``docs/specification/recurrent.md`` alone."""

from __future__ import annotations

import math
import struct
from functools import cache
from itertools import product

import mpmath
from independent import (
    COMPLEX,
    LARGEST,
    Stream,
    Weight,
    derive,
    key_from_seed,
    permuted,
    refuse,
    seed_of,
    stored,
)
from independent_exact import exp, inverse_softplus, log, nearest

# The letters that are also written, and the orders of frameworks.
CELLS = {
    "lstm": (
        "ifco",
        {"g": "c", "j": "c"},
        {
            **dict.fromkeys(("keras", "mxnet", "cudnn"), "ifco"),
            **dict.fromkeys(("torch", "sonnet", "flax"), "ifgo"),
            "tensorflow1": "ijfo",
            "haiku": "igfo",
            "onnx": "iofc",
        },
    ),
    "gru": (
        "zrh",
        {"u": "z", "n": "h", "c": "h", "a": "h"},
        {
            **dict.fromkeys(("keras", "onnx"), "zrh"),
            **dict.fromkeys(("torch", "flax", "mxnet"), "rzn"),
            **dict.fromkeys(("haiku", "sonnet"), "zra"),
            "cudnn": "rzh",
        },
    ),
}


def initialize(
    stream: Stream,
    name: str,
    seed: int,
    shape: tuple[int, ...],
    dtype: str = "float32",
    layout: str = "...IO",
    **config: object,
) -> bytes:
    """The array of an initializer of the page."""
    weight, axes = Weight.of(layout, shape)
    if name in ("LSTMBias", "GRUBias"):
        numbers = MAKERS[name](stream, seed, weight, dtype, **config)
        data = stream.constant(weight.shape, dtype, numbers)
    else:
        refuse(dtype not in LARGEST and (name in DRAWN or dtype not in COMPLEX))
        numbers = MAKERS[name](stream, seed, weight, dtype, **config)
        fit(numbers, dtype)
        data = b"".join(stored(rounded_once(x, stream, dtype), dtype) for x in numbers)
        if name not in DRAWN:  # They are the numbers of one place along the leading axes.
            data *= math.prod(weight.shape) // max(1, len(numbers))
    return permuted(data, weight.shape, axes)


def fit(numbers: list[complex], dtype: str) -> None:
    largest = LARGEST[COMPLEX.get(dtype, dtype)]
    refuse(any(max(abs(x.real), abs(x.imag)) > largest for x in numbers))


def rounded_once(x: complex, stream: Stream, dtype: str) -> complex:
    rn = stream.resolution(dtype).rn
    return complex(rn(x.real), rn(x.imag)) if isinstance(x, complex) else rn(x)


def uniform(stream: Stream, seed: int, count: int, dtype: str, minval: float, maxval: float) -> list[float]:
    """What is drawn: numbers of the dtype of computation."""
    wide = dtype == "float64"
    data = stream.uniform(seed, (count,), "float64" if wide else "float32", minval, maxval)
    return list(struct.unpack(f"<{count}{'d' if wide else 'f'}", data))


# Gates.


def letters(cell: str, order: str) -> str:
    gates, others, orders = CELLS[cell]
    text = "".join(others.get(letter, letter) for letter in orders.get(order, order))
    refuse(sorted(text) != sorted(gates))
    return text


def units(weight: Weight, gates: int) -> tuple[int, bool]:
    """The hidden units, and whether a second row of zeros follows."""
    _, spatial, inputs, outputs = weight.sizes
    refuse(bool(spatial) or len(inputs) > 1 or len(outputs) != 1)
    columns = outputs[0]
    if not inputs or inputs[0] in (1, 2):
        refuse(columns % gates > 0)
        return columns // gates, inputs == (2,)
    refuse(inputs[0] != gates)
    return columns, False


def biases(weight: Weight, order: str, rows: dict[str, list[float]], zeros: bool) -> list[float]:
    """The bias of one place along the batch axes."""
    vector = [x for letter in order for x in rows[letter]]
    return vector + [0.0] * len(vector) if zeros else vector


def lstm_bias(
    stream: Stream, seed: int, weight: Weight, dtype: str, forget_bias: float = 1.0, order: str = "keras"
) -> list[float]:
    refuse(not math.isfinite(forget_bias))
    stream.stored_constant(forget_bias, dtype)
    return constant_biases(weight, letters("lstm", order), {"f": forget_bias})


def gru_bias(
    stream: Stream,
    seed: int,
    weight: Weight,
    dtype: str,
    update_bias: float = 1.0,
    reset_bias: float = 1.0,
    order: str = "keras",
) -> list[float]:
    refuse(not math.isfinite(update_bias) or not math.isfinite(reset_bias))
    stream.constant((2,), dtype, [update_bias, reset_bias])
    return constant_biases(weight, letters("gru", order), {"z": update_bias, "r": reset_bias})


def constant_biases(weight: Weight, order: str, values: dict[str, float]) -> list[float]:
    h, zeros = units(weight, len(order))
    rows = {letter: [values.get(letter, 0.0)] * h for letter in order}
    return biases(weight, order, rows, zeros) * math.prod(weight.sizes[0])


def chrono_bias(
    stream: Stream,
    seed: int,
    weight: Weight,
    dtype: str,
    longest: float,
    cell: str = "lstm",
    order: str = "keras",
) -> list[float]:
    refuse(not (math.isfinite(longest) and longest >= 2))
    text = letters(cell, order)
    h, zeros = units(weight, len(text))
    result = []
    for place in product(*(range(k) for k in weight.sizes[0])):
        key = key_from_seed(seed)
        for i in place:
            key = derive(key, i)
        logs = [log(x) for x in uniform(stream, seed_of(key), h, dtype, 1.0, longest - 1)]
        negatives = [0 - x for x in logs]
        if cell == "lstm":
            given = {"f": logs, "i": negatives}
        else:
            given = {"z": negatives if order in ("haiku", "sonnet") else logs}
        rows = {letter: given.get(letter, [0.0] * h) for letter in text}
        result += biases(weight, text, rows, zeros)
    return result


# State spaces.


def hippo(
    _: Stream, seed: int, weight: Weight, dtype: str, measure: str = "legs", part: str = "A"
) -> list[float]:
    shape = weight.shape
    if part == "B":
        refuse(not shape or (shape[-1] == 1 and math.prod(shape) > 1))
        return [hippo_b(measure, n) for n in range(shape[-1])]
    refuse(len(shape) < 2 or shape[-1] != shape[-2])
    size = shape[-1]
    return [hippo_a(measure, n, k) for n in range(size) for k in range(size)]


def hippo_a(measure: str, n: int, k: int) -> float:
    s = math.sqrt((2 * n + 1) * (2 * k + 1))
    sign = -1.0 if (n - k) % 2 else 1.0
    below, diagonal, above = {
        "legs": (-s, -(n + 1.0), 0.0),
        "legt": (-s / 2, -s / 2, sign * (-s / 2)),
        "lmu": (sign * -(2 * n + 1), -(2 * n + 1.0), -(2 * n + 1.0)),
        "lagt": (-1.0, -0.5, 0.0),
        "tlagt": (-1.0, -1.0, 0.0),
    }[measure]
    return below if n > k else diagonal if n == k else above


def hippo_b(measure: str, n: int) -> float:
    t = math.sqrt(2 * n + 1)
    return {"legs": t, "legt": t / 2, "lmu": (-1.0) ** n * (2 * n + 1), "lagt": 1.0, "tlagt": 1.0}[measure]


def s4d(
    _: Stream, seed: int, weight: Weight, dtype: str, kind: str = "lin", part: str = "complex"
) -> list[complex]:
    refuse(part == "complex" and dtype not in COMPLEX)
    refuse(not weight.shape)
    m = weight.shape[-1]
    numbers = []
    for n in range(m):
        r = n + 1.0 if kind == "real" else 0.5
        if part == "real":
            numbers.append(-r)
        elif part == "log_real":
            numbers.append(log(r))
        else:
            w = frequency(kind, m, n)
            numbers.append(w if part == "imag" else complex(-r, w))
    return numbers


@cache
def frequency(kind: str, m: int, n: int) -> float:
    size = 2 * m
    if kind == "lin":
        return nearest(lambda: n * mpmath.pi)
    if kind == "inv":
        return nearest(lambda: mpmath.mpf(size * (size - 2 * n - 1)) / ((2 * n + 1) * mpmath.pi))
    return nearest(lambda: root(m, n)) if kind == "legs" else 0.0


def root(m: int, n: int) -> mpmath.mpf:
    """The v > 0 at which the sum of atan(2v / (2k + 1)), k < 2m, is (m - n - 1/2) pi, by Newton's method."""
    with mpmath.extraprec(20):
        aim = (2 * m - 2 * n - 1) * mpmath.pi / 2
        low, high = mpmath.mpf(0), mpmath.mpf(1)
        odd = [2 * k + 1 for k in range(2 * m)]

        def excess(v: mpmath.mpf) -> mpmath.mpf:
            return mpmath.fsum(mpmath.atan(2 * v / k) for k in odd) - aim

        while excess(high) < 0:
            low, high = high, 2 * high
        v = (low + high) / 2
        for _ in range(200):
            difference = excess(v)
            if difference < 0:
                low = v
            else:
                high = v
            step = difference / mpmath.fsum(2 * k / (k * k + 4 * v * v) for k in odd)
            if abs(step) < v * mpmath.mpf(2) ** (15 - mpmath.mp.prec):
                return v - step
            v -= step
            if not low <= v <= high:
                v = (low + high) / 2
        raise AssertionError


def mamba_a(stream: Stream, seed: int, weight: Weight, dtype: str) -> list[complex]:
    return s4d(stream, seed, weight, dtype, "real", "log_real")


def mamba_dt_bias(
    stream: Stream,
    seed: int,
    weight: Weight,
    dtype: str,
    minimum: float = 0.001,
    maximum: float = 0.1,
    floor: float = 0.0001,
) -> list[float]:
    refuse(not 0 < minimum <= maximum or not 0 <= floor <= maximum or math.isinf(maximum))
    low = log(minimum)
    width = log(maximum) - low

    def bias(u: float) -> float:
        return inverse_softplus(max(exp(u * width + low), floor))

    fit([bias(0.0), bias(1.0)], dtype)
    return [bias(u) for u in uniform(stream, seed, math.prod(weight.shape), dtype, 0.0, 1.0)]


def mamba2_a(
    stream: Stream, seed: int, weight: Weight, dtype: str, minimum: float = 1.0, maximum: float = 16.0
) -> list[float]:
    refuse(not 0 < minimum <= maximum or math.isinf(maximum))
    return [log(x) for x in uniform(stream, seed, math.prod(weight.shape), dtype, minimum, maximum)]


DRAWN = ("ChronoBias", "MambaDtBias", "Mamba2A")
MAKERS = {
    "LSTMBias": lstm_bias,
    "GRUBias": gru_bias,
    "ChronoBias": chrono_bias,
    "HiPPO": hippo,
    "S4D": s4d,
    "MambaA": mamba_a,
    "MambaDtBias": mamba_dt_bias,
    "Mamba2A": mamba2_a,
}
