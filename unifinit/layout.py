"""Layouts: what the axes of a weight are to its layer, and in which order an array stores them.

The canonical order is ``(batch..., spatial..., in..., out...)``; without batch axes it is that of
TensorFlow, Keras and JAX. An array in another layout is the transposed canonical one, so a convolution's
``"OIHW"`` kernel for PyTorch computes the same function as its ``"HWIO"`` kernel for Keras.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from unifinit import layout_text
from unifinit.errors import LayoutError
from unifinit.layout_text import DEFAULT_LETTERS, Parsed, as_integers
from unifinit.types import Shape
from unifinit.values import Value
from unifinit.weight import Fans, Weight


class Roles(NamedTuple):
    """The numbers of axes, by what they are to the layer."""

    batch: tuple[int, ...]
    spatial: tuple[int, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class Layout(Value):
    """What the axes of a weight are, and their order.

    Parameters
    ----------
    text : str, optional
        One of these; by default ``"...IO"``, unless axes are numbered.

        - A letter for each axis: "I" input, "O" output, the spatial axes "D", "H" and "W" (depth, height,
          width), and "G" for a batch axis, along which there are independent weights; as in ``"OIHW"``.
          ``"..."`` stands for any number of spatial axes in that order, as in ``"OI..."``, which suits every
          dense and convolution weight of PyTorch.
        - A kind of layer with its options, and letters, ``"...IO"`` if there are none: ``"depthwise HWIO"``,
          ``"conv(groups=4, stride=2) OIHW"``, ``"embedding"``.
        - An einsum whose second operand is the weight: ``"abc,cde->abde"``.
        - Numbers of axes: ``"in=0 out=1,2 batch=3"``; the others are spatial. They may stand for the letters
          behind a kind.
    kind : {"dense", "conv", "conv_transpose", "depthwise", "grouped", "embedding"}, optional
        The layer, as far as it decides the fans; by default a dense layer or a convolution, whichever the
        axes are. "grouped" is another name for "conv".
    groups : int
        Groups of a convolution. The input axis of a convolution, and the output axis of a transposed one, is
        that of one group, as PyTorch, Keras and JAX store it.
    stride : int or sequence of int
        Stride of a convolution: one for all spatial axes, or one for each.
    in_axes, out_axes, batch_axes : int or sequence of int, optional
        Numbers of axes instead of letters, negative ones from the end; the others are spatial. An empty
        sequence says that there are none, so that the fan is the product of the spatial axes.

    Attributes
    ----------
    text
        All of it, as a text that gives an equal layout.

    Raises
    ------
    LayoutError
        If it is malformed.

    Notes
    -----
    The fans are those of the layer's own matrix. With r the product of the spatial axes, s that of the
    strides, g the groups, and I and O the input and output axes as stored:

    ==============  =============  =============
    kind            fan_in         fan_out
    ==============  =============  =============
    dense           I              O
    conv            I r            O r / (g s)
    conv_transpose  I r / (g s)    O r
    depthwise       r              O r / s
    embedding       1              O
    einsum          contracted     new axes
    ==============  =============  =============

    In a depthwise convolution I is the number of channels and O that of outputs for each. The input of an
    embedding is one of I tokens, so a unit "sums" one number. Batch axes do not count. With fewer than two
    axes, a vector of n elements has both fans n, a scalar both 1, as in TensorFlow.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.HeNormal().describe((3, 3, 32, 2), layout="depthwise HWIO").fans
    Fans(fan_in=9, fan_out=18)
    >>> ui.HeNormal().describe((64, 8, 3, 3), layout=ui.Layout("OIHW", groups=4)).fans
    Fans(fan_in=72, fan_out=144)
    >>> ui.HeNormal().describe((64, 4, 16), layout="abc,cde->abde").fans
    Fans(fan_in=64, fan_out=64)
    """

    text: str
    _parsed: Parsed

    parts = ("text",)

    def __init__(
        self,
        text: str | None = None,
        *,
        kind: str | None = None,
        groups: int = 1,
        stride: int | Iterable[int] = 1,
        in_axes: int | Iterable[int] | None = None,
        out_axes: int | Iterable[int] | None = None,
        batch_axes: int | Iterable[int] | None = None,
    ) -> None:
        names = {"in_axes": in_axes, "out_axes": out_axes, "batch_axes": batch_axes}
        axes = {name: as_integers(given, name) for name, given in names.items() if given is not None}
        if axes and text is not None:
            raise LayoutError(f"layout {text!r} comes with {', '.join(axes)}; wanted one or the other")
        if axes:
            parsed = layout_text.numbered(*(axes.get(name) for name in names))
        else:
            parsed = layout_text.parse(DEFAULT_LETTERS if text is None else text)
        stride = as_integers(stride, "stride") if isinstance(stride, Iterable) else stride
        plain = as_integers(groups, "groups") == as_integers(stride, "stride") == (1,)
        if kind is not None or not plain:
            if parsed.kind is not None:
                raise LayoutError(f"layout {text!r} has a kind; wanted it without kind, groups and stride")
            parsed = layout_text.with_layer(parsed, kind, groups, stride)
        vars(self).update(text=layout_text.to_text(parsed), _parsed=parsed)

    def __reduce__(self) -> tuple[object, ...]:
        return Layout, (self.text,)

    def roles(self, rank: int) -> Roles | None:
        """Which axes have which role; None for fewer than two axes, which have no order.

        Parameters
        ----------
        rank
            Number of axes of the array. Below two the layout is ignored if it has ``"..."``.

        Raises
        ------
        LayoutError
            If the layout is for another rank.
        """
        return _by_letters(self, rank) if self._parsed.letters else _by_numbers(self, rank)

    def canonical_axes(self, rank: int) -> tuple[int, ...]:
        """For each axis in canonical order, its place in this layout."""
        roles = self.roles(rank)
        return tuple(range(rank)) if roles is None else tuple(axis for role in roles for axis in role)

    def weight(self, shape: Shape) -> Weight:
        """The weight that an array of this layout and a shape is.

        Raises
        ------
        LayoutError
            If the layout does not fit the shape.
        """
        return _weight(self, shape)

    def canonical_shape(self, shape: Shape) -> Shape:
        """The shape that an array of this layout has in canonical order."""
        return self.weight(shape).shape

    def from_canonical(self, rank: int) -> tuple[int, ...] | None:
        """The permutation of axes from canonical order to this layout; None if there is none to do."""
        return _from_canonical(self, rank)


@lru_cache(4096)
def _weight(layout: Layout, shape: Shape) -> Weight:
    roles = layout.roles(len(shape))
    if roles is None:
        size = math.prod(shape)
        return Weight((), (), (), shape, Fans(size, size))
    batch, spatial, inputs, outputs = (tuple(shape[axis] for axis in axes) for axes in roles)
    fans = _fans(layout, shape, spatial, math.prod(inputs), math.prod(outputs))
    return Weight(batch, spatial, inputs, outputs, fans)


@lru_cache(1024)
def _from_canonical(layout: Layout, rank: int) -> tuple[int, ...] | None:
    axes = layout.canonical_axes(rank)
    inverse = tuple(sorted(range(rank), key=axes.__getitem__))
    return None if inverse == tuple(range(rank)) else inverse


def _fans(layout: Layout, shape: Shape, spatial: Shape, inputs: int, outputs: int) -> Fans:
    parsed = layout._parsed
    kind, groups, stride = parsed.kind, parsed.groups, parsed.stride
    if kind in ("dense", "embedding") and spatial:
        raise LayoutError(
            f"layout {layout.text!r} has no spatial axes, but shape {shape} has {len(spatial)} of them; "
            "wanted a convolution, or a shape without them"
        )
    if kind in ("conv", "conv_transpose", "depthwise") and not spatial:
        raise LayoutError(f"layout {layout.text!r} wants a spatial axis, but shape {shape} has none")
    if len(stride) not in (1, len(spatial)):
        raise LayoutError(
            f"layout {layout.text!r} has {len(stride)} strides, but shape {shape} has {len(spatial)} "
            "spatial axes; wanted one for each, or one for all"
        )
    field = math.prod(spatial)
    step = math.prod(stride) if len(stride) > 1 else stride[0] ** len(spatial)
    whole, what = (inputs, "inputs") if kind == "conv_transpose" else (outputs, "outputs")
    if whole % groups:
        raise LayoutError(
            f"layout {layout.text!r} has {groups} groups, but shape {shape} has {whole} {what}; "
            "wanted a multiple of the groups"
        )
    if kind == "embedding":
        return Fans(1, outputs)
    if kind == "depthwise":
        return Fans(field, _quotient(outputs * field, step))
    if kind == "conv_transpose":
        return Fans(_quotient(inputs * field, groups * step), outputs * field)
    return Fans(inputs * field, _quotient(outputs * field, groups * step))


def _quotient(count: int, parts: int) -> float:
    """The quotient, an integer if it is one."""
    return count // parts if count % parts == 0 else count / parts


def _by_letters(layout: Layout, rank: int) -> Roles | None:
    letters = layout._parsed.letters
    any_rank = "..." in letters
    if any_rank and rank < 2:
        return None
    named = len(letters.replace("...", ""))
    if rank < named or (rank > named and not any_rank):
        raise LayoutError(
            f"layout {layout.text!r} is for {'at least ' if any_rank else ''}{named} axes, but the shape has "
            f"{rank}; wanted a letter for each axis, or '...' for the spatial ones"
        )
    # The spatial axes behind '...' get letters that sort behind one another.
    letters = letters.replace("...", "".join(chr(ord("a") + i) for i in range(rank - named)))
    spatial = sorted(set(letters) - set("GIO"))
    batch = (letters.index("G"),) if "G" in letters else ()
    return Roles(batch, tuple(map(letters.index, spatial)), (letters.index("I"),), (letters.index("O"),))


def _by_numbers(layout: Layout, rank: int) -> Roles:
    parsed = layout._parsed
    if parsed.rank is not None and rank != parsed.rank:
        raise LayoutError(
            f"layout {layout.text!r} is for {parsed.rank} axes, but the shape has {rank}; "
            "wanted a letter for each axis of the weight"
        )
    numbers = (parsed.batch, parsed.inputs, parsed.outputs)
    for axis in (axis for axes in numbers for axis in axes):
        if not -rank <= axis < rank:
            raise LayoutError(
                f"layout {layout.text!r} has axis {axis}, but the shape has {rank} axes; "
                f"wanted numbers from {-rank} to {rank - 1}"
            )
    batch, inputs, outputs = (tuple(axis % rank for axis in axes) for axes in numbers)
    used = (*batch, *inputs, *outputs)
    if len(set(used)) != len(used):
        raise LayoutError(
            f"layout {layout.text!r} names an axis twice in a shape of {rank} axes; wanted one role for each"
        )
    return Roles(batch, tuple(axis for axis in range(rank) if axis not in used), inputs, outputs)


CANONICAL = Layout()


@lru_cache(256)
def _from_text(text: str) -> Layout:
    return Layout(text)


def as_layout(layout: str | Layout | None) -> Layout:
    """A layout from its text; None is the canonical one."""
    if layout is None:
        return CANONICAL
    if isinstance(layout, Layout):
        return layout
    return _from_text(layout) if isinstance(layout, str) else Layout(layout)
