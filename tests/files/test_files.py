"""Files: the same bytes as in memory, little memory, and nothing half there whatever goes wrong."""

from __future__ import annotations

import builtins
import errno
import io
import itertools
import math
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import unifinit as ui
from unifinit import files, host
from unifinit.files import atomic_file, save_npy, stream, windows
from unifinit.registry import registry

MASK = np.arange(12) % 3 > 0
CASES: dict[str, tuple[ui.Initializer, tuple[int, ...], str]] = {
    "float32": (ui.HeNormal(seed=1), (9, 7, 12), "float32"),
    "float64": (ui.TruncatedNormal(seed=1), (9, 7, 12), "float64"),
    "float16": (ui.RandomUniform(seed=1), (9, 7, 12), "float16"),
    "complex64": (ui.GlorotUniform(seed=2), (9, 7, 12), "complex64"),
    "constant": (ui.Constant(0.1), (9, 7, 12), "float32"),
    "listed": (ui.Constant(range(24)), (2, 12), "int32"),
    "masked": (ui.Masked(ui.HeNormal(), MASK, seed=4), (5, 12, 12), "float32"),
    "blocks": (ui.Blocked(["he_normal", ui.Zeros(), ui.Ones()], seed=5), (5, 9, 12), "float32"),
    "no axes": (ui.RandomNormal(seed=1), (), "float32"),
    "no elements": (ui.HeNormal(seed=1), (3, 0, 4), "float32"),
    "whole": (ui.Orthogonal(seed=3), (9, 12), "float16"),
    "whole, complex": (ui.Orthogonal(seed=3), (9, 12), "complex128"),
    "whole, masked": (ui.Masked(ui.Orthogonal(), MASK, seed=4), (12, 12), "float64"),
    "whole blocks": (ui.Blocked([ui.Orthogonal(), "he_normal", ui.Zeros()], seed=5), (9, 12), "float32"),
    "whole layers": (ui.Stacked(ui.Orthogonal(), seed=6), (3, 5, 12), "float32"),
}
NARROW: dict[str, tuple[ui.Initializer, tuple[int, ...], str]] = {
    "bfloat16": (ui.HeNormal(seed=1), (9, 7, 12), "bfloat16"),
    "bfloat16, whole": (ui.Orthogonal(seed=3), (9, 12), "bfloat16"),
    "bfloat16, constant": (ui.Constant(0.1), (5, 12), "bfloat16"),
    "8 bits": (ui.HeNormal(seed=1), (9, 7, 12), "float8_e4m3fn"),
    "8 bits, masked": (ui.Masked(ui.HeNormal(), MASK, seed=4), (5, 12, 12), "float8_e5m2fnuz"),
}


@pytest.fixture(params=["kernel", "reference"])
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    """With the compiled kernel, where there is one, and without it."""
    before = host.kernel_status().level
    if request.param == "kernel" and before is None:
        pytest.skip("there is no kernel")
    host.select("off" if request.param == "reference" else before)
    yield request.param
    host.select(before)


# Pieces.


@given(st.lists(st.integers(0, 7), max_size=4), st.integers(1, 100))
def test_windows_follow_each_other_and_are_no_larger_than_asked(shape: list[int], most: int) -> None:
    whole = np.arange(math.prod(shape)).reshape(shape)
    parts = [whole[index] for index in windows(tuple(shape), most)]
    assert all(part.size <= most and part.flags.c_contiguous for part in parts)
    assert np.array_equal(np.concatenate([part.reshape(-1) for part in parts] or [[]]), whole.reshape(-1))
    assert len(parts) <= max(1, 3 * whole.size / most)


@pytest.mark.parametrize("name", CASES | NARROW)
@pytest.mark.parametrize("layout", [None, "...OI"])
@pytest.mark.parametrize("piece", [1, 100, 2**22])
def test_stream_has_the_bytes_of_the_array(way: str, name: str, layout: str | None, piece: int) -> None:
    initializer, shape, dtype = (CASES | NARROW)[name]
    layout = layout if len(shape) > 1 else None
    if name in NARROW:
        pytest.importorskip("ml_dtypes")
    parts = [bytes(part) for part in stream(initializer.plan(shape, dtype, layout=layout), piece)]
    array = initializer(shape, dtype, layout=layout)
    assert b"".join(parts) == registry().get("numpy").to_bytes(array)
    assert max(map(len, parts), default=0) <= max(piece, array.dtype.itemsize)


