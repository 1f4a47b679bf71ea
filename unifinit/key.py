"""Keys: the immutable seeds of the stream, and how to derive independent ones."""

from __future__ import annotations

import operator
import os
from typing import Any, SupportsIndex, TypeAlias, final

from unifinit.errors import SeedError
from unifinit.stream.threefry import MASK, ArrayWords, IntWords, Pair, signed, threefry2x32

_WORDS = IntWords()


@final
class Key:
    """A key of the stream: 64 bits, held as two 32-bit words.

    Equal keys give equal values, whatever the framework, the device and the process. Derive a key for
    each parameter instead of choosing seeds by hand: ``Key(0) / "encoder" / 3 / "kernel"``.

    Parameters
    ----------
    seed
        An integer, ``0 <= seed < 2**64``. The upper half becomes the first word, the lower half
        the second. JAX's ``jax.random.key(seed)`` is the same for ``seed < 2**32``, and for all with
        64-bit mode on.

    Raises
    ------
    SeedError
        If the seed is no integer in that range; booleans and floats are refused too.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.Key(42).fold_in(7)
    Key(0x97d0552f51bf719f)
    >>> ui.Key(0) / "conv1" == ui.Key(0) / "conv1"
    True
    """

    __slots__ = ("_words",)
    _words: tuple[int, int]

    def __init__(self, seed: SupportsIndex) -> None:
        number = _integer(seed, 64, "seed")
        object.__setattr__(self, "_words", (number >> 32, number & MASK))

    @property
    def words(self) -> tuple[int, int]:
        """The two 32-bit words, most significant first."""
        return self._words

    @property
    def seed(self) -> int:
        """The integer from which ``Key`` makes this very key."""
        return self._words[0] << 32 | self._words[1]

    def fold_in(self, data: SupportsIndex) -> Key:
        """A key derived from this one and an integer, as ``jax.random.fold_in`` derives it.

        Parameters
        ----------
        data
            An integer, ``0 <= data < 2**32``.

        Raises
        ------
        SeedError
            If ``data`` is no integer in that range.
        """
        block = threefry2x32(_WORDS, self._words, (0, _integer(data, 32, "data")))
        return Key(block[0] << 32 | block[1])

    def split(self, num: SupportsIndex = 2) -> tuple[Key, ...]:
        """Several keys derived from this one, as ``jax.random.split`` derives them.

        With JAX's partitionable Threefry, key number ``i`` equals ``fold_in(i)``.

        Parameters
        ----------
        num
            How many, ``0 <= num < 2**32``.

        Raises
        ------
        SeedError
            If ``num`` is no integer in that range.
        """
        return tuple(self.fold_in(i) for i in range(_integer(num, 32, "num")))

    def __truediv__(self, name: str | SupportsIndex) -> Key:
        """A key derived from a name or an integer.

        A string is hashed: the first eight bytes of the SHA-256 of its UTF-8 encoding, as two
        big-endian 32-bit words, are folded in one after the other. An integer is folded in directly.

        Raises
        ------
        SeedError
            If ``name`` is neither a string that UTF-8 can encode nor an integer from 0 to 2**32 - 1.
        """
        if isinstance(name, str):
            high, low = _hashed(name)
            return self.fold_in(high).fold_in(low)
        return self.fold_in(name)

    def __eq__(self, other: object) -> bool:
        return self._words == other._words if isinstance(other, Key) else NotImplemented

    def __hash__(self) -> int:
        return hash((Key, self._words))

    def __repr__(self) -> str:
        return f"Key({self.seed})" if self.seed < 2**32 else f"Key({self.seed:#018x})"

    def __reduce__(self) -> tuple[type[Key], tuple[int]]:
        return Key, (self.seed,)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(
            f"cannot set {name!r}: keys are immutable; derive another with key.fold_in(...) or key / name"
        )

    def __delattr__(self, name: str) -> None:
        self.__setattr__(name, None)


class TracedKey:
    """A key whose words a framework only knows later, when what it records is run.

    Parameters
    ----------
    xp
        The framework's Array API namespace.
    first, second
        The words: int32 arrays without axes that hold the bits, most significant word first.
    source
        The array of which they are made, for whoever looks at its values when it runs; None if there is none.
    """

    __slots__ = ("source", "words", "xp")

    def __init__(self, xp: Any, first: Any, second: Any, *, source: Any = None) -> None:
        self.xp = xp
        self.words: Pair = (first, second)
        self.source = source

    def fold_in(self, data: SupportsIndex) -> TracedKey:
        """As ``Key.fold_in``."""
        counter = (0, signed(_integer(data, 32, "data")))
        return TracedKey(self.xp, *threefry2x32(ArrayWords(self.xp), self.words, counter))

    def split(self, num: SupportsIndex = 2) -> tuple[TracedKey, ...]:
        """As ``Key.split``."""
        return tuple(self.fold_in(i) for i in range(_integer(num, 32, "num")))

    def __truediv__(self, name: str | SupportsIndex) -> TracedKey:
        """As ``Key / name``."""
        if isinstance(name, str):
            high, low = _hashed(name)
            return self.fold_in(high).fold_in(low)
        return self.fold_in(name)

    def __repr__(self) -> str:
        return f"TracedKey{self.words}"


AnyKey: TypeAlias = Key | TracedKey


def key_of_words(first: SupportsIndex, second: SupportsIndex) -> Key:
    """The key of two words, most significant first; negative ones are int32 that hold the bits."""
    return Key((operator.index(first) & MASK) << 32 | operator.index(second) & MASK)


def as_key(seed: SupportsIndex | Key | None) -> Key:
    """A key from a seed: an integer, a ``Key``, or None for fresh entropy from the system.

    Raises
    ------
    SeedError
        For anything else.
    """
    if seed is None:
        return Key(int.from_bytes(os.urandom(8), "big"))
    return seed if isinstance(seed, Key) else Key(seed)


def _hashed(name: str) -> tuple[int, int]:
    hashed = digest(name)
    return int(hashed[:8], 16), int(hashed[8:16], 16)


def digest(name: str) -> str:
    """The SHA-256 of a name, in hexadecimal."""
    from hashlib import sha256  # Not at the top: it loads OpenSSL.

    try:
        return sha256(name.encode()).hexdigest()
    except UnicodeEncodeError as error:
        raise SeedError(f"name {name!r} has no UTF-8 encoding ({error}); wanted another name") from None


def _integer(value: object, bits: int, what: str) -> int:
    try:
        # bool and numpy.bool are integers to Python, but never meant as one here.
        if type(value).__name__ in ("bool", "bool_"):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        wanted = f"wanted an integer, 0 <= {what} < 2**{bits}"
        raise SeedError(
            f"{what} {value!r} is a {type(value).__name__}; {wanted}"
            + (", or a unifinit.Key" if what == "seed" else "")
        ) from None
    if not 0 <= number < 1 << bits:
        raise SeedError(f"{what} {number} is out of range; wanted 0 <= {what} < 2**{bits}")
    return number
