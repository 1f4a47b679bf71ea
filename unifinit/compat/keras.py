"""The names of ``keras.initializers``, drawn by unifinit on each backend of Keras.

The classes are subclasses of Keras': their arguments, attributes, errors, configurations and ``clone`` are
Keras' own, layers recognise them, and ``keras.saving`` saves and loads them. As in Keras, an integer as a
seed, or none, gives the same values at each call, and a ``keras.random.SeedGenerator`` advances. Values for
an integer are those of the same class of unifinit with that seed; Keras' own differ between its backends.

Importing this module also lets Keras load what has been saved with initializers of unifinit itself.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

import keras
from keras.initializers import Constant, Identity, Initializer, Ones, Zeros

import unifinit as ui
from unifinit.errors import ArgumentError, DtypeError
from unifinit.initializers.keras_names import register_all
from unifinit.layout import Layout
from unifinit.registry import registry
from unifinit.types import as_dtype

__all__ = [
    "STFT",
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomNormal",
    "RandomUniform",
    "STFTInitializer",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "stft",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]

Class = TypeVar("Class", bound=type[Any])

NAMESPACE = "unifinit.compat"
"""What stands before the name of a class where Keras saves it."""
NAMES: dict[str, Any] = {}
"""Classes by the names that `get` knows, which are Keras'."""


class _Drawn:
    """What the classes override: the call."""

    equivalent: ClassVar[type[ui.Initializer]]
    """The class of unifinit that draws."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """A new tensor of Keras' backend.

        Parameters
        ----------
        shape
            The shape.
        dtype : str or dtype, optional
            By default ``keras.config.floatx()``.
        """
        name = _dtype(dtype)
        if not name.startswith(("float", "bfloat")):  # Keras draws integers itself, where it can.
            return super().__call__(shape, dtype)  # type: ignore[misc]
        seed = getattr(self, "seed", None)
        if isinstance(seed, keras.random.SeedGenerator):
            seed = seed.next()
        elif seed is not None:
            seed %= 2**64  # Keras takes negative seeds too.
        made = _equivalent(self)(shape, name, seed=seed, backend=_backend(), layout=_axes(self, len(shape)))
        return keras.ops.convert_to_tensor(made)


def _backend() -> str:
    """The backend whose tensors become those of Keras."""
    backend: str = keras.backend.backend()
    return backend if backend in ("jax", "tensorflow", "torch") else "numpy"


def _dtype(dtype: Any) -> str:
    """The name of a dtype; JAX takes float32 for float64, unless it has been told otherwise."""
    name: str = keras.backend.standardize_dtype(dtype or keras.config.floatx())
    if name == "float64":
        try:
            registry().get(_backend()).check_dtype(as_dtype(name))
        except DtypeError:
            return "float32"
    return name


def _equivalent(instance: Any) -> ui.Initializer:
    """The initializer of unifinit that has the hyperparameters of one of Keras."""
    cls: type[ui.Initializer] = instance.equivalent
    names = (name for name in cls.hyperparameters if name != "seed" and hasattr(instance, name))
    return cls(**{name: getattr(instance, name) for name in names})


def _axes(instance: Any, rank: int) -> Layout | None:
    """Which axes are inputs and outputs, if Keras says so; the others do not count."""
    inputs, outputs = (getattr(instance, name, None) for name in ("input_axes", "output_axes"))
    if inputs is None or outputs is None:
        return None
    used = {range(rank)[axis] for axis in (*inputs, *outputs)}
    batch = [axis for axis in range(rank) if axis not in used]
    return Layout(in_axes=inputs, out_axes=outputs, batch_axes=batch)


def _named(cls: Class) -> Class:
    """Register a class under the names that it has in Keras, beside unifinit's of the same name."""
    cls.equivalent = getattr(ui, cls.__name__)
    original = getattr(keras.initializers, cls.__name__)
    NAMES.update({name: cls for name, value in vars(keras.initializers).items() if value is original})
    registered: Class = keras.saving.register_keras_serializable(NAMESPACE)(cls)
    return registered


