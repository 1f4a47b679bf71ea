"""Functions that Haiku has transformed, whose parameters come from their first call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import haiku as hk
import jax

from unifinit.backend import (
    LayerTable,
    Layout,
    ModelArray,
    Reading,
    Role,
    Shape,
    UnsupportedModelError,
    as_dtype,
    as_layout,
    canonical_leaf,
    make_path,
    role_of,
)
from unifinit_haiku.layers import LAYERS, shapes_of
from unifinit_jax.first_calls import FirstCall, UnmadeModel
from unifinit_jax.lifting import inserted_axis, lifted

HIDDEN = "~"
"""What Haiku puts into the names of modules that are made in ``__init__``."""

QUESTIONS = frozenset({"__init__", "params_dict", "state_dict"})
"""Methods that make no parameters, and that descriptions of layers may call."""

LIFTING = "LiftingModule"
"""The class of the module within which another function is transformed, as that of ``layer_stack``: modules
there have names as if they were outside, and their parameters maybe an axis less."""


class HaikuReader:
    """Reads what ``hk.transform`` and ``hk.transform_with_state`` return."""

    def open(self, target: Any, reading: Reading) -> HaikuModel | None:
        """A transformed function; None for anything else, such as parameters that are trees."""
        if isinstance(target, (hk.Transformed, hk.TransformedWithState)):
            return HaikuModel(target, reading)
        return None


class HaikuModel(UnmadeModel):
    """A transformed function whose parameters are known.

    Its ``init`` runs once with shapes alone, while what each module is gets written down. State is what the
    function's own ``init`` makes, for the inputs (zeros where there is only a shape) and for
    ``jax.random.key(0)``; it is not run if there is none, and compiled, so that it computes no parameters
    that no state needs.

    Parameters
    ----------
    transformed
        The functions.
    reading
        How they are to be read, with inputs.
    """

    what = "a function of Haiku"

    def __init__(self, transformed: Any, reading: Reading) -> None:
        if reading.inputs is None:
            raise UnsupportedModelError(
                f"a {type(transformed).__name__} of Haiku holds no parameters; wanted "
                "ui.init_tree(transformed, rules, seed, inputs=(x,)), which returns what "
                "transformed.init(key, x) would, or ui.init_ of its parameters"
            )
        super().__init__(reading)
        self._layers = LayerTable(LAYERS, reading.layers)
        self._roles: dict[str, Mapping[str, Role]] = {}
        self._above: tuple[str, ...] = ()
        self._inner: dict[str, Shape] = {}
        self._has_state = isinstance(transformed, hk.TransformedWithState)
        self._first_call = FirstCall(partial(transformed.init, jax.random.key(0)), reading.inputs)
        with hk.intercept_methods(self._see):
            shapes = self._first_call.shapes()
        params, self._state = shapes if self._has_state else (shapes, {})
        self._names = [(module, name) for module, bundle in params.items() for name in bundle]
        self.arrays = [self._array(module, name, params[module][name]) for module, name in self._names]

    def _see(self, call: Callable[..., Any], args: Any, kwargs: Any, context: Any) -> Any:
        """Let a method of a module run, and write down what the module is, once it has its parameters."""
        module = context.module
        if context.method_name in QUESTIONS or not hk.running_init():
            return call(*args, **kwargs)
        name = "/".join((*self._above, module.module_name))
        if type(module).__name__ != LIFTING:
            result = call(*args, **kwargs)
            if self._above:
                self._inner.update(shapes_of(module, name))
        else:
            outside, self._above = self._above, (name,)
            result = call(*args, **kwargs)
            self._above = outside
        self._roles[name] = self._layers.roles(module)
        return result

    def _array(self, module: str, name: str, value: Any) -> ModelArray:
        parts = module.split("/")
        told = None
        for depth in range(1, len(parts) + 1):
            # The outermost module that tells of the array knows the most.
            below = ".".join((*(part for part in parts[depth:] if part != HIDDEN), name))
            role = self._roles.get("/".join(parts[:depth]), {}).get(below)
            if role is not None:
                told = make_path("/".join(parts[:depth])), role
                break
        shape = tuple(value.shape)
        above = make_path(module)
        if told is None:
            role = role_of(above, name, shape)
        else:
            above, role = told
        leaf = role.leaf or canonical_leaf(name)
        layout = as_layout(role.layout)
        inner = self._inner.get(f"{module}/{name}")
        axis = None if inner is None else inserted_axis(inner, shape)
        if inner is not None and axis is not None:
            layout = lifted(layout, len(inner), (axis,))
        elif leaf in ("bias", "scale") and len(shape) > 1:
            # As a row of the axes that it is added to, most of them of size 1.
            layout = Layout(in_axes=(), out_axes=range(len(shape)))
        owner = "/".join(filter(None, (above, *role.inner)))
        return ModelArray(
            f"{module}/{name}", owner, leaf, shape, as_dtype(value.dtype), role.layer, layout, role.splits
        )

    def build(self, values: Sequence[Any]) -> Any:
        """The parameters, and the state if there can be one, as ``init`` returns them."""
        params: dict[str, dict[str, Any]] = {}
        for (module, name), value in zip(self._names, values, strict=True):
            params.setdefault(module, {})[name] = value
        if not self._has_state:
            return params
        return params, self._first_call.values(lambda both: both[1]) if self._state else self._state
