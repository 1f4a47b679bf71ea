"""TensorFlow's recorded computations: graphs and XLA, keys that are known later, calls of the host."""

from __future__ import annotations

import subprocess
import sys
import traceback
from pathlib import Path

import numpy as np
import pytest

import unifinit as ui
from unifinit.backend import TracedKey
from unifinit.registry import registry

tf = pytest.importorskip("tensorflow")

from unifinit_tensorflow import namespace  # noqa: E402 - imports TensorFlow

KEY = ui.Key(0x9ABCDEF0_87654321)
"""Both words are negative as int32."""
WORDS = np.array(KEY.words, np.uint32)
MASK = np.arange(35).reshape(5, 7) % 3 > 0
BACKEND = registry().resolve("tensorflow")

DRAWN = [
    pytest.param(ui.HeNormal(), (9, 5), "float32", "OI", id="normal"),
    pytest.param(ui.RandomUniform(5.0, 5.1), (4, 3, 2), "float32", None, id="uniform"),
    pytest.param(ui.TruncatedNormal(0.5, 2.0), (7, 6), "bfloat16", None, id="truncated"),
    pytest.param(ui.RandomNormal(1.0, 0.3), (6, 5), "float64", None, id="float64"),
    pytest.param(ui.GlorotUniform(), (5, 3), "float16", None, id="float16"),
    pytest.param(ui.LecunNormal(), (5, 4), "complex64", None, id="complex"),
    pytest.param(ui.HeUniform(), (8, 3), "float8_e5m2", None, id="float8"),
    pytest.param(
        ui.Blocked(["he_normal", "zeros"], sizes=None, axis="in"), (8, 3), "float32", None, id="blocks"
    ),
    pytest.param(ui.Masked(ui.HeNormal(), MASK), (5, 7), "float32", None, id="masked"),
    pytest.param(ui.Stacked(ui.HeNormal()), (3, 5, 4), "float32", None, id="stacked"),
    pytest.param(ui.Constant(0.1), (3, 2), "float32", None, id="fill"),
]
COMPUTED = [
    pytest.param(ui.Orthogonal(), (9, 4), "float32", "OI", id="orthogonal"),
    pytest.param(ui.Orthogonal(), (4, 4), "bfloat16", None, id="orthogonal-bfloat16"),
    pytest.param(ui.Sparse(0.5), (6, 8), "float64", None, id="sparse"),
]


def traced(words=WORDS):
    """A tensor that ``tf.function`` takes as an argument, with a value that graphs do not know."""
    return tf.constant(words)


def expected(initializer, shape, dtype, layout, seed=KEY):
    return BACKEND.to_bytes(initializer(shape, dtype, seed=seed, layout=layout, backend="tensorflow"))


@pytest.fixture(params=[False, True], ids=["graph", "xla"])
def jit_compile(request):
    return request.param


