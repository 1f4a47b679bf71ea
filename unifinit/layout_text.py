"""The texts of layouts: what the letters, kinds, einsums and axes in them say."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable
from typing import NamedTuple

from unifinit.errors import LayoutError, or_list, suggestion

SPATIAL = "DHW"
KINDS = ("dense", "conv", "conv_transpose", "depthwise", "grouped", "embedding")
DEFAULT_LETTERS = "...IO"

_LAYER = re.compile(r"([a-z_]+)(?:\(([^()]*)\))?(?:\s+|$)")
_OPTION = re.compile(r"\s*(groups|stride)\s*=\s*(\d+(?:\s*,\s*\d+)*)\s*")
_AXES = re.compile(r"(in|out|batch)=(-?\d+(?:,-?\d+)*)?")

Axes = tuple[int, ...]


class Parsed(NamedTuple):
    """What a layout says.

    Attributes
    ----------
    order
        The letters, the einsum or the axes, as text.
    letters
        A letter for each axis; empty if axes are numbered.
    batch, inputs, outputs
        The numbers of axes, if there are no letters.
    rank
        How many axes an einsum's weight has; None if it is no einsum.
    kind, groups, stride
        The layer.
    """

    order: str
    letters: str = ""
    batch: Axes = ()
    inputs: Axes = ()
    outputs: Axes = ()
    rank: int | None = None
    kind: str | None = None
    groups: int = 1
    stride: Axes = (1,)


def parse(text: str) -> Parsed:
    """What the text of a layout says.

    Raises
    ------
    LayoutError
        If it is malformed.
    """
    if not isinstance(text, str):
        raise _malformed(text)
    if "->" in text:
        return _parse_einsum(text)
    layer = _LAYER.match(text)
    order = text if layer is None else text[layer.end() :] or DEFAULT_LETTERS
    parsed = _parse_axes(order, text) if _AXES.match(order) else _parse_letters(order, text)
    return parsed if layer is None else with_layer(parsed, layer[1], **_parse_options(layer[2], text))


def numbered(inputs: Axes | None, outputs: Axes | None, batch: Axes | None) -> Parsed:
    """A layout that gives the numbers of axes; there may be none in a role, if that is said."""
    if inputs is None or outputs is None:
        raise LayoutError("in_axes or out_axes is missing; wanted both, as in in_axes=0, out_axes=(1, 2)")
    batch = batch or ()
    order = f"in={_join(inputs)} out={_join(outputs)}" + (f" batch={_join(batch)}" if batch else "")
    return Parsed(order, batch=batch, inputs=inputs, outputs=outputs)


def as_integers(numbers: int | Iterable[int], name: str) -> Axes:
    """One integer or a sequence of them, as a tuple.

    Raises
    ------
    LayoutError
        If it is neither.
    """
    try:
        if isinstance(numbers, (bool, str, bytes)):
            raise TypeError
        many = numbers if isinstance(numbers, Iterable) else (numbers,)
        return tuple(map(operator.index, many))
    except TypeError:
        raise LayoutError(f"{name} is {numbers!r}; wanted an integer, or a sequence of integers") from None


def with_layer(
    parsed: Parsed,
    kind: str | None,
    groups: int | Iterable[int] = 1,
    stride: int | Iterable[int] = 1,
) -> Parsed:
    """The description with a kind of layer and its options.

    Raises
    ------
    LayoutError
        If one of them is unknown or out of range, or does not go with the others.
    """
    if kind is not None and kind not in KINDS:
        raise LayoutError(
            f"kind of layer {kind!r} is unknown{suggestion(str(kind), KINDS)}; wanted one of {or_list(KINDS)}"
        )
    (*more, count), strides = as_integers(groups, "groups") or (0,), as_integers(stride, "stride")
    if more or count < 1:
        raise LayoutError(f"groups is {groups!r}; wanted an integer of at least 1")
    if not strides or min(strides) < 1:
        raise LayoutError(
            f"stride is {stride!r}; wanted an integer of at least 1, or one for each spatial axis"
        )
    if len(set(strides)) == 1:
        strides = strides[:1]
    if kind == "grouped" or (kind is None and (count > 1 or strides != (1,))):
        kind = "conv"
    if parsed.rank is not None and kind is not None:
        raise LayoutError(f"layout {parsed.order!r} is an einsum, which has no kind, groups or stride")
    if kind == "depthwise" and not parsed.letters:
        raise LayoutError("a depthwise layout has numbered axes; wanted letters, as in 'depthwise HWIO'")
    if count > 1 and kind not in ("conv", "conv_transpose"):
        raise LayoutError(f"a layer of kind {kind!r} has {count} groups; wanted 'conv' or 'conv_transpose'")
    if strides != (1,) and kind in ("dense", "embedding"):
        raise LayoutError(f"a layer of kind {kind!r} has stride {stride!r}; wanted a convolution")
    return parsed._replace(kind=kind, groups=count, stride=strides)


def to_text(parsed: Parsed) -> str:
    """The text that ``parse`` makes the description of."""
    if parsed.kind is None:
        return parsed.order
    options = [f"groups={parsed.groups}"] if parsed.groups > 1 else []
    options += [f"stride={_join(parsed.stride)}"] if parsed.stride != (1,) else []
    inside = f"({', '.join(options)})" if options else ""
    return f"{parsed.kind}{inside} {parsed.order}"


def _parse_letters(letters: str, text: str) -> Parsed:
    single = letters.replace("...", "", 1)
    spatial = set(single) - set("GIO")
    fits = (
        len(set(single)) == len(single)
        and {"I", "O"} <= set(single)
        and spatial <= set(SPATIAL)
        and not ("..." in letters and spatial)
    )
    if not fits:
        raise _malformed(text)
    return Parsed(letters, letters)


def _parse_options(listed: str | None, text: str) -> dict[str, Axes]:
    options: dict[str, Axes] = {}
    # Commas separate options, and strides too.
    for option in re.split(r",(?=\s*[a-z])", listed) if listed else ():
        found = _OPTION.fullmatch(option)
        if found is None or found[1] in options:
            raise LayoutError(
                f"layout {text!r} has the option {option!r}; wanted groups=N, and stride=N or N,N"
            )
        options[found[1]] = tuple(map(int, found[2].split(",")))
    return options


def _parse_axes(order: str, text: str) -> Parsed:
    found: dict[str, Axes] = {}
    for part in order.split():
        match = _AXES.fullmatch(part)
        if match is None or match[1] in found:
            raise LayoutError(f"layout {text!r} is malformed: wanted axes, as in 'in=0 out=1,2 batch=3'")
        found[match[1]] = tuple(map(int, match[2].split(","))) if match[2] else ()
    return numbered(found.get("in"), found.get("out"), found.get("batch"))


def _parse_einsum(text: str) -> Parsed:
    order = text.replace(" ", "")
    operands, _, result = order.partition("->")
    inputs, comma, weight = operands.partition(",")
    before, after = (part.replace("...", "", 1) for part in (inputs, result))
    if not comma or not weight.isalpha() or not all(part.isalpha() or not part for part in (before, after)):
        raise LayoutError(
            f"layout {text!r} is malformed: wanted an einsum of an input and a weight, as in 'abc,cde->abde'"
        )
    for part in (before, weight, after):
        if len(set(part)) != len(part):
            raise LayoutError(f"layout {text!r} repeats a letter in {part!r}; wanted each once in an operand")
    roles: dict[tuple[bool, bool], list[int]] = {(False, False): [], (True, False): []}
    roles |= {(False, True): [], (True, True): []}
    for axis, letter in enumerate(weight):
        roles[letter in before, letter in after].append(axis)
    if roles[False, False]:
        letter = weight[roles[False, False][0]]
        raise LayoutError(
            f"layout {text!r} sums the weight over {letter!r} alone; wanted it in another operand"
        )
    return Parsed(
        order,
        batch=tuple(roles[True, True]),
        inputs=tuple(roles[True, False]),
        outputs=tuple(roles[False, True]),
        rank=len(weight),
    )


def _malformed(text: object) -> LayoutError:
    return LayoutError(
        f"layout {text!r} is malformed: wanted I and O once each with either '...' or some of D, H and W, "
        "as in 'IO', 'OI', 'HWIO', 'OIHW' or 'OI...'; or also a G, a kind of layer, as in 'depthwise HWIO', "
        "an einsum, as in 'abc,cde->abde', or numbers of axes, as in 'in=0 out=1,2'"
    )


def _join(numbers: Axes) -> str:
    return ",".join(map(str, numbers))
