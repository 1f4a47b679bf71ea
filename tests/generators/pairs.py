"""Initializers of frameworks and what draws the same with generator=, one function for each pair.

Each function takes a shape and a dtype and returns two arrays, for a generator in the same state: the
framework's own, and that of unifinit.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

import unifinit as ui

SHAPES = {"dense": (256, 128), "convolution": (3, 3, 16, 32)}
"""In TensorFlow's order of axes."""
DTYPES = ("float32", "float64", "float16", "bfloat16")
SEED = 2026


class Pair(NamedTuple):
    """A framework's initializer and ours.

    Attributes
    ----------
    library
        The module that must be there.
    theirs
        The call of the framework, as it is written.
    ours
        The call of unifinit.
    draw
        Both arrays, for a shape in TensorFlow's order and the name of a dtype.
    shapes
        Those that the framework's initializer takes.
    dtypes
        Those that it takes.
    """

    library: str
    theirs: str
    ours: str
    draw: Callable[[tuple[int, ...], str], tuple[Any, Any]]
    shapes: tuple[str, ...] = tuple(SHAPES)
    dtypes: tuple[str, ...] = DTYPES


def torch_pair(name: str, initializer: ui.Initializer, layout: str | None = "OI...", **options: Any) -> Pair:
    """A function of ``torch.nn.init`` and an initializer."""
    dtypes = {"orthogonal_": ("float32", "float64")}.get(name, DTYPES)
    shapes = ("dense",) if name == "sparse_" else tuple(SHAPES)

    def draw(shape: tuple[int, ...], dtype: str) -> tuple[Any, Any]:
        torch: Any = importlib.import_module("torch")
        *spatial, inputs, outputs = shape
        theirs = torch.empty(outputs, inputs, *spatial, dtype=getattr(torch, dtype))
        torch.manual_seed(SEED)  # Sparse draws its positions by the global generator.
        getattr(torch.nn.init, name)(theirs, generator=torch.Generator().manual_seed(SEED), **options)
        torch.manual_seed(SEED)
        ours = initializer(theirs.shape, dtype, generator=torch.Generator().manual_seed(SEED), layout=layout)
        return theirs, ours

    given = "".join(f", {key}={value!r}" for key, value in options.items())
    return Pair("torch", f"torch.nn.init.{name}(x{given})", f"{initializer!r}", draw, shapes, dtypes)


def jax_pair(name: str, initializer: ui.Initializer, **options: Any) -> Pair:
    """A function of ``jax.nn.initializers`` and an initializer."""
    shapes = ("convolution",) if name == "delta_orthogonal" else tuple(SHAPES)
    dtypes = ("float32",) if "orthogonal" in name else ("float32", "float16", "bfloat16")

    def draw(shape: tuple[int, ...], dtype: str) -> tuple[Any, Any]:
        jax: Any = importlib.import_module("jax")
        key = jax.random.key(SEED)
        return getattr(jax.nn.initializers, name)(**options)(key, shape, dtype), initializer(
            shape, dtype, generator=key
        )

    given = ", ".join(f"{key}={value!r}" for key, value in options.items())
    return Pair("jax", f"jax.nn.initializers.{name}({given})", f"{initializer!r}", draw, shapes, dtypes)


def keras_pair(name: str, initializer: ui.Initializer, **options: Any) -> Pair:
    """A class of ``tf.initializers``, which are those of Keras, and an initializer."""
    dtypes = ("float32", "float64") if name == "Orthogonal" else DTYPES

    def draw(shape: tuple[int, ...], dtype: str) -> tuple[Any, Any]:
        tf: Any = importlib.import_module("tensorflow")
        theirs = getattr(tf.initializers, name)(seed=SEED, **options)(shape, dtype)
        return theirs, initializer(shape, dtype, generator=(SEED, 0), backend="tensorflow")

    given = "".join(f"{key}={value!r}, " for key, value in options.items())
    return Pair(
        "tensorflow", f"tf.initializers.{name}({given}seed=s)", f"{initializer!r}", draw, dtypes=dtypes
    )


def tensorflow_pair(name: str, initializer: ui.Initializer, **options: Any) -> Pair:
    """A method of ``tf.random.Generator`` and an initializer."""

    def draw(shape: tuple[int, ...], dtype: str) -> tuple[Any, Any]:
        tf: Any = importlib.import_module("tensorflow")
        generator = tf.random.Generator.from_seed(SEED)
        theirs = getattr(generator, name)(shape, dtype=tf.as_dtype(dtype), **options)
        return theirs, initializer(shape, dtype, generator=tf.random.Generator.from_seed(SEED))

    given = "".join(f", {key}={value!r}" for key, value in options.items())
    return Pair("tensorflow", f"generator.{name}(shape{given})", f"{initializer!r}", draw)


def numpy_pair(name: str, initializer: ui.Initializer, *numbers: float) -> Pair:
    """A method of ``numpy.random.Generator`` and an initializer."""

    def draw(shape: tuple[int, ...], dtype: str) -> tuple[Any, Any]:
        np: Any = importlib.import_module("numpy")
        theirs = getattr(np.random.default_rng(SEED), name)(*numbers, shape).astype(dtype)
        return theirs, initializer(shape, dtype, generator=np.random.default_rng(SEED))

    given = "".join(f"{number!r}, " for number in numbers)
    return Pair(
        "numpy",
        f"generator.{name}({given}shape)",
        f"{initializer!r}",
        draw,
        dtypes=("float32", "float64", "float16"),
    )