class TestGraphs:
    @pytest.mark.parametrize(("initializer", "shape", "dtype", "layout"), DRAWN + COMPUTED)
    def test_a_known_key_gives_the_eager_bits(self, initializer, shape, dtype, layout, jit_compile):
        @tf.function(jit_compile=jit_compile)
        def create():
            return initializer(shape, dtype, seed=KEY, layout=layout, backend="tensorflow")

        assert BACKEND.to_bytes(create()) == expected(initializer, shape, dtype, layout)

    @pytest.mark.parametrize(("initializer", "shape", "dtype", "layout"), DRAWN)
    def test_a_traced_key_gives_the_eager_bits(self, initializer, shape, dtype, layout, jit_compile):
        @tf.function(jit_compile=jit_compile)
        def create(key):
            return initializer(shape, dtype, seed=key, layout=layout, backend="tensorflow")

        for seed in (KEY, ui.Key(3)):
            made = create(traced(np.array(seed.words, np.uint32)))
            assert BACKEND.to_bytes(made) == expected(initializer, shape, dtype, layout, seed)
        assert create.experimental_get_tracing_count() == 1

    @pytest.mark.parametrize(("initializer", "shape", "dtype", "layout"), COMPUTED)
    def test_a_traced_key_reaches_the_host(self, initializer, shape, dtype, layout):
        @tf.function
        def create(key):
            made = initializer(shape, dtype, seed=key, layout=layout, backend="tensorflow")
            assert made.shape == shape
            return made

        assert BACKEND.to_bytes(create(traced())) == expected(initializer, shape, dtype, layout)

    @pytest.mark.parametrize("name", ["bits", "uniform", "normal", "truncated_normal"])
    def test_random_functions(self, name, jit_compile):
        draw = getattr(ui.random, name)
        dtypes = ("uint32", "uint64") if name == "bits" else ("float32", "float64")

        @tf.function(jit_compile=jit_compile)
        def create(key):
            return [draw(seed, (30,), dtype, backend="tensorflow") for dtype in dtypes for seed in (KEY, key)]

        known = [draw(KEY, (30,), dtype) for dtype in dtypes for _ in range(2)]
        for made, whole in zip(create(traced()), known, strict=True):
            assert BACKEND.to_bytes(made) == whole.tobytes()

    def test_derived_keys(self, jit_compile):
        @tf.function(jit_compile=jit_compile)
        def derive(x):
            key = BACKEND.key(x)
            assert isinstance(key, TracedKey)
            derived = (key / "layer" / 3, key.fold_in(2**32 - 1), *key.split())
            return [ui.random.bits(one, (2,), backend="tensorflow") for one in derived]

        wanted = (KEY / "layer" / 3, KEY.fold_in(2**32 - 1), *KEY.split())
        for made, key in zip(derive(traced()), wanted, strict=True):
            np.testing.assert_array_equal(made, ui.random.bits(key, (2,)))

    @pytest.mark.parametrize(
        "index", [(slice(None, None, -2), slice(1, 4)), (..., -1), (2, 3), slice(5, 5)], ids=repr
    )
    def test_windows(self, index, jit_compile):
        initializer, whole = ui.HeNormal(), ui.HeNormal(seed=KEY)((9, 6), layout="OI")

        @tf.function(jit_compile=jit_compile)
        def create(key):
            return initializer.shard((9, 6), index, seed=key, layout="OI", backend="tensorflow")

        np.testing.assert_array_equal(create(traced()), whole[index])

    def test_elements_beyond_32_bits(self, jit_compile):
        shape, index = (2**31 - 1, 2**20), (slice(-3, None), slice(-5, None, 2))

        @tf.function(jit_compile=jit_compile)
        def create(key):
            return ui.GlorotUniform().shard(shape, index, seed=key, backend="tensorflow")

        np.testing.assert_array_equal(create(traced()), ui.GlorotUniform().shard(shape, index, seed=KEY))

    def test_a_session_of_version_1(self):
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            key = tf.compat.v1.placeholder(tf.uint32, (2,))
            known = ui.HeNormal(seed=KEY)((4, 3), backend="tensorflow")
            later = ui.HeNormal(seed=key)((4, 3), backend="tensorflow")
            host = ui.Orthogonal()((4, 3), seed=key, backend="tensorflow")
            made = session.run([known, later, host], {key: WORDS})
        np.testing.assert_array_equal(made[0], ui.HeNormal(seed=KEY)((4, 3)))
        np.testing.assert_array_equal(made[1], made[0])
        np.testing.assert_array_equal(made[2], ui.Orthogonal(seed=KEY)((4, 3)))

    def test_variables_are_filled(self, jit_compile):
        variable = tf.Variable(tf.zeros((5, 4)))

        @tf.function(jit_compile=jit_compile)
        def fill(key):
            ui.HeNormal().fill_(variable, seed=key)

        fill(traced())
        np.testing.assert_array_equal(variable, ui.HeNormal(seed=KEY)((5, 4)))

    def test_variables_made_in_a_graph(self):
        made = []

        @tf.function
        def create():
            if not made:
                made.append(tf.Variable(ui.HeNormal(seed=KEY)((5, 4), backend="tensorflow")))
            return made[0].read_value()

        np.testing.assert_array_equal(create(), ui.HeNormal(seed=KEY)((5, 4)))

    def test_it_is_saved_with_its_key_open(self, tmp_path):
        module = tf.Module()
        module.create = tf.function(
            lambda key: ui.HeNormal()((6, 5), seed=key, backend="tensorflow"),
            input_signature=[tf.TensorSpec((2,), tf.uint32)],
        )
        tf.saved_model.save(module, str(tmp_path / "saved"))
        loaded = tf.saved_model.load(str(tmp_path / "saved"))
        np.testing.assert_array_equal(loaded.create(traced()), ui.HeNormal(seed=KEY)((6, 5)))

    def test_an_error_of_the_host_comes_through(self):
        @tf.function
        def create(key):
            return ui.FromFunction(lambda *_: np.full((2, 2), 1e300))((2, 2), seed=key, backend="tensorflow")

        with pytest.raises(tf.errors.OpError, match="do not fit dtype float32"):
            create(traced())


