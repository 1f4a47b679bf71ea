"""What tasks run: windows of a plan, computed on NumPy by whichever process has the task."""

from __future__ import annotations

import os
import platform
from typing import Any

from dask.base import normalize_token

from unifinit.backend import Plan, fingerprint, require_agreement
from unifinit_numpy.backend import NumpyBackend, native_dtype

NUMPY = NumpyBackend()


class Windows:
    """A plan as dask wants to see arrays: it has a shape and a dtype, and can be sliced.

    It takes the fingerprint of the stream along: a worker that would compute other numbers than the process
    in which the array was made raises an error instead.

    Parameters
    ----------
    plan
        What the array holds.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.fingerprint = fingerprint()
        self.shape = plan.result_shape
        self.ndim = len(self.shape)
        self.dtype = native_dtype(plan.dtype.name)

    def __getitem__(self, index: Any) -> Any:
        """The elements of a window, as an array of NumPy.

        Raises
        ------
        StreamError
            If this process has another stream.
        """
        here = f"process {os.getpid()} on {platform.node()}"
        require_agreement({"where the array was made": self.fingerprint, here: fingerprint()})
        return NUMPY.run(self.plan.window(index), None)

    def __dask_tokenize__(self) -> object:
        return type(self).__qualname__, self.fingerprint, identity(self.plan)


def identity(value: Any) -> object:
    """What equal values share, and no others; a pickle would also tell which of the parts are one object."""
    if isinstance(value, tuple):
        return [identity(part) for part in value]
    if isinstance(value, range):
        return "range", value.start, value.stop, value.step
    if hasattr(value, "parts"):
        cls = type(value)
        return cls.__module__, cls.__qualname__, [identity(vars(value)[name]) for name in cls.parts]
    return normalize_token(value)
