"""What JAX traces: the same bits, whatever transforms the call, and with keys that are arguments."""

from __future__ import annotations

import numpy as np
import pytest

import unifinit as ui

jax = pytest.importorskip("jax")
export = pytest.importorskip("jax.export")

jnp, lax = jax.numpy, jax.lax
SHAPE = (3, 10)
INIT = ui.HeNormal()
MASK = np.arange(30).reshape(SHAPE) % 3 > 0
KINDS = {
    "drawn": INIT,
    "constant": ui.Constant(0.3),
    "computed": ui.Orthogonal(),
    "fixed": ui.Identity(),
    "blocks": ui.Blocked(["he_normal", "zeros"], sizes=(4, 6)),
    "some computed": ui.Blocked(["he_normal", "orthogonal"], sizes=(4, 6)),
    "masked": ui.Masked("glorot_uniform", MASK),
    "stacked": ui.Stacked("truncated_normal"),
}
DTYPES = ["float16", "bfloat16", "float8_e4m3fn", "float64", "complex64"]
KEYS = {"typed": lambda: jax.random.key(7), "raw": lambda: jax.random.PRNGKey(7)}
BATCHES = {
    "typed": lambda: jax.random.split(jax.random.key(7), 3),
    "raw": lambda: jax.random.split(KEYS["raw"](), 3),
}

of_each_kind = pytest.mark.parametrize("init", KINDS.values(), ids=KINDS)
with_each_key = pytest.mark.parametrize("form", KEYS)


@pytest.fixture(autouse=True)
def wide():
    with jax.enable_x64(True):
        yield


def on_jax(init, seed=None, shape=SHAPE, dtype="float32", **options):
    return init(shape, dtype, backend="jax", seed=seed, **options)


def to_bytes(x):
    return ui.registry.registry().get("jax").to_bytes(x)


def assert_same(found, init, seed, shape=SHAPE, dtype="float32", **options):
    """Compare bits with those of NumPy."""
    assert isinstance(found, jax.Array)
    assert (found.shape, found.dtype) == (shape, dtype)
    assert to_bytes(found) == init(shape, dtype, seed=seed, **options).tobytes()


class TestKeys:
    """A key of JAX is the key of unifinit that has its words."""

    @pytest.mark.parametrize("seed", [0, 7, 2**32 - 1, 2**40 + 5])
    def test_keys_are_seeds(self, seed):
        for key in (jax.random.key(seed), jax.random.PRNGKey(seed)):
            assert_same(on_jax(INIT, key), INIT, seed)

    @pytest.mark.parametrize("dtype", [np.int32, np.uint32, np.int64, np.uint64, np.uint8])
    def test_traced_integers_are_seeds(self, dtype):
        for seed in (0, 7, min(2**40 + 5, np.iinfo(dtype).max)):
            run = jax.jit(lambda seed: on_jax(INIT, seed))
            assert_same(run(dtype(seed)), INIT, seed)
            assert_same(on_jax(INIT, jnp.asarray(dtype(seed))), INIT, seed)

    def test_words_may_be_signed(self):
        words = jnp.array([-1, 3], jnp.int32)
        expected = ui.Key((2**32 - 1) << 32 | 3)
        assert_same(on_jax(INIT, words), INIT, expected)
        assert_same(jax.jit(lambda key: on_jax(INIT, key))(words), INIT, expected)

    @with_each_key
    def test_other_backends_take_them(self, form):
        assert (INIT(SHAPE, seed=KEYS[form]()) == INIT(SHAPE, seed=7)).all()

    def test_initializers_keep_them(self):
        init = ui.HeNormal(seed=jax.random.key(7))
        assert init == ui.HeNormal(seed=7)
        assert_same(on_jax(init), INIT, 7)

    def test_known_keys_are_read_in_the_midst_of_a_trace(self):
        key, raw = KEYS["typed"](), KEYS["raw"]()
        recorded = jax.make_jaxpr(lambda: (on_jax(ui.Orthogonal(), key), on_jax(ui.Orthogonal(), raw)))()
        assert "callback" not in str(recorded)
        for known in (key, raw):
            assert_same(jax.jit(lambda known=known: on_jax(ui.Orthogonal(), known))(), ui.Orthogonal(), 7)

    @pytest.mark.parametrize("impl", ["rbg", "unsafe_rbg"])
    def test_keys_of_other_generators_are_refused(self, impl):
        key = jax.random.key(0, impl=impl)
        for run in (lambda key: on_jax(INIT, key), jax.jit(lambda key: on_jax(INIT, key))):
            with pytest.raises(ui.SeedError, match=f"generator '{impl}'; wanted one for 'threefry2x32'"):
                run(key)

    @with_each_key
    def test_several_keys_are_refused(self, form):
        for run in (lambda key: on_jax(INIT, key), jax.jit(lambda key: on_jax(INIT, key))):
            with pytest.raises(ui.SeedError, match=r"of shape \(3,\).*jax\.vmap"):
                run(BATCHES[form]())

    @pytest.mark.parametrize(
        "words",
        [
            np.bool(True),
            np.float32(1),
            np.zeros(3, np.uint32),
            np.zeros(2, np.float32),
            np.zeros(2, np.uint8),
        ],
        ids=lambda words: f"{words.dtype}{words.shape}",
    )
    def test_traced_arrays_that_are_no_keys_are_refused(self, words):
        with pytest.raises(ui.SeedError, match=r"traced array.*wanted a key: jax\.random\.key\(seed\)"):
            jax.jit(lambda key: on_jax(INIT, key))(words)


