"""Writing safetensors: the bytes of the package, and nothing lost or half there, whatever goes wrong."""

from __future__ import annotations

import errno
import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import unifinit as ui
from unifinit import files
from unifinit.checkpoints import Entry, divide, open_checkpoint, partial, write_checkpoint, write_shards
from unifinit.checkpoints.header import DTYPE_NAMES
from unifinit.errors import CheckpointError

ENTRIES = [
    Entry("d", ui.HeNormal(seed=1).plan((9, 12), "float64")),
    Entry("c", ui.GlorotUniform(seed=2).plan((9, 7, 12), "complex64")),
    Entry('a/"é\n\x7f', ui.HeNormal(seed=3).plan((90, 120), layout="OI")),
    Entry("empty", ui.HeNormal(seed=3).plan((3, 0, 4))),
    Entry("orthogonal", ui.Orthogonal(seed=4).plan((9, 12))),
    Entry("scalar", ui.RandomNormal(seed=5).plan(())),
    Entry("b", ui.HeNormal(seed=6).plan((9, 12), "bfloat16")),
    Entry("f", ui.Constant(0.1).plan((5, 12), "float16")),
    Entry("e", ui.HeNormal(seed=7).plan((3, 5), "float8_e4m3fn")),
    Entry("i", ui.Constant(range(5)).plan((5,), "int8")),
]
LARGE = [
    Entry("a", ui.HeNormal(seed=1).plan((700, 999))),
    Entry("b", ui.Orthogonal(seed=2).plan((80, 80))),
    Entry("c", ui.Stacked(ui.Orthogonal(), seed=2).plan((9, 30, 40), "bfloat16")),
    Entry("d", ui.RandomUniform(seed=3).plan((3, 400_001), "float8_e5m2")),
]


def names(folder: Path) -> list[str]:
    """What is in a folder, hidden files too."""
    return sorted(os.listdir(folder))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.safetensors"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small pieces, which are often brought to the disk."""
    monkeypatch.setattr(partial, "PIECE", 2**16)
    monkeypatch.setattr(partial, "SYNC", 2**18)
    monkeypatch.setattr(partial, "STAGE", 2**16)


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of the large entries."""
    path = tmp_path_factory.mktemp("whole") / "x.safetensors"
    write_checkpoint(path, LARGE, fingerprint="f")
    return path.read_bytes()


# The bytes.


def test_file_is_that_of_the_package(path: Path) -> None:
    package = pytest.importorskip("safetensors.numpy")
    pytest.importorskip("ml_dtypes")
    entries = [entry for entry in ENTRIES if entry.plan.dtype.bits > 8 or entry.name == "i"]
    write_checkpoint(path, entries, metadata={"key": "välue"}, fingerprint="f")
    arrays = package.load_file(path)
    assert len(arrays) == len(entries)
    assert path.read_bytes() == package.save(arrays, {"key": "välue"})
    assert names(path.parent) == ["x.safetensors"]
    write_checkpoint(path, entries, fingerprint="f", overwrite=True)
    assert path.read_bytes() == package.save(arrays)


def test_package_reads_the_values(path: Path) -> None:
    package = pytest.importorskip("safetensors")
    write_checkpoint(path, ENTRIES, metadata={"key": "value"}, fingerprint="f")
    with package.safe_open(path, "numpy") as file:
        assert file.metadata() == {"key": "value"}
        assert np.array_equal(file.get_tensor("d"), ui.HeNormal(seed=1)((9, 12), "float64"))
    found = dict(package.deserialize(path.read_bytes()))
    assert found.keys() == {entry.name for entry in ENTRIES}
    for name, plan in ENTRIES:
        assert tuple(found[name]["shape"]) == plan.result_shape
        assert DTYPE_NAMES[found[name]["dtype"]] == plan.dtype.name
        assert bytes(found[name]["data"]) == b"".join(map(bytes, files.stream(plan)))


def test_pieces_do_not_matter(path: Path, wanted: bytes, small: None) -> None:
    write_checkpoint(path, LARGE, fingerprint="f")
    assert path.read_bytes() == wanted


def test_buffers_are_written_before_they_are_used_again(
    path: Path, monkeypatch: pytest.MonkeyPatch, wanted: bytes, small: None
) -> None:
    write = partial.Resumable.write

    def write_slowly(target: partial.Resumable, piece: bytes) -> None:
        time.sleep(0.002)
        write(target, piece)

    monkeypatch.setattr(partial.Resumable, "write", write_slowly)
    write_checkpoint(path, LARGE, fingerprint="f")
    assert path.read_bytes() == wanted


def test_pieces_are_computed_while_others_are_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread is in the middle of a piece when the next one is done."""
    computed = threading.Event()
    monkeypatch.setattr(partial, "PIECE", 2**16)
    write = partial.Resumable.write

    def write_late(target: partial.Resumable, piece: bytes) -> None:
        assert not target.position or computed.wait(10)
        write(target, piece)

    def tell(done: int, _: int) -> None:
        if done > 2**16:
            computed.set()

    monkeypatch.setattr(partial.Resumable, "write", write_late)
    write_checkpoint(path, LARGE, fingerprint="f", progress=tell)
    assert computed.is_set()


