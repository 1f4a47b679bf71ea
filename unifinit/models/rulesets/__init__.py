"""Recipes: the rule sets of frameworks and of well-known networks, by their names."""

from __future__ import annotations

from typing import Any

from unifinit.errors import RuleError, suggestion
from unifinit.models.rulesets import frameworks, others, transformers  # They make their recipes known.
from unifinit.models.rulesets.base import RECIPES, Recipe

__all__ = [
    "RECIPES",
    "Recipe",
    "find_recipe",
    "frameworks",
    "others",
    "recipe",
    "recipe_names",
    "transformers",
]


def recipe(name: str, /, **settings: Any) -> Recipe:
    """A named set of rules, to be used alone or as one of several rules.

    Parameters
    ----------
    name : str
        One of those that ``ui.recipes()`` lists, such as "gpt2" or "torch".
    **settings
        What the recipe reads from the model, or takes from its source, if it is to be something else.

    Raises
    ------
    RuleError
        If there is no recipe or no setting of that name.
    ArgumentError
        If a setting is out of its range.

    Examples
    --------
    >>> import unifinit as ui
    >>> rules = ui.Rules([("lm_head/weight", "zeros"), ui.recipe("gpt2", layers=12)])
    """
    found = RECIPES.get(name)
    if found is None:
        raise RuleError(
            f"no recipe {name!r}{suggestion(str(name), RECIPES)}; known: {', '.join(recipe_names())}"
        )
    return found(**settings)


def recipes() -> dict[str, str]:
    """What each recipe is, in one line, by its name.

    Examples
    --------
    >>> import unifinit as ui
    >>> sorted(ui.recipes())[:3]
    ['deepnorm', 'flax', 'gpt2']
    """
    return {name: RECIPES[name].summary for name in recipe_names()}


def find_recipe(name: str) -> Recipe | None:
    """The recipe of a name with its default settings; None if there is none."""
    return RECIPES[name]() if name in RECIPES else None


def recipe_names() -> list[str]:
    """The names of all recipes."""
    return sorted(RECIPES)
