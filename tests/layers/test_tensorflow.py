"""Initializers in variables of TensorFlow, as they are: in graphs and sessions, and eagerly."""

import numpy as np
import pytest

import unifinit as ui

LAPLACE = ui.Constant([1, 1, 1, 1, -8, 1, 1, 1, 1])
INITIALIZERS = [
    LAPLACE,
    ui.GlorotUniform(seed=0),
    ui.HeNormal(seed=2**40),
    ui.Orthogonal(seed=1),
    ui.Identity(),
]


def tensorflow():
    return pytest.importorskip("tensorflow")


@pytest.mark.parametrize("initializer", INITIALIZERS, ids=repr)
class TestGetVariable:
    def test_in_a_graph(self, initializer):
        v1 = tensorflow().compat.v1
        with tensorflow().Graph().as_default(), v1.Session() as session:
            variable = v1.get_variable("W", shape=[3, 3], initializer=initializer)
            assert variable.dtype.base_dtype == tensorflow().float32
            session.run(v1.global_variables_initializer())
            assert np.array_equal(session.run(variable), initializer((3, 3)))

    def test_eagerly(self, initializer):
        v1 = tensorflow().compat.v1
        with v1.variable_scope("eager", use_resource=True):
            store = v1.get_variable("W", shape=[3, 3], initializer=initializer, dtype=tensorflow().float64)
        assert np.array_equal(store, initializer((3, 3), "float64"))


@pytest.mark.parametrize("initializer", [ui.HeNormal(seed=0), ui.Orthogonal(seed=1)], ids=repr)
def test_partitions_are_parts_of_the_whole(initializer):
    v1 = tensorflow().compat.v1
    with tensorflow().Graph().as_default(), v1.Session() as session:
        partitioner = v1.fixed_size_partitioner(3)
        parts = v1.get_variable("W", (3, 3), initializer=initializer, partitioner=partitioner)
        session.run(v1.global_variables_initializer())
        assert np.array_equal(session.run(parts.as_tensor()), initializer((3, 3)))


def test_a_variable_from_a_function():
    tf = tensorflow()
    initializer = ui.HeNormal(seed=0)
    for initial in (
        lambda: initializer((4, 8)),
        lambda: initializer((4, 8), tf.float32),
        lambda: initializer((4, 8), backend="tensorflow"),
    ):
        assert np.array_equal(tf.Variable(initial), initializer((4, 8)))


def test_a_dtype_of_tensorflow_gives_a_tensor_and_records_no_constant():
    tf = tensorflow()
    assert isinstance(ui.HeNormal()((2, 3), tf.float32), tf.Tensor)
    with tf.Graph().as_default() as graph:
        tf.compat.v1.get_variable("W", shape=[512, 512], initializer=ui.HeNormal(seed=0))
        assert graph.as_graph_def().ByteSize() < 512 * 512  # The numbers alone would have four times as much.


def test_builds_trains_saves_and_loads(tmp_path):
    tf = tensorflow()

    class Model(tf.Module):
        def __init__(self):
            super().__init__()
            self.first = tf.Variable(lambda: ui.GlorotUniform(seed=0)((4, 8), tf.float32))
            self.last = tf.Variable(lambda: ui.HeNormal(seed=1)((8, 3), tf.float32))

        @tf.function
        def __call__(self, x):
            return tf.nn.relu(x @ self.first) @ self.last

    x, y = tf.reshape(tf.linspace(-1.0, 1.0, 32), (8, 4)), tf.ones((8, 3))
    model = Model()
    assert np.array_equal(model.first, ui.GlorotUniform(seed=0)((4, 8)))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(x) - y) ** 2)
    for variable, gradient in zip(
        model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True
    ):
        variable.assign_sub(0.1 * gradient)
    assert tf.reduce_mean((model(x) - y) ** 2) < loss
    path = tf.train.Checkpoint(model).save(str(tmp_path / "checkpoint"))
    other = Model()
    tf.train.Checkpoint(other).restore(path).assert_consumed()
    assert np.array_equal(other(x), model(x))


def test_a_session_of_tensorflow_1_trains_saves_and_loads(tmp_path):
    tf = tensorflow()
    v1 = tf.compat.v1
    drop_in = pytest.importorskip("unifinit.compat.tf1")
    with tf.Graph().as_default(), v1.Session() as session:
        weight = v1.get_variable("W", [4, 3], initializer=drop_in.glorot_uniform_initializer(seed=3))
        loss = tf.reduce_mean((tf.ones((8, 4)) @ weight - 1.0) ** 2)
        step = v1.train.GradientDescentOptimizer(0.1).minimize(loss)
        session.run(v1.global_variables_initializer())
        assert np.array_equal(session.run(weight), ui.GlorotUniform(seed=3)((4, 3)))
        before = session.run(loss)
        session.run(step)
        assert session.run(loss) < before
        saver = v1.train.Saver()
        path = saver.save(session, str(tmp_path / "model"))
        trained = session.run(weight)
        session.run(v1.global_variables_initializer())
        saver.restore(session, path)
        assert np.array_equal(session.run(weight), trained)
