"""Threefry-2x32 with 20 rounds, the block function of the stream.

From Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC'11); the same
function as in Random123 and JAX. Written once for two kinds of words: Python integers, for keys, and
arrays of int32, for elements.
"""

from __future__ import annotations

from typing import Any, TypeAlias

Word: TypeAlias = Any
"""A Python int in the range of the arithmetic's words, or an int32 array that holds the bits."""
Pair: TypeAlias = tuple[Word, Word]

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA
MASK = 0xFFFFFFFF


def signed(word: int) -> int:
    """The int32 that has the bits of a uint32."""
    word &= MASK
    return word - (word >> 31 << 32)


class IntWords:
    """Arithmetic modulo 2**32 on Python integers."""

    def add(self, a: Word, b: Word) -> Word:
        """The sum."""
        return (a + b) & MASK

    def xor(self, a: Word, b: Word) -> Word:
        """The exclusive or."""
        return (a ^ b) & MASK

    def mix(self, a: Word, b: Word, count: int) -> Pair:
        """A round: the sum, and the second word rotated left by ``count`` and combined with the sum."""
        a = (a + b) & MASK
        return a, (b << count & MASK | b >> 32 - count) ^ a


class ArrayWords(IntWords):
    """The same on int32 arrays of one namespace, where a Python int stands for all elements.

    Signed, because PyTorch has neither addition nor shifts of uint32; sums wrap around in every
    library, and a right shift, which repeats the sign, is masked.
    """

    def __init__(self, xp: Any) -> None:
        self.xp = xp

    def add(self, a: Word, b: Word) -> Word:
        """The sum."""
        if isinstance(a, int) and isinstance(b, int):
            return signed(a + b)
        return self.xp.add(b, a) if isinstance(a, int) else self.xp.add(a, b)

    def xor(self, a: Word, b: Word) -> Word:
        """The exclusive or."""
        if isinstance(a, int) and isinstance(b, int):
            return signed(a ^ b)
        return self.xp.bitwise_xor(b, a) if isinstance(a, int) else self.xp.bitwise_xor(a, b)

    def mix(self, a: Word, b: Word, count: int) -> Pair:
        """A round: the sum, and the second word rotated left by ``count`` and combined with the sum."""
        xp = self.xp
        a = self.add(a, b)
        below = xp.bitwise_and(xp.bitwise_right_shift(b, 32 - count), (1 << count) - 1)
        return a, self.xor(xp.bitwise_or(xp.bitwise_left_shift(b, count), below), a)


def threefry2x32(words: IntWords, key: Pair, counter: Pair) -> Pair:
    """The block that Threefry-2x32-20 gives for a key and a counter.

    Parameters
    ----------
    words
        The arithmetic that suits ``key`` and ``counter``.
    key, counter
        Two words each; with ``ArrayWords`` any of the four may be a Python int in the int32 range.

    Returns
    -------
    tuple
        Two words.
    """
    schedule = (key[0], key[1], words.xor(words.xor(key[0], key[1]), PARITY))
    first = words.add(counter[0], schedule[0])
    second = words.add(counter[1], schedule[1])
    for group in range(5):
        for count in ROTATIONS[group % 2]:
            first, second = words.mix(first, second, count)
        first = words.add(first, schedule[(group + 1) % 3])
        second = words.add(second, words.add(schedule[(group + 2) % 3], group + 1))
    return first, second
