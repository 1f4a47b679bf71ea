"""Files of NumPy's format .npz: a zip archive with a file of the format .npy for each array."""

from __future__ import annotations

import errno
import io
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import IO, Any, NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np

from unifinit import files
from unifinit.checkpoints import partial
from unifinit.checkpoints.entries import Done, Entry, Progress
from unifinit.checkpoints.stored import Checkpoint, Elements, StoredArray, checked_shape, read_exactly, shown
from unifinit.errors import CheckpointError, DtypeError, or_list
from unifinit.types import DTYPES, DType, Shape

SUFFIX = ".npy"
LONGEST_HEADER = 10_000
"""Bytes that the header of an array may have, as NumPy has it."""
LONGEST_COMMENT = 2**16 - 1
"""Bytes that an archive has room for, besides its members."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time that members bear, so that the same arrays make the same file."""
DAMAGED = (BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError, OverflowError)
"""What zipfile raises about archives that it does not understand."""


class Npy(NamedTuple):
    """What a member's header says.

    Attributes
    ----------
    dtype
        The dtype of the elements.
    stored
        The same as NumPy sees it in the file, perhaps big-endian.
    shape
        The shape.
    size
        Number of bytes of the header.
    """

    dtype: DType
    stored: np.dtype[Any]
    shape: Shape
    size: int


