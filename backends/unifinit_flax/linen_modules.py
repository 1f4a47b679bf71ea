"""Modules of Flax Linen, whose parameters come from their first call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
from flax import linen

from unifinit.backend import (
    LayerTable,
    ModelArray,
    Reading,
    Shape,
    UnsupportedModelError,
    joined,
)
from unifinit_flax.arrays import Told, array_of, component_of, told_below
from unifinit_flax.layers import LAYERS
from unifinit_jax.first_calls import FirstCall, UnmadeModel

PARAMETERS = "params"


class Seen(NamedTuple):
    """A module that has been called.

    Attributes
    ----------
    cls
        Its class.
    roles
        What it tells of its arrays.
    shapes
        The shapes of its own parameters as it sees them: where it is repeated, they have an axis less.
    """

    cls: type
    roles: Mapping[str, Any]
    shapes: Mapping[str, Shape]


class LinenModel(UnmadeModel):
    """A module of Linen whose parameters are known.

    The module's ``init`` runs once with shapes alone, while what each layer is gets written down. The arrays
    of other collections than "params" are those that the module's own ``init`` makes, for the inputs (zeros
    where there is only a shape) and for ``jax.random.key(0)``; it is not run if there are none, and compiled,
    so that it computes no parameters that nothing of these needs.

    Parameters
    ----------
    module
        The module.
    reading
        How it is to be read, with inputs.
    """

    what = "a module of Flax Linen"

    def __init__(self, module: Any, reading: Reading) -> None:
        if reading.inputs is None:
            raise UnsupportedModelError(
                f"a {type(module).__name__} of Flax Linen holds no parameters; wanted ui.init_tree(module, "
                "rules, seed, inputs=(x,)), which returns what module.init(key, x) would, or ui.init_ of its "
                "parameters"
            )
        super().__init__(reading)
        self._layers = LayerTable(LAYERS, reading.layers)
        keys = dict.fromkeys((PARAMETERS, "dropout"), jax.random.key(0))
        self._first_call = FirstCall(partial(module.init, keys), reading.inputs)
        self._seen: dict[tuple[str, ...], Seen] = {}
        with linen.intercept_methods(self._see):
            self._variables = self._first_call.shapes()
        leaves, self._tree = jax.tree_util.tree_flatten_with_path(self._variables.get(PARAMETERS, {}))
        self._values = [value for _, value in leaves]
        self.arrays = [self._array(_names(path), value) for path, value in leaves]

    def _see(self, call: Callable[..., Any], args: Any, kwargs: Any, context: Any) -> Any:
        """Let a method of a module run, and write down what the module is."""
        result = call(*args, **kwargs)
        module = context.module
        if module.scope is not None:
            own = module.variables.get(PARAMETERS, {})
            leaves = {name: linen.unbox(value) for name, value in own.items()}
            shapes = {name: tuple(value.shape) for name, value in leaves.items() if hasattr(value, "shape")}
            before = self._seen.get(tuple(module.path))
            if before is not None:
                # A lifted module is called within itself, where arrays have fewer axes.
                shapes |= {
                    name: min(shape, shapes.get(name, shape), key=len)
                    for name, shape in before.shapes.items()
                }
            self._seen[tuple(module.path)] = Seen(type(module), self._layers.roles(module), shapes)
        return result

    def _array(self, names: tuple[str, ...], value: Any) -> ModelArray:
        owner, told, inner = "", Told(), None
        cls: type | None = None
        for depth in range(len(names)):
            seen = self._seen.get(names[:depth])
            if depth:
                owner = joined(owner, component_of(cls, names[depth - 1]))
                told = told_below(told, names[depth - 1])
            cls = None
            if seen is not None:
                told = {name: (owner, role) for name, role in seen.roles.items()} | told
                cls, inner = seen.cls, seen.shapes.get(names[-1]) if depth == len(names) - 1 else None
        return array_of("/".join(names), names[-1], owner, told.get(names[-1]), value, inner)

    def build(self, values: Sequence[Any]) -> Any:
        """All variables of the module, as its ``init`` returns them."""
        found: Mapping[str, Any] = {}
        if set(self._variables) - {PARAMETERS}:
            found = self._first_call.values(_others)
        made = jax.tree_util.tree_unflatten(self._tree, values)
        if PARAMETERS not in self._variables:
            return type(self._variables)(found)
        both = {name: made if name == PARAMETERS else found[name] for name in self._variables}
        return type(self._variables)(both)


def _others(variables: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in variables.items() if name != PARAMETERS}


def _names(path: tuple[Any, ...]) -> tuple[str, ...]:
    """The names that lead to an array; boxes, such as ``nn.Partitioned``, add none."""
    return tuple(str(key.key) for key in path if isinstance(key, jax.tree_util.DictKey))
