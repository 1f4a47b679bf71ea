"""Files: what a plan says, written piece by piece. Memory holds one piece, and no file is ever half there."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import product, repeat
from typing import BinaryIO, TypeAlias

import numpy as np
import numpy.typing as npt

from unifinit import elements, host
from unifinit.contents import Blocks
from unifinit.errors import DtypeError
from unifinit.plan import Plan
from unifinit.types import Shape

Path: TypeAlias = str | os.PathLike[str]
Buffer: TypeAlias = npt.NDArray[np.uint8]

PIECE = 2**22
"""Bytes that are computed at a time: few enough that the cache still has them when they are written."""
UNSUPPORTED = (errno.EPERM, errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
"""What a file system answers that has no hard links, or whose folders cannot be synchronised."""


def save_npy(path: Path, plan: Plan, *, overwrite: bool = False) -> None:
    """Write what a plan says to a file of NumPy's format, within some MiB of memory.

    The bytes are those that ``numpy.save`` writes of the array. The file appears once it is complete: see
    ``atomic_file``. A content that is computed as a whole, as that of ``Orthogonal``, is held as a whole.

    Parameters
    ----------
    path : str or path
        The name of the file; nothing is appended.
    plan : Plan
        What ``Initializer.plan`` returns.
    overwrite : bool
        Whether to replace a file of that name.

    Raises
    ------
    DtypeError
        For bfloat16 and 8-bit floats, for which the format has no names.
    FileExistsError
        If there is something of that name, other than a file that may be replaced.
    OSError
        If the file cannot be written, as on a full disk; no part of it is left then.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.save_npy("kernel.npy", ui.HeNormal(seed=0).plan((1000, 1000)))  # doctest: +SKIP
    """
    header = npy_header(plan)
    with atomic_file(path, overwrite=overwrite) as file:
        file.write(header)
        for piece in stream(plan):
            file.write(piece)


def npy_header(plan: Plan) -> bytes:
    """What precedes the elements of a plan in a file of NumPy's format.

    Raises
    ------
    DtypeError
        For bfloat16 and 8-bit floats, for which the format has no names.
    """
    if plan.dtype.is_narrow:
        raise DtypeError(
            f"files of NumPy have no dtype {plan.dtype.name!r}; wanted one that NumPy has, such as 'float16' "
            "or 'float32', or another format"
        )
    header = {
        "descr": np.lib.format.dtype_to_descr(elements.storage(plan.dtype)),
        "fortran_order": False,
        "shape": plan.result_shape,
    }
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue()


def stream(
    plan: Plan, piece: int | None = None, *, start: int = 0, buffers: Iterator[Buffer] | None = None
) -> Iterator[memoryview]:
    """The bytes of a plan's elements, each little-endian, in row-major order of the result.

    Parameters
    ----------
    plan
        What to compute.
    piece
        How many bytes to compute at a time; by default some MiB.
    start
        How many elements of the result to leave out at the beginning.
    buffers
        Where to compute the pieces, each in the next one, of at least ``piece`` bytes; by default all in the
        same memory.

    Yields
    ------
    memoryview
        Of bytes; it is overwritten when its buffer's turn comes again, by default by the next piece.
    """
    if start and start >= plan.size:
        return
    dtype = host.storage(plan.dtype)
    whole = None
    if not plan.content.is_elementwise:
        blocks = list(plan.blocks(plan.content)) if isinstance(plan.content, Blocks) else []
        if blocks and all(len(where) < 2 for where, _ in blocks):  # They lie one after the other.
            for _, block in blocks:
                yield from stream(block, piece, start=min(start, block.size), buffers=buffers)
                start = max(0, start - block.size)
            return
        whole = host.compute(plan)
    most = max(1, (piece or PIECE) // dtype.itemsize)
    if buffers is None:
        buffers = repeat(np.empty(most * dtype.itemsize, np.uint8))
    for index in windows(plan.result_shape, most):
        part = plan.window(index)
        if start and start >= part.size:
            start -= part.size
            continue
        if whole is None:
            values = next(buffers)[: part.size * dtype.itemsize].view(dtype).reshape(part.result_shape)
            host.overwrite(values, part)
        else:
            values = whole[index]
        flat = values.astype(elements.storage(plan.dtype), copy=False).reshape(-1)
        yield flat[start:].view(np.uint8).data
        start = 0


def windows(shape: Shape, most: int) -> Iterator[tuple[int | slice, ...]]:
    """Indices of windows with at most so many elements each, one after the other in row-major order.

    The elements of each lie side by side in an array of the shape.
    """
    axis, inner = len(shape), 1
    while axis and inner * shape[axis - 1] <= most:
        axis -= 1
        inner *= shape[axis]
    if axis == 0:
        yield ()
        return
    step = max(1, most // inner)
    for outer in product(*map(range, shape[: axis - 1])):
        for start in range(0, shape[axis - 1], step):
            yield (*outer, slice(start, min(start + step, shape[axis - 1])))


@contextmanager
def atomic_file(path: Path, *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """A new file that gets its name when it is complete and on the disk.

    It is written under another name in the same folder. If anything goes wrong, be it a full disk or an
    interruption, it is removed, and what has the name stays as it was. A process that is killed leaves
    ``.<random>.unifinit`` behind.

    Parameters
    ----------
    path
        The name. A symbolic link is followed.
    overwrite
        Whether to replace a file of that name.

    Yields
    ------
    file
        Binary, to be written.

    Raises
    ------
    FileExistsError
        If there is something of that name, other than a file that may be replaced; at the end, if it came
        in the meantime.
    OSError
        If the file cannot be written.
    """
    path = os.path.realpath(path)
    mode = check_free(path, overwrite=overwrite)
    folder = os.path.dirname(path)
    temporary = os.path.join(folder, f".{os.urandom(8).hex()}.unifinit")
    try:
        with open(temporary, "xb") as file:
            if mode is not None:
                os.chmod(temporary, mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
        publish(temporary, path, overwrite=overwrite)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
    synchronise(folder)


def check_free(path: str, *, overwrite: bool) -> int | None:
    """The permissions of the file that is to be replaced; None if there is none."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        raise FileExistsError(errno.EEXIST, "this is no regular file; wanted another name", path)
    if not overwrite:
        raise FileExistsError(errno.EEXIST, "there is a file; wanted another name, or overwrite=True", path)
    return stat.S_IMODE(mode)


def publish(temporary: str, path: str, *, overwrite: bool) -> None:
    """Give a complete file its name.

    The other name may stay, and is the caller's to remove.
    """
    if overwrite:
        os.replace(temporary, path)
        return
    try:
        os.link(temporary, path)  # Unlike a change of name, it replaces nothing that came in the meantime.
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        check_free(path, overwrite=False)
        os.replace(temporary, path)


def synchronise(folder: str) -> None:
    """Bring the name itself to the disk."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # As ever on Windows, which needs none of it.
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
    finally:
        os.close(descriptor)
