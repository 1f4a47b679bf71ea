"""The layers within a layer of Keras, and the components that they add to paths."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import keras

NO_ATTRIBUTES = frozenset(
    {"_layers", "_functional", "_modules", "_tracker", "_operations", "_operations_by_depth"}
)
"""Where Keras keeps layers a second time."""
KEPT_BY_TENSORFLOW = "_self_"
"""How the names of attributes begin in which TensorFlow does so."""
MOST_DEEP = 8
"""Levels of lists and mappings in an attribute; more are one that holds itself."""


class Child(NamedTuple):
    """A layer within another one.

    Attributes
    ----------
    component
        What it adds to the path; an empty string for nothing.
    layer
        The layer.
    """

    component: str
    layer: Any


def children_of(layer: Any) -> list[Child]:
    """The layers directly within a layer, each at all of its places.

    Names that Keras made up count all layers of the process. They say nothing here: the attribute of the
    layer does, or else the layer's number among its siblings of the class.
    """
    if isinstance(layer, keras.layers.Bidirectional):
        return [Child("", layer.forward_layer), Child("reverse", layer.backward_layer)]
    if isinstance(layer, (keras.layers.TimeDistributed, keras.layers.SpectralNormalization)):
        return [Child("", layer.layer)]
    if isinstance(layer, keras.layers.RNN):
        return [Child("", layer.cell)] if isinstance(layer.cell, keras.layers.Layer) else []
    if isinstance(layer, keras.layers.StackedRNNCells):
        # The first one adds nothing, so that it keeps its values when another one is put on top.
        cells = enumerate(layer.cells)
        return [Child(str(n) if n else "", cell) for n, cell in cells if isinstance(cell, keras.layers.Layer)]
    listed = list(layer.layers) if _is_graph(layer) else []
    tracked = {id(child): child for child in (*listed, *layer._layers)}
    places: dict[int, set[str]] = {}
    in_order = {id(child) for child in listed}
    for parts, child in _in_attributes(layer):
        if id(child) in tracked and id(child) not in in_order:
            place = parts if is_made_up(child) else (*parts[:-1], child.name)
            places.setdefault(id(child), set()).add("/".join(place))
    counts: Counter[str] = Counter()
    found = []
    for identity, child in tracked.items():
        if identity not in places:
            places[identity] = {_numbered(child, counts) if is_made_up(child) else child.name}
        found += [Child(component, child) for component in sorted(places[identity])]
    return found


def is_made_up(layer: Any) -> bool:
    """Whether a name is one that Keras makes up for layers of the class."""
    return re.fullmatch(rf"{re.escape(snake_case(type(layer).__name__))}(_\d+)?", layer.name) is not None


def _numbered(layer: Any, counts: Counter[str]) -> str:
    """A name as Keras makes it up, but counted among siblings."""
    name = snake_case(type(layer).__name__)
    counts[name] += 1
    return name if counts[name] == 1 else f"{name}_{counts[name] - 1}"


def snake_case(name: str) -> str:
    """The name of a class as Keras writes it in names of layers."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def attributes_of(layer: Any) -> Iterator[tuple[str, Any]]:
    """The attributes of a layer; on PyTorch, it keeps layers apart from the others."""
    own = vars(layer)
    for name, value in (*own.items(), *own.get("_modules", {}).items()):
        if name not in NO_ATTRIBUTES and not name.startswith(KEPT_BY_TENSORFLOW):
            yield name.lstrip("_") or name, value


def _is_graph(layer: Any) -> bool:
    """Whether it is a Functional or a Sequential model, which know the order of their layers."""
    return isinstance(layer, keras.Sequential) or (
        isinstance(layer, keras.Model) and hasattr(layer, "operations")
    )


def _in_attributes(layer: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in attributes_of(layer):
        yield from _in_value((name,), value)


def _in_value(parts: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, keras.layers.Layer):
        yield parts, value
    elif len(parts) <= MOST_DEEP:
        if isinstance(value, (list, tuple)):
            for number, item in enumerate(value):
                yield from _in_value((*parts, str(number)), item)
        elif isinstance(value, Mapping):
            for key, item in value.items():
                yield from _in_value((*parts, str(key)), item)
