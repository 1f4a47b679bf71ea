"""Ways to run an initializer, and what is run in each: one case of every class, and of every random function.

The modules ``ways_*.py`` have the ways of a backend: ``WAYS`` by name, and in ``EXCEPTIONS`` why one cannot
be had for a class, or with ``"*"`` for any.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

import unifinit as ui
from unifinit.testing import golden

SEED = 7


class RandomFunction:
    """A function of ``unifinit.random``, which is called as an initializer is, and fills nothing."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(
        self, shape: tuple[int, ...], dtype: str, *, seed: Any, layout: str | None, **options: Any
    ) -> Any:
        """A new array."""
        return getattr(ui.random, self.name)(seed, shape, dtype, **options)

    def shard(self, shape: tuple[int, ...], index: object, dtype: str, **options: Any) -> Any:
        """A part of an array."""
        return self(shape, dtype, index=index, **options)


class Case(NamedTuple):
    """A call of an initializer; its seed is ``SEED``, or a key that is known later and has that value."""

    name: str
    initializer: Any
    shape: tuple[int, ...]
    layout: str | None
    dtype: str

    @property
    def fills(self) -> bool:
        """Whether it can fill an array that is there."""
        return isinstance(self.initializer, ui.Initializer)

    def expected(self) -> bytes:
        """The elements in row-major order, as a call on NumPy gives them."""
        made: bytes = self.initializer(self.shape, self.dtype, seed=SEED, layout=self.layout).tobytes()
        return made


Way: TypeAlias = Callable[[Sequence[Case]], list[bytes | Exception]]
"""Runs all cases, and gives for each the elements in row-major order, or what went wrong."""


def _made(row: golden.Golden) -> ui.Initializer:
    made = ui.get(row.initializer)
    assert isinstance(made, ui.Initializer)
    return made


CASES = [
    Case(row.initializer["class_name"], _made(row), row.shape, row.layout, row.dtype)
    for row in golden.examples()
]


def _from_words(key: ui.Key, shape: tuple[int, ...], _: str) -> npt.NDArray[np.float64]:
    return (np.arange(math.prod(shape)) + key.seed % 11).reshape(shape) / 8


CASES.append(Case("FromFunction", ui.FromFunction(_from_words), (5, 6), "OI", "float32"))
CASES += [
    Case(f"random.{name}", RandomFunction(name), (4, 6), None, "uint32" if name == "bits" else "float32")
    for name in ui.random.__all__
]


def tried(run: Callable[[Case], bytes]) -> Way:
    """The way that runs one case after the other."""

    def way(cases: Sequence[Case]) -> list[bytes | Exception]:
        return [_tried(run, case) for case in cases]

    return way


def _tried(run: Callable[[Case], bytes], case: Case) -> bytes | Exception:
    try:
        return run(case)
    except Exception as error:
        return error
