"""unifinit.compat.tf1: the initializers of TensorFlow 1, and whose numbers they give."""

import inspect

import numpy as np
import pytest

import unifinit as ui

tf = pytest.importorskip("tensorflow")
drop_in = pytest.importorskip("unifinit.compat.tf1")
v1 = tf.compat.v1

CLASSES = {
    "random_uniform_initializer": ((-1.0, 2.0), ui.RandomUniform(-1.0, 2.0)),
    "random_normal_initializer": ((1.0, 0.1), ui.RandomNormal(1.0, 0.1)),
    "truncated_normal_initializer": ((1.0, 0.1), ui.TruncatedNormal(1.0, 0.1)),
    "uniform_unit_scaling_initializer": ((1.5,), ui.UniformUnitScaling(1.5)),
    "variance_scaling_initializer": ((2.0, "fan_avg"), ui.VarianceScaling(2.0, "fan_avg")),
    "glorot_uniform_initializer": ((), ui.GlorotUniform()),
    "glorot_normal_initializer": ((), ui.GlorotNormal()),
    "orthogonal_initializer": ((2.0,), ui.Orthogonal(2.0)),
}
FUNCTIONS = {
    "lecun_uniform": ui.LecunUniform(),
    "lecun_normal": ui.LecunNormal(),
    "he_uniform": ui.HeUniform(),
    "he_normal": ui.HeNormal(),
}
CONVOLUTIONS = {
    "convolutional_delta_orthogonal": (ui.DeltaOrthogonal(2.0), (3, 3, 4, 6)),
    "convolutional_orthogonal_1d": (ui.ConvolutionalOrthogonal1D(2.0), (3, 4, 6)),
    "convolutional_orthogonal_2d": (ui.ConvolutionalOrthogonal2D(2.0), (3, 3, 4, 6)),
    "convolutional_orthogonal_3d": (ui.ConvolutionalOrthogonal3D(2.0), (2, 2, 2, 4, 6)),
}
SHAPE = (8, 6)


@pytest.fixture(autouse=True)
def no_global_seed():
    """Other tests may have set one, which would count."""
    tf.random.set_seed(None)


def of(name, *arguments, **options):
    return getattr(drop_in, name)(*arguments, **options)


def in_session(make, sessions=1, seed=None):
    """What a variable has after its initialization, in each session of one graph."""
    with tf.Graph().as_default() as graph:
        if seed is not None:
            v1.set_random_seed(seed)
        variables = make()
        initialize = v1.global_variables_initializer()
        found = []
        for _ in range(sessions):
            with v1.Session(graph=graph) as session:
                session.run(initialize)
                found.append(session.run(variables))
    return found


def test_has_the_names_of_tensorflow():
    public = {name for name in dir(v1.initializers) if name[0] != "_"}
    others = {"global_variables", "local_variables", "tables_initializer", "variables"}
    public |= {name for name in dir(v1) if name.endswith("_initializer")}
    others |= {f"{name}_initializer" for name in ("global_variables", "local_variables", "variables")}
    assert public - others <= set(drop_in.__all__)
    assert all(hasattr(drop_in, name) for name in drop_in.__all__)


@pytest.mark.parametrize("name", CLASSES)
def test_is_a_class_of_tensorflow_with_its_constructor(name):
    ours, theirs = getattr(drop_in, name), getattr(v1, name)
    assert issubclass(ours, theirs)
    assert inspect.signature(ours) == inspect.signature(theirs)
    arguments, _ = CLASSES[name]
    assert ours(*arguments, seed=3).get_config() == theirs(*arguments, seed=3).get_config()
    copy = ours.from_config(ours(*arguments, seed=3).get_config())
    assert np.array_equal(copy(SHAPE), ours(*arguments, seed=3)(SHAPE))


