"""generator=: who draws, what happens where a framework has no such initializer, and what is refused."""

import numpy as np
import pytest

import unifinit as ui

SHAPE = (64, 48)
SCALING = [ui.GlorotUniform(), ui.HeNormal(), ui.KaimingNormal(mode="fan_out"), ui.VarianceScaling(3.0)]
OTHERS = [
    ui.Orthogonal(),
    ui.SmallInit(),
    ui.Siren(),
    ui.TruncatedNormal(lower=-1, upper=3),
    ui.Blocked([ui.HeNormal(), ui.Zeros()]),
    ui.Scaled(ui.HeNormal(), 0.5),
]
"""Initializers of which not every framework has one."""


def numpy_generator(seed=3):
    return np.random.default_rng(seed)


def torch_generator(seed=3):
    return pytest.importorskip("torch").Generator().manual_seed(seed)


def tensorflow_generator(seed=3):
    return pytest.importorskip("tensorflow").random.Generator.from_seed(seed)


def jax_key(seed=3):
    return pytest.importorskip("jax").random.key(seed)


GENERATORS = {
    "numpy": numpy_generator,
    "torch": torch_generator,
    "tensorflow": tensorflow_generator,
    "jax": jax_key,
}
ADVANCING = ("numpy", "torch", "tensorflow")


def as_numpy(x):
    return np.asarray(x)


