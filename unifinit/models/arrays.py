"""The arrays of a model: what each is to its layer, and of which parameters it consists."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Literal, NamedTuple, TypeAlias

from unifinit.errors import LayoutError
from unifinit.layout import Layout, as_layout
from unifinit.models.paths import SEPARATOR, canonical_leaf, joined, parent_of
from unifinit.types import DType, Shape
from unifinit.weight import Weight, share

Axis: TypeAlias = Literal["batch", "in", "out"]

LAYERS = (
    "dense",
    "conv",
    "conv_transpose",
    "depthwise",
    "embedding",
    "attention",
    "lstm",
    "gru",
    "rnn",
    "norm",
    "activation",
)
"""The kinds of layers for which rules can ask."""


class Split(NamedTuple):
    """An axis along which an array holds several parameters, as those of gates.

    Attributes
    ----------
    axis
        The first of the "batch", the "in" or the "out" axes.
    names
        The component that each part adds to the path.
    sizes
        How many indices of the axis each part has; None if all have as many.
    """

    axis: Axis
    names: tuple[str, ...]
    sizes: tuple[int, ...] | None = None


class Role(NamedTuple):
    """What an array is to its layer, as the description of a class of layers tells it.

    Attributes
    ----------
    layer
        The kind of the layer, one of ``LAYERS``; an empty string if nothing is known.
    layout
        The text of the layout.
    leaf
        What the path ends in; an empty string for what the framework's own name says.
    inner
        Components between the path of the layer and the leaf.
    splits
        The axes along which there are several parameters, in the order of their components.
    zero_row
        The index along the first input axis that holds zeros whatever the initializer, as that of padding;
        None if there is none.
    """

    layer: str = ""
    layout: str = "...IO"
    leaf: str = ""
    inner: tuple[str, ...] = ()
    splits: tuple[Split, ...] = ()
    zero_row: int | None = None


class Parameter(NamedTuple):
    """One parameter of a model: an array, or a part of one.

    Attributes
    ----------
    path
        The canonical path.
    name
        What the framework calls the array.
    layer, layout
        The kind of the layer, and what the axes are.
    weight
        The shape in canonical order, with the fans.
    dtype
        Of the elements.
    """

    path: str
    name: str
    layer: str
    layout: Layout
    weight: Weight
    dtype: DType

    @property
    def leaf(self) -> str:
        """What it is to its layer, such as "weight" or "bias"."""
        return self.path.rpartition(SEPARATOR)[2]

    @property
    def parent(self) -> str:
        """The path of its layer."""
        return parent_of(self.path)


class ModelArray(NamedTuple):
    """An array of a model.

    Attributes
    ----------
    name
        What the framework calls it.
    owner
        The canonical path of its layer.
    leaf
        What its paths end in.
    shape, dtype
        Of the array.
    layer, layout, splits, zero_row
        As ``Role`` has them.
    renamed
        The paths of its parameters, where they are not those that follow from all this.
    """

    name: str
    owner: str
    leaf: str
    shape: Shape
    dtype: DType
    layer: str = ""
    layout: Layout = as_layout(None)
    splits: tuple[Split, ...] = ()
    zero_row: int | None = None
    renamed: tuple[str, ...] | None = None

    @classmethod
    def of(cls, role: Role, owner: str, last: str, name: str, shape: Shape, dtype: DType) -> ModelArray:
        """An array with a role.

        Parameters
        ----------
        role
            What it is to its layer.
        owner, last
            The path of the layer, and what the layer calls the array.
        name, shape, dtype
            As the framework has them.
        """
        for component in role.inner:
            owner = joined(owner, component)
        leaf, layout = role.leaf or canonical_leaf(last), as_layout(role.layout)
        return cls(name, owner, leaf, shape, dtype, role.layer, layout, role.splits, role.zero_row)

    def path(self, *inner: str) -> str:
        """The path of the part that has some components."""
        return SEPARATOR.join((*filter(None, (self.owner,)), *inner, self.leaf))

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of all its parameters."""
        if self.renamed is not None:
            return self.renamed
        if not self.splits:
            return (f"{self.owner}/{self.leaf}" if self.owner else self.leaf,)
        return tuple(self.path(*names) for names in product(*(split.names for split in self.splits)))

    def parameters(self, layout: Layout | None = None) -> tuple[Parameter, ...]:
        """Its parameters, in the order of ``paths``; with another layout, if one is given.

        Raises
        ------
        LayoutError
            If the layout does not fit the shape.
        """
        layout = self.layout if layout is None else layout
        try:
            whole = layout.weight(self.shape)
        except LayoutError as error:
            raise LayoutError(f"{self.name}: {error}") from None
        weights = [whole]
        for split in self.splits:
            sizes = sizes_of(split, whole, self.name)
            weights = [share(weight, split.axis, size) for weight in weights for size in sizes]
        return tuple(
            Parameter(path, self.name, self.layer, layout, weight, self.dtype)
            for path, weight in zip(self.paths, weights, strict=True)
        )

    def parameters_or_guess(self) -> tuple[Parameter, ...]:
        """Its parameters, also where its layout does not fit, which a rule is to replace then."""
        try:
            return self.parameters()
        except LayoutError:
            layout = as_layout(None)
            weight = layout.weight(self.shape)
            return tuple(
                Parameter(path, self.name, self.layer, layout, weight, self.dtype) for path in self.paths
            )


def one_of_ties(places: Sequence[ModelArray]) -> ModelArray:
    """Under which of its paths an array goes that a model has at several places.

    That of an embedding, or else the first in alphabetical order: it does not depend on the order of layers.
    """
    return min(places, key=lambda array: (array.layer != "embedding", array.paths))


def sizes_of(split: Split, weight: Weight, name: str) -> tuple[int, ...]:
    """How many indices of the axis each part has.

    Raises
    ------
    LayoutError
        If the parts do not fill the axis.
    """
    role = {"batch": weight.batch, "in": weight.inputs, "out": weight.outputs}[split.axis]
    if not role:
        raise LayoutError(
            f"{name} has no {split.axis} axis along which it could have parts; wanted another layout, or no "
            f"parts {', '.join(split.names)}"
        )
    size, count = role[0], len(split.names)
    sizes = (size // count,) * count if split.sizes is None else split.sizes
    if sum(sizes) != size or len(sizes) != count:
        raise LayoutError(
            f"{name} has {size} indices along its {split.axis} axis; wanted {count} parts that fill it: "
            f"{', '.join(split.names)}"
        )
    return sizes
