"""Whole models: every parameter starts as rules say, with a key that comes from its path."""

from unifinit.models.modelplan import ModelPlan
from unifinit.models.rules import Rule, Rules
from unifinit.models.rulesets import Recipe, recipe, recipes
from unifinit.models.targets import init_, init_tree, plan_model

__all__ = ["ModelPlan", "Recipe", "Rule", "Rules", "init_", "init_tree", "plan_model", "recipe", "recipes"]