PAIRS = [
    torch_pair("uniform_", ui.RandomUniform(-0.3, 0.7), a=-0.3, b=0.7),
    torch_pair("normal_", ui.RandomNormal(0.1, 0.02), mean=0.1, std=0.02),
    torch_pair("trunc_normal_", ui.get("trunc_normal_"), None),
    torch_pair("trunc_normal_", ui.TruncatedNormal(0.0, 0.02), std=0.02, a=-0.04, b=0.04),
    torch_pair("xavier_uniform_", ui.GlorotUniform(1.5), gain=1.5),
    torch_pair("xavier_uniform_", ui.GlorotUniform(), "OI..."),
    torch_pair("xavier_normal_", ui.XavierNormal()),
    torch_pair("kaiming_uniform_", ui.KaimingUniform()),
    torch_pair("kaiming_uniform_", ui.KaimingUniform(a=5**0.5), a=5**0.5),
    torch_pair("kaiming_uniform_", ui.HeUniform(), nonlinearity="relu"),
    torch_pair("kaiming_uniform_", ui.LecunUniform(), nonlinearity="linear"),
    torch_pair("kaiming_normal_", ui.KaimingNormal()),
    torch_pair(
        "kaiming_normal_",
        ui.KaimingNormal(mode="fan_out", nonlinearity="relu"),
        mode="fan_out",
        nonlinearity="relu",
    ),
    torch_pair("orthogonal_", ui.Orthogonal(2.0), gain=2.0),
    torch_pair("sparse_", ui.Sparse(0.1), sparsity=0.1),
    jax_pair("uniform", ui.RandomUniform(0.0, 0.01)),
    jax_pair("normal", ui.RandomNormal(stddev=0.01)),
    jax_pair("truncated_normal", ui.TruncatedNormal(stddev=0.01)),
    jax_pair(
        "truncated_normal", ui.TruncatedNormal(stddev=0.1, lower=-1, upper=3), stddev=0.1, lower=-1, upper=3
    ),
    jax_pair("glorot_uniform", ui.GlorotUniform()),
    jax_pair("glorot_normal", ui.GlorotNormal()),
    jax_pair("lecun_uniform", ui.LecunUniform()),
    jax_pair("lecun_normal", ui.LecunNormal()),
    jax_pair("he_uniform", ui.HeUniform()),
    jax_pair("he_normal", ui.HeNormal()),
    jax_pair(
        "variance_scaling",
        ui.VarianceScaling(3.0, "fan_geo_avg", "untruncated_normal"),
        scale=3.0,
        mode="fan_geo_avg",
        distribution="normal",
    ),
    jax_pair("orthogonal", ui.Orthogonal(2.0), scale=2.0),
    jax_pair("delta_orthogonal", ui.DeltaOrthogonal()),
    keras_pair("RandomUniform", ui.RandomUniform(-0.05, 0.05)),
    keras_pair("RandomNormal", ui.RandomNormal(stddev=0.05)),
    keras_pair("TruncatedNormal", ui.TruncatedNormal(stddev=0.05)),
    keras_pair("VarianceScaling", ui.VarianceScaling()),
    keras_pair(
        "VarianceScaling",
        ui.VarianceScaling(2.0, "fan_avg", "untruncated_normal"),
        scale=2.0,
        mode="fan_avg",
        distribution="untruncated_normal",
    ),
    *(
        keras_pair(name, getattr(ui, name)())
        for name in ("GlorotUniform", "GlorotNormal", "LecunUniform", "LecunNormal", "HeUniform", "HeNormal")
    ),
    keras_pair("Orthogonal", ui.Orthogonal(1.5), gain=1.5),
    tensorflow_pair("uniform", ui.RandomUniform(-0.3, 0.7), minval=-0.3, maxval=0.7),
    tensorflow_pair("normal", ui.RandomNormal(0.1, 0.02), mean=0.1, stddev=0.02),
    tensorflow_pair("truncated_normal", ui.TruncatedNormal(0.1, 0.02), mean=0.1, stddev=0.02),
    numpy_pair("uniform", ui.RandomUniform(-0.3, 0.7), -0.3, 0.7),
    numpy_pair("normal", ui.RandomNormal(0.1, 0.02), 0.1, 0.02),
]


def compared(pair: Pair) -> tuple[int, int]:
    """How many values were compared, and how many are equal to the bit."""
    count = equal = 0
    for shape in pair.shapes:
        for dtype in pair.dtypes:
            theirs, ours = (bits(x) for x in pair.draw(SHAPES[shape], dtype))
            if theirs.shape != ours.shape or theirs.dtype != ours.dtype:
                raise AssertionError(
                    f"{pair.theirs}: {theirs.shape} {theirs.dtype}, {ours.shape} {ours.dtype}"
                )
            count += theirs.size
            equal += int((theirs == ours).sum())
    return count, equal


def bits(x: Any) -> Any:
    """The bits of an array of any framework, as integers of its width."""
    import numpy as np

    if type(x).__module__.startswith("torch"):
        torch: Any = importlib.import_module("torch")
        x = x.contiguous().view(getattr(torch, f"int{8 * x.element_size()}"))
    x = np.asarray(x)
    return x.view(f"u{x.dtype.itemsize}")
