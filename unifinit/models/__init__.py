"""Whole models: every parameter starts as rules say, with a key that comes from its path."""

from unifinit.models.rules import Rule, Rules
from unifinit.models.rulesets import Recipe, recipe, recipes
from unifinit.models.targets import init_, init_tree

__all__ = ["Recipe", "Rule", "Rules", "init_", "init_tree", "recipe", "recipes"]
