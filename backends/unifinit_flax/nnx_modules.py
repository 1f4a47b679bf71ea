"""Modules of Flax NNX, read and written as whole models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
from flax import nnx

from unifinit.backend import (
    Backend,
    LayerTable,
    ModelArray,
    Plan,
    Reading,
    TargetError,
    UnsupportedModelError,
    joined,
    one_of_ties,
)
from unifinit_flax.arrays import Told, array_of, component_of, told_below
from unifinit_flax.layers import LAYERS

NODES = (nnx.Variable, nnx.Pytree)


class Found(NamedTuple):
    """A parameter, and what it is at one of its places.

    Attributes
    ----------
    keys
        The attributes and indices that lead to it.
    variable
        The ``nnx.Param``.
    array
        What it is.
    """

    keys: tuple[Any, ...]
    variable: Any
    array: ModelArray


class NnxModel:
    """A module of NNX whose parameters are known.

    Parameters
    ----------
    module
        The module, also one whose arrays are only shapes, as ``nnx.eval_shape`` returns it.
    reading
        How it is to be read.
    """

    def __init__(self, module: Any, reading: Reading) -> None:
        self._module, self._device = module, reading.device
        self._backend: Backend = reading.get_backend("jax")
        self._layers = LayerTable(LAYERS, reading.layers)
        places: dict[int, list[Found]] = {}
        self._number: dict[tuple[Any, ...], int] = {}
        for found in self._walk(module, (), "", {}, (module,)):
            places.setdefault(id(found.variable), []).append(found)
        for number, tied in enumerate(places.values()):
            self._number.update(dict.fromkeys((found.keys for found in tied), number))
        self._variables = [tied[0].variable for tied in places.values()]
        self.arrays = [one_of_ties([found.array for found in tied]) for tied in places.values()]

    def _walk(
        self,
        node: Any,
        keys: tuple[Any, ...],
        owner: str,
        told: Told,
        above: tuple[Any, ...],
    ) -> Iterator[Found]:
        """The parameters below a module or a container.

        Parameters
        ----------
        node
            The module or the container.
        keys
            What leads there.
        owner
            Its path.
        told
            What modules above it tell of its arrays.
        above
            The nodes on the way there, this one included.
        """
        own = told
        if isinstance(node, nnx.Module):
            own = {name: (owner, role) for name, role in self._layers.roles(node).items()} | told
        for key, child in _children(node):
            name = str(key)
            if isinstance(child, nnx.Variable):
                if isinstance(child, nnx.Param):
                    yield self._found((*keys, key), child, name, owner, own)
            elif not any(child is one for one in above):
                path = joined(owner, component_of(type(node), name))
                below = told_below(own, name)
                yield from self._walk(child, (*keys, key), path, below, (*above, child))

    def _found(self, keys: tuple[Any, ...], variable: Any, name: str, owner: str, told: Told) -> Found:
        value = variable.get_value()
        shown = "/".join(map(str, keys))
        if not hasattr(value, "shape") or not hasattr(value, "dtype"):
            raise UnsupportedModelError(
                f"{shown} holds a {type(value).__name__}; wanted an array, or the shape and dtype of one"
            )
        return Found(keys, variable, array_of(shown, name, owner, told.get(name), value))

    def write(self, number: int, plan: Plan) -> None:
        """Give a parameter a new array, with the sharding of the old one."""
        self._variables[number].set_value(self.create(number, plan))

    def finish(self) -> None:
        """Nothing is left to do."""

    def create(self, number: int, plan: Plan) -> Any:
        """A new array with the sharding of the old one, or on the device that is wanted."""
        value = self._variables[number].get_value()
        if self._device is not None:
            return self._backend.run(plan, self._backend.device(self._device))
        if isinstance(value, jax.ShapeDtypeStruct):
            return self._backend.run(plan, self._backend.device(value.sharding))
        return self._backend.run(plan, self._backend.inspect(value).device)

    def keep(self, number: int) -> Any:
        """The array of a parameter as it is."""
        value = self._variables[number].get_value()
        if isinstance(value, jax.ShapeDtypeStruct):
            raise TargetError(
                f"{self.arrays[number].name} is a shape, so that there is nothing to keep; wanted a rule "
                "with an initializer"
            )
        return value

    def build(self, values: Sequence[Any]) -> Any:
        """The state of the parameters, as ``nnx.update`` takes it."""
        flat = nnx.to_flat_state(nnx.state(self._module, nnx.Param))
        return nnx.from_flat_state(
            [(keys, variable.replace(values[self._number[keys]])) for keys, variable in flat]
        )


def _children(node: Any) -> Iterator[tuple[Any, Any]]:
    """What is directly in a module or a container and may hold parameters; settings do not."""
    if isinstance(node, nnx.Pytree):
        items: Iterable[tuple[Any, Any]] = nnx.iter_children(node)
    elif isinstance(node, Mapping):
        items = node.items()
    else:
        items = enumerate(node)
    yield from ((key, child) for key, child in items if _holds_nodes(child))


def _holds_nodes(x: Any) -> bool:
    if isinstance(x, NODES):
        return True
    if isinstance(x, Mapping):
        return any(map(_holds_nodes, x.values()))
    return isinstance(x, (list, tuple)) and any(map(_holds_nodes, x))
