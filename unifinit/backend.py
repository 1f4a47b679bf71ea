"""The backend protocol: all that a plugin needs to know of unifinit.

A backend creates and fills the arrays of one library as plans tell; it contains no formula. A plugin is
a module, named by an entry point of the group ``unifinit``, with a hook that describes its backends::

    from unifinit.backend import BackendRecord, hookimpl

    def load():
        from my_package.backend import MyBackend  # Imports the library.
        return MyBackend()

    @hookimpl
    def unifinit_backends():
        return [BackendRecord("mine", ("mylib",), load, "pip install mylib", api_version=1)]

The module itself must not import the library: unifinit loads a backend when it is first used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pluggy

from unifinit import host, reference
from unifinit.agreement import fingerprint, require_agreement
from unifinit.contents import Blocks, Computed
from unifinit.distributions import Bits, Normal, TruncatedNormal, Uniform
from unifinit.errors import (
    ArgumentError,
    BackendUnavailableError,
    DeviceError,
    DtypeError,
    SeedError,
    TargetError,
    UnsupportedModelError,
    or_list,
)
from unifinit.key import AnyKey, Key, TracedKey, as_key, key_of_words
from unifinit.layout import Layout, as_layout
from unifinit.models.arrays import ModelArray, Role, Split, one_of_ties
from unifinit.models.layers import Describe, LayerTable, Roles
from unifinit.models.names import GATES, QUERIES, recurrent_role, role_of
from unifinit.models.paths import canonical_leaf, joined, make_path
from unifinit.models.reader import ModelReader, OpenModel, Reading
from unifinit.plan import Plan
from unifinit.request import Request
from unifinit.stream import tables
from unifinit.stream.ops import Ops
from unifinit.types import DTYPES, Array, DType, Shape, as_dtype, as_shape

__all__ = [
    "API_VERSION",
    "GATES",
    "QUERIES",
    "AnyKey",
    "ArgumentError",
    "ArrayApiBackend",
    "ArrayInfo",
    "Backend",
    "BackendRecord",
    "BackendUnavailableError",
    "Bits",
    "Blocks",
    "Computed",
    "DType",
    "Describe",
    "DeviceError",
    "DtypeError",
    "Key",
    "LayerRecord",
    "LayerTable",
    "Layout",
    "ModelArray",
    "ModelReader",
    "ModelRecord",
    "Normal",
    "OpenModel",
    "Ops",
    "Plan",
    "Reading",
    "Request",
    "Role",
    "Roles",
    "SeedError",
    "Shape",
    "Split",
    "TargetError",
    "TracedKey",
    "TruncatedNormal",
    "Uniform",
    "UnsupportedModelError",
    "as_dtype",
    "as_key",
    "as_layout",
    "as_shape",
    "canonical_leaf",
    "fingerprint",
    "hookimpl",
    "host",
    "joined",
    "key_of_array",
    "make_path",
    "one_of_ties",
    "recurrent_role",
    "reference",
    "require_agreement",
    "role_of",
    "tables",
]

API_VERSION = 1
"""Version of this protocol; raised when a plugin made for it would no longer work."""

hookimpl = pluggy.HookimplMarker("unifinit")


@dataclass(frozen=True)
class BackendRecord:
    """What a plugin tells about a backend before anything is imported.

    Attributes
    ----------
    name
        The name for ``backend=``.
    modules
        The top-level modules whose classes the arrays are; the first is the one to install.
    load
        Imports the library and returns the backend.
    install
        The command that installs the library.
    api_version
        The ``API_VERSION`` for which the plugin was written, as a literal.
    environment
        Environment variables with which a fresh process finds every dtype available.
    """

    name: str
    modules: tuple[str, ...]
    load: Callable[[], Backend]
    install: str
    api_version: int
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelRecord:
    """What a plugin tells about a reader of models before anything is imported.

    Attributes
    ----------
    name
        What the reader is called.
    modules
        The top-level modules whose classes the models are, or derive from.
    load
        Imports the library and returns the reader, a ``ModelReader``.
    api_version
        The ``API_VERSION`` for which the plugin was written, as a literal.
    """

    name: str
    modules: tuple[str, ...]
    load: Callable[[], ModelReader]
    api_version: int


@dataclass(frozen=True)
class LayerRecord:
    """What a plugin tells about a class of layers.

    Attributes
    ----------
    name
        The library's top-level module and the name of the class, as "torch:Linear".
    describe
        From such a layer to a mapping from the names of its arrays to their ``Role``.
    api_version
        The ``API_VERSION`` for which the plugin was written, as a literal.
    """

    name: str
    describe: Describe
    api_version: int


def key_of_array(words: npt.NDArray[Any]) -> Key:
    """The key that a host array of integers tells: its two words, or a seed if it has no axes.

    Parameters
    ----------
    words
        uint32; int32 that holds the bits of it; or wider integers below 2**32.

    Raises
    ------
    SeedError
        If it is anything else.
    """
    if words.ndim == 0 and words.dtype.kind in "iu":
        return as_key(words[()])
    if words.shape == (2,) and words.dtype.kind in "iu" and words.dtype.itemsize >= 4:
        narrow = words.dtype == np.int32
        first, second = (int(word) & 0xFFFFFFFF if narrow else int(word) for word in words)
        if 0 <= first < 2**32 and 0 <= second < 2**32:
            return key_of_words(first, second)
        raise SeedError(f"the words of key {words!r} are out of range; wanted 0 <= word < 2**32")
    raise SeedError(
        f"seed is an array of shape {words.shape} and dtype {words.dtype}; wanted a key: two words of uint32"
    )


@dataclass(frozen=True)
class ArrayInfo:
    """What a new array has to have to be like another one."""

    shape: Shape
    dtype: DType
    device: Any


class Backend(Protocol):
    """Creates and fills arrays of one library."""

    @property
    def name(self) -> str:
        """The name for ``backend=``."""

    @property
    def host_kernel(self) -> bool:
        """Whether arrays in memory of the host are filled by the compiled kernel, where there is one."""

    def is_array(self, x: object) -> bool:
        """Whether ``x`` is an array of the library."""

    def inspect(self, x: Array) -> ArrayInfo:
        """Shape, dtype and device of an array."""

    def check_dtype(self, dtype: DType) -> None:
        """Do nothing if arrays can have the dtype.

        Raises
        ------
        DtypeError
            If they cannot, here and now; the message tells how they could, if so.
        """

    def device(self, device: Any) -> Any:
        """The library's own device object for a name or such an object; None for the default.

        Raises
        ------
        DeviceError
            If there is no such device.
        """

    def key(self, x: Array) -> AnyKey:
        """The key that an array is, as ``key_of_array`` has it; a ``TracedKey`` if it is not known yet.

        Raises
        ------
        SeedError
            If it is none.
        """

    def is_tracing(self) -> bool:
        """Whether the library is recording a computation, to run it later or again."""

    def is_shared(self, device: Any) -> bool:
        """Whether other processes make parts of the array that is made on a device, or hold copies of it."""

    def is_immutable(self, x: Array) -> bool:
        """Whether an array is never overwritten, so that a new one is put in its place."""

    def run(self, plan: Plan, device: Any) -> Array:
        """A new array that holds what the plan says, on a device that ``device`` returned."""

    def fill(self, target: Array, plan: Plan) -> None:
        """Overwrite all elements of an array in place; ``plan`` has its shape and dtype.

        Raises
        ------
        TargetError
            If the array cannot be written to; then nothing has been.
        """

    def to_bytes(self, x: Array) -> bytes:
        """The elements in row-major order, each little-endian."""

    def is_generator(self, x: object) -> bool:
        """Whether ``x`` is a source of the library's own random numbers: a generator, a key, or seeds."""

    def is_sharding(self, x: object) -> bool:
        """Whether ``x`` tells how an array is divided, as libraries hand it over as ``layout``."""

    def key_from(self, generator: Any, device: Any) -> AnyKey:
        """A key for unifinit's stream, drawn by such a generator, for an array on a device."""

    def generated(
        self, request: Request, generator: Any, device: Any, target: Array | None = None
    ) -> Array | None:
        """An array that the library's own random numbers fill.

        Parameters
        ----------
        request
            The initializer, or the distribution, and the array.
        generator
            What draws; ``is_generator`` is true of it.
        device
            What ``device`` returned.
        target
            An array to overwrite in place; None to create one.

        Returns
        -------
        array, optional
            To the bit what the library's own initializer of the name returns for the generator. None if it
            has none for such hyperparameters, such a layout or dtype; then nothing has been drawn.
        """

    def native(
        self, name: str, config: Mapping[str, Any], shape: Shape, dtype: DType
    ) -> Callable[[], object] | None:
        """The library's own initializer of a name, to compare its speed; None if it has none.

        Parameters
        ----------
        name, config
            Class name and configuration of the unifinit initializer.
        shape, dtype
            Of the array.

        Returns
        -------
        callable
            Without arguments; each call fills a fresh array, and waits until it is done.
        """


