"""Initializers in layers of Keras, as they are, on each of its backends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("keras_model.py")
INITIALIZERS = [
    *("unifinit.HeNormal", "unifinit.HeNormal", "unifinit.KaimingUniform", "unifinit.Scaled"),
    "keras.GlorotUniform",
]


def run(backend, *arguments):
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-W", "error", PROGRAM, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_builds_trains_saves_and_loads(backend, tmp_path):
    pytest.importorskip("keras")
    pytest.importorskip(backend)
    found = run(backend, tmp_path)
    assert found == {
        "backend": backend,
        "values": [True] * 5,
        "clone": True,
        "trained": True,
        "loaded": True,
        "from_json": True,
        "initializers": INITIALIZERS,
    }
    found = run(backend, tmp_path, "load")
    assert found.pop("registered") == [True] * 3
    assert found == {"backend": backend, "predictions": True, "initializers": INITIALIZERS}


SHARDED = """
import os
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"
import keras, numpy as np, unifinit as ui
from unifinit.compat import keras as drop_in

mesh = keras.distribution.DeviceMesh((2, 2), ["batch", "model"], keras.distribution.list_devices())
layouts = keras.distribution.LayoutMap(mesh)
layouts["dense.*kernel"] = (None, "model")
with keras.distribution.ModelParallel(layout_map=layouts, batch_dim_name="batch").scope():
    drop_in.HeNormal(seed=keras.random.SeedGenerator(1))((4, 4))
    layer = keras.layers.Dense(4, kernel_initializer=drop_in.HeNormal(seed=keras.random.SeedGenerator(2)))
    layer.build((None, 4))
    assert (np.asarray(layer.kernel.value) == ui.HeNormal(seed=ui.Key(2 << 32))((4, 4))).all()
    for initializer in (ui.HeNormal(seed=0), drop_in.HeNormal(seed=0), ui.Orthogonal(seed=0)):
        layer = keras.layers.Dense(8, kernel_initializer=initializer)
        layer.build((None, 16))
        value = layer.kernel.value
        assert tuple(value.sharding.spec) == (None, "model"), value.sharding
        assert value.addressable_shards[0].data.shape == (16, 4)
        whole = getattr(ui, type(initializer).__name__)(seed=0)((16, 8))
        assert (np.asarray(value) == whole).all()
print("sharded")
"""


def test_each_device_draws_its_part_where_keras_divides_a_model():
    pytest.importorskip("keras")
    pytest.importorskip("jax")
    environment = {**os.environ, "KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", SHARDED], capture_output=True, text=True, check=False, env=environment
    )
    assert done.stdout.strip() == "sharded", done.stderr
