"""Other frameworks' initializers, called by their names, and the layers that call them."""

from __future__ import annotations

import importlib.util
import inspect
import warnings
from functools import cache

import numpy as np
import pytest

MODULES = {
    "tensorflow1": ("tensorflow",),
    "tensorflow": ("tensorflow", "keras"),
    "keras": ("tensorflow", "keras"),
    "torch": ("torch",),
    "jax": ("jax",),
    "flax": ("jax", "flax"),
    "haiku": ("jax", "haiku"),
    "timm": ("torch", "timm"),
}
"""What has to be installed."""

NO_HYPERPARAMETERS = {"seed", "generator", "dtype", "out_sharding", "kwargs"}


def require(framework):
    """Import a framework, or skip the test."""
    if missing := [module for module in MODULES[framework] if importlib.util.find_spec(module) is None]:
        pytest.skip(f"needs {', '.join(missing)}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Frameworks warn of each other.
        for module in MODULES[framework]:
            import_module(module)


@cache
def import_module(name):
    """A module; timm also beside a torchvision that was built for another torch."""
    try:
        return importlib.import_module(name)
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
    from torch.library import Library

    # Without its operators torchvision cannot be imported; timm's initializers use none of them.
    library = Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    LIBRARIES.append(library)
    return importlib.import_module(name)


LIBRARIES = []
"""Operators are forgotten together with them."""


def find(name):
    """What a whole name stands for."""
    # TensorFlow 2 has these, but not under their public names.
    name = name.replace("tf.contrib.framework.", "tensorflow.python.ops.init_ops.")
    root, *rest = name.split(".")
    root = {"tf": "tensorflow", "hk": "haiku"}.get(root, root)
    found = import_module(root)
    for number, part in enumerate(rest):
        inner = getattr(found, part, None)
        found = import_module(".".join((root, *rest[: number + 1]))) if inner is None else inner
    return found


def parameters_of(function):
    """The parameters of an initializer, without seeds and dtypes: whether they have a default, and which."""
    return {
        name: (parameter.default is not parameter.empty, parameter.default)
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in NO_HYPERPARAMETERS
    }


def draw(peer, shape, seed, **parameters):
    """What a peer draws, as a float32 array of a shape that is its own."""
    return draw_many(peer, shape, [seed], **parameters)[0]


def draw_many(peer, shape, seeds, **parameters):
    """What a peer draws for each of some seeds."""
    return np.asarray(CALLS[peer.framework](find(peer.name), shape, seeds, **parameters))


def tensorflow1(function, shape, seeds, **parameters):
    import tensorflow as tf

    takes_seed = "seed" in inspect.signature(function).parameters
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        # An operation draws other numbers each time that it runs.
        made = function(**({"seed": seeds[0]} if takes_seed else {}), **parameters)(shape)
        return [session.run(made) for _ in seeds]


def keras(function, shape, seeds, **parameters):
    import keras

    takes_seed = "seed" in inspect.signature(function).parameters
    made = [function(**({"seed": seed} if takes_seed else {}), **parameters) for seed in seeds]
    return [keras.ops.convert_to_numpy(initializer(shape, dtype="float32")) for initializer in made]


def torch(function, shape, seeds, **parameters):
    import torch

    drawn = []
    for seed in seeds:
        # Not every one takes a generator, nor heeds it.
        generator = torch.manual_seed(seed)
        takes_generator = "generator" in inspect.signature(function).parameters
        tensor = torch.empty(shape)
        function(tensor, **({"generator": generator} if takes_generator else {}), **parameters)
        drawn.append(tensor.numpy())
    return drawn


def jax(function, shape, seeds, **parameters):
    import jax

    # Zeros and ones are initializers themselves, not builders of them.
    initializer = function if "key" in inspect.signature(function).parameters else function(**parameters)
    keys = jax.vmap(jax.random.key)(np.asarray(seeds, dtype=np.uint32))
    return jax.vmap(lambda key: initializer(key, shape))(keys)


def haiku(function, shape, seeds, **parameters):
    import haiku as hk
    import jax

    # Outside of hk.transform, initializers find no random key.
    drawn = hk.transform(lambda: function(**parameters)(shape, "float32"))
    return [drawn.apply({}, jax.random.key(seed)) for seed in seeds]


def timm(function, shape, seeds, **parameters):
    import torch as torch_

    if "module" not in inspect.signature(function).parameters:
        return torch(function, shape, seeds, **parameters)
    drawn = []
    for seed in seeds:
        torch_.manual_seed(seed)
        module = torch_.nn.Linear(shape[1], shape[0])
        function(module, name="block", **parameters)
        drawn.append(module.weight.detach().numpy())
    return drawn


CALLS = {
    "tensorflow1": tensorflow1,
    "tensorflow": keras,
    "keras": keras,
    "torch": torch,
    "jax": jax,
    "flax": jax,
    "haiku": haiku,
    "timm": timm,
}


# Layers: each function makes the layer that has a weight, and returns the shape in which the initializer of
# the weight gets to see it, and the fans that the framework's own code computes of that.


def keras_layer(make, *inputs):
    import keras
    from keras.src.initializers.random_initializers import compute_fans

    seen = []

    class Recorder(keras.initializers.VarianceScaling):
        def __call__(self, shape, dtype=None):
            seen.append((tuple(shape), compute_fans(shape, self.input_axes, self.output_axes)))
            return super().__call__(shape, dtype)

    make(keras.layers, Recorder()).build(*inputs)
    return seen[0]


def torch_layer(make):
    import torch

    return torch_fans(tuple(make(torch.nn).weight.shape))


def torch_fans(shape):
    import torch

    fans_of = find("torch.nn.init._calculate_fan_in_and_fan_out")
    return shape, fans_of(torch.empty(shape))


def flax_layer(make, inputs):
    import flax.linen
    import jax
    import jax.numpy as jnp

    seen = []

    def recorder(key, shape, dtype=jnp.float32):
        seen.append(tuple(shape))
        return jnp.zeros(shape, dtype)

    layer = make(flax.linen, recorder)
    jax.eval_shape(layer.init, jax.random.key(0), inputs)
    return jax_fans(seen[0])


def jax_fans(shape):
    return shape, find("jax._src.nn.initializers._compute_fans")(shape)


def haiku_layer(make, inputs):
    import haiku as hk
    import jax
    import jax.numpy as jnp

    seen = []

    def recorder(shape, dtype):
        seen.append(tuple(shape))
        return jnp.zeros(shape, dtype)

    def call(values):
        return make(hk, recorder)(values)  # Haiku's modules are made within a transformed function.

    jax.eval_shape(hk.transform(call).init, jax.random.key(0), inputs)
    return haiku_fans(seen[0])


def haiku_fans(shape):
    return shape, find("haiku._src.initializers._compute_fans")(shape)


def tensorflow1_fans(shape):
    return shape, find("tensorflow.python.ops.init_ops._compute_fans")(shape)


def keras_fans(shape):
    return shape, find("keras.src.initializers.random_initializers.compute_fans")(shape)


FANS = {
    "tensorflow1": tensorflow1_fans,
    "tensorflow": keras_fans,
    "keras": keras_fans,
    "torch": torch_fans,
    "timm": torch_fans,
    "jax": jax_fans,
    "flax": jax_fans,
    "haiku": haiku_fans,
}
"""Of a shape by itself."""