@pytest.mark.parametrize("backend", GENERATORS)
class TestEveryInitializer:
    @pytest.mark.parametrize("initializer", SCALING, ids=repr)
    def test_has_its_moments(self, backend, initializer):
        shape = (512, 256)
        values = as_numpy(initializer(shape, generator=GENERATORS[backend]()))
        moments = initializer.plan(shape, seed=0).moments()
        assert values.mean() == pytest.approx(0, abs=5 * moments.stddev / values.size**0.5)
        assert values.std() == pytest.approx(moments.stddev, rel=0.01)
        assert moments.minimum <= values.min()
        assert values.max() <= moments.maximum * (1 + 1e-6)

    @pytest.mark.parametrize("initializer", [*SCALING, *OTHERS], ids=repr)
    def test_follows_the_state_of_the_generator(self, backend, initializer):
        first, again, other = (
            as_numpy(initializer(SHAPE, generator=GENERATORS[backend](seed))) for seed in (3, 3, 4)
        )
        assert first.shape == SHAPE
        assert first.dtype == np.float32
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)

    @pytest.mark.parametrize("initializer", [*SCALING, *OTHERS], ids=repr)
    def test_a_second_call_draws_something_else(self, backend, initializer):
        generator = GENERATORS[backend]()
        first, second = (as_numpy(initializer(SHAPE, generator=generator)) for _ in range(2))
        assert np.array_equal(first, second) is (backend not in ADVANCING)

    def test_the_generator_decides_the_backend(self, backend):
        array = ui.HeNormal()(SHAPE, generator=GENERATORS[backend]())
        assert type(array) is type(ui.HeNormal(seed=0)(SHAPE, backend=backend))

    def test_wins_over_the_own_seed(self, backend):
        with_seed, without = (
            as_numpy(ui.HeNormal(seed=seed)(SHAPE, generator=GENERATORS[backend]())) for seed in (0, None)
        )
        assert np.array_equal(with_seed, without)

    @pytest.mark.parametrize("initializer", [ui.Ones(), ui.Identity(), ui.RandomNormal(stddev=0)], ids=repr)
    def test_what_draws_nothing_leaves_it_alone(self, backend, initializer):
        generator = GENERATORS[backend]()
        initializer(SHAPE, generator=generator)
        after = as_numpy(ui.RandomUniform()(SHAPE, generator=generator))
        assert np.array_equal(after, as_numpy(ui.RandomUniform()(SHAPE, generator=GENERATORS[backend]())))

    @pytest.mark.parametrize("initializer", [ui.GlorotUniform(), ui.SmallInit()], ids=repr)
    def test_bad_arguments_leave_it_alone(self, backend, initializer):
        generator = GENERATORS[backend]()
        with pytest.raises(ui.ShapeError):
            initializer((-1, 2), generator=generator)
        with pytest.raises(ui.DtypeError):
            initializer(SHAPE, "int32", generator=generator)
        with pytest.raises(ui.LayoutError):
            initializer(SHAPE, generator=generator, layout="IOI")
        after = as_numpy(initializer(SHAPE, generator=generator))
        assert np.array_equal(after, as_numpy(initializer(SHAPE, generator=GENERATORS[backend]())))

    def test_another_layout_has_its_fans(self, backend):
        values = as_numpy(ui.HeUniform()((512, 64), generator=GENERATORS[backend](), layout="OI"))
        assert np.abs(values).max() == pytest.approx((6 / 64) ** 0.5, rel=0.01)
        values = as_numpy(
            ui.HeUniform()((3, 3, 64, 2), generator=GENERATORS[backend](), layout="depthwise HWIO")
        )
        assert np.abs(values).max() == pytest.approx((6 / 9) ** 0.5, rel=0.05)

    @pytest.mark.parametrize(
        ("initializer", "dtype", "layout"),
        [
            (ui.Orthogonal(flatten="outputs"), "float32", None),
            (ui.Orthogonal(), "float16", None),
            (ui.Sparse(0.5, per="output"), "float32", "OI"),
            (ui.KaimingUniform(mode="fan_avg", nonlinearity="relu"), "float32", "OI"),
            (ui.TruncatedNormal(0.0, 0.1, corrected=True), "float32", None),
            (ui.RandomUniform(), "complex64", None),
            (ui.TruncatedNormal(), "complex64", None),
            (ui.Scaled(ui.HeNormal(), 0.5), "float16", None),
            (ui.Orthogonal(), "float32", "conv(groups=2) OIHW"),
        ],
        ids=repr,
    )
    def test_what_the_framework_cannot_be_told_it_does_not_draw(self, backend, initializer, dtype, layout):
        shape = (8, 6, 2, 2) if layout and "HW" in layout else (8, 6)
        array = initializer(shape, dtype, generator=GENERATORS[backend](), layout=layout)
        wide = np.asarray(array).astype("complex128" if dtype == "complex64" else "float64")
        moments = initializer.plan(shape, dtype, seed=0, layout=layout).moments()
        assert np.isfinite(wide).all()
        assert np.abs(wide.real).max() <= moments.maximum * 1.01
        if "per" in initializer.parts:
            assert set((wide == 0).sum(axis=1)) == {3}

    def test_empty_arrays_leave_it_alone(self, backend):
        generator = GENERATORS[backend]()
        for initializer in (ui.Orthogonal(), ui.HeNormal(), ui.RandomUniform()):
            assert initializer((0, 3), generator=generator).shape == (0, 3)
        after = as_numpy(ui.RandomUniform()(SHAPE, generator=generator))
        assert np.array_equal(after, as_numpy(ui.RandomUniform()(SHAPE, generator=GENERATORS[backend]())))

    def test_seed_beside_it(self, backend):
        with pytest.raises(ui.ArgumentError, match="seed=0 and generator= are both given"):
            ui.HeNormal()(SHAPE, seed=0, generator=GENERATORS[backend]())
        with pytest.raises(ui.ArgumentError, match="a key comes first, and generator= beside it"):
            ui.HeNormal()(ui.Key(0), SHAPE, generator=GENERATORS[backend]())

    @pytest.mark.parametrize("other", GENERATORS)
    def test_another_frameworks_array(self, backend, other):
        if other == backend:
            pytest.skip("the same framework")
        generator = GENERATORS[backend]()
        GENERATORS[other]()  # Which skips the test if the framework is missing.
        array = ui.Zeros()(SHAPE, backend=other)
        wanted = (
            f"of {backend}, but the array is to be one of {other}; wanted a generator of {other}, or seed="
        )
        for call in (
            lambda: ui.HeNormal()(SHAPE, generator=generator, like=array),
            lambda: ui.HeNormal()(SHAPE, generator=generator, backend=other),
            lambda: ui.HeNormal().fill_(array, generator=generator),
        ):
            with pytest.raises(ui.ArgumentError, match=wanted):
                call()


