"""Lazy arrays: each chunk is a window, computed by the task that needs it."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import unifinit as ui
from unifinit.backend import ArrayApiBackend
from unifinit.cli.clock import median_seconds
from unifinit.registry import registry
from unifinit.testing import BackendConformance, golden

da = pytest.importorskip("dask.array")
namespace = pytest.importorskip("array_api_compat.dask.array")
plugin = pytest.importorskip("unifinit_dask")
tasks = pytest.importorskip("unifinit_dask.chunks")


class TestDask(BackendConformance):
    backend = "dask"


GENERIC = ArrayApiBackend("dask.array", namespace)


@pytest.mark.parametrize("row", golden.load()[::40], ids=str)
def test_generic_path_draws_the_same(row: golden.Golden) -> None:
    if hasattr(namespace, row.dtype):
        array = row.draw(GENERIC)
        assert isinstance(array, da.Array)
        assert golden.digest(array) == row.sha256


@pytest.mark.parametrize("module", [da, namespace], ids=["dask.array", "array_api_compat"])
def test_modules_stand_for_the_backend(module: Any) -> None:
    assert registry().resolve(module) is registry().get("dask")


# Chunks.

MASK = np.arange(12) % 3 > 0
CASES: dict[str, tuple[ui.Initializer, tuple[int, ...], str]] = {
    "float32": (ui.HeNormal(seed=1), (9, 7, 12), "float32"),
    "float64": (ui.TruncatedNormal(seed=1), (9, 7, 12), "float64"),
    "float16": (ui.RandomUniform(seed=1), (9, 7, 12), "float16"),
    "bfloat16": (ui.HeNormal(seed=1), (9, 7, 12), "bfloat16"),
    "8 bits": (ui.HeNormal(seed=1), (9, 7, 12), "float8_e4m3fn"),
    "complex": (ui.GlorotUniform(seed=2), (9, 7, 12), "complex64"),
    "constant": (ui.Constant(0.5), (9, 7, 12), "float32"),
    "listed": (ui.Constant(range(24)), (2, 12), "int32"),
    "masked": (ui.Masked(ui.HeNormal(), MASK, seed=4), (5, 12, 12), "float32"),
    "blocks": (ui.Blocked(["he_normal", ui.Zeros(), ui.Ones()], seed=5), (5, 9, 12), "float32"),
    "no axes": (ui.RandomNormal(seed=1), (), "float32"),
    "no elements": (ui.HeNormal(seed=1), (3, 0, 4), "float32"),
    "whole": (ui.Orthogonal(seed=3), (9, 12), "float32"),
    "whole, bfloat16": (ui.Orthogonal(seed=3), (9, 12), "bfloat16"),
    "whole, complex": (ui.Orthogonal(seed=3), (9, 12), "complex128"),
    "whole, no elements": (ui.Orthogonal(seed=1), (3, 0), "float32"),
    "whole, masked": (ui.Masked(ui.Orthogonal(), MASK, seed=4), (12, 12), "float64"),
    "whole blocks": (ui.Blocked([ui.Orthogonal(), "he_normal", ui.Zeros()], seed=5), (9, 12), "float32"),
    "whole layers": (ui.Stacked(ui.Orthogonal(), seed=6), (3, 5, 12), "float32"),
}


def sides(size: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Lengths of the chunks along an axis; some may be 0."""
    cuts = st.lists(st.integers(0, size), max_size=3).map(sorted)
    return cuts.map(lambda places: tuple(np.diff([0, *places, size]).tolist()))


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=25)
@given(data=st.data())
def test_every_chunking_gives_the_same_bytes(name: str, data: st.DataObject) -> None:
    initializer, shape, dtype = CASES[name]
    if dtype.startswith(("bfloat", "float8")):
        pytest.importorskip("ml_dtypes")
    layout = data.draw(st.sampled_from([None, "...OI"] if len(shape) > 1 else [None]), "layout")
    chunks = data.draw(st.tuples(*map(sides, shape)), "chunks")
    wanted = initializer(shape, dtype, layout=layout)
    array = initializer(shape, dtype, layout=layout, backend=plugin.with_chunks(chunks))
    assert (array.chunks, array.dtype) == (chunks, wanted.dtype)
    found = np.asarray(array.compute(scheduler="sync"))
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
    assert found.tobytes() == wanted.tobytes()


