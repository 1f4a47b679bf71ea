"""The errors that unifinit raises: each says what was got, what was wanted and what to do next.

Every class also derives from the built-in exception that a caller would expect, so that code which
catches ``ValueError`` or ``TypeError`` keeps working.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING


class UnifinitError(Exception):
    """Base of all errors raised by unifinit."""

    if not TYPE_CHECKING:
        # TensorFlow keeps the class of an error in what it translates only if it is made as exceptions are.
        __init__ = Exception.__init__


class ArgumentError(UnifinitError, ValueError):
    """An argument is outside of its documented range."""


class ShapeError(ArgumentError):
    """A shape is malformed, too large, or unsuited to the initializer."""


class WindowError(ArgumentError, IndexError):
    """An index is no window of the shape."""


class LayoutError(ArgumentError):
    """A layout is malformed, or does not fit the shape."""


class SeedError(ArgumentError):
    """A seed or a key is not an integer in the documented range, nor a ``Key``."""


class ConfigError(ArgumentError):
    """A configuration does not describe an initializer."""


class UnknownInitializerError(ConfigError, LookupError):
    """No initializer has that name."""


class PathError(ArgumentError):
    """A path of a parameter is malformed, or stands for two of them."""


class RuleError(ArgumentError):
    """A rule for the parameters of a model is malformed, or contradicts another one."""


class UnmatchedParameterError(RuleError, LookupError):
    """No rule says how a parameter of a model is to start."""


class UnsupportedModelError(UnifinitError, TypeError):
    """An object is no model of any installed library, and no mapping, list or dataclass of arrays."""


class SpecError(ConfigError):
    """A specification of a model's start is malformed."""


class MissingPackageError(UnifinitError, ImportError):
    """A package is not installed that is needed for what was asked."""


class UnusedRuleWarning(UserWarning):
    """A rule decides nothing."""


class DtypeError(UnifinitError, TypeError):
    """A dtype is unknown, or neither the initializer nor the backend can produce it."""


class DeviceError(ArgumentError):
    """The backend has no such device."""


class UnsupportedArrayError(UnifinitError, TypeError):
    """An object is no array of any installed backend, nor of an Array API library."""


class TargetError(UnifinitError, ValueError):
    """An array cannot be filled in place."""


class CheckpointError(UnifinitError, ValueError):
    """A file is no checkpoint, or a damaged one."""


class StreamError(UnifinitError, RuntimeError):
    """Processes that work together compute different streams."""


class BackendError(UnifinitError):
    """Base of the errors about backends and plugins."""


class UnknownBackendError(BackendError, LookupError):
    """No plugin provides a backend of that name."""


class BackendUnavailableError(BackendError, ImportError):
    """A backend is known but cannot be used: missing, broken or disabled."""


def or_list(names: Iterable[str]) -> str:
    """Names as a readable list for an error message."""
    return ", ".join(repr(name) for name in names)


def suggestion(name: str, known: Iterable[str]) -> str:
    """``" (did you mean 'x'?)"`` for the known name closest to ``name``, or nothing."""
    from difflib import get_close_matches  # Not at the top: only errors need it.

    close = get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
