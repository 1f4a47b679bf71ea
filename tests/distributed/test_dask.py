"""A cluster of dask on this machine: the same bytes, also if a worker dies, and never another stream."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unifinit as ui

da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")
plugin = pytest.importorskip("unifinit_dask")

TIMEOUT = 60
INITIALIZERS = [
    ui.HeNormal(seed=1),
    ui.Masked(ui.HeNormal(), np.arange(400) % 3 > 0, seed=2),
    ui.Blocked([ui.Orthogonal(), "he_normal"], seed=3),
    ui.Orthogonal(seed=4),
]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """A client of two worker processes, which are started again when they die."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        distributed.Client(cluster, set_as_default=False, timeout=TIMEOUT) as client,
    ):
        yield client


def drawn(initializer: ui.Initializer, dtype: str = "float32") -> Any:
    return initializer((300, 400), dtype, backend=plugin.with_chunks((50, 100)))


def gathered(client: Any, array: Any, **options: Any) -> Any:
    return client.compute(array, **options).result(timeout=TIMEOUT)


def persisted(client: Any, array: Any) -> Any:
    kept = client.persist(array)
    with client.as_current():
        distributed.wait(kept, timeout=TIMEOUT)
    return kept


@pytest.mark.parametrize("initializer", INITIALIZERS, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "complex64"])
def test_workers_draw_the_same(client: Any, initializer: ui.Initializer, dtype: str) -> None:
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    found = gathered(client, drawn(initializer, dtype))
    wanted = initializer((300, 400), dtype)
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
    assert found.tobytes() == wanted.tobytes()


def test_both_workers_take_part(client: Any) -> None:
    array = persisted(client, drawn(ui.HeNormal(seed=5)))
    places = client.who_has(array)
    assert len(places) == array.npartitions
    assert {place for found in places.values() for place in found} == set(client.scheduler_info()["workers"])


def test_killed_worker_changes_no_byte(client: Any, tmp_path: Path) -> None:
    marker = tmp_path / "killed"

    def kill_once(block: Any, block_id: tuple[int, ...]) -> Any:
        if block_id == (3, 2):
            try:
                marker.touch(exist_ok=False)
            except FileExistsError:
                return block
            marker.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return block

    def pids() -> set[int]:
        client.wait_for_workers(2, timeout=TIMEOUT)
        return set(client.run(os.getpid).values())

    before = pids()
    for initializer in (INITIALIZERS[0], INITIALIZERS[2]):
        marker.unlink(missing_ok=True)
        array = drawn(initializer).map_blocks(kill_once, dtype="float32", meta=np.empty((0, 0), "float32"))
        assert gathered(client, array).tobytes() == initializer((300, 400)).tobytes()
        assert int(marker.read_text()) in before
        after = pids()
        assert int(marker.read_text()) not in after
        before = after


def test_chunks_lost_with_their_worker_are_drawn_again(client: Any) -> None:
    initializer = ui.HeNormal(seed=6)
    array = persisted(client, drawn(initializer))
    os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
    assert gathered(client, array).tobytes() == initializer((300, 400)).tobytes()


def test_worker_with_another_stream_is_found_out(client: Any) -> None:
    def change(fingerprint: str) -> int:
        from unifinit_dask import chunks

        chunks.fingerprint = lambda: fingerprint
        return os.getpid()

    client.wait_for_workers(2, timeout=TIMEOUT)
    changed, unchanged = client.scheduler_info()["workers"]
    pid = client.run(change, "v2:0123456789abcdef", workers=[changed])[changed]
    message = f"process {pid} on .* has v2:0123456789abcdef, .* same version"
    try:
        found = gathered(client, drawn(ui.HeNormal(seed=7)), workers=[unchanged])
        assert np.array_equal(found, ui.HeNormal(seed=7)((300, 400)))
        with pytest.raises(ui.StreamError, match=message):
            # Of another seed: the cluster may still have the chunks of the first array.
            gathered(client, drawn(ui.HeNormal(seed=8)), workers=[changed])
    finally:
        client.run(change, ui.fingerprint(), workers=[changed])
