"""What all initializers share: calls, configurations, and being values."""

from __future__ import annotations

import dataclasses
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self, SupportsIndex, TypeVar

from unifinit import dispatch
from unifinit.describe import Description
from unifinit.distributions.parameters import finite
from unifinit.errors import ArgumentError, ConfigError, or_list, suggestion
from unifinit.key import Key, as_key
from unifinit.layout import Layout, as_layout
from unifinit.plan import Content, Plan, make_plan
from unifinit.types import Array, DType, Shape, as_dtype, as_shape, require_floating
from unifinit.weight import Weight

Target = TypeVar("Target")

MOST_PLANS = 4096
_PLANS: dict[tuple[object, ...], Plan] = {}

CLASSES: dict[str, type[Initializer]] = {}
"""Every concrete initializer by the name of its class."""


@dataclass(frozen=True, repr=False)
class Initializer(ABC):
    """Base of all initializers.

    An initializer is an immutable value: it can be compared, hashed, pickled and shared between threads. A
    subclass is a frozen dataclass whose fields are its hyperparameters, with the method ``_content``.
    """

    summary: ClassVar[str] = ""
    """One line for lists and for ``describe``."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        abstract = getattr(cls._content, "__isabstractmethod__", False)
        if not abstract and not cls.__name__.startswith("_"):
            known = CLASSES.setdefault(cls.__name__, cls)
            if known.__module__ != cls.__module__:
                raise ConfigError(
                    f"{cls.__module__} defines an initializer {cls.__name__!r}, as {known.__module__} does; "
                    "wanted another name, or one that begins with an underscore, to keep it apart"
                )
            CLASSES[cls.__name__] = cls

    @abstractmethod
    def _content(self, weight: Weight, dtype: DType) -> Content:
        """What a weight holds, in canonical order: a function of arguments and hyperparameters alone."""

    def _check_dtype(self, dtype: DType) -> DType:
        return dtype

    def _key(self, seed: SupportsIndex | Key | None) -> Key | None:
        # No entropy is spent where nothing is drawn, but a wrong seed is an error all the same.
        return None if seed is None else as_key(seed)

    def _plan(self, shape: Shape, dtype: DType, layout: Layout) -> Plan:
        """A plan whose key is left open."""
        return make_plan(shape, dtype, layout, lambda weight: self._content(weight, self._check_dtype(dtype)))

    def __call__(
        self,
        shape: object,
        dtype: object = None,
        *,
        like: Array | None = None,
        backend: Any = None,
        device: Any = None,
        seed: SupportsIndex | Key | None = None,
        layout: str | Layout | None = None,
    ) -> Array:
        """A new array.

        Parameters
        ----------
        shape : int or sequence of int
            The shape, in the order that ``layout`` names.
        dtype : str or dtype, optional
            A name ("float16", "bfloat16", "float32", "float64") or any framework's own object for it. By
            default that of ``like``, or else float32.
        like : array, optional
            An array of any supported library, which decides backend, dtype and device.
        backend : str or namespace, optional
            The name of a backend ("numpy", "torch", "tensorflow", "jax"), or an Array API namespace; by
            default that of ``like``, or else "numpy". It never changes a value.
        device : str or device, optional
            A name or the framework's own object; by default that of ``like``, or else the framework's
            default device.
        seed : int or Key, optional
            Wins over the initializer's own seed. If there is neither, fresh entropy is used.
        layout : str or Layout, optional
            What the axes are, and their order, such as "OIHW", "OI..." or "depthwise HWIO"; by default
            ``(spatial..., in, out)``.

        Returns
        -------
        array
            Of the backend's own type.

        Raises
        ------
        ShapeError, LayoutError, SeedError, DtypeError, DeviceError, ArgumentError
            If an argument is wrong; nothing has been allocated then.
        UnknownBackendError, BackendUnavailableError, UnsupportedArrayError
            If there is no backend to create the array.
        """
        return dispatch.create(
            self._plan,
            self._key(seed),
            shape,
            dtype,
            like=like,
            backend=backend,
            device=device,
            layout=layout,
        )

    def fill_(
        self,
        target: Target,
        *,
        seed: SupportsIndex | Key | None = None,
        layout: str | Layout | None = None,
    ) -> Target:
        """Overwrite an array in place, with the values that a call with its shape and dtype gives.

        Parameters
        ----------
        target
            A writable NumPy array, a PyTorch tensor or parameter, or a ``tf.Variable``. Gradients
            are not recorded. It need not be contiguous.
        seed, layout
            As in a call.

        Returns
        -------
        array
            ``target``.

        Raises
        ------
        TargetError
            If ``target`` cannot be written to, as arrays of JAX and read-only ones.
        ShapeError, LayoutError, SeedError, DtypeError, ArgumentError, UnsupportedArrayError
            If an argument is wrong; nothing has been written then.
        """
        dispatch.fill(self._plan, self._key(seed), target, layout=layout)
        return target

    def plan(
        self,
        shape: object,
        dtype: object = "float32",
        *,
        seed: SupportsIndex | Key | None = None,
        layout: str | Layout | None = None,
    ) -> Plan:
        """What a call with these arguments would compute, as a value; no array is made."""
        return self._plan(as_shape(shape), as_dtype(dtype), as_layout(layout)).with_key(self._key(seed))

    def describe(
        self,
        shape: object,
        dtype: object = "float32",
        *,
        layout: str | Layout | None = None,
    ) -> Description:
        """Fans, distribution, moments and bounds for a shape; no array is made.

        Examples
        --------
        >>> import unifinit as ui
        >>> print(ui.HeNormal().describe((3, 3, 64, 128)).fan_in)
        576
        """
        plan = self.plan(shape, dtype, seed=Key(0), layout=layout)
        return Description(
            name=type(self).__name__,
            summary=self.summary,
            config=self.get_config(),
            shape=plan.result_shape,
            layout=as_layout(layout).text,
            dtype=plan.dtype.name,
            fans=as_layout(layout).weight(plan.result_shape).fans,
            content=type(plan.content).__name__,
            moments=plan.moments(),
        )

    def get_config(self) -> dict[str, Any]:
        """The hyperparameters by name, in types that JSON has."""
        return {field.name: _plain(getattr(self, field.name)) for field in _fields(self)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The initializer that has a configuration; what is left out has its default.

        Raises
        ------
        ConfigError
            If ``config`` has a name that is no hyperparameter.
        """
        if not isinstance(config, Mapping):
            raise ConfigError(
                f"config of {cls.__name__} is {config!r}; wanted a mapping, as get_config() returns"
            )
        known = [field.name for field in _fields(cls)]
        for name in config:
            if name not in known:
                raise ConfigError(
                    f"{cls.__name__} has no hyperparameter {name!r}{suggestion(str(name), known)}; "
                    f"wanted {or_list(known) or 'none'}"
                )
        return cls(**config)

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{field.name}={_plain(value)!r}"
            for field in _fields(self)
            if (value := getattr(self, field.name)) != field.default
        )
        return f"{type(self).__name__}({shown})"


