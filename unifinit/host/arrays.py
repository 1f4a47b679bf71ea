"""Plans as NumPy arrays that the kernel fills."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from unifinit import narrow, reference
from unifinit.content import Content
from unifinit.contents import Blocks, Complex, Engine, Fill, HostArray, Masked, OrthogonalMatrix
from unifinit.distributions import Bits, Distribution, Normal, TruncatedNormal, Uniform
from unifinit.host import threads
from unifinit.host.kernel import kernel_status, load
from unifinit.host.orthogonal import decomposed
from unifinit.key import Key
from unifinit.memory import aligned_empty
from unifinit.plan import Plan
from unifinit.stream.ops import numpy_ops
from unifinit.types import DTYPES, DType, Shape

_STORAGE: dict[str, np.dtype[Any]] = {
    name: narrow.word_dtype(name) if dtype.is_narrow else np.dtype(name) for name, dtype in DTYPES.items()
}

KINDS: dict[type, int] = {Bits: 0, Uniform: 1, Normal: 2, TruncatedNormal: 3}
FORMATS = {"uint32": 0, "uint64": 1, "float16": 2, "bfloat16": 3, "float32": 4, "float64": 5}
"""The dtypes that the kernel writes; others are rounded from float32."""
ROUNDED = 2**14
"""Elements that are drawn as float32 at a time, to be rounded to another dtype."""
PORTIONS = 64
"""Into how many parts such an array is divided among threads."""
HUGE = 2**22
"""Bytes from which huge pages are worth asking for."""
STREAMED = 2**23
"""Bytes from which memory that has long been in use is written past the caches."""


def can_run(plan: Plan) -> bool:
    """Whether the kernel can run a plan."""
    return type(plan.key) is Key and kernel_status().level is not None


def execution(*, uses_kernel: bool) -> str:
    """What draws arrays in memory of the host, in words, for a backend that uses the kernel or does not."""
    if not uses_kernel:
        return "array operations"
    status = kernel_status()
    if status.level is None:
        return f"array operations, without the kernel: {status.reason}"
    return f"kernel ({status.level}, threads: {threads.get_num_threads()})"


def storage(dtype: DType) -> np.dtype[Any]:
    """The dtype as which NumPy sees memory; unsigned integers stand for what it lacks."""
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
    content = plan.content
    if isinstance(content, Distribution):
        if plan.dtype.name in FORMATS:
            _fill_drawn(out, plan, content, fresh=fresh)
        else:
            _fill_rounded(out, plan)
    elif isinstance(content, Fill):
        out[...] = reference.stored(np.asarray(content.value, dtype=plan.dtype.compute.name), plan.dtype)
    elif not plan.size:
        return
    elif isinstance(content, Blocks):
        for where, part in plan.blocks(content):
            place: tuple[Any, ...] = (*where, ...)  # Without the dots one element would be a copy.
            fill(out[place], part, fresh=fresh)
    elif isinstance(content, Complex):
        for half, part in zip((out.real, out.imag), plan.complex_parts(content), strict=True):
            fill(half, part, fresh=fresh)
    elif isinstance(content, Masked):
        part, mask = plan.unmasked(content)
        fill(out, part, fresh=fresh)
        np.copyto(out, 0, where=~mask)
    elif isinstance(content, OrthogonalMatrix) and not plan.dtype.is_complex:
        _fill_orthogonal(out, plan, content)
    else:
        _store(out, plan, reference.host_values(plan, KernelEngine()))


def compute(plan: Plan) -> HostArray:
    """A new array with the values of any plan: by the kernel, or by the reference path if it cannot run it.

    Returns
    -------
    ndarray
        Of the dtype that ``storage`` gives.
    """
    return create(plan) if can_run(plan) else _by_reference(plan)


def overwrite(out: HostArray, plan: Plan) -> None:
    """Write the values of any plan into an array of the dtype that ``storage`` gives, in place."""
    if can_run(plan) or isinstance(plan.content, Fill):  # Of a constant one value is rounded, not all.
        fill(out, plan)
    else:
        out[...] = _by_reference(plan)


def _by_reference(plan: Plan) -> HostArray:
    wide = plan.with_dtype(plan.dtype.compute)
    return reference.stored(np.asarray(reference.run(wide, numpy_ops())), plan.dtype)


def _fill_drawn(out: HostArray, plan: Plan, content: Distribution, *, fresh: bool) -> None:
    module, level = load()[0], kernel_status().level
    recipe = (KINDS[type(content)], FORMATS[plan.dtype.name], *content.parameters)
    words, size = plan.required_key().words, out.nbytes
    first, _, steps = plan.numbering
    if fresh and size >= HUGE:
        module.advise_huge_pages(out)
    streaming = not fresh and size >= STREAMED

    if plan.size < 2 * threads.LEAST:
        module.fill(level, words, recipe, out, first, steps, 0, plan.size, streaming)
        return

    def work(start: int, stop: int) -> None:
        module.fill(level, words, recipe, out, first, steps, start, stop, streaming)

    threads.run(plan.size, work)


def _fill_rounded(out: HostArray, plan: Plan) -> None:
    """Draw numbers of float32 some at a time, and round them to a dtype that the kernel does not write."""
    module, level = load()[0], kernel_status().level
    content: Any = plan.content
    recipe = (KINDS[type(content)], FORMATS["float32"], *content.parameters)
    words = plan.required_key().words
    elements = out.reshape(-1) if out.flags.c_contiguous else out.flat
    portions = list(plan.numbering.pieces(max(threads.LEAST, plan.size // PORTIONS)))

    def work(start: int, stop: int) -> None:
        for where, portion in portions[start:stop]:
            for part, (first, sizes, steps) in portion.pieces(ROUNDED):
                numbers = np.empty(sizes, dtype=np.float32)
                module.fill(level, words, recipe, numbers, first, steps, 0, numbers.size, False)
                found = slice(where.start + part.start, where.start + part.stop)
                elements[found] = narrow.encode(numbers, plan.dtype.name).reshape(-1)

    threads.run(len(portions), work, least=1, part=1)


def _fill_orthogonal(out: HostArray, plan: Plan, content: OrthogonalMatrix) -> None:
    compute = plan.dtype.compute
    found = decomposed(create(Plan(content.sides, compute, content.drawn(compute), key=plan.key)))
    sides = (content.rows, content.columns)
    if plan.axes is plan.index is None and out.flags.c_contiguous and out.dtype == storage(compute):
        found.store(out.reshape(sides), content.gain)
        return
    values: HostArray = np.empty(sides, dtype=storage(compute))
    found.store(values, content.gain)
    _store(out, plan, plan.arranged(values))


def _store(out: HostArray, plan: Plan, values: HostArray) -> None:
    """Round numbers, and write them."""
    np.copyto(out, reference.stored(values, plan.dtype), casting="same_kind")


class KernelEngine:
    """What computed contents are made with, by the kernel."""

    def draw(self, content: Content, shape: Shape, dtype: DType, key: Key | None) -> HostArray:
        """An array of NumPy with a content, as ``create`` makes it."""
        return create(Plan(shape, dtype, content, key=key))

    def orthonormal_columns(self, a: HostArray) -> npt.NDArray[np.float64]:
        """The Q of a matrix."""
        found = decomposed(a)
        values = np.empty(a.shape)
        found.store(values, 1.0)
        return values


def engine() -> Engine | None:
    """What computes contents more quickly than array operations of NumPy; None without the kernel."""
    return None if kernel_status().level is None else KernelEngine()


def overlaps(shape: Shape, strides: tuple[int, ...], itemsize: int) -> bool:
    """Whether some elements share memory: at once where ``is_separate`` is sure, else by looking at each."""
    if is_separate(shape, strides, itemsize):
        return False
    places = sum(np.ogrid[tuple(map(slice, shape))][axis] * stride for axis, stride in enumerate(strides))
    steps = np.diff(np.sort(places, axis=None))
    return bool(steps.size and steps.min() < itemsize)


def is_separate(shape: Shape, strides: tuple[int, ...], itemsize: int) -> bool:
    """Whether it is sure that no two elements share memory; strides and itemsize are in the same unit."""
    reach = 0  # Of the elements along the axes with smaller strides.
    axes = zip(map(abs, strides), shape, strict=True)
    for stride, size in sorted(axis for axis in axes if axis[1] > 1):
        if stride < reach + itemsize:
            return False
        reach += (size - 1) * stride
    return True
