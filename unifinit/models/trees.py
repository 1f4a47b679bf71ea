"""Nested mappings, sequences and dataclasses of arrays, or of shapes."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from unifinit.dispatch import require_known_key
from unifinit.errors import ShapeError, TargetError, UnsupportedArrayError, UnsupportedModelError
from unifinit.models.arrays import ModelArray, one_of_ties
from unifinit.models.names import described, is_state
from unifinit.models.paths import SEPARATOR
from unifinit.models.reader import Reading
from unifinit.plan import Plan
from unifinit.registry import DEFAULT, registry
from unifinit.types import DTYPES, Array, DType, Shape, as_dtype, as_shape

COLLECTIONS = frozenset({"params", "batch_stats", "cache", "intermediates", "constants", "losses", "state"})
"""What Flax calls the collections of a model's variables; those of "params" are its parameters."""
KEY = "an integer or a ui.Key"
"""The seeds with which all libraries draw."""
MOST_DEEP = 200
"""Levels; more are a tree that holds itself."""


class Leaf(NamedTuple):
    """An array, or the shape of one."""

    keys: tuple[Any, ...]
    names: tuple[str, ...]
    value: Any
    container: Any


class TreeModel:
    """A tree whose arrays are known.

    Parameters
    ----------
    tree
        Nested containers.
    reading
        How it is to be read.
    """

    def __init__(self, tree: Any, reading: Reading) -> None:
        self._tree = tree
        self._reading = reading
        self._has_arrays = any(map(_tells_itself, _nodes(_root(tree))))
        self._leaves: list[Leaf] = []
        self._number: dict[tuple[Any, ...], int] = {}
        self.arrays: list[ModelArray] = []
        ties: dict[int, list[Leaf]] = {}
        for leaf in _leaves_of_parameters(tree, has_arrays=self._has_arrays):
            if leaf.names and is_state(leaf.names[-1]):
                continue
            # Arrays that are never overwritten can be the same by chance.
            ties.setdefault(id(leaf.value) if is_mutable(leaf.value) else id(leaf), []).append(leaf)
        arrays = iter(described(named(leaf) for leaves in ties.values() for leaf in leaves))
        for number, leaves in enumerate(ties.values()):
            self.arrays.append(one_of_ties([next(arrays) for _ in leaves]))
            self._leaves.append(leaves[0])
            self._number.update(dict.fromkeys((leaf.keys for leaf in leaves), number))

    def write(self, number: int, plan: Plan) -> None:
        """Fill an array that can be written to; put a new one in place of another one."""
        leaf = self._leaves[number]
        if is_mutable(leaf.value):
            backend = registry().of(leaf.value)
            require_known_key(plan.key, backend, KEY)
            backend.fill(leaf.value, plan)
            return
        value = self.create(number, plan)
        container: Any = leaf.container
        key: Any = leaf.keys[-1] if leaf.keys else None
        try:
            if isinstance(container, (MutableMapping, list)):
                container[key] = value
            elif _is_dataclass(container):
                setattr(container, key, value)
            else:
                raise TypeError("it has no container" if container is None else "it cannot be changed")
        except (TypeError, AttributeError) as error:
            where = SEPARATOR.join(leaf.names) or "the array"
            raise TargetError(
                f"{where} is a {type(leaf.value).__name__} in a {type(container).__name__}, where nothing "
                f"can be put in its place ({error}); wanted ui.init_tree, which returns a new tree"
            ) from None

    def finish(self) -> None:
        """Nothing is left to do."""

    def create(self, number: int, plan: Plan) -> Array:
        """A new array of the library of the old one."""
        value, reading = self._leaves[number].value, self._reading
        if is_array(value):
            backend = registry().of(value)
            require_known_key(plan.key, backend, KEY)
            place = (
                backend.inspect(value).device if reading.device is None else backend.device(reading.device)
            )
            return backend.run(plan, place)
        own = registry().owner(value) if hasattr(value, "dtype") else None
        if reading.backend is not None:
            backend = registry().resolve(reading.backend)
        else:
            backend = registry().get(DEFAULT) if own is None else own
        require_known_key(plan.key, backend, f"backend= of the key's own library, or {KEY}")
        device = getattr(value, "sharding", None) if reading.device is None else reading.device
        return backend.run(plan, backend.device(device))

    def keep(self, number: int) -> Array:
        """The array as it is."""
        leaf = self._leaves[number]
        if not is_array(leaf.value):
            raise TargetError(
                f"{SEPARATOR.join(leaf.names)} is a shape, so that there is nothing to keep; wanted a rule "
                "with an initializer"
            )
        return leaf.value

    def build(self, values: Sequence[Array]) -> Any:
        """A tree of the same containers."""
        return _rebuilt(
            self._tree,
            (),
            lambda keys, old: values[self._number[keys]] if keys in self._number else old,
            has_arrays=self._has_arrays,
        )


def read_tree(target: Any, reading: Reading) -> TreeModel:
    """A tree of arrays or of shapes.

    Raises
    ------
    UnsupportedModelError
        If it is none.
    """
    if not is_container(target) and not is_leaf(target):
        raise UnsupportedModelError(
            f"a {type(target).__module__}.{type(target).__qualname__} is no model that unifinit knows; "
            "wanted a torch.nn.Module, a Keras model, a module of Flax, or nested mappings, lists or "
            "dataclasses of arrays or shapes"
        )
    return TreeModel(target, reading)