class ArrayApiBackend:
    """The generic backend, for any namespace that follows the Array API standard.

    Parameters
    ----------
    name
        Its name in messages.
    xp
        The namespace, in the standard's 2024.12 version or later.
    """

    host_kernel = False

    def __init__(self, name: str, xp: Any) -> None:
        self.name = name
        self.xp = xp

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def ops(self, device: Any = None) -> Ops:
        """With which functions, and where, the reference path computes."""
        return Ops(self.xp, device, engine=host.engine())

    def is_array(self, x: object) -> bool:
        """Whether ``x`` has the attributes of an array."""
        return hasattr(x, "shape") and hasattr(x, "dtype")

    def inspect(self, x: Array) -> ArrayInfo:
        """Shape, dtype and device of an array."""
        return ArrayInfo(tuple(x.shape), as_dtype(x.dtype), getattr(x, "device", None))

    def check_dtype(self, dtype: DType) -> None:
        """Raise a ``DtypeError`` if the namespace has no such dtype."""
        if not hasattr(self.xp, dtype.name):
            known = [name for name in DTYPES if hasattr(self.xp, name)]
            raise DtypeError(f"{self.name} has no dtype {dtype.name!r}; wanted one of {or_list(known)}")

    def device(self, device: Any) -> Any:
        """The namespace's own object for a device or its name."""
        if device is None:
            return None
        try:
            known = list(self.xp.__array_namespace_info__().devices())
        except AttributeError:
            known = ["cpu"]
        for candidate in known:
            if device == candidate or device == str(candidate):
                return candidate
        raise DeviceError(f"{self.name} has no device {device!r}; wanted one of {known}, or None")

    def key(self, x: Array) -> AnyKey:
        """The key that an array of two words is."""
        return key_of_array(_on_host(x))

    def is_tracing(self) -> bool:
        """False: the standard has no such thing."""
        return False

    def is_shared(self, device: Any) -> bool:
        """False: the standard knows no other processes."""
        return False

    def is_immutable(self, x: Array) -> bool:
        """False: the standard has item assignment."""
        return False

    def run(self, plan: Plan, device: Any) -> Array:
        """A new array, from the reference path."""
        return reference.run(plan, self.ops(device), piece=self._piece(plan, device))

    def fill(self, target: Array, plan: Plan) -> None:
        """Overwrite an array by item assignment."""
        device = getattr(target, "device", None)
        value = reference.run(plan, self.ops(device), piece=self._piece(plan, device))
        try:
            target[...] = value
        except (TypeError, ValueError, NotImplementedError, RuntimeError) as error:
            raise TargetError(
                f"this {type(target).__name__} of {self.name} cannot be filled in place ({error}); "
                "create a new array instead: init(x.shape, like=x)"
            ) from error

    def to_bytes(self, x: Array) -> bytes:
        """The elements in row-major order, each little-endian."""
        found = _on_host(x)
        return found.astype(found.dtype.newbyteorder("<"), copy=False).tobytes()

    def is_generator(self, x: object) -> bool:
        """False: the standard has no random numbers."""
        return False

    def is_sharding(self, x: object) -> bool:
        """False: the standard knows no other processes."""
        return False

    def key_from(self, generator: Any, device: Any) -> AnyKey:
        """Raise an ``ArgumentError``: there is no generator."""
        raise ArgumentError(
            f"{self.name} has no generators of random numbers; wanted seed=, not {generator!r}"
        )

    def generated(
        self, request: Request, generator: Any, device: Any, target: Array | None = None
    ) -> Array | None:
        """None: the standard has no random numbers."""
        return None

    def native(
        self, name: str, config: Mapping[str, Any], shape: Shape, dtype: DType
    ) -> Callable[[], object] | None:
        """None: the standard has no initializers."""
        del name, config, shape, dtype
        return None

    def _piece(self, plan: Plan, device: Any) -> int:
        """How many elements to compute at a time."""
        if plan.size > reference.PIECE:
            from array_api_compat import device as device_of

            if "cpu" not in str(device_of(self.xp.empty(0, device=device))).lower():
                return reference.LAUNCHED
        return reference.PIECE


def _on_host(x: Array) -> npt.NDArray[Any]:
    """An array as one of NumPy, moved if it is on another device."""
    try:
        return np.asarray(x)
    except TypeError:  # CuPy moves nothing unless asked to.
        from array_api_compat import to_device

        return np.asarray(to_device(x, "cpu"))
