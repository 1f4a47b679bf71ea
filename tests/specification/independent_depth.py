"""Depth, width and structure, written again from ``docs/specification/depth.md`` alone."""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from functools import cache
from itertools import product

from independent import (
    LARGEST,
    Matrix,
    Stream,
    Weight,
    derive,
    key_from_seed,
    permuted,
    refuse,
    seed_of,
    stored,
)
from independent_exact import power


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
    for count in ("layers", "per_layer", "width", "branches", "depth", "heads"):
        refuse(config.get(count) is not None and not 1 <= config[count] < 2**63)
    data = MAKERS[name](stream, seed, weight, dtype, **config)
    return permuted(data, weight.shape, axes)


def floats(stream: Stream, dtype: str) -> None:
    """What is drawn is no integer."""
    stream.resolution(dtype)


def fans(weight: Weight) -> tuple[float, float]:
    fan_in, fan_out = weight.fans
    return max(1, fan_in), max(1, fan_out)


def mean_fan(weight: Weight) -> float:
    return float(Fraction(sum(map(Fraction, fans(weight)))) / 2)


# Transformers.


def residual_normal(
    stream: Stream,
    seed: int,
    weight: Weight,
    dtype: str,
    layers: int,
    stddev: float = 0.02,
    per_layer: int = 2,
) -> bytes:
    floats(stream, dtype)
    return stream.normal(seed, weight.shape, dtype, 0.0, stddev / math.sqrt(float(per_layer * layers)))


def small_init(stream: Stream, seed: int, weight: Weight, dtype: str, width: int | None = None) -> bytes:
    d = float(fans(weight)[0] if width is None else width)
    return stream.normal(seed, weight.shape, dtype, 0.0, math.sqrt(2 / (5 * d)))


def wang_init(
    stream: Stream, seed: int, weight: Weight, dtype: str, layers: int, width: int | None = None
) -> bytes:
    d = float(fans(weight)[1] if width is None else width)
    return stream.normal(seed, weight.shape, dtype, 0.0, 2 / layers / math.sqrt(d))


def t_fixup(stream: Stream, seed: int, weight: Weight, dtype: str, layers: int, kind: str) -> bytes:
    quarter = Fraction(-1, 4)
    g = power(Fraction(layers if kind == "encoder" else 9 * layers), quarter)
    g = 0.67 * g if kind == "encoder" else g
    if kind == "embedding":
        return stream.normal(seed, weight.shape, dtype, 0.0, g / math.sqrt(float(max(1, weight.outputs))))
    return stream.with_variance(seed, weight.shape, dtype, g * g / mean_fan(weight), "uniform")


def deep_norm(
    stream: Stream, seed: int, weight: Weight, dtype: str, part: str, layers: int, other_layers: int = 0
) -> bytes:
    refuse(other_layers < 0)
    quarter = Fraction(-1, 4)
    if other_layers == 0:
        g = power(Fraction(8 * layers), quarter)
    elif part == "encoder":
        g = 0.87 * power(Fraction(layers**4 * other_layers), Fraction(-1, 16))
    else:
        g = power(Fraction(12 * layers), quarter)
    return stream.with_variance(seed, weight.shape, dtype, g * g / mean_fan(weight), "untruncated_normal")


# Fixup and LayerScale.


def fixup(
    stream: Stream,
    seed: int,
    weight: Weight,
    dtype: str,
    branches: int,
    per_branch: int = 2,
    mode: str = "fan_out",
) -> bytes:
    refuse(per_branch < 2)
    g = power(Fraction(branches), Fraction(-1, 2 * per_branch - 2))
    return stream.variance_scaling(seed, weight, dtype, 2 * (g * g), mode, "untruncated_normal")


def layer_scale(
    stream: Stream,
    seed: int,
    weight: Weight,
    dtype: str,
    depth: int | None = None,
    value: float | None = None,
) -> bytes:
    refuse(depth is not None and value is not None)
    if depth is not None:
        value = 0.1 if depth <= 18 else 1e-5 if depth <= 24 else 1e-6
    value = 1e-5 if value is None else value
    refuse(not math.isfinite(value))
    stream.stored_constant(value, dtype)
    return stream.constant(weight.shape, dtype, value)


# MuP and SpectralMuP.


