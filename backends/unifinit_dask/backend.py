"""The dask backend: lazy arrays, each chunk of which is a window of the plan."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import dask.array as da
import numpy as np
from dask.array.core import handle_out
from dask.base import tokenize

from unifinit.backend import ArgumentError, ArrayInfo, Blocks, DeviceError, DType, Plan, Shape, as_dtype
from unifinit_dask.chunks import Windows
from unifinit_dask.native import native_initializer
from unifinit_numpy.backend import NumpyBackend

Chunks: TypeAlias = tuple[tuple[int, ...], ...]

SMALL = 2**14
"""Bytes of a plan of which each task has a copy; a larger one is a task of its own, for all others."""


@dataclass(frozen=True)
class Memory:
    """The device of all dask arrays: memory of the hosts that compute the chunks.

    Attributes
    ----------
    chunks
        Those of an array there. They divide its work, and do not make it another device.
    """

    chunks: Chunks | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return "cpu"


class DaskBackend(NumpyBackend):
    """Lazy arrays of dask, whose chunks are arrays of NumPy.

    Parameters
    ----------
    chunks
        As ``dask.array`` understands it; None for those of ``like`` if it has the shape, or else "auto".
    """

    def __init__(self, chunks: Any = None) -> None:
        super().__init__()
        self.name = "dask"
        self.chunks = chunks

    def is_array(self, x: object) -> bool:
        """Whether ``x`` is an array of dask."""
        return isinstance(x, da.Array)

    def inspect(self, x: da.Array) -> ArrayInfo:
        """Shape, dtype and chunks of an array.

        Raises
        ------
        DeviceError
            If its chunks are of another library than NumPy.
        """
        if not isinstance(x._meta, np.ndarray):
            raise DeviceError(
                f"the chunks of this dask array are of type {type(x._meta).__qualname__}; "
                "wanted arrays of NumPy"
            )
        return ArrayInfo(x.shape, as_dtype(x.dtype), Memory(x.chunks))

    def device(self, device: Any) -> Memory | None:
        """The one device there is."""
        if device is None or isinstance(device, Memory):
            return device
        if device == "cpu":
            return Memory()
        raise DeviceError(
            f"dask has no device {device!r}; wanted 'cpu' or None; chunks are for "
            "backend=unifinit_dask.with_chunks(chunks)"
        )

    def is_generator(self, x: object) -> bool:
        """False: what draws for an array of NumPy does not draw for each chunk."""
        return False

    def run(self, plan: Plan, device: Memory | None) -> da.Array:
        """A new array, of which nothing is computed yet."""
        chunks = self.chunks
        if chunks is None:
            like = None if device is None else device.chunks
            has_shape = like is not None and tuple(map(sum, like)) == plan.result_shape
            chunks = like if has_shape else "auto"
        return lazy(plan, chunks)

    def is_immutable(self, x: da.Array) -> bool:
        """True: arrays of dask are computations."""
        return True

    def fill(self, target: da.Array, plan: Plan) -> None:
        """Make an array another one of the same chunks; what was made from it before stays what it is."""
        handle_out(target, lazy(plan, target.chunks))

    def native(
        self, name: str, config: Mapping[str, Any], shape: Shape, dtype: DType
    ) -> Callable[[], object] | None:
        """What ``dask.array`` offers."""
        return native_initializer(name, config, shape, dtype)


def lazy(plan: Plan, chunks: Any) -> da.Array:
    """An array each chunk of which is a task; what can only be computed as a whole is one task for all."""
    windows = Windows(plan)
    chunks = normalized(chunks, windows)
    content = plan.content
    if content.is_elementwise:
        return from_windows(windows, chunks, inline=len(pickle.dumps(plan)) <= SMALL)
    blocks = list(plan.blocks(content)) if isinstance(content, Blocks) else []
    if len(blocks) > 1:
        axis = len(blocks[0][0]) - 1
        whole = da.concatenate([lazy(block, "auto") for _, block in blocks], axis)
    else:
        whole = from_windows(windows, tuple((size,) for size in windows.shape), inline=True)
    return whole.rechunk(chunks, method="tasks")


def normalized(chunks: Any, windows: Windows) -> Chunks:
    """The lengths of the chunks along each axis.

    Raises
    ------
    ArgumentError
        If they do not divide the shape, or one of them is not known.
    """
    try:
        wanted = chunks
        if isinstance(chunks, Mapping):  # dask would ignore axes that it does not know, negative ones too.
            wanted = {range(windows.ndim)[axis]: length for axis, length in chunks.items()}
        found: Chunks = da.core.normalize_chunks(wanted, windows.shape, dtype=windows.dtype)
        if not all(length >= 0 for axis in found for length in axis):
            raise ValueError("a chunk has a negative length, or one that is not known")
    except (IndexError, TypeError, ValueError, ZeroDivisionError) as error:
        raise ArgumentError(
            f"chunks {chunks!r} do not divide shape {windows.shape} ({error}); "
            "wanted what dask.array takes as chunks="
        ) from None
    return found


def from_windows(windows: Windows, chunks: Chunks, *, inline: bool) -> da.Array:
    """An array whose chunks are windows; ``inline`` gives each task a copy of the plan."""
    return da.from_array(
        windows,
        chunks,
        name=f"unifinit-{tokenize(windows, chunks)}",
        fancy=False,
        inline_array=inline,
        meta=np.empty((0,) * windows.ndim, windows.dtype),
    )