@settings(max_examples=25)
@given(data=st.data())
def test_every_window_is_chunked_as_well(data: st.DataObject) -> None:
    shape = (6, 9, 4)
    ends = st.one_of(st.none(), st.integers(-10, 10))
    slices = st.builds(slice, ends, ends, st.sampled_from([None, 1, 2, -1, -3]))
    index = data.draw(st.tuples(*(slices | st.integers(-size, size - 1) for size in shape)))
    side = data.draw(st.integers(1, 5))
    initializer = ui.HeNormal(seed=7)
    array = initializer.shard(shape, index, backend=plugin.with_chunks(side))
    assert np.array_equal(array.compute(scheduler="sync"), initializer(shape)[index])


@pytest.mark.parametrize(
    "chunks", ["auto", "16 kiB", 7, -1, (5, -1), (5, (30, 90)), {0: 3}, {1: "auto", 0: 2}], ids=str
)
def test_chunks_mean_what_they_mean_in_dask(chunks: object) -> None:
    array = ui.HeNormal(seed=0)((90, 120), backend=plugin.with_chunks(chunks))
    assert array.chunks == da.zeros((90, 120), chunks=chunks, dtype="float32").chunks


def test_default_chunks_are_those_of_dask() -> None:
    shape = (30_000, 20_000)
    array = ui.HeNormal(seed=0)(shape, "float64", backend="dask")
    assert array.chunks == da.zeros(shape, dtype="float64").chunks
    assert array.npartitions > 1


def test_negative_axes_are_counted_from_the_end() -> None:
    assert ui.HeNormal(seed=0)((9, 12), backend=plugin.with_chunks({-1: 7})).chunks == ((9,), (7, 5))


@pytest.mark.parametrize(
    "chunks",
    [(5, (30, 91)), (1, 2, 3), "much", print, 0, (0, -1), ((100, -10), -1), ((np.nan,), 7), {2: 3}, {"a": 3}],
    ids=str,
)
def test_chunks_that_do_not_fit_are_an_error_at_once(chunks: object) -> None:
    with pytest.raises(ui.ArgumentError, match=r"do not divide shape \(90, 120\)"):
        ui.HeNormal(seed=0)((90, 120), backend=plugin.with_chunks(chunks))


def test_like_gives_its_chunks_to_an_array_of_its_shape() -> None:
    like = da.ones((6, 8), chunks=(4, 5), dtype="float64")
    array = ui.HeNormal(seed=0)((6, 8), like=like)
    assert (array.chunks, array.dtype) == (like.chunks, like.dtype)
    assert ui.HeNormal(seed=0)((7, 8), like=like).chunks == ((7,), (8,))


def test_chunks_are_no_device() -> None:
    with pytest.raises(ui.DeviceError, match="with_chunks"):
        ui.Zeros()((2,), backend="dask", device=(1,))
    assert ui.Zeros()((2,), backend="dask", device="cpu").chunks == ((2,),)


def test_chunks_of_another_library_are_an_error() -> None:
    like = da.ones(3)
    like._meta = "no array of NumPy"
    with pytest.raises(ui.DeviceError, match="of type str"):
        ui.Ones()((3,), like=like)


