"""Files that are being written: by a thread, and under hidden names, until they are complete."""

from __future__ import annotations

import errno
import io
import json
import mmap
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from hashlib import sha256
from itertools import cycle
from typing import Any, NamedTuple

import numpy as np

from unifinit import files
from unifinit.files import Buffer, Path

try:
    import fcntl
except ImportError:  # On Windows.
    fcntl = None  # type: ignore[assignment]

PIECE = 2**22
"""Bytes that are computed and written at a time."""
BUFFERS = 6
"""One is copied, some wait, and one is computed."""
STAGE = 2**24
"""Bytes that are handed to the system at a time: memory is PIECE * BUFFERS + STAGE."""
BLOCK = 2**12
"""Where, and of how many bytes a multiple, files may be written past the cache."""
SYNC = 2**28
"""Bytes after which what was written is brought to the disk, and noted in the journal."""

_synchronised = getattr(os, "fdatasync", os.fsync)


def buffers() -> Iterator[Buffer]:
    """The buffers, in turn and without an end."""
    return cycle([np.empty(PIECE, np.uint8) for _ in range(BUFFERS)])


@contextmanager
def pipeline() -> Iterator[Callable[..., None]]:
    """A thread that makes calls one after the other.

    Yields
    ------
    do
        Takes a function and its arguments. It returns when at most BUFFERS - 1 calls have not been made, and
        raises what a call has raised. At the end of the block all calls have been made, or, after an error,
        none is made any more.
    """
    pending: deque[Future[Any]] = deque()

    def do(function: Callable[..., object], *arguments: object) -> None:
        pending.append(pool.submit(function, *arguments))
        while len(pending) >= BUFFERS:
            pending.popleft().result()

    with ThreadPoolExecutor(1) as pool:
        try:
            yield do
            while pending:
                pending.popleft().result()
        finally:
            for future in reversed(pending):  # The last one first, so that none is made without those before.
                future.cancel()


class Hidden(NamedTuple):
    """The names that a file has while it is written; they follow from its own name and the fingerprint.

    Attributes
    ----------
    partial
        Of what has been written.
    journal
        Of the note how much of it is on the disk.
    """

    partial: str
    journal: str


