"""Initializers in layers of libraries of JAX, as they are: Flax, Haiku, Equinox, and Optax's optimizers."""

import numpy as np
import pytest

import unifinit as ui

X = np.linspace(-1, 1, 32, dtype="float32").reshape(8, 4)
Y = np.linspace(0, 1, 24, dtype="float32").reshape(8, 3)
UNIFORM = ui.GlorotUniform()


def jax():
    return pytest.importorskip("jax")


def same(a, b):
    return jax().tree.all(jax().tree.map(lambda x, y: bool((np.asarray(x) == np.asarray(y)).all()), a, b))


def loss_of(apply):
    return lambda params: ((apply(params, X) - Y) ** 2).mean()


def one_step(apply, params):
    """Parameters after a step of an optimizer, in compiled code."""
    optax = pytest.importorskip("optax")
    optimizer = optax.adam(0.01)

    @jax().jit
    def step(params):
        loss, gradients = jax().value_and_grad(loss_of(apply))(params)
        updates, _ = optimizer.update(gradients, optimizer.init(params), params)
        return optax.apply_updates(params, updates), loss

    after, loss = step(params)
    assert np.isfinite(loss)
    assert loss_of(apply)(after) < loss
    return after


class TestFlaxLinen:
    def model(self, **options):
        linen = pytest.importorskip("flax.linen")

        class Model(linen.Module):
            @linen.compact
            def __call__(self, x):
                x = linen.relu(linen.Dense(8, name="first", **options)(x))
                return linen.Dense(3, name="last", kernel_init=ui.HeNormal(), bias_init=ui.Zeros())(x)

        return Model()

    def test_builds_trains_saves_and_loads(self):
        serialization = pytest.importorskip("flax.serialization")
        model = self.model(kernel_init=UNIFORM)
        params = model.init(jax().random.key(0), X)
        after = one_step(model.apply, params)
        restored = serialization.from_bytes(params, serialization.to_bytes(after))
        assert same(restored, after)
        assert not same(restored, params)

    def test_uniform_values_are_those_of_flax(self):
        initializers = pytest.importorskip("flax.linen.initializers")
        ours = self.model(kernel_init=UNIFORM).init(jax().random.key(0), X)
        theirs = self.model(kernel_init=initializers.glorot_uniform()).init(jax().random.key(0), X)
        assert same(ours["params"]["first"], theirs["params"]["first"])

    def test_compiled_and_abstract_initialization(self):
        model = self.model(kernel_init=UNIFORM)
        eager = model.init(jax().random.key(0), X)
        assert same(jax().jit(model.init)(jax().random.key(0), X), eager)
        abstract = jax().eval_shape(model.init, jax().random.key(0), X)
        assert abstract["params"]["first"]["kernel"].shape == (4, 8)

    def test_the_drop_in_namespace(self):
        drop_in = pytest.importorskip("unifinit.compat.jax")
        ours = self.model(kernel_init=UNIFORM).init(jax().random.key(0), X)
        dropped = self.model(kernel_init=drop_in.glorot_uniform()).init(jax().random.key(0), X)
        assert same(ours["params"]["first"], dropped["params"]["first"])

    def test_partitioned_and_scanned_layers(self):
        linen = pytest.importorskip("flax.linen")
        layer = linen.Dense(8, kernel_init=linen.with_partitioning(UNIFORM, (None, "model")))
        plain = linen.Dense(8, kernel_init=UNIFORM)
        boxed = layer.init(jax().random.key(0), X)
        assert same(linen.unbox(boxed), plain.init(jax().random.key(0), X))
        general = linen.DenseGeneral((2, 3), kernel_init=ui.HeNormal())
        assert general.init(jax().random.key(0), X)["params"]["kernel"].shape == (4, 2, 3)


class TestFlaxNnx:
    def test_builds_trains_saves_and_loads(self, tmp_path):
        nnx = pytest.importorskip("flax.nnx")
        optax = pytest.importorskip("optax")
        checkpoint = pytest.importorskip("orbax.checkpoint")

        class Model(nnx.Module):
            def __init__(self, rngs):
                self.first = nnx.Linear(4, 8, kernel_init=UNIFORM, rngs=rngs)
                self.last = nnx.Linear(8, 3, kernel_init=ui.HeNormal(), bias_init=ui.Zeros(), rngs=rngs)

            def __call__(self, x):
                return self.last(nnx.relu(self.first(x)))

        class Theirs(Model):
            def __init__(self, rngs):
                super().__init__(rngs)
                kernel_init = nnx.initializers.glorot_uniform()
                self.first = nnx.Linear(4, 8, kernel_init=kernel_init, rngs=nnx.Rngs(0))

        model = Model(nnx.Rngs(0))
        assert same(model.first.kernel[...], Theirs(nnx.Rngs(0)).first.kernel[...])
        optimizer = nnx.Optimizer(model, optax.adam(0.01), wrt=nnx.Param)

        @nnx.jit
        def step(model, optimizer):
            loss, gradients = nnx.value_and_grad(lambda model: ((model(X) - Y) ** 2).mean())(model)
            optimizer.update(model, gradients)
            return loss

        before = np.asarray(model.first.kernel[...])
        assert np.isfinite(step(model, optimizer))
        assert (np.asarray(model.first.kernel[...]) != before).all()
        definition, state = nnx.split(model)
        with checkpoint.StandardCheckpointer() as checkpointer:
            checkpointer.save(tmp_path / "state", state)
            checkpointer.wait_until_finished()
            restored = checkpointer.restore(tmp_path / "state", state)
        assert same(nnx.merge(definition, restored)(X), model(X))


