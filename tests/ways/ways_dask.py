"""dask: each case is cut into chunks, drawn by threads or by the processes of a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dask
from ways import SEED, Case, Way, tried

from unifinit.registry import registry
from unifinit_dask import with_chunks

PARTS = 3
"""Chunks along an axis."""
TIMEOUT = 60


def lazy(case: Case) -> Any:
    """The array of a case, not computed yet."""
    chunks = with_chunks(tuple(max(1, -(-side // PARTS)) for side in case.shape))
    return case.initializer(case.shape, case.dtype, seed=SEED, layout=case.layout, backend=chunks)


def on_threads(case: Case) -> bytes:
    """Run a case on the threads of this process."""
    with dask.config.set(scheduler="threads", num_workers=2):
        return registry().get("dask").to_bytes(lazy(case))


def on_processes(cases: Sequence[Case]) -> list[bytes | Exception]:
    """Run all cases on the same two processes."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster,
        Client(cluster, set_as_default=False, timeout=TIMEOUT) as client,
    ):

        def run(case: Case) -> bytes:
            made = client.compute(lazy(case)).result(timeout=TIMEOUT)
            return registry().of(made).to_bytes(made)

        return tried(run)(cases)


WAYS: dict[str, Way] = {"dask, threads": tried(on_threads), "dask, processes": on_processes}

EXCEPTIONS: dict[tuple[str, str], str] = {}