@pytest.mark.parametrize("name", CASES | NARROW)
@pytest.mark.parametrize("piece", [300, 2**22])
def test_stream_begins_at_any_element_and_uses_the_buffers_in_turn(way: str, name: str, piece: int) -> None:
    initializer, shape, dtype = (CASES | NARROW)[name]
    plan = initializer.plan(shape, dtype)
    size = host.storage(plan.dtype).itemsize
    whole = b"".join(map(bytes, stream(plan)))
    buffers = [np.empty(max(piece, size) // size * size, np.uint8) for _ in range(3)]
    for start in {0, min(1, plan.size), plan.size // 2, plan.size}:
        parts = list(stream(plan, piece, start=start, buffers=itertools.cycle(buffers)))
        assert sum(map(len, parts)) == max(0, len(whole) - start * size)
        last = parts[-3:]  # None of them has been overwritten yet.
        assert whole.endswith(b"".join(last))
        assert b"".join(map(bytes, stream(plan, piece, start=start))) == whole[start * size :]


def test_whole_that_is_left_out_is_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "compute", failing(errno.EIO))
    assert list(stream(ui.Orthogonal(seed=0).plan((6, 8)), start=48)) == []


def test_whole_is_computed_once_and_blocks_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            made.append(arguments[-1].result_shape)
            return function(*arguments)

        return call

    for name in ("compute", "overwrite"):
        monkeypatch.setattr(host, name, counted(getattr(host, name)))
    assert len(list(stream(ui.Orthogonal(seed=0).plan((6, 8)), 32))) == 6
    assert made == [(6, 8)]
    made.clear()
    assert len(list(stream(ui.Stacked(ui.Orthogonal(), seed=0).plan((3, 6, 8)), 32))) == 18
    assert made == [(1, 6, 8)] * 3


# Files of NumPy.


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("layout", [None, "...OI"])
def test_file_is_that_of_numpy(tmp_path: Path, name: str, layout: str | None) -> None:
    initializer, shape, dtype = CASES[name]
    layout = layout if len(shape) > 1 else None
    wanted = io.BytesIO()
    np.save(wanted, initializer(shape, dtype, layout=layout))
    save_npy(tmp_path / "x.npy", initializer.plan(shape, dtype, layout=layout))
    assert (tmp_path / "x.npy").read_bytes() == wanted.getvalue()
    assert names(tmp_path) == ["x.npy"]


def test_part_of_an_array_has_a_file_too(tmp_path: Path) -> None:
    plan = ui.HeNormal(seed=0).plan((60, 80)).window((slice(50, 10, -3), slice(7, None)))
    save_npy(str(tmp_path / "x.npy"), plan)
    assert np.array_equal(np.load(tmp_path / "x.npy"), ui.HeNormal(seed=0)((60, 80))[50:10:-3, 7:])


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e5m2"])
def test_dtypes_without_a_name_are_an_error(tmp_path: Path, dtype: str) -> None:
    with pytest.raises(ui.DtypeError, match=f"no dtype '{dtype}'"):
        save_npy(tmp_path / "x.npy", ui.HeNormal(seed=0).plan((6, 8), dtype))
    assert names(tmp_path) == []


def names(folder: Path) -> list[str]:
    """What is in a folder, hidden files too."""
    return sorted(os.listdir(folder))


# What is there already.


def test_file_is_not_replaced_unasked(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError, match="overwrite=True"), atomic_file(path):
        pytest.fail("it is refused before anything is computed")
    assert path.read_bytes() == b"old"
    with atomic_file(path, overwrite=True) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert (path.read_bytes(), names(tmp_path)) == (b"new", ["x"])


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_file_that_comes_in_the_meantime_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", failing(errno.EPERM))
    path = tmp_path / "x"

    def write() -> None:
        with atomic_file(path) as file:
            file.write(b"new")
            path.write_bytes(b"old")

    with pytest.raises(FileExistsError):
        write()
    assert (path.read_bytes(), names(tmp_path)) == (b"old", ["x"])


def test_file_systems_without_links_and_synchronised_folders_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", failing(errno.EOPNOTSUPP))
    synchronise = os.fsync

    def synchronise_files(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        synchronise(descriptor)

    monkeypatch.setattr(os, "fsync", synchronise_files)
    with atomic_file(tmp_path / "x") as file:
        file.write(b"new")
    assert ((tmp_path / "x").read_bytes(), names(tmp_path)) == (b"new", ["x"])


def test_permissions_are_those_of_other_new_files_or_of_the_replaced_one(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    with atomic_file(tmp_path / "x"):
        pass
    assert (tmp_path / "x").stat().st_mode == plain.stat().st_mode
    plain.chmod(0o640)
    with atomic_file(plain, overwrite=True):
        pass
    assert plain.stat().st_mode & 0o777 == 0o640


def test_symbolic_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "x")
    for content in (b"one", b"two"):
        with atomic_file(tmp_path / "link", overwrite=True) as file:
            file.write(content)
        assert (tmp_path / "folder" / "x").read_bytes() == content
    assert (names(tmp_path), names(tmp_path / "folder")) == (["folder", "link"], ["x"])


@pytest.mark.parametrize("name", [".", "/dev/null"])
def test_what_is_no_file_is_not_replaced(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(FileExistsError, match="no regular file"), atomic_file(path, overwrite=True):
        pytest.fail("it is refused before anything is computed")
    assert names(tmp_path) == []


def test_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_file(tmp_path / "none" / "x"):
        pytest.fail("it is refused before anything is computed")


# What goes wrong.

PLAN = ui.HeNormal(seed=0).plan((1024, 1024))
FULL = errno.ENOSPC


def failing(number: int) -> Callable[..., Any]:
    """A function that fails as the system does."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def after(calls: int, function: Callable[..., Any], error: BaseException) -> Callable[..., Any]:
    """A function that raises an error after some calls."""
    left = iter(range(calls))

    def call(*arguments: Any, **named: Any) -> Any:
        if next(left, None) is None:
            raise error
        return function(*arguments, **named)

    return call


class Short(io.FileIO):
    """A file on a disk that has room for so many bytes."""

    room = 1_500_000

    def write(self, data: Any) -> int:
        data = memoryview(data).cast("B")[: self.room]
        if not data:
            raise OSError(FULL, os.strerror(FULL))
        self.room -= len(data)
        return super().write(data)


@contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Files have room for some bytes, and the last ones are written in part."""
    monkeypatch.setattr(files, "open", lambda path, mode: io.BufferedWriter(Short(path, mode)), raising=False)
    yield


@contextmanager
def full_device(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The system itself finds no room."""

    def opened(path: str, mode: str) -> Any:
        builtins.open(path, mode).close()
        return builtins.open("/dev/full", "wb")

    monkeypatch.setattr(files, "open", opened, raising=False)
    yield


@contextmanager
def limited(_: pytest.MonkeyPatch) -> Iterator[None]:
    """The system lets no file become longer than a mebibyte."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def no_synchronisation(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Only when the bytes have to be on the disk does the disk turn out to be full."""
    monkeypatch.setattr(os, "fsync", failing(FULL))
    yield


@contextmanager
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The user has had enough."""
    monkeypatch.setattr(host, "overwrite", after(1, host.overwrite, KeyboardInterrupt()))
    monkeypatch.setattr(files, "PIECE", 2**20)
    yield


@contextmanager
def no_name(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The file is complete, and cannot get its name."""
    monkeypatch.setattr(os, "link", failing(errno.EIO))
    monkeypatch.setattr(os, "replace", failing(errno.EIO))
    yield


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (full_disk, OSError),
        (full_device, OSError),
        (limited, OSError),
        (no_synchronisation, OSError),
        (interrupted, KeyboardInterrupt),
        (no_name, OSError),
    ],
)
def test_no_fault_leaves_half_a_file_or_damages_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Any, error: Any, *, overwrite: bool
) -> None:
    path = tmp_path / "x.npy"
    if overwrite:
        path.write_bytes(b"old")
    with monkeypatch.context() as patched, fault(patched), pytest.raises(error):
        save_npy(path, PLAN, overwrite=overwrite)
    assert names(tmp_path) == ["x.npy"] * overwrite
    assert not overwrite or path.read_bytes() == b"old"
    save_npy(path, PLAN, overwrite=overwrite)
    assert np.array_equal(np.load(path), ui.HeNormal(seed=0)((1024, 1024)))


SAVE = """
import sys
import unifinit as ui
from unifinit.files import save_npy
save_npy(sys.argv[1], ui.HeNormal(seed=0).plan((int(sys.argv[2]), 1024)), overwrite=True)
"""
MOUNTED = """
mount -t tmpfs -o size=2m tmpfs "$1" && echo mounted && printf old > "$1/x.npy" || exit
"$2" -c "$3" "$1/x.npy" 4096
echo "code $?"
cat "$1/x.npy"; echo; ls -A "$1"
"""


def test_full_file_system(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("there is no unshare, with which a file system could be mounted for one process")
    apart = [unshare, "--mount", "--map-root-user"]
    command = [*apart, "sh", "-c", MOUNTED, "sh", tmp_path, sys.executable, SAVE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout.startswith("mounted"):
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    assert done.stdout.split() == ["mounted", "code", "1", "old", "x.npy"]
    assert f"[Errno {FULL}]" in done.stderr


def test_killed_process_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    with subprocess.Popen([sys.executable, "-c", SAVE, path, str(2**21)]) as process:
        while process.poll() is None and not any(file.stat().st_size > 2**24 for file in tmp_path.iterdir()):
            time.sleep(0.001)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert [name.endswith(".unifinit") for name in names(tmp_path)] == [True]


MEMORY = """
import resource, sys
import unifinit as ui
from unifinit.files import save_npy

def save(megabytes, name):
    plan = ui.HeNormal(seed=0).plan((1024, megabytes * 256), layout="OI")
    save_npy(f"{sys.argv[1]}/{name}", plan)

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

save(8, "small.npy")
before = peak()
save(300, "large.npy")
print((peak() - before) // 1024)
"""


def test_memory_holds_one_piece(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MEMORY, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 50
    found = np.load(tmp_path / "large.npy", mmap_mode="r")
    assert found.shape == (1024, 300 * 256)
    rows = (slice(700, 703), slice(None))
    assert np.array_equal(found[rows], ui.HeNormal(seed=0).shard(found.shape, rows, layout="OI"))
