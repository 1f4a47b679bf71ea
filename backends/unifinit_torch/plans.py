"""Plans as text, which a graph of PyTorch can hold, and a file with such a graph."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import Any
from uuid import uuid4

from unifinit.backend import ArgumentError, DType, Key, Plan, as_dtype

_LOCAL: dict[str, Plan] = {}
"""Plans that hold what no text tells, such as a function."""


def to_text(plan: Plan) -> str:
    """A text that tells all of a plan; where there is none, one by which this process alone finds it."""
    try:
        return json.dumps(_encoded(plan), separators=(",", ":"))
    except TypeError:
        for text, known in _LOCAL.items():
            if known == plan:
                return text
        text = json.dumps({"local": uuid4().hex})
        _LOCAL[text] = plan
        return text


@lru_cache(maxsize=4096)
def from_text(text: str) -> Plan:
    """The plan that a text tells.

    Raises
    ------
    ArgumentError
        If it is of another process, or of a version of unifinit that had other plans.
    """
    if text in _LOCAL:
        return _LOCAL[text]
    try:
        plan = _decoded(json.loads(text))
        if isinstance(plan, Plan):
            return plan
    except (ArithmeticError, AttributeError, ImportError, LookupError, TypeError, ValueError):
        pass
    raise ArgumentError(
        f"plan {text!r} is not known here: it holds a function or a class that is not unifinit's, which only "
        "the process that recorded it has, or it is of another version; wanted the graph to be recorded anew"
    )


def _encoded(value: Any) -> Any:
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) is tuple:
        return [_encoded(item) for item in value]
    cls = type(value)
    for kind, (known, parts, _) in _KINDS.items():
        if cls is known:
            return {kind: parts(value)}
    if not _is_ours(cls):
        raise TypeError(f"there is no text for a {cls.__name__}")
    return {f"{cls.__module__}:{cls.__name__}": [_encoded(vars(value)[name]) for name in cls.parts]}


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_decoded, value))
    if not isinstance(value, dict):
        return value
    ((kind, parts),) = value.items()
    if kind in _KINDS:
        return _KINDS[kind][2](parts)
    module, _, name = kind.partition(":")
    cls: Any = getattr(import_module(module), name) if module.startswith("unifinit.") else None
    if not _is_ours(cls):
        raise TypeError(f"{kind} is no part of plans")
    return cls(*map(_decoded, parts))


def _is_ours(cls: Any) -> bool:
    """Whether instances of a class are made of the parts that it names, by code of unifinit."""
    return isinstance(cls, type) and cls.__module__.startswith("unifinit.") and hasattr(cls, "parts")


_KINDS: dict[str, tuple[type, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "bytes": (bytes, lambda value: base64.b85encode(value).decode(), base64.b85decode),
    "complex": (complex, lambda value: [value.real, value.imag], lambda parts: complex(*parts)),
    "dtype": (DType, lambda value: value.name, as_dtype),
    "key": (Key, lambda value: value.seed, Key),
    "range": (range, lambda value: [value.start, value.stop, value.step], lambda parts: range(*parts)),
}
"""Other types: their names, what is written of a value, and how the value is made from that."""
