"""``docs/specification/combinators.md`` written again, from the page and the stream's page alone."""

from __future__ import annotations

import contextlib
import itertools
import math
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from independent import (
    COMPLEX,
    EIGHT,
    INTEGERS,
    LARGEST,
    Weight,
    fold_in,
    key_from_seed,
    refuse,
    seed_of,
)
from independent_matrices import MatrixStream

CLASSES = {"Scaled", "Masked", "Blocked", "Stacked", "FromFunction"}
ROLES = {"batch": 0, "in": 2, "out": 3}  # The place of their sizes in a weight.
Initializer = str | dict[str, object]  # A name like he_normal, or a configuration.


def named(initializer: Initializer) -> tuple[str, dict[str, object]]:
    """The name and the configuration of an initializer inside another one."""
    if isinstance(initializer, str):
        return "".join(word.capitalize() for word in initializer.split("_")), {}
    config = dict(initializer["config"])
    refuse(config.pop("seed", None) is not None)
    return str(initializer["class_name"]), config


class CombinatorStream(MatrixStream):
    """The stream with the initializers of the page."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.factors: tuple[float, ...] = ()  # Those of Scaled around what is made now, the innermost first.

    def canonical(self, name: str, seed: int, weight: Weight, dtype: str, **config: object) -> bytes:
        makers = {
            "Scaled": self.scaled,
            "Masked": self.masked,
            "Blocked": self.blocked,
            "FromFunction": self.from_function,
        }
        if name in makers:
            return makers[name](seed, weight, dtype, **config)
        return super().canonical(name, seed, weight, dtype, **config)

    def initialize(
        self,
        name: str,
        seed: int,
        shape: tuple[int, ...],
        dtype: str = "float32",
        layout: str = "...IO",
        **config: object,
    ) -> bytes:
        if name != "Stacked":
            return super().initialize(name, seed, shape, dtype, layout, **config)
        refuse(not shape)
        inner, inner_config = named(config["initializer"])
        return self.layers(
            seed, shape[0], lambda s: self.initialize(inner, s, shape[1:], dtype, layout, **inner_config)
        )

    def made(self, initializer: Initializer, seed: int, weight: Weight, dtype: str) -> bytes:
        name, config = named(initializer)
        return self.canonical(name, seed, weight, dtype, **config)

    # Scaled.

    def scaled(self, seed: int, weight: Weight, dtype: str, initializer: Initializer, factor: float) -> bytes:
        refuse(not (factor >= 0 and math.isfinite(factor)))
        if factor == 0:
            self.made(initializer, seed, weight, dtype)  # It may refuse.
            return self.constant(weight.shape, dtype, 0)
        factors = self.factors if factor == 1 else (factor, *self.factors)
        with self.scaling(factors):
            return self.made(initializer, seed, weight, dtype)

    @contextlib.contextmanager
    def scaling(self, factors: tuple[float, ...]) -> Iterator[None]:
        before, self.factors = self.factors, factors
        try:
            yield
        finally:
            self.factors = before

    def times(self, parameter: float, dtype: str) -> float:
        """A parameter of random numbers: rounded, and multiplied, by each factor."""
        for factor in self.factors:
            parameter = self.resolution(dtype).rn(parameter) * factor
        return parameter

    def uniform(
        self,
        seed: int,
        shape: tuple[int, ...],
        dtype: str = "float32",
        minval: float = 0.0,
        maxval: float = 1.0,
    ) -> bytes:
        if dtype in COMPLEX or minval == maxval:
            return super().uniform(seed, shape, dtype, minval, maxval)
        minval, maxval = self.times(minval, dtype), self.times(maxval, dtype)
        with self.scaling(()):
            return super().uniform(seed, shape, dtype, minval, maxval)

    def normal(
        self,
        seed: int,
        shape: tuple[int, ...],
        dtype: str = "float32",
        mean: float = 0.0,
        stddev: float = 1.0,
    ) -> bytes:
        if dtype in COMPLEX or stddev == 0:
            return super().normal(seed, shape, dtype, mean, stddev)
        mean, stddev = self.times(mean, dtype), self.times(stddev, dtype)
        with self.scaling(()):
            return super().normal(seed, shape, dtype, mean, stddev)

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
        if dtype in COMPLEX or stddev == 0:
            return super().truncated_normal(seed, shape, dtype, lower, upper, mean, stddev)
        mean, stddev = self.times(mean, dtype), self.times(stddev, dtype)
        with self.scaling(()):
            return super().truncated_normal(seed, shape, dtype, lower, upper, mean, stddev)

    def stored_constant(self, value: complex, dtype: str) -> bytes:
        if not self.factors:
            return super().stored_constant(value, dtype)
        if dtype in COMPLEX:
            value = complex(value)
            parts = (value.real, value.imag)
            return b"".join(self.stored_constant(x, COMPLEX[dtype]) for x in parts)
        *inner, factor = self.factors  # The outermost last.
        with self.scaling(tuple(inner)):
            data = self.stored_constant(value, dtype)
        with self.scaling(()):
            return super().stored_constant(loaded(data, dtype) * factor, dtype)

    def orthogonal_kernel(self, seed: int, weight: Weight, dtype: str, gain: float, flatten: str) -> bytes:
        if flatten == "inputs" or not weight.sizes[1]:
            gain = self.times(gain, dtype)
            with self.scaling(()):
                return super().orthogonal_kernel(seed, weight, dtype, gain, flatten)
        return super().orthogonal_kernel(seed, weight, dtype, gain, flatten)

    def convolutional(self, seed: int, weight: Weight, dtype: str, d: int, gain: float = 1.0) -> bytes:
        gain = self.times(gain, dtype)
        with self.scaling(()):
            return super().convolutional(seed, weight, dtype, d, gain)

    def number(self, x: complex, dtype: str) -> bytes:
        for factor in () if isinstance(x, complex) else self.factors:
            x *= factor
        return super().number(x, dtype)

    # Masked.

    def masked(self, seed: int, weight: Weight, dtype: str, initializer: Initializer, mask: object) -> bytes:
        data = self.made(initializer, seed, weight, dtype)
        kept = broadcast(mask, weight.shape)
        width = len(data) // max(1, len(kept))
        elements = (data[width * i : width * (i + 1)] for i in range(len(kept)))
        return b"".join(x if keep else bytes(width) for x, keep in zip(elements, kept, strict=True))

    # Blocked.

    def blocked(
        self,
        seed: int,
        weight: Weight,
        dtype: str,
        initializer: Initializer | list[Initializer],
        count: int | None = None,
        sizes: list[int] | None = None,
        axis: str = "out",
    ) -> bytes:
        role = ROLES[axis]
        refuse(not weight.sizes[role])
        place = sum(len(others) for others in weight.sizes[:role])  # Of the axis in the shape.
        whole = weight.shape[place]
        number = len(sizes or ()) or count or len(initializer)
        if sizes is None:
            refuse(whole % number > 0)
            sizes = [whole // number] * number
        refuse(sum(sizes) != whole)
        if whole == 0:
            return b""
        parts = initializer if isinstance(initializer, list) else [initializer] * number
        refuse(not len(parts) == len(sizes) == number or (count or number) != number)
        key = key_from_seed(seed)
        blocks = [
            self.made(part, seed_of(fold_in(key, i)), block_of(weight, role, place, size), dtype)
            for i, (part, size) in enumerate(zip(parts, sizes, strict=True))
        ]
        outer = math.prod(weight.shape[:place])
        lengths = [len(block) // max(1, outer) for block in blocks]
        return b"".join(
            block[length * i : length * (i + 1)]
            for i in range(outer)
            for block, length in zip(blocks, lengths, strict=True)
        )

    # Stacked.

    def layers(self, seed: int, count: int, layer: Callable[[int], bytes]) -> bytes:
        key = key_from_seed(seed)
        return b"".join(layer(seed_of(fold_in(key, i))) for i in range(count))

    # FromFunction.

    def from_function(
        self,
        seed: int,
        weight: Weight,
        dtype: str,
        function: Callable[[tuple[int, int], tuple[int, ...], str], list[complex]],
    ) -> bytes:
        refuse(dtype in INTEGERS)
        numbers = function(key_from_seed(seed), weight.shape, dtype)
        refuse(len(numbers) != math.prod(weight.shape))
        parts = [part for x in numbers for part in (x.real, x.imag)]
        refuse(any(abs(part) > LARGEST[COMPLEX.get(dtype, dtype)] for part in parts))
        return b"".join(self.number(x, dtype) for x in numbers)


def loaded(data: bytes, dtype: str) -> float:
    """The number of an element."""
    if dtype in INTEGERS:
        return float(int.from_bytes(data, "little", signed=dtype.startswith("int")))
    if dtype in EIGHT:
        mantissa, least, _, _ = EIGHT[dtype]
        exponent, n = divmod(data[0] & 127, 2**mantissa)
        size = (n + 2**mantissa * (exponent > 0)) * 2.0 ** (max(exponent, 1) - 1 + least - mantissa)
        return -size if data[0] & 128 else size
    if dtype == "bfloat16":
        data, dtype = bytes(2) + data, "float32"
    return struct.unpack({"float16": "<e", "float32": "<f", "float64": "<d"}[dtype], data)[0]


def block_of(weight: Weight, role: int, place: int, size: int) -> Weight:
    """The weight of a block."""
    shape = (*weight.shape[:place], size, *weight.shape[place + 1 :])
    sizes = list(weight.sizes)
    sizes[role] = (size, *sizes[role][1:])
    fan_in, fan_out = weight.fans
    whole = weight.shape[place]
    if len(shape) < 2:
        fan_in = fan_out = size
    elif role == ROLES["out"]:
        fan_out = fan_out * size / whole
    elif role == ROLES["in"]:
        fan_in = fan_in * size / whole
    field, inputs, outputs = (math.prod(part) for part in sizes[1:])
    return Weight(shape, weight.has_batch, field, inputs, outputs, (fan_in, fan_out), tuple(sizes))


def broadcast(mask: object, shape: tuple[int, ...]) -> list[bool]:
    """The elements of a mask for a shape: lists, or a shape and its bits in hexadecimal."""
    own: list[int] = []
    if isinstance(mask, dict):
        own, data = list(mask["shape"]), bytes.fromhex(str(mask["bits"]))
        flat = [bool(data[i >> 3] >> (7 - (i & 7)) & 1) for i in range(math.prod(own))]
    else:
        flat = [mask]
        while flat and isinstance(flat[0], list):
            own.append(len(flat[0]))
            flat = [element for row in flat for element in row]
    refuse(len(own) > len(shape))
    own = [1] * (len(shape) - len(own)) + own
    refuse(any(length not in (1, size) for length, size in zip(own, shape, strict=True)))
    strides = [math.prod(own[i + 1 :]) if length > 1 else 0 for i, length in enumerate(own)]
    places = itertools.product(*(range(size) for size in shape))
    return [bool(flat[sum(i * s for i, s in zip(place, strides, strict=True))]) for place in places]