class TestManyKeys:
    KEYS = np.array([KEY.words, (0, 7), (5, 2**32 - 1)], np.uint32)

    def wholes(self, initializer, dtype):
        shape = (5, 4)
        return [
            expected(initializer, shape, dtype, None, ui.Key(int(a) << 32 | int(b))) for a, b in self.KEYS
        ]

    @pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64", "complex64"])
    @pytest.mark.parametrize("jit_compile", [None, False, True], ids=["eager", "graph", "xla"])
    def test_vectorized_map(self, dtype, jit_compile):
        initializer = ui.HeNormal()

        def create(keys):
            return tf.vectorized_map(
                lambda key: initializer((5, 4), dtype, seed=key, backend="tensorflow"), keys
            )

        if jit_compile is not None:
            create = tf.function(create, jit_compile=jit_compile)
        made = create(tf.constant(self.KEYS))
        assert [BACKEND.to_bytes(one) for one in made] == self.wholes(initializer, dtype)

    def test_vectorized_map_calls_the_host(self):
        made = tf.vectorized_map(
            lambda key: ui.Orthogonal()((5, 4), seed=key, backend="tensorflow"), tf.constant(self.KEYS)
        )
        assert [BACKEND.to_bytes(one) for one in made] == self.wholes(ui.Orthogonal(), "float32")

    @pytest.mark.parametrize("initializer", [ui.HeNormal(), ui.Orthogonal()], ids=repr)
    @pytest.mark.parametrize("is_eager", [True, False])
    def test_map_fn(self, initializer, is_eager):
        def create(keys):
            return tf.map_fn(
                lambda key: initializer((5, 4), seed=key, backend="tensorflow"),
                keys,
                fn_output_signature=tf.float32,
            )

        made = (create if is_eager else tf.function(create))(tf.constant(self.KEYS))
        assert [BACKEND.to_bytes(one) for one in made] == self.wholes(initializer, "float32")

    def test_while_loop(self, jit_compile):
        @tf.function(jit_compile=jit_compile)
        def create(keys):
            def body(i, made):
                return i + 1, made.write(i, ui.HeNormal()((5, 4), seed=keys[i], backend="tensorflow"))

            # Not a loop of Python, which TensorFlow's AutoGraph cannot translate on Python 3.13.
            empty = tf.TensorArray(tf.float32, size=3, element_shape=(5, 4))
            return tf.while_loop(lambda i, _: i < 3, body, (0, empty))[1].stack()

        made = create(tf.constant(self.KEYS))
        assert [BACKEND.to_bytes(one) for one in made] == self.wholes(ui.HeNormal(), "float32")

    @pytest.mark.parametrize("initializer", [ui.HeNormal(), ui.Orthogonal()], ids=repr)
    def test_a_dataset(self, initializer):
        keys = tf.data.Dataset.from_tensor_slices(self.KEYS)
        made = keys.map(lambda key: initializer((5, 4), seed=key, backend="tensorflow"))
        assert [BACKEND.to_bytes(one) for one in made] == self.wholes(initializer, "float32")


