"""Rules: which initializer a parameter gets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from unifinit.errors import ArgumentError, RuleError, UnknownInitializerError, or_list, suggestion
from unifinit.initializers.base import Initializer, from_identifier
from unifinit.initializers.combinators.wrapper import unseeded
from unifinit.layout import Layout, as_layout
from unifinit.models.arrays import LAYERS, Parameter
from unifinit.models.facts import Facts
from unifinit.models.patterns import PathPattern, Pattern
from unifinit.models.rulesets import find_recipe, recipe_names
from unifinit.models.sources import KEEP, Choice, RuleSource
from unifinit.values import Value


class Rule(Value):
    """An initializer for the parameters whose paths match a pattern.

    Parameters
    ----------
    path : str or re.Pattern
        A glob of canonical paths, such as ``"encoder/**/weight"``, or a regular expression, as ``re.compile``
        makes it or as a text that begins with "re:". "*" stands for anything within a component, "**" as a
        component for any number of them. "kernel" and "w" at the end of a glob are "weight", "gamma" is
        "scale", "beta" and "b" are "bias".
    initializer : Initializer, str, mapping or type
        What identifies one, as for ``ui.get``; "keep" leaves parameters as they are.
    layer : str, optional
        Only parameters of this kind of layer: "dense", "conv", "conv_transpose", "depthwise", "embedding",
        "attention", "lstm", "gru", "rnn", "norm" or "activation".
    layout : str or Layout, optional
        What the axes are, where the model does not tell, or tells it wrongly.

    Raises
    ------
    RuleError
        If the pattern is malformed, there is no such layer, or the initializer has a seed of its own.
    UnknownInitializerError, ConfigError
        If there is no such initializer.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.Rule("**/bias", "zeros")
    Rule('**/bias', Zeros())
    """

    pattern: PathPattern
    initializer: Initializer | Literal["keep"]
    layer: str | None
    layout: Layout | None

    parts = ("pattern", "initializer", "layer", "layout")

    def __init__(
        self,
        path: Pattern,
        initializer: Any,
        *,
        layer: str | None = None,
        layout: str | Layout | None = None,
    ) -> None:
        pattern = PathPattern(path, is_of_parameters=True)
        if layer is not None and layer not in LAYERS:
            raise RuleError(
                f"rule {pattern.text!r} is for layer {layer!r}{suggestion(str(layer), LAYERS)}; wanted one "
                f"of {or_list(LAYERS)}"
            )
        vars(self).update(
            pattern=pattern,
            initializer=_initializer(initializer, pattern.text),
            layer=layer,
            layout=None if layout is None else as_layout(layout),
        )

    @property
    def selects(self) -> tuple[str, str | None]:
        """What two rules have in common that are for the same parameters."""
        return self.pattern.text, self.layer

    @property
    def is_expected_to_match(self) -> bool:
        """True: somebody meant some parameters by it."""
        return True

    def matches(self, parameter: Parameter) -> bool:
        """Whether it is for a parameter."""
        return (self.layer is None or self.layer == parameter.layer) and self.pattern.match(
            parameter.path
        ) is not None

    def choose(self, parameter: Parameter, facts: Facts) -> Choice:
        """The initializer, if it is for the parameter."""
        return self.initializer if self.matches(parameter) else None

    def layout_of(self, parameter: Parameter) -> Layout | None:
        """The rule's own."""
        return self.layout

    def __repr__(self) -> str:
        shown = [repr(self.pattern.text), repr(self.initializer)]
        shown += [f"layer={self.layer!r}"] if self.layer else []
        shown += [f"layout={self.layout.text!r}"] if self.layout else []
        return f"Rule({', '.join(shown)})"


def _initializer(identifier: Any, pattern: str) -> Initializer | Literal["keep"]:
    if identifier is None or identifier == KEEP:
        return KEEP
    found = from_identifier(identifier, f"initializer of rule {pattern!r}")
    try:
        return unseeded(found, "initializer")
    except ArgumentError:
        raise RuleError(
            f"rule {pattern!r} has {found!r} with a seed of its own; wanted it without: each parameter's key "
            "comes from its path and the seed of the call"
        ) from None


