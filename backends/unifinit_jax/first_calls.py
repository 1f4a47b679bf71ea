"""The first call of a model, in which libraries on JAX make its parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from unifinit.backend import Backend, ModelArray, Plan, Reading, TargetError


class FirstCall:
    """A call of a function with some arguments, of which those that are no arrays stay as they are.

    Parameters
    ----------
    function
        What is called.
    inputs
        Its arguments: arrays of JAX or NumPy, ``jax.ShapeDtypeStruct``, nested containers of them, or
        settings such as ``True``.
    """

    def __init__(self, function: Callable[..., Any], inputs: tuple[Any, ...]) -> None:
        self._function = function
        self._leaves, self._tree = jax.tree_util.tree_flatten(inputs)
        self._places = [number for number, leaf in enumerate(self._leaves) if _is_array(leaf)]
        self._arrays = [self._leaves[place] for place in self._places]

    def shapes(self) -> Any:
        """What the function returns, as shapes and dtypes: nothing is computed."""
        return jax.eval_shape(self._call, *self._arrays)

    def values(self, select: Callable[[Any], Any]) -> Any:
        """A part of what the function returns, compiled, so that nothing is computed that it does not need.

        Where there is only the shape of an argument, it is zeros.
        """
        arrays = [
            jax.numpy.zeros(x.shape, x.dtype) if isinstance(x, jax.ShapeDtypeStruct) else x
            for x in self._arrays
        ]
        return jax.jit(lambda *given: select(self._call(*given)))(*arrays)

    def _call(self, *given: Any) -> Any:
        leaves = list(self._leaves)
        for place, array in zip(self._places, given, strict=True):
            leaves[place] = array
        return self._function(*jax.tree_util.tree_unflatten(self._tree, leaves))


def _is_array(x: Any) -> bool:
    return hasattr(x, "shape") and hasattr(x, "dtype")


class UnmadeModel:
    """What models have in common that make their parameters in a first call: nothing can be overwritten.

    Attributes
    ----------
    what
        What such a model is, in words.
    arrays
        What it would make.
    """

    what: str
    arrays: list[ModelArray]

    def __init__(self, reading: Reading) -> None:
        self._device = reading.device
        self._backend: Backend = reading.get_backend("jax")

    def write(self, number: int, plan: Plan) -> None:
        """Raise an error: there is no array."""
        raise TargetError(f"{self.what} holds no arrays; wanted ui.init_tree, which returns them")

    def finish(self) -> None:
        """Nothing is left to do."""

    def create(self, number: int, plan: Plan) -> Any:
        """A new array on the device that is wanted."""
        return self._backend.run(plan, self._backend.device(self._device))

    def keep(self, number: int) -> Any:
        """Raise an error: there is no value yet."""
        raise TargetError(
            f"{self.arrays[number].name} has no value yet, so that there is nothing to keep; wanted a rule "
            "with an initializer"
        )