@pytest.mark.parametrize("wrong", [0, "numpy", ui.Key(0), object(), np.ones(3), np.random])
def test_no_generator(wrong):
    for options in ({}, {"backend": "numpy"}):
        with pytest.raises(
            ui.ArgumentError, match=r"by which no library draws.*wanted one that belongs to a library"
        ):
            ui.HeNormal()(SHAPE, generator=wrong, **options)


def test_a_library_without_random_numbers():
    xp = pytest.importorskip("array_api_strict")
    with pytest.raises(ui.ArgumentError, match="of numpy, but the array is to be one of array_api_strict"):
        ui.HeNormal()(SHAPE, generator=numpy_generator(), backend=xp)


def test_dask_has_no_generator():
    pytest.importorskip("dask")
    for options in ({"backend": "dask"}, {"like": ui.Zeros()((2,), backend="dask")}):
        with pytest.raises(ui.ArgumentError, match="of numpy, but the array is to be one of dask"):
            ui.RandomNormal()((4,), generator=numpy_generator(), **options)


class TestNumpy:
    def test_fills_in_place(self):
        target = np.zeros((48, 64), dtype=np.float32).T
        assert ui.RandomNormal(1.0, 2.0).fill_(target, generator=numpy_generator()) is target
        assert np.array_equal(target, numpy_generator().normal(1.0, 2.0, SHAPE).astype(np.float32))
        ui.Orthogonal().fill_(target, generator=numpy_generator())
        assert np.array_equal(target, ui.Orthogonal()(SHAPE, generator=numpy_generator()))

    def test_a_read_only_array(self):
        target = np.zeros(SHAPE)
        target.flags.writeable = False
        generator = numpy_generator()
        with pytest.raises(ui.TargetError, match="read-only"):
            ui.RandomNormal().fill_(target, generator=generator)
        assert np.array_equal(generator.normal(size=3), numpy_generator().normal(size=3))

    def test_complex_numbers_are_drawn_by_a_key(self):
        drawn = ui.RandomNormal()(SHAPE, "complex64", generator=numpy_generator())
        seed = int(numpy_generator().integers(2**64, dtype=np.uint64))
        assert np.array_equal(drawn, ui.RandomNormal(seed=seed)(SHAPE, "complex64"))


class TestTorch:
    def test_in_place_as_the_function_itself(self):
        torch = pytest.importorskip("torch")
        ours, theirs = (torch.zeros(48, 64).T for _ in range(2))
        version = ours._version
        assert ui.XavierNormal().fill_(ours, generator=torch_generator(), layout="OI...") is ours
        torch.nn.init.xavier_normal_(theirs, generator=torch_generator())
        assert torch.equal(ours, theirs)
        assert ours._version > version

    def test_a_parameter(self):
        torch = pytest.importorskip("torch")
        layer = torch.nn.Linear(8, 4)
        ui.HeNormal().fill_(layer.weight, generator=torch_generator(), layout="OI...")
        assert layer.weight.requires_grad
        assert layer.weight.grad_fn is None

    def test_in_compiled_code(self):
        torch = pytest.importorskip("torch")
        generator = torch_generator()

        @torch.compile(backend="eager")
        def fill(x):
            return ui.HeUniform().fill_(x, generator=generator, layout="OI...") + 1

        expected = ui.HeUniform()(SHAPE, generator=torch_generator(), layout="OI...")
        assert torch.equal(fill(torch.zeros(SHAPE)), expected + 1)

    def test_the_device_is_that_of_the_generator(self):
        torch = pytest.importorskip("torch")
        assert ui.HeNormal()(SHAPE, generator=torch_generator()).device == torch.device("cpu")


