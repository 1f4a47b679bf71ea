"""Layers along a leading axis."""

from __future__ import annotations

from typing import Any

from unifinit.content import Content
from unifinit.contents import Blocks, Masked
from unifinit.errors import ShapeError
from unifinit.initializers.base import from_identifier
from unifinit.initializers.combinators.wrapper import Composite, unseeded
from unifinit.initializers.hyperparameters import checked
from unifinit.layout import Layout
from unifinit.plan import Plan
from unifinit.types import DType, Shape
from unifinit.weight import Weight


class Stacked(Composite):
    """A leading axis of layers, each initialised as an array of its own.

    Parameters
    ----------
    initializer : Initializer, str or mapping
        That of a layer.
    seed : int or Key, optional
        Used by calls that give none. Layer number i has the key ``seed / i``.

    Raises
    ------
    ArgumentError
        If the initializer has a seed of its own.
    ShapeError
        In a call, for a shape without axes.

    Notes
    -----
    The first axis of the shape counts the layers; the layout is that of the others. Layer number i is what
    the initializer gives for ``shape[1:]`` with the seed ``seed / i``, so a network whose layers are scanned
    (``jax.lax.scan``) starts like the one in which they are written out.

    Examples
    --------
    >>> import unifinit as ui
    >>> layers = ui.Stacked(ui.HeNormal(), seed=0)((12, 64, 32), layout="OI")
    >>> bool((layers[3] == ui.HeNormal(seed=ui.Key(0) / 3)((64, 32), layout="OI")).all())
    True
    """

    is_outermost = True
    summary = "a leading axis of layers, each an array of its own"
    formula = "x_i with the key seed / i"
    source = "Layers that are scanned, as flax.linen.scan has them"

    initializer: Any = checked(
        lambda value, name: unseeded(from_identifier(value, name), name),
        "an initializer, its name or its configuration",
    )

    def weight(self, shape: Shape, *, layout: Layout) -> Weight:
        """That of a layer."""
        if not shape:
            raise ShapeError("shape () has no axes; Stacked wants a leading one that counts the layers")
        return self.initializer.weight(shape[1:], layout=layout)  # type: ignore[no-any-return]

    def content(self, weight: Weight, dtype: DType) -> Content:
        """The content of a layer."""
        content: Content = self.initializer.checked_content(weight, dtype)
        return content

    def _plan(self, shape: Shape, dtype: DType, layout: Layout) -> Plan:
        self.weight(shape, layout=layout)
        layer = self.initializer._plan(shape[1:], dtype, layout)
        axes = None if layer.axes is None else (0, *(axis + 1 for axis in layer.axes))
        layers = Blocks((shifted(layer.content),) * shape[0], (1,) * shape[0], 0)
        return Plan((shape[0], *layer.shape), dtype, layers, axes)


def shifted(content: Content) -> Content:
    """A content for a shape that has one more axis of size 1 in front."""
    if isinstance(content, Blocks):
        return Blocks(tuple(map(shifted, content.contents)), content.sizes, content.axis + 1, content.keys)
    if isinstance(content, Masked):
        return Masked(shifted(content.content), content.mask, content.kept)
    return content
