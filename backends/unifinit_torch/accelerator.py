"""Drawn numbers in memory of accelerators: by a kernel of Triton, or by array operations.

Both give the bits of ``unifinit.reference``. Where the kernel cannot be used, array operations do the work:
there is little to gain from a compiler, as PyTorch's own needs Triton on GPUs too.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from importlib.util import find_spec
from typing import Any, NamedTuple

import array_api_compat.torch as xp
import numpy as np
import numpy.typing as npt
import torch

from unifinit.backend import (
    Bits,
    DType,
    Key,
    Normal,
    Ops,
    Plan,
    TargetError,
    TruncatedNormal,
    Uniform,
    reference,
    tables,
)

KINDS: dict[type, int] = {Bits: 0, Uniform: 1, Normal: 2, TruncatedNormal: 3}
STORED = {
    "uint32": torch.int32,
    "uint64": torch.int64,
    "float16": torch.int16,
    "bfloat16": torch.int16,
    "float32": torch.float32,
    "float64": torch.float64,
}
"""As what the kernel writes a dtype; it rounds to 16 bits in integers."""
LAUNCH = 2**30
"""Elements of a launch at most; their numbers in it are int32."""
BLOCK = 1024
"""Elements of a program."""
OPTIONS = {"enable_fp_fusion": False, "sanitize_overflow": False}
"""For Triton: each operation rounds, and sums of words wrap around."""

Table = Callable[[], npt.NDArray[Any]]


class Axis(NamedTuple):
    """How many elements there are along an axis, how far apart in memory, and in counters."""

    size: int
    stride: int
    step: int


def usable(x: torch.Tensor, plan: Plan) -> bool:
    """Whether the kernel can fill a tensor, of which nothing needs to see operations, as a plan tells."""
    if not (
        (x.is_cuda or (x.is_cpu and is_interpreted()))
        and plan.dtype.name in STORED
        and type(plan.content) in KINDS
        and type(plan.key) is Key
        and plan.size
        and kernel() is not None
    ):
        return False
    axes = arranged(x, plan)
    return len(axes) <= kernel().MAX_AXES and works(
        x.device, type(plan.content), plan.dtype, dense=is_dense(axes)
    )


def fill(x: torch.Tensor, plan: Plan) -> None:
    """Overwrite a tensor for which the kernel is ``usable``.

    Raises
    ------
    TargetError
        If its storage is smaller than its shape.
    """
    last = x.storage_offset() + sum((n - 1) * stride for n, stride in zip(x.shape, x.stride(), strict=True))
    size = x.untyped_storage().nbytes()
    if (last + 1) * x.element_size() > size or not x.data_ptr():
        raise TargetError(
            f"the storage of this torch tensor of shape {tuple(x.shape)} has only {size} bytes; wanted one "
            "with its memory: materialise it first, or create a new tensor: init(x.shape, like=x)"
        )
    words = x.detach().view(STORED[plan.dtype.name])
    current: AbstractContextManager[Any] = torch.cuda.device(x.device) if x.is_cuda else nullcontext()
    with current:
        for place, counter, axes in launches(arranged(x, plan), x.storage_offset(), plan.numbering.first):
            launch(words.as_strided((1,), (1,), place), counter, axes, plan)


def draw(x: torch.Tensor, plan: Plan, ops: Ops) -> None:
    """Overwrite a contiguous tensor with drawn numbers by the quickest way."""
    if usable(x, plan):
        fill(x, plan)
    else:
        fill_by_operations(x, plan, ops)


def fill_by_operations(x: torch.Tensor, plan: Plan, ops: Ops) -> None:
    """Overwrite a contiguous tensor with drawn numbers by array operations.

    They need memory besides: up to 64 bytes for each element of a piece, for float64 136.
    """
    flat = x.view(-1)
    frugal = FrugalOps(*(getattr(ops, part) for part in ops.parts))
    for part, numbers in reference.pieces(plan, frugal, piece=reference.LAUNCHED):
        flat[part] = numbers


class FrugalOps(Ops):
    """Operations that copy the tables of the stream to a device once, and not for each piece."""

    def asarray(self, values: Any) -> torch.Tensor:
        """A host array as a tensor."""
        for table in (tables.single, tables.double):
            whole = table()
            if np.may_share_memory(values, whole):
                start = (values.ctypes.data - whole.ctypes.data) // whole.itemsize
                found: torch.Tensor = on_device(table, self.device).view(-1)[start : start + values.size]
                return found
        return super().asarray(values)


@cache
def on_device(table: Table, device: torch.device) -> torch.Tensor:
    """A table on a device."""
    with torch.inference_mode(False):
        return torch.from_numpy(table()).to(device)


def packed_single() -> npt.NDArray[np.int64]:
    """The table for float32 as the kernel reads it: rises above values, so that one load gets both."""
    values = tables.single().astype(np.int64)
    packed: npt.NDArray[np.int64] = np.diff(values) << 32 | values[:-1]
    return packed


def packed_double() -> npt.NDArray[np.int64]:
    """The table for float64 as the kernel reads it: the coefficients of a segment side by side."""
    return np.ascontiguousarray(tables.double().T)


@cache
def kernel() -> Any:
    """The module of the kernel; None if there is no Triton, as beside a PyTorch for processors alone."""
    if "tensorflow" in sys.modules and "triton" not in sys.modules and find_spec("triton"):
        # It would end the process: https://github.com/tensorflow/tensorflow/issues/124205
        warnings.warn(
            "unifinit fills tensors by array operations, more slowly: Triton cannot be imported after "
            "TensorFlow; wanted `import triton` before `import tensorflow`",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    try:
        from unifinit_torch import triton_kernel
    except ImportError:
        return None
    return triton_kernel


@cache
def is_interpreted() -> bool:
    """Whether Triton interprets the kernel, as TRITON_INTERPRET=1 makes it; then processors run it too."""
    if not os.environ.get("TRITON_INTERPRET") or kernel() is None:
        return False
    return type(kernel().fill).__name__ == "InterpretedFunction"


def arranged(x: torch.Tensor, plan: Plan) -> list[Axis]:
    """The axes as they lie in memory, the widest stride first, joined where they can be; at least one."""
    numbering = plan.numbering
    found = [axis for axis in map(Axis, numbering.sizes, x.stride(), numbering.steps) if axis.size > 1]
    axes: list[Axis] = []
    for inner in sorted(found, key=lambda axis: -axis.stride):
        outer = axes[-1] if axes else None
        if outer and outer[1:] == (inner.stride * inner.size, inner.step * inner.size):
            axes[-1] = Axis(outer.size * inner.size, inner.stride, inner.step)
        else:
            axes.append(inner)
    return axes or [Axis(1, 1, 1)]


def is_dense(axes: list[Axis]) -> bool:
    """Whether elements lie side by side on a single axis."""
    return len(axes) == 1 and axes[0].stride == 1


def count(axes: list[Axis]) -> int:
    """How many elements there are."""
    found: int = torch.Size([axis.size for axis in axes]).numel()
    return found


def launches(axes: list[Axis], place: int, counter: int) -> Iterator[tuple[int, int, list[Axis]]]:
    """Parts that a launch can take: the place and the counter of the first element, and the axes."""
    (size, stride, step), *inner = axes
    each = count(inner)
    if each > LAUNCH:
        for row in range(size):
            yield from launches(inner, place + row * stride, counter + row * step)
        return
    rows = LAUNCH // each
    for row in range(0, size, rows):
        some = Axis(min(rows, size - row), stride, step)
        yield place + row * stride, counter + row * step, [some, *inner]


def launch(words: torch.Tensor, counter: int, axes: list[Axis], plan: Plan) -> None:
    """Run the kernel from an element on."""
    content: Any = plan.content
    key = plan.required_key().words
    parameters = content.parameters
    kind, dtype = KINDS[type(content)], plan.dtype.name
    table = on_device(packed_double if dtype == "float64" else packed_single, words.device)
    total = count(axes)
    outermost, *others = axes
    # Where numbers come from the table, wide stores would have to wait for what other threads have found.
    dense = is_dense(axes) and type(content) in (Bits, Uniform)
    arguments: list[Any] = [words, table]
    arguments += [word - (word >> 31 << 32) for word in key]
    affine = [parameters.shift, parameters.scale, parameters.minimum, parameters.maximum]
    arguments += np.array(affine, dtype=np.float64).view(np.int64).tolist()
    arguments += [parameters.first, parameters.span, parameters.lowest, parameters.highest]
    arguments += [counter, total, outermost.stride, outermost.step]
    for axis in reversed(others):
        arguments += axis
    arguments += [1, 0, 0] * (kernel().MAX_AXES - len(axes))
    kernel().fill[(-(-total // BLOCK),)](
        *arguments,
        kind=kind,
        dtype=dtype,
        clips=parameters.clips,
        axes=len(axes),
        dense=dense,
        block=BLOCK,
        **({} if is_interpreted() else OPTIONS),
    )


@cache
def works(device: torch.device, content: type, dtype: DType, *, dense: bool) -> bool:
    """Whether the kernel runs on a device, and gives the bits that it should; tried out once.

    Triton depends on a driver, on compilers, and on what they make of floats: nobody has tried all of them.
    """
    whole = Plan((2**33,), dtype, example(content, dtype), key=Key(2**64 - 1))
    plan = whole.window(slice(2**32 - 2**11, 2**32 + 2**11))
    size = plan.size if dense else 2 * plan.size
    x = torch.empty(size, dtype=getattr(torch, dtype.name), device=device)[:: 1 if dense else 2]
    wanted = reference.run(plan, Ops(xp, torch.device("cpu")))
    try:
        fill(x, plan)
        found = x.cpu()
    except Exception as error:  # A compiler can fail in many ways.
        reason = f"it fails ({type(error).__name__}: {str(error).strip().partition(chr(10))[0]})"
    else:
        if found.contiguous().view(torch.uint8).equal(wanted.view(torch.uint8)):
            return True
        reason = "it gives other bits than the reference path"
    warnings.warn(
        f"the Triton kernel for {content.__name__} numbers of {dtype} is not used on {device}: {reason}. The "
        "values are right, but drawn by array operations, which takes longer",
        RuntimeWarning,
        stacklevel=2,
    )
    return False


def example(content: type, dtype: DType) -> Any:
    """A content with which to try out the kernel: its parameters need all bits of the dtype."""
    parameters: dict[type, tuple[float, ...]] = {
        Bits: (),
        Uniform: (-0.1, 0.6),
        Normal: (0.1, 0.7),
        TruncatedNormal: (-2.0, 1.0, 0.1, 0.7),
    }
    return content(*parameters[content], dtype)
