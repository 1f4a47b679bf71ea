"""unifinit.compat.haiku: the classes of haiku.initializers, and whose numbers they give."""

import numpy as np
import pytest

import unifinit as ui

jax = pytest.importorskip("jax")
hk = pytest.importorskip("haiku")
drop_in = pytest.importorskip("unifinit.compat.haiku")
KEY = jax.random.key(3)

CASES = {
    "RandomNormal": (drop_in.RandomNormal(0.1, 1.0), ui.RandomNormal(1.0, 0.1)),
    "TruncatedNormal": (drop_in.TruncatedNormal(0.1, lower=-1), ui.TruncatedNormal(0.0, 0.1, lower=-1)),
    "RandomUniform": (drop_in.RandomUniform(-1.0, 2.0), ui.RandomUniform(-1.0, 2.0)),
    "VarianceScaling": (drop_in.VarianceScaling(2.0, "fan_out"), ui.VarianceScaling(2.0, "fan_out")),
    "UniformScaling": (drop_in.UniformScaling(0.5), ui.UniformUnitScaling(0.5)),
    "Orthogonal": (drop_in.Orthogonal(2.0), ui.Orthogonal(2.0)),
}


def drawn(initializer, shape=(24, 16), dtype="float32"):
    """What an initializer makes of the first key of a transformed function."""
    return hk.transform(lambda: initializer(shape, dtype)).apply({}, KEY)


def first_key():
    return hk.transform(hk.next_rng_key).apply({}, KEY)


def test_has_every_public_name():
    assert set(drop_in.__all__) == {name for name in dir(hk.initializers) if name[0] != "_"}


@pytest.mark.parametrize("name", CASES)
def test_is_unifinits_with_the_key_of_haiku(name):
    theirs, ours = CASES[name]
    assert isinstance(theirs, getattr(hk.initializers, name))
    assert np.array_equal(drawn(theirs), ours((24, 16), seed=first_key()))


@pytest.mark.parametrize("name", CASES)
def test_is_what_haiku_means(name):
    ours = CASES[name][0]
    theirs = object.__new__(getattr(hk.initializers, name))
    vars(theirs).update(vars(ours))
    np.testing.assert_allclose(drawn(ours), drawn(theirs), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("shape", [(), (8,), (24, 16), (3, 3, 8, 4)])
@pytest.mark.parametrize("distribution", ["truncated_normal", "normal", "uniform"])
def test_fans_are_haikus(shape, distribution):
    arguments = (2.0, "fan_avg", distribution)
    ours, theirs = (drawn(module.VarianceScaling(*arguments), shape) for module in (drop_in, hk.initializers))
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


def test_axes_of_the_inputs():
    ours, theirs = (
        drawn(module.VarianceScaling(1.0, "fan_in", "uniform", fan_in_axes=[0]), (8, 3, 4))
        for module in (drop_in, hk.initializers)
    )
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_axes_of_matrices(axis):
    ours, theirs = (drawn(module.Orthogonal(axis=axis), (6, 5, 4)) for module in (drop_in, hk.initializers))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_parameters_that_are_arrays():
    @jax.jit
    def scaled(stddev):
        normal, truncated = drop_in.RandomNormal(stddev, 1.0), drop_in.TruncatedNormal(stddev, 1.0)
        return hk.transform(lambda: (normal((8,), "float32"), truncated((8,), "float32"))).apply({}, KEY)

    for found, standard in zip(scaled(0.5), scaled(1.0), strict=True):
        np.testing.assert_allclose(found - 1, (standard - 1) / 2, rtol=1e-5)


def test_ends_that_are_arrays_and_wide_dtypes():
    jnp = jax.numpy
    array = drawn(drop_in.RandomUniform(jnp.zeros(3), jnp.array([1.0, 2.0, 4.0])), (512, 3))
    np.testing.assert_allclose(array.max(axis=0), [1, 2, 4], rtol=0.05)
    assert drawn(drop_in.RandomNormal(), dtype=np.float64).dtype == jnp.float32  # The 64-bit mode is off.


def test_complex_numbers_have_haikus_variance():
    ours, theirs = (
        drawn(module.TruncatedNormal(0.5), (256, 256), "complex64") for module in (drop_in, hk.initializers)
    )
    assert float(np.std(ours)) == pytest.approx(float(np.std(theirs)), rel=0.01)


def test_errors_are_haikus():
    with pytest.raises(ValueError, match="scale"):
        drop_in.VarianceScaling(scale=-1.0)
    with pytest.raises(ValueError, match="at least a 2D shape"):
        drawn(drop_in.Orthogonal(), (3,))
    with pytest.raises(ValueError, match=r"hk\.transform"):
        drop_in.RandomNormal()((3,), "float32")
