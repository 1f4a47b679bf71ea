"""unifinit.compat.jax: the names and signatures of jax.nn.initializers, and whose numbers they give."""

import inspect

import numpy as np
import pytest

import unifinit as ui

jax = pytest.importorskip("jax")
drop_in = pytest.importorskip("unifinit.compat.jax")
initializers = jax.nn.initializers
KEY = jax.random.key(11)

BUILDERS = [
    name for name in dir(initializers) if name[0] != "_" and name not in ("Initializer", "zeros", "ones")
]
UNIFORM = ["glorot_uniform", "he_uniform", "kaiming_uniform", "lecun_uniform", "xavier_uniform"]
AXES = [
    {},
    {"in_axis": 0, "out_axis": 1},
    {"in_axis": 1, "out_axis": 0},
    {"in_axis": (0, 1), "out_axis": 2},
    {"in_axis": 0, "out_axis": 2, "batch_axis": 1},
    {"in_axis": [], "out_axis": [2]},
    {"in_axis": -1, "out_axis": ()},
]


def test_has_every_public_name():
    public = {name for name in dir(initializers) if name[0] != "_"}
    assert set(drop_in.__all__) == public | {"zeros_init", "ones_init"}


@pytest.mark.parametrize("name", BUILDERS)
def test_has_its_signature(name):
    ours, theirs = (inspect.signature(getattr(module, name)).parameters for module in (drop_in, initializers))
    assert [(one.name, one.default) for one in ours.values()] == [
        (one.name, one.default) for one in theirs.values()
    ]


@pytest.mark.parametrize("name", BUILDERS)
def test_what_is_built_has_the_signature(name):
    arguments = {"constant": (1.0,), "variance_scaling": (1.0, "fan_in", "normal")}.get(name, ())
    ours, theirs = (getattr(module, name)(*arguments) for module in (drop_in, initializers))
    assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters)
    assert isinstance(ours, initializers.Initializer)


@pytest.mark.parametrize("axes", AXES, ids=str)
@pytest.mark.parametrize("name", UNIFORM)
def test_uniform_values_are_jaxs(name, axes):
    shape = (24, 16, 8)
    ours, theirs = (getattr(module, name)(**axes)(KEY, shape) for module in (drop_in, initializers))
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("axes", AXES, ids=str)
@pytest.mark.parametrize("distribution", ["normal", "truncated_normal"])
@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg", "fan_geo_avg"])
def test_normal_values_are_jaxs_within_its_rounding(mode, distribution, axes):
    shape = (24, 16, 8)
    ours, theirs = (
        module.variance_scaling(3.0, mode, distribution, **axes)(KEY, shape)
        for module in (drop_in, initializers)
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-4 * float(np.std(theirs)), rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "arguments", "initializer"),
    [
        ("uniform", (0.3,), ui.RandomUniform(0.0, 0.3)),
        ("normal", (0.3,), ui.RandomNormal(0.0, 0.3)),
        ("truncated_normal", (0.3, None, -1.0, 3.0), ui.TruncatedNormal(0.0, 0.3, -1.0, 3.0)),
        ("he_normal", (), ui.HeNormal()),
        ("orthogonal", (2.0,), ui.Orthogonal(2.0)),
    ],
)
def test_is_unifinits_with_the_key(name, arguments, initializer):
    built = getattr(drop_in, name)(*arguments)
    assert np.array_equal(built(KEY, (8, 6)), initializer((8, 6), seed=11))
    assert np.array_equal(built(jax.random.PRNGKey(11), (8, 6)), initializer((8, 6), seed=11))
    assert np.array_equal(jax.jit(built, static_argnums=1)(KEY, (8, 6)), initializer((8, 6), seed=11))
    many = jax.vmap(lambda key: built(key, (8, 6)))(jax.random.split(KEY, 3))
    assert np.array_equal(many[2], initializer((8, 6), seed=ui.Key(11).split(3)[2]))