def test_arrays_lie_in_the_order_of_the_entries(path: Path) -> None:
    write_checkpoint(path, ENTRIES[::-1], fingerprint="f")
    with open_checkpoint(path) as checkpoint:
        assert list(checkpoint.arrays) == [entry.name for entry in ENTRIES[::-1]]
        assert checkpoint.metadata == {}


def test_progress_ends_with_the_total(path: Path, small: None) -> None:
    told: list[tuple[int, int]] = []
    write_checkpoint(path, LARGE, fingerprint="f", progress=lambda *counts: told.append(counts))
    total = sum(entry.nbytes for entry in LARGE)
    assert {all_of_them for _, all_of_them in told} == {total}
    assert all(one < other for (one, _), (other, _) in pairwise(told))
    assert told[-1] == (total, total)


# What is refused before any file is made.


@pytest.mark.parametrize("name", ["", "__metadata__", "\ud800", 1, None])
@pytest.mark.parametrize("ending", [".safetensors", ".npz", ".zarr"])
def test_names_that_will_not_do(tmp_path: Path, name: Any, ending: str) -> None:
    with pytest.raises(CheckpointError, match="an array cannot be called"):
        write_checkpoint(tmp_path / f"x{ending}", [Entry(name, ENTRIES[0].plan)], fingerprint="f")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("entries", "options", "error", "told"),
    [
        ([ENTRIES[0]] * 2, {}, CheckpointError, "two arrays are called 'd'"),
        (ENTRIES, {"metadata": {"a": 1}}, CheckpointError, "'a': 1"),
        (ENTRIES, {"metadata": {1: "a"}}, CheckpointError, "1: 'a'"),
        (ENTRIES, {"metadata": {"a": "\udc00"}}, CheckpointError, "UTF-8"),
        ([Entry("x", ui.Ones().plan((2,), "complex128"))], {}, ui.DtypeError, "'x'.*'complex128'"),
    ],
)
def test_what_will_not_do(path: Path, entries: Any, options: Any, error: Any, told: str) -> None:
    with pytest.raises(error, match=told):
        write_checkpoint(path, entries, fingerprint="f", **options)
    with pytest.raises(error, match=told):
        write_shards(path.parent, entries, fingerprint="f", shards=len(entries), **options)
    assert names(path.parent) == []


def test_name_that_says_no_format(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"wanted a name that ends in \.safetensors, \.npz, \.zarr"):
        write_checkpoint(tmp_path / "x.pt", ENTRIES, fingerprint="f")


@pytest.mark.parametrize("ending", [".safetensors", ".npz"])
def test_file_is_not_replaced_unasked(tmp_path: Path, ending: str) -> None:
    path, entries = tmp_path / f"x{ending}", ENTRIES[:1]
    path.write_bytes(b"old")
    path.chmod(0o640)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        write_checkpoint(path, entries, fingerprint="f")
    assert (path.read_bytes(), names(tmp_path)) == (b"old", [path.name])
    write_checkpoint(path, entries, fingerprint="f", overwrite=True)
    assert path.stat().st_mode & 0o777 == 0o640
    with open_checkpoint(path) as checkpoint:
        assert list(checkpoint.arrays) == ["d"]
    with pytest.raises(FileExistsError, match="overwrite=True"):
        write_checkpoint(path, entries, fingerprint="f")
    (tmp_path / f"folder{ending}").mkdir()
    with pytest.raises(FileExistsError, match="no regular file"):
        write_checkpoint(tmp_path / f"folder{ending}", entries, fingerprint="f", overwrite=True)


