"""Reading safetensors: what is there, and what is refused before anything large is made."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import unifinit as ui
from unifinit import elements, files
from unifinit.checkpoints import Entry, open_checkpoint, write_checkpoint
from unifinit.checkpoints.header import DTYPE_NAMES
from unifinit.errors import CheckpointError
from unifinit.types import DTYPES


def file_of(header: object, data: bytes = b"", *, length: int | None = None) -> bytes:
    """A file with any header, be it text or what JSON makes of it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def tensor(dtype: str = "F32", shape: Any = (2,), offsets: Any = (0, 8)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.safetensors"


# What is there.


@pytest.mark.parametrize("name", DTYPE_NAMES)
def test_every_dtype_is_read(path: Path, name: str) -> None:
    dtype = DTYPES[DTYPE_NAMES[name]]
    stored = elements.storage(dtype)
    wanted = np.arange(6, dtype=np.uint8).astype(stored)
    path.write_bytes(file_of({"a": tensor(name, (2, 3), (0, wanted.nbytes))}, wanted.tobytes()))
    with open_checkpoint(path) as checkpoint:
        array = checkpoint.arrays["a"]
        assert (array.name, array.dtype, array.shape, array.nbytes) == ("a", dtype, (2, 3), wanted.nbytes)
        assert array.read(0, 6).dtype == stored
        assert np.array_equal(array.read(0, 6), wanted)


def test_files_of_the_package_are_read(path: Path) -> None:
    package = pytest.importorskip("safetensors.numpy")
    arrays = {
        "w": np.random.default_rng(0).normal(size=(5, 7)),
        'é"\n': np.arange(3, dtype=np.int16),
        "none": np.zeros((4, 0), np.float32),
        "one": np.array(True),
    }
    package.save_file(arrays, path, {"format": "np"})
    with open_checkpoint(str(path)) as checkpoint:
        assert checkpoint.metadata == {"format": "np"}
        assert checkpoint.arrays.keys() == arrays.keys()
        for name, wanted in arrays.items():
            array = checkpoint.arrays[name]
            assert array.shape == wanted.shape
            assert np.array_equal(array.read(0, array.size).reshape(wanted.shape), wanted)


def test_arrays_are_in_the_order_of_the_file(path: Path) -> None:
    header = {"b": tensor(offsets=(8, 16)), "c": tensor(shape=(0,), offsets=(8, 8)), "a": tensor()}
    path.write_bytes(file_of(header, bytes(16)))
    with open_checkpoint(path) as checkpoint:
        assert list(checkpoint.arrays) == ["a", "c", "b"]


@given(st.integers(0, 40), st.integers(1, 200))
def test_pieces_follow_each_other_and_are_no_larger_than_asked(
    tmp_path_factory: pytest.TempPathFactory, size: int, most: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "pieces.safetensors"
    wanted = np.arange(size, dtype="<f4")
    path.write_bytes(file_of({"a": tensor(shape=(size,), offsets=(0, 4 * size))}, wanted.tobytes()))
    with open_checkpoint(path) as checkpoint:
        pieces = list(checkpoint.arrays["a"].pieces(most))
    assert all(0 < piece.nbytes <= max(most, 4) for piece in pieces)
    assert np.array_equal(np.concatenate([*pieces, np.empty(0, "<f4")]), wanted)
    assert all(piece.flags.writeable for piece in pieces)


@pytest.mark.parametrize(("start", "stop"), [(-1, 1), (1, 0), (0, 3)])
def test_elements_that_are_not_there_are_an_error(path: Path, start: int, stop: int) -> None:
    path.write_bytes(file_of({"a": tensor()}, bytes(8)))
    with open_checkpoint(path) as checkpoint, pytest.raises(ui.WindowError, match=f"'a'.* {start} to {stop}"):
        checkpoint.arrays["a"].read(start, stop)


def test_file_that_shrinks_while_it_is_read_is_an_error(path: Path) -> None:
    path.write_bytes(file_of({"a": tensor()}, bytes(8)))
    with open_checkpoint(path) as checkpoint:
        os.truncate(path, path.stat().st_size - 1)
        assert len(checkpoint.arrays["a"].read(0, 1)) == 1
        with pytest.raises(CheckpointError, match="'a' ended 1 bytes early"):
            checkpoint.arrays["a"].read(0, 2)


# What is refused.

DAMAGED = {
    "empty": (b"", "has 0 bytes"),
    "short": (b"\1\0\0", "has 3 bytes"),
    "header beyond the file": (file_of({}, length=3), "3 bytes"),
    "header of terabytes": (file_of({}, length=2**63 + 5), str(2**63 + 5)),
    "header beyond the limit": (file_of({}, length=100_000_001), "100000001"),
    "no header": (file_of(b""), "wanted an object"),
    "no UTF-8": (file_of(b'{"\xff":1}'), "no JSON in UTF-8"),
    "no JSON": (file_of(b"{'a'}"), "no JSON in UTF-8"),
    "no object": (file_of([]), "wanted an object"),
    "space in front": (file_of(b" {}"), "wanted an object"),
    "deep": (file_of(b'{"a":' * 10_000), "no JSON in UTF-8"),
    "long number": (file_of(b'{"a":' + b"9" * 5000 + b"}"), "no JSON in UTF-8"),
    "doubles": (file_of(b'{"__metadata__":{},"a":1,"a":1}'), "'a' twice"),
    "doubles within": (file_of(b'{"a":{"dtype":"F32","dtype":"F32"}}'), "'dtype' twice"),
    "surrogate": (file_of(b'{"\\ud800":1}'), "surrogates"),
    "metadata is a list": (file_of({"__metadata__": []}), "object of strings"),
    "metadata has numbers": (file_of({"__metadata__": {"a": 1}}), "object of strings"),
    "no tensor": (file_of({"a": 1}), "'a' is 1"),
    "field is missing": (file_of({"a": {"dtype": "F32", "shape": []}}), "data_offsets"),
    "field too many": (file_of({"a": tensor() | {"x": 1}}, bytes(8)), "wanted an object"),
    "dtype is unknown": (file_of({"a": tensor("F31")}, bytes(8)), "'F31'"),
    "dtype is a list": (file_of({"a": tensor([])}, bytes(8)), "dtype"),  # type: ignore[arg-type]
    "shape is a number": (file_of({"a": tensor(shape=2)}, bytes(8)), "has shape 2"),
    "negative dimension": (file_of({"a": tensor(shape=[-1, -2])}, bytes(8)), "at least 0"),
    "fraction as dimension": (file_of({"a": tensor(shape=[2.0])}, bytes(8)), "integers"),
    "bool as dimension": (file_of({"a": tensor(shape=[True, 2])}, bytes(8)), "integers"),
    "overflow": (file_of({"a": tensor(shape=[2**32, 2**32])}, bytes(8)), "fewer than 2"),
    "overflow without elements": (file_of({"a": tensor(shape=[0, 2**63], offsets=[0, 0])}), "fewer than 2"),
    "many dimensions": (file_of({"a": tensor(shape=[2**62] * 5000)}, bytes(8)), "fewer than 2"),
    "one offset": (file_of({"a": tensor(offsets=[8])}, bytes(8)), "two integers"),
    "offsets are bools": (file_of({"a": tensor("U8", [1], [False, True])}, b"0"), "two integers"),
    "offsets are fractions": (file_of({"a": tensor(offsets=[0, 8.0])}, bytes(8)), "two integers"),
    "negative offset": (file_of({"a": tensor(offsets=[-8, 0])}, bytes(8)), "at least 0"),
    "begin behind end": (file_of({"a": tensor(offsets=[8, 0])}, bytes(8)), "8 apart"),
    "another size": (file_of({"a": tensor(offsets=[0, 4])}, bytes(4)), "8 apart"),
    "beyond the file": (file_of({"a": tensor()}, bytes(7)), "truncated"),
    "something behind": (file_of({"a": tensor()}, bytes(9)), "appended"),
    "hole in front": (file_of({"a": tensor(offsets=[1, 9])}, bytes(9)), "'a' begins at byte 1"),
    "hole": (file_of({"a": tensor(), "b": tensor(offsets=[9, 17])}, bytes(17)), "'b' begins at byte 9"),
    "overlap": (file_of({"a": tensor(), "b": tensor(offsets=[4, 12])}, bytes(12)), "'b'.*overlaps"),
    "one in the other": (
        file_of({"a": tensor(shape=[4], offsets=[0, 16]), "b": tensor(offsets=[4, 12])}, bytes(16)),
        "'b'.*overlaps",
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_are_refused(path: Path, name: str) -> None:
    data, told = DAMAGED[name]
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=told) as caught:
        open_checkpoint(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_header_is_not_read_if_the_file_cannot_have_it(path: Path) -> None:
    path.write_bytes((2**40).to_bytes(8, "little"))
    os.truncate(path, 2**41)  # It has no blocks on the disk, but its length would do.
    with pytest.raises(CheckpointError, match=str(2**40)):
        open_checkpoint(path)


def check(path: Path) -> None:
    """A file is refused, or all of it can be read."""
    try:
        checkpoint = open_checkpoint(path)
    except CheckpointError:
        return
    with checkpoint:
        for array in checkpoint.arrays.values():
            assert array.size == math.prod(array.shape) == len(array.read(0, array.size))


SOUND = file_of(
    {
        "__metadata__": {"a": "b"},
        "x": tensor(),
        "y": tensor("U8", [1, 3], [8, 11]),
        "z": tensor("F64", [0], [11, 11]),
    },
    bytes(11),
)


@given(st.integers(0, len(SOUND)), st.binary(max_size=6), st.integers(0, 6), st.booleans())
def test_no_change_does_more_than_be_refused(
    tmp_path_factory: pytest.TempPathFactory, place: int, inserted: bytes, left_out: int, truncated: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "changed.safetensors"
    rest = b"" if truncated else SOUND[place + left_out :]
    path.write_bytes(SOUND[:place] + inserted + rest)
    check(path)


NUMBERS = st.one_of(st.integers(-2, 20), st.integers(), st.booleans(), st.floats(), st.none())
JSON = st.recursive(
    NUMBERS | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
TENSORS = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from([*DTYPE_NAMES, "F4"]) | JSON,
        "shape": st.lists(NUMBERS, max_size=3) | JSON,
        "data_offsets": st.lists(st.integers(0, 30), min_size=2, max_size=2)
        | st.lists(NUMBERS, max_size=3)
        | JSON,
    }
)


@given(st.dictionaries(st.sampled_from(["__metadata__", "a", "b", ""]), TENSORS | JSON), st.integers(0, 30))
def test_no_header_does_more_than_be_refused(
    tmp_path_factory: pytest.TempPathFactory, header: dict[str, Any], size: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "header.safetensors"
    path.write_bytes(file_of(header, bytes(size)))
    check(path)


# Several files.


def folder_of(path: Path, **contents: object) -> Path:
    """A folder of files with one tensor each, or with text."""
    path.mkdir(exist_ok=True)
    for number, (name, content) in enumerate(contents.items()):
        if isinstance(content, bytes):
            (path / name).write_bytes(content)
        else:
            plan = ui.Constant(number).plan((2,))
            entries = [Entry(str(content), plan)]
            write_checkpoint(path / f"{name}.safetensors", entries, metadata={name: "there"}, fingerprint="")
    return path


def index_of(**weights: object) -> bytes:
    return json.dumps({"metadata": {"total_size": 16}, "weight_map": weights}).encode()


INDEX = "m.safetensors.index.json"


def test_files_with_an_index_are_one_checkpoint(tmp_path: Path) -> None:
    index = index_of(x="b.safetensors", y="a.safetensors")
    folder = folder_of(tmp_path / "m", a="y", b="x", c="x", **{INDEX: index})
    for path in (folder, folder / INDEX):
        with open_checkpoint(path) as checkpoint:
            assert list(checkpoint.arrays) == ["y", "x"]
            assert [array.read(0, 2).tolist() for array in checkpoint.arrays.values()] == [[0, 0], [1, 1]]
            assert checkpoint.metadata == {"a": "there", "b": "there"}


def test_files_without_an_index_are_one_checkpoint(tmp_path: Path) -> None:
    with open_checkpoint(folder_of(tmp_path / "m", a="y", b="x", readme=b"")) as checkpoint:
        assert list(checkpoint.arrays) == ["y", "x"]
    with open_checkpoint(folder_of(tmp_path / "one", a="y")) as checkpoint:
        assert list(checkpoint.arrays) == ["y"]


@pytest.mark.parametrize(
    ("contents", "told"),
    [
        ({}, "no safetensors files"),
        ({"a": "x", "b": "x"}, "'x' is in another file"),
        ({"a": "x", INDEX: b"[]"}, "wanted an object"),
        ({"a": "x", INDEX: b"{}"}, "no weight_map"),
        ({"a": "x", INDEX: index_of(x="b.safetensors")}, "b.safetensors is missing"),
        ({"a": "x", INDEX: index_of(y="a.safetensors")}, "no tensor 'y'"),
        ({"a": "x", INDEX: index_of(x="../a.safetensors")}, "same folder"),
        ({"a": "x", INDEX: index_of(x="b/../../a.safetensors")}, "same folder"),
        ({"a": "x", INDEX: index_of(x="/a.safetensors")}, "same folder"),
        ({"a": "x", INDEX: index_of(x="C:a.safetensors")}, "same folder"),
        ({"a": "x", INDEX: index_of(x="..\\a.safetensors")}, "same folder"),
        ({"a": "x", INDEX: index_of(x=1)}, "same folder"),
        ({"a": "x", INDEX: index_of(x="a.bin")}, "unpickling"),
        ({"a": "x", INDEX: index_of(x="a.txt")}, "wanted a .safetensors file"),
        ({INDEX: index_of(), "n.safetensors.index.json": index_of()}, "2 indices"),
        ({"pytorch_model.bin": b""}, "convert it"),
    ],
)
def test_folders_that_are_no_checkpoint_are_refused(
    tmp_path: Path, contents: dict[str, Any], told: str
) -> None:
    with pytest.raises(CheckpointError, match=told):
        open_checkpoint(folder_of(tmp_path / "m", **contents))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("x.pt", "convert it"),
        ("x.bin", "convert it"),
        ("x.pkl", "convert it"),
        ("x.npy", "wanted a file that ends"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, told: str) -> None:
    with pytest.raises(FileNotFoundError):
        open_checkpoint(tmp_path / name)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(CheckpointError, match=told):
        open_checkpoint(tmp_path / name)


def test_what_was_written_is_read(path: Path) -> None:
    plan = ui.HeNormal(seed=1).plan((30, 70), "bfloat16", layout="OI")
    write_checkpoint(path, [Entry("a", plan)], fingerprint="")
    with open_checkpoint(path) as checkpoint:
        found = [bytes(piece.data) for piece in checkpoint.arrays["a"].pieces(1000)]
    assert b"".join(found) == b"".join(map(bytes, files.stream(plan)))
