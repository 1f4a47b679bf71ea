"""Layers that are repeated: their arrays have an axis more, along which there is one for each."""

from __future__ import annotations

import re

from unifinit.backend import Layout, Shape

VECTORS = ("bias", "scale", "slope")
"""Leaves of arrays with one axis, where no layout tells how many there are."""
_KIND = re.compile(r"([a-z_]+(?:\([^)]*\))?) (?=\S)")


def described_rank(layout: Layout, leaf: str) -> int | None:
    """How many axes a layout is for; None if for any number."""
    text = layout.text
    if "->" in text:
        return len(text.partition(",")[2].partition("->")[0])
    if "=" in text.rpartition(")")[2]:
        return len(re.findall(r"\d+", text.rpartition(")")[2]))
    letters = text.rpartition(" ")[2]
    if "..." in letters:
        return 1 if leaf in VECTORS else None
    return len(letters)


def inserted_axis(inner: Shape, shape: Shape) -> int | None:
    """Which axis a shape has beside those of another one, the first that it may be; None if it is none."""
    for axis in range(len(shape)):
        if shape[:axis] + shape[axis + 1 :] == inner:
            return axis
    return None


def lifted(layout: Layout, rank: int, added: tuple[int, ...]) -> Layout:
    """A layout with further axes, along which there are independent weights.

    Parameters
    ----------
    layout
        Without them.
    rank
        Number of axes that it is for.
    added
        Numbers of the axes that the array has beside these.
    """
    places = [axis for axis in range(rank + len(added)) if axis not in added]
    roles = layout.roles(rank)
    batch, inputs, outputs = (
        ((), (), tuple(range(rank))) if roles is None else (roles.batch, roles.inputs, roles.outputs)
    )
    numbers = Layout(
        in_axes=[places[axis] for axis in inputs],
        out_axes=[places[axis] for axis in outputs],
        batch_axes=[*added, *(places[axis] for axis in batch)],
    )
    kind = _KIND.match(layout.text)
    if kind is None or "=" in kind[1].partition("(")[0]:
        return numbers
    return Layout(f"{kind[1]} {numbers.text}")