class TestTransformations:
    @of_each_kind
    @with_each_key
    def test_jit(self, init, form):
        run = jax.jit(lambda key: on_jax(init, key))
        assert_same(run(KEYS[form]()), init, 7)
        assert_same(run(jax.random.fold_in(KEYS[form](), 3)), init, ui.Key(7).fold_in(3))
        assert run._cache_size() == 1

    @of_each_kind
    @pytest.mark.parametrize("form", BATCHES)
    def test_vmap(self, init, form):
        found = jax.vmap(lambda key: on_jax(init, key))(BATCHES[form]())
        found = jnp.broadcast_to(found, (3, *SHAPE))
        for one, key in zip(found, ui.Key(7).split(3), strict=True):
            assert_same(one, init, key)

    @of_each_kind
    @pytest.mark.parametrize("form", BATCHES)
    def test_scan(self, init, form):
        _, found = lax.scan(lambda carry, key: (carry, on_jax(init, key)), None, BATCHES[form]())
        for one, key in zip(found, ui.Key(7).split(3), strict=True):
            assert_same(one, init, key)

    def test_vmap_of_vmap(self):
        keys = jax.vmap(lambda key: jax.random.split(key, 2))(BATCHES["typed"]())
        for init in (INIT, ui.Orthogonal()):
            found = jax.jit(jax.vmap(jax.vmap(lambda key, init=init: on_jax(init, key))))(keys)
            assert_same(found[2, 1], init, ui.Key(7).split(3)[2].split()[1])

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("name", ["drawn", "computed", "some computed"])
    def test_dtypes(self, name, dtype):
        found = jax.jit(lambda key: on_jax(KINDS[name], key, dtype=dtype))(KEYS["typed"]())
        assert_same(found, KINDS[name], 7, dtype=dtype)

    @pytest.mark.parametrize("layout", ["OI", "IO"])
    @pytest.mark.parametrize("name", ["drawn", "computed", "blocks"])
    def test_layouts(self, name, layout):
        shape = SHAPE if layout == "IO" else SHAPE[::-1]
        found = jax.jit(lambda key: on_jax(KINDS[name], key, shape, layout=layout))(KEYS["raw"]())
        assert_same(found, KINDS[name], 7, shape, layout=layout)

    @pytest.mark.parametrize("init", [INIT, ui.Orthogonal()], ids=repr)
    def test_differentiation_of_what_is_made_of_it(self, init):
        def loss(scale, key):
            return (on_jax(init, key, dtype="float64") * scale).sum()

        expected = init(SHAPE, "float64", seed=7).sum()
        for grad in (jax.grad(loss), jax.jit(jax.grad(loss)), jax.grad(jax.checkpoint(loss))):
            np.testing.assert_allclose(grad(3.0, KEYS["typed"]()), expected, rtol=1e-12)
        np.testing.assert_allclose(jax.grad(lambda scale: loss(scale, 7))(3.0), expected, rtol=1e-12)

    def test_control_flow(self):
        def run(wanted, key):
            made = lax.cond(wanted, lambda: on_jax(ui.Orthogonal(), key), lambda: on_jax(INIT, key))
            both = jnp.stack([made, made])
            return lax.fori_loop(
                1, 2, lambda i, x: x.at[i].set(on_jax(INIT, jax.random.fold_in(key, i))), both
            )

        for wanted, init in ((True, ui.Orthogonal()), (False, INIT)):
            first, second = jax.jit(run)(wanted, KEYS["typed"]())
            assert_same(first, init, 7)
            assert_same(second, INIT, ui.Key(7).fold_in(1))

    def test_random_functions(self):
        for name in ("bits", "uniform", "normal", "truncated_normal"):
            draw = getattr(ui.random, name)
            found = jax.jit(lambda key, draw=draw: draw(key, SHAPE, backend="jax"))(KEYS["typed"]())
            assert to_bytes(found) == draw(7, SHAPE).tobytes()
        found = jax.vmap(lambda key: ui.random.bits(key, (5,), like=key))(BATCHES["raw"]())
        assert to_bytes(found[1]) == ui.random.bits(ui.Key(7).split(3)[1], (5,)).tobytes()

    @pytest.mark.parametrize("index", [(slice(0, 3, 2), slice(None, None, -2)), (..., 4), (2, -1)], ids=repr)
    @of_each_kind
    def test_shards(self, init, index):
        whole = np.asarray(init(SHAPE, seed=7))
        options = {"backend": "jax"}
        eager = init.shard(SHAPE, index, seed=7, **options)
        recorded = jax.jit(lambda key: init.shard(SHAPE, index, seed=key, **options))(KEYS["typed"]())
        for found in (eager, recorded):
            assert found.shape == whole[index].shape
            assert to_bytes(found) == whole[index].tobytes()

    def test_shard_map_and_pmap(self):
        mesh = jax.sharding.Mesh(jax.devices("cpu")[:1], ("x",))
        spec = jax.sharding.PartitionSpec("x")
        for init in (INIT, ui.Orthogonal()):
            mapped = jax.shard_map(
                lambda keys, init=init: on_jax(init, keys[0])[None], mesh=mesh, in_specs=spec, out_specs=spec
            )
            assert_same(jax.jit(mapped)(KEYS["typed"]()[None])[0], init, 7)
            assert_same(jax.pmap(lambda key, init=init: on_jax(init, key))(KEYS["raw"]()[None])[0], init, 7)

    @pytest.mark.parametrize("dtype", ["float32", "complex64"])
    def test_the_program_does_not_grow_with_layers(self, dtype):
        def length(layers):
            run = jax.jit(lambda key: on_jax(ui.Stacked(INIT), key, (layers, 4, 3), dtype))
            assert_same(run(KEYS["typed"]()), ui.Stacked(INIT), 7, (layers, 4, 3), dtype)
            return len(run.lower(KEYS["typed"]()).as_text())

        assert length(40) < 1.02 * length(4)

    def test_what_the_host_computes_is_computed_by_the_kernel(self, monkeypatch):
        if ui.host.kernel_status().level is None:
            pytest.skip("needs the kernel")
        monkeypatch.setattr("unifinit.reference.ArrayEngine", None)
        assert_same(jax.jit(lambda key: on_jax(ui.Orthogonal(), key))(KEYS["typed"]()), ui.Orthogonal(), 7)
        assert_same(jax.jit(lambda: on_jax(ui.Orthogonal(), 7))(), ui.Orthogonal(), 7)

    @of_each_kind
    def test_no_trace_outlives_itself(self, init):
        with jax.checking_leaks():
            assert_same(jax.jit(lambda key: on_jax(init, key))(KEYS["typed"]()), init, 7)

    def test_known_keys_of_computed_contents_are_constants(self):
        found = jax.jit(lambda: on_jax(ui.Orthogonal(), 7))
        assert_same(found(), ui.Orthogonal(), 7)
        assert "callback" not in found.lower().as_text()