def test_new_file_has_the_permissions_of_others(path: Path) -> None:
    (path.parent / "plain").write_bytes(b"")
    write_checkpoint(path, ENTRIES[:1], fingerprint="f")
    assert path.stat().st_mode == (path.parent / "plain").stat().st_mode


def test_file_that_comes_in_the_meantime_is_not_replaced(path: Path) -> None:
    with pytest.raises(FileExistsError):
        write_checkpoint(path, ENTRIES, fingerprint="f", progress=lambda *_: path.write_bytes(b"old"))
    assert path.read_bytes() == b"old"
    path.unlink()
    write_checkpoint(path, ENTRIES, fingerprint="f")
    assert names(path.parent) == ["x.safetensors"]


# What goes wrong.


def raise_at(count: int, error: BaseException) -> Any:
    """A progress that fails once so many bytes are done."""

    def tell(done: int, total: int) -> None:
        if done >= count:
            raise error

    return tell


@contextmanager
def limited(size: int) -> Iterator[None]:
    """The system lets no file become longer."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def resumed(path: Path, **options: Any) -> int:
    """How many bytes a call finds done, or what it has to do first if there are none."""
    told: list[int] = []
    write_checkpoint(path, LARGE, fingerprint="f", progress=lambda done, _: told.append(done), **options)
    return told[0]


@pytest.mark.parametrize("overwrite", [False, True])
def test_work_goes_on_after_an_interruption(
    path: Path, wanted: bytes, small: None, *, overwrite: bool
) -> None:
    if overwrite:
        path.write_bytes(b"old")
    stop = raise_at(10**6, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        write_checkpoint(path, LARGE, fingerprint="f", overwrite=overwrite, progress=stop)
    assert path.exists() == overwrite
    assert not overwrite or path.read_bytes() == b"old"
    assert resumed(path, overwrite=overwrite) > 0.6e6  # But for what was waiting.
    assert (path.read_bytes(), names(path.parent)) == (wanted, ["x.safetensors"])


@pytest.mark.parametrize("place", [1, 300_000, 2_797_200, 2_822_800, 2_840_000, 4_000_000])
def test_work_goes_on_anywhere(path: Path, wanted: bytes, small: None, place: int) -> None:
    with pytest.raises(ZeroDivisionError):
        write_checkpoint(path, LARGE, fingerprint="f", progress=raise_at(place, ZeroDivisionError()))
    write_checkpoint(path, LARGE, fingerprint="f")
    assert (path.read_bytes(), names(path.parent)) == (wanted, ["x.safetensors"])


@pytest.mark.parametrize("limit", [100, 10**6, 3 * 10**6])
def test_full_disk(path: Path, wanted: bytes, small: None, limit: int) -> None:
    with limited(limit), pytest.raises(OSError, match=r"File too large.*x\.safetensors") as caught:
        write_checkpoint(path, LARGE, fingerprint="f")
    assert caught.value.errno == errno.EFBIG
    assert not path.exists()
    assert resumed(path) > limit - 2**17
    assert (path.read_bytes(), names(path.parent)) == (wanted, ["x.safetensors"])


@pytest.mark.parametrize("function", ["fsync", "open", "link"])
def test_errors_of_the_system_name_the_file(
    path: Path, monkeypatch: pytest.MonkeyPatch, wanted: bytes, function: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), ".hidden")

    with monkeypatch.context() as patched:
        patched.setattr(os, function, fail)
        with pytest.raises(PermissionError) as caught:
            write_checkpoint(path, LARGE, fingerprint="f")
    assert caught.value.filename == str(path)
    assert not path.exists()
    write_checkpoint(path, LARGE, fingerprint="f")
    assert (path.read_bytes(), names(path.parent)) == (wanted, ["x.safetensors"])


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="none"):
        write_checkpoint(tmp_path / "none" / "x.safetensors", ENTRIES, fingerprint="f")


@pytest.mark.parametrize("change", ["fingerprint", "header", "journal", "file", "shorter file"])
def test_what_does_not_fit_is_not_gone_on_with(path: Path, small: None, change: str) -> None:
    entries = [Entry("a", ui.HeNormal(seed=2).plan((700, 999)))]
    with pytest.raises(ZeroDivisionError):
        write_checkpoint(path, entries, fingerprint="f", progress=raise_at(10**6, ZeroDivisionError()))
    hidden = partial.hidden(str(path), "f")
    fingerprint = "g" if change == "fingerprint" else "f"
    other = [Entry("a", ui.HeNormal(seed=3).plan((999, 700)))] if change == "header" else entries
    if change == "journal":
        Path(hidden.journal).write_bytes(b"[")
    elif change == "file":
        Path(hidden.partial).write_bytes(bytes(4 * 10**6))
    elif change == "shorter file":
        os.truncate(hidden.partial, 10**5)
    write_checkpoint(path, other, fingerprint=fingerprint)
    with open_checkpoint(path) as checkpoint:
        array = checkpoint.arrays["a"]
        assert array.read(0, array.size).tobytes() == b"".join(map(bytes, files.stream(other[0].plan)))


def test_journal_never_says_more_than_there_is(path: Path, small: None) -> None:
    with pytest.raises(ZeroDivisionError):
        write_checkpoint(path, LARGE, fingerprint="f", progress=raise_at(10**6, ZeroDivisionError()))
    hidden = partial.hidden(str(path), "f")
    Path(hidden.partial).write_bytes(b"")
    told: list[int] = []

    def tell(done: int, _: int) -> None:
        told.append(done)
        assert noted(Path(hidden.journal)) <= done + 1000

    write_checkpoint(path, LARGE, fingerprint="f", progress=tell)
    assert told[0] <= 2**16


def test_nothing_is_written_behind_what_could_not_be(
    path: Path, monkeypatch: pytest.MonkeyPatch, wanted: bytes, small: None
) -> None:
    write, calls = partial.File.write, iter(range(100))

    def fail_once(file: partial.File, data: bytes) -> int:
        if next(calls) == 5:
            time.sleep(0.05)  # In the meantime others are queued.
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, data)

    with monkeypatch.context() as patched:
        patched.setattr(partial.File, "write", fail_once)
        with pytest.raises(OSError, match="No space left"):
            write_checkpoint(path, LARGE, fingerprint="f")
    found = resumed(path)
    assert path.read_bytes() == wanted
    header = 8 + int.from_bytes(wanted[:8], "little")
    assert found == 5 * partial.STAGE - header  # Five were written.


def test_file_that_was_changed_is_not_taken_for_complete(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(partial, "forget", lambda *_: None)
        write_checkpoint(path, SAME, fingerprint="f")
    whole = path.read_bytes()
    write_checkpoint(path, SAME, fingerprint="f")  # There was nothing left to do.
    with monkeypatch.context() as patched:
        patched.setattr(partial, "forget", lambda *_: None)
        write_checkpoint(path, SAME, fingerprint="f", overwrite=True)
    path.write_bytes(bytes(len(whole)))
    with pytest.raises(FileExistsError, match="overwrite=True"):
        write_checkpoint(path, SAME, fingerprint="f")
    write_checkpoint(path, SAME, fingerprint="f", overwrite=True)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("ending", [".safetensors", ".npz"])
def test_second_writer_is_told(tmp_path: Path, ending: str) -> None:
    path, entries = tmp_path / f"x{ending}", ENTRIES[:1]
    told = []

    def second(*_: int) -> None:
        with pytest.raises(BlockingIOError, match="another process writes this file") as caught:
            write_checkpoint(path, entries, fingerprint="f")
        told.append(caught.value.filename)

    write_checkpoint(path, entries, fingerprint="f", progress=second)
    assert set(told) == {str(path)}
    assert names(tmp_path) == [path.name]


# What is killed.

CHILD = """
import os, sys, time
import unifinit as ui
from unifinit import files
from unifinit.checkpoints import Entry, partial, write_checkpoint, write_shards
ENTRIES = [Entry(name, ui.HeNormal(seed=1).plan((300, 999))) for name in "abc"]
"""
WRITE = """
partial.PIECE, partial.STAGE, partial.SYNC = 2**14, 2**14, 2**15
write_checkpoint(sys.argv[1], ENTRIES, fingerprint="f", progress=lambda *_: time.sleep(0.002))
"""
SAME = [Entry(name, ui.HeNormal(seed=1).plan((300, 999))) for name in "abc"]


def test_killed_at_any_moment(path: Path) -> None:
    journal = Path(partial.hidden(str(path), "f").journal)
    chance = random.Random(0)
    synced = [0]
    for _ in range(4):
        with subprocess.Popen([sys.executable, "-c", CHILD + WRITE, path]) as process:
            while process.poll() is None and noted(journal) <= synced[-1]:
                time.sleep(0.001)
            time.sleep(chance.random() / 40)
            process.kill()
        assert process.returncode == -signal.SIGKILL
        synced.append(noted(journal))
    assert all(one < other for one, other in pairwise(synced))
    assert not path.exists()
    told: list[int] = []
    write_checkpoint(path, SAME, fingerprint="f", progress=lambda done, _: told.append(done))
    assert told[0] > synced[-1] - 1000
    with open_checkpoint(path) as checkpoint:
        for name, plan in SAME:
            found = checkpoint.arrays[name].read(0, plan.size)
            assert found.tobytes() == b"".join(map(bytes, files.stream(plan)))
    assert names(path.parent) == ["x.safetensors"]


def noted(journal: Path) -> int:
    found = partial.read_journal(str(journal))
    return 0 if found is None else found.synced


DIE = {
    "before it has a name": "files.publish = lambda *_, **__: os._exit(9)",
    "with two names": "real = files.publish; files.publish = lambda *a, **o: (real(*a, **o), os._exit(9))",
    "before the journal is gone": "partial.forget = lambda *_: os._exit(9)",
    "between journals": "os.replace = lambda *_: os._exit(9)",
}


@pytest.mark.parametrize("moment", DIE)
def test_killed_at_the_end(path: Path, moment: str) -> None:
    write = "\nwrite_checkpoint(sys.argv[1], ENTRIES, fingerprint='f')"
    done = subprocess.run([sys.executable, "-c", CHILD + DIE[moment] + write, path], check=False)
    assert done.returncode == 9
    before = path.stat() if path.exists() else None
    write_checkpoint(path, SAME, fingerprint="f")
    assert before is None or path.stat().st_ino == before.st_ino
    left = set(names(path.parent)) - {path.name}
    assert left <= {f"{Path(partial.hidden(str(path), 'f').journal).name}-new"}
    with open_checkpoint(path) as checkpoint:
        found = checkpoint.arrays["c"].read(0, SAME[2].plan.size)
    assert found.tobytes() == b"".join(map(bytes, files.stream(SAME[2].plan)))


def test_link_under_the_hidden_name_is_not_followed(path: Path) -> None:
    (path.parent / "other").write_bytes(b"old")
    os.symlink("other", partial.hidden(str(path), "f").partial)
    with pytest.raises(OSError, match=r"x\.safetensors") as caught:
        write_checkpoint(path, SAME, fingerprint="f")
    assert caught.value.errno == errno.ELOOP
    assert (path.parent / "other").read_bytes() == b"old"


def test_symbolic_link_to_a_file_is_followed(path: Path) -> None:
    (path.parent / "blob").write_bytes(b"old")
    path.symlink_to("blob")
    write_checkpoint(path, ENTRIES, fingerprint="f", overwrite=True)
    assert path.is_symlink()
    with open_checkpoint(path) as checkpoint:
        assert len(checkpoint.arrays) == len(ENTRIES)


def test_second_name_of_a_complete_file_is_not_written_to(path: Path) -> None:
    write_checkpoint(path, SAME, fingerprint="f")
    before, status = path.read_bytes(), path.stat()
    os.link(path, partial.hidden(str(path), "f").partial)
    with pytest.raises(ZeroDivisionError):
        write_checkpoint(
            path, SAME, fingerprint="f", overwrite=True, progress=raise_at(1, ZeroDivisionError())
        )
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, status.st_mtime_ns)


MEMORY = """
import resource, sys
import unifinit as ui
from unifinit.checkpoints import Entry, open_checkpoint, write_checkpoint

