"""Run by ``test_tensorflow.py``: two processors, alone and as replicas of a ``MirroredStrategy``."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

PROCESSORS = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(PROCESSORS[0], [tf.config.LogicalDeviceConfiguration()] * 2)
tf.config.experimental.enable_op_determinism()

import unifinit as ui  # noqa: E402 - TensorFlow's devices come first
from unifinit import host  # noqa: E402
from unifinit.registry import registry  # noqa: E402

BACKEND = registry().resolve("tensorflow")
KEY = ui.Key(0x9ABCDEF0_87654321)
SHAPE = (8, 6)
NAMES = ["/job:localhost/replica:0/task:0/device:CPU:0", "/job:localhost/replica:0/task:0/device:CPU:1"]
STRATEGY = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

INITIALIZERS = [
    pytest.param(ui.HeNormal(seed=KEY), "float32", id="normal"),
    pytest.param(ui.GlorotUniform(seed=KEY), "bfloat16", id="bfloat16"),
    pytest.param(ui.TruncatedNormal(seed=KEY), "complex64", id="complex"),
    pytest.param(ui.Orthogonal(seed=KEY), "float64", id="orthogonal"),
    pytest.param(ui.Blocked(["he_normal", "zeros"], sizes=(2, 4), seed=KEY), "float32", id="blocks"),
    pytest.param(ui.Constant(0.1), "float16", id="fill"),
]
each_initializer = pytest.mark.parametrize(("initializer", "dtype"), INITIALIZERS)


def whole(initializer, dtype="float32"):
    """The bytes on NumPy."""
    return initializer(SHAPE, dtype).tobytes()


def create(initializer, dtype="float32", **arguments):
    return initializer(SHAPE, dtype, backend="tensorflow", **arguments)


def copies(x):
    """The bytes on each replica, and where they are."""
    parts = STRATEGY.experimental_local_results(x)
    return [BACKEND.to_bytes(part) for part in parts], [part.device for part in parts]


class TestDevices:
    @pytest.fixture(params=["argument", "scope", "like", "variable"])
    def place(self, request):
        """Ways to say where the result shall be."""

        def place(initializer, dtype, device):
            if request.param == "argument":
                return create(initializer, dtype, device=device)
            with tf.device(device):
                if request.param == "scope":
                    return create(initializer, dtype)
                there = tf.Variable(np.zeros(SHAPE, tf.as_dtype(dtype).as_numpy_dtype))
            if request.param == "like":
                return initializer(SHAPE, like=there)
            return initializer.fill_(there)

        return place

    @pytest.mark.parametrize("number", [0, 1])
    @each_initializer
    def test_each_processor_gets_the_same(self, initializer, dtype, number, place):
        made = place(initializer, dtype, f"CPU:{number}")
        assert made.device == NAMES[number]
        assert BACKEND.to_bytes(made) == whole(initializer, dtype)

    @pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float8_e5m2"])
    def test_the_kernel_fills_all_processors(self, dtype, place, monkeypatch):
        if host.kernel_status().level is None:
            pytest.skip("there is no kernel here")
        monkeypatch.setattr("unifinit.reference.run", None)
        for number in (0, 1):
            made = place(ui.HeNormal(seed=KEY), dtype, f"CPU:{number}")
            assert made.device == NAMES[number]

    def test_an_argument_wins_over_a_scope(self):
        with tf.device("CPU:1"):
            made = create(ui.HeNormal(seed=KEY), device="CPU:0")
        assert made.device == NAMES[0]

    def test_windows(self):
        index = (slice(None, None, -2), slice(1, 3))
        made = ui.HeNormal(seed=KEY).shard(SHAPE, index, backend="tensorflow", device="CPU:1")
        assert made.device == NAMES[1]
        np.testing.assert_array_equal(made, ui.HeNormal(seed=KEY)(SHAPE)[index])

    def test_in_a_graph(self):
        made = tf.function(lambda: create(ui.HeNormal(seed=KEY), device="CPU:1") + 0.0)()
        assert BACKEND.to_bytes(made) == whole(ui.HeNormal(seed=KEY))


class TestMirrored:
    @each_initializer
    @pytest.mark.parametrize("is_lazy", [False, True])
    def test_variables_agree(self, initializer, dtype, is_lazy):
        with STRATEGY.scope():
            made = tf.Variable(
                (lambda: create(initializer, dtype)) if is_lazy else create(initializer, dtype)
            )
        assert copies(made) == ([whole(initializer, dtype)] * 2, NAMES)

    @each_initializer
    @pytest.mark.parametrize("is_inside", [False, True])
    def test_filling(self, initializer, dtype, is_inside):
        with STRATEGY.scope():
            made = tf.Variable(tf.zeros(SHAPE, dtype))
            if is_inside:
                assert initializer.fill_(made) is made
        if not is_inside:
            initializer.fill_(made)
        assert copies(made) == ([whole(initializer, dtype)] * 2, NAMES)

    @pytest.mark.parametrize("aggregation", ["NONE", "MEAN", "SUM", "ONLY_FIRST_REPLICA"])
    @pytest.mark.parametrize("is_eager", [True, False])
    def test_filling_in_each_replica(self, aggregation, is_eager):
        with STRATEGY.scope():
            made = tf.Variable(tf.zeros(SHAPE), aggregation=tf.VariableAggregation[aggregation])

        def run():
            STRATEGY.run(lambda: ui.HeNormal(seed=KEY).fill_(made))

        (run if is_eager else tf.function(run))()
        assert copies(made) == ([whole(ui.HeNormal(seed=KEY))] * 2, NAMES)

    @each_initializer
    @pytest.mark.parametrize("is_eager", [True, False])
    def test_tensors_made_in_each_replica(self, initializer, dtype, is_eager):
        def run():
            return STRATEGY.run(lambda: create(initializer, dtype))

        made = run() if is_eager else tf.function(run)()
        assert copies(made)[0] == [whole(initializer, dtype)] * 2

    def test_xla_in_each_replica(self):
        create_by_xla = tf.function(lambda: create(ui.HeNormal(seed=KEY)), jit_compile=True)
        assert copies(STRATEGY.run(create_by_xla))[0] == [whole(ui.HeNormal(seed=KEY))] * 2

    @pytest.mark.parametrize("initializer", [ui.HeNormal(), ui.Orthogonal()], ids=repr)
    def test_a_traced_key(self, initializer):
        run = tf.function(lambda key: STRATEGY.run(lambda: create(initializer, seed=key)))
        made = run(tf.constant(np.array(KEY.words, np.uint32)))
        assert copies(made)[0] == [initializer(SHAPE, seed=KEY).tobytes()] * 2

    def test_each_replica_a_window_of_its_own(self):
        # Of a table that is divided by rows, as embeddings are.
        def part():
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            first = int(tf.get_static_value(number)) * 4
            return ui.HeNormal(seed=KEY).shard(SHAPE, slice(first, first + 4), backend="tensorflow")

        made = STRATEGY.experimental_local_results(STRATEGY.run(part))
        np.testing.assert_array_equal(tf.concat(made, 0), ui.HeNormal(seed=KEY)(SHAPE))

    def test_like(self):
        with STRATEGY.scope():
            like = tf.Variable(tf.zeros(SHAPE, tf.bfloat16))
        made = ui.HeNormal(seed=KEY)(SHAPE, like=like)
        assert (made.dtype, BACKEND.to_bytes(made)) == (tf.bfloat16, whole(ui.HeNormal(seed=KEY), "bfloat16"))
        inside = STRATEGY.run(lambda: ui.HeNormal(seed=KEY)(SHAPE, like=like))
        assert copies(inside) == ([whole(ui.HeNormal(seed=KEY), "bfloat16")] * 2, NAMES)

    def test_a_mirrored_key(self):
        with STRATEGY.scope():
            key = tf.Variable(np.array(KEY.words, np.int64))
        assert BACKEND.key(key) == KEY
        made = tf.function(lambda: STRATEGY.run(lambda: create(ui.HeNormal(), seed=key)))()
        assert copies(made)[0] == [whole(ui.HeNormal(seed=KEY))] * 2

    def test_replicas_share_no_memory(self):
        with STRATEGY.scope():
            made = tf.Variable(tf.zeros(SHAPE))
        ui.HeNormal(seed=KEY).fill_(made)
        first, second = STRATEGY.experimental_local_results(made)
        first.assign_add(tf.ones(SHAPE))
        np.testing.assert_array_equal(second, ui.HeNormal(seed=KEY)(SHAPE))
        np.testing.assert_array_equal(first, ui.HeNormal(seed=KEY)(SHAPE) + 1)

    def test_without_a_seed_replicas_are_refused(self):
        # Each would draw its own.
        with STRATEGY.scope():
            target = tf.Variable(tf.ones(SHAPE))
        for draw in (lambda: ui.HeNormal().fill_(target), lambda: create(ui.HeNormal())):
            for run in (lambda: STRATEGY.run(draw), tf.function(lambda: STRATEGY.run(draw))):  # noqa: B023
                with pytest.raises(ui.SeedError, match="several processes or replicas"):
                    run()
        np.testing.assert_array_equal(target, np.ones(SHAPE))
        ui.HeNormal().fill_(target)
        assert len(set(copies(target)[0])) == 1

    @pytest.mark.parametrize("is_built_in_a_graph", [False, True])
    def test_layers_of_keras(self, is_built_in_a_graph):
        keras = pytest.importorskip("keras")
        if keras.backend.backend() != "tensorflow":
            pytest.skip("Keras runs on another backend here")

        def kernel(shape, dtype=None):
            return ui.HeNormal(seed=KEY)(shape, dtype, backend="tensorflow")

        with STRATEGY.scope():
            model = keras.Sequential([keras.layers.Dense(6, kernel_initializer=kernel)])
            if not is_built_in_a_graph:
                model.build((None, 8))
        if is_built_in_a_graph:
            tf.function(lambda: STRATEGY.run(model, (tf.ones((2, 8)),)))()
        weights = model.layers[0].kernel.value
        assert isinstance(weights, tf.distribute.DistributedValues)
        assert copies(weights) == ([whole(ui.HeNormal(seed=KEY))] * 2, NAMES)