class TestAbstractKeys:
    @of_each_kind
    @pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
    def test_nothing_is_computed(self, init, dtype, monkeypatch):
        def fail(*_, **__):
            raise AssertionError("something was computed")

        monkeypatch.setattr("unifinit.host.create", fail)
        monkeypatch.setattr("unifinit.host.compute", fail)
        monkeypatch.setattr("unifinit.linalg.orthonormal_columns", fail)
        monkeypatch.setattr("unifinit.reference.orthonormal_columns", fail)
        for key in KEYS.values():
            abstract = jax.eval_shape(key)
            found = jax.eval_shape(lambda key: on_jax(init, key, dtype=dtype), abstract)
            assert (found.shape, found.dtype) == (SHAPE, dtype)

    def test_of_arrays_that_would_not_fit_into_memory(self):
        shape = (2**20, 2**20)
        for init in (INIT, ui.Orthogonal()):
            found = jax.eval_shape(
                lambda key, init=init: on_jax(init, key, shape), jax.eval_shape(KEYS["typed"])
            )
            assert found.shape == shape


class TestExport:
    @with_each_key
    @pytest.mark.parametrize("name", ["drawn", "blocks", "masked"])
    def test_exported_programs_take_keys(self, name, form):
        init = KINDS[name]
        program = export.export(jax.jit(lambda key: on_jax(init, key)))(jax.eval_shape(KEYS[form]))
        if form == "raw":
            program = export.deserialize(program.serialize())
        assert_same(program.call(KEYS[form]()), init, 7)

    def test_what_calls_the_host_cannot_be_exported(self):
        with pytest.raises(NotImplementedError, match="host_callbacks"):
            export.export(jax.jit(lambda key: on_jax(ui.Orthogonal(), key)))(jax.eval_shape(KEYS["raw"]))

    def test_with_a_known_key_all_can_be_exported(self):
        program = export.export(jax.jit(lambda: on_jax(ui.Orthogonal(), 7)))()
        assert_same(export.deserialize(program.serialize()).call(), ui.Orthogonal(), 7)


