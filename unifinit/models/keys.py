"""The keys of many parameters, derived from their paths all at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from unifinit.key import AnyKey, Key, digest, key_of_words
from unifinit.stream.threefry import ArrayWords, signed, threefry2x32

FEW = 8
"""So many keys are derived one by one just as quickly."""


def keys_of(key: AnyKey, names: Sequence[str]) -> list[AnyKey]:
    """``[key / name for name in names]``, computed on arrays where that is quicker."""
    if len(names) < FEW or not isinstance(key, Key):
        return [key / name for name in names]
    arithmetic = ArrayWords(np)
    digests = [digest(name) for name in names]
    words: tuple[int | npt.NDArray[np.int32], ...] = tuple(map(signed, key.words))
    for half in (slice(0, 8), slice(8, 16)):
        counters = np.array([int(found[half], 16) for found in digests], np.uint32).view(np.int32)
        words = threefry2x32(arithmetic, (words[0], words[1]), (0, counters))
    return [key_of_words(int(first), int(second)) for first, second in zip(*words, strict=True)]
