"""Groups of zarr: a folder with a file for each chunk of each array."""

from __future__ import annotations

import errno
import importlib
import math
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import numpy as np

from unifinit import elements, files
from unifinit.checkpoints import partial
from unifinit.checkpoints.entries import Done, Entry, Progress
from unifinit.checkpoints.stored import Checkpoint, Elements, StoredArray, checked_shape, shown
from unifinit.errors import BackendUnavailableError, CheckpointError, DtypeError, or_list
from unifinit.types import DTYPES, Shape

MARKS = ("zarr.json", ".zgroup")
"""Files that a group has, one for each version of the format."""


def library() -> Any:
    """The package zarr.

    Raises
    ------
    BackendUnavailableError
        If it cannot be imported.
    """
    try:
        return importlib.import_module("zarr")
    except ImportError as error:
        raise BackendUnavailableError(
            f"groups of zarr need the package zarr ({error}); wanted it installed: "
            'pip install "unifinit[zarr]"'
        ) from error


class ArrayOfGroup(StoredArray):
    """An array of a group. Memory holds whole chunks too, as large as they were made."""

    def __init__(self, name: str, array: Any, what: str) -> None:
        dtype = np.dtype(array.dtype)
        if dtype.name not in DTYPES:
            raise CheckpointError(f"{what} has dtype {shown(str(dtype))}; wanted one of {or_list(DTYPES)}")
        super().__init__(name, DTYPES[dtype.name], checked_shape(array.shape, what))
        self._array = array
        self._what = what

    def _read(self, start: int, stop: int) -> Elements:
        values = np.empty(stop - start, elements.storage(self.dtype))
        done = 0
        for part in self._parts(start, stop):
            values[done : done + part.size] = part
            done += part.size
        return values

    def pieces(self, most_bytes: int) -> Iterator[Elements]:
        """All elements, as the base class says, in windows of the array."""
        for index in files.windows(self.shape, max(1, most_bytes // elements.storage(self.dtype).itemsize)):
            part = self._window(index)
            if part.size:
                yield part

    def _parts(self, start: int, stop: int) -> Iterator[Elements]:
        """Windows that follow each other, cut to a range."""
        most = max(1, partial.PIECE // elements.storage(self.dtype).itemsize)
        at = 0
        for index in files.windows(self.shape, most):
            if at >= stop:
                return
            size = math.prod(_sizes(index, self.shape))
            if at + size > start:
                yield self._window(index)[max(0, start - at) : stop - at]
            at += size

    def _window(self, index: tuple[int | slice, ...]) -> Elements:
        try:
            found = self._array[index]
        except (ValueError, TypeError, RuntimeError, KeyError) as error:
            raise CheckpointError(f"{self._what} cannot be read ({error}); wanted sound chunks") from error
        return np.asarray(found).astype(elements.storage(self.dtype), order="C").reshape(-1)


def _sizes(index: tuple[int | slice, ...], shape: Shape) -> Shape:
    """The shape of a window of an array."""
    kept = (part.stop - part.start for part in index if isinstance(part, slice))
    return (*kept, *shape[len(index) :])


def is_group(path: str) -> bool:
    """Whether a folder is a group."""
    return any(os.path.isfile(os.path.join(path, mark)) for mark in MARKS)


def read(path: str) -> Checkpoint:
    """Open a group: its arrays are in the order of their names; its metadata are attributes that are text.

    Raises
    ------
    CheckpointError
        If it is no group, or a damaged one.
    BackendUnavailableError
        If the package zarr is missing.
    """
    zarr = library()
    try:
        group = zarr.open_group(path, mode="r")
        members = sorted(group.members(max_depth=None), key=lambda member: str(member[0]))
        attributes = dict(group.attrs)
    except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(f"{path} is no group of zarr ({error}); wanted one") from error
    arrays = {
        name: ArrayOfGroup(name, member, f"{path}: array {shown(name)}")
        for name, member in members
        if isinstance(member, zarr.Array)
    }
    metadata = {key: value for key, value in attributes.items() if isinstance(value, str)}
    return Checkpoint(arrays, metadata, ExitStack())


def write(
    path: str,
    entries: Sequence[Entry],
    metadata: Mapping[str, str],
    *,
    fingerprint: str,
    overwrite: bool,
    progress: Progress | None,
) -> None:
    """Write a group in version 3 of the format; its attributes hold the metadata.

    Chunks have some MiB, and lie side by side in row-major order. They are not compressed: random mantissas
    cannot be. An interrupted attempt is begun again. A group that is replaced is away for a moment.

    Raises
    ------
    DtypeError
        For bfloat16 and 8-bit floats, which the format lacks.
    CheckpointError
        If a name does not fit the format.
    BackendUnavailableError
        If the package zarr is missing.
    """
    _check(entries)
    zarr = library()
    done, buffers = Done(entries, progress), partial.buffers()
    with _fresh_folder(path, fingerprint, overwrite=overwrite) as folder:
        group = zarr.open_group(folder, mode="w", zarr_format=3, attributes=dict(metadata))
        with partial.pipeline() as do:
            for name, plan in entries:
                dtype, shape = elements.storage(plan.dtype), plan.result_shape
                most = max(1, partial.PIECE // dtype.itemsize)
                array = group.create_array(
                    name,
                    shape=shape,
                    dtype=dtype,
                    chunks=_chunk(next(files.windows(shape, most), (slice(0, 1),)), shape),
                    compressors=None,
                    fill_value=dtype.type(0),
                )
                rest = files.stream(plan, partial.PIECE, buffers=buffers)
                left = np.empty(0, np.uint8)
                for index in files.windows(shape, most):
                    sizes = _sizes(index, shape)
                    chunk = np.empty(math.prod(sizes), dtype)
                    left = _filled(chunk.view(np.uint8), left, rest)
                    do(array.__setitem__, index, chunk.reshape(sizes))
                    done.add(chunk.nbytes)


def _filled(memory: files.Buffer, left: files.Buffer, rest: Iterator[memoryview]) -> files.Buffer:
    """Fill memory from what is left of a piece and from the next ones; what is left of the last one."""
    at = 0
    while at < memory.size:
        if not left.size:
            left = np.frombuffer(next(rest), np.uint8)
        count = min(left.size, memory.size - at)
        memory[at : at + count] = left[:count]
        at, left = at + count, left[count:]
    return left


def _chunk(index: tuple[int | slice, ...], shape: Shape) -> Shape:
    """The shape of the first window, as that of all chunks; no axis of a chunk may have size 0."""
    named = (part.stop - part.start if isinstance(part, slice) else 1 for part in index)
    return tuple(max(1, dim) for dim in (*named, *shape[len(index) :]))


def _check(entries: Sequence[Entry]) -> None:
    folders: set[str] = set()
    for name, plan in entries:
        if plan.dtype.is_narrow:
            raise DtypeError(
                f"array {shown(name)}: zarr has no dtype {plan.dtype.name!r}; wanted one that NumPy has, "
                "such as 'float16' or 'float32', or safetensors"
            )
        parts = name.split("/")
        if any(part in ("", *MARKS) or not part.strip(".") or part.startswith("__") for part in parts):
            raise CheckpointError(
                f"an array of a group cannot be called {shown(name)}; wanted parts between '/' that are not "
                "empty, do not begin with '__', and are neither made of dots nor names of zarr's own files"
            )
        folders.update("/".join(parts[:depth]) for depth in range(1, len(parts)))
    for name, _ in entries:
        if name in folders:
            raise CheckpointError(
                f"{shown(name)} is the name of an array and of a group of others; wanted another name"
            )


@contextmanager
def _fresh_folder(path: str, fingerprint: str, *, overwrite: bool) -> Iterator[str]:
    """A new folder that gets its name when it is complete and on the disk."""
    lock = partial.hidden(path, fingerprint).partial
    folder, old = f"{lock}-group", f"{lock}-old"
    _check_free(path, overwrite=overwrite)
    with partial.locked(lock, path):
        try:
            if os.path.isdir(old) and not os.path.lexists(path):
                os.rename(old, path)  # A process was killed between the two changes of names.
            _check_free(path, overwrite=overwrite)
            for left in (folder, old):
                shutil.rmtree(left, ignore_errors=True)
            os.mkdir(folder)
            yield folder
            for inner, _, names in os.walk(folder, topdown=False):
                for name in names:
                    files.synchronise(os.path.join(inner, name))
                files.synchronise(inner)
            _check_free(path, overwrite=overwrite)
            _replace(folder, path, old)
            files.synchronise(os.path.dirname(path))
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(FileNotFoundError):
                os.unlink(lock)


def _replace(folder: str, path: str, old: str) -> None:
    """Give a folder its name; one that has it is put aside, for folders cannot be replaced at once."""
    is_there = os.path.isdir(path)
    if is_there:
        os.rename(path, old)
    try:
        os.rename(folder, path)
    except BaseException:
        if is_there:
            os.rename(old, path)
        raise


def _check_free(path: str, *, overwrite: bool) -> None:
    if not os.path.lexists(path):
        return
    if not os.path.isdir(path) or not is_group(path):
        raise FileExistsError(errno.EEXIST, "this is no group of zarr; wanted another name", path)
    if not overwrite:
        raise FileExistsError(errno.EEXIST, "there is a group; wanted another name, or overwrite=True", path)