class TestTensorflow:
    @pytest.mark.parametrize("kind", ["tuple", "list", "array", "tensor", "variable"])
    def test_pairs_of_seeds(self, kind):
        tf = pytest.importorskip("tensorflow")
        pair = {
            "tuple": (5, 7),
            "list": [5, 7],
            "array": np.array([5, 7]),
            "tensor": tf.constant([5, 7]),
            "variable": tf.Variable([5, 7]),
        }[kind]
        drawn = ui.RandomNormal()(SHAPE, generator=pair, backend="tensorflow")
        assert np.array_equal(drawn, tf.random.stateless_normal(SHAPE, (5, 7)))
        matrix = ui.SmallInit()(SHAPE, generator=pair, backend="tensorflow")
        assert np.array_equal(matrix, ui.SmallInit()(SHAPE, generator=(5, 7), backend="tensorflow"))

    def test_a_pair_alone_says_nothing_of_a_library(self):
        with pytest.raises(ui.ArgumentError, match="a pair of seeds with backend='tensorflow'"):
            ui.HeNormal()(SHAPE, generator=(5, 7))

    def test_in_a_graph(self):
        tf = pytest.importorskip("tensorflow")

        @tf.function  # XLA would draw other numbers, as it does for TensorFlow's own initializers.
        def draw(pair):
            return ui.GlorotUniform()(SHAPE, generator=pair), ui.SmallInit()(
                SHAPE, "complex64", generator=pair
            )

        drawn, by_key = draw(tf.constant([5, 7]))
        assert np.array_equal(drawn, ui.GlorotUniform()(SHAPE, generator=(5, 7), backend="tensorflow"))
        assert np.array_equal(by_key, ui.SmallInit()(SHAPE, "complex64", seed=5 << 32 | 7))

    def test_fills_variables(self):
        tf = pytest.importorskip("tensorflow")
        variable = tf.Variable(tf.zeros(SHAPE))
        ui.GlorotUniform().fill_(variable, generator=tensorflow_generator())
        assert np.array_equal(variable, ui.GlorotUniform()(SHAPE, generator=tensorflow_generator()))
        generator = tensorflow_generator()
        with pytest.raises(ui.TargetError, match="immutable"):
            ui.GlorotUniform().fill_(tf.zeros(SHAPE), generator=generator)
        assert np.array_equal(generator.normal((3,)), tensorflow_generator().normal((3,)))


class TestJax:
    def test_in_compiled_code(self):
        jax = pytest.importorskip("jax")
        drawn = jax.jit(lambda key: ui.HeNormal()(SHAPE, generator=key))(jax_key())
        expected = jax.jit(lambda key: jax.nn.initializers.he_normal()(key, SHAPE))(jax_key())
        assert np.array_equal(drawn, expected)

    def test_keys_of_other_generators(self):
        jax = pytest.importorskip("jax")
        key = jax.random.key(0, impl="rbg")
        assert np.array_equal(
            ui.HeNormal()(SHAPE, generator=key), jax.nn.initializers.he_normal()(key, SHAPE)
        )
        words = np.asarray(jax.random.bits(key, (2,), "uint32"), dtype="uint64")
        drawn = ui.Sparse(0.5)(SHAPE, generator=key)  # By a key for the stream.
        assert np.array_equal(drawn, ui.Sparse(0.5, seed=int(words[0]) << 32 | int(words[1]))(SHAPE))
        raw = jax.random.key_data(key)
        assert raw.shape == (4,)
        with pytest.raises(ui.SeedError, match="rbg"):  # Which is no key of the stream.
            ui.HeNormal()(SHAPE, seed=key)

    def test_raw_keys(self):
        jax = pytest.importorskip("jax")
        raw = jax.random.PRNGKey(3)
        assert np.array_equal(ui.HeNormal()(SHAPE, generator=raw), ui.HeNormal()(SHAPE, generator=jax_key()))

    def test_arrays_never_change(self):
        jnp = pytest.importorskip("jax.numpy")
        with pytest.raises(ui.TargetError, match="immutable"):
            ui.HeNormal().fill_(jnp.zeros(SHAPE), generator=jax_key())

    def test_axes_are_those_of_the_layout(self):
        jax = pytest.importorskip("jax")
        theirs = jax.nn.initializers.he_normal(in_axis=1, out_axis=0)(jax_key(), (64, 48, 3))
        assert np.array_equal(ui.HeNormal()((64, 48, 3), generator=jax_key(), layout="OI..."), theirs)
        theirs = jax.nn.initializers.orthogonal(column_axis=0)(jax_key(), (64, 48))
        assert np.array_equal(ui.Orthogonal()((64, 48), generator=jax_key(), layout="OI"), theirs)
