"""Hyperparameters: declared with their default and their constraint, checked in one place.

A class says ``gain: float = real(default=1.0, least=0)``. Its constructor then takes a ``gain``, refuses what
the constraint forbids before anything else happens, and keeps a plain Python number. Tests violate each
declared constraint; documentation shows it.
"""

from __future__ import annotations

import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from unifinit.distributions.parameters import finite
from unifinit.errors import ArgumentError, or_list, suggestion

REQUIRED: Any = type("Required", (), {"__repr__": lambda _: "REQUIRED"})()
"""The default of a hyperparameter that has none."""


class Hyperparameter(ABC):
    """A hyperparameter of an initializer.

    Attributes
    ----------
    default
        Its default; ``REQUIRED`` if there is none.
    kw_only
        Whether the constructor takes it by name alone.
    optional
        Whether it may be None.
    """

    def __init__(self, default: Any, *, kw_only: bool = False, optional: bool = False) -> None:
        self.default = default
        self.kw_only = kw_only
        self.optional = optional

    def checked(self, value: Any, name: str) -> Any:
        """A value as an immutable object of plain Python types.

        Raises
        ------
        ArgumentError
            If the constraint forbids it.
        """
        return None if value is None and self.optional else self._checked(value, name)

    @property
    def constraint(self) -> str:
        """What a value has to be, in words."""
        return f"{self._constraint()}, or None" if self.optional else self._constraint()

    @abstractmethod
    def _checked(self, value: Any, name: str) -> Any: ...

    @abstractmethod
    def _constraint(self) -> str: ...


class Real(Hyperparameter):
    """A finite real number within bounds, which becomes a float."""

    def __init__(
        self,
        default: Any,
        *,
        least: float = -math.inf,
        most: float = math.inf,
        above: float = -math.inf,
        below: float = math.inf,
        none: float | None = None,
        **options: bool,
    ) -> None:
        super().__init__(default, **options)
        self.least, self.most, self.above, self.below, self.none = least, most, above, below, none

    def _checked(self, value: Any, name: str) -> float:
        if value is None and self.none is not None:
            return self.none
        number = finite(value, name)
        if number < self.least or number > self.most or not self.above < number < self.below:
            raise ArgumentError(f"{name} is {number}; wanted {self._bounds()}")
        return number

    def _bounds(self) -> str:
        bounds = {
            "at least": self.least,
            "at most": self.most,
            "more than": self.above,
            "less than": self.below,
        }
        return " and ".join(f"{word} {bound:g}" for word, bound in bounds.items() if math.isfinite(bound))

    def _constraint(self) -> str:
        return ", ".join(filter(None, ("a finite number", self._bounds())))


class Whole(Hyperparameter):
    """An integer within bounds."""

    def __init__(self, default: Any, *, least: int = 0, most: int = 2**63 - 1, **options: bool) -> None:
        super().__init__(default, **options)
        self.least, self.most = least, most

    def _checked(self, value: Any, name: str) -> int:
        try:
            # Booleans of Python and of NumPy are integers, but never meant as such here.
            if type(value).__name__ in ("bool", "bool_"):
                raise TypeError
            number = operator.index(value)
        except (TypeError, ValueError, AttributeError):
            raise ArgumentError(f"{name} is {value!r}; wanted {self._constraint()}") from None
        if not self.least <= number <= self.most:
            raise ArgumentError(f"{name} is {number}; wanted {self._constraint()}")
        return number

    def _constraint(self) -> str:
        bound = "" if self.most == 2**63 - 1 else f" and at most {self.most}"
        return f"an integer, at least {self.least}{bound}"


class Boolean(Hyperparameter):
    """True or False."""

    def _checked(self, value: Any, name: str) -> bool:
        if type(value).__name__ not in ("bool", "bool_"):
            raise ArgumentError(f"{name} is {value!r}; wanted True or False")
        return bool(value)

    def _constraint(self) -> str:
        return "True or False"