@pytest.mark.parametrize("name", CLASSES)
class TestClasses:
    def test_is_unifinits_with_the_seed(self, name):
        arguments, ours = CLASSES[name]
        initializer = of(name, *arguments, seed=3)
        for shape in (SHAPE, list(SHAPE), tf.TensorShape(SHAPE), tf.constant(SHAPE)):
            assert np.array_equal(initializer(shape), ours(SHAPE, seed=3))
        assert np.array_equal(initializer(SHAPE, tf.float64), ours(SHAPE, "float64", seed=3))

    def test_in_a_graph(self, name):
        arguments, ours = CLASSES[name]
        initializer = of(name, *arguments, seed=3)
        make = lambda: v1.get_variable("W", SHAPE, initializer=initializer)  # noqa: E731
        first, second = in_session(make, sessions=2)
        assert np.array_equal(first, ours(SHAPE, seed=3))
        assert np.array_equal(first, second)

    def test_without_a_seed_each_session_has_its_own_values(self, name):
        initializer = of(name, *CLASSES[name][0])
        make = lambda: [v1.get_variable(w, SHAPE, initializer=initializer) for w in "VW"]  # noqa: E731
        (first, beside), (second, _) = in_session(make, sessions=2)
        assert not np.array_equal(first, second)
        assert not np.array_equal(first, beside)
        assert not np.array_equal(initializer(SHAPE), initializer(SHAPE))

    def test_the_seed_of_a_graph_decides(self, name):
        for seed in (None, 3):
            initializer = of(name, *CLASSES[name][0], seed=seed)
            make = lambda initializer=initializer: v1.get_variable("W", SHAPE, initializer=initializer)  # noqa: E731
            first, again = in_session(make, 2, seed=1)
            (other,) = in_session(make, seed=2)
            assert np.array_equal(first, again)
            assert not np.array_equal(first, other)

    def test_a_seed_repeats_itself(self, name):
        initializer = of(name, *CLASSES[name][0], seed=3)
        assert np.array_equal(initializer(SHAPE), initializer(SHAPE))

    def test_partitions_are_parts_of_the_whole(self, name):
        arguments, ours = CLASSES[name]
        initializer = of(name, *arguments, seed=3)

        def make():
            return list(
                v1.get_variable(
                    "W",
                    SHAPE,
                    initializer=initializer,
                    partitioner=v1.fixed_size_partitioner(2),
                    use_resource=False,
                )
            )

        ((first, second),) = in_session(make)
        assert np.array_equal(np.concatenate([first, second]), ours(SHAPE, seed=3))

    def test_dtype_of_the_constructor(self, name):
        if "glorot" in name:
            pytest.skip("it drops its dtype, as in TensorFlow")
        assert of(name, *CLASSES[name][0], dtype=tf.float64)(SHAPE).dtype == tf.float64

    def test_is_what_tensorflow_means(self, name):
        arguments, _ = CLASSES[name]
        ours, theirs = (getattr(m, name)(*arguments, seed=5)((256, 128)).numpy() for m in (drop_in, v1))
        assert ours.mean() == pytest.approx(theirs.mean(), abs=0.02)
        assert ours.std() == pytest.approx(theirs.std(), rel=0.02)
        assert np.abs(ours).max() == pytest.approx(np.abs(theirs).max(), rel=0.25)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    assert np.array_equal(of(name, seed=3)(SHAPE), FUNCTIONS[name](SHAPE, seed=3))
    assert inspect.signature(getattr(drop_in, name)).parameters.keys() == {"seed"}
    assert of(name, seed=3).get_config() == getattr(v1.initializers, name)(seed=3).get_config()


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_isometric_convolutions(name):
    ours, shape = CONVOLUTIONS[name]
    assert np.array_equal(of(name, gain=2.0, seed=3)(shape), ours(shape, seed=3))
    (found,) = in_session(lambda: v1.get_variable("W", shape, initializer=getattr(drop_in, name)))
    assert found.shape == shape


def test_the_truncated_normal_is_not_corrected():
    values = drop_in.TruncatedNormal(0.0, 1.0, seed=0)((512, 512)).numpy()
    assert values.std() == pytest.approx(0.8796, rel=0.005)
    assert np.abs(values).max() <= 2


def test_seeds_of_numpy():
    assert np.array_equal(drop_in.he_normal(seed=np.int64(3))(SHAPE), ui.HeNormal(seed=3)(SHAPE))


def test_a_matrix_is_not_partitioned_without_a_seed():
    partitioner = v1.fixed_size_partitioner(2)
    with tf.Graph().as_default(), pytest.raises(ui.SeedError, match="belong to another matrix; wanted seed="):
        v1.get_variable("W", SHAPE, initializer=drop_in.Orthogonal, partitioner=partitioner)


def test_negative_seeds():
    assert np.array_equal(drop_in.RandomNormal(seed=-1)(SHAPE), ui.RandomNormal(seed=2**64 - 1)(SHAPE))


def test_integers_are_tensorflows():
    initializer = drop_in.RandomUniform(0, 10, dtype=tf.int32)
    values = initializer((100,)).numpy()
    assert values.dtype == np.int32
    assert set(values) <= set(range(10))


def test_what_draws_nothing_is_tensorflows():
    assert drop_in.Constant is v1.constant_initializer
    initializer = drop_in.constant_initializer([1, 2])
    (found,) = in_session(lambda: v1.get_variable("W", (2, 2), initializer=initializer))
    assert np.array_equal(found, [[1, 2], [2, 2]])  # The last value repeats.
    assert drop_in.Zeros is v1.zeros_initializer
    assert drop_in.Ones is v1.ones_initializer
    assert drop_in.Identity is v1.initializers.identity


def test_errors():
    with pytest.raises(ValueError, match="floating point"):
        drop_in.RandomNormal(dtype=tf.string)
    with tf.Graph().as_default(), pytest.raises(ui.ShapeError, match="not known when the graph is made"):
        drop_in.RandomNormal()(v1.placeholder(tf.int32, (2,)))
