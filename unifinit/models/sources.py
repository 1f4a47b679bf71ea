"""What says which initializer a parameter gets: the protocol of rules and recipes."""

from __future__ import annotations

from typing import Final, Literal, Protocol, TypeAlias

from unifinit.initializers.base import Initializer
from unifinit.layout import Layout
from unifinit.models.arrays import Parameter
from unifinit.models.facts import Facts

KEEP: Final = "keep"
"""What stands in a rule for no initializer: the parameter stays as it is."""

Choice: TypeAlias = "Initializer | Literal['keep'] | None"
"""What a source of rules says of a parameter; None if nothing."""


class RuleSource(Protocol):
    """What says which initializer a parameter gets: a rule, or a recipe."""

    def choose(self, parameter: Parameter, facts: Facts) -> Choice:
        """The initializer of a parameter, "keep", or None if this source says nothing of it."""

    def layout_of(self, parameter: Parameter) -> Layout | None:
        """The layout that is to stand for that of the model; None if that is right."""

    @property
    def is_expected_to_match(self) -> bool:
        """Whether it is a mistake if it matches nothing."""
