"""Checkpoints of several safetensors files with an index, as Hugging Face divides them."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from unifinit import files
from unifinit.checkpoints import partial, safetensors
from unifinit.checkpoints.entries import Done, Entry, Progress, checked_entries, checked_metadata
from unifinit.checkpoints.header import make_header
from unifinit.checkpoints.opening import INDEX
from unifinit.checkpoints.stored import shown
from unifinit.checkpoints.writing import NOTHING
from unifinit.errors import ArgumentError, CheckpointError
from unifinit.files import Path

MAX_BYTES = 5 * 10**9
"""Bytes of elements that a file has at most, unless one array has more: as Hugging Face has it."""


def divide(sizes: Sequence[int], *, max_bytes: int | None = None, shards: int | None = None) -> list[range]:
    """Divide arrays among files, in their order.

    Parameters
    ----------
    sizes : sequence of int
        The number of bytes of each array.
    max_bytes : int, optional
        How many a file may have, unless it has one array: each gets as many arrays as fit. By default
        5 * 10**9.
    shards : int, optional
        Into how many files to divide instead, such that the largest is as small as can be.

    Returns
    -------
    list of range
        For each file the places of its arrays. Without arrays there is one file, which is empty.

    Raises
    ------
    ArgumentError
        If both are given, if one is less than 1, or if there are more files than arrays.
    """
    if max_bytes is not None and shards is not None:
        raise ArgumentError(f"got max_bytes={max_bytes} and shards={shards}; wanted one of them")
    for name, value in (("max_bytes", max_bytes), ("shards", shards)):
        if value is not None and value < 1:
            raise ArgumentError(f"{name}={value}; wanted at least 1")
    if shards is None:
        return _greedy(sizes, MAX_BYTES if max_bytes is None else max_bytes, 1)
    if shards > max(1, len(sizes)):
        raise ArgumentError(
            f"{len(sizes)} arrays cannot fill {shards} files; wanted shards={len(sizes)} or fewer"
        )
    low, high = max(sizes, default=0), sum(sizes)
    while low < high:
        middle = (low + high) // 2
        if len(_greedy(sizes, middle, 1)) <= shards:
            high = middle
        else:
            low = middle + 1
    return _greedy(sizes, low, shards)


def _greedy(sizes: Sequence[int], most: int, least: int) -> list[range]:
    """As many arrays for each file as fit, but at least so many files."""
    found: list[range] = []
    first = total = 0
    for place, size in enumerate(sizes):
        # From where there are just enough arrays left, each gets a file.
        is_last = len(sizes) - place <= least - len(found) - 1
        if place > first and (total + size > most or is_last):
            found.append(range(first, place))
            first, total = place, 0
        total += size
    return [*found, range(first, len(sizes))]


def write_shards(
    folder: Path,
    entries: Iterable[Entry],
    *,
    metadata: Mapping[str, str] = NOTHING,
    fingerprint: str,
    stem: str = "model",
    max_bytes: int | None = None,
    shards: int | None = None,
    index: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write what plans say to safetensors files in a folder, as Hugging Face names and divides them.

    There is one file, ``model.safetensors``, if all fits; or else ``model-00001-of-00002.safetensors`` and so
    on, and ``model.safetensors.index.json``. Each is written as ``write_checkpoint`` does it. An interrupted
    call goes on with the file where it was, and passes over those that were complete.

    Parameters
    ----------
    folder : str or path
        Where the files shall be; it is made if it is not there.
    entries : iterable of Entry
        The arrays, which are divided in this order: see ``divide``.
    metadata : mapping of str to str
        What the header of each file says besides.
    fingerprint : str
        Stands for the plans and the stream: see ``write_checkpoint``.
    stem : str
        How the names begin.
    max_bytes, shards : int, optional
        See ``divide``.
    index : int, optional
        Which file to write, from 0 on, besides the index: so machines can write one each, and need not know
        of each other.
    overwrite : bool
        Whether to replace files of these names.
    progress : callable, optional
        Is told how many bytes of elements are done, and how many there are, in the files to be written.

    Raises
    ------
    ArgumentError
        If the arrays cannot be divided like this, or there is no file of that number.
    CheckpointError
        If a name or the metadata will not do.
    DtypeError
        If the format lacks a dtype.
    FileExistsError
        If there is something of these names, other than what may be replaced; or if there are files of a
        checkpoint that was divided in another way, which readers would mix up.
    BlockingIOError
        If another process writes the same file.
    OSError
        If a file cannot be written, as on a full disk; what has its name stays as it was.
    """
    found, metadata = checked_entries(entries), checked_metadata(metadata)
    if not stem or os.path.basename(stem) != stem or "/" in stem or stem.startswith("."):
        raise CheckpointError(
            f"stem {shown(stem)} cannot begin the name of a file; wanted one such as 'model'"
        )
    ranges = divide([entry.nbytes for entry in found], max_bytes=max_bytes, shards=shards)
    if index is not None and not 0 <= index < len(ranges):
        raise ArgumentError(
            f"index={index}, but there are {len(ranges)} files; wanted 0 to {len(ranges) - 1}"
        )
    names = _names(stem, len(ranges))
    parts = {name: found[part.start : part.stop] for name, part in zip(names, ranges, strict=True)}
    for part in parts.values():
        make_header(part, metadata)  # It finds what is wrong with any of them before one is made.
    folder = partial.real(folder)
    os.makedirs(folder, exist_ok=True)
    index_name = f"{stem}{INDEX}"
    _refuse_others(folder, stem, {*names, index_name} if len(names) > 1 else {*names})
    chosen = names if index is None else [names[index]]
    done = Done([entry for name in chosen for entry in parts[name]], progress)
    if len(names) > 1:
        _check_index(os.path.join(folder, index_name), _index(parts), overwrite=overwrite)
    for name in chosen:
        before = 0

        def tell(count: int, _: int) -> None:
            nonlocal before
            done.add(count - before)
            before = count

        safetensors.write(
            os.path.join(folder, name),
            parts[name],
            metadata,
            fingerprint=fingerprint,
            overwrite=overwrite,
            progress=tell,
            keep_journal=True,
        )
    if len(names) > 1:
        _write_index(os.path.join(folder, index_name), _index(parts), overwrite=overwrite)
    for name in chosen:
        partial.forget(os.path.join(folder, name), fingerprint)