def hidden(path: str, fingerprint: str) -> Hidden:
    """The hidden names for a file."""
    folder, name = os.path.split(path)
    digest = sha256(json.dumps([name, fingerprint]).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    partial = os.path.join(folder, f".{digest}.unifinit")
    return Hidden(partial, f"{partial}-journal")


class Resumable:
    """A file that is written from where an earlier attempt got to.

    Attributes
    ----------
    position
        How many bytes are in the file; those behind wait in memory for more.
    """

    def __init__(self, file: io.FileIO, names: Hidden, header: bytes, fingerprint: str) -> None:
        self._file = file
        self._names = names
        self._identity = identity(header, fingerprint)
        self._failed = False
        self.position = self._known(header)
        if not self.position:
            # It must not speak about what is written from now on.
            with suppress(FileNotFoundError):
                os.unlink(names.journal)
            files.synchronise(os.path.dirname(names.journal))
        file.truncate(self.position)
        file.seek(self.position)
        self._noted = self.position
        self._stage = np.frombuffer(mmap.mmap(-1, STAGE), np.uint8)  # Of whole pages, as the disk wants it.
        self._staged = 0
        self._is_direct = _set_direct(file, wanted=True)

    def _known(self, header: bytes) -> int:
        """How many bytes of this very file are there for sure."""
        journal = read_journal(self._names.journal)
        if journal is None or journal.identity != self._identity:
            return 0
        synced = journal.synced - journal.synced % BLOCK
        if synced < len(header) or synced > os.fstat(self._file.fileno()).st_size:
            return 0
        return synced if self._file.read(len(header)) == header else 0

    def write(self, piece: bytes | memoryview) -> None:
        """Append bytes, unless earlier ones could not be written."""
        if self._failed:
            return
        try:
            left = np.frombuffer(piece, np.uint8)
            while left.size:
                count = min(left.size, STAGE - self._staged)
                self._stage[self._staged : self._staged + count] = left[:count]
                self._staged += count
                left = left[count:]
                if self._staged == STAGE:
                    self._flush(STAGE)
        except BaseException:
            self._failed = True
            raise

    def finish(self) -> None:
        """Write what is left of the bytes that were appended."""
        rest = self._staged % BLOCK
        self._flush(self._staged - rest)
        self._is_direct = self._is_direct and not _set_direct(self._file, wanted=False)
        self._flush(rest)

    def keep(self) -> None:
        """Write what can be gone on with, and say so in the journal."""
        if not self._failed:
            self._flush(self._staged - self._staged % BLOCK)
        self.note()

    def _flush(self, count: int) -> None:
        """Write the first bytes that wait."""
        done = 0
        try:
            while done < count:
                done += self._written(self._stage[done:count].data)
        finally:
            if not self._is_direct:
                _begin_synchronisation(self._file.fileno(), self.position, done)
            self.position += done
            self._staged -= done
            self._stage[: self._staged] = self._stage[done : done + self._staged]
        if self.position - self._noted >= SYNC:
            self.note()

    def _written(self, data: memoryview) -> int:
        """How many of some bytes could be written."""
        try:
            return self._file.write(data)
        except OSError as error:
            # As where a limit has cut a block in two.
            if error.errno != errno.EINVAL or not self._is_direct:
                raise
            self._is_direct = not _set_direct(self._file, wanted=False)
            return 0

    def note(self, finished: int | None = None) -> None:
        """Bring what was written to the disk, and say so in the journal; at the end with the file's time."""
        _synchronised(self._file.fileno())
        write_journal(self._names.journal, Journal(self._identity, self.position, finished))
        self._noted = self.position


def _set_direct(file: io.FileIO, *, wanted: bool) -> bool:
    """Let a file be written past the system's cache, or not; whether that could be done.

    To copy all bytes into the cache takes as much time of a processor as some values take to compute.
    """
    if fcntl is None or not hasattr(os, "O_DIRECT"):
        return False
    try:
        flags = fcntl.fcntl(file, fcntl.F_GETFL)
        flags = flags | os.O_DIRECT if wanted else flags & ~os.O_DIRECT
        fcntl.fcntl(file, fcntl.F_SETFL, flags)
    except OSError:  # Not every file system can.
        return False
    return True


def _begin_synchronisation(descriptor: int, start: int, size: int) -> None:
    """Let the system write some bytes to the disk at once, so that it is not all to be waited for later."""
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):  # It is only advice, which a file system may not take.
            os.posix_fadvise(descriptor, start, size, os.POSIX_FADV_DONTNEED)


class Journal(NamedTuple):
    """What the journal says.

    Attributes
    ----------
    identity
        The digest of what the file is to hold.
    synced
        How many of its bytes are on the disk.
    finished
        When the complete file was changed last, in nanoseconds; None while it is written.
    """

    identity: str
    synced: int
    finished: int | None


def identity(header: bytes, fingerprint: str) -> str:
    """A digest of what a file is to hold."""
    return sha256(fingerprint.encode("utf-8", "surrogatepass") + b"\0" + header).hexdigest()


def read_journal(path: str) -> Journal | None:
    """What the journal says; None if there is none, or none that makes sense."""
    try:
        with open(path, "rb") as file:
            journal = Journal(*json.loads(file.read(1000)))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    sound = type(journal.synced) is int and (journal.finished is None or type(journal.finished) is int)
    return journal if sound else None


def write_journal(path: str, journal: Journal) -> None:
    """Replace the journal at once, so that there is never half of one."""
    new = f"{path}-new"
    with open(new, "wb") as file:
        file.write(json.dumps(journal).encode())
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)


def is_finished(path: str, header: bytes, size: int, fingerprint: str) -> bool:
    """Whether an earlier attempt has given the file its name, by what its journal says."""
    journal = read_journal(hidden(path, fingerprint).journal)
    if journal is None or journal.finished is None or journal.identity != identity(header, fingerprint):
        return False
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return False
    return (found.st_size, found.st_mtime_ns) == (size, journal.finished)


def forget(path: str, fingerprint: str) -> None:
    """Remove what an attempt has left besides the file."""
    for name in hidden(path, fingerprint):
        with suppress(FileNotFoundError):
            os.unlink(name)


