"""Specifications of models that exist: in memory, as checkpoints, or as configurations of Hugging Face."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, SupportsIndex

from unifinit.checkpoints import Checkpoint
from unifinit.errors import SpecError
from unifinit.key import Key
from unifinit.models.names import STATE, described, is_state
from unifinit.models.patterns import Rename
from unifinit.models.rules import Rule, Rules, as_rules
from unifinit.models.sources import KEEP
from unifinit.models.targets import model_arrays
from unifinit.registry import registry
from unifinit.specs.architectures import ARCHITECTURES, architecture
from unifinit.specs.documents import FilePath, read_values
from unifinit.specs.spec import Spec

STATE_PATHS = f"re:(.*/)?({'|'.join(sorted(STATE))})"
"""The paths of what is kept out of a start: moving statistics, and counts."""


def spec_of(
    target: Any,
    rules: Any,
    seed: SupportsIndex | Key,
    *,
    rename: Rename = None,
    inputs: Any = None,
    name: str = "",
) -> Spec:
    """The specification of a model in memory, also of one on the meta device.

    Parameters
    ----------
    target, rules, seed, rename, inputs
        As for ``ui.init_`` and ``ui.init_tree``.
    name : str
        What the model is called; by default the name of its class.
    """
    arrays = model_arrays(target, inputs=inputs)
    return Spec(arrays, rules, seed, rename=rename, name=name or type(target).__name__)


def spec_of_checkpoint(
    checkpoint: Checkpoint, rules: Any, seed: SupportsIndex | Key, *, name: str = ""
) -> Spec:
    """The specification of a model of which there is a checkpoint, by names and shapes alone."""
    arrays = described((one.name, one.shape, one.dtype) for one in checkpoint.arrays.values())
    if any(is_state(array.name) for array in arrays):
        given = as_rules(rules)
        rules = Rules([Rule(STATE_PATHS, KEEP), *given.rules], unmatched=given.unmatched)
    return Spec(arrays, rules, seed, name=name)


def spec_of_config(
    path: FilePath, rules: Any, seed: SupportsIndex | Key, *, dtype: str | None = None
) -> Spec:
    """The specification of the model of a ``config.json`` of Hugging Face's.

    Transformers builds it on the meta device, if it is installed, so that the layers are known; else the
    architecture has to be one of those that unifinit knows.

    Parameters
    ----------
    path : str or path
        The file.
    rules, seed
        As for ``ui.init_``.
    dtype : str, optional
        Of all parameters; by default that of the file.

    Raises
    ------
    SpecError
        If the file is no such configuration, or its model cannot be built.
    """
    config = read_values(path)
    if not isinstance(config, Mapping) or not isinstance(config.get("model_type"), str):
        raise SpecError(f"{path} has no model_type; wanted a config.json of Hugging Face's")
    kind = config["model_type"]
    wanted = dtype or config.get("dtype") or config.get("torch_dtype") or "float32"
    if find_spec("transformers") is not None and find_spec("torch") is not None:
        reader: Any = registry().reader("torch")
        model = reader.build(config, wanted)
        return Spec(model_arrays(model), rules, seed, name=_name(config))
    known = ARCHITECTURES.get(kind)
    if known is None:
        raise SpecError(
            f"{path} is of model_type {kind!r}, which unifinit does not know by itself; wanted the packages "
            f"transformers and torch, or one of {', '.join(ARCHITECTURES)}"
        )
    sizes = {name: config[name] for name in known.sizes if config.get(name) is not None}
    return Spec(architecture(kind, sizes, wanted), rules, seed, name=_name(config))


def _name(config: Mapping[str, Any]) -> str:
    names = config.get("architectures") or [config["model_type"]]
    return str(names[0])
