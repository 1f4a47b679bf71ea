"""Whether arrays are the same to the bit, and if they are not, where and by how much they differ.

The arrays can be of different libraries. Nothing here imports one of these, nor pytest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from unifinit import elements, narrow
from unifinit.errors import ArgumentError, UnifinitError
from unifinit.registry import registry
from unifinit.types import DType, Shape, as_dtype

Words: TypeAlias = npt.NDArray[np.unsignedinteger[Any]]

PIECE = 2**18
"""Words that are compared at a time; even, so that both parts of a complex number are in one piece."""
SHOWN = 3
"""How many differing arrays of a container are told in full."""
PLAIN = (bool, int, str, bytes, type(None), type(...))
"""What can stand beside arrays in a container, and is compared by type and value."""


@dataclass(frozen=True)
class Elements:
    """The elements of an array, apart from its library.

    Attributes
    ----------
    library
        The name of the backend that had the array.
    dtype, shape
        Of the array.
    data
        The elements in row-major order, each little-endian.
    """

    library: str
    dtype: DType
    shape: Shape
    data: bytes

    @property
    def width(self) -> int:
        """Bytes of a word: an element, or a part of a complex one."""
        return self.dtype.bits // (16 if self.dtype.is_complex else 8)

    @property
    def words(self) -> Words:
        """The bits: a word for each element, or two for a complex one."""
        return np.frombuffer(self.data, f"<u{self.width}")

    @property
    def values(self) -> npt.NDArray[Any]:
        """The elements as NumPy reads them; words for what it lacks."""
        return np.frombuffer(self.data, elements.storage(self.dtype))

    def first(self, count: int) -> Elements:
        """So many of the elements, without axes of their own."""
        return Elements(self.library, self.dtype, (count,), self.data[: count * self.dtype.bits // 8])

    def __str__(self) -> str:
        return f"{self.library}, {self.dtype.name}, shape {self.shape}"


def assert_identical(
    actual: Any,
    expected: Any,
    *others: Any,
    names: Sequence[str] | None = None,
    equal_dtype: bool = True,
) -> None:
    """Assert that arrays are the same to the bit, whichever libraries they are of.

    Identical arrays have the same shape, the same dtype, and in row-major order the same bits: NaN equals NaN
    of the same bits, and 0.0 differs from -0.0. How elements lie in memory, and on which device, is not
    compared.

    Parameters
    ----------
    actual, expected, *others
        Arrays of any libraries that unifinit knows, or dicts, lists, tuples and named tuples of such, to any
        depth. Each is compared with ``expected``. Numbers, strings and None in them have to be of the same
        type and equal, floats to the bit.
    names
        What the report calls them, one for each; by default "actual", "expected", "others[0]", ...
    equal_dtype
        Whether dtypes have to be the same. Otherwise those of one kind may differ (integers, floats, complex
        numbers), and the numbers have to be equal, with the sign of zero; all NaN are then alike.

    Raises
    ------
    AssertionError
        If they are not identical. It tells which array of a container it is, how many elements differ, and of
        the first one both values, their bits, and the distance in units of the last place.
    UnsupportedArrayError
        If something is no array that unifinit knows.

    Examples
    --------
    >>> import numpy as np
    >>> from unifinit.testing import assert_identical
    >>> one = {"kernel": np.ones((2, 2)), "bias": np.zeros(2)}
    >>> assert_identical(one, {"kernel": np.ones((2, 2)), "bias": np.zeros(2)})
    >>> assert_identical(np.float32(0.1), np.nextafter(np.float32(0.1), np.float32(1)))
    Traceback (most recent call last):
    AssertionError: actual and expected are not identical: 1 of 1 elements differ (100%)
      actual:   numpy, float32, shape ()
      expected: numpy, float32, shape ()
      the first at index ():
        actual:   0.1         0x3dcccccd
        expected: 0.10000001  0x3dccccce
        differing bits: 0x00000003 (2 of 32), distance: 1 ulp
    """
    __tracebackhide__ = True
    values = (actual, expected, *others)
    if names is None:
        names = ("actual", "expected", *(f"others[{number}]" for number in range(len(others))))
    elif isinstance(names, str) or len(names) != len(values):
        raise ArgumentError(f"names {names!r} do not fit {len(values)} arrays; wanted one name for each")
    for name, value in zip((names[0], *names[2:]), (actual, *others), strict=True):
        if report := difference(value, expected, (name, names[1]), equal_dtype=equal_dtype):
            raise AssertionError(report)


def difference(actual: Any, expected: Any, names: tuple[str, str], *, equal_dtype: bool = True) -> str:
    """What differs between two arrays or containers of arrays, in words; nothing if they are identical."""
    found, compared = [], 0
    for path, one, other in _pairs(actual, expected, ""):
        compared += 1
        where = (names[0] + path, names[1] + path)
        if text := _difference_of_leaves(one, other, where, equal_dtype=equal_dtype):
            found.append((where[0], text))
    shown = [text for _, text in found[:SHOWN]]
    if len(found) > 1:
        shown.insert(0, f"{len(found)} of {compared} parts are not identical:")
    if len(found) > SHOWN:
        shown.append(f"and {', '.join(name for name, _ in found[SHOWN:])}")
    return "\n".join(shown)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The parts of nested containers, each with its path; of empty containers these themselves."""
    inside = _inside(value)
    if not inside:
        yield path, value
    else:
        for step, part in inside.items():
            yield from leaves(part, path + step)


