"""Ways on NumPy: the kernel, the reference path, and windows."""

from __future__ import annotations

import itertools

import numpy as np
from ways import SEED, Case, Way, tried

import unifinit as ui
from unifinit import host
from unifinit.plan import as_slice


def _called(case: Case) -> bytes:
    made: bytes = case.initializer(case.shape, case.dtype, seed=SEED, layout=case.layout).tobytes()
    return made


def _by_reference(case: Case) -> bytes:
    host.select("off")
    try:
        return _called(case)
    finally:
        host.select(None)


def _by_one_thread(case: Case) -> bytes:
    count = ui.get_num_threads()
    ui.set_num_threads(1)
    try:
        return _called(case)
    finally:
        ui.set_num_threads(count)


def _by_windows(case: Case) -> bytes:
    """The even indices along each axis, and the odd ones, backwards."""
    whole = np.empty(case.shape, case.dtype)
    axes = [(range(size)[::2], range(size)[1::2][::-1]) for size in case.shape]
    for parts in itertools.product(*axes):
        index = tuple(map(as_slice, parts))
        whole[index] = case.initializer.shard(case.shape, index, case.dtype, seed=SEED, layout=case.layout)
    return whole.tobytes()


WAYS: dict[str, Way] = {
    "array operations": tried(_by_reference),
    "one thread": tried(_by_one_thread),
    "windows": tried(_by_windows),
}
EXCEPTIONS: dict[tuple[str, str], str] = {}
