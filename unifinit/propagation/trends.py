"""Whether signals explode or vanish, and how quickly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

Verdict = Literal["exploding", "vanishing", "stable", "undefined"]

FACTOR = 10.0
"""By how much a stable mean square may change over the whole depth, at the rate of its second half."""
SIGMAS = 3.0
LAYER_VARIANCE = 5.0
"""Times 1 / width: the variance with which a layer changes the logarithm of a mean square by chance. For ReLU
it is ``(E[relu(z)^4] - E[relu(z)^2]^2) / E[relu(z)^2]^2`` with normal z; bounded functions have less."""


class Trend(NamedTuple):
    """What becomes of a mean square with depth.

    Attributes
    ----------
    verdict
        "exploding", "vanishing" or "stable"; "undefined" if there is nothing to judge by. A mean square is
        stable if its rate, over the whole depth, would change it by less than a factor of 10, or by
        less than three times what the finite width does by chance.
    rate
        The factor per layer, in the direction in which the signal goes: the geometric mean over the second
        half of the layers, where the inputs are forgotten, or of those that did not overflow or vanish.
    """

    verdict: Verdict
    rate: float


def forward_trend(squares: Sequence[float], width: int | None = None) -> Trend:
    """The trend of mean squares of activations, from layer 0; without a width nothing happens by chance."""
    depth = len(squares) - 1
    usable = _usable(squares)
    start = (usable - 1) // 2
    return _trend(squares[start:usable], squares[min(usable, depth)], depth, width)


def backward_trend(squares: Sequence[float], width: int | None = None) -> Trend:
    """The trend of mean squares of gradients, given from layer 0, on the way from the last to the middle."""
    depth = len(squares) - 1
    reverse = squares[depth // 2 :][::-1]
    usable = _usable(reverse)
    return _trend(reverse[:usable], reverse[min(usable, len(reverse) - 1)], depth, width)


def _usable(squares: Sequence[float]) -> int:
    """How many of the first mean squares are positive and finite."""
    return next((i for i, x in enumerate(squares) if not 0 < x < math.inf), len(squares))


def _trend(usable: Sequence[float], following: float, depth: int, width: int | None) -> Trend:
    """The trend of positive mean squares; ``following`` is the one where they end."""
    steps = len(usable) - 1
    if steps < 1:
        if following == 0:
            return Trend("vanishing", 0.0)
        return Trend("exploding", math.inf) if following == math.inf else Trend("undefined", math.nan)
    slope = (math.log(usable[-1]) - math.log(usable[0])) / steps
    chance = 0.0 if width is None else SIGMAS * math.sqrt(LAYER_VARIANCE / (width * steps))
    if abs(slope) <= max(math.log(FACTOR) / depth, chance):
        return Trend("stable", math.exp(slope))
    return Trend("exploding" if slope > 0 else "vanishing", _exp(slope))


def _exp(slope: float) -> float:
    try:
        return math.exp(slope)
    except OverflowError:
        return math.inf
