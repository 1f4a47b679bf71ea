"""From the arrays of a model, rules and a seed to a plan for each array."""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from unifinit.content import Content
from unifinit.contents import Blocks, WithoutRow
from unifinit.errors import LayoutError, RuleError, UnifinitError, UnmatchedParameterError, UnusedRuleWarning
from unifinit.initializers.base import Initializer
from unifinit.initializers.combinators.wrapper import contained
from unifinit.key import AnyKey
from unifinit.layout import Layout
from unifinit.models.arrays import ModelArray, Parameter, Split, sizes_of
from unifinit.models.facts import Facts
from unifinit.models.keys import keys_of
from unifinit.models.paths import make_path, require_distinct
from unifinit.models.patterns import Renaming
from unifinit.models.rules import Rule, Rules
from unifinit.models.sources import KEEP, RuleSource
from unifinit.plan import Plan
from unifinit.weight import Weight, place_of, share

SHOWN = 8
"""So many paths are listed in a message."""


class OverlappingRuleWarning(UnusedRuleWarning):
    """A rule decides nothing, because earlier ones take all that it matches."""


class PlannedParameter(NamedTuple):
    """A parameter, and what it is to hold.

    Attributes
    ----------
    parameter
        Its path, layer, layout and shape.
    initializer
        What makes it; None if it stays as it is.
    rule
        What chose that.
    key
        The key of its path; None if it stays as it is.
    """

    parameter: Parameter
    initializer: Initializer | None
    rule: RuleSource | None
    key: AnyKey | None


class PlannedArray(NamedTuple):
    """An array of a model, and what it is to hold.

    Attributes
    ----------
    array
        The array.
    parameters
        Those of which it consists.
    layout
        What its axes are: that of the model, or of a rule.
    plan
        What the whole array is to hold; None if it stays as it is.
    """

    array: ModelArray
    parameters: tuple[PlannedParameter, ...]
    layout: Layout
    plan: Plan | None


class _Chosen(NamedTuple):
    array: ModelArray
    parameters: tuple[Parameter, ...]
    layout: Layout
    choices: tuple[Initializer | Literal["keep"], ...]
    rules: tuple[RuleSource | None, ...]


def assign(arrays: Sequence[ModelArray], rules: Rules, key: AnyKey) -> list[PlannedArray]:
    """What each array is to hold.

    Parameters
    ----------
    arrays
        Those of the model.
    rules
        Which initializer each parameter gets.
    key
        From which the keys of parameters are derived, by their paths.

    Raises
    ------
    PathError
        If two parameters have one path.
    UnmatchedParameterError
        If there is no rule for a parameter, and the rules do not allow that.
    UnifinitError
        If an initializer does not suit a parameter; the message begins with its path.

    Warns
    -----
    UnusedRuleWarning
        For each rule that decided nothing.
    """
    require_distinct((path, array.name) for array in arrays for path in array.paths)
    told = [array.parameters_or_guess() for array in arrays]
    facts = Facts(parameter for parameters in told for parameter in parameters)
    chosen = [
        _choose(array, parameters, rules, facts) for array, parameters in zip(arrays, told, strict=True)
    ]
    _check_all_matched(chosen, rules)
    _warn_of_unused(chosen, rules, facts)
    keys = iter(keys_of(key, [path for array in arrays for path in array.paths]))
    return [_planned(one, keys) for one in chosen]


def renamed(arrays: Sequence[ModelArray], renaming: Renaming) -> list[ModelArray]:
    """The arrays under their new paths.

    Raises
    ------
    RuleError
        If an entry is the path of nothing.
    """
    if not renaming:
        return list(arrays)
    found = []
    for array in arrays:
        own = make_path(array.name) if len(array.paths) == 1 else ""
        found.append(array._replace(renamed=tuple(renaming.new(path, own) for path in array.paths)))
    if renaming.unused:
        raise RuleError(
            f"rename has {renaming.unused[0]!r}, which is the path of nothing; known are "
            + _shown([path for array in arrays for path in array.paths])
        )
    return found


