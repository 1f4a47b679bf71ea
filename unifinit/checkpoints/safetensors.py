"""Files in the format safetensors: a header in JSON, and the elements of one tensor after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from io import FileIO

from unifinit import elements, files
from unifinit.checkpoints import partial
from unifinit.checkpoints.entries import Done, Entry, Progress
from unifinit.checkpoints.header import Tensor, make_header, read_header
from unifinit.checkpoints.stored import Checkpoint, Elements, StoredArray, read_exactly, shown


class TensorInFile(StoredArray):
    """A tensor of a safetensors file; ``first`` is the byte at which it begins."""

    def __init__(self, name: str, tensor: Tensor, file: FileIO, path: str, first: int) -> None:
        super().__init__(name, tensor.dtype, tensor.shape)
        self._file = file
        self._path = path
        self._first = first

    def _read(self, start: int, stop: int) -> Elements:
        self._file.seek(self._first + start * elements.storage(self.dtype).itemsize)
        what = f"{self._path}: tensor {shown(self.name)}"
        return read_exactly(self._file.readinto, stop - start, self.dtype, what)


def read(path: str) -> Checkpoint:
    """Open a file.

    Raises
    ------
    CheckpointError
        If it is no safetensors file, or a damaged one.
    OSError
        If it cannot be read.
    """
    with ExitStack() as stack:
        file = stack.enter_context(open(path, "rb", buffering=0))
        header = read_header(file, path)
        arrays = {
            name: TensorInFile(name, tensor, file, path, header.size + tensor.begin)
            for name, tensor in header.tensors.items()
        }
        return Checkpoint(arrays, header.metadata, stack.pop_all())


def write(
    path: str,
    entries: Sequence[Entry],
    metadata: Mapping[str, str],
    *,
    fingerprint: str,
    overwrite: bool,
    progress: Progress | None,
    keep_journal: bool = False,
) -> None:
    """Write a file; the arrays lie in it in the order of the entries.

    Parameters
    ----------
    path
        The name, without symbolic links.
    entries
        The arrays, whose names are known to be sound.
    metadata
        What the header has besides.
    fingerprint
        Stands for the values: an attempt with the same one may be gone on with.
    overwrite
        Whether to replace a file of that name.
    progress
        Is told how many bytes of elements are done, and how many there are.
    keep_journal
        Whether to leave the note that the file is complete, for the next call, which then does nothing.
    """
    header = make_header(entries, metadata)
    done = Done(entries, progress)
    if not partial.is_finished(path, header, len(header) + done.total, fingerprint):
        with partial.resumable_file(path, header, fingerprint=fingerprint, overwrite=overwrite) as target:
            _append(target, header, entries, done)
    elif progress is not None:
        progress(done.total, done.total)
    if not keep_journal:
        partial.forget(path, fingerprint)


def _append(target: partial.Resumable, header: bytes, entries: Sequence[Entry], done: Done) -> None:
    """Compute and write what an earlier attempt has not written."""
    buffers = partial.buffers()
    there = max(0, target.position - len(header))
    if not target.position:
        target.write(header)
    if there:
        done.add(there)
    with partial.pipeline() as do:
        for entry in entries:
            if there and there >= entry.nbytes:
                there -= entry.nbytes
                continue
            start, before = divmod(there, elements.storage(entry.plan.dtype).itemsize)
            there = 0
            for piece in files.stream(entry.plan, partial.PIECE, start=start, buffers=buffers):
                do(target.write, piece[before:])
                done.add(len(piece) - before)
                before = 0  # Bytes of an element that an earlier attempt has begun.