@dataclass(frozen=True, repr=False)
class RandomInitializer(Initializer):
    """Base of the initializers that draw.

    Parameters
    ----------
    seed : int or Key, optional
        Used by calls that give none. With it, equal calls give equal values; derive a key for each
        parameter (``Key(0) / "conv1"``), or parameters of one shape will be equal.
    """

    seed: SupportsIndex | Key | None = dataclasses.field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.seed is not None:
            object.__setattr__(self, "seed", as_key(self.seed))

    def _key(self, seed: SupportsIndex | Key | None) -> Key:
        return as_key(self.seed if seed is None else seed)

    def _plan(self, shape: Shape, dtype: DType, layout: Layout) -> Plan:
        """A plan whose key is left open; remembered, as a model asks for the same one many times."""
        if self._identity is None:
            return super()._plan(shape, dtype, layout)
        known = (self._identity, shape, dtype, layout.text)
        plan = _PLANS.get(known)
        if plan is None:
            if len(_PLANS) >= MOST_PLANS:
                _PLANS.clear()
            plan = _PLANS[known] = super()._plan(shape, dtype, layout)
        return plan

    @cached_property
    def _identity(self) -> tuple[object, ...] | None:
        """What two initializers share that differ in the seed alone; None if it cannot be told."""
        state = {name: value for name, value in vars(self).items() if name != "seed"}
        if not all(type(value) in (bool, int, float, str, type(None)) for value in state.values()):
            return None
        # Representations, because 0.0 equals -0.0, and 1 equals True.
        return (type(self), *map(repr, state.items()))

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in vars(self).items() if name != "_identity"}

    def _check_dtype(self, dtype: DType) -> DType:
        return require_floating(dtype, type(self).__name__)


def snake_case(name: str) -> str:
    """``GlorotUniform`` as ``glorot_uniform``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def check_real(instance: Initializer, *names: str, least: float | None = None) -> None:
    """Turn fields into finite floats.

    Raises
    ------
    ArgumentError
        If one is not a finite real number, or below ``least``.
    """
    for name in names:
        value = finite(getattr(instance, name), name)
        if least is not None and value < least:
            raise ArgumentError(f"{name} is {value}; wanted at least {least:g}")
        object.__setattr__(instance, name, value)


def _fields(initializer: Initializer | type[Initializer]) -> list[dataclasses.Field[Any]]:
    """The hyperparameters in the order of the constructor, keywords last."""
    return sorted(dataclasses.fields(initializer), key=lambda field: bool(field.kw_only))


def _plain(value: object) -> object:
    return value.seed if isinstance(value, Key) else list(value) if isinstance(value, tuple) else value
