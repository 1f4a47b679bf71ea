"""Writing a checkpoint in the format that its name says."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from unifinit.checkpoints import npz, partial, safetensors, zarr
from unifinit.checkpoints.entries import Entry, Progress, checked_entries, checked_metadata
from unifinit.checkpoints.stored import shown
from unifinit.errors import CheckpointError
from unifinit.files import Path

NOTHING: Mapping[str, str] = MappingProxyType({})


def write_checkpoint(
    path: Path,
    entries: Iterable[Entry],
    *,
    metadata: Mapping[str, str] = NOTHING,
    fingerprint: str,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write what plans say to one file, or to a group of zarr.

    Elements are computed piece by piece, while a thread writes the pieces before: memory holds
    ``partial.PIECE * partial.BUFFERS`` bytes, that is 12 MiB, and of a content that is computed as a whole,
    as that of ``Orthogonal``, the whole.

    The file appears once it is complete and on the disk. Until then it has a hidden name in the same folder,
    ``.<digest>.unifinit``, which follows from its name and the fingerprint. A safetensors file is gone on
    with after any error, interruption or end of the process: what has been written stays, with a journal that
    says how much of it is on the disk, and the next call with the same arguments goes on there. Only what is
    wrong with the arguments is an error before anything is made. The other formats are begun again.

    Parameters
    ----------
    path : str or path
        The name, which ends in .safetensors, .npz or .zarr. A symbolic link is followed.
    entries : iterable of Entry
        The arrays, which lie in the file in this order.
    metadata : mapping of str to str
        What the file says besides: in the header of safetensors, the comment of an .npz archive, or the
        attributes of a group.
    fingerprint : str
        Stands for the plans and the stream, as a digest of the configuration does with
        ``unifinit.fingerprint()``: attempts with equal ones must mean the same values.
    overwrite : bool
        Whether to replace a file, or a group of zarr, of that name.
    progress : callable, optional
        Is told how many bytes of elements are done, and how many there are.

    Raises
    ------
    CheckpointError
        If a name, the metadata or the ending will not do.
    DtypeError
        If the format lacks a dtype.
    FileExistsError
        If there is something of that name, other than what may be replaced.
    BlockingIOError
        If another process writes the same file.
    BackendUnavailableError
        If the package zarr is needed and missing.
    OSError
        If the file cannot be written, as on a full disk; what has the name stays as it was.
    """
    name = os.fsdecode(path).rstrip(os.sep)
    write = next((write for ending, write in _FORMATS.items() if name.endswith(ending)), None)
    if write is None:
        raise CheckpointError(
            f"{shown(name)} says no format; wanted a name that ends in {', '.join(_FORMATS)}"
        )
    write(
        partial.real(path),
        checked_entries(entries),
        checked_metadata(metadata),
        fingerprint=fingerprint,
        overwrite=overwrite,
        progress=progress,
    )


_FORMATS = {".safetensors": safetensors.write, ".npz": npz.write, ".zarr": zarr.write}