def _shown(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return ", ".join(map(repr, paths[:SHOWN])) + more


def _choose(array: ModelArray, parameters: tuple[Parameter, ...], rules: Rules, facts: Facts) -> _Chosen:
    choices: list[Initializer | Literal["keep"]] = []
    sources: list[RuleSource | None] = []
    layouts = set()
    for parameter in parameters:
        source, choice = _first(parameter, rules, facts)
        choices.append(choice)
        sources.append(source)
        layouts.add(None if source is None else source.layout_of(parameter))
    if len(layouts) > 1:
        raise RuleError(
            f"{array.name} is one array with {len(parameters)} parameters, of which rules give only some a "
            f"layout; wanted the same for all of {parameters[0].path} to {parameters[-1].path}"
        )
    if 0 < choices.count(KEEP) < len(choices):
        raise RuleError(
            f"{array.name} is one array with {len(parameters)} parameters, of which rules keep "
            f"{choices.count(KEEP)}; wanted all of {parameters[0].path} to {parameters[-1].path} kept, or "
            "none"
        )
    layout = layouts.pop() or array.layout
    if parameters[0].layout is not layout and choices[0] != KEEP:
        parameters = array.parameters(layout)
    return _Chosen(array, parameters, layout, tuple(choices), tuple(sources))


def _first(
    parameter: Parameter, rules: Rules, facts: Facts
) -> tuple[RuleSource | None, Initializer | Literal["keep"]]:
    for source in rules.rules:
        choice = source.choose(parameter, facts)
        if choice is not None:
            return source, choice
    return None, KEEP


def _check_all_matched(chosen: Sequence[_Chosen], rules: Rules) -> None:
    if rules.unmatched == "keep":
        return
    left = [
        parameter.path
        for one in chosen
        for parameter, source in zip(one.parameters, one.rules, strict=True)
        if source is None
    ]
    if left:
        raise UnmatchedParameterError(
            f"no rule matches {len(left)} parameters: {_shown(left)}; wanted a rule for each, such as "
            f"({left[0]!r}, 'zeros'), a last one for '**', or ui.Rules(..., unmatched='keep')"
        )


def _warn_of_unused(chosen: Sequence[_Chosen], rules: Rules, facts: Facts) -> None:
    used = Counter(id(source) for one in chosen for source in one.rules)
    for number, source in enumerate(rules.rules):
        if used[id(source)] or not source.is_expected_to_match:
            continue
        earlier = _what_took(source, rules.rules[:number], facts)
        if earlier is not None:
            reason = f"all that it matches is taken by {earlier!r} before it; wanted it first, or not at all"
        else:
            reason = f"nothing matches it; paths are {_shown([one.path for one in facts.parameters])}"
            if isinstance(source, Rule) and "." in source.pattern.text and "/" not in source.pattern.text:
                reason += ", with '/' between components"
        category = UnusedRuleWarning if earlier is None else OverlappingRuleWarning
        warnings.warn(f"{source!r} decides nothing: {reason}", category, stacklevel=_level_of_user())


def _level_of_user() -> int:
    """How many levels above the function that warns the code is that called unifinit."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and _is_own(frame.f_globals.get("__name__", "")):
        level, frame = level + 1, frame.f_back
    return level


def _is_own(module: str) -> bool:
    return module.partition(".")[0] == "unifinit"


def _what_took(source: RuleSource, before: Sequence[RuleSource], facts: Facts) -> RuleSource | None:
    if not isinstance(source, Rule):
        return None
    parameter = next((one for one in facts.parameters if source.matches(one)), None)
    if parameter is None:
        return None
    return next((one for one in before if one.choose(parameter, facts) is not None), None)


def _planned(chosen: _Chosen, keys: Iterator[AnyKey]) -> PlannedArray:
    array, parameters, layout, choices, rules = chosen
    own = [next(keys) for _ in parameters]
    if choices[0] == KEEP:
        kept = (PlannedParameter(one, None, rule, None) for one, rule in zip(parameters, rules, strict=True))
        return PlannedArray(array, tuple(kept), layout, None)
    planned = tuple(
        PlannedParameter(parameter, choice, rule, key)  # type: ignore[arg-type]  # None is kept.
        for parameter, choice, rule, key in zip(parameters, choices, rules, own, strict=True)
    )
    try:
        plan = _plan_of(array, planned, layout)
    except UnifinitError as error:
        raise type(error)(f"{parameters[0].path}: {error}") from None
    return PlannedArray(array, planned, layout, plan)


def replanned(one: PlannedArray, key: AnyKey) -> Plan | None:
    """What an array is to hold if the model has another key; None if it stays as it is."""
    if one.plan is None:
        return None
    parameters = tuple(part._replace(key=key / part.parameter.path) for part in one.parameters)
    return _plan_of(one.array, parameters, one.layout)


def _plan_of(array: ModelArray, parameters: tuple[PlannedParameter, ...], layout: Layout) -> Plan:
    if not array.splits:
        return _whole_plan(parameters[0], array, layout)
    weight = layout.weight(array.shape)
    content, key = _divided(weight, array, array.splits, iter(parameters))
    # Its parts have keys of their own; this one says that all is known.
    return Plan(weight.shape, array.dtype, content, layout.from_canonical(len(array.shape)), key)


def _whole_plan(only: PlannedParameter, array: ModelArray, layout: Layout) -> Plan:
    assert only.initializer is not None  # noqa: S101 - it is not kept
    plan = only.initializer._plan(array.shape, array.dtype, layout).with_key(only.key)
    if array.zero_row is None:
        return plan
    weight = layout.weight(array.shape)
    if not weight.inputs or not 0 <= array.zero_row < weight.inputs[0]:
        raise LayoutError(
            f"{array.name} has no row {array.zero_row} that could hold zeros: shape {array.shape}, "
            f"layout {layout.text!r}; wanted another layout, or zero_row"
        )
    content = WithoutRow(plan.content, place_of(weight, "in"), array.zero_row, weight.inputs[0])
    return Plan(plan.shape, plan.dtype, content, plan.axes, only.key)


def _divided(
    weight: Weight, array: ModelArray, splits: tuple[Split, ...], planned: Iterator[PlannedParameter]
) -> tuple[Content, AnyKey | None]:
    """The content of an array with several parameters, and the key of its first one."""
    if not splits:
        one = next(planned)
        assert one.initializer is not None  # noqa: S101 - none is kept, or all are
        initializer = contained(one.initializer, f"the initializer of {one.parameter.path}")
        return initializer.checked_content(weight, array.dtype), one.key
    split, *inner = splits
    sizes = sizes_of(split, weight, array.name)
    parts = [_divided(share(weight, split.axis, size), array, tuple(inner), planned) for size in sizes]
    contents, keys = zip(*parts, strict=True)
    return Blocks(contents, sizes, place_of(weight, split.axis), keys), keys[0]
