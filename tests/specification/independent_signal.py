"""Filters, transforms, positions and adapters, written again from ``docs/specification/signal.md`` alone."""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from itertools import product

import mpmath
from independent import COMPLEX, LARGEST, Stream, Weight, permuted, refuse, stored
from independent_exact import cosine, nearest, sine

NAMES = ("Bilinear", "ICNR", "STFT", "SinusoidalPositions", "Siren", "LoraA", "LoraB")
NARROW = set(LARGEST) - {"float32", "float64"}
COEFFICIENTS = {
    "hann": (0.5, 0.5),
    "hamming": (0.54, 1 - 0.54),
    "blackman": (0.42, 0.5, 0.08),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
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
    refuse(name != "ICNR" and dtype not in LARGEST and dtype not in COMPLEX)
    if name in DRAWN:
        data = DRAWN[name](stream, seed, weight, dtype, **config)
    else:
        rn = stream.resolution(dtype).rn
        numbers = COMPUTED[name](weight, **config)
        refuse(any(abs(x) > LARGEST[COMPLEX.get(dtype, dtype)] for x in numbers))
        data = b"".join(stored(rn(x), dtype) for x in numbers) * math.prod(weight.sizes[0])
    return permuted(data, weight.shape, axes)


# Elements that are computed: the list for one place along the batch axes.


def bilinear(weight: Weight, channels: str = "diagonal", downsampling: bool = False) -> list[float]:
    _, spatial, _, _ = weight.sizes
    refuse(not spatial)
    if 0 in spatial:
        return []
    few = min(weight.inputs, weight.outputs)
    if channels == "diagonal" and few > 0:
        refuse(max(weight.inputs, weight.outputs) % few > 0)
    halves = [k if k % 2 == 0 else k + 1 for k in spatial]
    denominator = float(math.prod(h * (h // 2) if downsampling else h for h in halves))
    numerators = [[h - abs(2 * x - (k - 1)) for x in range(k)] for h, k in zip(halves, spatial, strict=True)]
    elements = []
    for place in product(*numerators):
        numerator = 1.0
        for factor in place:
            numerator *= float(factor)
        for i in range(weight.inputs):
            for o in range(weight.outputs):
                has = channels == "all" or i % few == o % few
                elements.append(numerator / denominator if has else 0.0)
    return elements


def stft(
    weight: Weight,
    side: str = "real",
    window: str | list[float] | None = "hann",
    scaling: str | None = "density",
    periodic: bool = False,
) -> list[float]:
    _, spatial, _, _ = weight.sizes
    refuse(len(spatial) != 1 or weight.inputs != 1 or weight.outputs < 2)
    length, size = spatial[0], 2 * (weight.outputs - 1)
    refuse(max(length, weight.outputs) > 2**28)
    if isinstance(window, list):
        refuse(not window or len(window) != length or not all(math.isfinite(x) for x in window))
    w = windows(window, length, periodic) if isinstance(window, str) else window
    s = divisor(w, scaling) if w else 1.0
    refuse(s == 0 or math.isinf(s))
    function = cosine if side == "real" else sine
    elements = []
    for t in range(length):
        for f in range(weight.outputs):
            e = function(Fraction(-t * f % size, size))
            elements.append(e if w is None else e * w[t] / s)
    return elements


def windows(name: str, length: int, periodic: bool) -> list[float]:
    if length == 1:
        return [1.0]
    p = length if periodic else length - 1
    h = p + 1 if p % 2 == 1 else p + 2
    result = []
    for t in range(length):
        place = 2 * t - p
        if name in COEFFICIENTS:
            first, *others = COEFFICIENTS[name]
            for number, a in enumerate(others, 1):
                first += a * cosine(Fraction(number * place, 2 * p))
            result.append(first)
        else:
            result.append(
                {
                    "cosine": lambda t=t: sine(Fraction(2 * t + 1, 4 * (p + 1))),
                    "bartlett": lambda place=place: (p - abs(place)) / p,
                    "triang": lambda place=place: (h - abs(place)) / h,
                    "boxcar": lambda: 1.0,
                }[name]()
            )
    return result


def divisor(w: list[float], scaling: str | None) -> float:
    if scaling is None:
        return 1.0
    s = 0.0
    for x in w:
        s += x * x if scaling == "density" else abs(x)
    return math.sqrt(s) if scaling == "density" else s


def positions(
    weight: Weight,
    base: float = 10000.0,
    order: str = "interleaved",
    endpoint: bool = False,
    offset: int = 0,
) -> list[float]:
    _, spatial, inputs, _ = weight.sizes
    refuse(not inputs or any(k != 1 for k in spatial))
    refuse(not (1 <= base <= 1e300 and 0 <= offset < 2**31))
    rows, d = weight.inputs, weight.outputs
    refuse(rows > 0 and offset + rows - 1 >= 2**31)
    n, m = (d // 2, d // 2) if endpoint else ((d + 1) // 2, d // 2)

    def angle(p: int, i: int) -> mpmath.mpf:
        with mpmath.extraprec(60):
            exponent = mpmath.mpf(-i) / max(1, n - 1) if endpoint else mpmath.mpf(-2 * i) / d
            return p * mpmath.mpf(base) ** exponent

    elements = []
    for p in range(offset, offset + rows):
        row = [0.0] * d
        for i in range(n):
            column = 2 * i if order == "interleaved" else i
            row[column] = nearest(lambda p=p, i=i: mpmath.sin(angle(p, i)))
        for i in range(m):
            column = 2 * i + 1 if order == "interleaved" else n + i
            row[column] = nearest(lambda p=p, i=i: mpmath.cos(angle(p, i)))
        elements += row
    return elements


# What has a key.


def icnr(
    stream: Stream,
    seed: int,
    weight: Weight,
    dtype: str,
    initializer: dict[str, object] | str = "kaiming_normal",
    factor: int = 2,
    order: str = "torch",
) -> bytes:
    _, spatial, _, outputs = weight.sizes
    refuse(not 1 <= factor <= 2**20)
    times = factor ** len(spatial)
    refuse(not spatial or len(outputs) != 1 or weight.outputs % times > 0)
    name, config = named(initializer)
    fan_in, fan_out = weight.fans
    whole = weight.outputs
    few = whole // times
    share = Fraction(fan_out) * few / whole if whole else Fraction(0)
    inner = weight._replace(
        shape=(*weight.shape[:-1], few),
        outputs=few,
        sizes=(*weight.sizes[:3], (few,)),
        fans=(fan_in, int(share) if share.denominator == 1 else float(share)),
    )
    computed = "float32" if dtype in NARROW else dtype
    stream.canonical(name, seed, inner, dtype, **config)  # What it refuses, it refuses of the dtype itself.
    v = stream.canonical(name, seed, inner, computed, **config)
    width = len(v) // max(1, math.prod(inner.shape))
    data = []
    for row in range(math.prod(weight.shape[:-1])):
        for o in range(whole):
            place = row * few + (o // times if order == "torch" else o % few)
            data.append(v[width * place : width * (place + 1)])
    return b"".join(data) if dtype == computed else rounded(data, dtype)


def named(initializer: dict[str, object] | str) -> tuple[str, dict[str, object]]:
    """The class and the parameters of another initializer."""
    if isinstance(initializer, str):
        return "".join(part.capitalize() for part in initializer.split("_")), {}
    config = dict(initializer["config"])
    config.pop("seed", None)
    if initializer["class_name"] == "Orthogonal":
        assert config.pop("flatten", "inputs") == "inputs"
    return initializer["class_name"], config


def rounded(data: list[bytes], dtype: str) -> bytes:
    """Elements of float32 as those of a narrower dtype."""
    return b"".join(stored(struct.unpack("<f", word)[0], dtype) for word in data)


def siren(
    stream: Stream,
    seed: int,
    weight: Weight,
    dtype: str,
    first: bool = False,
    omega: float = 30.0,
    fan_in: int | None = None,
) -> bytes:
    refuse(dtype in COMPLEX)
    refuse(not (omega > 0 and math.isfinite(omega)) or (fan_in is not None and not 1 <= fan_in < 2**63))
    few = len(weight.shape) < 2
    refuse(few and fan_in is None)
    n = max(1, weight.fans[0] if fan_in is None else fan_in)
    if few:
        limit = 1 / math.sqrt(n)
    elif first:
        limit = 1 / n
    else:
        limit = math.sqrt(6 / n) / omega
    return stream.uniform(seed, weight.shape, dtype, -limit, limit)


def lora_a(
    stream: Stream,
    seed: int,
    weight: Weight,
    dtype: str,
    distribution: str = "kaiming_uniform",
    embedding: bool = False,
) -> bytes:
    refuse(len(weight.shape) < 2)
    if embedding:
        return stream.constant(weight.shape, dtype, 0.0)
    if distribution == "kaiming_uniform":
        return stream.variance_scaling(seed, weight, dtype, 1 / 3, "fan_in", "uniform")
    return stream.normal(seed, weight.shape, dtype, 0.0, 1 / max(1, weight.outputs))


def lora_b(stream: Stream, seed: int, weight: Weight, dtype: str, embedding: bool = False) -> bytes:
    if embedding:
        return stream.normal(seed, weight.shape, dtype)
    return stream.constant(weight.shape, dtype, 0.0)


COMPUTED = {"Bilinear": bilinear, "STFT": stft, "SinusoidalPositions": positions}
DRAWN = {"ICNR": icnr, "Siren": siren, "LoraA": lora_a, "LoraB": lora_b}
