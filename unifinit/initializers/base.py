"""What all initializers share: hyperparameters, calls, configurations, and being values."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from inspect import Parameter, Signature, isabstract
from types import MappingProxyType
from typing import Any, ClassVar, Self, SupportsIndex, TypeAlias, TypeVar, dataclass_transform, overload

from unifinit import calls, dispatch, generators
from unifinit.compilers import read, read_as
from unifinit.content import Content
from unifinit.describe import Description
from unifinit.errors import ConfigError, UnknownInitializerError, or_list, suggestion
from unifinit.initializers import hyperparameters, keras_names
from unifinit.initializers.classes import CLASSES, named
from unifinit.initializers.hyperparameters import REQUIRED, Hyperparameter, checked
from unifinit.key import AnyKey, Key, as_key
from unifinit.layout import Layout, as_layout
from unifinit.plan import Plan, make_plan
from unifinit.types import (
    Array,
    DType,
    Shape,
    as_dtype,
    as_shape,
    require_floating,
    require_inexact,
)
from unifinit.values import Value
from unifinit.weight import Weight

Target = TypeVar("Target")

Seed: TypeAlias = SupportsIndex | AnyKey | Array | None

Aliases: TypeAlias = Mapping[str, Mapping[str, Any]]

OF_KERAS = ("module", "registered_name", "shared_object_id")
"""What Keras adds to a configuration."""
MOST_PLANS = 4096
_PLANS: dict[tuple[object, ...], Plan] = {}


class _Signature:
    """The signature of a class, worked out when somebody asks for it."""

    def __get__(self, instance: object, owner: type[Initializer]) -> Signature:
        if instance is not None:
            raise AttributeError("an initializer has the signature of its call")
        return Signature(
            [
                Parameter(
                    name,
                    Parameter.KEYWORD_ONLY if declared.kw_only else Parameter.POSITIONAL_OR_KEYWORD,
                    default=Parameter.empty if declared.default is REQUIRED else declared.default,
                )
                for name, declared in owner.hyperparameters.items()
            ]
        )


def initializer(*, default: Any = REQUIRED, optional: bool = False) -> Any:
    """The declaration of a hyperparameter that is an initializer itself, or identifies one."""
    return checked(
        lambda value, name: from_identifier(value, name),  # noqa: PLW0108 - it is defined below
        "an initializer, its name or its configuration",
        default=default,
        optional=optional,
    )


@dataclass_transform(
    frozen_default=True,
    field_specifiers=(
        hyperparameters.boolean,
        hyperparameters.checked,
        hyperparameters.choice,
        hyperparameters.real,
        hyperparameters.several,
        hyperparameters.whole,
        initializer,
    ),
)
class Initializer(Value, ABC):
    """Base of all initializers.

    An initializer is an immutable value: it can be compared, hashed, pickled and shared between threads. A
    subclass declares its hyperparameters and has the method ``content``::

        class Halves(Initializer):
            summary = "a share of the outputs"

            share: float = real(default=0.5, least=0)

            def content(self, weight, dtype):
                return fill(self.share / weight.columns, dtype)

    Attributes
    ----------
    summary
        One line for lists and for ``describe``.
    formula
        What the elements are, as a formula.
    source
        Where the formula comes from.
    aliases
        Names that others have for the class, each with the hyperparameters that differ from the defaults.
    hyperparameters
        Their declarations by name, in the order of the constructor.
    """

    summary: ClassVar[str] = ""
    formula: ClassVar[str] = ""
    source: ClassVar[str] = ""
    aliases: ClassVar[Aliases] = MappingProxyType({})
    hyperparameters: ClassVar[Mapping[str, Hyperparameter]] = MappingProxyType({})
    parts: ClassVar[tuple[str, ...]] = ()
    is_outermost: ClassVar[bool] = False
    """Whether it changes what the axes of a shape are, so that no other initializer can contain it."""
    __signature__ = _Signature()
    # TensorFlow's compiler would translate the code of a call, unless the object itself says no.
    autograph_info__: ClassVar[Mapping[str, object]] = MappingProxyType({})

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = {name: member for name, member in vars(cls).items() if isinstance(member, Hyperparameter)}
        if own:
            # Those that can be given by place come first.
            declared = sorted({**cls.hyperparameters, **own}.items(), key=lambda item: item[1].kw_only)
            cls.hyperparameters = MappingProxyType(dict(declared))
            cls.parts = tuple(cls.hyperparameters)
        abstract = getattr(cls.content, "__isabstractmethod__", False)
        if not abstract and not cls.__name__.startswith("_"):
            known = CLASSES.setdefault(cls.__name__, cls)
            if known.__module__ != cls.__module__:
                raise ConfigError(
                    f"{cls.__module__} defines an initializer {cls.__name__!r}, as {known.__module__} does; "
                    "wanted another name, or one that begins with an underscore, to keep it apart"
                )
            CLASSES[cls.__name__] = cls

    @read_as(lambda *a, **k: read("Initializer.__init__", a, k))
    def __init__(self, *arguments: Any, **named_arguments: Any) -> None:
        declared = self.hyperparameters
        if arguments:
            by_place = [name for name, one in declared.items() if not one.kw_only]
            if len(arguments) > len(by_place):
                raise TypeError(
                    f"{type(self).__name__} takes at most {len(by_place)} positional arguments, got "
                    f"{len(arguments)}; wanted {type(self).__name__}{type(self).__signature__}"
                )
            placed = dict(zip(by_place, arguments, strict=False))
            if twice := placed.keys() & named_arguments.keys():
                raise TypeError(f"{type(self).__name__} got {or_list(sorted(twice))} twice; wanted it once")
            named_arguments |= placed
        values = {}
        for name, one in declared.items():
            value = named_arguments.pop(name, one.default)
            if value is REQUIRED:
                raise TypeError(f"{type(self).__name__} got no {name}; wanted {name}: {one.constraint}")
            values[name] = one.checked(value, name)
        if named_arguments:
            unknown = next(iter(named_arguments))
            raise TypeError(
                f"{type(self).__name__} got an unexpected argument {unknown!r}"
                f"{suggestion(unknown, declared)}; wanted {or_list(declared) or 'none'}"
            )
        vars(self).update(values)
        self.validate()

    def validate(self) -> None:
        """Check what a declaration cannot say, such as the order of two hyperparameters.

        Raises
        ------
        ArgumentError
            If they do not go together.
        """

    def replace(self, **changes: Any) -> Self:
        """The same initializer with some other hyperparameters.

        Examples
        --------
        >>> import unifinit as ui
        >>> ui.RandomNormal(stddev=0.02).replace(seed=1)
        RandomNormal(stddev=0.02, seed=1)
        """
        return type(self)(**{**{name: vars(self)[name] for name in self.parts}, **changes})

    __replace__ = replace

    @abstractmethod
    def content(self, weight: Weight, dtype: DType) -> Content:
        """What a weight holds, in canonical order: a function of arguments and hyperparameters alone.

        Parameters
        ----------
        weight
            The shape in canonical order, ``(batch..., spatial..., in..., out...)``, and the fans.
        dtype
            The dtype of the elements.

        Raises
        ------
        ShapeError, LayoutError, DtypeError, ArgumentError
            If there is none.
        """

    def _check_dtype(self, dtype: DType) -> DType:
        return dtype

    def _key(self, seed: Seed) -> AnyKey | None:
        # A wrong seed is an error even where nothing is drawn.
        return None if seed is None else dispatch.as_any_key(seed)

    def _plan(self, shape: Shape, dtype: DType, layout: Layout) -> Plan:
        """A plan whose key is left open."""
        return make_plan(shape, dtype, layout, lambda weight: self.checked_content(weight, dtype))

    def weight(self, shape: Shape, *, layout: Layout) -> Weight:
        """The weight whose fans count: that of a layer, where a shape has a leading axis of layers."""
        return layout.weight(shape)

    def checked_content(self, weight: Weight, dtype: DType) -> Content:
        """What ``content`` returns, if there can be one of the dtype.

        Raises
        ------
        DtypeError
            If not.
        """
        return self.content(weight, self._check_dtype(dtype))

    @cached_property
    def _identity(self) -> tuple[object, ...] | None:
        """What two initializers share that differ in the seed alone; None if it cannot be told."""
        state: list[tuple[str, object]] = []
        for name, value in vars(self).items():
            if isinstance(value, Initializer):
                state.append((name, value._identity))
            elif name != "seed":
                # Representations, because 0.0 equals -0.0, and 1 equals True.
                state.append((name, repr(value) if is_plain(value) else None))
        return None if any(value is None for _, value in state) else (type(self), *state)

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in vars(self).items() if name != "_identity"}

    @overload
    def __call__(
        self,
        shape: object,
        dtype: object = None,
        *,
        like: Array | None = None,
        backend: Any = None,
        device: Any = None,
        seed: Seed = None,
        generator: Any = None,
        layout: Any = None,
    ) -> Array: ...

    @overload
    def __call__(
        self,
        key: AnyKey | Array,
        /,
        shape: object,
        dtype: object = None,
        *,
        like: Array | None = None,
        backend: Any = None,
        device: Any = None,
        layout: Any = None,
    ) -> Array: ...

    @read_as(lambda *a, **k: read("Initializer.__call__", a, k))
    def __call__(
        self,
        *arguments: Any,
        shape: object = None,
        dtype: object = None,
        like: Array | None = None,
        backend: Any = None,
        device: Any = None,
        seed: Seed = None,
        generator: Any = None,
        layout: Any = None,
        partition_info: Any = None,
    ) -> Array:
        """A new array: ``init(shape, dtype=None, ...)``, or with a key in front as libraries of JAX call it.

        Parameters
        ----------
        key : Key or array, optional
            Stands for ``seed`` in ``init(key, shape, dtype=None)``. One that is an array of a library
            chooses the backend too.
        shape : int or sequence of int
            The shape, in the order that ``layout`` names.
        dtype : str or dtype, optional
            A name ("float16", "bfloat16", "float32", "float64") or any framework's own object for it. By
            default that of ``like``, or else float32.
        like : array, optional
            An array of any supported library, which decides backend, dtype and device.
        backend : str or namespace, optional
            The name of a backend ("numpy", "torch", "tensorflow", "jax"), or an Array API namespace; by
            default that of ``like``, of a key in front, of ``generator``, or of the library whose own object
            ``dtype`` is, or else "numpy". It never changes a value, unless there is a generator.
        device : str or device, optional
            A name or the framework's own object; by default that of ``like``, or else the framework's
            default device.
        seed : int, Key or array, optional
            Wins over the initializer's own seed. If there is neither, fresh entropy is used. An array is a
            key of its framework: two 32-bit words, the upper one first, or a key of JAX; it may be traced.
        generator : optional
            The framework's own source of random numbers, which then draws instead of unifinit's stream: a
            ``torch.Generator``, a ``numpy.random.Generator``, a ``tf.random.Generator`` or a pair of seeds of
            TensorFlow, or a key of JAX. The values are those of the framework's own initializer of the name.
            Where it has none, the generator draws a key for unifinit's stream.
        layout : str or Layout, optional
            What the axes are, and their order, such as "OIHW", "OI..." or "depthwise HWIO"; by default
            ``(spatial..., in, out)``. A sharding, as Keras hands one over by this name, counts as ``device``.
        partition_info : optional
            By which TensorFlow 1 says which part of a partitioned variable it wants: ``shape`` is then that
            of the part, and the values are those of the whole.

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

        Examples
        --------
        >>> import unifinit as ui
        >>> bool((ui.HeNormal()(ui.Key(7), (2, 3)) == ui.HeNormal(seed=7)((2, 3))).all())
        True
        """
        if len(arguments) == 1 and shape is None:
            (shape,) = arguments
        else:
            key, shape, dtype = calls.ordered(type(self).__name__, arguments, shape, dtype)
            if key is not None:
                seed = calls.only_key(key, seed, generator)
                backend = calls.backend_of_key(key) if like is None and backend is None else backend
        if partition_info is not None:
            shape, index = calls.part(partition_info, shape)
            return self.shard(shape, index, dtype, backend=backend, seed=seed)
        if layout is not None and type(layout) is not str and (owner := calls.owner_of_place(layout)):
            device, layout, backend = layout, None, owner if backend is None else backend
        if generator is not None:
            return generators.create(
                self,
                generator,
                shape,
                dtype,
                seed=seed,
                like=like,
                backend=backend,
                device=device,
                layout=layout,
            )
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

    @read_as(lambda *a, **k: read("Initializer.shard", a, k))
    def shard(
        self,
        global_shape: object,
        index: object,
        dtype: object = None,
        *,
        like: Array | None = None,
        backend: Any = None,
        device: Any = None,
        seed: Seed = None,
        layout: str | Layout | None = None,
    ) -> Array:
        """A part of an array: what ``init(global_shape, ...)[index]`` would be, computed alone.

        Time and memory are those of the part, but for what the host computes as a whole: orthogonal matrices
        above all, of which each needs all of itself. Fans are those of the global shape.

        Parameters
        ----------
        global_shape : int or sequence of int
            The shape of the whole.
        index : int, slice, ellipsis or tuple of them
            Which part, as in NumPy; steps may be negative. Axes with an int are dropped.
        dtype, like, backend, device, seed, layout
            As in a call. Without a seed each part has entropy of its own, so parts do not fit together.

        Raises
        ------
        WindowError
            If ``index`` is malformed or out of range.
        UnifinitError
            As a call raises.

        Examples
        --------
        >>> import unifinit as ui
        >>> init = ui.HeNormal(seed=0)
        >>> bool((init.shard((512, 256), (slice(128, 256), 3)) == init((512, 256))[128:256, 3]).all())
        True
        """
        return dispatch.create(
            self._plan,
            self._key(seed),
            global_shape,
            dtype,
            like=like,
            backend=backend,
            device=device,
            layout=layout,
            index=index,
        )

    @read_as(lambda *a, **k: read("Initializer.fill_", a, k))
    def fill_(
        self,
        target: Target,
        *,
        seed: Seed = None,
        generator: Any = None,
        layout: str | Layout | None = None,
    ) -> Target:
        """Overwrite an array in place, with the values that a call with its shape and dtype gives.

        Parameters
        ----------
        target
            A writable NumPy array, a PyTorch tensor or parameter, or a ``tf.Variable``. Gradients
            are not recorded. It need not be contiguous.
        seed, generator, layout
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
        if generator is not None:
            generators.fill(self, generator, target, seed=seed, layout=layout)
        else:
            dispatch.fill(self._plan, self._key(seed), target, layout=layout)
        return target

    def plan(
        self,
        shape: object,
        dtype: object = "float32",
        *,
        seed: Seed = None,
        layout: str | Layout | None = None,
    ) -> Plan:
        """What a call with these arguments would compute, as a value; no array is made."""
        plan = self._plan(as_shape(shape), as_dtype(dtype), as_layout(layout))
        key = self._key(seed)
        return plan.with_key(as_key(None) if key is None and plan.content.needs_key else key)

    def describe(
        self,
        shape: object,
        dtype: object = "float32",
        *,
        layout: str | Layout | None = None,
    ) -> Description:
        """Fans, distribution, moments, bounds, and what other libraries draw for a shape; no array is made.

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
            fans=self.weight(plan.result_shape, layout=as_layout(layout)).fans,
            content=plan.content.label,
            moments=plan.moments(),
            untruncated_stddev=plan.content.untruncated_stddev(),
            expected_norm=math.sqrt(plan.content.mean_square() * plan.size),
            blocks=plan.content.blocks(plan.size),
        )

    def get_config(self) -> dict[str, Any]:
        """The hyperparameters by name, in types that JSON has.

        Raises
        ------
        ConfigError
            If one is a function, which no configuration can hold.
        """
        keras_names.register(type(self))  # Keras asks for a configuration before it asks for the name.
        return {name: to_plain(vars(self)[name], name) for name in self.parts}

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
        for name in config:
            if name not in cls.hyperparameters:
                raise ConfigError(
                    f"{cls.__name__} has no hyperparameter {name!r}"
                    f"{suggestion(str(name), cls.hyperparameters)}; "
                    f"wanted {or_list(cls.hyperparameters) or 'none'}"
                )
        required = (name for name, one in cls.hyperparameters.items() if one.default is REQUIRED)
        missing = [name for name in required if name not in config]
        if missing:
            raise ConfigError(f"config of {cls.__name__} has no {missing[0]!r}; wanted {or_list(missing)}")
        return cls(**config)

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{name}={_shown(vars(self)[name])}"
            for name, one in self.hyperparameters.items()
            if one.default is REQUIRED or vars(self)[name] != one.checked(one.default, name)
        )
        return f"{type(self).__name__}({shown})"


vars(Initializer.__call__)["__signature__"] = Signature(
    [
        Parameter("self", Parameter.POSITIONAL_ONLY),
        Parameter("shape", Parameter.POSITIONAL_OR_KEYWORD),
        Parameter("dtype", Parameter.POSITIONAL_OR_KEYWORD, default=None),
        Parameter("partition_info", Parameter.POSITIONAL_OR_KEYWORD, default=None),
        *(
            Parameter(name, Parameter.KEYWORD_ONLY, default=None)
            for name in ("like", "backend", "device", "seed", "generator", "layout")
        ),
    ]
)
"""Without a key in front. TensorFlow 1 and Keras look for names that they may hand over."""


class RandomInitializer(Initializer):
    """Base of the initializers that draw.

    Parameters
    ----------
    seed : int, Key or array, optional
        Used by calls that give none. With it, equal calls give equal values; derive a key for each
        parameter (``Key(0) / "conv1"``), or parameters of one shape will be equal.
    """

    seed: Seed = checked(
        lambda seed, _: dispatch.as_any_key(seed),
        "an integer from 0 to 2**64 - 1, a Key, or a framework's key",
        default=None,
        optional=True,
        kw_only=True,
    )

    has_complex: ClassVar[bool] = True
    """Whether complex arrays can be drawn."""

    def _key(self, seed: Seed) -> AnyKey | None:
        seed = self.seed if seed is None else seed
        return None if seed is None else dispatch.as_any_key(seed)

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

    def _check_dtype(self, dtype: DType) -> DType:
        require = require_inexact if self.has_complex else require_floating
        return require(dtype, type(self).__name__)


def is_plain(value: object) -> bool:
    """Whether the representation of a value tells all of it."""
    if type(value) is tuple:
        return all(map(is_plain, value))
    return type(value) in (bool, int, float, complex, str, type(None))


def from_identifier(identifier: object, what: str, config: Mapping[str, Any] | None = None) -> Initializer:
    """An initializer from its name, its configuration, its class, or itself.

    Raises
    ------
    UnknownInitializerError, ConfigError
        If it is none of these, or the configuration is malformed.
    """
    config = config or {}
    if isinstance(identifier, str):
        found = named(identifier)
        return _from_config(found.cls, {**found.config, **config})
    if isinstance(identifier, type) and issubclass(identifier, Initializer):
        if isabstract(identifier):
            raise UnknownInitializerError(
                f"{what} {identifier.__name__} is abstract; wanted one of its subclasses"
            )
        return identifier.from_config(config)
    if config:
        raise ConfigError(
            f"hyperparameters {sorted(config)} go with a name or a class, not with {identifier!r}"
        )
    if isinstance(identifier, Mapping):
        if set(identifier) - _known_entries(identifier) or not isinstance(identifier.get("class_name"), str):
            raise ConfigError(
                f"configuration {dict(identifier)!r} is malformed; wanted "
                "{'class_name': ..., 'config': {...}}, as unifinit.serialize returns"
            )
        return _from_config(named(identifier["class_name"]).cls, identifier.get("config", {}))
    if isinstance(identifier, Initializer):
        return identifier
    raise UnknownInitializerError(
        f"{what} {identifier!r} identifies no initializer of unifinit; wanted a name or an instance, such as "
        "'he_normal', or a configuration"
    )


def _known_entries(identifier: Mapping[str, Any]) -> set[str]:
    """The entries that a configuration may have; Keras adds some to those that it has saved."""
    is_of_keras = (
        identifier.get("registered_name") == f"{keras_names.NAMESPACE}>{identifier.get('class_name')}"
    )
    return {"class_name", "config", *(OF_KERAS if is_of_keras else ())}


def _from_config(cls: type[Initializer], config: Mapping[str, Any]) -> Initializer:
    return cls.from_config(config)


def to_plain(value: object, name: str) -> object:
    """A hyperparameter in types that JSON has.

    Raises
    ------
    ConfigError
        If there are none for it.
    """
    if isinstance(value, Key):
        return value.seed
    if isinstance(value, Initializer):
        return {"class_name": type(value).__name__, "config": value.get_config()}
    if isinstance(value, complex):
        return {"real": value.real, "imag": value.imag}
    if hasattr(value, "to_config"):
        config: object = value.to_config()
        return config
    if isinstance(value, tuple):
        return [to_plain(item, name) for item in value]
    if not is_plain(value):
        raise ConfigError(f"{name} is {value!r}, which no configuration can hold; wanted numbers or strings")
    return value


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    return repr(value.seed if isinstance(value, Key) else value)
