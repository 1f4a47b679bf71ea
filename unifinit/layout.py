"""Layouts: in which order an array stores the input, output and spatial axes of a weight.

The canonical order is ``(spatial..., in, out)``, that of TensorFlow, Keras and JAX. An array in another
layout is the transposed canonical one, so a convolution's ``"OIHW"`` kernel for PyTorch computes the
same function as its ``"HWIO"`` kernel for Keras.
"""

from __future__ import annotations

from unifinit.errors import LayoutError
from unifinit.types import Shape
from unifinit.values import Value

SPATIAL = "DHW"


class Layout(Value):
    """The order of a weight's axes.

    Attributes
    ----------
    text
        A letter for each axis: "I" input, "O" output, and the spatial axes "D", "H" and "W" (depth,
        height, width), as in ``"OIHW"``. ``"..."`` stands for any number of spatial axes in that
        order, as in ``"OI..."``, which suits every dense and convolution weight of PyTorch.

    Raises
    ------
    LayoutError
        If a letter is unknown, missing or repeated.
    """

    text: str

    parts = ("text",)

    def __init__(self, text: str = "...IO") -> None:
        letters = text.replace("...", "") if isinstance(text, str) else "?"
        spatial = [letter for letter in letters if letter not in "IO"]
        malformed = (
            sorted(letters) != sorted(set(letters) | set("IO"))
            or any(letter not in SPATIAL for letter in spatial)
            or ("..." in text and (spatial or text.count("...") > 1))
        )
        if malformed:
            raise LayoutError(
                f"layout {text!r} is malformed: wanted I and O once each with either '...' or some of "
                "D, H and W, as in 'IO', 'OI', 'HWIO', 'OIHW' or 'OI...'"
            )
        vars(self).update(text=text)

    def canonical_axes(self, rank: int) -> tuple[int, ...]:
        """For each axis in canonical order, its place in this layout.

        Parameters
        ----------
        rank
            Number of axes of the array. Below two there is nothing to order: the layout is ignored
            if it has ``"..."``.

        Raises
        ------
        LayoutError
            If the layout is for another rank.
        """
        any_rank = "..." in self.text
        if any_rank and rank < 2:
            return tuple(range(rank))
        if not any_rank and rank != len(self.text):
            raise LayoutError(
                f"layout {self.text!r} is for {len(self.text)} axes, but the shape has {rank}; "
                "wanted a letter for each axis, or '...' for the spatial ones"
            )
        # The spatial axes behind '...' get letters that sort behind one another.
        spare = "".join(chr(ord("a") + i) for i in range(rank - 2))
        letters = self.text.replace("...", spare)
        order = [*sorted(set(letters) - set("IO")), "I", "O"]
        return tuple(letters.index(letter) for letter in order)

    def canonical_shape(self, shape: Shape) -> Shape:
        """The shape that an array of this layout has in canonical order."""
        return tuple(shape[axis] for axis in self.canonical_axes(len(shape)))

    def from_canonical(self, rank: int) -> tuple[int, ...] | None:
        """The permutation of axes from canonical order to this layout; None if there is none to do."""
        axes = self.canonical_axes(rank)
        inverse = tuple(sorted(range(rank), key=axes.__getitem__))
        return None if inverse == tuple(range(rank)) else inverse


CANONICAL = Layout()


def as_layout(layout: str | Layout | None) -> Layout:
    """A layout from its text; None is the canonical one."""
    if layout is None:
        return CANONICAL
    return layout if isinstance(layout, Layout) else Layout(layout)