class TestKeys:
    FORMS = (
        pytest.param(WORDS, id="uint32"),
        pytest.param(WORDS.view(np.int32), id="int32"),
        pytest.param(WORDS.astype(np.int64), id="int64"),
        pytest.param(WORDS.astype(np.uint64), id="uint64"),
    )

    @pytest.mark.parametrize("words", FORMS)
    def test_eager_tensors_and_variables(self, words):
        for x in (tf.constant(words), tf.Variable(words)):
            assert BACKEND.key(x) == KEY
            np.testing.assert_array_equal(ui.HeNormal(seed=x)((4, 3)), ui.HeNormal(seed=KEY)((4, 3)))

    @pytest.mark.parametrize("words", FORMS)
    def test_symbolic_tensors_and_variables(self, words, jit_compile):
        variable = tf.Variable(words)

        @tf.function(jit_compile=jit_compile)
        def create(x):
            keys = [BACKEND.key(x), BACKEND.key(variable)]
            assert all(isinstance(key, TracedKey) for key in keys)
            return [ui.random.bits(key, (5,), backend="tensorflow") for key in keys]

        for made in create(tf.constant(words)):
            np.testing.assert_array_equal(made, ui.random.bits(KEY, (5,)))

    @pytest.mark.parametrize("dtype", [tf.int32, tf.int64, tf.uint32, tf.uint64], ids=repr)
    def test_a_seed_without_axes(self, dtype):
        create = tf.function(lambda seed: ui.random.bits(seed, (5,), backend="tensorflow"))
        seed = 2**31 - 9 if dtype.size == 4 else 2**40 + 3
        np.testing.assert_array_equal(create(tf.constant(seed, dtype)), ui.random.bits(seed, (5,)))
        assert BACKEND.key(tf.constant(seed, dtype)) == ui.Key(seed)

    def test_a_tensor_from_outside_is_known_in_a_graph(self):
        x = tf.constant(WORDS)

        @tf.function
        def create():
            assert BACKEND.key(x) == KEY
            return ui.Orthogonal()((3, 3), seed=x, backend="tensorflow")

        np.testing.assert_array_equal(create(), ui.Orthogonal(seed=KEY)((3, 3)))

    @pytest.mark.parametrize(
        "malformed",
        [
            np.zeros(3, np.uint32),
            np.zeros((2, 2), np.uint32),
            np.zeros((1, 2), np.int32),
            np.zeros(2, np.float32),
            np.zeros(2, np.int16),
            np.zeros(2, bool),
            np.float32(0),
        ],
        ids=lambda x: f"{x.dtype}{x.shape}",
    )
    def test_malformed_ones_are_refused(self, malformed):
        with pytest.raises(ui.SeedError, match="wanted a key: two words of uint32"):
            ui.HeNormal()((2, 2), seed=tf.constant(malformed))

        @tf.function
        def create(key):
            return ui.HeNormal()((2, 2), seed=key, backend="tensorflow")

        with pytest.raises(ui.SeedError, match="wanted a key: two words of uint32"):
            create(tf.constant(malformed))

    def test_a_shape_that_is_not_known_is_refused(self):
        create = tf.function(
            lambda key: ui.HeNormal()((2, 2), seed=key, backend="tensorflow"),
            input_signature=[tf.TensorSpec((None,), tf.uint32)],
        )
        with pytest.raises(ui.SeedError, match="whose shape is known"):
            create(traced())

    @pytest.mark.parametrize("words", [(2**32, 0), (0, -1), (-(2**40), 0)])
    def test_wide_words_out_of_range_are_refused(self, words):
        with pytest.raises(ui.SeedError, match="out of range"):
            ui.HeNormal()((2, 2), seed=tf.constant(words, tf.int64))


