"""The stream written again, from ``docs/specification.md`` alone and without an array library.

It imports nothing of unifinit: numbers are Python integers and floats, arrays are lists. It is slow, and
meant to be read beside the page, whose names and sections it has.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from independent_layouts import RefusedError, Weight, permuted, refuse

WORD = 0xFFFFFFFF
FILES = {
    "single.bin": "3de846c3f7a70da576ff9473f6c1e858b3bc8609bac88f7161d5c3a623922d15",
    "double.bin": "a54e6d272ffc141caac490f53da4815a04c95cfe46a3e617e1a04dc4284e1373",
}
LARGEST = {
    "float16": 65504.0,
    "bfloat16": float.fromhex("0x1.fep127"),
    "float32": float.fromhex("0x1.fffffep127"),
    "float64": float.fromhex("0x1.fffffffffffffp1023"),
    "float8_e4m3fn": 448.0,
    "float8_e5m2": 57344.0,
    "float8_e4m3fnuz": 240.0,
    "float8_e5m2fnuz": 57344.0,
}
COMPLEX = {"complex64": "float32", "complex128": "float64"}  # The dtype of the parts.
# The bits of a mantissa, the least exponent, the byte of infinity or else of NaN, and whether there is -0.
EIGHT = {
    "float8_e4m3fn": (3, -6, 0x7F, True),
    "float8_e5m2": (2, -14, 0x7C, True),
    "float8_e4m3fnuz": (3, -7, 0x80, False),
    "float8_e5m2fnuz": (2, -15, 0x80, False),
}
INTEGERS = {f"{sign}int{bits}": bits for sign in ("", "u") for bits in (8, 16, 32, 64)} | {"bool": 8}


# Scale, mode and distribution.
SCALING = {
    "GlorotUniform": (1.0, "fan_avg", "uniform"),
    "GlorotNormal": (1.0, "fan_avg", "truncated_normal"),
    "HeUniform": (2.0, "fan_in", "uniform"),
    "HeNormal": (2.0, "fan_in", "truncated_normal"),
    "LecunUniform": (1.0, "fan_in", "uniform"),
    "LecunNormal": (1.0, "fan_in", "truncated_normal"),
    "XavierNormal": (1.0, "fan_avg", "untruncated_normal"),
}


# Keys, and the block function.


def block(key: tuple[int, int], counter: tuple[int, int]) -> tuple[int, int]:
    keys = (*key, key[0] ^ key[1] ^ 0x1BD11BDA)
    rotations = ((13, 15, 26, 6), (17, 29, 16, 24))
    x0 = counter[0] + keys[0] & WORD
    x1 = counter[1] + keys[1] & WORD
    for g in range(5):
        for r in rotations[g % 2]:
            x0 = x0 + x1 & WORD
            x1 = ((x1 << r | x1 >> 32 - r) & WORD) ^ x0
        x0 = x0 + keys[(g + 1) % 3] & WORD
        x1 = x1 + keys[(g + 2) % 3] + g + 1 & WORD
    return x0, x1


def key_from_seed(seed: int) -> tuple[int, int]:
    refuse(isinstance(seed, bool) or not 0 <= seed < 2**64)
    return seed >> 32, seed & WORD


def fold_in(key: tuple[int, int], n: int) -> tuple[int, int]:
    refuse(isinstance(n, bool) or not 0 <= n < 2**32)
    return block(key, (0, n))


def split(key: tuple[int, int], m: int) -> list[tuple[int, int]]:
    return [fold_in(key, i) for i in range(m)]


def derive(key: tuple[int, int], name: int | str) -> tuple[int, int]:
    if isinstance(name, int):
        return fold_in(key, name)
    digest = hashlib.sha256(name.encode("utf-8")).digest()
    high, low = struct.unpack(">II", digest[:8])
    return fold_in(fold_in(key, high), low)


def seed_of(key: tuple[int, int]) -> int:
    """The seed whose key this is: what is drawn with a derived key is drawn with this seed."""
    return key[0] << 32 | key[1]


def element(key: tuple[int, int], i: int) -> tuple[int, int]:
    return block(key, (i >> 32, i & WORD))


# Roundings: Python's floats are binary64, and struct rounds to nearest, ties to even.


def rn32(x: float) -> float:
    if math.isinf(x) or math.isnan(x):
        return x
    try:
        return struct.unpack("<f", struct.pack("<f", x))[0]
    except OverflowError:
        return math.copysign(math.inf, x)


def rn64(x: float) -> float:
    return x


def stored(x: float, dtype: str) -> bytes:
    """A float32 or float64 number as an element of a dtype, little-endian."""
    if dtype in COMPLEX:
        return stored(x.real, COMPLEX[dtype]) + stored(x.imag, COMPLEX[dtype])
    if dtype in EIGHT:
        return stored_eight(x, dtype)
    if dtype == "float64":
        return struct.pack("<d", x)
    if dtype == "float16":
        return struct.pack("<e", x)
    data = struct.pack("<f", x)
    if dtype == "float32":
        return data
    word = int.from_bytes(data, "little")
    if word & 0x7FFFFFFF > 0x7F800000:  # NaN
        return b"\xc0\x7f"
    word += 0x7FFF + (word >> 16 & 1)
    return (word >> 16).to_bytes(2, "little")


def stored_eight(x: float, dtype: str) -> bytes:
    mantissa, least, beyond, signed_zero = EIGHT[dtype]
    if math.isnan(x):
        return b"\x7f" if signed_zero else b"\x80"
    sign = 128 if math.copysign(1.0, x) < 0 else 0
    if abs(x) > 2 * LARGEST[dtype]:
        return bytes([beyond | sign])
    e = max(least, math.frexp(x)[1] - 1) if x else least
    n = round(Fraction(abs(x)) / Fraction(2) ** (e - mantissa))  # Ties to even.
    byte = (e - least) * 2**mantissa + n
    if byte == 0:
        return bytes([sign if signed_zero else 0])
    return bytes([min(byte, beyond) | sign])


class Resolution:
    """What the two resolutions share; see "Notation"."""

    fraction_bits: int
    quantile_bits: int
    top: int
    least_scale: float

    def rn(self, x: float) -> float:
        raise NotImplementedError

    def fraction(self, x0: int, x1: int) -> int:
        raise NotImplementedError

    def quantile(self, u: int) -> int:
        raise NotImplementedError

    def affine(self, n: int, bits: int, shift: float, scale: float) -> float:
        x = self.rn(float(n)) * 2.0**-bits
        if shift != 0:
            x = self.rn(x + shift)
        return x if scale == 1 else self.rn(x * scale)

    def shift_for(self, offset: float, scale: float) -> float:
        shift = self.rn(offset / scale)
        refuse(math.isinf(shift))
        return shift if abs(shift) >= self.least_scale else 0.0

    def subnormal(self, offset: float) -> bool:
        return 0 < abs(offset) < self.least_scale * 2.0**-self.quantile_bits

    def search(self, z: int) -> int:
        a, b = -(2 ** (self.fraction_bits + 1)), 2 ** (self.fraction_bits + 1)
        while b - a > 1:
            c = (a + b) >> 1
            if self.quantile(c) >= z:
                b = c
            else:
                a = c
        return b


class Single(Resolution):
    fraction_bits = 23
    quantile_bits = 28
    top = 1454915655
    least_scale = 2.0**-98

    def __init__(self, content: bytes) -> None:
        self.table = struct.unpack("<24578i", content)

    def rn(self, x: float) -> float:
        return rn32(x)

    def fraction(self, x0: int, x1: int) -> int:
        return (x0 ^ x1) >> 9

    def quantile(self, u: int) -> int:
        t = 2**24 - abs(u)
        e = t.bit_length() - 1
        m = t << (24 - e)
        i = 1024 * e + (m >> 14) - 1024
        s = (m >> 1) & 0x1FFF
        z = self.table[i] + (((self.table[i + 1] - self.table[i]) * s) >> 13)
        return -z if u < 0 else z


class Double(Resolution):
    fraction_bits = 52
    quantile_bits = 52
    top = 37345474251055714
    least_scale = 2.0**-970

    def __init__(self, content: bytes) -> None:
        numbers = struct.unpack("<11879q", content)
        self.coefficients = [numbers[1697 * p : 1697 * (p + 1)] for p in range(7)]

    def rn(self, x: float) -> float:
        return rn64(x)

    def fraction(self, x0: int, x1: int) -> int:
        return (x0 << 32 | x1) >> 12

    def quantile(self, u: int) -> int:
        t = 2**53 - abs(u)
        e = t.bit_length() - 1
        m = t << (53 - e)
        c = 32 * e + (m >> 48) - 32
        s = m & (2**48 - 1)
        z = self.coefficients[6][c]
        for p in (5, 4, 3, 2, 1, 0):
            z = self.coefficients[p][c] + self.times(z, s)
        z = max(z, 0)
        return -z if u < 0 else z

    @staticmethod
    def times(a: int, s: int) -> int:
        a1, a0 = a >> 24, a & (2**24 - 1)
        s1, s0 = s >> 24, s & (2**24 - 1)
        return a1 * s1 + ((a1 * s0 + a0 * s1) >> 24)


class Stream:
    """Everything that needs the tables.

    Each method with a seed, a shape and a dtype returns the bytes of the elements in row-major order, each
    little-endian.
    """

    def __init__(self, folder: Path) -> None:
        contents = {name: (folder / name).read_bytes() for name in FILES}
        for name, checksum in FILES.items():
            assert hashlib.sha256(contents[name]).hexdigest() == checksum
        self.single = Single(contents["single.bin"])
        self.double = Double(contents["double.bin"])

    def resolution(self, dtype: str) -> Resolution:
        dtype = COMPLEX.get(dtype, dtype)
        refuse(dtype not in LARGEST)
        return self.double if dtype == "float64" else self.single

    # Random numbers.

    def bits(self, seed: int, shape: tuple[int, ...], dtype: str = "uint32") -> bytes:
        refuse(dtype not in ("uint32", "uint64"))
        key = key_from_seed(seed)
        elements = [element(key, i) for i in range(math.prod(shape))]
        if dtype == "uint32":
            return b"".join(struct.pack("<I", x0 ^ x1) for x0, x1 in elements)
        return b"".join(struct.pack("<Q", x0 * 2**32 + x1) for x0, x1 in elements)

    def fractions(self, seed: int, count: int, dtype: str) -> list[int]:
        key = key_from_seed(seed)
        return [self.resolution(dtype).fraction(*element(key, i)) for i in range(count)]

    def complex(self, seed: int, dtype: str, part: Callable[[int, str, int], bytes]) -> bytes:
        """Complex numbers of the parts number 0 and 1, each for a seed and a dtype."""
        keys = [seed_of(fold_in(key_from_seed(seed), number)) for number in (0, 1)]
        real, imaginary = (part(key, COMPLEX[dtype], number) for number, key in enumerate(keys))
        width = 8 if dtype == "complex128" else 4
        places = range(0, len(real), width)
        return b"".join(real[i : i + width] + imaginary[i : i + width] for i in places)

    def uniform(
        self,
        seed: int,
        shape: tuple[int, ...],
        dtype: str = "float32",
        minval: float = 0.0,
        maxval: float = 1.0,
    ) -> bytes:
        r = self.resolution(dtype)
        refuse(not (math.isfinite(minval) and math.isfinite(maxval)))
        if minval == maxval:
            return self.constant(shape, dtype, minval)
        if dtype in COMPLEX:
            return self.complex(seed, dtype, lambda s, part, _: self.uniform(s, shape, part, minval, maxval))
        minval, maxval = r.rn(minval), r.rn(maxval)
        refuse(r.subnormal(minval) or r.subnormal(maxval))
        refuse(not minval < maxval)
        refuse(minval < -LARGEST[dtype] or maxval > LARGEST[dtype])
        scale = r.rn(maxval - minval)
        refuse(scale < r.least_scale or math.isinf(scale))
        shift = r.shift_for(minval, scale)

        def value(k: int) -> float:
            return r.affine(k, r.fraction_bits, shift, scale)

        values = [value(k) for k in self.fractions(seed, math.prod(shape), dtype)]
        if value(0) < minval or value(2**r.fraction_bits - 1) > maxval:
            values = [min(max(x, minval), maxval) for x in values]
        return b"".join(stored(x, dtype) for x in values)

    def normal(
        self,
        seed: int,
        shape: tuple[int, ...],
        dtype: str = "float32",
        mean: float = 0.0,
        stddev: float = 1.0,
    ) -> bytes:
        refuse(not (math.isfinite(mean) and math.isfinite(stddev)))
        if stddev == 0:
            return self.constant(shape, dtype, mean)
        if dtype in COMPLEX:
            t = stddev / math.sqrt(2)
            means = (mean, 0.0)
            return self.complex(seed, dtype, lambda s, part, i: self.normal(s, shape, part, means[i], t))
        return b"".join(stored(x, dtype) for x in self.normals(seed, shape, dtype, mean, stddev))

    def normals(
        self, seed: int, shape: tuple[int, ...], dtype: str, mean: float, stddev: float
    ) -> list[float]:
        r = self.resolution(dtype)
        mean, stddev = r.rn(mean), r.rn(stddev)
        refuse(stddev < r.least_scale or r.subnormal(mean))
        reach = r.top * 2.0**-r.quantile_bits * stddev
        refuse(mean - reach < -LARGEST[dtype] or mean + reach > LARGEST[dtype])
        shift = r.shift_for(mean, stddev)
        points = [
            4 * k - 2 ** (r.fraction_bits + 1) + 1 for k in self.fractions(seed, math.prod(shape), dtype)
        ]
        return [r.affine(r.quantile(u), r.quantile_bits, shift, stddev) for u in points]

    def truncated_normal(
        self,
        seed: int,
        shape: tuple[int, ...],
        dtype: str = "float32",
        lower: float = -2.0,
        upper: float = 2.0,
        mean: float = 0.0,
        stddev: float = 1.0,
    ) -> bytes:
        r = self.resolution(dtype)
        refuse(not (math.isfinite(mean) and math.isfinite(stddev)))
        refuse(not lower < upper)
        if stddev == 0:
            return self.constant(shape, dtype, mean)
        if dtype in COMPLEX:
            t, means = stddev / math.sqrt(2), (mean, 0.0)
            return self.complex(
                seed,
                dtype,
                lambda s, part, i: self.truncated_normal(s, shape, part, lower, upper, means[i], t),
            )
        mean, stddev = r.rn(mean), r.rn(stddev)
        refuse(stddev < r.least_scale or r.subnormal(mean))
        reach = r.top * 2.0**-r.quantile_bits
        refuse(mean + max(lower, -reach) * stddev < -LARGEST[dtype])
        refuse(mean + min(upper, reach) * stddev > LARGEST[dtype])
        unit = 2**r.quantile_bits
        minimum = -r.top if lower == -math.inf else max(-r.top, math.ceil(Fraction(lower) * unit))
        maximum = r.top if upper == math.inf else min(r.top, math.floor(Fraction(upper) * unit))
        first, last = r.search(minimum), r.search(maximum + 1) - 1
        refuse(first > last)
        shift = r.shift_for(mean, stddev)
        values = []
        for k in self.fractions(seed, math.prod(shape), dtype):
            u = first + ((k * (last - first)) >> r.fraction_bits)
            z = min(max(r.quantile(u), minimum), maximum)
            values.append(r.affine(z, r.quantile_bits, shift, stddev))
        return b"".join(stored(x, dtype) for x in values)

    # Constants.

    def constant(self, shape: tuple[int, ...], dtype: str, value: float | list[float]) -> bytes:
        values = value if isinstance(value, list) else [value] * math.prod(shape)
        refuse(len(values) != math.prod(shape))
        return b"".join(self.stored_constant(v, dtype) for v in values)

    def stored_constant(self, value: float, dtype: str) -> bytes:
        part = COMPLEX.get(dtype, dtype)
        if part in LARGEST:
            refuse(math.isfinite(value) and abs(value) > LARGEST[part])
            return stored(self.resolution(dtype).rn(float(value)), dtype)
        refuse(not math.isfinite(value) or value != int(value))
        if dtype == "bool":
            refuse(value not in (0, 1))
        try:
            return int(value).to_bytes(INTEGERS[dtype] // 8, "little", signed=dtype.startswith("int"))
        except OverflowError as error:
            raise RefusedError from error

    # Initializers, for a weight in canonical order.

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
        refuse(not (scale >= 0 and math.isfinite(scale) and math.isfinite(gain)))
        scale = gain * gain * scale
        fan_in, fan_out = weight.fans
        geometric = math.sqrt(float(fan_in * fan_out))
        means = {"fan_avg": (fan_in + fan_out) / 2, "fan_geo_avg": geometric}
        n = max(1, {"fan_in": fan_in, "fan_out": fan_out, **means}[mode])
        return self.with_variance(seed, weight.shape, dtype, scale / n, distribution)

    def with_variance(
        self, seed: int, shape: tuple[int, ...], dtype: str, variance: float, distribution: str
    ) -> bytes:
        rn = self.resolution(dtype).rn
        refuse(variance > 0 and rn(variance) == 0)
        variance = rn(variance)
        if distribution == "uniform":
            square = 3 * variance / 2 if dtype in COMPLEX else 3 * variance
            return self.symmetric(seed, shape, dtype, rn(math.sqrt(rn(square))))
        stddev = rn(math.sqrt(variance))
        if distribution == "untruncated_normal":
            return self.normal(seed, shape, dtype, 0.0, stddev)
        c = rn(0.87962566103423978)
        return self.truncated_normal(seed, shape, dtype, -2.0, 2.0, 0.0, stddev / c)

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
        """Without the functions whose gain follows from a moment."""
        gains = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}
        gains["leaky_relu"] = math.sqrt(2 / (1 + a * a))
        gain = gains[nonlinearity]
        return self.variance_scaling(seed, weight, dtype, gain * gain, mode, distribution)

    def uniform_unit_scaling(self, seed: int, weight: Weight, dtype: str, factor: float = 1.0) -> bytes:
        refuse(not factor >= 0 or math.isinf(factor))
        m = max(1, weight.field * weight.inputs) if len(weight.shape) > 1 else 1
        limit = math.sqrt(3 / m) * factor
        return self.symmetric(seed, weight.shape, dtype, limit / math.sqrt(2) if dtype in COMPLEX else limit)

    def symmetric(self, seed: int, shape: tuple[int, ...], dtype: str, limit: float) -> bytes:
        if limit == 0:
            return self.constant(shape, dtype, 0.0)
        return self.uniform(seed, shape, dtype, -limit, limit)

    def orthogonal(self, seed: int, weight: Weight, dtype: str, gain: float = 1.0) -> bytes:
        r = self.resolution(dtype)
        shape = weight.shape
        refuse(len(shape) < 2 or weight.has_batch)
        refuse(not abs(gain) <= LARGEST[dtype])
        if math.prod(shape) == 0:
            return b""
        width = weight.outputs
        height = math.prod(shape) // width
        m, n = max(height, width), min(height, width)
        numbers = self.normals(seed, (m, n), "float64" if dtype == "float64" else "float32", 0.0, 1.0)
        q = columns([numbers[n * i : n * (i + 1)] for i in range(m)])
        if height < width:
            q = [[q[i][j] for i in range(m)] for j in range(n)]
        gain = r.rn(gain)
        return b"".join(stored(r.rn(x * gain), dtype) for row in q for x in row)

    def initialize(
        self,
        name: str,
        seed: int,
        shape: tuple[int, ...],
        dtype: str = "float32",
        layout: str = "...IO",
        **config: object,
    ) -> bytes:
        """The array of an initializer of a name and a configuration, in any layout."""
        weight, axes = Weight.of(layout, shape)
        return permuted(self.canonical(name, seed, weight, dtype, **config), weight.shape, axes)

    def canonical(self, name: str, seed: int, weight: Weight, dtype: str, **config: object) -> bytes:
        """The same, in canonical order."""
        canonical = weight.shape
        makers = {
            "Zeros": lambda: self.constant(canonical, dtype, 0),
            "Ones": lambda: self.constant(canonical, dtype, 1),
            "Constant": lambda: self.constant(canonical, dtype, **config),
            "RandomUniform": lambda: self.uniform(seed, canonical, dtype, **config),
            "RandomNormal": lambda: self.normal(seed, canonical, dtype, **config),
            "TruncatedNormal": lambda: self.truncated_normal(seed, canonical, dtype, -2.0, 2.0, **config),
            "VarianceScaling": lambda: self.variance_scaling(seed, weight, dtype, **config),
            "KaimingUniform": lambda: self.kaiming(seed, weight, dtype, "uniform", **config),
            "KaimingNormal": lambda: self.kaiming(seed, weight, dtype, "untruncated_normal", **config),
            "UniformUnitScaling": lambda: self.uniform_unit_scaling(seed, weight, dtype, **config),
            "Orthogonal": lambda: self.orthogonal(seed, weight, dtype, **config),
        }
        if name in SCALING:
            return self.variance_scaling(seed, weight, dtype, *SCALING[name], **config)
        return makers[name]()


# The decomposition.

Matrix = list[list[float]]


def total(terms: list[float]) -> float:
    result = terms[0]
    for term in terms[1:]:
        result += term
    return result


def columns(a: Matrix) -> Matrix:
    m, n = len(a), len(a[0])
    signs = [0.0] * n
    kept = []
    for b in range(0, n, 32):
        w = min(32, n - b)
        part = [row[b : b + w] for row in a[b:]]
        v, t = panel(part, signs, b)
        rest = [row[b + w :] for row in a[b:]]
        reflect(rest, v, [[t[k][i] for k in range(w)] for i in range(w)])
        for row, changed in zip(a[b:], rest, strict=True):
            row[b + w :] = changed
        kept.append((b, v, t))
    q = [[float(i == j) for j in range(n)] for i in range(m)]
    for b, v, t in reversed(kept):
        part = [row[b:] for row in q[b:]]
        reflect(part, v, t)
        for row, changed in zip(q[b:], part, strict=True):
            row[b:] = changed
    return [[x * sign for x, sign in zip(row, signs, strict=True)] for row in q]


def panel(p: Matrix, signs: list[float], b: int) -> tuple[Matrix, Matrix]:
    h, w = len(p), len(p[0])
    reflectors = [[0.0] * w for _ in range(h)]
    t = [[0.0] * w for _ in range(w)]
    for j in range(w):
        alpha = p[j][j]
        tail = total([p[i][j] * p[i][j] for i in range(j + 1, h)]) if j + 1 < h else 0.0
        v = [0.0] * h
        v[j] = 1.0
        if tail == 0:
            tau, beta = 0.0, alpha
        else:
            beta = -math.copysign(math.sqrt(alpha * alpha + tail), alpha)
            tau = (beta - alpha) / beta
            for i in range(j + 1, h):
                v[i] = p[i][j] / (alpha - beta)
        signs[b + j] = math.copysign(1.0, beta)
        for i in range(j, h):
            reflectors[i][j] = v[i]
        for c in range(j + 1, w):
            d = total([v[i] * p[i][c] for i in range(j, h)]) * tau
            for i in range(j, h):
                p[i][c] -= v[i] * d
        dots = [total([reflectors[i][k] * v[i] for i in range(j, h)]) for k in range(j)]
        for k in range(j):
            t[k][j] = total([t[k][i] * dots[i] for i in range(j)]) * -tau
        t[j][j] = tau
    return reflectors, t


def reflect(c: Matrix, v: Matrix, t: Matrix) -> None:
    w = len(t)
    for column in range(len(c[0])):
        values = [row[column] for row in c]
        y = [total([row[k] * x for row, x in zip(v, values, strict=True)]) for k in range(w)]
        z = [total([t[k][i] * y[i] for i in range(w)]) for k in range(w)]
        for k in range(w):
            values = [x - row[k] * z[k] for x, row in zip(values, v, strict=True)]
        for row, x in zip(c, values, strict=True):
            row[column] = x
