"""What other frameworks' initializers of a name draw for a weight, beside what ours draws."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from unifinit.content import Content, Moments
from unifinit.errors import UnifinitError
from unifinit.initializers.classes import named
from unifinit.initializers.hyperparameters import REQUIRED
from unifinit.layout import Layout
from unifinit.peers.fans import peer_fans, seen_weight, stored_shape
from unifinit.peers.records import Peer, peers_of
from unifinit.types import DType, Shape
from unifinit.weight import Fans, Weight

TOLERANCE = 1e-6
WIDTH = 100
ENDS = {"minval", "maxval"}
"""Who gives one end of a range gives both."""
KINDS_OF_BOUNDS = {
    "absolute": "Its bounds are absolute: a small standard deviation is not truncated in effect.",
    "sigma": "Its bounds are in standard deviations.",
}
ONE_NUMBER = ("torch.nn.init.constant_",)
"""Those that take no value for each element."""


class Comparison(NamedTuple):
    """What another framework's initializer draws for a weight.

    Attributes
    ----------
    framework, name
        Whose initializer, and which.
    fans
        The fans that it computes; None if it computes none.
    distribution
        How its elements are made, in the words that descriptions have for ours; empty if it draws nothing.
    mean, stddev, minimum, maximum
        Of its elements; None if it draws nothing.
    same
        Whether fans and moments are those of ours.
    note
        Why it draws nothing, or what differs.
    """

    framework: str
    name: str
    fans: Fans | None
    distribution: str
    mean: float | None
    stddev: float | None
    minimum: float | None
    maximum: float | None
    same: bool
    note: str


def compare_with_peers(
    class_name: str,
    config: Mapping[str, Any],
    shape: Shape,
    dtype: DType,
    layout: Layout,
    moments: Moments,
    fans: Fans,
) -> tuple[Comparison, ...]:
    """What each other framework's initializer of a name draws for a weight.

    A peer has its own defaults. A hyperparameter that it has with the same meaning is ours if it differs from
    our default, or if the peer has no default for it. The two ends of a range go together.

    Parameters
    ----------
    class_name, config
        Our initializer.
    shape, dtype, layout
        The weight.
    moments, fans
        What ours has for it.

    Returns
    -------
    tuple of Comparison
        One for each name that another framework has for it.
    """
    request = _Request(config, shape, dtype, layout, moments, fans)
    return tuple(_compare(peer, request) for peer in peers_of(class_name))


def as_text(comparisons: Sequence[Comparison]) -> str:
    """Comparisons as lines of text: the names that draw the same are told together."""
    from textwrap import fill  # Not at the top: few programs print this.

    groups: dict[tuple[object, ...], list[Comparison]] = {}
    for one in comparisons:
        told = (True,) if one.same else tuple(map(str, one[2:]))  # As texts, because NaN is not itself.
        groups.setdefault(told, []).append(one)
    lines = []
    for together in sorted(groups.values(), key=lambda group: not group[0].same):
        names = ", ".join(one.name for one in together)
        numbers, note = _numbers(together[0]), together[0].note
        lines.append(f"{names}: {numbers or note}")
        if numbers and note:
            lines.append(f"  {note}")
    return "\n".join(
        fill(line, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
        for line in lines
    )


class _Request(NamedTuple):
    """What the peers are compared with."""

    config: Mapping[str, Any]
    shape: Shape
    dtype: DType
    layout: Layout
    moments: Moments
    fans: Fans


def _compare(peer: Peer, ours: _Request) -> Comparison:
    seen = seen_weight(peer, ours.layout, ours.shape)
    why = _why_nothing(peer, ours) if seen is None else _unknown_choice(peer, ours.config)
    if seen is None or why:
        return _nothing(peer, why)
    try:
        config = _config(peer, ours.config)
        content = _content(peer, config, seen, ours.dtype)
    except UnifinitError as error:
        return _nothing(peer, f"It draws nothing for such a weight: {error}.")
    moments = content.moments()
    fans = peer_fans(peer, ours.layout, ours.shape)
    equal_fans = fans in (None, ours.fans)
    same = equal_fans and _close(moments, ours.moments)
    note = "" if same else " ".join(_reasons(peer, ours, seen, config))
    return Comparison(peer.framework, peer.name, fans, content.label, *moments, same=same, note=note)


def _content(peer: Peer, config: Mapping[str, Any], weight: Weight, dtype: DType) -> Content:
    content: Content = named(peer.equivalent).cls.from_config(config).checked_content(weight, dtype)
    return content


def _nothing(peer: Peer, why: str) -> Comparison:
    return Comparison(peer.framework, peer.name, None, "", None, None, None, None, same=False, note=why)


def _why_nothing(peer: Peer, ours: _Request) -> str:
    """Why a peer has no weight for a layout and a shape."""
    if stored_shape(peer.framework, ours.layout, ours.shape) is None:
        return "It has no layer with such a weight."
    rank = len(ours.shape)
    kind = {0: "a scalar", 1: "a vector"}.get(rank, "an empty array" if 0 in ours.shape else f"{rank} axes")
    return f"It raises an error for {kind}."


def _unknown_choice(peer: Peer, config: Mapping[str, Any]) -> str:
    """What a peer does not know of a configuration of ours; empty if it knows all."""
    if peer.name in ONE_NUMBER and not isinstance(config["value"], (int, float, complex)):
        return "It takes one number."
    unknown = [name for name, values in peer.choices.items() if config[name] not in values]
    return f"It has no {unknown[0]} {config[unknown[0]]!r}." if unknown else ""


def _config(peer: Peer, config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of a peer's equivalent, where ours has a configuration."""
    changed = _changed(peer, config)
    given = {name: config[name] for name in peer.parameters if name in changed or not peer.has_default(name)}
    if peer.config.get("bounds") != config.get("bounds"):
        # Its bounds are of another kind than ours.
        given = {name: value for name, value in given.items() if name not in ("lower", "upper")}
    return {**peer.config, **given}