def mup(
    stream: Stream,
    seed: int,
    weight: Weight,
    dtype: str,
    kind: str,
    base_fan_in: float,
    base_fan_out: float | None = None,
    scale: float = 1.0,
    mode: str = "fan_in",
    distribution: str = "untruncated_normal",
) -> bytes:
    fan_in, fan_out = fans(weight)
    refuse(base_fan_in < 1 or (base_fan_out is not None and base_fan_out < 1))
    refuse(kind == "input" and base_fan_in != fan_in)
    refuse(kind in ("output", "readout") and base_fan_out is not None)
    refuse(kind in ("hidden", "input") and base_fan_out is None and mode != "fan_in")
    refuse(not (scale >= 0 and math.isfinite(scale)))
    refuse(not math.isfinite(base_fan_in) or (base_fan_out is not None and not math.isfinite(base_fan_out)))
    b_in, b_out = Fraction(base_fan_in), Fraction(fan_out if base_fan_out is None else base_fan_out)
    n = {
        "fan_in": lambda: b_in,
        "fan_out": lambda: b_out,
        "fan_avg": lambda: Fraction(float((b_in + b_out) / 2)),
        "fan_geo_avg": lambda: Fraction(math.sqrt(float(b_in * b_out))),
    }[mode]()
    p = {"input": 0, "readout": 0, "hidden": 1, "output": 2}[kind]
    exact = Fraction(scale) / (max(1, n) * (Fraction(fan_in) / b_in) ** p)
    refuse(exact > Fraction(LARGEST["float64"]))
    return stream.with_variance(seed, weight.shape, dtype, float(exact), distribution)


def spectral_mup(stream: Stream, seed: int, weight: Weight, dtype: str, gain: float = 1.0) -> bytes:
    refuse(not (gain >= 0 and math.isfinite(gain)))
    fan_in, fan_out = fans(weight)
    variance = gain * gain / fan_in * min(1, fan_out / fan_in)
    return stream.with_variance(seed, weight.shape, dtype, variance, "untruncated_normal")


# ZerO and IDInit.


