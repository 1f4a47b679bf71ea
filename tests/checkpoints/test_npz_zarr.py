"""Archives of NumPy and groups of zarr: the same arrays, and nothing that could run a program."""

from __future__ import annotations

import io
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import unifinit as ui
from unifinit import elements, files
from unifinit.checkpoints import Entry, open_checkpoint, partial, write_checkpoint
from unifinit.errors import BackendUnavailableError, CheckpointError

ENTRIES = [
    Entry("layer/weight", ui.HeNormal(seed=1).plan((90, 120), layout="OI")),
    Entry("layer/bias", ui.Zeros().plan((90,))),
    Entry("deep/er/é", ui.GlorotUniform(seed=2).plan((9, 7, 12), "complex64")),
    Entry("orthogonal", ui.Orthogonal(seed=4).plan((9, 12), "float64")),
    Entry("stacked", ui.Stacked(ui.Orthogonal(), seed=4).plan((3, 5, 12), "float16")),
    Entry("scalar", ui.RandomNormal(seed=5).plan(())),
    Entry("empty", ui.HeNormal(seed=3).plan((3, 0, 4))),
    Entry("i", ui.Constant(range(5)).plan((5,), "int8")),
]
FORMATS = [".npz", ".zarr"]


@pytest.fixture(params=FORMATS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Of a file in one of the formats."""
    if request.param == ".zarr":
        pytest.importorskip("zarr")
    return tmp_path / f"x{request.param}"


def values(plan: Any) -> np.ndarray[Any, Any]:
    data = b"".join(map(bytes, files.stream(plan)))
    return np.frombuffer(data, elements.storage(plan.dtype)).reshape(plan.result_shape)


def contents(path: Path) -> dict[str, bytes]:
    """All files under a path."""
    found = path.rglob("*") if path.is_dir() else [path]
    return {str(file.relative_to(path)): file.read_bytes() for file in found if file.is_file()}


def loaded(path: Path) -> dict[str, Any]:
    """The arrays, by the package to which the format belongs."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(path, mode="r")
    return {name: array[...] for name, array in group.members(max_depth=None) if hasattr(array, "dtype")}


# Both formats.


@pytest.mark.parametrize("piece", [2**10, 2**22])
def test_packages_read_what_was_written(path: Path, monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(partial, "PIECE", piece)
    told: list[tuple[int, int]] = []
    write_checkpoint(path, ENTRIES, fingerprint="f", progress=lambda *done: told.append(done))
    found = loaded(path)
    assert found.keys() == {entry.name for entry in ENTRIES}
    for name, plan in ENTRIES:
        assert (found[name].dtype, found[name].shape) == (elements.storage(plan.dtype), plan.result_shape)
        assert np.array_equal(found[name], values(plan))
    assert told[-1] == (sum(entry.nbytes for entry in ENTRIES),) * 2
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("piece", [2**10, 2**22])
def test_what_was_written_is_read(path: Path, monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(partial, "PIECE", piece)
    write_checkpoint(path, ENTRIES, metadata={"key": "välue"}, fingerprint="f")
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.metadata == {"key": "välue"}
        assert checkpoint.arrays.keys() == {entry.name for entry in ENTRIES}
        for name, plan in ENTRIES:
            array, wanted = checkpoint.arrays[name], values(plan).reshape(-1)
            assert (array.dtype, array.shape) == (plan.dtype, plan.result_shape)
            pieces = list(array.pieces(1000))
            assert all(0 < piece.nbytes <= 1000 for piece in pieces)
            assert np.array_equal(np.concatenate([*pieces, wanted[:0]]), wanted)
            third, half = array.size // 3, array.size // 2
            assert np.array_equal(array.read(third, half), wanted[third:half])
            assert array.read(third, half).dtype == elements.storage(plan.dtype)


def test_files_are_reproducible(path: Path) -> None:
    other = path.with_name(f"y{path.suffix}")
    for file in (path, other):
        write_checkpoint(file, ENTRIES, metadata={"a": "b"}, fingerprint="f")
    assert contents(path) == contents(other)


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e5m2"])
def test_dtypes_without_a_name_are_an_error(path: Path, dtype: str) -> None:
    with pytest.raises(ui.DtypeError, match=f"'x'.*no dtype '{dtype}'"):
        write_checkpoint(path, [*ENTRIES, Entry("x", ui.Ones().plan((2,), dtype))], fingerprint="f")
    assert os.listdir(path.parent) == []


def test_interrupted_attempt_leaves_nothing_and_is_begun_again(path: Path) -> None:
    def stop(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_checkpoint(path, ENTRIES, fingerprint="f", progress=stop)
    assert os.listdir(path.parent) == []
    write_checkpoint(path, ENTRIES, fingerprint="f")
    assert loaded(path).keys() == {entry.name for entry in ENTRIES}


def test_what_is_left_of_a_killed_attempt_does_not_matter(path: Path) -> None:
    hidden = Path(partial.hidden(str(path), "f").partial)
    hidden.write_bytes(b"something" * 10**5)
    folder = Path(f"{hidden}-group")
    if path.suffix == ".zarr":
        folder.mkdir()
        (folder / "zarr.json").write_bytes(b"{")
    write_checkpoint(path, ENTRIES, fingerprint="f")
    assert loaded(path).keys() == {entry.name for entry in ENTRIES}
    assert os.listdir(path.parent) == [path.name]


def test_failed_write_leaves_what_was_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_checkpoint(path, ENTRIES[:2], fingerprint="f")
    before = contents(path)

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28))

    for name in ("fsync", "replace" if path.suffix == ".npz" else "mkdir"):
        with monkeypatch.context() as patched:
            patched.setattr(os, name, fail)
            with pytest.raises(OSError, match="No space left"):
                write_checkpoint(path, ENTRIES, fingerprint="f", overwrite=True)
        assert (contents(path), os.listdir(path.parent)) == (before, [path.name])


# Archives of NumPy.


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_archives_of_numpy_are_read(tmp_path: Path, save: Callable[..., None]) -> None:
    arrays = {
        "a": np.arange(60000, dtype=">i4").reshape(100, 600),
        "b/c": np.array([True, False]),
        "column": np.asfortranarray(np.ones((5, 1))),
        "none": np.zeros((0, 3), order="F"),
    }
    save(tmp_path / "x.npz", **arrays)
    with open_checkpoint(tmp_path / "x.npz") as checkpoint:
        assert (list(checkpoint.arrays), checkpoint.metadata) == (list(arrays), {})
        assert checkpoint.arrays["a"].dtype.name == "int32"
        assert checkpoint.arrays["a"].read(50000, 50003).tolist() == [50000, 50001, 50002]
        pieces = list(checkpoint.arrays["a"].pieces(10_000))
        assert np.array_equal(np.concatenate(pieces).reshape(100, 600), arrays["a"])
        assert pieces[0].dtype == np.dtype("<i4")
        assert [checkpoint.arrays[name].size for name in ("b/c", "column", "none")] == [2, 5, 0]


def member(data: bytes, name: str = "a.npy", **options: Any) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:
        archive.writestr(name, data)
    return file.getvalue()


def npy(array: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, **options)
    return file.getvalue()


def header(text: bytes, data: bytes = b"", version: int = 1) -> bytes:
    length = len(text).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


SOUND = npy(np.arange(6.0))
ROW = b"{'descr': '<f8', 'fortran_order': False, 'shape': %s}\n"
DAMAGED = {
    "empty": (b"", "cannot be read"),
    "no archive": (b"PK" + bytes(100), "cannot be read"),
    "truncated": (member(SOUND)[:-30], "cannot be read"),
    "objects": (member(npy(np.array([None]))), "unpickling"),
    "pickle": (member(b"", "archive/data.pkl"), "is no array"),
    "no header": (member(b"abc"), "cannot be read"),
    "another version": (member(b"\x93NUMPY\3\0" + bytes(10)), "version"),
    "long header": (member(header(b" " * 20_000)), "20000"),
    "header of gigabytes": (member(b"\x93NUMPY\2\0\xff\xff\xff\xff"), "4294967295"),
    "header is no literal": (member(header(b"exit()\n")), "cannot be read"),
    "negative shape": (member(header(ROW % b"(-1,)")), "at least 0"),
    "bool as shape": (member(header(ROW % b"(True,)", bytes(8))), "integers"),
    "overflow": (member(header(ROW % b"(2**40,)")), "cannot be read"),
    "large shape": (member(header(ROW % b"(%d, 8)" % 2**62)), "fewer than 2"),
    "another size": (member(header(ROW % b"(3,)", bytes(23))), "wanted"),
    "text": (member(npy(np.array(["a"]))), "dtype '<U1'"),
    "records": (member(npy(np.zeros(2, "i4,f4"))), "dtype"),
    "columns": (member(npy(np.asfortranarray(np.ones((3, 2))))), "column by column"),
    "bzip2": (member(SOUND, compression=zipfile.ZIP_BZIP2), "method 12"),
    "other members": (member(SOUND, "a.txt"), "is no array"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_archives_are_refused(tmp_path: Path, name: str) -> None:
    data, told = DAMAGED[name]
    (tmp_path / "x.npz").write_bytes(data)
    with pytest.raises(CheckpointError, match=told) as caught:
        open_checkpoint(tmp_path / "x.npz")
    assert str(tmp_path) in str(caught.value)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("a.npy", SOUND)
        archive.writestr("a.npy", SOUND)
    with pytest.raises(CheckpointError, match="twice"):
        open_checkpoint(tmp_path / "x.npz")


@given(st.data())
@pytest.mark.filterwarnings("ignore:Reading")
def test_no_change_does_more_than_be_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    sound = bytearray(
        member(SOUND, compression=data.draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])))
    )
    place = data.draw(st.integers(0, len(sound) - 1))
    sound[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.getbasetemp() / "changed.npz"
    path.write_bytes(sound)
    try:
        with open_checkpoint(path) as checkpoint:
            for array in checkpoint.arrays.values():
                assert sum(piece.size for piece in array.pieces(16)) == array.size
    except CheckpointError:
        pass


def test_large_metadata_does_not_fit_an_archive(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="wanted at most 65535, or safetensors"):
        write_checkpoint(tmp_path / "x.npz", ENTRIES, metadata={"a": "b" * 2**16}, fingerprint="f")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["a\0b", "a" * 65533])
def test_names_that_do_not_fit_an_archive(tmp_path: Path, name: str) -> None:
    with pytest.raises(CheckpointError, match="a member of an archive cannot be called"):
        write_checkpoint(tmp_path / "x.npz", [Entry(name, ENTRIES[0].plan)], fingerprint="f")
    assert os.listdir(tmp_path) == []


# Groups of zarr.


def test_chunks_lie_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zarr = pytest.importorskip("zarr")
    monkeypatch.setattr(partial, "PIECE", 400)
    plans = {"rows": (30, 20), "long rows": (3, 250), "one": (4,)}
    entries = [Entry(name, ui.HeNormal(seed=0).plan(shape)) for name, shape in plans.items()]
    write_checkpoint(tmp_path / "x.zarr", entries, metadata={"a": "b"}, fingerprint="f")
    group = zarr.open_group(tmp_path / "x.zarr", mode="r")
    assert (group.metadata.zarr_format, dict(group.attrs)) == (3, {"a": "b"})
    assert {name: group[name].chunks for name in plans} == {
        "rows": (5, 20),
        "long rows": (1, 100),
        "one": (4,),
    }
    assert not any(group[name].compressors for name in plans)


@pytest.mark.parametrize("version", [2, 3])
def test_groups_of_the_package_are_read(tmp_path: Path, version: Any) -> None:
    zarr = pytest.importorskip("zarr")
    wanted = np.arange(7 * 11 * 5, dtype=">i2").reshape(7, 11, 5)
    group = zarr.open_group(tmp_path / "x", mode="w", zarr_format=version, attributes={"a": "b", "n": 1})
    group.create_array("deep/w", shape=wanted.shape, dtype=wanted.dtype, chunks=(3, 4, 2))[...] = wanted
    group.create_array("never written", shape=(3,), dtype="f4", chunks=(2,), fill_value=7)
    with open_checkpoint(tmp_path / "x") as checkpoint:
        assert checkpoint.metadata == {"a": "b"}
        assert list(checkpoint.arrays) == ["deep/w", "never written"]
        assert checkpoint.arrays["never written"].read(0, 3).tolist() == [7, 7, 7]
        array = checkpoint.arrays["deep/w"]
        assert array.read(60, 300).tolist() == list(range(60, 300))
        pieces = list(array.pieces(40))
        assert max(piece.nbytes for piece in pieces) <= 40
        assert np.concatenate(pieces).tolist() == list(range(wanted.size))


def test_groups_of_text_are_refused(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(tmp_path / "x", mode="w", zarr_format=2)
    group.create_array("t", shape=(3,), dtype="S5", chunks=(2,))
    with pytest.raises(CheckpointError, match="'t' has dtype"):
        open_checkpoint(tmp_path / "x")


@pytest.mark.parametrize("name", ["/a", "a//b", "a/", "..", "a/./b", "__a", "a/zarr.json"])
def test_names_that_do_not_fit_a_group(tmp_path: Path, name: str) -> None:
    with pytest.raises(CheckpointError, match="an array of a group cannot be called"):
        write_checkpoint(tmp_path / "x.zarr", [Entry(name, ENTRIES[0].plan)], fingerprint="f")
    assert os.listdir(tmp_path) == []


def test_array_cannot_be_a_group_too(tmp_path: Path) -> None:
    entries = [Entry("a/b/c", ENTRIES[0].plan), Entry("a/b", ENTRIES[1].plan)]
    with pytest.raises(CheckpointError, match="'a/b' is the name of an array and of a group"):
        write_checkpoint(tmp_path / "x.zarr", entries, fingerprint="f")


def test_group_is_replaced_if_asked_for(tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    path = tmp_path / "x.zarr"
    write_checkpoint(path, ENTRIES, fingerprint="f")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        write_checkpoint(path, ENTRIES[:1], fingerprint="f")
    write_checkpoint(path, ENTRIES[:1], fingerprint="f", overwrite=True)
    assert list(loaded(path)) == ["layer/weight"]
    assert os.listdir(tmp_path) == ["x.zarr"]
    os.rename(path, f"{partial.hidden(str(path), 'f').partial}-old")  # As a process leaves it that is killed.
    with pytest.raises(FileExistsError, match="overwrite=True"):
        write_checkpoint(path, ENTRIES, fingerprint="f")
    assert list(loaded(path)) == ["layer/weight"]


def test_group_that_cannot_be_replaced_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("zarr")
    path, rename = tmp_path / "x.zarr", os.rename
    write_checkpoint(path, ENTRIES, fingerprint="f")
    before = contents(path)

    def fail(old: str, new: str) -> None:
        if str(old).endswith("-group"):
            raise OSError(5, os.strerror(5))
        rename(old, new)

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", fail)
        with pytest.raises(OSError, match="Input/output"):
            write_checkpoint(path, ENTRIES[:1], fingerprint="f", overwrite=True)
    assert (contents(path), os.listdir(tmp_path)) == (before, ["x.zarr"])


def test_other_folders_are_not_replaced(tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    (tmp_path / "x.zarr").mkdir()
    (tmp_path / "x.zarr" / "mine").write_bytes(b"")
    with pytest.raises(FileExistsError, match="no group of zarr"):
        write_checkpoint(tmp_path / "x.zarr", ENTRIES, fingerprint="f", overwrite=True)
    assert os.listdir(tmp_path / "x.zarr") == ["mine"]


@pytest.mark.parametrize("content", [None, b"", b'{"zarr_format": 3, "node_type": "array"}'])
def test_damaged_groups_are_refused(tmp_path: Path, content: bytes | None) -> None:
    pytest.importorskip("zarr")
    (tmp_path / "x.zarr").mkdir()
    if content is not None:
        (tmp_path / "x.zarr" / "zarr.json").write_bytes(content)
    with pytest.raises(CheckpointError, match="is no group of zarr"):
        open_checkpoint(tmp_path / "x.zarr")


def test_damaged_chunks_are_an_error(tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    write_checkpoint(tmp_path / "x.zarr", ENTRIES[:1], fingerprint="f")
    (tmp_path / "x.zarr" / "layer" / "weight" / "c" / "0" / "0").write_bytes(b"short")
    with open_checkpoint(tmp_path / "x.zarr") as checkpoint:
        array = checkpoint.arrays["layer/weight"]
        with pytest.raises(CheckpointError, match="'layer/weight' cannot be read"):
            array.read(0, 5)


def test_package_is_asked_for_if_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zarr", None)
    (tmp_path / "y.zarr").mkdir()
    with pytest.raises(BackendUnavailableError, match=r'pip install "unifinit\[zarr\]"'):
        write_checkpoint(tmp_path / "x.zarr", ENTRIES, fingerprint="f")
    with pytest.raises(BackendUnavailableError, match=r'pip install "unifinit\[zarr\]"'):
        open_checkpoint(tmp_path / "y.zarr")
    assert os.listdir(tmp_path) == ["y.zarr"]