class TestWithoutASeed:
    def test_recording_is_refused(self, jit_compile):
        @tf.function(jit_compile=jit_compile)
        def create():
            return ui.HeNormal()((2, 2), backend="tensorflow")

        with pytest.raises(ui.SeedError, match="tensorflow is recording a computation"):
            create()

    def test_a_graph_of_version_1_is_refused(self):
        with tf.Graph().as_default(), pytest.raises(ui.SeedError, match="recording"):
            ui.HeNormal()((2, 2), backend="tensorflow")

    def test_so_is_filling(self):
        variable = tf.Variable(tf.ones((2, 2)))
        with pytest.raises(ui.SeedError, match="recording"):
            tf.function(lambda: ui.HeNormal().fill_(variable))()
        np.testing.assert_array_equal(variable, np.ones((2, 2)))

    def test_what_draws_nothing_needs_none(self):
        create = tf.function(lambda: (ui.Zeros()((2, 2), like=tf.constant(1.0)), BACKEND.is_tracing()))
        made, is_tracing = create()
        np.testing.assert_array_equal(made, np.zeros((2, 2)))
        assert is_tracing
        assert not BACKEND.is_tracing()

    def test_an_initial_scope_is_eager(self):
        drawn = []

        @tf.function
        def create():
            with tf.init_scope():
                drawn.append(ui.HeNormal()((8, 8), backend="tensorflow"))
            return tf.constant(0)

        create()
        drawn.append(ui.HeNormal()((8, 8), backend="tensorflow"))
        assert not np.array_equal(*drawn)

    def test_functions_that_are_run_eagerly_need_none(self):
        create = tf.function(lambda: ui.HeNormal()((8, 8), backend="tensorflow"))
        tf.config.run_functions_eagerly(True)
        try:
            assert not np.array_equal(create(), create())
        finally:
            tf.config.run_functions_eagerly(False)


class TestWhatCannotBeHad:
    @pytest.mark.parametrize("is_nested", [False, True])
    def test_xla_does_not_call_the_host(self, is_nested):
        @tf.function(jit_compile=not is_nested)
        def create(key):
            return ui.Orthogonal()((3, 3), seed=key, backend="tensorflow")

        outer = tf.function(create, jit_compile=True) if is_nested else create
        with pytest.raises(ui.SeedError, match=r"jit_compile=True.*wanted a key that is known"):
            outer(traced())

    def test_a_graph_that_xla_gets_later_says_so_itself(self):
        create = tf.function(lambda key: ui.Orthogonal()((3, 3), seed=key, backend="tensorflow"))
        recorded = create.get_concrete_function(tf.TensorSpec((2,), tf.uint32))
        with pytest.raises(tf.errors.InvalidArgumentError, match="PyFunc"):
            tf.function(recorded, jit_compile=True)(traced())

    def test_a_graph_holds_constants_below_2_gigabytes(self):
        # It occupies a few bytes; to be refused, it need not be copied.
        large = np.broadcast_to(np.float32(0), (2**29, 1))
        with tf.Graph().as_default(), pytest.raises(ValueError, match=r"2147483648 bytes.*2 GB"):
            namespace.asarray(large)


class TestSettings:
    """What TensorFlow makes of a graph is a setting; the bits are none."""

    @staticmethod
    def drawn():
        @tf.function
        def create(key):
            uniform = ui.RandomUniform(5.0, 5.1)((40, 30), seed=key, backend="tensorflow")
            normal = ui.RandomNormal(1.0, 0.3)((40, 30), seed=key, backend="tensorflow")
            return uniform, normal, ui.HeNormal(seed=KEY)((40, 30), backend="tensorflow")

        return [made.numpy().tobytes() for made in create(traced())]

    @pytest.fixture
    def wholes(self):
        return [
            initializer((40, 30), seed=KEY).tobytes()
            for initializer in (ui.RandomUniform(5.0, 5.1), ui.RandomNormal(1.0, 0.3), ui.HeNormal())
        ]

    def test_clustering_by_xla(self, wholes):
        before = tf.config.optimizer.get_jit()
        tf.config.optimizer.set_jit("autoclustering")
        try:
            assert self.drawn() == wholes
        finally:
            tf.config.optimizer.set_jit(before or False)

    @pytest.mark.parametrize(
        "options",
        [
            {"disable_meta_optimizer": True},
            {"constant_folding": False, "arithmetic_optimization": False, "remapping": False},
            {"auto_mixed_precision_onednn_bfloat16": True},
        ],
        ids="-".join,
    )
    def test_optimizers_of_graphs(self, options, wholes):
        before = tf.config.optimizer.get_experimental_options()
        tf.config.optimizer.set_experimental_options(options)
        try:
            assert self.drawn() == wholes
        finally:
            usual = {
                name: before.get(name, name in ("constant_folding", "arithmetic_optimization", "remapping"))
                for name in options
            }
            tf.config.optimizer.set_experimental_options(usual)


