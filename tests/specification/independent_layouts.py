"""Layouts and fans, written from the page ``docs/specification.md`` alone."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import NamedTuple


class RefusedError(ValueError):
    """The page says that these arguments are an error."""


def refuse(condition: bool) -> None:
    if condition:
        raise RefusedError


class Weight(NamedTuple):
    """What a layout makes of a shape."""

    shape: tuple[int, ...]  # In canonical order.
    has_batch: bool
    field: int
    inputs: int
    outputs: int
    fans: tuple[float, float]
    sizes: tuple[tuple[int, ...], ...]  # Of batch, spatial, input and output axes.

    @classmethod
    def of(cls, layout: str, shape: tuple[int, ...]) -> tuple[Weight, tuple[int, ...]]:
        """The weight, and for each canonical axis its place in the layout."""
        kind, groups, strides, order = split_layout(layout)
        rank, size = len(shape), math.prod(shape)
        if "..." in order and "->" not in order and rank < 2:
            return cls(shape, False, 1, 1, size, (size, size), ((), (), (), shape)), tuple(range(rank))
        roles = roles_of(order, rank)
        axes = tuple(place for role in roles for place in role)
        field, inputs, outputs = (math.prod(shape[place] for place in role) for role in roles[1:])
        spatial = len(roles[1])
        refuse(kind in ("conv", "conv_transpose", "depthwise") and not spatial)
        refuse(kind in ("dense", "embedding") and spatial > 0)
        refuse(len(strides) not in (1, spatial))
        s = math.prod(strides * spatial if len(strides) == 1 else strides)
        refuse((inputs if kind == "conv_transpose" else outputs) % groups > 0)
        fans = {
            "conv_transpose": (Fraction(inputs * field, groups * s), outputs * field),
            "depthwise": (field, Fraction(outputs * field, s)),
            "embedding": (1, outputs),
        }.get(kind, (inputs * field, Fraction(outputs * field, groups * s)))
        exact = tuple(int(fan) if fan == int(fan) else float(fan) for fan in fans)
        canonical = tuple(shape[place] for place in axes)
        sizes = tuple(tuple(shape[place] for place in role) for role in roles)
        return cls(canonical, bool(roles[0]), field, inputs, outputs, exact, sizes), axes


def split_layout(layout: str) -> tuple[str, int, list[int], str]:
    """Kind, groups, strides, and what names the axes."""
    if "->" in layout or layout.startswith(("in=", "out=", "batch=")):
        return "", 1, [1], layout.replace(" ", "") if "->" in layout else layout
    head, options, tail = re.fullmatch(r"([a-z_]*)(?:\((.*)\))? ?(.*)", layout).groups()
    found = dict(re.findall(r"(groups|stride)=([\d,]*\d)", options or ""))
    strides = [int(number) for number in found.get("stride", "1").split(",")]
    kind = "conv" if head == "grouped" else head
    return kind, int(found.get("groups", 1)), strides, tail or "...IO"


def roles_of(order: str, rank: int) -> tuple[list[int], ...]:
    """The places of batch, spatial, input and output axes."""
    if "->" in order:
        before, weight, after = re.split(",|->", order)
        refuse(len(weight) != rank)
        batch, inputs, outputs = (
            [place for place, letter in enumerate(weight) if (letter in before, letter in after) == role]
            for role in ((True, True), (True, False), (False, True))
        )
        refuse(len(batch) + len(inputs) + len(outputs) != rank)
        return batch, [], inputs, outputs
    if "=" in order:
        named = {
            name: [int(n) % rank for n in numbers.split(",")]
            for name, numbers in (part.split("=") for part in order.split())
        }
        batch, inputs, outputs = (named.get(name, []) for name in ("batch", "in", "out"))
        used = [*batch, *inputs, *outputs]
        refuse(len(set(used)) != len(used))
        return batch, [place for place in range(rank) if place not in used], inputs, outputs
    head, dots, tail = order.partition("...")
    unnamed = [f"spatial {i:02}" for i in range(rank - len(head) - len(tail))] if dots else []
    letters = [*head, *unnamed, *tail]
    refuse(len(letters) != rank or len(set(letters)) != rank)
    refuse(bool(dots) and not set(head + tail) <= set("GIO"))
    spatial = unnamed or [letter for letter in "DHW" if letter in letters]
    batch = ["G"] if "G" in letters else []
    refuse(sorted([*batch, *spatial, "I", "O"]) != sorted(letters))
    return tuple([letters.index(letter) for letter in role] for role in (batch, spatial, ["I"], ["O"]))


def permuted(data: bytes, canonical: tuple[int, ...], axes: tuple[int, ...]) -> bytes:
    """A canonical array with its axes brought to the places that ``axes`` tells."""
    size = math.prod(canonical)
    if size == 0:
        return b""
    width = len(data) // size
    shape = [0] * len(axes)
    strides = [0] * len(axes)
    for canonical_axis, place in enumerate(axes):
        shape[place] = canonical[canonical_axis]
        strides[place] = math.prod(canonical[canonical_axis + 1 :])
    positions = [0]
    for length, stride in zip(shape, strides, strict=True):
        positions = [position + i * stride for position in positions for i in range(length)]
    return b"".join(data[width * position : width * (position + 1)] for position in positions)