class Choice(Hyperparameter):
    """One of some strings."""

    def __init__(self, default: Any, options: Iterable[str], **rest: bool) -> None:
        super().__init__(default, **rest)
        self.options = tuple(options)

    def _checked(self, value: Any, name: str) -> str:
        if not isinstance(value, str) or value not in self.options:
            raise ArgumentError(
                f"{name} is {value!r}{suggestion(str(value), self.options)}; wanted {self._constraint()}"
            )
        return str(value)

    def _constraint(self) -> str:
        return f"one of {or_list(self.options)}"


class Several(Hyperparameter):
    """A sequence whose elements each satisfy a constraint, which becomes a tuple."""

    def __init__(self, default: Any, element: Hyperparameter, *, least: int = 0, **options: bool) -> None:
        super().__init__(default, **options)
        self.element, self.least = element, least

    def _checked(self, value: Any, name: str) -> tuple[Any, ...]:
        plain = isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray))
        if not plain and not hasattr(value, "__array__"):
            raise ArgumentError(f"{name} is {value!r}; wanted {self._constraint()}")
        try:
            elements = tuple(value)
        except (TypeError, ValueError) as error:
            raise ArgumentError(f"{name} is {value!r} ({error}); wanted {self._constraint()}") from None
        if len(elements) < self.least:
            raise ArgumentError(f"{name} has {len(elements)} elements; wanted at least {self.least}")
        return tuple(self.element.checked(item, f"{name}[{i}]") for i, item in enumerate(elements))

    def _constraint(self) -> str:
        return f"a sequence, each element {self.element.constraint}"


class Checked(Hyperparameter):
    """Whatever a function accepts: it returns the value to keep, or raises an ``ArgumentError``."""

    def __init__(
        self, default: Any, check: Callable[[Any, str], Any], constraint: str, **options: bool
    ) -> None:
        super().__init__(default, **options)
        self._check, self._words = check, constraint

    def _checked(self, value: Any, name: str) -> Any:
        return self._check(value, name)

    def _constraint(self) -> str:
        return self._words


# With these, a class declares its hyperparameters. They return Any, so that a type checker takes the
# annotation beside them for the type.


def real(
    *,
    default: Any = REQUIRED,
    least: float = -math.inf,
    most: float = math.inf,
    above: float = -math.inf,
    below: float = math.inf,
    none: float | None = None,
    optional: bool = False,
    kw_only: bool = False,
) -> Any:
    """A finite real number.

    Parameters
    ----------
    default
        Its default; required if there is none.
    least, most
        Bounds that it may reach.
    above, below
        Bounds that it may not reach.
    none
        The number that None stands for.
    optional
        Whether it may be None.
    kw_only
        Whether the constructor takes it by name alone.
    """
    bounds = {"least": least, "most": most, "above": above, "below": below}
    return Real(default, **bounds, none=none, optional=optional, kw_only=kw_only)  # type: ignore[arg-type]


def whole(
    *,
    default: Any = REQUIRED,
    least: int = 0,
    most: int = 2**63 - 1,
    optional: bool = False,
    kw_only: bool = False,
) -> Any:
    """An integer; the arguments are those of ``real``."""
    return Whole(default, least=least, most=most, optional=optional, kw_only=kw_only)


def boolean(*, default: Any = REQUIRED, kw_only: bool = False) -> Any:
    """True or False."""
    return Boolean(default, kw_only=kw_only)


def choice(
    options: Iterable[str], *, default: Any = REQUIRED, optional: bool = False, kw_only: bool = False
) -> Any:
    """One of some strings."""
    return Choice(default, options, optional=optional, kw_only=kw_only)


def several(
    element: Any, *, default: Any = REQUIRED, least: int = 0, optional: bool = False, kw_only: bool = False
) -> Any:
    """A sequence of at least some elements; ``element`` is the declaration of one, as ``real()``."""
    return Several(default, element, least=least, optional=optional, kw_only=kw_only)


def checked(
    check: Callable[[Any, str], Any],
    constraint: str,
    *,
    default: Any = REQUIRED,
    optional: bool = False,
    kw_only: bool = False,
) -> Any:
    """Whatever a function of a value and a name accepts.

    The function returns the value to keep, or raises an ``ArgumentError``; ``constraint`` says in words what
    it accepts.
    """
    return Checked(default, check, constraint, optional=optional, kw_only=kw_only)