@pytest.mark.parametrize("column_axis", [-1, 0, 1])
def test_matrices_are_jaxs_within_rounding(column_axis):
    shape = (6, 5, 4)
    ours, theirs = (module.orthogonal(2.0, column_axis)(KEY, shape) for module in (drop_in, initializers))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    if column_axis == -1:
        shape = (3, 3, 4, 6)
        ours, theirs = (module.delta_orthogonal()(KEY, shape) for module in (drop_in, initializers))
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("column_axis", [-1, 0, -2])
def test_delta_kernels_are_zero_but_for_their_centre(column_axis):
    ours, theirs = (
        np.asarray(module.delta_orthogonal(2.0, column_axis)(KEY, (5, 4, 6)))
        for module in (drop_in, initializers)
    )
    assert np.array_equal(ours != 0, theirs != 0)
    np.testing.assert_allclose(ours[2] @ ours[2].T, 4 * np.eye(4), atol=1e-5)


@pytest.mark.parametrize("name", ["uniform", "normal", "truncated_normal"])
def test_scales_that_are_arrays(name):
    draw = jax.jit(lambda scale: getattr(drop_in, name)(scale)(KEY, (8,)))
    np.testing.assert_allclose(draw(0.5), getattr(drop_in, name)(0.5)(KEY, (8,)), rtol=1e-6)
    gradient = jax.grad(lambda scale: getattr(drop_in, name)(scale)(KEY, (8,)).sum())(0.5)
    assert gradient == pytest.approx(float(getattr(drop_in, name)(1.0)(KEY, (8,)).sum()), rel=1e-5)


def test_builders_of_flax():
    assert drop_in.zeros_init() is initializers.zeros
    assert drop_in.ones_init() is initializers.ones


def test_a_raw_key_without_a_shape_is_no_shape():
    with pytest.raises(ui.ShapeError, match=r"as keys of JAX are; wanted a shape behind the key"):
        ui.HeNormal(seed=0)(jax.random.PRNGKey(7), jax.numpy.float32)


def test_dtypes():
    jnp = jax.numpy
    assert drop_in.normal(dtype=jnp.bfloat16)(KEY, (3,)).dtype == jnp.bfloat16
    assert drop_in.normal(dtype=jnp.bfloat16)(KEY, (3,), jnp.float16).dtype == jnp.float16
    assert drop_in.normal()(KEY, (3,)).dtype == jnp.float32
    assert drop_in.normal()(KEY, (3,), np.float64).dtype == jnp.float32  # The 64-bit mode is off.


def test_empty_arrays_are_empty():
    assert drop_in.he_normal()(KEY, (0, 3)).shape == (0, 3)
    assert drop_in.orthogonal()(KEY, (0, 3)).shape == (0, 3)


def test_errors():
    with pytest.raises(ValueError, match="in_axis explicitly"):
        drop_in.he_normal()(KEY, (3,))
    with pytest.raises(ValueError, match="fewer than two axes"):
        drop_in.orthogonal()(KEY, (3,))
    with pytest.raises(ValueError, match="nosuch"):
        drop_in.variance_scaling(1.0, "nosuch", "normal")
    with pytest.raises(ValueError, match="rbg"):
        drop_in.normal()(jax.random.key(0, impl="rbg"), (3,))
    with pytest.raises(ValueError, match="wanted"):
        drop_in.normal()("key", (3,))


def test_out_sharding():
    mesh = jax.make_mesh((1,), ("x",))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("x"))
    made = drop_in.he_normal()(KEY, (8, 6), out_sharding=sharding)
    assert made.sharding == sharding
    assert np.array_equal(made, ui.HeNormal(seed=11)((8, 6)))


def test_what_draws_nothing_is_jaxs():
    for name in ("zeros", "ones", "constant"):
        assert getattr(drop_in, name) is getattr(initializers, name)