def zero(stream: Stream, seed: int, weight: Weight, dtype: str, normalization: str = "paper") -> bytes:
    batch, spatial, _, _ = weight.sizes
    refuse(len(weight.shape) < 2)
    rows, columns = weight.inputs, weight.outputs
    if columns <= rows:
        matrix = [float(i == j) for i in range(rows) for j in range(columns)]
    elif rows:
        m = (columns - 1).bit_length()
        h = m - 1 if normalization == "paper" else m
        c = math.sqrt(2.0**-h)
        stream.constant((2,), dtype, [c, -c])
        matrix = [-c if (i & j).bit_count() % 2 else c for i in range(rows) for j in range(columns)]
    else:
        matrix = []
    centre = tuple(k // 2 for k in spatial)
    kernel = []
    for tap in product(*(range(k) for k in spatial)):
        kernel += matrix if tap == centre else [0.0] * len(matrix)
    return stream.constant(weight.shape, dtype, kernel * math.prod(batch))


def id_init(stream: Stream, seed: int, weight: Weight, dtype: str, gain: float = 1.0) -> bytes:
    batch, spatial, _, _ = weight.sizes
    refuse(len(weight.shape) < 2 or bool(spatial) or not math.isfinite(gain))
    stream.stored_constant(gain, dtype)
    rows, columns = weight.inputs, weight.outputs
    matrix = [gain if i == j % rows else 0.0 for i in range(rows) for j in range(columns)]
    return stream.constant(weight.shape, dtype, matrix * math.prod(batch))


# MimeticAttention.


def mimetic_attention(
    stream: Stream,
    seed: int,
    weight: Weight,
    dtype: str,
    matrix: str,
    heads: int,
    alpha: float | None = None,
    beta: float | None = None,
    distribution: str = "untruncated_normal",
) -> bytes:
    batch, spatial, _, _ = weight.sizes
    refuse(dtype not in LARGEST)
    refuse(len(weight.shape) < 2 or bool(spatial))
    rows, columns = weight.inputs, weight.outputs
    attends = matrix in ("query", "key")
    refuse(not all(x is None or math.isfinite(x) for x in (alpha, beta)))
    default = 0.7 if attends else 0.4
    alpha = default if alpha is None else alpha
    beta = default if beta is None else beta
    refuse(attends and (columns % heads > 0 or columns // heads > rows))
    refuse(matrix == "value" and columns > rows)
    refuse(matrix == "projection" and rows > columns)
    r = stream.resolution(dtype)
    if math.prod(weight.shape) == 0:
        return b""

    def factors(key: tuple[int, int], d: int, rank: int, shift: float) -> tuple[Matrix, Matrix]:
        wide = "float64" if dtype == "float64" else "float32"
        return factors_of(stream, seed_of(key), d, rank, wide, distribution, alpha, shift)

    data = []
    for place in product(*(range(k) for k in batch)):
        key = key_from_seed(seed)
        for i in place:
            key = derive(key, i)
        if attends:
            k = columns // heads
            parts = [factors(derive(derive(key, "query_key"), h), rows, k, beta) for h in range(heads)]
            chosen = [part[matrix == "key"] for part in parts]
            elements = [x for i in range(rows) for part in chosen for x in part[i]]
        elif matrix == "value":
            left, _ = factors(derive(key, "value_projection"), rows, columns, -beta)
            elements = [x for row in left for x in row]
        else:
            _, right = factors(derive(key, "value_projection"), columns, rows, -beta)
            elements = [row[i] for i in range(rows) for row in right]
        data += [r.rn(x) for x in elements]
    refuse(not all(abs(x) <= LARGEST[dtype] for x in data))
    return b"".join(stored(x, dtype) for x in data)


@cache
def factors_of(
    stream: Stream, seed: int, d: int, rank: int, dtype: str, distribution: str, alpha: float, beta: float
) -> tuple[Matrix, Matrix]:
    data = stream.with_variance(seed, (d, d), dtype, 1 / d, distribution)
    z = struct.unpack(f"<{d * d}{'d' if dtype == 'float64' else 'f'}", data)
    a = [[z[i * d + j] * alpha for j in range(d)] for i in range(d)]
    for i in range(d):
        a[i][i] += beta
    refuse(not all(math.isfinite(x) for row in a for x in row))
    u, s, v = svd(a, rank)
    return tuple([[x * math.sqrt(y) for x, y in zip(row, s, strict=True)] for row in side] for side in (u, v))


def fold(t: list[float]) -> float:
    t = list(t) or [0.0]
    w = len(t)
    while w > 1:
        h = (w + 1) // 2
        for i in range(w - h):
            t[i] += t[i + h]
        w = h
    return t[0]


def dot(p: list[float], q: list[float]) -> float:
    return fold([x * y for x, y in zip(p, q, strict=True)])


def svd(a: Matrix, rank: int) -> tuple[Matrix, list[float], Matrix]:
    m, n = len(a), len(a[0])
    e = math.frexp(max(abs(x) for row in a for x in row))[1]
    a = [[math.ldexp(x, -e) for x in row] for row in a]
    w = [[row[j] for row in a] for j in range(n)]
    if n % 2:
        w.append([0.0] * m)
    half = len(w) // 2
    x, y = list(range(half)), list(range(half, 2 * half))
    for _ in range(60):
        turned = False
        for _ in range(2 * half - 1):
            for i in range(half):
                w[x[i]], w[y[i]], over = rotate(w[x[i]], w[y[i]])
                turned |= over
            if half > 1:
                x, y = [x[0], y[0], *x[1:-1]], [*y[1:], x[-1]]
        if not turned:
            break
    s = [math.sqrt(dot(w[j], w[j])) for j in range(n)]
    chosen = sorted(range(n), key=lambda j: (-s[j], j))[:rank]
    left, right = [], []
    for j in chosen:
        d = s[j] or 1.0
        left.append([value / d for value in w[j]])
        right.append([dot([row[k] for row in a], left[-1]) / d for k in range(n)])
    transposed = ([list(row) for row in zip(*side, strict=True)] for side in (left, right))
    u, v = transposed
    return u, [scaled(s[j], e) for j in chosen], v


def scaled(x: float, e: int) -> float:
    try:
        return math.ldexp(x, e)
    except OverflowError:
        return math.inf


def rotate(p: list[float], q: list[float]) -> tuple[list[float], list[float], bool]:
    a, b, g = dot(p, p), dot(q, q), dot(p, q)
    over = abs(g) > 2.0**-47 * math.sqrt(a * b)
    t = 0.0
    if over:
        z = (b - a) / (2 * g)
        t = math.copysign(1.0, z) / (abs(z) + math.sqrt(1 + z * z))
    cosine = 1 / math.sqrt(1 + t * t)
    sine = cosine * t
    return (
        [i * cosine - j * sine for i, j in zip(p, q, strict=True)],
        [j * cosine + i * sine for i, j in zip(p, q, strict=True)],
        over,
    )


MAKERS = {
    "ResidualNormal": residual_normal,
    "SmallInit": small_init,
    "WangInit": wang_init,
    "TFixup": t_fixup,
    "DeepNorm": deep_norm,
    "Fixup": fixup,
    "LayerScale": layer_scale,
    "MuP": mup,
    "SpectralMuP": spectral_mup,
    "ZerO": zero,
    "IDInit": id_init,
    "MimeticAttention": mimetic_attention,
}
