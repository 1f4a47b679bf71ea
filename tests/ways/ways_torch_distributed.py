"""PyTorch over four processes: each case is a ``DTensor``, of which each rank fills its own part."""

from __future__ import annotations

import os
import pickle
import tempfile
import traceback
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate, Shard, full
from ways import SEED, Case, Way

from unifinit.registry import registry

RANKS = 4


def on_ranks(cases: Sequence[Case]) -> list[bytes | Exception]:
    """Run all cases on the same processes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        torch.multiprocessing.spawn(_run_rank, (list(cases), folder), nprocs=RANKS)
        made: list[bytes | Exception] = pickle.loads((folder / "made").read_bytes())
    return made


def _run_rank(rank: int, cases: Sequence[Case], folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{folder}/store",
        rank=rank,
        world_size=RANKS,
        timeout=timedelta(seconds=90),  # Rather than to wait for ever for one that has failed.
    )
    line, grid = init_device_mesh("cpu", (RANKS,)), init_device_mesh("cpu", (2, 2))
    made = []
    for number, case in enumerate(cases):
        ndim = len(case.shape)
        # Rows, columns, both, or both axes of the mesh along one axis of the tensor.
        if ndim == 0:
            mesh, placements = line, [Replicate()]
        elif number % 3 == 0:
            mesh, placements = line, [Shard(0)]
        elif number % 3 == 1:
            mesh, placements = line, [Shard(ndim - 1)]
        else:
            mesh, placements = grid, [Shard(ndim - 1), Shard(0)]
        made.append(_filled(case, mesh, placements))
    if rank == 0:
        (folder / "made").write_bytes(pickle.dumps(made))
    dist.destroy_process_group()
    os._exit(0)  # Threads of gloo can abort an interpreter that ends: pytorch#179291.


def _filled(case: Case, mesh: Any, placements: Sequence[Any]) -> bytes | Exception:
    error = None
    try:
        dtype = getattr(torch, case.dtype)
        if len(case.name) % 2 and case.fills:
            target = full(case.shape, 7, dtype=dtype, device_mesh=mesh, placements=placements)
            case.initializer.fill_(target, seed=SEED, layout=case.layout)
        else:
            target = case.initializer(
                case.shape,
                dtype,
                seed=SEED,
                layout=case.layout,
                backend="torch",
                device=(mesh, tuple(placements)),
            )
    except Exception:
        error = traceback.format_exc()
    errors: list[str | None] = [None] * RANKS
    dist.all_gather_object(errors, error)  # None may wait for one that has failed.
    if any(errors):
        return RuntimeError("\n".join(filter(None, errors)))
    return bytes(registry().of(target).to_bytes(target))


WAYS: dict[str, Way] = {"DTensor on 4 ranks": on_ranks}

EXCEPTIONS: dict[tuple[str, str], str] = {}
