"""Ways on TensorFlow: graphs, XLA, keys that are known later, and several devices."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from ways import CASES, SEED, Case, Way, tried

import unifinit as ui
from unifinit.registry import registry

BACKEND = registry().resolve("tensorflow")
WORDS = np.array([0, SEED], np.uint32)
DEVICES = 4


def _create(case: Case, seed: Any = SEED, device: Any = None) -> Any:
    return case.initializer(
        case.shape, case.dtype, seed=seed, layout=case.layout, backend="tensorflow", device=device
    )


def _known(case: Case, *, jit_compile: bool) -> bytes:
    return BACKEND.to_bytes(tf.function(lambda: _create(case), jit_compile=jit_compile)())


def _traced(case: Case, *, jit_compile: bool) -> bytes:
    create = tf.function(lambda key: _create(case, key), jit_compile=jit_compile)
    return BACKEND.to_bytes(create(tf.constant(WORDS)))


def _over_keys(case: Case) -> bytes:
    keys = tf.constant(np.array([[0, SEED + 1], WORDS], np.uint32))
    return BACKEND.to_bytes(tf.vectorized_map(lambda key: _create(case, key), keys)[1])


def _filled_in_graph(case: Case) -> bytes:
    target = tf.Variable(np.ones(case.shape, case.dtype))

    def fill(key: Any) -> None:
        case.initializer.fill_(target, seed=key, layout=case.layout)

    tf.function(fill)(tf.constant(WORDS))
    return BACKEND.to_bytes(target)


def _on_devices(way: str, cases: Sequence[Case]) -> list[bytes | Exception]:
    """Run all cases in one process, in which the processor is several devices."""
    with tempfile.TemporaryDirectory() as name:
        wanted, made = Path(name, "wanted"), Path(name, "made")
        wanted.write_bytes(pickle.dumps(list(cases)))
        command = [sys.executable, __file__, way, str(wanted), str(made)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
        subprocess.run(command, check=True, timeout=120, env=environment)
        results: list[bytes | Exception] = pickle.loads(made.read_bytes())
    return results


def _mirrored(case: Case) -> bytes:
    """Half of the cases make variables, the others fill them in each replica."""
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    is_made = len(case.name) % 2 == 0 or not case.fills
    with strategy.scope():
        target = tf.Variable(_create(case) if is_made else np.ones(case.shape, case.dtype))
    if not is_made:

        def fill() -> None:
            case.initializer.fill_(target, seed=SEED, layout=case.layout)

        tf.function(lambda: strategy.run(fill))()
    copies = {BACKEND.to_bytes(copy) for copy in strategy.experimental_local_results(target)}
    if len(copies) != 1:
        raise AssertionError(f"{case.name} differs on its replicas")
    return copies.pop()


def _spread(case: Case) -> bytes:
    """Along all axes that the devices can share; half of the cases fill variables."""
    from tensorflow.experimental import dtensor

    devices = [f"CPU:{number}" for number in range(DEVICES)]
    mesh = dtensor.create_mesh([("x", 2), ("y", DEVICES // 2)], devices=devices)
    names = ["y", "x"]  # From the last to the first.
    specs = [names.pop() if size % 2 == 0 and names else dtensor.UNSHARDED for size in case.shape]
    layout = dtensor.Layout(specs, mesh)
    if len(case.name) % 2 == 0 or not case.fills:
        return BACKEND.to_bytes(_create(case, device=layout))
    zeros = ui.Zeros()(case.shape, case.dtype, backend="tensorflow", device=layout)
    target = dtensor.DVariable(zeros)
    case.initializer.fill_(target, seed=SEED, layout=case.layout)
    return BACKEND.to_bytes(target)


ON_DEVICES = {"MirroredStrategy": _mirrored, "DTensor": _spread}

WAYS: dict[str, Way] = {
    "tf.function": tried(partial(_known, jit_compile=False)),
    "tf.function, XLA": tried(partial(_known, jit_compile=True)),
    "tf.function, traced key": tried(partial(_traced, jit_compile=False)),
    "tf.function, XLA, traced key": tried(partial(_traced, jit_compile=True)),
    "fill_ in tf.function, traced key": tried(_filled_in_graph),
    "vectorized_map over keys": tried(_over_keys),
    **{way: partial(_on_devices, way) for way in ON_DEVICES},
}

OF_THE_HOST = (
    "Blocked",
    "ChronoBias",
    "ConvolutionalOrthogonal1D",
    "ConvolutionalOrthogonal2D",
    "ConvolutionalOrthogonal3D",
    "DeltaOrthogonal",
    "FromFunction",
    "ICNR",
    "Mamba2A",
    "MambaDtBias",
    "MimeticAttention",
    "Orthogonal",
    "Scaled",
    "Sparse",
)
"""Those whose cases draw what the host computes."""
NO_CALLS = (
    "It, or what it is made of, is computed on the host, which TensorFlow's XLA cannot call: `SeedError`. "
    "It works with a key that is known, and without `jit_compile=True`."
)
NO_FILLING = "Functions of `unifinit.random` make new arrays."
EXCEPTIONS: dict[tuple[str, str], str] = {
    **{("tf.function, XLA, traced key", name): NO_CALLS for name in OF_THE_HOST},
    **{("fill_ in tf.function, traced key", case.name): NO_FILLING for case in CASES if not case.fills},
}


def _main(way: str, wanted: str, made: str) -> None:
    processors = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        processors[0], [tf.config.LogicalDeviceConfiguration()] * DEVICES
    )
    cases = pickle.loads(Path(wanted).read_bytes())
    # Not all exceptions of TensorFlow can be sent to another process.
    results = [
        RuntimeError(repr(result)) if isinstance(result, Exception) else result
        for result in tried(ON_DEVICES[way])(cases)
    ]
    Path(made).write_bytes(pickle.dumps(results))


if __name__ == "__main__":
    _main(*sys.argv[1:])
