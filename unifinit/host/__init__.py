"""The host path: plans run by the compiled kernel, straight into memory of the host.

It gives the bits of ``unifinit.reference`` and is never the definition. Where the kernel was not built, or
nothing is drawn, ``can_run`` is false, and the reference path does the work, as ``compute`` and ``overwrite``
let it.
"""

from unifinit.host.arrays import (
    can_run,
    compute,
    create,
    empty,
    engine,
    execution,
    fill,
    is_separate,
    overlaps,
    overwrite,
    storage,
)
from unifinit.host.kernel import KernelStatus, kernel_status, select
from unifinit.host.threads import get_num_threads, set_num_threads

__all__ = [
    "KernelStatus",
    "can_run",
    "compute",
    "create",
    "empty",
    "engine",
    "execution",
    "fill",
    "get_num_threads",
    "is_separate",
    "kernel_status",
    "overlaps",
    "overwrite",
    "select",
    "set_num_threads",
    "storage",
]
