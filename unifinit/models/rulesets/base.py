"""Recipes: named sets of rules, which read widths and depths from the model."""

from __future__ import annotations

from abc import abstractmethod
from types import MappingProxyType
from typing import Any, ClassVar

from unifinit.errors import RuleError, or_list, suggestion
from unifinit.initializers.constant import Ones, Zeros
from unifinit.initializers.hyperparameters import Hyperparameter
from unifinit.layout import Layout
from unifinit.models.arrays import Parameter
from unifinit.models.facts import Facts
from unifinit.models.patterns import PathPattern
from unifinit.models.sources import Choice
from unifinit.values import Value

RECIPES: dict[str, type[Recipe]] = {}
"""Every recipe by its name."""


class Recipe(Value):
    """Base of all recipes.

    A subclass declares its settings as initializers declare their hyperparameters, and says in ``of_weight``
    which initializer a weight gets; if need be in ``of_bias`` and ``of_norm``, or in ``choose`` for all.
    It is known by its name from then on.

    Attributes
    ----------
    name
        By which rules ask for it.
    summary
        One line for lists.
    source
        Where it comes from: papers, and the code that has it.
    settings
        Their declarations by name.
    """

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    source: ClassVar[str] = ""
    settings: ClassVar[MappingProxyType[str, Hyperparameter]] = MappingProxyType({})
    parts: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = {name: member for name, member in vars(cls).items() if isinstance(member, Hyperparameter)}
        cls.settings = MappingProxyType({**cls.settings, **own})
        cls.parts = tuple(cls.settings)
        if cls.name:
            known = RECIPES.setdefault(cls.name, cls)
            if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
                raise RuleError(f"{cls.__module__} defines a recipe {cls.name!r}, as {known.__module__} does")

    def __init__(self, /, **settings: Any) -> None:
        for name in settings:
            if name not in self.settings:
                raise RuleError(
                    f"recipe {self.name!r} has no setting {name!r}{suggestion(name, self.settings)}; wanted "
                    f"{or_list(self.settings) or 'none'}"
                )
        vars(self).update(
            {
                name: declared.checked(settings.get(name, declared.default), name)
                for name, declared in self.settings.items()
            }
        )

    def choose(self, parameter: Parameter, facts: Facts) -> Choice:
        """The initializer of a parameter, or None if the recipe says nothing of it."""
        if is_norm(parameter):
            return self.of_norm(parameter, facts)
        return (self.of_bias if parameter.leaf == "bias" else self.of_weight)(parameter, facts)

    def of_norm(self, parameter: Parameter, facts: Facts) -> Choice:
        """Ones for what scales, zeros for what shifts what a layer has normalised: all agree on that."""
        return Ones() if parameter.leaf == "scale" else Zeros()

    def of_bias(self, parameter: Parameter, facts: Facts) -> Choice:
        """Zeros."""
        return Zeros()

    @abstractmethod
    def of_weight(self, parameter: Parameter, facts: Facts) -> Choice:
        """The initializer of any other parameter, or None."""

    def layout_of(self, parameter: Parameter) -> Layout | None:
        """That of the model."""
        return None

    @property
    def is_expected_to_match(self) -> bool:
        """Whether it is a mistake if it decides nothing."""
        return True

    def get_config(self) -> dict[str, Any]:
        """The settings by name, in types that JSON has."""
        return {name: vars(self)[name] for name in self.parts}

    def __repr__(self) -> str:
        given = {
            name: vars(self)[name]
            for name, declared in self.settings.items()
            if vars(self)[name] != declared.default
        }
        return (
            f"recipe({', '.join([repr(self.name), *(f'{name}={value!r}' for name, value in given.items())])})"
        )


def matches(pattern: str, parameter: Parameter) -> bool:
    """Whether the path of a parameter matches a glob."""
    return PathPattern(pattern).match(parameter.path) is not None


def is_norm(parameter: Parameter) -> bool:
    """Whether it scales or shifts what a layer has normalised."""
    return parameter.layer == "norm" or parameter.leaf == "scale"


def is_matrix(parameter: Parameter) -> bool:
    """Whether it is the weight of a layer with inputs and outputs, rather than a table of vectors."""
    return parameter.leaf == "weight" and parameter.layer != "embedding" and parameter.weight.rank > 1
