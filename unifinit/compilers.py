"""What compilers find that read Python code, as that of PyTorch does.

Such a compiler would record how plans are made, step by step, or fail at it. So it is told to read something
else in place of each public call: what the backend offers, which leads to one operator that runs a plan. It
looks for attributes of functions. They import nothing, and calls that are not compiled never see them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from unifinit import key
from unifinit.key import Key
from unifinit.registry import registry

Function = TypeVar("Function", bound=Callable[..., Any])

_CALLS: dict[str, Callable[..., Any]] = {}
_READ: dict[str, Callable[..., Any]] = {}


def read_as(other: Callable[..., Any]) -> Callable[[Function], Function]:
    """Have compilers read another function, which closes over nothing, in place of a public call."""

    def mark(function: Function) -> Function:
        _CALLS[function.__qualname__] = function
        vars(function)["_torchdynamo_inline"] = other
        vars(function)[
            "autograph_info__"
        ] = {}  # TensorFlow's, which would translate the code, leaves it alone.
        return function

    return mark


def constant(function: Function) -> Function:
    """Have compilers call a function while they read; what it returns is a constant of the compiled code."""
    vars(function)["_dynamo_marked_constant"] = True
    return function


def read(name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """What is read in place of the public call of a name."""
    _load()
    return _READ[name](*arguments, **named)


@constant
def _load() -> None:
    if not _READ:
        # PyTorch is the one framework whose compiler reads the code of others.
        backend: Any = registry().get("torch")
        _READ.update(backend.compiled_calls(_CALLS))


constant(key.digest)
read_as(lambda *a, **k: read("Key.fold_in", a, k))(Key.fold_in)
