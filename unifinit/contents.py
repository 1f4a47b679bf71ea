"""The kinds of contents beside distributions, and the functions that make checked ones."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, ClassVar, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from unifinit.content import Content, Moments
from unifinit.distributions import Bits, Normal, TruncatedNormal, Uniform
from unifinit.distributions.parameters import finite, real
from unifinit.distributions.resolution import rounded
from unifinit.errors import ArgumentError, DtypeError
from unifinit.key import AnyKey, Key
from unifinit.types import DType, Shape

HostArray: TypeAlias = npt.NDArray[Any]
Number: TypeAlias = complex
"""A number of any dtype, complex ones included."""


class Engine(Protocol):
    """What computed contents are made with; every engine gives the same bits."""

    def draw(self, content: Content, shape: Shape, dtype: DType, key: Key | None) -> HostArray:
        """An array of NumPy with a content, in row-major order; the dtype is one that NumPy has."""

    def orthonormal_columns(self, a: HostArray) -> npt.NDArray[np.float64]:
        """The Q of ``unifinit.linalg.orthonormal_columns``."""


class Source:
    """An engine and the key of an array: where computed contents get their random numbers."""

    def __init__(self, engine: Engine, key: Key | None) -> None:
        self._engine = engine
        self._key = key
        self.orthonormal_columns = engine.orthonormal_columns

    @property
    def key(self) -> Key:
        """The key.

        Raises
        ------
        ValueError
            If there is none.
        """
        if self._key is None:
            raise ValueError("there is no key to draw with; wanted plan.with_key(key)")
        return self._key

    def draw(self, content: Content, shape: Shape, dtype: DType, *path: str | int) -> HostArray:
        """An array of NumPy with a content, in row-major order.

        Parameters
        ----------
        content, shape, dtype
            What to draw; the dtype is one that NumPy has.
        path
            What is folded into the key, one after the other, as by ``key / part``.

        Raises
        ------
        ValueError
            If there is no key.
        """
        key = self.key if content.needs_key else None
        for part in path:
            key = None if key is None else key / part
        return self._engine.draw(content, shape, dtype, key)


class Fill(Content):
    """The same value everywhere."""

    value: Number

    parts = ("value",)

    def __init__(self, value: Number) -> None:
        vars(self).update(value=value)

    @property
    def needs_key(self) -> bool:
        """Nothing is drawn."""
        return False

    def moments(self) -> Moments:
        """Those of the value."""
        value = self.value
        if isinstance(value, complex):
            return Moments(value.real, 0.0, min(value.real, value.imag), max(value.real, value.imag))
        return Moments(value, 0.0, value, value)

    def scaled(self, factor: float, dtype: DType) -> Fill:
        """The product everywhere."""
        return fill(_product(self.value, factor), dtype)

    def blocks(self, size: int) -> int:
        """None."""
        return 0


class Computed(Content):
    """Elements that are computed on the host, all at once, for a shape of which the content knows enough.

    The order of all operations is part of the specification, and each is exactly defined: additions,
    multiplications, divisions and square roots of float64, and what ``unifinit.numerics`` has.
    """

    checked: ClassVar[bool] = False
    """Whether all numbers are known to fit the dtype."""

    @property
    def is_elementwise(self) -> bool:
        """The host computes all at once."""
        return False

    @abstractmethod
    def compute(self, source: Source, dtype: DType) -> HostArray:
        """The elements in canonical order.

        Parameters
        ----------
        source
            What to draw and to decompose with.
        dtype
            The dtype of the result. Numbers are drawn in ``dtype.compute``.

        Returns
        -------
        ndarray
            Of any shape; numbers wider than the dtype are rounded to ``dtype.compute`` and then to the dtype.
        """

    def scaled(self, factor: float, dtype: DType) -> Computed:
        """The products, rounded once."""
        return ScaledValues(self, factor)


class Fixed(Computed):
    """Computed elements of which none is drawn."""

    @property
    def needs_key(self) -> bool:
        """Nothing is drawn."""
        return False

    @abstractmethod
    def numbers(self) -> HostArray:
        """The elements in canonical order, as float64 or complex128; of any shape."""

    def compute(self, source: Source, dtype: DType) -> HostArray:
        """The elements in canonical order."""
        return self.numbers()

    def moments(self) -> Moments:
        """Those of the elements themselves."""
        numbers = self.numbers()
        if not numbers.size:
            return Moments(0.0, 0.0, 0.0, 0.0)
        with np.errstate(all="ignore"):  # Infinities and NaN are values too.
            ends = numbers.real, numbers.imag if np.iscomplexobj(numbers) else numbers.real
            return Moments(
                float(np.mean(numbers.real)),
                float(np.std(numbers)),
                float(min(map(np.min, ends))),
                float(max(map(np.max, ends))),
            )

    def blocks(self, size: int) -> int:
        """None."""
        return 0


class Values(Fixed):
    """Given values, one for each element in canonical order."""

    values: tuple[Number, ...]

    parts = ("values",)
    checked = True

    def __init__(self, values: tuple[Number, ...]) -> None:
        vars(self).update(values=values)

    def numbers(self) -> HostArray:
        """The values."""
        return np.asarray(self.values, dtype=np.result_type(np.float64, *map(type, self.values)))

    def compute(self, source: Source, dtype: DType) -> HostArray:
        """The values, integers as they are."""
        exact = dtype.compute if dtype.is_floating or dtype.is_complex else dtype
        return np.asarray(self.values, dtype=exact.name)

    def scaled(self, factor: float, dtype: DType) -> Values:
        """The products."""
        return Values(tuple(fitting(_product(value, factor), dtype) for value in self.values))


class Derived(Computed):
    """A computed content that is made from another one and is like it, unless it says otherwise."""

    content: Content

    @property
    def needs_key(self) -> bool:
        """Whether the other content needs one."""
        return self.content.needs_key

    @property
    def label(self) -> str:
        """That of the other content."""
        return self.content.label

    def moments(self) -> Moments:
        """Those of the other content."""
        return self.content.moments()

    def blocks(self, size: int) -> int:
        """Those of the other content."""
        return self.content.blocks(size)


class ScaledValues(Derived):
    """What a computed content has, times a factor."""

    content: Computed
    factor: float

    parts = ("content", "factor")

    def __init__(self, content: Computed, factor: float) -> None:
        vars(self).update(content=content, factor=factor)

    def compute(self, source: Source, dtype: DType) -> HostArray:
        """The products, in at least float64."""
        numbers = self.content.compute(source, dtype)
        return numbers.astype(np.result_type(numbers, np.float64)) * self.factor

    def moments(self) -> Moments:
        """Those of the other content, scaled."""
        return Moments(*(part * self.factor for part in self.content.moments()))


class Transposed(Derived):
    """A computed content of a shape, with its axes in another order."""

    content: Computed
    shape: Shape
    axes: tuple[int, ...]

    parts = ("content", "shape", "axes")

    def __init__(self, content: Computed, shape: Shape, axes: tuple[int, ...]) -> None:
        vars(self).update(content=content, shape=shape, axes=axes)

    def compute(self, source: Source, dtype: DType) -> HostArray:
        """The same elements elsewhere."""
        return self.content.compute(source, dtype).reshape(self.shape).transpose(self.axes)


class OrthogonalMatrix(Computed):
    """A matrix with orthonormal columns or rows, times a gain; unitary if it is complex."""

    gain: float
    rows: int
    columns: int

    parts = ("gain", "rows", "columns")
    checked = True

    def __init__(self, gain: float, rows: int, columns: int) -> None:
        vars(self).update(gain=gain, rows=rows, columns=columns)

    @property
    def sides(self) -> tuple[int, int]:
        """The longer and the shorter side."""
        return max(self.rows, self.columns), min(self.rows, self.columns)

    def drawn(self, dtype: DType) -> Content:
        """The content of the matrix of which this is the Q."""
        return normal(0.0, 1.0, dtype)

    def compute(self, source: Source, dtype: DType) -> HostArray:
        """The Q of a normal matrix with its long side first, transposed back."""
        drawn = source.draw(self.drawn(dtype.compute), self.sides, dtype.compute)
        q = unitary_columns(source, drawn) if dtype.is_complex else source.orthonormal_columns(drawn)
        q = q * self.gain
        return q if len(q) == self.rows else q.T

    def moments(self) -> Moments:
        """Each column, or each row, has norm gain, spread evenly over its elements."""
        gain = abs(self.gain)
        return Moments(0.0, gain / math.sqrt(max(1, self.sides[0])), -gain, gain)

    def scaled(self, factor: float, dtype: DType) -> OrthogonalMatrix:
        """The matrix with the product of the gain."""
        return orthogonal(self.gain * factor, self.rows, self.columns, dtype)

    def blocks(self, size: int) -> int:
        """One for each element of the normal matrix."""
        return size


def unitary_columns(source: Source, a: HostArray) -> HostArray:
    """The Q of a complex matrix, by that of the real one in which [[x, -y], [y, x]] stands for x + iy.

    The decomposition with a positive diagonal of R is unique, so the Q of the real matrix has such blocks
    too.
    """
    rows, columns = a.shape
    wide = np.empty((2 * rows, 2 * columns))
    wide[0::2, 0::2] = wide[1::2, 1::2] = a.real
    wide[1::2, 0::2] = a.imag
    wide[0::2, 1::2] = -a.imag
    q = source.orthonormal_columns(wide)[:, 0::2]
    result = np.empty(a.shape, dtype=np.complex128)
    result.real, result.imag = q[0::2], q[1::2]
    return result


class Complex(Content):
    """Complex numbers: the contents of their real and imaginary parts, which have keys of their own."""

    real: Content
    imag: Content

    parts = ("real", "imag")

    def __init__(self, real: Content, imag: Content) -> None:
        vars(self).update(real=real, imag=imag)

    @property
    def is_elementwise(self) -> bool:
        """Whether both parts are."""
        return self.real.is_elementwise and self.imag.is_elementwise

    @property
    def label(self) -> str:
        """That of the parts."""
        return f"complex {self.real.label}"

    def moments(self) -> Moments:
        """Those of complex numbers, with the total standard deviation."""
        x, y = self.real.moments(), self.imag.moments()
        stddev = math.hypot(x.stddev, y.stddev)
        return Moments(x.mean, stddev, min(x.minimum, y.minimum), max(x.maximum, y.maximum))

    def untruncated_stddev(self) -> float:
        """The total one."""
        return math.hypot(self.real.untruncated_stddev(), self.imag.untruncated_stddev())

    def mean_square(self) -> float:
        """The sum of those of the parts."""
        return self.real.mean_square() + self.imag.mean_square()

    def scaled(self, factor: float, dtype: DType) -> Complex:
        """Both parts scaled."""
        return Complex(self.real.scaled(factor, dtype.part), self.imag.scaled(factor, dtype.part))

    def blocks(self, size: int) -> int:
        """Those of both parts."""
        return self.real.blocks(size) + self.imag.blocks(size)


class Blocks(Content):
    """Contents side by side along an axis; block number i has the key ``key / i``, or one of its own.

    Attributes
    ----------
    contents, sizes
        Of the blocks.
    axis
        The axis, in canonical order.
    keys
        A key for each block that needs one; None if they are derived from that of the whole.
    """

    contents: tuple[Content, ...]
    sizes: tuple[int, ...]
    axis: int
    keys: tuple[AnyKey | None, ...] | None

    parts = ("contents", "sizes", "axis", "keys")

    def __init__(
        self,
        contents: tuple[Content, ...],
        sizes: tuple[int, ...],
        axis: int,
        keys: tuple[AnyKey | None, ...] | None = None,
    ) -> None:
        vars(self).update(contents=contents, sizes=sizes, axis=axis, keys=keys)

    @property
    def needs_key(self) -> bool:
        """Whether one of the blocks needs one that is derived from that of the whole."""
        return self.keys is None and any(content.needs_key for content in dict.fromkeys(self.contents))

    @property
    def is_elementwise(self) -> bool:
        """Whether all blocks are."""
        return all(content.is_elementwise for content in dict.fromkeys(self.contents))

    @property
    def label(self) -> str:
        """How many blocks there are, and of what."""
        kinds = dict.fromkeys(content.label for content in self.contents)
        return f"{len(self.contents)} blocks of {' or '.join(kinds)}"

    def moments(self) -> Moments:
        """Those of an element of a block chosen by its size."""
        return mixed(zip(self.sizes, (content.moments() for content in self.contents), strict=True))

    def scaled(self, factor: float, dtype: DType) -> Blocks:
        """All blocks scaled."""
        return Blocks(tuple(c.scaled(factor, dtype) for c in self.contents), self.sizes, self.axis, self.keys)

    def blocks(self, size: int) -> int:
        """Those of all blocks."""
        total = max(1, sum(self.sizes))
        return sum(c.blocks(size // total * n) for c, n in zip(self.contents, self.sizes, strict=True))


class Masked(Content):
    """A content with zeros where a mask says so.

    Attributes
    ----------
    content
        What the other elements are.
    mask
        A bit for each element in canonical order, the highest of a byte first; 0 for a zero.
    kept
        The fraction of the elements that are kept.
    """

    content: Content
    mask: bytes
    kept: float

    parts: ClassVar[tuple[str, ...]] = ("content", "mask", "kept")

    def __init__(self, content: Content, mask: bytes, kept: float) -> None:
        vars(self).update(content=content, mask=mask, kept=kept)

    @property
    def needs_key(self) -> bool:
        """Whether the other content needs one."""
        return self.content.needs_key

    @property
    def label(self) -> str:
        """That of the other content."""
        return f"masked {self.content.label}"

    @property
    def is_elementwise(self) -> bool:
        """Whether the other content is."""
        return self.content.is_elementwise

    def moments(self) -> Moments:
        """Those of an element that is kept with the probability ``kept``."""
        return mixed([(self.kept, self.content.moments()), (1 - self.kept, Moments(0.0, 0.0, 0.0, 0.0))])

    def scaled(self, factor: float, dtype: DType) -> Masked:
        """The other content scaled."""
        return Masked(self.content.scaled(factor, dtype), self.mask, self.kept)

    def blocks(self, size: int) -> int:
        """Those of the other content: what is masked is drawn too."""
        return self.content.blocks(size)

    def array(self, shape: Shape) -> npt.NDArray[np.bool_]:
        """The mask as an array in canonical order."""
        words = np.frombuffer(self.mask, dtype=np.uint8)
        return np.unpackbits(words, count=math.prod(shape)).astype(np.bool_).reshape(shape)


class WithoutRow(Masked):
    """A content with zeros at one index of an axis, as the row of a table that stands for no token.

    Attributes
    ----------
    content
        What the other elements are.
    axis, row
        The axis in canonical order, and the index along it.
    size
        How long the axis is.
    """

    axis: int
    row: int
    size: int

    parts = ("content", "axis", "row", "size")

    def __init__(self, content: Content, axis: int, row: int, size: int) -> None:
        vars(self).update(content=content, axis=axis, row=row, size=size, kept=1 - 1 / max(1, size))

    def scaled(self, factor: float, dtype: DType) -> WithoutRow:
        """The other content scaled."""
        return WithoutRow(self.content.scaled(factor, dtype), self.axis, self.row, self.size)

    def array(self, shape: Shape) -> npt.NDArray[np.bool_]:
        """The mask as an array in canonical order, which repeats what it holds."""
        kept = np.arange(self.size) != self.row
        return np.broadcast_to(kept.reshape(-1, *(1,) * (len(shape) - 1 - self.axis)), shape)


def mixed(weighted: Iterable[tuple[float, Moments]]) -> Moments:
    """The moments of a mixture, from weights that need not sum to 1."""
    found = [(weight, moments) for weight, moments in weighted if weight]
    if not found:
        return Moments(0.0, 0.0, 0.0, 0.0)
    total = math.fsum(weight for weight, _ in found)
    mean = math.fsum(weight * moments.mean for weight, moments in found) / total
    variance = math.fsum(w * (m.stddev**2 + (m.mean - mean) ** 2) for w, m in found) / total
    minimum, maximum = min(m.minimum for _, m in found), max(m.maximum for _, m in found)
    return Moments(mean, math.sqrt(variance), minimum, maximum)


def fill(value: Number, dtype: DType) -> Fill:
    """The same value everywhere.

    Raises
    ------
    ArgumentError
        If the value does not fit the dtype.
    """
    return Fill(fitting(value, dtype))


def uniform(minval: float, maxval: float, dtype: DType) -> Content:
    """Uniform numbers on [minval, maxval), of complex ones each part; only minval if the two are equal."""
    minval, maxval = finite(minval, "minval"), finite(maxval, "maxval")
    if dtype.is_complex:
        if minval == maxval:
            return fill(complex(minval, minval), dtype)
        part = _uniform(minval, maxval, dtype.part)
        return Complex(part, part)
    return fill(minval, dtype) if minval == maxval else _uniform(minval, maxval, dtype)


def normal(mean: float, stddev: float, dtype: DType) -> Content:
    """Normal numbers, of complex ones each part with half the variance; only the mean if stddev is 0."""
    mean, stddev = finite(mean, "mean"), finite(stddev, "stddev")
    if not stddev:
        return fill(mean, dtype)
    if dtype.is_complex:
        stddev /= math.sqrt(2)
        return Complex(_normal(mean, stddev, dtype.part), _normal(0.0, stddev, dtype.part))
    return _normal(mean, stddev, dtype)


def truncated_normal(lower: float, upper: float, mean: float, stddev: float, dtype: DType) -> Content:
    """Truncated normal numbers, bounds in standard deviations; only the mean if stddev is 0.

    Of complex numbers each part has half the variance, and the bounds in its own standard deviations.
    """
    lower, upper = real(lower, "lower"), real(upper, "upper")
    mean, stddev = finite(mean, "mean"), finite(stddev, "stddev")
    if stddev == 0 and lower < upper:
        return fill(mean, dtype)
    if dtype.is_complex:
        stddev /= math.sqrt(2)
        return Complex(
            _truncated_normal(lower, upper, mean, stddev, dtype.part),
            _truncated_normal(lower, upper, 0.0, stddev, dtype.part),
        )
    return _truncated_normal(lower, upper, mean, stddev, dtype)


def bits(dtype: DType) -> Content:
    """Random bits."""
    return _bits(dtype)


# A model has few distributions and many parameters.
_uniform = lru_cache(Uniform)
_normal = lru_cache(Normal)
_truncated_normal = lru_cache(TruncatedNormal)
_bits = lru_cache(Bits)


def orthogonal(gain: float, rows: int, columns: int, dtype: DType) -> OrthogonalMatrix:
    """A matrix with orthonormal columns or rows, times a gain."""
    fitting(finite(gain, "gain"), dtype)
    return OrthogonalMatrix(rounded(gain, dtype), rows, columns)


def batched(content: Content, batch: Shape, axis: int = 0) -> Content:
    """A content of its own for each place along batch axes, the first of which is ``axis``.

    The one at the place (i, j) has the key ``key / i / j``.
    """
    if not batch:
        return content
    inner = batched(content, batch[1:], axis + 1)
    return Blocks((inner,) * batch[0], (1,) * batch[0], axis)


def masked(content: Content, mask: npt.NDArray[np.bool_]) -> Content:
    """A content with zeros where a mask in canonical order is false."""
    if mask.all():
        return content
    return Masked(content, np.packbits(mask).tobytes(), float(np.mean(mask)))


def fitting(value: Number, dtype: DType) -> Number:
    """A value, if the dtype can hold it: as a rounded number for floats, exactly for integers.

    Infinities and NaN fit every floating dtype that has them.

    Raises
    ------
    ArgumentError
        If it does not fit.
    DtypeError
        If the value is complex, and the dtype is not.
    """
    if dtype.is_complex:
        if isinstance(value, complex):
            return complex(*(_fitting(part, dtype.part) for part in (value.real, value.imag)))
        return _fitting(value, dtype.part)
    if isinstance(value, complex):
        raise DtypeError(
            f"value {value!r} is complex; wanted a real number for dtype {dtype.name}, or a complex dtype"
        )
    return _fitting(value, dtype)


def _fitting(value: float, dtype: DType) -> float:
    if dtype.is_floating:
        if dtype.largest < abs(value):  # Which NaN is not.
            if value in (math.inf, -math.inf) and math.isinf(dtype.round(value)):
                return value
            raise ArgumentError(
                f"value {value!r} does not fit dtype {dtype.name}, whose largest number is "
                f"{dtype.largest:.6g}; wanted a smaller value or a wider dtype"
            )
        return dtype.round(value)
    if not (dtype.smallest <= value <= dtype.largest and value == int(value)):
        raise ArgumentError(
            f"value {value!r} does not fit dtype {dtype.name}; wanted a whole number from "
            f"{dtype.smallest} to {dtype.largest}, or a floating dtype"
        )
    return bool(value) if dtype.kind == "bool" else int(value)


def _product(value: Number, factor: float) -> Number:
    """A number times a factor, complex ones part by part, so that infinities stay where they are."""
    return complex(value.real * factor, value.imag * factor) if isinstance(value, complex) else value * factor
