"""Builds, trains, saves and loads a model on the Keras backend of KERAS_BACKEND, and prints what it found.

Arguments: a folder; with ``load`` behind it, the model that another process saved there is loaded.
"""

import json
import os
import sys
import warnings
from importlib import import_module
from pathlib import Path

import keras
import numpy as np

import unifinit as ui

FOLDER = Path(sys.argv[1])
X = np.linspace(-1, 1, 32, dtype="float32").reshape(8, 4)
Y = np.linspace(0, 1, 24, dtype="float32").reshape(8, 3)


def as_numpy(x):
    return keras.ops.convert_to_numpy(x)


def same(x, y):
    return bool(np.array_equal(as_numpy(x), as_numpy(y)))


def built():
    """Layers of several kinds, with initializers of unifinit and of its drop-in namespace as they are."""
    from unifinit.compat import keras as drop_in

    return keras.Sequential(
        [
            keras.layers.Input((4,)),
            keras.layers.Dense(8, kernel_initializer=ui.HeNormal(seed=0), bias_initializer=ui.Constant(0.25)),
            keras.layers.Dense(8, kernel_initializer=drop_in.HeNormal(seed=0)),
            keras.layers.Reshape((4, 2)),
            keras.layers.Conv1D(
                6, 3, kernel_initializer=ui.KaimingUniform(nonlinearity="gelu", seed=ui.Key(0) / "conv")
            ),
            keras.layers.Flatten(),
            keras.layers.EinsumDense(
                "ab,bc->ac", 5, kernel_initializer=ui.Scaled(ui.Orthogonal(seed=7), 0.5)
            ),
            keras.layers.Dense(3, kernel_initializer="glorot_uniform"),
        ]
    )


def trained(model):
    model.compile("adam", "mse")
    before = [as_numpy(weight).copy() for weight in model.weights]
    loss = model.fit(X, Y, epochs=1, batch_size=8, verbose=0).history["loss"]
    changed = [not np.array_equal(old, as_numpy(new)) for old, new in zip(before, model.weights, strict=True)]
    return bool(np.isfinite(loss).all() and all(changed))


def main():
    found = {"backend": keras.backend.backend()}
    if sys.argv[2:] == ["load"]:
        # Unifinit was imported after Keras.
        found["registered"] = [
            keras.saving.get_registered_object(f"unifinit>{name}") is getattr(ui, name)
            for name in ("HeNormal", "Siren", "Blocked")
        ]
        import_module("unifinit.compat.keras")  # By which Keras knows the classes of the drop-in namespace.
        model = keras.saving.load_model(FOLDER / "model.keras")
        found["predictions"] = same(model.predict(X, verbose=0), np.load(FOLDER / "predictions.npy"))
    else:
        model = built()
        kernels = [layer.kernel for layer in model.layers if hasattr(layer, "kernel")]
        found["values"] = [
            same(kernels[0], ui.HeNormal(seed=0)((4, 8))),
            same(kernels[1], ui.HeNormal(seed=0)((8, 8))),
            same(kernels[2], ui.KaimingUniform(nonlinearity="gelu", seed=ui.Key(0) / "conv")((3, 2, 6))),
            same(kernels[3], ui.Scaled(ui.Orthogonal(seed=7), 0.5)((12, 5))),
            same(model.layers[0].bias, np.full(8, 0.25)),
        ]
        clone = keras.models.clone_model(model)
        found["clone"] = same(clone.layers[0].kernel, kernels[0])
        found["trained"] = trained(model)
        model.save(FOLDER / "model.keras")
        np.save(FOLDER / "predictions.npy", model.predict(X, verbose=0))
        loaded = keras.saving.load_model(FOLDER / "model.keras")
        found["loaded"] = same(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
        from_json = keras.models.model_from_json(model.to_json())
        found["from_json"] = same(from_json.layers[0].kernel, ui.HeNormal(seed=0)((4, 8)))
        model = loaded
    found["initializers"] = [
        f"{type(layer.kernel_initializer).__module__.split('.')[0]}.{type(layer.kernel_initializer).__name__}"
        for layer in model.layers
        if hasattr(layer, "kernel_initializer")
    ]
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    with warnings.catch_warnings():
        # Keras calls numpy.array(x, copy=False) on variables of its own that do not know the argument.
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        main()
        sys.stdout.flush()
        os._exit(0)
