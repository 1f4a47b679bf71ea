"""Strategies of hypothesis for hyperparameters, from how these are declared.

Whoever declares a hyperparameter gets tests for free: no value that its constraint forbids may pass, and
every value that it allows has to. Needs the package hypothesis.
"""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

from unifinit.initializers.hyperparameters import (
    Boolean,
    Choice,
    Hyperparameter,
    Real,
    Several,
    Whole,
)

FOREIGN = (object(), object, b"1", {1, 2}, {"a": 1}, "", "no such word", ...)
"""What no hyperparameter of a kind below is."""


def invalid(declared: Hyperparameter) -> st.SearchStrategy[Any]:
    """Values that a declaration forbids."""
    foreign = st.sampled_from(FOREIGN if declared.optional or _has_none(declared) else (*FOREIGN, None))
    if isinstance(declared, Real):
        return st.one_of(foreign, st.sampled_from(["1", [1.0], 1j, 10**400]), _outside(declared))
    if isinstance(declared, Whole):
        below, above = st.integers(max_value=declared.least - 1), st.integers(min_value=declared.most + 1)
        return st.one_of(foreign, below, above, st.floats(), st.booleans())
    if isinstance(declared, Boolean):
        return st.one_of(foreign, st.integers(), st.floats())
    if isinstance(declared, Choice):
        words = st.text().filter(lambda text: text not in declared.options)
        return st.one_of(foreign, words, st.integers())
    if isinstance(declared, Several):
        element = invalid(declared.element)
        short = (
            st.lists(valid(declared.element), max_size=declared.least - 1) if declared.least else st.nothing()
        )
        spoiled = st.tuples(st.lists(valid(declared.element), max_size=3), element).map(
            lambda pair: [*pair[0], pair[1]]
        )
        return st.one_of(foreign, spoiled, short)
    return st.sampled_from([object(), {1, 2}, b"\xff", ...])


def valid(declared: Hyperparameter) -> st.SearchStrategy[Any]:
    """Values that a declaration allows; nothing for a kind of somebody else's."""
    found = _valid(declared)
    return st.one_of(st.none(), found) if declared.optional else found


def _valid(declared: Hyperparameter) -> st.SearchStrategy[Any]:
    if isinstance(declared, Real):
        low, high = max(declared.least, declared.above), min(declared.most, declared.below)
        return st.floats(
            None if math.isinf(low) else low,
            None if math.isinf(high) else high,
            allow_nan=False,
            allow_infinity=False,
            exclude_min=not math.isinf(low) and low == declared.above,
            exclude_max=not math.isinf(high) and high == declared.below,
        )
    if isinstance(declared, Whole):
        return st.integers(declared.least, declared.most)
    if isinstance(declared, Boolean):
        return st.booleans()
    if isinstance(declared, Choice):
        return st.sampled_from(declared.options)
    if isinstance(declared, Several):
        return st.lists(valid(declared.element), min_size=declared.least, max_size=declared.least + 3)
    return st.nothing()


def _has_none(declared: Hyperparameter) -> bool:
    return isinstance(declared, Real) and declared.none is not None


def _outside(declared: Real) -> st.SearchStrategy[float]:
    parts = [st.sampled_from([math.nan, math.inf, -math.inf])]
    if math.isfinite(declared.least):
        parts.append(st.floats(max_value=declared.least, exclude_max=True))
    if math.isfinite(declared.above):
        parts.append(st.floats(max_value=declared.above))
    if math.isfinite(declared.most):
        parts.append(st.floats(min_value=declared.most, exclude_min=True))
    if math.isfinite(declared.below):
        parts.append(st.floats(min_value=declared.below))
    return st.one_of(parts)
