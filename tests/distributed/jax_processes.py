"""Arrays over the devices of several processes. Run by ``test_jax.py``, once for each process."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path
from unittest import mock

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, NamedSharding, PartitionSpec

import unifinit as ui
import unifinit_jax
from unifinit import host

P = PartitionSpec
SHAPE = (16, 24)
SECONDS = 60
INIT = ui.HeNormal()
KINDS = [
    INIT,
    ui.Constant(0.3),
    ui.Orthogonal(),
    ui.Identity(),
    ui.Blocked(["he_normal", "orthogonal"], sizes=(10, 14)),
    ui.Masked("truncated_normal", np.tri(*SHAPE, dtype=bool)),
]
LAYERS = ui.Stacked("orthogonal")


def connect(rank, ranks, folder):
    """Meet the other processes on a port that was free a moment ago."""
    path = folder / "port"
    if rank == 0:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            (folder / "port.part").write_text(str(found.getsockname()[1]))
        (folder / "port.part").rename(path)
    deadline = time.monotonic() + SECONDS
    while not path.exists():
        assert time.monotonic() < deadline, "the first process has told no port"
        time.sleep(0.02)
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(f"127.0.0.1:{path.read_text()}", ranks, rank, initialization_timeout=SECONDS)


def create(init, device, seed=7, dtype="float32"):
    return init(SHAPE, dtype, backend="jax", device=device, seed=seed)


def assert_same(found, init, sharding, dtype="float32"):
    """Compare the bits of this process and those of all processes with those of NumPy."""
    whole = init(SHAPE, dtype, seed=7)
    assert found.sharding == sharding
    assert found.shape == SHAPE
    assert [part.device for part in found.addressable_shards] == jax.local_devices()
    for part in found.addressable_shards:
        assert np.asarray(part.data).tobytes() == whole[part.index].tobytes(), f"{init!r} {part.index}"
    if not found.is_fully_addressable:
        gathered = multihost_utils.process_allgather(found, tiled=True)
        assert np.asarray(gathered).tobytes() == whole.tobytes(), f"{init!r} is gathered wrongly"


def each_kind(grid):
    for spec in (P("a", "b"), P(None, "a"), P("b"), P()):
        sharding = NamedSharding(grid, spec)
        for init in KINDS:
            assert_same(create(init, sharding), init, sharding)
    sharding = NamedSharding(grid, P("a", "b"))
    for dtype in ("bfloat16", "complex64"):
        for init in (INIT, ui.Orthogonal()):
            assert_same(create(init, sharding, dtype=dtype), init, sharding, dtype)
    assert_same(INIT(SHAPE, like=create(ui.Zeros(), sharding), seed=7), INIT, sharding)


def only_own_parts(grid):
    """No process makes what the devices of another one have."""
    plans, original = [], host.compute

    def created(plan):
        plans.append(plan)
        return original(plan)

    sharding = NamedSharding(grid, P("a", "b"))
    with mock.patch.object(host, "compute", created):
        create(INIT, sharding)
        own = {
            tuple(range(*s.indices(n)) for s, n in zip(part, SHAPE, strict=True))
            for part in (sharding.addressable_devices_indices_map(SHAPE).values())
        }
        assert {plan.index for plan in plans} == own
        assert len(plans) == len(own) == 4
        # Of what the host computes as a whole, layers that only other processes have need not be.
        plans.clear()
        shape, sharding = (8, 6, 4), NamedSharding(grid, P("a"))
        found = LAYERS(shape, backend="jax", device=sharding, seed=7)
        assert [plan.result_shape for plan in plans] == [(4, 6, 4)]
    whole = LAYERS(shape, seed=7)
    for part in found.addressable_shards:
        np.testing.assert_array_equal(part.data, whole[part.index])


def devices_of_one_process(grid, rank):
    """A process whose devices have nothing of an array."""
    own = [device for device in grid.devices.flat if device.process_index == 0]
    sharding = NamedSharding(jax.sharding.Mesh(np.array(own), ("x",)), P("x"))
    for init in (INIT, ui.Orthogonal(), ui.Zeros()):
        found = create(init, sharding)
        assert len(found.addressable_shards) == (4 if rank == 0 else 0)
        assert (found.shape, found.dtype, found.sharding) == (SHAPE, np.float32, sharding)
        for part in found.addressable_shards:
            np.testing.assert_array_equal(part.data, init(SHAPE, seed=7)[part.index])


def compiled(grid):
    sharding = NamedSharding(grid, P("a", "b"))
    key = jax.random.key(7)
    for init in (INIT, ui.Identity(), KINDS[5]):
        assert_same(jax.jit(lambda key: create(init, None, key), out_shardings=sharding)(key), init, sharding)  # noqa: B023
    for init in (ui.Orthogonal(), KINDS[4]):
        # The host of the first device computes, for all.
        run = jax.jit(lambda key: create(init, None, key), out_shardings=sharding)  # noqa: B023
        assert_same(run(key), init, sharding)
        # The key is known: the host computes when the function is traced, in each process.
        assert_same(jax.jit(lambda: create(init, None), out_shardings=sharding)(), init, sharding)  # noqa: B023
    host.select("off")
    assert_same(create(INIT, sharding), INIT, sharding)
    host.select(None)


def refusal(function):
    """What a seed is refused for."""
    try:
        function()
    except ui.SeedError as error:
        return str(error)
    raise AssertionError("there was no error")


def without_a_seed(grid):
    assert "several processes" in refusal(lambda: create(INIT, NamedSharding(grid, P("a")), seed=None))
    with jax.set_mesh(grid):
        assert "several processes" in refusal(lambda: create(INIT, None, seed=None))
    # What a process has for itself is its own affair.
    create(INIT, jax.local_devices()[1], seed=None)
    create(ui.Ones(), NamedSharding(grid, P("a")), seed=None)


def current_mesh(grid):
    with jax.set_mesh(grid):
        for init in (INIT, ui.Orthogonal()):
            assert_same(create(init, None), init, NamedSharding(grid, P()))
            assert_same(create(init, P("b", "a")), init, NamedSharding(grid, P("b", "a")))


def keys(grid):
    """Keys that are arrays over all processes."""
    sharding = NamedSharding(grid, P("a", "b"))
    for make in (jax.random.key, jax.random.PRNGKey):
        everywhere = jax.jit(make, out_shardings=NamedSharding(grid, P()))(7)
        assert not everywhere.is_fully_addressable
        for init in (INIT, ui.Orthogonal()):
            assert_same(create(init, sharding, everywhere), init, sharding)
    whole = jax.sharding.Mesh(grid.devices.reshape(2, 4), ("process", "x"))
    divided = jax.make_array_from_callback(
        (2,), NamedSharding(whole, P("process")), lambda index: np.array([0, 7], np.uint32)[index]
    )
    assert "divided among processes" in refusal(lambda: create(INIT, sharding, divided))


def fingerprints(rank):
    unifinit_jax.check_processes()
    told = ""
    own = ui.fingerprint() if rank == 0 else "v2:" + "0" * 64
    with mock.patch("unifinit_jax.processes.fingerprint", return_value=own):
        try:
            unifinit_jax.check_processes()
        except ui.StreamError as error:
            told = str(error)
    assert "process 1 has v2:0000" in told, told
    unifinit_jax.check_processes()


def main(rank, ranks, folder):
    connect(rank, ranks, folder)
    assert (jax.process_count(), jax.device_count()) == (ranks, 4 * ranks)
    grid = jax.make_mesh((4, 2), ("a", "b"), axis_types=(AxisType.Auto, AxisType.Auto))
    fingerprints(rank)
    each_kind(grid)
    only_own_parts(grid)
    devices_of_one_process(grid, rank)
    compiled(grid)
    without_a_seed(grid)
    current_mesh(grid)
    keys(grid)
    multihost_utils.sync_global_devices("done")
    jax.distributed.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
