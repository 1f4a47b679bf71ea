"""The NumPy backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from unifinit.backend import (
    ArrayApiBackend,
    ArrayInfo,
    DType,
    DtypeError,
    Key,
    Ops,
    Plan,
    Request,
    Shape,
    TargetError,
    as_dtype,
    host,
    reference,
)
from unifinit_numpy import generated
from unifinit_numpy.native import native_initializer


class NumpyBackend(ArrayApiBackend):
    """Arrays of NumPy. bfloat16 and 8-bit floats need ml_dtypes, which TensorFlow and JAX bring along."""

    host_kernel = True

    def __init__(self) -> None:
        super().__init__("numpy", np)

    def ops(self, device: Any = None) -> Ops:
        """NumPy's functions, with a bit cast."""
        return Ops(np, native_dtype=native_dtype, float32_bits=lambda x: x.view(np.int32))

    def is_array(self, x: object) -> bool:
        """Whether ``x`` is an array or an array scalar."""
        return isinstance(x, (np.ndarray, np.generic))

    def inspect(self, x: Any) -> ArrayInfo:
        """Shape and dtype of an array."""
        return ArrayInfo(x.shape, as_dtype(x.dtype), None)

    def check_dtype(self, dtype: DType) -> None:
        """Raise a ``DtypeError`` for what NumPy lacks, without ml_dtypes."""
        native_dtype(dtype.name)

    def run(self, plan: Plan, device: Any) -> Any:
        """A new array in row-major order."""
        if not host.can_run(plan):
            return super().run(plan, device)
        out: Any = np.empty(plan.result_shape, dtype=host.storage(plan.dtype))
        host.fill(out, plan, fresh=True)
        return out.view(native_dtype(plan.dtype.name)) if plan.dtype.is_narrow else out

    def fill(self, target: Any, plan: Plan) -> None:
        """Overwrite an array, contiguous or not."""
        target = writable(target)
        if plan.constant is not None:
            target[...] = np.array(plan.constant, dtype=native_dtype(plan.dtype.name))
            return
        if host.can_run(plan) and target.dtype.isnative:
            host.fill(target.view(host.storage(plan.dtype)), plan)
            return
        # Element by element in row-major order, whatever the strides.
        elements = target.reshape(-1) if target.flags.c_contiguous else target.flat
        for part, values in reference.pieces(plan, self.ops()):
            elements[part] = values

    def is_generator(self, x: object) -> bool:
        """Whether ``x`` is a ``numpy.random.Generator``."""
        return isinstance(x, np.random.Generator)

    def key_from(self, generator: np.random.Generator, device: Any) -> Key:
        """A key, drawn by a generator."""
        return generated.key_from(generator)

    def generated(
        self, request: Request, generator: np.random.Generator, device: Any, target: Any = None
    ) -> Any:
        """What NumPy draws as float64, in the dtype of the array."""
        draw = generated.drawing(request, generator)
        if draw is None:
            return None
        if target is None:
            return draw().astype(native_dtype(request.dtype.name), copy=False)
        elements = writable(target)  # Before anything is drawn.
        elements[...] = draw()
        return target

    def native(
        self, name: str, config: Mapping[str, Any], shape: Shape, dtype: DType
    ) -> Callable[[], object] | None:
        """What NumPy itself offers."""
        return native_initializer(name, config, shape, dtype)


def writable(target: Any) -> Any:
    """The elements of an array, each of which has a place of its own that can be written to.

    Raises
    ------
    TargetError
        If that is not so.
    """
    if not isinstance(target, np.ndarray) or not target.flags.writeable:
        raise TargetError(
            "this NumPy array is read-only; wanted a writable one: copy it first, or create a new array: "
            "init(x.shape, like=x)"
        )
    target = target.view(np.ndarray)  # A matrix would stay two-dimensional.
    if not target.flags.forc and host.overlaps(target.shape, target.strides, target.itemsize):
        raise TargetError(
            "some elements of this NumPy array share memory, so that it cannot hold different values; "
            "wanted one without such strides: copy it, or create a new array: init(x.shape, like=x)"
        )
    return target


def native_dtype(name: str) -> Any:
    """NumPy's dtype, or that of ml_dtypes."""
    if not as_dtype(name).is_narrow:
        return np.dtype(name)
    try:
        import ml_dtypes
    except ImportError:
        raise DtypeError(
            f"numpy has no dtype {name!r} of its own; wanted the package ml_dtypes: "
            'pip install "unifinit[bfloat16]"'
        ) from None
    return np.dtype(getattr(ml_dtypes, name))