class Rules(Value):
    """Rules in their order: the first one that matches a parameter wins.

    Parameters
    ----------
    rules : iterable
        Each is a ``Rule``, a pair of a pattern and an initializer, a recipe, or the name of one. Or a mapping
        from patterns to initializers, an initializer for all parameters, or a recipe.
    unmatched : {"error", "keep"}
        What to do with parameters for which there is no rule: raise an error, or leave them as they are.

    Raises
    ------
    RuleError
        If one is malformed, or two say different things of the same parameters.

    Examples
    --------
    >>> import unifinit as ui
    >>> rules = ui.Rules([("**/bias", "zeros"), ui.Rule("**", "he_normal", layer="conv"), "torch"])
    """

    rules: tuple[RuleSource, ...]
    unmatched: Literal["error", "keep"]

    parts = ("rules", "unmatched")

    def __init__(self, rules: Any, *, unmatched: Literal["error", "keep"] = "error") -> None:
        if unmatched not in ("error", "keep"):
            raise RuleError(f"unmatched is {unmatched!r}; wanted 'error' or 'keep'")
        found = tuple(_sources(rules))
        if not found and unmatched == "error":
            raise RuleError("there are no rules; wanted at least one, or unmatched='keep'")
        _check_contradictions(found)
        vars(self).update(rules=found, unmatched=unmatched)


def as_rules(rules: Any) -> Rules:
    """Rules from whatever stands for them.

    Raises
    ------
    RuleError
        If it stands for none.
    """
    return rules if isinstance(rules, Rules) else Rules(rules)


def _sources(rules: Any) -> Iterable[RuleSource]:
    if isinstance(rules, Rules):
        return rules.rules
    if isinstance(rules, Mapping) and "class_name" not in rules:
        return [Rule(pattern, initializer) for pattern, initializer in rules.items()]
    if isinstance(rules, (str, Mapping, type, Initializer)) or _is_source(rules):
        return [_source(rules)]
    if isinstance(rules, Iterable):
        return [_source(rule) for rule in rules]
    raise RuleError(
        f"rules are a {type(rules).__name__}; wanted a mapping from patterns to initializers, a sequence of "
        "ui.Rule, an initializer for all parameters, or the name of a recipe"
    )


def _source(rule: Any) -> RuleSource:
    if _is_source(rule):
        source: RuleSource = rule
        return source
    if isinstance(rule, str):
        recipe = find_recipe(rule)
        if recipe is not None:
            return recipe
        try:
            return Rule("**", rule)
        except UnknownInitializerError:
            raise RuleError(
                f"rule {rule!r} names neither a recipe nor an initializer{suggestion(rule, recipe_names())}; "
                f"known recipes: {', '.join(recipe_names())}"
            ) from None
    if isinstance(rule, (Mapping, type, Initializer)):
        return Rule("**", rule)
    if isinstance(rule, Sequence) and len(rule) == 2:
        return Rule(rule[0], rule[1])
    raise RuleError(
        f"rule {rule!r} is a {type(rule).__name__}; wanted a ui.Rule, a pair of a pattern and an "
        "initializer, or a recipe"
    )


def _is_source(rule: Any) -> bool:
    return hasattr(rule, "choose") and hasattr(rule, "layout_of")


def _check_contradictions(rules: tuple[RuleSource, ...]) -> None:
    known: dict[tuple[str, str | None], Rule] = {}
    for rule in rules:
        if isinstance(rule, Rule):
            first = known.setdefault(rule.selects, rule)
            if first is not rule:
                same = "twice" if first == rule else "in two ways"
                raise RuleError(
                    f"rules select the same parameters {same}: {first!r} and {rule!r}; wanted one of them, "
                    "as the first that matches wins"
                )
