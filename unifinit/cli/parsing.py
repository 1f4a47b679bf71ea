"""From the words of a command line to values, checked."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import Any, TypeVar

from unifinit.errors import ArgumentError, UnifinitError
from unifinit.key import Key
from unifinit.layout import as_layout
from unifinit.types import Shape, as_dtype, as_shape

T = TypeVar("T")


class UsageError(ArgumentError):
    """The arguments of the command line are wrong."""


def parse_shape(text: str) -> Shape:
    """``"3,3,64,128"`` as a shape; ``"()"`` is that of a scalar."""
    inner = text.strip().removeprefix("(").removesuffix(")").removesuffix(",")
    if not inner and text:
        return ()
    try:
        dimensions = [int(part) for part in inner.split(",")]
    except ValueError:
        raise UsageError(f"{text!r} is no shape; wanted integers and commas, such as 3,3,64,128") from None
    return as_shape(dimensions)


def parse_dtype(text: str) -> str:
    """The name of a dtype, checked."""
    return as_dtype(text).name


def parse_dtypes(text: str) -> list[str]:
    """The names of one or several dtypes, checked."""
    return list(dict.fromkeys(parse_dtype(name) for name in parse_names(text)))


def parse_layout(text: str) -> str:
    """The text of a layout, checked."""
    return as_layout(text).text


def parse_names(text: str) -> list[str]:
    """Names separated by commas, each once."""
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise UsageError(f"{text!r} has an empty name; wanted names and commas, such as numpy,torch")
    return list(dict.fromkeys(names))


def parse_seed(text: str) -> int:
    """A seed, checked; hexadecimal too."""
    try:
        return Key(int(text, 0)).seed
    except ValueError as error:
        if isinstance(error, UnifinitError):
            raise
        raise UsageError(f"{text!r} is no seed; wanted an integer, 0 <= seed < 2**64") from None


def parse_repeats(text: str) -> int:
    """A number of runs."""
    if not text.isdecimal():
        raise UsageError(f"{text!r} is no number of runs; wanted an integer of at least 0")
    return int(text)


def parse_integer(text: str) -> int:
    """A whole number."""
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{text!r} is no integer; wanted one such as 64") from None


def parse_number(text: str) -> float:
    """A real number."""
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{text!r} is no number; wanted one such as 0.5") from None


def parse_setting(text: str) -> tuple[str, Any]:
    """``key=value`` as a pair; the value is JSON, or else a string."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"{text!r} sets nothing; wanted KEY=VALUE, such as stddev=0.01")
    try:
        return key.strip(), json.loads(value)
    except ValueError:
        return key.strip(), value


def parse_pair(text: str) -> tuple[str, str]:
    """``old=new`` as a pair."""
    old, equals, new = text.partition("=")
    if not equals or not old:
        raise UsageError(f"{text!r} is no pair; wanted OLD=NEW, such as Dense_0=encoder/0")
    return old, new


def parse_seeds(text: str) -> range | list[int]:
    """``first:stop`` as a range, or seeds separated by commas."""
    first, colon, stop = text.partition(":")
    if colon:
        return range(parse_seed(first) if first else 0, parse_seed(stop))
    return [parse_seed(seed) for seed in parse_names(text)]


def checked(parse: Callable[[str], T]) -> Callable[[str], T]:
    """``parse``, with errors that argparse shows as they are."""

    def parse_or_tell(text: str) -> T:
        try:
            return parse(text)
        except UnifinitError as error:
            raise ArgumentTypeError(str(error)) from error

    return parse_or_tell
