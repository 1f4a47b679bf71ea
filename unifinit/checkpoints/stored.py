"""What is in a checkpoint: arrays that are read in parts."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from reprlib import Repr
from types import MappingProxyType
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from unifinit import elements
from unifinit.errors import CheckpointError, WindowError
from unifinit.types import DType, Shape

Elements: TypeAlias = npt.NDArray[Any]

_REPR = Repr()
_REPR.maxstring = _REPR.maxother = 200
shown: Callable[[object], str] = _REPR.repr
"""As ``repr``, but short, whatever a file holds."""


class StoredArray(ABC):
    """An array of a checkpoint, whose elements are read when they are asked for.

    Attributes
    ----------
    name : str
        What the checkpoint calls it.
    dtype : DType
        The dtype of the elements.
    shape : tuple of int
        The shape.
    size : int
        Number of elements.
    nbytes : int
        Number of bytes of the elements in memory.
    """

    def __init__(self, name: str, dtype: DType, shape: Shape) -> None:
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.size = math.prod(shape)
        self.nbytes = self.size * elements.storage(dtype).itemsize

    def read(self, start: int, stop: int) -> Elements:
        """Some elements, counted in row-major order.

        Parameters
        ----------
        start : int
            The first one.
        stop : int
            The one behind the last.

        Returns
        -------
        ndarray
            Flat, of the dtype that ``unifinit.elements.storage`` gives, and the caller's own.

        Raises
        ------
        WindowError
            If they are not elements of the array.
        CheckpointError
            If the file is damaged.
        """
        if not 0 <= start <= stop <= self.size:
            raise WindowError(
                f"array {shown(self.name)} has no elements {start} to {stop}; wanted a range within "
                f"0 to {self.size}"
            )
        return self._read(start, stop)

    @abstractmethod
    def _read(self, start: int, stop: int) -> Elements:
        """What ``read`` returns for a range that there is."""

    def pieces(self, most_bytes: int) -> Iterator[Elements]:
        """All elements, one piece after the other in row-major order.

        Parameters
        ----------
        most_bytes : int
            How large a piece may be, unless it is one element.

        Yields
        ------
        ndarray
            As ``read`` returns it.
        """
        step = max(1, most_bytes // elements.storage(self.dtype).itemsize)
        for start in range(0, self.size, step):
            yield self._read(start, min(start + step, self.size))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {shown(self.name)}: {self.dtype} {self.shape}>"


class Checkpoint:
    """A checkpoint that is open: a context manager, which closes its files.

    Attributes
    ----------
    arrays : mapping of str to StoredArray
        By name, in the order of the file.
    metadata : dict of str
        What the file says besides.
    """

    def __init__(
        self, arrays: Mapping[str, StoredArray], metadata: Mapping[str, str], files: ExitStack
    ) -> None:
        self.arrays: Mapping[str, StoredArray] = MappingProxyType(dict(arrays))
        self.metadata = dict(metadata)
        self._files = files

    def close(self) -> None:
        """Close the files; no more elements can be read."""
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def checked_shape(value: object, what: str) -> Shape:
    """A list of dimensions that a file has, as a shape.

    Raises
    ------
    CheckpointError
        For what is no list of non-negative integers, and beyond 2**63 elements; ``what`` begins the message.
    """
    if not isinstance(value, (list, tuple)) or any(type(dim) is not int or dim < 0 for dim in value):
        raise CheckpointError(f"{what} has shape {shown(value)}; wanted a list of integers of at least 0")
    size = 1
    for dim in filter(None, value):
        size *= dim
        if size >= 2**63:  # Before the product grows to thousands of digits.
            raise CheckpointError(f"{what} has shape {shown(value)}; wanted fewer than 2**63 elements")
    return tuple(value)


def read_exactly(
    read_into: Callable[[memoryview], int | None], count: int, dtype: DType, what: str
) -> Elements:
    """So many elements from where a file is.

    Raises
    ------
    CheckpointError
        If the file ends before; ``what`` begins the message.
    """
    values = np.empty(count, elements.storage(dtype))
    memory = values.view(np.uint8).data
    while memory:
        found = read_into(memory)
        if not found:
            raise CheckpointError(f"{what} ended {len(memory)} bytes early; wanted a complete file")
        memory = memory[found:]
    return values