@contextmanager
def resumable_file(path: str, header: bytes, *, fingerprint: str, overwrite: bool) -> Iterator[Resumable]:
    """A file that gets its name when it is complete and on the disk; until then it can be gone on with.

    After an error, an interruption or the end of the process, what has been written stays under a hidden
    name, and the next call with the same header and fingerprint goes on with it. The journal stays too: see
    ``is_finished`` and ``forget``.

    Parameters
    ----------
    path
        The name, without symbolic links.
    header
        The bytes with which the file begins; the caller writes them.
    fingerprint
        Stands for all other bytes.
    overwrite
        Whether to replace a file of that name.

    Raises
    ------
    FileExistsError
        If there is something of that name, other than a file that may be replaced.
    BlockingIOError
        If another process writes the same file.
    OSError
        If the file cannot be written; it names the file.
    """
    names = hidden(path, fingerprint)
    files.check_free(path, overwrite=overwrite)
    with locked(names.partial, path) as file:
        mode = files.check_free(path, overwrite=overwrite)
        with named_errors(path):
            target = Resumable(file, names, header, fingerprint)
        try:
            yield target
            with named_errors(path):
                target.finish()
                os.fsync(file.fileno())
                target.note(os.fstat(file.fileno()).st_mtime_ns)
        except BaseException:
            with suppress(OSError):  # The disk may still be full.
                target.keep()
            raise
        _publish(file, names.partial, path, mode, overwrite=overwrite)


@contextmanager
def fresh_file(path: str, *, fingerprint: str, overwrite: bool) -> Iterator[io.BufferedRandom]:
    """As ``resumable_file``, but begun again each time, and removed after an error."""
    partial = hidden(path, fingerprint).partial
    files.check_free(path, overwrite=overwrite)
    with locked(partial, path) as raw:
        mode = files.check_free(path, overwrite=overwrite)
        try:
            raw.truncate(0)
            file = io.BufferedRandom(raw)
            try:
                yield file
                file.detach()  # It writes what it still has.
            except BaseException:
                with suppress(OSError):  # Else it would try and fail again when it is collected.
                    file.close()
                raise
            with named_errors(path):
                os.fsync(raw.fileno())
            _publish(raw, partial, path, mode, overwrite=overwrite)
        except BaseException:
            with suppress(OSError):
                os.unlink(partial)
            raise


@contextmanager
def named_errors(path: str) -> Iterator[None]:
    """Let errors of the system name the file, rather than none or its hidden names."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:
            error.filename, error.filename2 = path, None
        raise


class File(io.FileIO):
    """An open file whose errors bear its name to be."""

    def __init__(self, descriptor: int, path: str) -> None:
        super().__init__(descriptor, "r+")
        self._path = path

    def write(self, data: Any, /) -> int:
        """Write some of the bytes, and say how many."""
        with named_errors(self._path):
            return super().write(data)


def _publish(file: io.FileIO, partial: str, path: str, mode: int | None, *, overwrite: bool) -> None:
    if mode is not None:
        os.chmod(partial, mode)
    if fcntl is None:
        file.close()  # Windows renames no open files.
    with named_errors(path):
        files.publish(partial, path, overwrite=overwrite)
        with suppress(FileNotFoundError):
            os.unlink(partial)  # Before the lock is given up: else another process could take it for its own.
        files.synchronise(os.path.dirname(path))


@contextmanager
def locked(name: str, path: str) -> Iterator[File]:
    """A file that only this process writes, made if there is none; what it holds stays.

    Raises
    ------
    BlockingIOError
        If another process has it, to write the file called ``path``.
    """
    # The name can be foreseen: it must not be a link to something else.
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    while True:
        with named_errors(path):
            descriptor = os.open(name, flags, 0o666)
        with File(descriptor, path) as file:
            _lock(file, path)
            if _is_ours(file, name):
                yield file
                return


def _is_ours(file: io.FileIO, name: str) -> bool:
    """Whether an open file has its hidden name and no other."""
    found = os.fstat(file.fileno())
    try:
        named = os.stat(name)
    except FileNotFoundError:  # Another process has just completed it.
        return False
    if not os.path.samestat(found, named):
        return False
    if named.st_nlink > 1:
        # A process was killed after it had given the file its name, under which it must not change.
        os.unlink(name)
        return False
    return True


def _lock(file: io.FileIO, path: str) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BlockingIOError(
            errno.EWOULDBLOCK, "another process writes this file; wanted another name, or to wait", path
        ) from None
    except OSError as error:
        if error.errno not in (*files.UNSUPPORTED, errno.ENOLCK):  # Some file systems have no locks.
            raise


def real(path: Path) -> str:
    """The name of a file without symbolic links."""
    return os.path.realpath(os.fsdecode(path))
