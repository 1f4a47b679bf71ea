"""What the fixture ``unifinit_backend`` gives: a backend, as far as tests need it."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import unifinit as ui
from unifinit.backend import Backend
from unifinit.elements import storage
from unifinit.errors import DtypeError, UnknownBackendError
from unifinit.registry import registry
from unifinit.types import DType, as_dtype
from unifinit_pytest.selection import why_not

DEFAULTS = {"b": "bool", "i": "int32", "u": "uint32", "f": "float32", "c": "complex64"}
"""The dtypes of what has none of its own: those of 32 bits, which every framework has."""


@dataclass(frozen=True)
class BackendUnderTest:
    """A backend on which a test runs.

    Attributes
    ----------
    name : str
        The name for ``backend=`` of unifinit.
    xp : namespace
        The functions that make and take its arrays, as the Array API standard has them: that of
        array_api_compat if it knows the library, else what the backend brings along, which can be less.
    """

    name: str
    xp: Any = field(repr=False)
    _backend: Backend = field(repr=False)

    @property
    def module(self) -> Any:
        """The top-level module of the library, such as ``torch``."""
        return import_module(registry().modules(self.name)[0])

    def asarray(self, values: Any, dtype: Any = None) -> Any:
        """An array of the library on its default device, with the very bits of ``values``.

        For bfloat16 and 8-bit floats the values are rounded from float32, and NaN is the usual one.

        Parameters
        ----------
        values
            An array of NumPy, a number, or nested lists of numbers.
        dtype
            A name or a dtype object of any framework. By default that of the array; for numbers and lists
            the one with 32 bits, so that it is the same on every backend.

        Raises
        ------
        DtypeError
            If the library has no such dtype, here and now.
        """
        host = np.asarray(values)
        if dtype is None and not isinstance(values, (np.ndarray, np.generic)):
            dtype = DEFAULTS.get(host.dtype.kind)
        wanted = as_dtype(host.dtype if dtype is None else dtype)
        self._backend.check_dtype(wanted)
        if wanted.is_narrow:
            # The frameworks' own functions do not take what NumPy lacks: a plan brings it over.
            made = ui.FromFunction(lambda key, shape, name: host.astype(np.float32))  # noqa: ARG005
            return made(host.shape, wanted.name, seed=0, backend=self._backend)
        # A copy: the library may keep the memory, and the test may write to it.
        return self.xp.asarray(np.array(host, dtype=wanted.name, order="C"))

    def to_numpy(self, x: Any) -> npt.NDArray[Any]:
        """A new array of NumPy with the bits of an array of the library.

        Raises
        ------
        DtypeError
            For bfloat16 and 8-bit floats without the package ml_dtypes.
        """
        info = self._backend.inspect(x)
        stored = np.frombuffer(self._backend.to_bytes(x), storage(info.dtype)).reshape(info.shape)
        words = stored.astype(stored.dtype.newbyteorder("="))
        return words.view(_narrow(info.dtype)) if info.dtype.is_narrow else words

    def is_array(self, x: object) -> bool:
        """Whether something is an array of the library."""
        return self._backend.is_array(x)


def _narrow(dtype: DType) -> Any:
    """The dtype with which packages extend NumPy."""
    try:
        return ui.Zeros()((0,), dtype.name).dtype
    except DtypeError as error:
        raise DtypeError(f"{error}; or compare by assert_identical, which does without") from None


def under_test(name: str) -> BackendUnderTest:
    """The backend of a name; the test fails if it cannot be used, for then it was not to be skipped."""
    status = registry().status(name, load=True)
    if status.state != "installed":
        pytest.fail(why_not(status), pytrace=False)
    backend = registry().get(name)
    return BackendUnderTest(name, _namespace(backend), backend)


def _namespace(backend: Backend) -> Any:
    from array_api_compat import array_namespace

    try:
        return array_namespace(ui.Zeros()((1,), backend=backend))
    except TypeError:
        if hasattr(backend, "xp"):
            return backend.xp
        raise UnknownBackendError(
            f"backend {backend.name!r} tells no Array API namespace; wanted an attribute xp, as "
            "unifinit.backend.ArrayApiBackend has it"
        ) from None