def copy(megabytes, name):
    path = f"{sys.argv[1]}/{name}.{sys.argv[2]}"
    entries = [Entry("a", ui.Ones().plan((1024, megabytes * 256)))]
    write_checkpoint(path, entries, fingerprint="f")
    with open_checkpoint(path) as checkpoint:
        assert sum(piece.nbytes for piece in checkpoint.arrays["a"].pieces(2**20)) == megabytes * 2**20
        checkpoint.arrays["a"].read(checkpoint.arrays["a"].size - 5, checkpoint.arrays["a"].size)

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

copy(16, "small")
before = peak()
copy(150, "large")
print((peak() - before) // 1024)
"""


@pytest.mark.parametrize("ending", ["safetensors", "npz", "zarr"])
def test_memory_does_not_grow(tmp_path: Path, ending: str) -> None:
    if ending == "zarr":
        pytest.importorskip("zarr")
    command = [sys.executable, "-c", MEMORY, tmp_path, ending]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 30


# Several files.


@given(st.lists(st.integers(0, 50), max_size=20), st.integers(1, 100))
def test_division_by_size_is_greedy(sizes: list[int], most: int) -> None:
    parts = divide(sizes, max_bytes=most)
    assert [place for part in parts for place in part] == list(range(len(sizes)))
    loads = [sum(sizes[place] for place in part) for part in parts]
    assert all(load <= most or len(part) == 1 for load, part in zip(loads, parts, strict=True))
    assert all(load + sizes[other[0]] > most for load, other in zip(loads, parts[1:], strict=False))


@given(st.lists(st.integers(0, 50), min_size=1, max_size=9), st.data())
def test_division_into_so_many_is_as_even_as_can_be(sizes: list[int], data: st.DataObject) -> None:
    shards = data.draw(st.integers(1, len(sizes)))
    parts = divide(sizes, shards=shards)
    assert [place for part in parts for place in part] == list(range(len(sizes)))
    assert (len(parts), min(map(len, parts)) > 0) == (shards, True)
    assert max(sum(sizes[place] for place in part) for part in parts) == least_load(tuple(sizes), shards)


def least_load(sizes: tuple[int, ...], shards: int) -> int:
    """By trying all divisions."""
    if shards == 1:
        return sum(sizes)
    return min(
        max(sum(sizes[:place]), least_load(sizes[place:], shards - 1))
        for place in range(1, len(sizes) - shards + 2)
    )


@pytest.mark.parametrize(
    "options", [{"shards": 4}, {"shards": 0}, {"max_bytes": 0}, {"shards": 1, "max_bytes": 1}]
)
def test_divisions_that_will_not_do(options: Any) -> None:
    with pytest.raises(ui.ArgumentError, match="wanted"):
        divide([1, 2, 3], **options)


def test_division_of_nothing() -> None:
    assert divide([]) == divide([], shards=1) == [range(0)]
    assert divide([5 * 10**9, 1]) == [range(1), range(1, 2)]


def test_small_checkpoint_has_one_file(tmp_path: Path) -> None:
    write_shards(tmp_path / "new" / "m", ENTRIES, metadata={"a": "b"}, fingerprint="f")
    write_checkpoint(tmp_path / "x.safetensors", ENTRIES, metadata={"a": "b"}, fingerprint="f")
    assert names(tmp_path / "new" / "m") == ["model.safetensors"]
    found = (tmp_path / "new" / "m" / "model.safetensors").read_bytes()
    assert found == (tmp_path / "x.safetensors").read_bytes()


def test_files_and_index_are_those_of_hugging_face(tmp_path: Path) -> None:
    write_shards(tmp_path, LARGE, metadata={"format": "pt"}, fingerprint="f", max_bytes=2_822_800)
    first, second = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    assert names(tmp_path) == [first, second, "model.safetensors.index.json"]
    assert json.loads((tmp_path / "model.safetensors.index.json").read_bytes()) == {
        "metadata": {"total_size": sum(entry.nbytes for entry in LARGE)},
        "weight_map": {"a": first, "b": first, "c": second, "d": second},
    }
    with open_checkpoint(tmp_path) as checkpoint:
        assert checkpoint.metadata == {"format": "pt"}
        assert list(checkpoint.arrays) == ["a", "b", "c", "d"]
        for name, plan in LARGE:
            found = checkpoint.arrays[name].read(0, plan.size)
            assert found.tobytes() == b"".join(map(bytes, files.stream(plan)))


def test_machines_write_a_file_each(tmp_path: Path) -> None:
    options: Any = {"fingerprint": "f", "shards": 3, "stem": "net"}
    write_shards(tmp_path / "one", LARGE, **options)
    for index in (2, 0, 1):
        write_shards(tmp_path / "each", LARGE, index=index, **options)
    assert len(names(tmp_path / "one")) == 4
    assert contents(tmp_path / "one") == contents(tmp_path / "each")
    with pytest.raises(ui.ArgumentError, match=r"index=3.*wanted 0 to 2"):
        write_shards(tmp_path / "each", LARGE, index=3, **options)
    with pytest.raises(FileExistsError, match="net-00001-of-00003"):
        write_shards(tmp_path / "each", LARGE, index=0, **options)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_complete_files_are_passed_over(tmp_path: Path, small: None) -> None:
    sizes = [entry.nbytes for entry in LARGE]
    stop = raise_at(sum(sizes) - 10**5, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        write_shards(tmp_path / "m", LARGE, fingerprint="f", shards=4, progress=stop)
    first = tmp_path / "m" / "model-00001-of-00004.safetensors"
    before = first.stat()
    told: list[tuple[int, int]] = []
    with pytest.raises(FileExistsError):  # Other values may be meant.
        write_shards(tmp_path / "m", LARGE, fingerprint="g", shards=4)
    write_shards(tmp_path / "m", LARGE, fingerprint="f", shards=4, progress=lambda *done: told.append(done))
    assert first.stat().st_ino == before.st_ino
    assert (told[0], told[-1]) == ((sizes[0], sum(sizes)), (sum(sizes), sum(sizes)))
    write_shards(tmp_path / "whole", LARGE, fingerprint="f", shards=4)
    assert contents(tmp_path / "m") == contents(tmp_path / "whole")


def test_other_divisions_are_not_mixed_up(tmp_path: Path) -> None:
    write_shards(tmp_path, LARGE, fingerprint="f", shards=2)
    before = contents(tmp_path)
    for options in ({"shards": 3}, {"shards": 1}):
        with pytest.raises(FileExistsError, match=r"model-00001-of-00002.*wanted them removed"):
            write_shards(tmp_path, LARGE, fingerprint="f", overwrite=True, **options)
    (tmp_path / "model.safetensors.index.json").write_bytes(b"{}")
    with pytest.raises(FileExistsError, match="index"):
        write_shards(tmp_path, LARGE, fingerprint="f", shards=2)
    write_shards(tmp_path, LARGE, fingerprint="f", shards=2, overwrite=True)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("stem", ["", "a/b", "../a", ".a"])
def test_stems_that_will_not_do(tmp_path: Path, stem: str) -> None:
    with pytest.raises(CheckpointError, match="stem"):
        write_shards(tmp_path, LARGE, fingerprint="f", stem=stem)
    assert names(tmp_path) == []


def test_elements_lie_where_the_header_says(path: Path) -> None:
    write_checkpoint(path, ENTRIES, fingerprint="f")
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    assert length % 8 == 0
    begin, end = json.loads(data[8 : 8 + length])["i"]["data_offsets"]
    assert np.frombuffer(data[8 + length :][begin:end], np.int8).tolist() == [0, 1, 2, 3, 4]
    assert end == len(data) - 8 - length


def test_files_that_must_go_through_the_cache(
    path: Path, monkeypatch: pytest.MonkeyPatch, wanted: bytes, small: None
) -> None:
    """As on file systems where nothing can be written past it."""
    asked = []

    def refuse(_file: partial.File, *, wanted: bool) -> bool:
        asked.append(wanted)
        return False

    monkeypatch.setattr(partial, "_set_direct", refuse)
    with pytest.raises(ZeroDivisionError):
        write_checkpoint(path, LARGE, fingerprint="f", progress=raise_at(2_000_000, ZeroDivisionError()))
    assert resumed(path) > 1_000_000
    assert path.read_bytes() == wanted
    assert any(asked)


def test_work_that_was_interrupted_within_an_element(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A single byte before others makes all blocks end in the midst of one."""
    monkeypatch.setattr(partial, "PIECE", 2**14)
    monkeypatch.setattr(partial, "STAGE", 2**14)
    entries = [
        Entry("byte", ui.Ones().plan((1,), "int8")),
        Entry("numbers", ui.RandomNormal(seed=1).plan((50_000,), "float64")),
    ]
    write_checkpoint(path.with_name("whole.safetensors"), entries, fingerprint="f")
    with pytest.raises(ZeroDivisionError):
        write_checkpoint(path, entries, fingerprint="f", progress=raise_at(300_000, ZeroDivisionError()))
    write_checkpoint(path, entries, fingerprint="f")
    assert path.read_bytes() == path.with_name("whole.safetensors").read_bytes()
