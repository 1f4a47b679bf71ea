"""``docs/specification/matrices.md`` written again, from the page and the stream's page alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

from independent import (
    COMPLEX,
    INTEGERS,
    LARGEST,
    Matrix,
    Weight,
    derive,
    element,
    key_from_seed,
    refuse,
    seed_of,
    total,
)
from independent_main import MainStream, places_and_seeds

CONVOLUTIONAL = {f"ConvolutionalOrthogonal{d}D": d for d in (1, 2, 3)}
CLASSES = {"Identity", "Dirac", "Sparse", "DeltaOrthogonal", *CONVOLUTIONAL}
Kernel = dict[tuple[int, ...], Matrix]  # A matrix for each tap.


class MatrixStream(MainStream):
    """The stream with the initializers of the page."""

    def canonical(self, name: str, seed: int, weight: Weight, dtype: str, **config: object) -> bytes:
        makers = {
            "Identity": self.identity,
            "Dirac": self.dirac,
            "Sparse": self.sparse,
            "DeltaOrthogonal": self.delta_orthogonal,
        }
        if name in CONVOLUTIONAL:
            return self.convolutional(seed, weight, dtype, CONVOLUTIONAL[name], **config)
        if name in makers:
            return makers[name](seed, weight, dtype, **config)
        return super().canonical(name, seed, weight, dtype, **config)

    # What nothing is drawn for: the same kernel everywhere along the batch axes.

    def identity(self, seed: int, weight: Weight, dtype: str, gain: float = 1.0, shift: int = 0) -> bytes:
        refuse(len(weight.shape) < 2 or not math.isfinite(gain))
        refuse(isinstance(shift, bool) or not isinstance(shift, int) or abs(shift) >= 2**63)
        one = self.stored_constant(gain, dtype)
        centre = tuple((k - 1) // 2 for k in weight.sizes[1])
        diagonal = range(min(weight.inputs, weight.outputs))
        places = {(centre, i, (i + shift) % weight.outputs) for i in diagonal}
        return self.same_kernels(weight, dtype, places, one)

    def dirac(self, seed: int, weight: Weight, dtype: str, groups: int = 1) -> bytes:
        refuse(not 1 <= len(weight.sizes[1]) <= 3 or groups < 1 or weight.outputs % groups > 0)
        b = weight.outputs // groups
        centre = tuple(k // 2 for k in weight.sizes[1])
        diagonal = range(min(weight.inputs, b))
        places = {(centre, i, h * b + i) for h in range(groups) for i in diagonal}
        return self.same_kernels(weight, dtype, places, self.stored_constant(1, dtype))

    def same_kernels(self, weight: Weight, dtype: str, places: set[tuple[object, ...]], one: bytes) -> bytes:
        zero = self.stored_constant(0, dtype)
        kernel = b"".join(one if place in places else zero for place in places_of(weight))
        return kernel * math.prod(weight.sizes[0])

    # What is drawn for each place along the batch axes.

    def sparse(
        self,
        seed: int,
        weight: Weight,
        dtype: str,
        sparsity: float,
        stddev: float = 0.01,
        per: str = "input",
    ) -> bytes:
        refuse(len(weight.shape) < 2 or dtype in INTEGERS or not 0 <= sparsity <= 1)
        refuse(not (stddev >= 0 and math.isfinite(stddev)))
        rows, width = weight.field * weight.inputs, weight.outputs
        lines = [range(width * i, width * (i + 1)) for i in range(rows)]
        if per == "output":
            lines = [range(j, rows * width, width) for j in range(width)]
        if rows * width == 0:
            return b""
        z = math.ceil(sparsity * len(lines[0]))
        return b"".join(
            self.sparse_kernel(s, lines, z, dtype, stddev, (rows, width))
            for s in places_and_seeds(weight, seed)
        )

    def sparse_kernel(
        self, seed: int, lines: list[range], z: int, dtype: str, stddev: float, shape: tuple[int, int]
    ) -> bytes:
        count = math.prod(shape)
        numbers = self.normal(seed, shape, dtype, 0.0, stddev)
        key = derive(key_from_seed(seed), "positions")
        zeros: set[int] = set()
        for line in lines:
            if 0 < z < len(line):
                # The sort keeps the order of equal ones.
                by_word = sorted(line, key=lambda i: int.from_bytes(word64(key, i), "big"))
                zeros.update(by_word[:z])
            elif z > 0:
                zeros.update(line)
        width = len(numbers) // count
        zero = self.stored_constant(0, dtype)
        return b"".join(zero if i in zeros else numbers[width * i : width * (i + 1)] for i in range(count))

    def delta_orthogonal(self, seed: int, weight: Weight, dtype: str, gain: float = 1.0) -> bytes:
        refuse(dtype in INTEGERS or not 1 <= len(weight.sizes[1]) <= 3 or weight.inputs > weight.outputs)
        tap = Weight.of("...IO", (weight.inputs, weight.outputs))[0]
        centre = tuple((k - 1) // 2 for k in weight.sizes[1])

        def kernel(kernel_seed: int) -> bytes:
            data = self.orthogonal(kernel_seed, tap, dtype, gain)
            taps = itertools.product(*(range(k) for k in weight.sizes[1]))
            return b"".join(data if place == centre else bytes(len(data)) for place in taps)

        return self.kernels(seed, weight, kernel)

    def convolutional(self, seed: int, weight: Weight, dtype: str, d: int, gain: float = 1.0) -> bytes:
        refuse(dtype in INTEGERS or dtype in COMPLEX)
        taps = weight.sizes[1]
        refuse(len(taps) != d or len(set(taps)) != 1 or weight.inputs > weight.outputs)
        refuse(not abs(gain) <= LARGEST[dtype])
        g = self.resolution(dtype).rn(gain)

        def kernel(kernel_seed: int) -> bytes:
            k = self.isometric_kernel(kernel_seed, weight.inputs, weight.outputs, taps[0], d, dtype)
            return b"".join(self.number(x * g, dtype) for place in sorted(k) for row in k[place] for x in row)

        return self.kernels(seed, weight, kernel)

    def kernels(self, seed: int, weight: Weight, kernel: Callable[[int], bytes]) -> bytes:
        if math.prod(weight.shape) == 0:
            return b""
        return b"".join(kernel(s) for s in places_and_seeds(weight, seed))

    def isometric_kernel(self, seed: int, inputs: int, outputs: int, taps: int, d: int, dtype: str) -> Kernel:
        key = key_from_seed(seed)
        kernel: Kernel = {(0,) * d: self.isometry(seed, inputs, outputs, dtype)}
        for s in range(taps - 1):
            for axis in range(d):
                basis = derive(derive(derive(key, "basis"), s), axis)
                mask = derive(derive(derive(key, "mask"), s), axis)
                q = self.orthonormal(seed_of(basis), outputs, outputs, dtype)
                bits = [x0 ^ x1 for x0, x1 in (element(mask, c) for c in range(outputs))]
                m = [c for c in range(outputs) if bits[c] >= 2**31]
                kernel = widened(kernel, axis, q, m)
        return kernel


def word64(key: tuple[int, int], i: int) -> bytes:
    x0, x1 = element(key, i)
    return (x0 * 2**32 + x1).to_bytes(8, "big")


def places_of(weight: Weight) -> list[tuple[object, ...]]:
    """Tap, row and column of each element of a kernel."""
    taps = itertools.product(*(range(k) for k in weight.sizes[1]))
    return list(itertools.product(taps, range(weight.inputs), range(weight.outputs)))


def widened(kernel: Kernel, axis: int, q: Matrix, m: list[int]) -> Kernel:
    """The kernel with one tap more along an axis."""
    inside = {place: [projected(row, q, m) for row in rows] for place, rows in kernel.items()}
    outside = {place: minus(rows, inside[place]) for place, rows in kernel.items()}
    result: Kernel = {}
    for place, rows in inside.items():
        before = (*place[:axis], place[axis] - 1, *place[axis + 1 :])
        result[place] = plus(rows, outside[before]) if before in outside else rows
    for place, rows in outside.items():
        after = (*place[:axis], place[axis] + 1, *place[axis + 1 :])
        if after not in inside:
            result[after] = rows
    return result


def projected(x: list[float], q: Matrix, m: list[int]) -> list[float]:
    y = [total([x[j] * q[j][c] for j in range(len(x))]) for c in m]
    return [total([z * q[j][c] for z, c in zip(y, m, strict=True)]) if m else 0.0 for j in range(len(x))]


def plus(a: Matrix, b: Matrix) -> Matrix:
    return [[x + y for x, y in zip(*rows, strict=True)] for rows in zip(a, b, strict=True)]


def minus(a: Matrix, b: Matrix) -> Matrix:
    return [[x - y for x, y in zip(*rows, strict=True)] for rows in zip(a, b, strict=True)]
