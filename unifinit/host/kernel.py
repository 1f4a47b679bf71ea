"""The compiled kernel: whether there is one, and at which level it runs.

A level is a set of instructions, such as AVX-512; all levels give the same bits. The environment variable
``UNIFINIT_KERNEL`` chooses one by name, or ``off``; by default it is the best one that the processor has.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any, NamedTuple

from unifinit.errors import ArgumentError, or_list
from unifinit.stream import tables

VARIABLE = "UNIFINIT_KERNEL"
OFF = "off"
INTERFACE = 1
"""That of the extension module that this package calls."""


class KernelStatus(NamedTuple):
    """What there is of the kernel.

    Attributes
    ----------
    level
        The level in use; None if the reference path is.
    levels
        All levels that this processor has, the best first.
    reason
        Why there is no level in use, or an empty string.
    """

    level: str | None
    levels: tuple[str, ...]
    reason: str = ""


def kernel_status() -> KernelStatus:
    """What there is of the kernel, and which level is in use."""
    return _status or _choose(os.environ.get(VARIABLE) or None, f"the environment variable {VARIABLE}")


def select(level: str | None) -> None:
    """Choose the level of this process.

    Parameters
    ----------
    level
        Its name, "off" for the reference path, or None for the best one.

    Raises
    ------
    ArgumentError
        If this processor, or this installation, has no such level.
    """
    _choose(level, "level")


@cache
def load() -> tuple[Any, KernelStatus]:
    """The extension module, None if there is none, and what there is before anything is chosen."""
    try:
        from unifinit.host import _kernel  # type: ignore[attr-defined]  # Compiled, if it was.
    except ImportError as error:
        return None, KernelStatus(None, (), f"it was not built, or cannot be loaded ({error})")
    if getattr(_kernel, "INTERFACE", None) != INTERFACE:
        return None, KernelStatus(None, (), "it is left over from another version; install unifinit again")
    _kernel.set_tables(tables.single(), tables.double())
    levels = tuple(_kernel.levels())
    return _kernel, KernelStatus(levels[0], levels)


def _choose(name: str | None, what: str) -> KernelStatus:
    global _status  # noqa: PLW0603 - one setting for the process
    best = load()[1]
    if name is None:
        _status = best
    elif name == OFF:
        _status = KernelStatus(None, best.levels, f"{what} is {OFF!r}")
    elif name in best.levels:
        _status = KernelStatus(name, best.levels)
    else:
        why = f" ({best.reason})" if best.reason else " on this processor"
        raise ArgumentError(f"{what} is {name!r}; wanted one of {or_list([*best.levels, OFF])}{why}")
    return _status


_status: KernelStatus | None = None
