"""The golden digests: what every backend must produce, bit for bit, for ever.

The table ``golden.json`` is written by ``tools/write_golden.py`` and by nothing else. A row that has been
published is never changed within a version of the stream.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files
from math import prod
from typing import Any

from unifinit import random
from unifinit.initializers import Initializer, get
from unifinit.registry import registry
from unifinit.types import Array

FILE = "golden.json"
SMALL = 2**12
"""Elements of the largest example."""


@dataclass(frozen=True)
class Golden:
    """The digest of one array that an initializer makes.

    Attributes
    ----------
    initializer
        Its class name and configuration, as ``unifinit.serialize`` gives them.
    shape, dtype, layout, seed
        The arguments of the call.
    sha256
        Of the elements in row-major order, each little-endian.
    """

    initializer: Mapping[str, Any]
    shape: tuple[int, ...]
    dtype: str
    layout: str
    seed: int
    sha256: str = ""

    def draw(self, backend: Any) -> Array:
        """The array, on a backend."""
        initializer = get(self.initializer)
        assert isinstance(initializer, Initializer)
        return initializer(self.shape, self.dtype, seed=self.seed, layout=self.layout, backend=backend)

    def __str__(self) -> str:
        # As it is shown, so that hyperparameters that are added later change no name.
        shape = _shape(self.shape)
        return f"{get(self.initializer)!r}-{shape}-{self.dtype}-{self.layout}-{self.seed}"


@dataclass(frozen=True)
class GoldenRandom:
    """The digest of one array that a function of ``unifinit.random`` makes.

    Attributes
    ----------
    function, arguments
        The name of the function, and its arguments beyond those below.
    shape, dtype, seed
        The other arguments of the call.
    sha256
        Of the elements in row-major order, each little-endian.
    """

    function: str
    arguments: Mapping[str, Any]
    shape: tuple[int, ...]
    dtype: str
    seed: int
    sha256: str = ""

    def draw(self, backend: Any) -> Array:
        """The array, on a backend."""
        function: Callable[..., Array] = getattr(random, self.function)
        return function(self.seed, self.shape, self.dtype, backend=backend, **self.arguments)

    def __str__(self) -> str:
        return f"{_call(self.function, self.arguments, self.shape)}-{self.dtype}-{self.seed}"


def digest(array: Array) -> str:
    """The SHA-256 of an array of any backend: its elements in row-major order, each little-endian."""
    return hashlib.sha256(registry().of(array).to_bytes(array)).hexdigest()


def load() -> list[Golden]:
    """The committed digests of the initializers."""
    return [Golden(**{**row, "shape": tuple(row["shape"])}) for row in _table()["initializers"]]


def examples(dtype: str = "float32") -> list[Golden]:
    """One row of each initializer class: the first of its configurations, and its largest small shape."""
    rows: dict[str, Golden] = {}
    for row in load():
        if row.dtype == dtype:
            known = rows.setdefault(row.initializer["class_name"], row)
            if row.initializer == known.initializer and prod(known.shape) < prod(row.shape) <= SMALL:
                rows[row.initializer["class_name"]] = row
    return list(rows.values())


def load_random() -> list[GoldenRandom]:
    """The committed digests of ``unifinit.random``."""
    return [GoldenRandom(**{**row, "shape": tuple(row["shape"])}) for row in _table()["random"]]


def to_json(initializers: list[Golden], random: list[GoldenRandom], stream: str) -> str:
    """The text of the table, a row on each line."""

    def rows(goldens: list[Golden] | list[GoldenRandom]) -> str:
        return ",\n".join(f"  {json.dumps(asdict(golden))}" for golden in goldens)

    return (
        f'{{"stream": "{stream}",\n "initializers": [\n{rows(initializers)}\n ],\n'
        f' "random": [\n{rows(random)}\n ]}}\n'
    )


def _call(name: str, arguments: Mapping[str, Any], shape: tuple[int, ...]) -> str:
    inside = ",".join(f"{key}={value}" for key, value in arguments.items())
    return f"{name}({inside})-{_shape(shape)}"


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"


def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(files("unifinit.testing").joinpath(FILE).read_text("utf-8"))
    return table