TRANSFORMATIONS = {
    "jit": lambda f: jax.jit(f)(jnp.ones(3)),
    "vmap": lambda f: jax.vmap(f)(jnp.ones(3)),
    "scan": lambda f: lax.scan(lambda carry, x: (carry, f(x)), None, jnp.ones(3)),
    "eval_shape": lambda f: jax.eval_shape(f, jnp.ones(3)),
    "grad": lambda f: jax.grad(lambda x: f(x).sum())(1.0),
}


class TestWithoutASeed:
    @pytest.mark.parametrize("transform", TRANSFORMATIONS.values(), ids=TRANSFORMATIONS)
    def test_tracing_is_an_error(self, transform):
        drawn = ui.Blocked(["zeros", "he_normal"], sizes=(4, 6))
        for init in (INIT, ui.Orthogonal(), drawn):
            with pytest.raises(ui.SeedError, match=r"recording a computation.*wanted a seed"):
                transform(lambda x, init=init: on_jax(init) * jnp.sum(x))
            with pytest.raises(ui.SeedError, match="recording a computation"):
                transform(lambda x, init=init: init.shard(SHAPE, 0, backend="jax") * jnp.sum(x))

    @pytest.mark.parametrize("transform", TRANSFORMATIONS.values(), ids=TRANSFORMATIONS)
    def test_what_is_not_drawn_needs_none(self, transform):
        transform(lambda x: on_jax(ui.Ones()) * on_jax(ui.Identity()) * jnp.sum(x))

    def test_after_an_error_entropy_is_fresh_again(self):
        with pytest.raises(ui.SeedError):
            jax.jit(lambda: on_jax(INIT))()
        assert to_bytes(on_jax(INIT)) != to_bytes(on_jax(INIT))


@pytest.mark.parametrize("init", [INIT, ui.RandomUniform(5.0, 5.1), ui.RandomNormal(1.0, 0.3)], ids=repr)
def test_values_do_not_depend_on_what_else_is_compiled(init):
    def run(key):
        x = on_jax(init, key)
        # Something for the compiler to contract with what makes the elements.
        return x, x * 3.0 + 1.0, x - 1.0

    found, _, _ = jax.jit(run)(KEYS["typed"]())
    assert_same(found, init, 7)