# Graphs.


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of the arrays of NumPy that tasks have computed."""
    shapes = []
    run = type(tasks.NUMPY).run

    def counted(self: Any, plan: Any, device: Any) -> Any:
        shapes.append(plan.result_shape)
        return run(self, plan, device)

    monkeypatch.setattr(type(tasks.NUMPY), "run", counted)
    return shapes


def test_nothing_is_computed_before_it_is_needed(computed: list[Any]) -> None:
    array = ui.HeNormal(seed=0)((6, 8), backend=plugin.with_chunks((4, 5)))
    ui.HeNormal(seed=1).fill_(array)
    part = array[:4, 5:]
    assert computed == []
    part.compute(scheduler="sync")
    assert computed == [(4, 3)]


def test_the_time_of_an_array_is_that_of_its_elements(computed: list[Any]) -> None:
    array = ui.HeNormal(seed=0)((6, 8), backend=plugin.with_chunks(4))
    median_seconds(lambda: array, 1)
    assert len(computed) == array.npartitions


def test_chunks_of_the_backend_are_wanted_more_than_those_of_a_like_array() -> None:
    like = da.zeros((6, 8), dtype="float64", chunks=3)
    array = ui.HeNormal(seed=0)((6, 8), like=like, backend=plugin.with_chunks((2, 8)))
    assert array.chunks == ((2, 2, 2), (8,))
    assert array.dtype == "float64"
    with pytest.raises(ui.ArgumentError, match="like= is an array of numpy"):
        ui.HeNormal(seed=0)((6, 8), like=np.zeros(3), backend=plugin.with_chunks(4))


@pytest.mark.parametrize(("initializer", "shape"), [(ui.Orthogonal(seed=0), (6, 8))])
def test_what_is_a_whole_is_computed_once(computed: list[Any], initializer: Any, shape: Any) -> None:
    array = initializer(shape, backend=plugin.with_chunks(2))
    assert array.npartitions == 12
    array.compute(scheduler="sync")
    assert computed == [shape]


def test_blocks_that_are_wholes_are_computed_once_each(computed: list[Any]) -> None:
    initializer = ui.Stacked(ui.Orthogonal(), seed=0)
    initializer((3, 6, 8), backend=plugin.with_chunks(2)).compute(scheduler="sync")
    assert computed == [(1, 6, 8)] * 3


def test_graph_is_one_layer_of_one_small_task_for_each_chunk() -> None:
    array = ui.HeNormal(seed=0)((10**6, 10**6), backend=plugin.with_chunks(10**4))
    graph = array.__dask_graph__()
    assert array.npartitions == 10**4
    assert list(graph.layers) == [array.name]
    assert len(pickle.dumps(graph)) < 5000
    few = ui.HeNormal(seed=0)((90, 90), backend=plugin.with_chunks(30))
    found = dict(few.__dask_graph__())
    assert len(found) == few.npartitions == 9
    assert max(len(pickle.dumps(task)) for task in found.values()) < 3000


def test_tasks_share_a_large_plan() -> None:
    initializer = ui.Masked(ui.HeNormal(), np.arange(10**6).reshape(1000, 1000) % 3 > 0, seed=0)
    array = initializer((1000, 1000), backend=plugin.with_chunks(250))
    sizes = sorted(len(pickle.dumps(task)) for task in dict(array.__dask_graph__()).values())
    assert len(sizes) == array.npartitions + 1
    assert sizes[-2] < 1000 < 10**6 // 8 < sizes[-1]


def test_same_plan_has_the_same_name_in_every_process() -> None:
    program = """
import numpy as np, unifinit as ui
from unifinit_dask import with_chunks
print(ui.HeNormal(seed=0)((6, 8), backend=with_chunks(4)).name)
print(ui.Masked(ui.HeNormal(), np.arange(8) % 3 > 0, seed=4)((6, 8), backend=with_chunks(4)).name)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    first = ui.HeNormal(seed=ui.Key(0))([6, 8], "float32", backend=plugin.with_chunks((4, 4)))
    second = ui.Masked(ui.HeNormal(), np.arange(8) % 3 > 0, seed=4)((6, 8), like=first)
    assert done.stdout.split() == [first.name, second.name]