def elements_of(x: Any, path: str = "") -> Elements | None:
    """The elements of an array or a float; None for what can stand beside arrays.

    Raises
    ------
    UnsupportedArrayError
        If it is neither.
    """
    if type(x) in PLAIN or _inside(x) == {}:
        return None
    library = "Python"
    if type(x) in (float, complex):
        x = np.asarray(x)
        backend = registry().of(x)
    else:
        try:
            backend = registry().of(x)
            library = backend.name
        except UnifinitError as error:
            if path:
                error.add_note(f"It is {path}.")
            raise
    info = backend.inspect(x)
    return Elements(library, as_dtype(info.dtype), tuple(info.shape), backend.to_bytes(x))


def describe(one: Elements, other: Elements, names: tuple[str, str], whole: Shape | None = None) -> str:
    """What differs between the elements of two arrays of one shape, in words; nothing if they are identical.

    Parameters
    ----------
    one, other
        Of dtypes of one kind.
    names
        What to call them.
    whole
        The shape of the whole arrays, if these are only the first elements of them.
    """
    if one.dtype == other.dtype and one.data == other.data:
        return ""
    found = _Tally(one, other)
    if not found.count:
        return ""
    size = prod(one.shape)
    whole = one.shape if whole is None else whole
    of = f"{size} elements" if size == prod(whole) else f"the first {size} elements"
    lines = [
        f"{names[0]} and {names[1]} are not identical: {found.count} of {of} differ "
        f"({100 * found.count / size:.3g}%)",
        *_aligned(names, (str(replace(one, shape=whole)), str(replace(other, shape=whole))), "  "),
        *found.lines(names, whole),
    ]
    return "\n".join(lines)


