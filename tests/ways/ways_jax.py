"""Ways on JAX: compiled, mapped and scanned functions, keys that are known later, and several devices."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ways import SEED, Case, Way, tried

from unifinit.registry import registry

BACKEND = registry().resolve("jax")
WORDS = np.array([0, SEED], np.uint32)
DEVICES = 8


def _create(case: Case, seed: Any = SEED, device: Any = None) -> Any:
    return case.initializer(
        case.shape, case.dtype, seed=seed, layout=case.layout, backend="jax", device=device
    )


def _wide(run: Callable[[Case], bytes]) -> Way:
    """Run one case after the other with JAX's 64-bit mode on, as some have 64 bits."""

    @wraps(run)
    def in_mode(case: Case) -> bytes:
        with jax.enable_x64(True):
            return run(case)

    return tried(in_mode)


def _known(case: Case) -> bytes:
    return BACKEND.to_bytes(jax.jit(lambda: _create(case))())


def _traced(case: Case) -> bytes:
    return BACKEND.to_bytes(jax.jit(lambda key: _create(case, key))(jax.random.key(SEED)))


def _mapped(case: Case) -> bytes:
    keys = np.array([[0, SEED + 1], WORDS], np.uint32)
    return BACKEND.to_bytes(jax.jit(jax.vmap(lambda key: _create(case, key)))(keys)[1])


def _scanned(case: Case) -> bytes:
    keys = jax.random.wrap_key_data(np.array([[0, SEED + 1], WORDS], np.uint32))
    _, made = jax.lax.scan(lambda carry, key: (carry, _create(case, key)), None, keys)
    return BACKEND.to_bytes(made[1])


def _spread(case: Case) -> bytes:
    """Along all axes that the devices can share."""
    mesh = jax.make_mesh((2, DEVICES // 2), ("x", "y"))
    free, spec = ["y", "x"], []
    for size in case.shape:
        spec.append(next((name for name in free if size % mesh.shape[name] == 0), None))
        if spec[-1] is not None:
            free.remove(spec[-1])
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*spec))
    made = _create(case, device=sharding)
    if made.sharding != sharding:
        raise AssertionError(f"{case.name} is laid out by {made.sharding}")
    return BACKEND.to_bytes(made)


def _on_devices(cases: Sequence[Case]) -> list[bytes | Exception]:
    """Run all cases in one process, in which the processor is several devices."""
    with tempfile.TemporaryDirectory() as name:
        wanted, made = Path(name, "wanted"), Path(name, "made")
        wanted.write_bytes(pickle.dumps(list(cases)))
        flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={DEVICES}"
        environment = {
            **os.environ,
            "XLA_FLAGS": flags,
            "JAX_PLATFORMS": "cpu",
            "PYTHONPATH": str(Path(__file__).parent),
        }
        command = [sys.executable, __file__, str(wanted), str(made)]
        subprocess.run(command, check=True, timeout=120, env=environment)
        results: list[bytes | Exception] = pickle.loads(made.read_bytes())
    return results


WAYS: dict[str, Way] = {
    "jit": _wide(_known),
    "jit, traced key": _wide(_traced),
    "vmap over keys": _wide(_mapped),
    "scan over keys": _wide(_scanned),
    "8 devices": _on_devices,
}

EXCEPTIONS: dict[tuple[str, str], str] = {}


def _main(wanted: str, made: str) -> None:
    assert len(jax.devices()) == DEVICES
    # Not all exceptions of JAX can be sent to another process.
    results = [
        RuntimeError(repr(result)) if isinstance(result, Exception) else result
        for result in _wide(_spread)(pickle.loads(Path(wanted).read_bytes()))
    ]
    Path(made).write_bytes(pickle.dumps(results))


if __name__ == "__main__":
    _main(*sys.argv[1:])