class TestHaiku:
    def network(self, w_init):
        hk = pytest.importorskip("haiku")
        return hk.without_apply_rng(
            hk.transform(
                lambda x: hk.Linear(3, w_init=ui.HeNormal(seed=1))(
                    jax().nn.relu(hk.Linear(8, w_init=w_init)(x))
                )
            )
        )

    @pytest.mark.parametrize("compiled", [False, True])
    def test_builds_trains_saves_and_loads(self, tmp_path, compiled):
        network = self.network(ui.GlorotUniform(seed=0))
        initialize = jax().jit(network.init) if compiled else network.init
        params = initialize(jax().random.key(0), X)
        assert same(params["linear_1"]["w"], ui.GlorotUniform(seed=0)((4, 8)))
        assert same(params["linear"]["w"], ui.HeNormal(seed=1)((8, 3)))
        after = one_step(network.apply, params)
        leaves, tree = jax().tree.flatten(after)
        np.savez(tmp_path / "params.npz", *leaves)
        with np.load(tmp_path / "params.npz") as saved:
            restored = jax().tree.unflatten(tree, list(saved.values()))
        assert same(restored, after)
        assert same(network.apply(restored, X), network.apply(after, X))

    def test_fresh_entropy_does_not_become_a_constant(self):
        network = self.network(ui.GlorotUniform())
        assert network.init(jax().random.key(0), X)["linear_1"]["w"].shape == (4, 8)
        with pytest.raises(ui.SeedError, match=r"jax is recording.*or backend='numpy', if one draw is meant"):
            jax().jit(network.init)(jax().random.key(0), X)
        drawn = jax().jit(lambda: ui.GlorotUniform()((4, 8), backend="numpy"))
        assert drawn().shape == (4, 8)

    def test_the_drop_in_namespace_takes_keys_of_haiku(self):
        hk = pytest.importorskip("haiku")
        drop_in = pytest.importorskip("unifinit.compat.haiku")

        def params(initializers):
            network = self.network(initializers.VarianceScaling(1.0, "fan_avg", "uniform"))
            return network.init(jax().random.key(0), X)

        assert same(params(drop_in), params(hk.initializers))


class TestEquinox:
    def test_builds_trains_saves_and_loads(self, tmp_path):
        eqx = pytest.importorskip("equinox")
        model = eqx.nn.MLP(4, 3, 8, 1, key=jax().random.key(0))
        is_linear = lambda x: isinstance(x, eqx.nn.Linear)  # noqa: E731 - as its documentation has it

        def weights(model):
            leaves = jax().tree.leaves(model, is_leaf=is_linear)
            return [layer.weight for layer in leaves if is_linear(layer)]

        keys = jax().random.split(jax().random.key(1), len(weights(model)))
        new = [
            ui.HeNormal()(key, w.shape, w.dtype, layout="OI")
            for w, key in zip(weights(model), keys, strict=True)
        ]
        model = eqx.tree_at(weights, model, new)
        assert same(weights(model)[0], ui.HeNormal(seed=ui.Key(1).split()[0])((8, 4), layout="OI"))
        params, static = eqx.partition(model, eqx.is_array)
        apply = lambda params, x: jax().vmap(eqx.combine(params, static))(x)  # noqa: E731
        after = one_step(apply, params)
        eqx.tree_serialise_leaves(tmp_path / "model.eqx", after)
        restored = eqx.tree_deserialise_leaves(tmp_path / "model.eqx", params)
        assert same(restored, after)


def test_a_tree_of_parameters():
    shapes = {"first": {"w": (4, 8), "b": (8,)}, "last": {"w": (8, 3), "b": (3,)}}
    is_shape = lambda x: isinstance(x, tuple)  # noqa: E731
    key = jax().random.key(0)

    def initialize(key):
        leaves, tree = jax().tree.flatten(shapes, is_leaf=is_shape)
        keys = jax().tree.unflatten(tree, list(jax().random.split(key, len(leaves))))
        return jax().tree.map(lambda shape, key: UNIFORM(key, shape), shapes, keys, is_leaf=is_shape)

    params = initialize(key)
    assert same(jax().jit(initialize)(key), params)

    def apply(params, x):
        hidden = jax().nn.relu(x @ params["first"]["w"] + params["first"]["b"])
        return hidden @ params["last"]["w"] + params["last"]["b"]

    one_step(apply, params)