class Member(StoredArray):
    """An array in an archive. If it is compressed, ``read`` decompresses all that precedes the range."""

    def __init__(self, name: str, npy: Npy, archive: ZipFile, info: ZipInfo, what: str) -> None:
        super().__init__(name, npy.dtype, npy.shape)
        self._npy = npy
        self._archive = archive
        self._info = info
        self._what = what

    def _read(self, start: int, stop: int) -> Elements:
        with _understood(self._what), self._archive.open(self._info) as stream:
            stream.seek(self._npy.size + start * self._npy.stored.itemsize)
            return self._next(stream, stop - start)

    def pieces(self, most_bytes: int) -> Iterator[Elements]:
        """All elements, as the base class says, decompressed once."""
        step = max(1, most_bytes // self._npy.stored.itemsize)
        with _understood(self._what), self._archive.open(self._info) as stream:
            stream.seek(self._npy.size)
            for start in range(0, self.size, step):
                yield self._next(stream, min(step, self.size - start))

    def _next(self, stream: IO[bytes], count: int) -> Elements:
        values = read_exactly(stream.readinto, count, self.dtype, self._what)  # type: ignore[attr-defined]
        return values.view(self._npy.stored).astype(values.dtype, copy=False)


def read(path: str) -> Checkpoint:
    """Open a file. Its metadata is the object of JSON that the archive's comment may hold.

    Raises
    ------
    CheckpointError
        If it is no such file, or a damaged one, or has arrays that only unpickling could make.
    OSError
        If it cannot be read.
    """
    with ExitStack() as stack:
        file = stack.enter_context(open(path, "rb"))
        with _understood(path):
            archive = stack.enter_context(ZipFile(file))
        arrays: dict[str, StoredArray] = {}
        for info in archive.infolist():
            what = f"{path}: member {shown(info.filename)}"
            if not info.filename.endswith(SUFFIX):
                raise CheckpointError(f"{what} is no array; wanted names that end in {SUFFIX!r} alone")
            name = info.filename.removesuffix(SUFFIX)
            if name in arrays:
                raise CheckpointError(f"{what} is there twice; wanted it once")
            if info.flag_bits & 1 or info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
                raise CheckpointError(
                    f"{what} is encrypted, or compressed with method {info.compress_type}; wanted one that "
                    "numpy.savez or numpy.savez_compressed writes"
                )
            with _understood(what), archive.open(info) as stream:
                npy = _header(stream, what)
            array = Member(name, npy, archive, info, what)
            if info.file_size != npy.size + array.nbytes:
                raise CheckpointError(
                    f"{what} has {info.file_size} bytes; wanted {npy.size + array.nbytes}, as its header says"
                )
            arrays[name] = array
        return Checkpoint(arrays, _metadata(archive.comment), stack.pop_all())


@contextmanager
def _understood(what: str) -> Iterator[None]:
    """Turn what zipfile raises into an error that names the file and the array."""
    try:
        yield
    except CheckpointError:
        raise
    except (*DAMAGED, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # That of a place before the file.
            raise
        raise CheckpointError(f"{what} cannot be read ({error}); wanted a sound archive of NumPy") from error


def _header(stream: IO[bytes], what: str) -> Npy:
    """The header of an array, from where it begins."""
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise CheckpointError(f"{what} has version {version} of the format; wanted (1, 0) or (2, 0)")
    width = 2 if version == (1, 0) else 4
    front = stream.read(width)
    length = int.from_bytes(front, "little")
    if length > LONGEST_HEADER:
        raise CheckpointError(f"{what} has a header of {length} bytes; wanted at most {LONGEST_HEADER}")
    copied = io.BytesIO(front + stream.read(length))
    if version == (1, 0):
        shape, in_columns, stored = np.lib.format.read_array_header_1_0(copied)
    else:
        shape, in_columns, stored = np.lib.format.read_array_header_2_0(copied)
    shape = checked_shape(shape, what)
    if stored.hasobject:
        raise CheckpointError(
            f"{what} holds Python objects, which only unpickling could make, and that may run any program; "
            "wanted numbers: convert it to safetensors where it comes from"
        )
    if stored.name not in DTYPES:
        raise CheckpointError(f"{what} has dtype {shown(str(stored))}; wanted one of {or_list(DTYPES)}")
    if in_columns and sum(dim != 1 for dim in shape) > 1:
        raise CheckpointError(
            f"{what} is stored column by column, and cannot be read as a stream; wanted rows: save "
            "numpy.ascontiguousarray(array)"
        )
    return Npy(DTYPES[stored.name], stored, shape, len(np.lib.format.MAGIC_PREFIX) + 2 + width + length)


def _metadata(comment: bytes) -> dict[str, str]:
    """The metadata in a comment, which may as well be anyone's text."""
    try:
        found = json.loads(comment)
    except (ValueError, RecursionError):
        return {}
    is_ours = isinstance(found, dict) and all(isinstance(value, str) for value in found.values())
    return found if is_ours else {}


def write(
    path: str,
    entries: Sequence[Entry],
    metadata: Mapping[str, str],
    *,
    fingerprint: str,
    overwrite: bool,
    progress: Progress | None,
) -> None:
    """Write a file, uncompressed as ``numpy.savez`` does; its comment holds the metadata.

    An interrupted attempt is begun again: a member's checksum is that of all its bytes.

    Raises
    ------
    DtypeError
        For bfloat16 and 8-bit floats, for which the format has no names.
    CheckpointError
        If a name or the metadata does not fit the format.
    """
    comment = json.dumps(dict(metadata)).encode() if metadata else b""
    if len(comment) > LONGEST_COMMENT:
        raise CheckpointError(
            f"the metadata has {len(comment)} bytes; wanted at most {LONGEST_COMMENT}, or safetensors"
        )
    headers = [_checked_header(entry) for entry in entries]
    done, buffers = Done(entries, progress), partial.buffers()
    with partial.fresh_file(path, fingerprint=fingerprint, overwrite=overwrite) as file:
        archive = _Archive(file)
        try:
            with partial.pipeline() as do:
                for entry, header in zip(entries, headers, strict=True):
                    do(archive.begin, entry.name + SUFFIX)
                    do(archive.write, header)
                    for piece in files.stream(entry.plan, partial.PIECE, buffers=buffers):
                        do(archive.write, piece)
                        done.add(len(piece))
            archive.close(comment)
        except BaseException:
            archive.give_up()
            raise


def _checked_header(entry: Entry) -> bytes:
    name = entry.name
    if "\0" in name or len(name.encode()) > LONGEST_COMMENT - len(SUFFIX):
        raise CheckpointError(
            f"a member of an archive cannot be called {shown(name)}; wanted a name without the character 0 "
            f"and of at most {LONGEST_COMMENT - len(SUFFIX)} bytes"
        )
    try:
        return files.npy_header(entry.plan)
    except DtypeError as error:
        raise DtypeError(f"array {shown(name)}: {error}") from None


class _Archive:
    """An archive that is written member by member."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = ZipFile(file, "w")
        self._member: IO[bytes] | None = None

    def begin(self, name: str) -> None:
        self._end()
        info = ZipInfo(name, EPOCH)
        info.create_system = 3  # Of Unix everywhere: else files of Windows would differ.
        self._member = self._zip.open(info, "w", force_zip64=True)

    def write(self, data: bytes | memoryview) -> None:
        if self._member is not None:
            self._member.write(data)

    def _end(self) -> None:
        if self._member is not None:
            self._member.close()
            self._member = None

    def close(self, comment: bytes) -> None:
        self._end()
        self._zip.comment = comment
        self._zip.close()

    def give_up(self) -> None:
        """Close what would else be closed, and fail, when it is collected."""
        for close in (self._end, self._zip.close):
            with suppress(OSError, ValueError):
                close()
