"""Plans as NumPy arrays that the kernel fills."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from unifinit import reference
from unifinit.distributions import Bits, Normal, TruncatedNormal, Uniform
from unifinit.host import threads
from unifinit.host.kernel import kernel_status, load
from unifinit.host.orthogonal import decomposed
from unifinit.memory import aligned_empty
from unifinit.plan import OrthogonalMatrix, Plan
from unifinit.types import DType, Shape, round_to_bfloat16

_STORAGE: dict[str, np.dtype[Any]] = {
    "uint32": np.dtype(np.uint32),
    "uint64": np.dtype(np.uint64),
    "float16": np.dtype(np.float16),
    "bfloat16": np.dtype(np.uint16),
    "float32": np.dtype(np.float32),
    "float64": np.dtype(np.float64),
}

KINDS: dict[type, int] = {Bits: 0, Uniform: 1, Normal: 2, TruncatedNormal: 3}
FORMATS = {"uint32": 0, "uint64": 1, "float16": 2, "bfloat16": 3, "float32": 4, "float64": 5}
HUGE = 2**22
"""Bytes from which huge pages are worth asking for."""
STREAMED = 2**23
"""Bytes from which memory that has long been in use is written past the caches."""

HostArray: TypeAlias = npt.NDArray[Any]


def can_run(plan: Plan) -> bool:
    """Whether the kernel can run a plan."""
    return plan.key is not None and kernel_status().level is not None


def execution(*, uses_kernel: bool) -> str:
    """What draws arrays in memory of the host, in words, for a backend that uses the kernel or does not."""
    if not uses_kernel:
        return "array operations"
    status = kernel_status()
    if status.level is None:
        return f"array operations, without the kernel: {status.reason}"
    return f"kernel ({status.level}, threads: {threads.get_num_threads()})"


def storage(dtype: DType) -> np.dtype[Any]:
    """The dtype as which NumPy sees the memory that the kernel writes; it has no bfloat16."""
    return _STORAGE[dtype.name]


def empty(shape: Shape, dtype: DType) -> HostArray:
    """Memory for an array, aligned to 64 bytes, which other libraries may take over.

    Returns
    -------
    ndarray
        Of the dtype that ``storage`` gives, in row-major order; its contents are arbitrary.
    """
    return aligned_empty(shape, storage(dtype))


def create(plan: Plan) -> HostArray:
    """A new array with the values of a plan, as ``empty`` makes it."""
    out = empty(plan.result_shape, plan.dtype)
    fill(out, plan, fresh=True)
    return out


def fill(out: HostArray, plan: Plan, *, fresh: bool = False) -> None:
    """Write the values of a plan into memory of the host, in place.

    Parameters
    ----------
    out
        A writable array of the plan's ``result_shape`` and the dtype that ``storage`` gives. It may have any
        strides, but no two elements may share memory.
    plan
        One that ``can_run``.
    fresh
        Whether the memory has never been written: its pages are then made on the way.
    """
    content: Any = plan.content
    if isinstance(content, OrthogonalMatrix):
        if plan.size:
            _fill_orthogonal(out, plan, content)
        return
    module, level = load()[0], kernel_status().level
    recipe = (KINDS[type(content)], FORMATS[plan.dtype.name], *content.parameters)
    words, steps, size = plan.required_key().words, plan.steps, out.nbytes
    if fresh and size >= HUGE:
        module.advise_huge_pages(out)
    streaming = not fresh and size >= STREAMED

    if plan.size < 2 * threads.LEAST:
        module.fill(level, words, recipe, out, 0, steps, 0, plan.size, streaming)
        return

    def work(start: int, stop: int) -> None:
        module.fill(level, words, recipe, out, 0, steps, start, stop, streaming)

    threads.run(plan.size, work)


def _fill_orthogonal(out: HostArray, plan: Plan, content: OrthogonalMatrix) -> None:
    found = decomposed(create(reference.orthogonal_draw(plan, content)))
    sides = (content.rows, content.columns)
    compute = storage(plan.dtype.compute)
    if plan.axes is None and out.flags.c_contiguous and out.dtype == compute:
        found.store(out.reshape(sides), content.gain)
        return
    values: HostArray = np.empty(sides, dtype=compute)
    found.store(values, content.gain)
    values = values.reshape(plan.shape)
    if plan.axes is not None:
        values = values.transpose(plan.axes)
    np.copyto(
        out, round_to_bfloat16(values) if plan.dtype.name == "bfloat16" else values, casting="same_kind"
    )


def is_separate(shape: Shape, strides: tuple[int, ...], itemsize: int) -> bool:
    """Whether it is sure that no two elements share memory; strides and itemsize are in the same unit."""
    reach = 0  # Of the elements along the axes with smaller strides.
    axes = zip(map(abs, strides), shape, strict=True)
    for stride, size in sorted(axis for axis in axes if axis[1] > 1):
        if stride < reach + itemsize:
            return False
        reach += (size - 1) * stride
    return True
