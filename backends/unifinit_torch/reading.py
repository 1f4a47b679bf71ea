"""What ``torch.compile`` reads in place of the public calls of unifinit.

Some functions here are constant: they are called while the code is read, with arguments that are known by
then, and make plans as if nothing were compiled. The others are read, and lead to the operator.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, TypeVar
from uuid import uuid4

import array_api_compat.torch as xp
import numpy as np
import torch
from torch._C._dynamo import eval_frame
from torch.fx.experimental.symbolic_shapes import guard_scalar

from unifinit.backend import ArgumentError, Key, Plan, TracedKey
from unifinit_torch.backend import TorchBackend, is_spread
from unifinit_torch.compiled import MASK, create, words_of
from unifinit_torch.plans import to_text

Call = Callable[..., Any]
Function = TypeVar("Function", bound=Call)

CALLS: dict[str, Call] = {}
"""The public calls, by their names."""
KEPT = SimpleNamespace()
"""Objects that the code constructs, and those that they are made of, by names."""
MARK = "kept by unifinit: "
"""Begins a text that stands for such an object among constants."""
SKIP = eval_frame._FrameExecStrategy(eval_frame._FrameAction.SKIP, eval_frame._FrameAction.SKIP)


class Recorder(TorchBackend):
    """A backend whose arrays are plans."""

    def run(self, plan: Plan, device: Any) -> Any:
        """The plan."""
        return plan

    def is_tracing(self) -> bool:
        """True: without a seed there is no plan."""
        return True


# What is called while code is read.


def constant(function: Function) -> Function:
    """Have a function called while code is read."""
    marked: Function = torch.compiler.assume_constant_result(function)
    return marked


@constant
def planned(name: str, init: Any, arguments: Any, options: Any, device: Any, seed: Any) -> str:
    """The text of the plan of a call; ``init`` is None if it is one of a function."""
    arguments, options, seed = real(arguments), dict(real(options)), real(seed)
    if init is None:
        arguments = (seed, *arguments)
    else:
        arguments, options["seed"] = (init, *arguments), seed
    return to_text(CALLS[name](*arguments, backend=Recorder(), device=device, **options))


@constant
def constructed(cls: type[Any], arguments: Any, named: Any) -> str:
    """The name of a new initializer."""
    init = object.__new__(cls)
    CALLS["Initializer.__init__"](init, *real(arguments), **dict(real(named)))
    return name_of(init)


@constant
def kept(value: Any) -> str:
    """The name of an object."""
    return name_of(value)


@constant
def kept_key(seed: int) -> str:
    """The name of a key."""
    return name_of(Key(seed))


@constant
def folded(seed: int, data: int) -> str:
    """The seed of a derived key, as a text, since not every number that a function returns is a constant."""
    return str(CALLS["Key.fold_in"](Key(seed), data).seed)


@constant
def is_torch(backend: Any) -> bool:
    """Whether ``backend=`` names PyTorch."""
    return isinstance(backend, TorchBackend) or any(backend is one for one in ("torch", torch, xp))


@constant
def refuse_tensor() -> None:
    """Raise an error for what is made of what is computed."""
    raise ArgumentError(
        "an argument is a tensor of the compiled code, or a number of NumPy, which the compiler takes for "
        "one; wanted numbers of Python, or an initializer that is made outside of the compiled code"
    )


def name_of(value: Any) -> str:
    """The name of an object, under which it is kept as long as the process lasts."""
    for name, known in vars(KEPT).items():
        if known is value:
            return name
    name = f"object_{uuid4().hex}"  # An object can be pickled, and meet others of the name elsewhere.
    setattr(KEPT, name, value)
    return name


def real(value: Any) -> Any:
    """What ``fixed`` was called with."""
    if isinstance(value, str) and value.startswith(MARK):
        return getattr(KEPT, value.removeprefix(MARK))
    return tuple(map(real, value)) if isinstance(value, tuple) else value


# What is read.

stop = torch.compiler.disable(
    lambda: None,
    reason="in compiled code unifinit makes plain tensors; wanted backend='torch', or like= a torch tensor",
)
"""Ends the compiled code before the public call, which is then made as if nothing were compiled."""


def fixed(value: Any) -> Any:
    """Arguments as constants: another value of a number that is a symbol compiles the code anew."""
    if value is None or isinstance(value, (str, bytes, complex, torch.dtype, torch.device)):
        return value
    if isinstance(value, (int, float)):
        return guard_scalar(value)
    if isinstance(value, (tuple, list)):
        return tuple([fixed(item) for item in value])
    if isinstance(value, slice):
        return slice(fixed(value.start), fixed(value.stop), fixed(value.step))
    if isinstance(value, (torch.Tensor, np.ndarray)):
        refuse_tensor()
    if isinstance(value, Key):
        return MARK + kept_key(seed_of(value))
    return MARK + (value._kept if hasattr(value, "_kept") else kept(value))


def seed_of(key: Key) -> int:
    """The seed of a key as a constant: a key that is an argument compiles the code anew."""
    first, second = key.words
    seed: int = guard_scalar(first) << 32 | guard_scalar(second)
    return seed


def fold_in(self: Key, data: Any) -> Key:
    """Read for ``Key.fold_in``."""
    return Key(int(folded(seed_of(self), guard_scalar(operator.index(data))) + ""))


def construct(self: Any, *arguments: Any, **named: Any) -> None:
    """Read for the constructor, which is called with constants, and a tensor as a seed at most."""
    words = None
    if isinstance(named.get("seed"), torch.Tensor) and "seed" in type(self).parts:
        words = named.pop("seed")
    # Texts that a function returns become constants of the code with an operation.
    name = constructed(type(self), fixed(arguments), fixed(tuple(named.items()))) + ""
    made = getattr(KEPT, name)
    for part in type(self).parts:
        object.__setattr__(self, part, getattr(made, part))
    object.__setattr__(self, "_kept", name)
    object.__setattr__(self, "_words", words)


def created(
    name: str,
    init: Any,
    arguments: tuple[Any, ...],
    seed: Any,
    dtype: Any = None,
    *,
    like: Any = None,
    backend: Any = None,
    device: Any = None,
    **options: Any,
) -> torch.Tensor:
    """Read for the public call of a name: a new tensor, by the operator."""
    if isinstance(device, tuple) or not (is_torch(backend) if like is None else is_plain(like, backend)):
        stop()
    if like is not None and dtype is None and name != "bits":
        dtype = like.dtype
    if device is not None:
        place = torch.device(device)
    else:
        place = torch.empty(0).device if like is None else like.device
    if hasattr(init, "_kept"):
        seed = init._words if seed is None else seed
        init = getattr(KEPT, init._kept)
    key = words = None
    if isinstance(seed, torch.Tensor):
        words = words_of(seed)
    elif isinstance(seed, TracedKey):
        words = torch.stack(list(seed.words))
    elif isinstance(seed, Key):
        key = list(seed.words)
    elif isinstance(seed, int) and not isinstance(seed, bool):
        key = [seed >> 32, seed & MASK]
    # A key that is given is no part of the plan, so that nothing is compiled anew for another one.
    known = fixed(seed) if key is None and words is None else 0
    arguments = fixed((*arguments, dtype))
    text = planned(name, init, arguments, fixed(tuple(options.items())), fixed(device), known) + ""
    return create(text, key, words, device=place)


def is_plain(x: Any, backend: Any) -> bool:
    """Whether an array is a tensor of the backend, and not spread over processes."""
    return isinstance(x, torch.Tensor) and not is_spread(x) and (backend is None or is_torch(backend))


def call(
    self: Any, shape: Any, *dtype: Any, seed: Any = None, generator: Any = None, **options: Any
) -> torch.Tensor:
    """Read for a call of an initializer."""
    # PyTorch's generators and the calls of JAX's libraries have no place in compiled code.
    if generator is not None or len(dtype) > 1 or (dtype and isinstance(dtype[0], (tuple, list))):
        stop()
    return created("Initializer.__call__", self, (shape,), seed, *dtype, **options)


def shard(self: Any, shape: Any, index: Any, *dtype: Any, seed: Any = None, **options: Any) -> torch.Tensor:
    """Read for ``Initializer.shard``."""
    return created("Initializer.shard", self, (shape, index), seed, *dtype, **options)


def fill_(self: Any, target: Any, *, seed: Any = None, generator: Any = None, **options: Any) -> Any:
    """Read for ``Initializer.fill_``."""
    if generator is not None or not is_plain(target, None):
        stop()
    made = call(self, target.shape, seed=seed, like=target, **options)
    with torch.no_grad():
        target.copy_(made)
    return target


def drawing(name: str) -> Call:
    """What is read for a random function."""

    def draw(key: Any, shape: Any, *dtype: Any, **options: Any) -> torch.Tensor:
        return created(name, None, (shape,), key, *dtype, **options)

    return draw


READ: dict[str, Call] = {
    "Initializer.__init__": construct,
    "Initializer.__call__": call,
    "Initializer.fill_": fill_,
    "Initializer.shard": shard,
    "Key.fold_in": fold_in,
    **{name: drawing(name) for name in ("bits", "normal", "truncated_normal", "uniform")},
}


def instead_of(calls: Mapping[str, Call]) -> dict[str, Call]:
    """What is read in place of the public calls."""
    CALLS.update(calls)
    for function in calls.values():
        # Where the compiled code ends before a call, nothing in the call shall be compiled.
        eval_frame.set_code_exec_strategy(function.__code__, SKIP)
    return READ
