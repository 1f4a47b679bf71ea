"""The frozen tables: their checksums, and a sample made anew by the committed generator."""

import builtins
import hashlib
import importlib.util
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from unifinit.stream import double, single, tables

GENERATOR = Path(__file__).parents[2] / "tools" / "generate_tables.py"
FOLDER = files(tables)


@pytest.fixture(scope="module")
def generator():
    pytest.importorskip("mpmath")
    spec = importlib.util.spec_from_file_location("generate_tables", GENERATOR)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("line", FOLDER.joinpath("SHA256SUMS").read_text().splitlines())
def test_file_has_its_checksum(line):
    checksum, name = line.split("  ")
    assert hashlib.sha256(FOLDER.joinpath(name).read_bytes()).hexdigest() == checksum


def test_every_file_has_a_checksum():
    listed = {line.split("  ")[1] for line in FOLDER.joinpath("SHA256SUMS").read_text().splitlines()}
    assert listed == {path.name for path in FOLDER.iterdir() if path.name.endswith(".bin")}


@pytest.mark.parametrize(
    ("table", "shape", "dtype"),
    [(tables.single, (24 * 1024 + 2,), np.int32), (tables.double, (7, 53 * 32 + 1), np.int64)],
    ids=["single", "double"],
)
def test_shape_and_dtype(table, shape, dtype):
    assert table().shape == shape
    assert table().dtype == np.dtype(dtype)
    assert table().dtype.isnative
    assert table() is table()  # Read once.


def test_largest_quantiles_are_the_first_entries():
    assert tables.single()[0] == single.LARGEST_QUANTILE
    assert tables.double()[0, 0] == double.LARGEST_QUANTILE


def test_tables_end_in_the_middle():
    assert tables.single()[-2:].tolist() == [0, 0]
    assert not tables.double()[:, -1].any()


def test_generator_makes_the_same_single_table(generator, monkeypatch):
    # Every octave, at some segments: the generator's own loop, with fewer turns.
    segments = range(0, generator.SINGLE_SEGMENTS, 93)
    turns = {generator.SINGLE_OCTAVES: range(generator.SINGLE_OCTAVES), generator.SINGLE_SEGMENTS: segments}
    monkeypatch.setattr(generator, "range", turns.__getitem__, raising=False)
    made = generator.single_table()
    stored = tables.single()[:-2].reshape(generator.SINGLE_OCTAVES, -1)[:, segments]
    assert made[:-2].tolist() == stored.reshape(-1).tolist()
    assert made[-2:].tolist() == tables.single()[-2:].tolist()


def test_generator_makes_the_same_double_table(generator, monkeypatch):
    octaves = [0, 1, 5, 26, 40, 51, 52]
    segments = [0, 17, 31]
    turns = {generator.DOUBLE_OCTAVES: octaves, generator.DOUBLE_SEGMENTS: segments}
    monkeypatch.setattr(generator, "range", lambda n: turns.get(n, builtins.range(n)), raising=False)
    made = generator.double_table()
    columns = [octave * generator.DOUBLE_SEGMENTS + segment for octave in octaves for segment in segments]
    assert made.shape == tables.double().shape
    assert made[:, columns].tolist() == tables.double()[:, columns].tolist()


def test_generator_states_the_constants_of_the_stream(generator):
    assert generator.SINGLE_UNIT == single.QUANTILE_BITS
    assert generator.DOUBLE_UNIT == double.QUANTILE_BITS
    assert generator.SINGLE_OCTAVES == single.FRACTION_BITS + 1
    assert generator.DOUBLE_OCTAVES == double.FRACTION_BITS + 1


def test_generator_writes_files_and_checksums(generator, monkeypatch, tmp_path):
    monkeypatch.setattr(generator, "single_table", tables.single)
    monkeypatch.setattr(generator, "double_table", tables.double)
    monkeypatch.setattr("sys.argv", ["generate_tables.py", "--output", str(tmp_path)])
    generator.main()
    for name in ("single.bin", "double.bin", "SHA256SUMS"):
        assert (tmp_path / name).read_bytes() == FOLDER.joinpath(name).read_bytes()