class TestKeras:
    """A layer makes its weights when it is first called, perhaps in the midst of a graph."""

    @pytest.mark.parametrize("is_eager", [True, False])
    def test_a_model_that_is_built_in_a_graph(self, is_eager, monkeypatch):
        keras = pytest.importorskip("keras")
        if keras.backend.backend() != "tensorflow":
            pytest.skip("Keras runs on another backend here")

        def kernel(shape, dtype=None):
            return ui.HeNormal(seed=KEY)(shape, dtype, backend="tensorflow")

        model = keras.Sequential([keras.layers.Dense(5, kernel_initializer=kernel)])
        call = model if is_eager else tf.function(model)
        call(tf.ones((2, 3)))
        np.testing.assert_array_equal(model.layers[0].kernel, ui.HeNormal(seed=KEY)((3, 5)))


class TestAutoGraph:
    def test_runs_the_library_as_it_is(self):
        # It would take seconds to translate it, and warn of what it cannot translate.
        files = set()

        def function(key, shape, dtype):
            files.update(Path(frame.filename).name for frame in traceback.extract_stack())
            return np.zeros(shape)

        initializer = ui.FromFunction(function)
        tf.function(lambda: initializer((3, 3), seed=1, backend="tensorflow"))()
        assert {"base.py", "dispatch.py", "reference.py", "backend.py"} <= files

    @pytest.mark.parametrize(
        "call",
        [
            "init((3, 4), seed=key, like=key, dtype='float32')",
            "init.shard((3, 4), 1, seed=key, backend=tf)",
            "ui.HeNormal(seed=key)((3, 4), backend='tensorflow')",
            "init((3, 4), seed=ui.Key(0) / 'a', backend='tensorflow')",
            "ui.random.normal(key, (3, 4), backend='tensorflow')",
        ],
    )
    def test_nor_does_it_warn_of_the_first_call_of_all(self, call, tmp_path):
        program = tmp_path / "program.py"  # AutoGraph wants to read what it translates.
        program.write_text(
            "import tensorflow as tf\n"
            "import unifinit as ui\n"
            "init = ui.HeNormal()\n"
            "@tf.function\n"
            "def create(key):\n"
            f"    return {call}\n"
            "assert create(tf.constant([0, 0], tf.uint32)).dtype == tf.float32\n"
        )
        done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "AutoGraph" not in done.stderr

    @pytest.mark.parametrize(
        ("error", "call"),
        [
            (ui.SeedError, lambda _: ui.HeNormal()((3, 4), backend="tensorflow")),
            (ui.ShapeError, lambda key: ui.HeNormal()((3, -4), seed=key)),
            (ui.DtypeError, lambda key: ui.HeNormal()((3, 4), "int8", seed=key)),
            (ui.WindowError, lambda key: ui.HeNormal().shard((3, 4), 5, seed=key)),
            (ui.LayoutError, lambda key: ui.HeNormal()((3, 4), seed=key, layout="OHWI")),
        ],
    )
    def test_errors_keep_their_class(self, error, call):
        with pytest.raises(error, match=r"wanted|must be"):
            tf.function(call)(traced())