@_named
class STFT(_Drawn, keras.initializers.STFT):  # type: ignore[misc]
    """``keras.initializers.STFT``, drawn by `unifinit.STFT`."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """A new tensor; for SciPy's windows of which unifinit has no own, Keras' tensor."""
        try:
            _equivalent(self)
        except ArgumentError:
            return keras.initializers.STFT.__call__(self, shape, dtype)
        return super().__call__(shape, dtype)


@_named
class RandomUniform(_Drawn, keras.initializers.RandomUniform):  # type: ignore[misc]
    """``keras.initializers.RandomUniform``, drawn by `unifinit.RandomUniform`."""


@_named
class RandomNormal(_Drawn, keras.initializers.RandomNormal):  # type: ignore[misc]
    """``keras.initializers.RandomNormal``, drawn by `unifinit.RandomNormal`."""


@_named
class TruncatedNormal(_Drawn, keras.initializers.TruncatedNormal):  # type: ignore[misc]
    """``keras.initializers.TruncatedNormal``, drawn by `unifinit.TruncatedNormal`."""


@_named
class VarianceScaling(_Drawn, keras.initializers.VarianceScaling):  # type: ignore[misc]
    """``keras.initializers.VarianceScaling``, drawn by `unifinit.VarianceScaling`."""


@_named
class GlorotUniform(_Drawn, keras.initializers.GlorotUniform):  # type: ignore[misc]
    """``keras.initializers.GlorotUniform``, drawn by `unifinit.GlorotUniform`."""


@_named
class GlorotNormal(_Drawn, keras.initializers.GlorotNormal):  # type: ignore[misc]
    """``keras.initializers.GlorotNormal``, drawn by `unifinit.GlorotNormal`."""


@_named
class LecunUniform(_Drawn, keras.initializers.LecunUniform):  # type: ignore[misc]
    """``keras.initializers.LecunUniform``, drawn by `unifinit.LecunUniform`."""


@_named
class LecunNormal(_Drawn, keras.initializers.LecunNormal):  # type: ignore[misc]
    """``keras.initializers.LecunNormal``, drawn by `unifinit.LecunNormal`."""


@_named
class HeUniform(_Drawn, keras.initializers.HeUniform):  # type: ignore[misc]
    """``keras.initializers.HeUniform``, drawn by `unifinit.HeUniform`."""


@_named
class HeNormal(_Drawn, keras.initializers.HeNormal):  # type: ignore[misc]
    """``keras.initializers.HeNormal``, drawn by `unifinit.HeNormal`."""


@_named
class Orthogonal(_Drawn, keras.initializers.Orthogonal):  # type: ignore[misc]
    """``keras.initializers.Orthogonal``, drawn by `unifinit.Orthogonal`."""


constant = Constant
zeros = Zeros
ones = Ones
identity = Identity
stft = STFT
random_uniform = RandomUniform
random_normal = RandomNormal
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
glorot_uniform = GlorotUniform
glorot_normal = GlorotNormal
lecun_uniform = LecunUniform
lecun_normal = LecunNormal
he_uniform = HeUniform
he_normal = HeNormal
orthogonal = Orthogonal
IdentityInitializer = Identity
OrthogonalInitializer = Orthogonal
STFTInitializer = STFT


def serialize(initializer: Any) -> Any:
    """The configuration of an initializer, as ``keras.initializers.serialize`` gives it."""
    return keras.initializers.serialize(initializer)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The initializer of a configuration; one that Keras' own classes have saved becomes one of these.

    Raises
    ------
    ValueError, TypeError
        As ``keras.initializers.deserialize`` does.
    """
    if isinstance(config, dict) and config.get("class_name") in NAMES:
        name, module = config["class_name"], config.get("module")
        is_known = module is None or module.startswith("keras.") or module == __name__
        if is_known and keras.saving.get_registered_object(name, custom_objects) is None:
            return NAMES[name].from_config(config.get("config") or {})
    return keras.initializers.deserialize(config, custom_objects)


def get(identifier: Any) -> Any:
    """The initializer that a name, a configuration, a class, a callable or a tensor identifies.

    Raises
    ------
    ValueError
        If it identifies none.
    """
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str) and identifier in NAMES:
        return NAMES[identifier]()
    return keras.initializers.get(identifier)


register_all()