def _inside(value: Any) -> dict[str, Any] | None:
    """The parts of a container, by what one writes to get at them; None if it is none."""
    if isinstance(value, Mapping):
        return {f"[{key!r}]": part for key, part in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {f".{name}": part for name, part in zip(value._fields, value, strict=True)}
    if isinstance(value, (list, tuple)):
        return {f"[{number}]": part for number, part in enumerate(value)}
    return None


class _Mismatch(str):
    """A difference between containers."""

    __slots__ = ()


def _pairs(one: Any, other: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Parts in the same places; where containers do not fit, a ``_Mismatch`` in the place of the first."""
    mine, theirs = _inside(one), _inside(other)
    if mine is None and theirs is None:
        yield path, one, other
    elif mine is None or theirs is None or _kind(one) is not _kind(other):
        yield path, _Mismatch(f"one is a {type(one).__name__}, the other a {type(other).__name__}"), None
    else:
        only = [f"only the first has {path}{step}" for step in mine.keys() - theirs.keys()]
        only += [f"only the second has {path}{step}" for step in theirs.keys() - mine.keys()]
        if only:
            yield path, _Mismatch("; ".join(sorted(only))), None
        for step in mine:
            if step in theirs:
                yield from _pairs(mine[step], theirs[step], path + step)


def _kind(value: Any) -> type:
    return next(kind for kind in (Mapping, list, tuple) if isinstance(value, kind))


def _difference_of_leaves(one: Any, other: Any, names: tuple[str, str], *, equal_dtype: bool) -> str:
    failed = f"{names[0]} and {names[1]} are not identical: "
    if isinstance(one, _Mismatch):
        return failed + one
    mine, theirs = elements_of(one, names[0]), elements_of(other, names[1])
    if mine is None or theirs is None:
        same = mine is theirs and type(one) is type(other) and one == other
        return "" if same else failed + f"{_shown(one, mine)} against {_shown(other, theirs)}"
    fits = mine.dtype == theirs.dtype or (not equal_dtype and _family(mine.dtype) == _family(theirs.dtype))
    wrong = [
        *(["shapes"] if mine.shape != theirs.shape else []),
        *([] if fits else ["dtypes" if equal_dtype else "kinds of dtypes"]),
    ]
    if wrong:
        lines = [
            failed + f"their {' and '.join(wrong)} differ",
            *_aligned(names, (str(mine), str(theirs)), "  "),
        ]
        return "\n".join(lines)
    return describe(mine, theirs, names)


def _shown(value: Any, found: Elements | None) -> str:
    return f"{type(value).__name__} {value!r}" if found is None else f"an array ({found})"


def _family(dtype: DType) -> str:
    return "int" if dtype.kind == "uint" else dtype.kind


def _aligned(names: tuple[str, str], texts: tuple[str, str], indent: str) -> list[str]:
    width = max(map(len, names)) + 1
    return [f"{indent}{name + ':':{width}} {text}" for name, text in zip(names, texts, strict=True)]


class _Tally:
    """How two arrays of the same size differ, counted piece by piece.

    Attributes
    ----------
    count
        How many elements differ.
    first
        The number of the first of them.
    zeros, nans
        How many words differ only in the sign of zero, or are NaN on both sides.
    incomparable
        How many words have no distance, for one of them is NaN.
    largest, where
        The largest distance of two words, and the number of the word; None if there is none.
    """

    def __init__(self, one: Elements, other: Elements) -> None:
        self.one, self.other = one, other
        self.count = self.differing = self.zeros = self.nans = self.incomparable = 0
        self.first = -1
        self.largest: int | None = None
        self.where = 0
        self.per_element = 2 if one.dtype.is_complex else 1
        size = prod(one.shape) * self.per_element
        for start in range(0, size, PIECE):
            self._add(start, slice(start, min(start + PIECE, size)))

    def _add(self, start: int, piece: slice) -> None:
        mine, theirs = self.one.words[piece], self.other.words[piece]
        same_dtype = self.one.dtype == self.other.dtype
        if same_dtype:
            differ = mine != theirs
        else:
            differ = _unequal(_numbers(mine, self.one.dtype), _numbers(theirs, self.other.dtype))
        places = np.flatnonzero(differ)
        if not places.size:
            return
        if self.first < 0:
            self.first = (start + int(places[0])) // self.per_element
        self.count += np.unique(places // self.per_element).size
        self.differing += places.size
        mine, theirs = mine[places], theirs[places]
        if self.one.dtype.kind in ("float", "complex"):
            x, y = _numbers(mine, self.one.dtype), _numbers(theirs, self.other.dtype)
            self.zeros += int(np.count_nonzero((x == 0) & (y == 0)))
            self.nans += int(np.count_nonzero(np.isnan(x) & np.isnan(y)))
            comparable = ~(np.isnan(x) | np.isnan(y))
            self.incomparable += int(np.count_nonzero(~comparable))
            places, mine, theirs = places[comparable], mine[comparable], theirs[comparable]
        if same_dtype and places.size and self.one.dtype.kind != "bool":
            distances = distance(mine, theirs, self.one.dtype)
            at = int(np.argmax(distances))
            if self.largest is None or int(distances[at]) > self.largest:
                self.largest, self.where = int(distances[at]), start + int(places[at])

    def lines(self, names: tuple[str, str], shape: Shape) -> list[str]:
        """What a report tells after its head."""
        one, other = (_element(x, self.first) for x in (self.one, self.other))
        values = _value(one), _value(other)
        width = max(map(len, values))
        texts = tuple(f"{value:{width}}  {_bits(x)}" for value, x in zip(values, (one, other), strict=True))
        lines = [
            f"  the first at index {_index(self.first, shape)}:",
            *_aligned(names, (texts[0], texts[1]), "    "),
        ]
        if one.dtype == other.dtype:
            lines += _parts(one, other)
        if self.count > 1 and self.largest:
            at, part = divmod(self.where, self.per_element)
            which = f", {('real', 'imaginary')[part]} part" if self.per_element == 2 else ""
            unit = _units(self.largest, self.one.dtype)
            lines.append(f"  the largest distance: {unit}, at index {_index(at, shape)}{which}")
        lines += self._remarks()
        return lines

    def _remarks(self) -> list[str]:
        numbers = "parts of numbers" if self.per_element == 2 else "elements"
        remarks = []
        for count, what in ((self.zeros, "the sign of zero"), (self.nans, "the bits of NaN")):
            if count == self.differing:
                remarks.append(f"  they differ only in {what}")
            elif count:
                remarks.append(f"  {count} of the {self.differing} {numbers} differ only in {what}")
        if self.one.dtype == self.other.dtype and self.incomparable > self.nans:
            remarks.append(f"  {self.incomparable - self.nans} {numbers} are NaN on one side only")
        return remarks


def distance(one: Words, other: Words, dtype: DType) -> npt.NDArray[np.uint64]:
    """How many steps lie between two numbers: from each to the next that the dtype has.

    For floats these are units in the last place, and 0.0 and -0.0 are one number; for integers it is the
    difference. Words of NaN have no meaning here.
    """
    x, y = one.astype(np.uint64), other.astype(np.uint64)
    sign = np.uint64(1 << (8 * one.itemsize - 1))
    if dtype.kind in ("float", "complex"):
        size_x, size_y = x & ~sign, y & ~sign
        apart = np.maximum(size_x, size_y) - np.minimum(size_x, size_y)
        return np.where((x ^ y) & sign, size_x + size_y, apart)
    if dtype.kind == "int":
        x, y = x ^ sign, y ^ sign  # In the order of the numbers.
    difference: npt.NDArray[np.uint64] = np.maximum(x, y) - np.minimum(x, y)
    return difference


def _numbers(words: Words, dtype: DType) -> npt.NDArray[Any]:
    """The numbers that words are, exactly: integers as they are, floats as float64."""
    part = dtype.part
    if part.is_narrow:
        numbers: npt.NDArray[Any] = narrow.decode(words, part.name)
    else:
        numbers = words.view(elements.storage(part))
    if not part.is_floating:
        return numbers
    with np.errstate(invalid="ignore"):  # Signalling NaN are values too.
        return numbers.astype(np.float64)


def _unequal(x: npt.NDArray[Any], y: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    differ: npt.NDArray[np.bool_] = x != y
    if x.dtype.kind != "f":
        return differ
    differ |= np.signbit(x) != np.signbit(y)
    differ &= ~(np.isnan(x) & np.isnan(y))
    return differ


def _element(x: Elements, number: int) -> Elements:
    size = x.dtype.bits // 8
    return Elements(x.library, x.dtype, (), x.data[number * size : (number + 1) * size])


def _value(x: Elements) -> str:
    """An element so that reading it in its dtype gives the same value."""
    value = x.values
    if x.dtype.is_narrow:
        value = narrow.decode(value, x.dtype.name)
    return str(value[0])


def _bits(x: Elements) -> str:
    return " ".join(f"0x{int(word):0{2 * x.width}x}" for word in x.words)


def _parts(one: Elements, other: Elements) -> list[str]:
    """The bits in which two elements differ, and how far they are apart, for each part of complex ones."""
    lines = []
    for number, (x, y) in enumerate(zip(one.words, other.words, strict=True)):
        if x == y:
            continue
        flipped = int(x) ^ int(y)
        part = f"{('real', 'imaginary')[number]} part: " if one.dtype.is_complex else ""
        text = f"    {part}differing bits: 0x{flipped:0{2 * one.width}x} "
        text += f"({flipped.bit_count()} of {8 * one.width})"
        pair = np.array([x, y])
        if one.dtype.kind in ("float", "complex") and np.isnan(_numbers(pair, one.dtype)).any():
            text += ", distance: not comparable"
        elif one.dtype.kind != "bool":
            text += f", distance: {_units(int(distance(pair[:1], pair[1:], one.dtype)[0]), one.dtype)}"
        lines.append(text)
    return lines


def _units(steps: int, dtype: DType) -> str:
    if dtype.kind not in ("float", "complex"):
        return str(steps)
    return f"{steps} ulp" if steps == 1 else f"{steps} ulps"


def _index(number: int, shape: Shape) -> tuple[int, ...]:
    return tuple(map(int, np.unravel_index(number, shape))) if shape else ()
