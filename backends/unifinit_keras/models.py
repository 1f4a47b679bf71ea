"""Models of Keras, read and written as whole models."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import keras

from unifinit.backend import (
    Backend,
    BackendUnavailableError,
    LayerTable,
    ModelArray,
    Plan,
    Reading,
    Role,
    TargetError,
    UnsupportedModelError,
    as_dtype,
    joined,
    make_path,
    one_of_ties,
    role_of,
)
from unifinit_keras.children import attributes_of, children_of
from unifinit_keras.layers import LAYERS

BACKENDS = ("tensorflow", "jax", "torch")
"""The backends of Keras whose arrays unifinit has a backend for, under the same name."""


class Found(NamedTuple):
    """A variable, and what it is at one of its places."""

    variable: Any
    array: ModelArray


class KerasReader:
    """Reads models and layers of Keras."""

    def open(self, target: Any, reading: Reading) -> KerasModel | None:
        """A model or layer; None for anything else."""
        return KerasModel(target, reading) if isinstance(target, keras.layers.Layer) else None


class KerasModel:
    """A model or layer whose variables are known.

    Parameters
    ----------
    layer
        The model or layer.
    reading
        How it is to be read.

    Raises
    ------
    BackendUnavailableError
        If Keras runs on a library for which unifinit has no backend.
    """

    def __init__(self, layer: Any, reading: Reading) -> None:
        name = keras.backend.backend()
        if name not in BACKENDS:
            raise BackendUnavailableError(
                f"Keras has the backend {name!r} in this process; wanted KERAS_BACKEND to be one of "
                f"{', '.join(BACKENDS)}"
            )
        self._device = reading.device
        self._backend: Backend = reading.get_backend(name)
        self._layers = LayerTable(LAYERS, reading.layers)
        places: dict[int, list[Found]] = {}
        for found in self._walk(layer, "", {}):
            places.setdefault(id(found.variable), []).append(found)
        self._variables = [found[0].variable for found in places.values()]
        self.arrays = [one_of_ties([found.array for found in tied]) for tied in places.values()]

    def _walk(self, layer: Any, owner: str, told: Mapping[str, tuple[str, Role]]) -> Iterator[Found]:
        """The trainable variables of a layer, and of those within it.

        Parameters
        ----------
        layer
            The layer.
        owner
            Its path.
        told
            What layers above it tell of its variables: a path and a role, by names from here.
        """
        children = children_of(layer)
        _require_built(layer, owner, has_children=bool(children))
        own = {name: (owner, role) for name, role in self._layers.roles(layer).items()} | dict(told)
        below: list[Found] = []
        for component, child in children:
            start = f"{component}." if component else ""
            told_below = {
                key.removeprefix(start): role for key, role in own.items() if key.startswith(start) and start
            }
            path = joined(owner, component) if component else owner
            below += self._walk(child, path, told_below)
        # An attribute can hold a variable of a layer within this one, as that of a tied embedding.
        theirs = {id(found.variable) for found in below}
        for name, variable in _own_variables(layer):
            if id(variable) not in theirs:
                yield Found(variable, _array(name, variable, owner, own.get(name)))
        yield from below

    def write(self, number: int, plan: Plan) -> None:
        """Fill a variable in place; on JAX, assign a new array with the sharding of the old one."""
        variable = self._variables[number]
        value = variable.value
        if getattr(value, "is_meta", False):
            raise TargetError(
                "it is on PyTorch's meta device, without memory; wanted the model built on another device"
            )
        if self._backend.is_immutable(value):
            variable.assign(self._backend.run(plan, self._backend.inspect(value).device))
        else:
            self._backend.fill(value, plan)

    def finish(self) -> None:
        """Nothing is left to do."""

    def create(self, number: int, plan: Plan) -> Any:
        """A new array on the device of the variable, or the one that is wanted."""
        if self._device is not None:
            return self._backend.run(plan, self._backend.device(self._device))
        return self._backend.run(plan, self._backend.inspect(self._variables[number].value).device)

    def keep(self, number: int) -> Any:
        """The value of a variable as it is."""
        return self._variables[number].value

    def build(self, values: Sequence[Any]) -> dict[str, Any]:
        """The arrays by the ``path`` of the variables.

        Raises
        ------
        TargetError
            If two variables have one.
        """
        twice = [name for name, count in Counter(array.name for array in self.arrays).items() if count > 1]
        if twice:
            raise TargetError(
                f"two variables of the model have the Keras path {twice[0]!r}; wanted layers with names that "
                "differ, or ui.init_, which needs none"
            )
        return {array.name: value for array, value in zip(self.arrays, values, strict=True)}


def _own_variables(layer: Any) -> Iterator[tuple[str, Any]]:
    """The variables that a layer itself has created as trainable, frozen since or not, with their names.

    Those without a name of their own go by the attribute.
    """
    attributes: dict[int, str] = {}
    for name, value in attributes_of(layer):
        if isinstance(value, keras.Variable):
            attributes.setdefault(id(value), name)
        elif isinstance(value, (list, tuple)):
            for number, item in enumerate(value):
                if isinstance(item, keras.Variable) and not name.endswith("trainable_variables"):
                    attributes.setdefault(id(item), f"{name}/{number}")
    if hasattr(layer, "module") and hasattr(layer.module, "named_parameters"):
        # A module of PyTorch in a layer; the names of its parameters tell what they are.
        found = {id(parameter): name for name, parameter in layer.module.named_parameters()}
        values = {id(variable): id(variable.value) for variable in layer._trainable_variables}
        attributes |= {key: found[value] for key, value in values.items() if value in found}
    count = 0
    # Public lists leave out what is frozen.
    for variable in {id(variable): variable for variable in layer._trainable_variables}.values():
        name = variable.name
        if re.fullmatch(r"variable(_\d+)?", name):
            name = attributes.get(id(variable), "")
        if not name:
            # Keras counts all variables of the process; only those of this layer say something.
            name = f"variable_{count}" if count else "variable"
            count += 1
        yield name, variable


def _require_built(layer: Any, owner: str, *, has_children: bool) -> None:
    inherited = (keras.layers.Layer.build, keras.Model.build)
    is_lazy = type(layer).build not in inherited or (isinstance(layer, keras.Model) and not has_children)
    if not layer.built and is_lazy:
        where = f" at {owner!r}" if owner else ""
        raise UnsupportedModelError(
            f"the {type(layer).__name__} {layer.name!r}{where} has no variables yet; wanted the model after "
            "build(input_shape) or its first call"
        )


def _array(name: str, variable: Any, owner: str, told: tuple[str, Role] | None) -> ModelArray:
    shape = tuple(variable.shape)
    path = make_path(name)
    inner, _, last = path.rpartition("/")
    if told is None:
        above = joined(owner, inner) if inner else owner
        role = role_of(above, last, shape)
    else:
        above, role = told
    return ModelArray.of(role, above, last, variable.path, shape, as_dtype(variable.dtype))
