"""What reads models: the protocol that plugins for libraries of layers follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from unifinit.models.arrays import ModelArray
from unifinit.models.layers import Describe
from unifinit.plan import Plan
from unifinit.types import Array


class Reading(NamedTuple):
    """How a model is to be read.

    Attributes
    ----------
    layers
        Descriptions of layers by plugins.
    get_backend
        The backend of a name, which creates and fills arrays.
    device
        Where arrays without memory are to be made; None for the library's default.
    inputs
        With which a model is called that makes its parameters in its first call; None if none are given.
    backend
        The name of the backend of new arrays, where the model does not tell it.
    """

    layers: Mapping[str, Describe]
    get_backend: Callable[[str], Any]
    device: Any = None
    inputs: tuple[Any, ...] | None = None
    backend: Any = None


class OpenModel(Protocol):
    """A model whose arrays are known."""

    @property
    def arrays(self) -> Sequence[ModelArray]:
        """The trainable arrays, each once, in the order of the model."""

    def write(self, number: int, plan: Plan) -> None:
        """Overwrite an array in place, or put a new one in its place.

        Raises
        ------
        TargetError
            If that cannot be done.
        """

    def finish(self) -> None:
        """Do what is left when all arrays have been written."""

    def create(self, number: int, plan: Plan) -> Array:
        """A new array like one of the model's, which stays as it is."""

    def keep(self, number: int) -> Array:
        """An array of the model as it is.

        Raises
        ------
        TargetError
            If there is only its shape.
        """

    def build(self, values: Sequence[Array]) -> Any:
        """What holds new arrays as the model holds its own."""


class ModelReader(Protocol):
    """Opens the models of one library."""

    def open(self, target: Any, reading: Reading) -> OpenModel | None:
        """A model of the library; None if ``target`` is something else.

        Raises
        ------
        UnsupportedModelError
            If it is a model that cannot be read as it is, with what to do first.
        """
