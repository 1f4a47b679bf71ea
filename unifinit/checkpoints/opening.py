"""Opening a checkpoint of whatever format."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import PurePosixPath, PureWindowsPath

from unifinit.checkpoints import npz, safetensors, zarr
from unifinit.checkpoints.header import LONGEST, parse_object
from unifinit.checkpoints.stored import Checkpoint, StoredArray, shown
from unifinit.errors import CheckpointError
from unifinit.files import Path

INDEX = ".safetensors.index.json"
PICKLED = (".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt", ".joblib")
"""Endings of files that are made by pickling."""
WANTED = (
    f"a file that ends in .safetensors, {INDEX} or .npz, a group of zarr, or a folder of safetensors files"
)


def open_checkpoint(path: Path) -> Checkpoint:
    """Open a checkpoint; its arrays are read when they are asked for, within some MiB of memory.

    Parameters
    ----------
    path : str or path
        A .safetensors or .npz file; a .safetensors.index.json of Hugging Face's, or a folder that has one, or
        else only safetensors files that share no name; or a group of zarr.

    Returns
    -------
    Checkpoint
        A context manager, which closes the files.

    Raises
    ------
    CheckpointError
        If it is no checkpoint, a damaged one, or one that only unpickling could read.
    BackendUnavailableError
        If it is a group of zarr, and the package zarr is missing.
    OSError
        If it cannot be read.

    Examples
    --------
    >>> from unifinit.checkpoints import open_checkpoint
    >>> with open_checkpoint("model.safetensors") as checkpoint:  # doctest: +SKIP
    ...     first = checkpoint.arrays["wte.weight"].read(0, 10)
    """
    name = os.fsdecode(path)
    if os.path.isdir(name):
        return _folder(name)
    if name.endswith(INDEX):
        return _index(name)
    if name.endswith(".safetensors"):
        return safetensors.read(name)
    if name.endswith(".npz"):
        return npz.read(name)
    os.stat(name)  # Where there is nothing, the ending does not matter.
    _refuse_pickled(name)
    raise CheckpointError(f"{name} has no ending of a checkpoint; wanted {WANTED}")


def _refuse_pickled(name: str) -> None:
    if name.endswith(PICKLED):
        raise CheckpointError(
            f"{name} depends on unpickling, which may run any program that the file holds, and is not read; "
            "wanted safetensors: convert it where it comes from, as with safetensors.torch.save_file"
        )


def _folder(path: str) -> Checkpoint:
    if path.rstrip(os.sep).endswith(".zarr") or zarr.is_group(path):
        return zarr.read(path)
    names = sorted(os.listdir(path))
    indices = [name for name in names if name.endswith(INDEX)]
    if len(indices) > 1:
        raise CheckpointError(f"{path} has {len(indices)} indices, {', '.join(indices)}; wanted one of them")
    if indices:
        return _index(os.path.join(path, indices[0]))
    found = [name for name in names if name.endswith(".safetensors")]
    if not found:
        for name in names:
            _refuse_pickled(os.path.join(path, name))
        raise CheckpointError(f"{path} has no safetensors files; wanted {WANTED}")
    return _together(path, found, None)


def _index(path: str) -> Checkpoint:
    with open(path, "rb") as file:
        text = file.read(LONGEST + 1)
    if len(text) > LONGEST:
        raise CheckpointError(f"{path} has more than {LONGEST} bytes; wanted an index of safetensors files")
    files = parse_object(text, path).get("weight_map")
    if not isinstance(files, dict):
        raise CheckpointError(f"{path} has no weight_map; wanted an object that maps tensors to files")
    for name, file_name in files.items():
        if not isinstance(file_name, str) or not _is_inside(file_name):
            raise CheckpointError(
                f"{path} has tensor {shown(name)} in {shown(file_name)}; wanted a file in the same folder"
            )
        _refuse_pickled(file_name)
        if not file_name.endswith(".safetensors"):
            raise CheckpointError(
                f"{path} has tensor {shown(name)} in {shown(file_name)}; wanted a .safetensors file"
            )
    return _together(os.path.dirname(path), sorted(set(files.values())), files)


def _is_inside(name: str) -> bool:
    """Whether a name leads to nothing outside of the folder, on any system."""
    paths = (PurePosixPath(name), PureWindowsPath(name))
    return not any(path.anchor or ".." in path.parts or "\0" in name for path in paths) and "\\" not in name


def _together(folder: str, names: Iterable[str], index: dict[str, str] | None) -> Checkpoint:
    """Several files as one checkpoint; of each, if there is an index, the tensors that it has there."""
    arrays: dict[str, StoredArray] = {}
    metadata: dict[str, str] = {}
    with ExitStack() as stack:
        for file_name in names:
            path = os.path.join(folder, file_name)
            try:
                part = stack.enter_context(safetensors.read(path))
            except FileNotFoundError:
                raise CheckpointError(f"{path} is missing; wanted every file that the index names") from None
            for name, array in part.arrays.items():
                if index is not None and index.get(name) != file_name:
                    continue
                if name in arrays:
                    raise CheckpointError(f"{path}: tensor {shown(name)} is in another file too; wanted one")
                arrays[name] = array
            metadata = part.metadata | metadata
        for name, file_name in (index or {}).items():
            if name not in arrays:
                raise CheckpointError(
                    f"{os.path.join(folder, file_name)} has no tensor {shown(name)}; wanted what the "
                    "index says"
                )
        return Checkpoint(arrays, metadata, stack.pop_all())