def _names(stem: str, count: int) -> list[str]:
    if count == 1:
        return [f"{stem}.safetensors"]
    return [f"{stem}-{number:05d}-of-{count:05d}.safetensors" for number in range(1, count + 1)]


def _index(parts: Mapping[str, Sequence[Entry]]) -> bytes:
    """The index, as Hugging Face's libraries write it."""
    total = sum(entry.nbytes for part in parts.values() for entry in part)
    files_of = {entry.name: name for name, part in parts.items() for entry in part}
    index = {"metadata": {"total_size": total}, "weight_map": files_of}
    return f"{json.dumps(index, indent=2, sort_keys=True)}\n".encode()


def _refuse_others(folder: str, stem: str, names: set[str]) -> None:
    """Refuse a folder that has files of a checkpoint that was divided in another way."""
    ours = re.compile(rf"{re.escape(stem)}(-\d{{5,}}-of-\d{{5,}})?\.safetensors(\.index\.json)?")
    others = sorted(name for name in os.listdir(folder) if ours.fullmatch(name) and name not in names)
    if others:
        raise FileExistsError(
            errno.EEXIST,
            f"there are files of another checkpoint, {', '.join(others[:3])}; wanted them removed, or "
            "another folder",
            folder,
        )


def _check_index(path: str, index: bytes, *, overwrite: bool) -> bool:
    """Whether the index is to be written: not if there is an identical one."""
    with suppress(FileNotFoundError, IsADirectoryError), open(path, "rb") as file:
        if file.read(len(index) + 1) == index:
            return False
    files.check_free(path, overwrite=overwrite)
    return True


def _write_index(path: str, index: bytes, *, overwrite: bool) -> None:
    if not _check_index(path, index, overwrite=overwrite):
        return
    try:
        with files.atomic_file(path, overwrite=overwrite) as file:
            file.write(index)
    except FileExistsError:  # Another process may have written the same one in the meantime.
        if _check_index(path, index, overwrite=False):
            raise
