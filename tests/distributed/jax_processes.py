"""What each process runs: it makes its parts of arrays that all have, and they compare their streams.

``python jax_processes.py RANK RANKS FOLDER ADDRESS`` writes to ``FOLDER/found_RANK.json`` what it has found.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

SHAPE = (16, 12)
DEVICES = 2
"""Of each process."""


def initializers() -> dict[str, Any]:
    """What the processes make."""
    import unifinit as ui

    return {
        "normal": ui.HeNormal(seed=7),
        "orthogonal": ui.Orthogonal(seed=7),
        "blocks": ui.Blocked("he_normal", 3, seed=7),
        "fill": ui.Constant(0.1),
    }


def main(rank: int, ranks: int, folder: Path, address: str) -> None:
    """Run all checks in one process."""
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={DEVICES}"
    os.environ["JAX_PLATFORMS"] = "cpu"
    import jax

    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(address, ranks, rank, initialization_timeout=60)
    from jax.experimental import multihost_utils
    from jax.sharding import NamedSharding, PartitionSpec

    import unifinit_jax
    from unifinit.errors import StreamError
    from unifinit_jax import processes

    assert len(jax.devices()) == ranks * DEVICES
    unifinit_jax.check_processes()
    mesh = jax.make_mesh((ranks, DEVICES), ("a", "b"))
    found = {}
    for name, initializer in initializers().items():
        for spec in (PartitionSpec("a", "b"), PartitionSpec("b", "a"), PartitionSpec("a")):
            sharding = NamedSharding(mesh, spec)
            made = initializer(SHAPE, backend="jax", device=sharding)
            assert made.sharding == sharding
            assert not made.is_fully_addressable
            gathered = multihost_utils.process_allgather(made, tiled=True)
            found[f"{name} {spec}"] = gathered.tobytes().hex()
    if rank == 1:
        processes.fingerprint = lambda: "v0:of-another-version"
    try:
        unifinit_jax.check_processes()
    except StreamError as error:
        found["refused"] = str(error)
    (folder / f"found_{rank}.json").write_text(json.dumps(found))
    jax.distributed.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
