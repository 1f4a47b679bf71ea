"""What is measured: an initializer, a shape and a dtype, and how large and how long a run is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import unifinit as ui

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""

Shape = tuple[int, ...]

DRAWN: tuple[ui.Initializer, ...] = (
    ui.GlorotUniform(seed=0),
    ui.RandomNormal(seed=0),
    ui.TruncatedNormal(seed=0),
)
"""One for each way of drawing: uniform, normal, truncated normal."""

INITIALIZERS: tuple[ui.Initializer, ...] = (
    ui.Zeros(),
    ui.Ones(),
    ui.Constant(0.1),
    ui.RandomUniform(seed=0),
    ui.RandomNormal(seed=0),
    ui.TruncatedNormal(seed=0),
    ui.VarianceScaling(seed=0),
    ui.GlorotUniform(seed=0),
    ui.GlorotNormal(seed=0),
    ui.HeUniform(seed=0),
    ui.HeNormal(seed=0),
    ui.LecunUniform(seed=0),
    ui.LecunNormal(seed=0),
    ui.UniformUnitScaling(seed=0),
    ui.Orthogonal(seed=0),
)
"""All of them."""

FLOATS = ("float16", "bfloat16", "float32", "float64")
OTHERS = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


@dataclass(frozen=True)
class Case:
    """An initializer, a shape and a dtype."""

    initializer: ui.Initializer
    shape: Shape
    dtype: str = "float32"

    @property
    def name(self) -> str:
        """The class of the initializer."""
        return type(self.initializer).__name__

    @property
    def elements(self) -> int:
        """How many."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Of the result."""
        return self.elements * (2 if self.dtype == "bfloat16" else np.dtype(self.dtype).itemsize)

    def __str__(self) -> str:
        return f"{self.name} {'x'.join(map(str, self.shape))} {self.dtype}"


@dataclass(frozen=True)
class Effort:
    """For how long a contender is measured.

    Attributes
    ----------
    least, most
        Rounds, whatever they take, and at most.
    budget
        Seconds after which a contender with enough rounds is done.
    warm_up
        Seconds of calls before the first round.
    """

    least: int
    most: int
    budget: float
    warm_up: float


@dataclass(frozen=True)
class Scale:
    """The sizes of a run.

    Attributes
    ----------
    large, small, orthogonal, traced, initializers, dtypes
        Shapes: of the targets for large and small arrays, for Orthogonal and inside ``jax.jit``; and of the
        tables over all initializers and dtypes.
    parameters, interpreters
        How many parameters the model has, and how many interpreters are started.
    sizes, linear
        Exponents of 2, even, of the numbers of elements.
    thorough, brief
        Efforts, for the targets and for the tables.
    slowest
        Seconds that a call may take; a contender is not asked for sizes at which it would be slower.
    sparing
        Whether tables have every other row only, and memory is measured for as few cases as show that it
        works, each of which needs a process of its own.
    """

    large: Shape
    small: Shape
    orthogonal: Shape
    traced: Shape
    initializers: Shape
    dtypes: Shape
    parameters: int
    interpreters: int
    sizes: tuple[int, ...]
    linear: tuple[int, ...]
    thorough: Effort
    brief: Effort
    slowest: float
    sparing: bool


FULL = Scale(
    large=(4096, 4096),
    small=(64, 64),
    orthogonal=(2048, 2048),
    traced=(2048, 2048),
    initializers=(1024, 1024),
    dtypes=(1024, 1024),
    parameters=2000,
    interpreters=21,
    sizes=tuple(range(4, 29, 2)),
    linear=tuple(range(20, 31, 2)),
    thorough=Effort(least=5, most=51, budget=2.0, warm_up=0.2),
    brief=Effort(least=3, most=11, budget=0.25, warm_up=0.05),
    slowest=10.0,
    sparing=False,
)

QUICK = Scale(
    large=(256, 256),
    small=(16, 16),
    orthogonal=(64, 64),
    traced=(64, 64),
    initializers=(32, 32),
    dtypes=(32, 32),
    parameters=20,
    interpreters=2,
    sizes=(4, 8, 12),
    linear=(10, 12),
    thorough=Effort(least=2, most=3, budget=0.01, warm_up=0.0),
    brief=Effort(least=2, most=2, budget=0.01, warm_up=0.0),
    slowest=1.0,
    sparing=True,
)
"""Every path of the code in well under a minute; the times mean nothing."""


def square(exponent: int) -> Shape:
    """The shape of a square matrix of 2**exponent elements."""
    side: int = 2 ** (exponent // 2)
    return side, side