def _changed(peer: Peer, config: Mapping[str, Any]) -> set[str]:
    """The hyperparameters of ours that are not the defaults."""
    declared = named(peer.initializer).cls.hyperparameters
    changed = {
        name
        for name, one in declared.items()
        if name != "seed" and (one.default is REQUIRED or config[name] != one.checked(one.default, name))
    }
    return changed | ENDS if changed & ENDS else changed


def _reasons(peer: Peer, ours: _Request, seen: Weight, config: Mapping[str, Any]) -> Iterator[str]:
    """Why what a peer draws, the equivalent of which has a configuration, is not what ours draws."""
    weight = ours.layout.weight(ours.shape)
    if peer.fans == "batched" and seen.batch:
        yield peer.note
    elif seen.shape != weight.shape or peer_fans(peer, ours.layout, ours.shape) not in (None, ours.fans):
        stored = stored_shape(peer.framework, ours.layout, ours.shape)
        yield f"It takes the kernel, of shape {stored}, for that of a plain layer."
    bounds = config.get("bounds", "")
    missing = sorted(_changed(peer, ours.config) - {*peer.parameters, "bounds"})
    if missing:
        yield f"It has no parameter for {', '.join(missing)}."
    try:
        moments = _content(peer, config, weight, ours.dtype).moments()
    except UnifinitError:
        return
    # What differs for the very same weight is not a matter of shapes.
    if _close(moments, ours.moments):
        return
    if config == peer.config:
        if peer.difference:
            yield peer.difference
    elif bounds != ours.config.get("bounds", ""):
        yield KINDS_OF_BOUNDS[bounds]
    else:
        for name in peer.parameters:
            if config[name] != ours.config[name]:
                yield f"Its {peer.parameters[name]} is {config[name]!r}, where ours is {ours.config[name]!r}."


def _close(moments: Moments, others: Moments) -> bool:
    return all(
        math.isclose(a, b, rel_tol=TOLERANCE) or (math.isnan(a) and math.isnan(b))
        for a, b in zip(moments, others, strict=True)
    )


def _numbers(one: Comparison) -> str:
    """What is drawn, in words; empty if nothing is."""
    if one.same:
        return "the same"
    if one.stddev is None:
        return ""
    mean, stddev, minimum, maximum = (
        f"{value:.6g}" for value in (one.mean, one.stddev, one.minimum, one.maximum)
    )
    fans = "" if one.fans is None else f"fans in {one.fans.fan_in:.10g}, out {one.fans.fan_out:.10g}; "
    return f"{fans}{one.distribution}, mean {mean}, stddev {stddev}, range [{minimum}, {maximum}]"