def test_different_arrays_have_different_names() -> None:
    backend = plugin.with_chunks(4)
    arrays = [
        ui.HeNormal(seed=0)((6, 8), backend=backend),
        ui.HeNormal(seed=1)((6, 8), backend=backend),
        ui.HeNormal(seed=0)((6, 8), "float64", backend=backend),
        ui.HeNormal(seed=0)((6, 8), layout="OI", backend=backend),
        ui.HeNormal(seed=0)((6, 8), backend=plugin.with_chunks(3)),
        ui.HeNormal(seed=0).shard((12, 8), slice(6), backend=backend),
        ui.HeNormal(seed=0).shard((12, 8), slice(6, 12), backend=backend),
        ui.HeNormal()((6, 8), backend=backend),
        ui.HeNormal()((6, 8), backend=backend),
        ui.Constant(0.0)((6, 8), backend=backend),
        ui.Constant(-0.0)((6, 8), backend=backend),
        ui.FromFunction(lambda *call: np.zeros(call[1]), seed=0)((6, 8), backend=backend),
        ui.FromFunction(lambda *call: np.ones(call[1]), seed=0)((6, 8), backend=backend),
    ]
    assert len({array.name for array in arrays}) == len(arrays)


def test_arrays_can_be_pickled_and_combined() -> None:
    array = ui.HeNormal(seed=0)((6, 8), backend=plugin.with_chunks(4))
    wanted = ui.HeNormal(seed=0)((6, 8))
    again = pickle.loads(pickle.dumps(array))
    assert np.array_equal(again.compute(), wanted)
    assert np.array_equal((array.T - 2 * array.T)[2:, ::-3].compute(), -wanted.T[2:, ::-3])


# Filling.


def test_fill_replaces_the_graph_and_keeps_the_chunks() -> None:
    def no_more(block: Any) -> Any:
        raise RuntimeError("what the array was made of is not needed any more")

    target = da.ones((6, 8), chunks=(4, 5), dtype="float64")
    derived = target + 1
    replaced = target.map_blocks(no_more, dtype="float64", meta=target._meta)
    replaced.__dask_keys__()  # Which an array remembers.
    ui.HeNormal(seed=0).fill_(target)
    ui.HeNormal(seed=0).fill_(replaced)
    for array in (target, replaced):
        assert array.chunks == ((4, 2), (5, 3))
        assert np.array_equal(array.compute(), ui.HeNormal(seed=0)((6, 8), "float64"))
    assert np.array_equal(derived.compute(), np.full((6, 8), 2.0))


def test_array_of_unknown_size_cannot_be_filled() -> None:
    target = da.ones(8, chunks=4)
    target = target[target > 0]
    with pytest.raises(ui.ShapeError, match="nan"):
        ui.HeNormal(seed=0).fill_(target)


# Faults.


def test_process_with_another_stream_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    array = ui.HeNormal(seed=0)((6, 8), backend="dask")
    monkeypatch.setattr(tasks, "fingerprint", lambda: "v2:" + "0" * 64)
    with pytest.raises(ui.StreamError, match=r"process \d+ on .* has v2:0000"):
        array.compute()
    made_here = ui.HeNormal(seed=0)((6, 8), backend="dask")
    assert np.array_equal(made_here.compute(), ui.HeNormal(seed=0)((6, 8)))
    assert made_here.name != array.name


WRITE = """
import resource, sys
import dask
import unifinit as ui
from unifinit_dask import with_chunks

def write(megabytes, name):
    array = ui.HeNormal(seed=0)((megabytes * 2**8, 1024), backend=with_chunks("4 MiB"))
    array.to_zarr(f"{sys.argv[1]}/{name}")

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

with dask.config.set(scheduler="threads", num_workers=2):
    write(8, "small")
    before = peak()
    write(300, "large")
print((peak() - before) // 1024)
"""


def test_zarr_is_written_chunk_by_chunk(tmp_path: Any) -> None:
    zarr = pytest.importorskip("zarr")
    done = subprocess.run([sys.executable, "-c", WRITE, tmp_path], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 150
    written = zarr.open_array(str(tmp_path / "large"), mode="r")
    initializer = ui.HeNormal(seed=0)
    assert written.shape == (300 * 2**8, 1024)
    where = (slice(70_000, 70_300), slice(None))
    assert np.array_equal(written[where], initializer.shard(written.shape, where))
