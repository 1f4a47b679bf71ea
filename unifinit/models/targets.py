"""Whole models: each parameter starts as rules say, with a key that comes from its path."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, SupportsIndex, TypeVar

from unifinit.dispatch import as_any_key
from unifinit.errors import PathError, SeedError, TargetError
from unifinit.key import AnyKey
from unifinit.models.arrays import ModelArray
from unifinit.models.assignment import PlannedArray, assign, renamed
from unifinit.models.modelplan import ModelPlan
from unifinit.models.paths import make_path
from unifinit.models.patterns import Rename, Renaming
from unifinit.models.reader import OpenModel, Reading
from unifinit.models.rules import as_rules
from unifinit.models.trees import read_tree
from unifinit.registry import registry

Target = TypeVar("Target")


def plan_model(
    target: Any,
    rules: Any,
    seed: SupportsIndex | AnyKey,
    *,
    rename: Rename = None,
    prefix: str = "",
    inputs: Any = None,
) -> ModelPlan:
    """What ``init_`` or ``init_tree`` would do with a model: a dry run, in which nothing is written.

    Parameters
    ----------
    target, rules, seed, rename, prefix, inputs
        As for ``init_`` and ``init_tree``.

    Returns
    -------
    ModelPlan
        Its text is a table of paths, shapes, layouts, fans, initializers and standard deviations; ``to_html``
        writes a page with histograms.

    Raises
    ------
    UnifinitError
        As ``init_`` raises.

    Examples
    --------
    >>> import unifinit as ui
    >>> shapes = {"Dense_0": {"kernel": (4, 2), "bias": (2,)}}
    >>> print(ui.plan_model(shapes, "flax", seed=0))
    path            shape  dtype    layer  layout  fans  initializer    std  size
    Dense_0/weight  4x2    float32  dense  ...IO   4, 2  LecunNormal()  0.5  8
    Dense_0/bias    2      float32  -      ...IO   2, 2  Zeros()        0    2
    2 parameters, 10 elements, 40 bytes
    """
    reading = _reading(inputs=inputs)
    _, planned, key = opened(target, rules, seed, rename=rename, prefix=prefix, reading=reading)
    return ModelPlan(planned, key)


class Opened(NamedTuple):
    """A model, what its arrays are to hold, and its key."""

    model: OpenModel
    planned: list[PlannedArray]
    key: AnyKey


def init_(
    target: Target,
    rules: Any,
    seed: SupportsIndex | AnyKey,
    *,
    rename: Rename = None,
    prefix: str = "",
    device: Any = None,
) -> Target:
    """Initialise all parameters of a model in place, as rules say.

    The key of a parameter is ``ui.Key(seed) / path``, with its canonical path: adding, removing or reordering
    layers changes no other parameter, and the same network in another framework gets the same values,
    transposed as that stores them.

    Parameters
    ----------
    target : model
        A ``torch.nn.Module``, also on the meta device or sharded by FSDP2; a Keras model or layer that is
        built; a module of Flax NNX; or nested mappings, lists and dataclasses of arrays, as the parameters
        of Flax Linen and Haiku are.
    rules : Rules, mapping, sequence, Initializer or str
        Which initializer each parameter gets: whatever ``ui.Rules`` takes, such as
        ``{"**/bias": "zeros", "**": "he_normal"}``, or the name of a recipe, such as "gpt2".
    seed : int or Key
        The seed of the whole model.
    rename : mapping, optional
        From patterns of paths to the paths that are to stand for them, in rules and for keys: values stay
        when a layer gets a new name, and networks whose layers have other names agree.
    prefix : str
        A path that is put in front of all paths, for a part of a larger model.
    device : str or device, optional
        Where parameters are to be made that are on PyTorch's meta device; by default its default device.

    Returns
    -------
    model
        ``target``. Buffers, and the other state of layers, are left alone. Tied parameters are one, under the
        path of the embedding if there is one among them, or else the first in alphabetical order.

    Raises
    ------
    UnmatchedParameterError
        If no rule matches a parameter. Nothing has been written then, nor for any other error but a
        ``TargetError``.
    RuleError, PathError
        If rules or paths are malformed.
    UnsupportedModelError
        If ``target`` is no model.
    TargetError
        If a parameter cannot be written to.
    UnifinitError
        If an initializer does not suit a parameter; the message begins with its path.

    Warns
    -----
    UnusedRuleWarning
        For a rule that decides nothing.

    Examples
    --------
    >>> import numpy as np
    >>> import unifinit as ui
    >>> model = {"encoder": {"kernel": np.empty((4, 2)), "bias": np.empty(2)}}
    >>> _ = ui.init_(model, {"**/bias": "zeros", "**": "he_normal"}, seed=0)
    >>> key = ui.Key(0) / "encoder/weight"
    >>> bool((model["encoder"]["kernel"] == ui.HeNormal()((4, 2), "float64", seed=key)).all())
    True
    """
    with paused_collector():
        reading = _reading(device=device)
        model, planned, _ = opened(target, rules, seed, rename=rename, prefix=prefix, reading=reading)
        for number, one in enumerate(planned):
            if one.plan is not None:
                try:
                    model.write(number, one.plan)
                except TargetError as error:
                    raise TargetError(f"{one.array.name}: {error}") from None
        model.finish()
    return target


def init_tree(
    target: Any,
    rules: Any,
    seed: SupportsIndex | AnyKey,
    *,
    rename: Rename = None,
    prefix: str = "",
    inputs: Any = None,
    backend: Any = None,
    device: Any = None,
) -> Any:
    """New parameters for a model, as rules say; the model itself stays as it is.

    Parameters
    ----------
    target : model
        Nested mappings, lists and dataclasses of arrays or of shapes: tuples of integers, or objects with a
        shape and a dtype, such as ``jax.ShapeDtypeStruct``. Or a module of Flax Linen, or functions that
        Haiku has transformed, with ``inputs``. Or a ``torch.nn.Module``.
    rules, seed, rename, prefix
        As for ``init_``.
    inputs : tuple, optional
        The arguments of the model, arrays or ``jax.ShapeDtypeStruct``, where it makes its parameters in its
        first call. Nothing is computed.
    backend : str or namespace, optional
        The library of arrays for which there are shapes alone; by default that of the objects that tell
        them, or else NumPy.
    device : str or device, optional
        Where new arrays are to be; by default where the old ones are.

    Returns
    -------
    tree
        Of the same containers; of a Linen module and of Haiku what their ``init`` returns; of a PyTorch
        module a dict by the names of ``named_parameters``, as ``torch.func.functional_call`` takes it.

    Raises
    ------
    UnifinitError
        As ``init_`` raises.

    Examples
    --------
    >>> import unifinit as ui
    >>> shapes = {"Dense_0": {"kernel": (4, 2), "bias": (2,)}}
    >>> params = ui.init_tree(shapes, {"**/bias": "zeros", "**": "he_normal"}, seed=0)
    >>> params["Dense_0"]["kernel"].shape
    (4, 2)
    """
    reading = _reading(device=device, inputs=inputs, backend=backend)
    model, planned, _ = opened(target, rules, seed, rename=rename, prefix=prefix, reading=reading)
    return model.build(
        [
            model.keep(number) if one.plan is None else model.create(number, one.plan)
            for number, one in enumerate(planned)
        ]
    )


def opened(
    target: Any,
    rules: Any,
    seed: SupportsIndex | AnyKey,
    *,
    rename: Rename,
    prefix: str,
    reading: Reading,
) -> Opened:
    """A model, and what its arrays are to hold; nothing is written."""
    if seed is None:
        raise SeedError(
            "seed is None; wanted an integer or a ui.Key, so that the model starts the same again"
        )
    checked, key, renaming = as_rules(rules), as_any_key(seed), Renaming(rename)
    model = open_model(target, reading)
    arrays = list(model.arrays)
    if prefix:
        if not isinstance(prefix, str):
            raise PathError(f"prefix is {prefix!r}; wanted the text of a path")
        above = make_path(prefix)
        arrays = [array._replace(owner="/".join(filter(None, (above, array.owner)))) for array in arrays]
    return Opened(model, assign(renamed(arrays, renaming), checked, key), key)


@contextmanager
def paused_collector() -> Iterator[None]:
    """Without Python's collector of cycles, which would look at all of a framework again and again.

    Many small objects are made for a large model, and none of them are in cycles.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def open_model(target: Any, reading: Reading) -> OpenModel:
    """A model of whichever library.

    Raises
    ------
    UnsupportedModelError
        If it is none.
    """
    for reader in registry().readers_of(target):
        model: OpenModel | None = reader.open(target, reading)
        if model is not None:
            return model
    return read_tree(target, reading)


def _reading(*, device: Any = None, inputs: Any = None, backend: Any = None) -> Reading:
    if inputs is not None and not isinstance(inputs, tuple):
        inputs = (inputs,)
    return Reading(registry().layers(), registry().get, device, inputs, backend)


def model_arrays(target: Any, *, inputs: Any = None) -> list[ModelArray]:
    """The arrays of a model: their names, paths, shapes, dtypes, layers and layouts; no value is looked at.

    Raises
    ------
    UnsupportedModelError
        If it is no model.
    """
    return list(open_model(target, _reading(inputs=inputs)).arrays)