def named(leaf: Leaf) -> tuple[str, Shape, DType]:
    """The name, the shape and the dtype of an array.

    Raises
    ------
    ShapeError, DtypeError
        If there is something wrong with one of them.
    """
    name, value = SEPARATOR.join(leaf.names) or "kernel", leaf.value
    try:
        shape = as_shape(tuple(value.shape) if hasattr(value, "shape") else value)
    except ShapeError as error:
        raise ShapeError(f"{name}: {error}") from None
    return name, shape, as_dtype(value.dtype) if hasattr(value, "dtype") else DTYPES["float32"]


def is_array(x: Any) -> bool:
    """Whether it is an array of a known library."""
    if not _tells_itself(x):
        return False
    try:
        registry().of(x)
    except UnsupportedArrayError:
        return False
    return True


def is_leaf(x: Any, *, has_arrays: bool = False) -> bool:
    """Whether it is an array, or a shape: a tuple of integers, or something with a shape and a dtype.

    In a tree that has arrays, tuples of integers are settings of layers, and empty ones layers without
    parameters.
    """
    if _tells_itself(x):
        return True
    if has_arrays:
        return False
    return isinstance(x, tuple) and all(_is_size(size) for size in x) and not hasattr(x, "_fields")


def _is_size(x: Any) -> bool:
    return isinstance(x, (int, np.integer)) and not isinstance(x, bool)


def is_container(x: Any) -> bool:
    """Whether it holds others."""
    return isinstance(x, (Mapping, list, tuple)) or _is_dataclass(x)


def _is_dataclass(x: Any) -> bool:
    return dataclasses.is_dataclass(x) and not isinstance(x, type)


def is_mutable(x: Any) -> bool:
    """Whether an array is one that is overwritten, rather than replaced."""
    if not is_array(x):
        return False
    return not registry().of(x).is_immutable(x)


def _tells_itself(x: Any) -> bool:
    """Whether it has a shape and a dtype."""
    return hasattr(x, "shape") and hasattr(x, "dtype")


def _is_of_flax(tree: Any) -> bool:
    """Whether it is the root of Flax: its name is none of the path, and other collections are state."""
    return isinstance(tree, Mapping) and "params" in tree and COLLECTIONS.issuperset(tree)


def _root(tree: Any) -> Any:
    """What holds the parameters of a tree."""
    return tree["params"] if _is_of_flax(tree) else tree


def _nodes(tree: Any) -> Iterator[Any]:
    """All that is in a tree, containers once."""
    left, known = [tree], set()
    while left:
        node = left.pop()
        yield node
        if is_container(node) and not _tells_itself(node) and id(node) not in known:
            known.add(id(node))
            left += [child for _, _, child in _children(node)]


def _leaves_of_parameters(tree: Any, *, has_arrays: bool) -> Iterator[Leaf]:
    if _is_of_flax(tree):
        yield from _leaves(tree["params"], ("params",), (), tree, has_arrays=has_arrays)
        return
    yield from _leaves(tree, (), (), None, has_arrays=has_arrays)


def _leaves(
    node: Any, keys: tuple[Any, ...], names: tuple[str, ...], container: Any, *, has_arrays: bool
) -> Iterator[Leaf]:
    if len(keys) > MOST_DEEP:
        raise UnsupportedModelError(
            f"the tree has more than {MOST_DEEP} levels, at {'/'.join(names[:8])}/...; wanted one that "
            "does not hold itself"
        )
    if is_leaf(node, has_arrays=has_arrays):
        yield Leaf(keys, names, node, container)
        return
    if node is None:
        return
    if has_arrays and _is_dataclass(container) and not any(map(_tells_itself, _nodes(node))):
        return  # A setting of a layer, as its strides.
    if not is_container(node):
        if _is_dataclass(container):
            return  # A setting of a layer, as its number of features.
        raise UnsupportedModelError(
            f"{'/'.join(names)} is a {type(node).__name__}; wanted an array, a shape as a tuple of "
            "integers, or a mapping, list or dataclass of them"
        )
    for key, name, child in _children(node):
        yield from _leaves(child, (*keys, key), (*names, name), node, has_arrays=has_arrays)


def _children(node: Any) -> Iterator[tuple[Any, str, Any]]:
    if isinstance(node, Mapping):
        for key, child in node.items():
            if not isinstance(key, (str, int)):
                raise UnsupportedModelError(
                    f"a mapping has the key {key!r}, a {type(key).__name__}; wanted names, or integers"
                )
            yield key, str(key), child
    elif hasattr(node, "_fields"):
        yield from ((number, name, node[number]) for number, name in enumerate(node._fields))
    elif isinstance(node, (list, tuple)):
        yield from ((number, str(number), child) for number, child in enumerate(node))
    else:
        yield from (
            (field.name, field.name, getattr(node, field.name, None)) for field in dataclasses.fields(node)
        )


def _rebuilt(
    node: Any, keys: tuple[Any, ...], value_of: Callable[[tuple[Any, ...], Any], Any], *, has_arrays: bool
) -> Any:
    if is_leaf(node, has_arrays=has_arrays) or not is_container(node):
        return value_of(keys, node)
    children = {
        key: _rebuilt(child, (*keys, key), value_of, has_arrays=has_arrays)
        for key, _, child in _children(node)
    }
    if isinstance(node, MutableMapping):
        fresh = copy.copy(node)
        fresh.update(children)
        return fresh
    if isinstance(node, Mapping):
        return type(node)(children)  # type: ignore[call-arg]  # As mappings that cannot change are made.
    if hasattr(node, "_fields"):
        return type(node)(*children.values())
    if isinstance(node, (list, tuple)):
        return type(node)(children.values())
    fresh = copy.copy(node)
    for name, child in children.items():
        object.__setattr__(fresh, name, child)
    return fresh
