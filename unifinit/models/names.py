"""What arrays are whose names and shapes alone are known."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from unifinit.models.arrays import ModelArray, Role, Split
from unifinit.models.paths import SEPARATOR, canonical_leaf, make_path
from unifinit.types import DType, Shape

QUERIES = ("query", "key", "value")
"""The projections that read the inputs of an attention layer."""
GATES = {4: ("i", "f", "g", "o"), 3: ("r", "z", "n"), 1: ()}
"""The gates that PyTorch's recurrent layers have side by side, by how many there are."""

STATE = frozenset(
    {"running_mean", "running_var", "num_batches_tracked", "moving_mean", "moving_variance", "moving_var"}
)
"""What libraries call arrays of a layer that are no parameters."""
RECURRENT = {4: "lstm", 3: "gru", 1: "rnn"}
"""The kinds of PyTorch's recurrent layers, by how many gates they have."""
PLACES = {"ih": "input", "hh": "recurrent", "hr": "projection"}
_RECURRENT_NAME = re.compile(r"(weight|bias)_(ih|hh|hr)(?:_l(\d+))?(_reverse)?")
_TABLE = re.compile(r"embed|^(wte|wpe|shared)$")
"""What common code of PyTorch calls tables of vectors."""


def role_of(owner: str, name: str, shape: Shape) -> Role:
    """What an array is to its layer, as its name and its shape suggest.

    "weight" is PyTorch's word, so its axes are (out, in, spatial...); with "kernel", "w" and all other names
    they are (spatial..., in, out).

    A matrix "weight" of a layer with "embed" in its name, of "wte", "wpe" or "shared", is an embedding.

    Parameters
    ----------
    owner
        The path of the layer.
    name
        What the framework calls the array.
    shape
        Of the array.
    """
    if name in ("in_proj_weight", "in_proj_bias") and shape and shape[0] % 3 == 0:
        layout = "OI..." if len(shape) > 1 else "...IO"
        leaf = name.removeprefix("in_proj_")
        return Role("attention", layout, leaf, splits=(Split("out", QUERIES),))
    leaf = canonical_leaf(name)
    if len(shape) < 2:
        return Role(
            "norm" if leaf == "scale" or name == "weight" else "", leaf="scale" if name == "weight" else leaf
        )
    if leaf == "bias":  # As those of attention, (heads, size).
        layer = "attention" if owner.rpartition("/")[2] in (*QUERIES, "out") else ""
        return Role(layer, f"in= out={','.join(map(str, range(len(shape))))}", leaf)
    if name in ("embedding", "embeddings"):
        return Role("embedding", "embedding IO" if len(shape) == 2 else "...IO", leaf)
    if name == "weight" and len(shape) == 2 and _TABLE.search(owner.rpartition("/")[2]):
        return Role("embedding", "embedding IO", leaf)
    if name == "weight":
        return Role("dense" if len(shape) == 2 else "conv", "OI...", leaf)
    last = owner.rpartition("/")[2]
    if name == "kernel" and len(shape) == 3:
        if last in QUERIES:
            return Role("attention", "in=0 out=1,2", leaf)
        if last == "out":
            return Role("attention", "in=0,1 out=2", leaf)
    if leaf == "weight":
        return Role("dense" if len(shape) == 2 else "conv", "...IO", leaf)
    return Role(leaf=leaf)


def recurrent_role(name: str, layer: str, gates: tuple[str, ...]) -> Role | None:
    """What an array of PyTorch's recurrent layers is, by its name; None if it is none of theirs.

    The first layer adds no number to the path, so that it keeps its values when another one is put on top.
    """
    found = _RECURRENT_NAME.fullmatch(name)
    if found is None:
        return None
    leaf, place, number, reverse = found.groups()
    inner = [number] if number not in (None, "0") else []
    inner += ["reverse"] if reverse else []
    splits = (Split("out", gates),) if gates and place != "hr" else ()
    return Role(layer, "OI" if leaf == "weight" else "...IO", leaf, (*inner, PLACES[place]), splits)


def is_state(name: str) -> bool:
    """Whether an array of that name is no parameter: a moving statistic, or a count."""
    return name.rpartition(".")[2].rpartition(SEPARATOR)[2] in STATE


def described(named: Iterable[tuple[str, Shape, DType]]) -> list[ModelArray]:
    """What is known of arrays by their names and shapes, and by those of others in their layer.

    Parameters
    ----------
    named
        Names in a framework's own writing, shapes and dtypes.

    Raises
    ------
    PathError
        If a name is malformed.
    """
    places: defaultdict[str, dict[str, Shape]] = defaultdict(dict)
    split = []
    for name, shape, dtype in named:
        owner, _, last = make_path(name).rpartition(SEPARATOR)
        places[owner][last] = shape
        split.append((name, owner, last, shape, dtype))
    return [
        ModelArray.of(_role_beside(places[owner], owner, last, shape), owner, last, name, shape, dtype)
        for name, owner, last, shape, dtype in split
    ]


def _role_beside(others: dict[str, Shape], owner: str, name: str, shape: Shape) -> Role:
    """What an array is beside the others of its layer."""
    states = (one for other, one in others.items() if other.startswith("weight_hh") and len(one) == 2)
    rows, columns = next(states, (0, 0))
    count = rows // columns if columns and rows % columns == 0 else 0
    if count in RECURRENT:
        role = recurrent_role(name, RECURRENT[count], GATES[count])
        if role is not None:
            return role
    role = role_of(owner, name, shape)
    is_of_norm = any(
        canonical_leaf(other) == "scale" or (other == "weight" and len(one) == 1)
        for other, one in others.items()
    )
    return role._replace(layer="norm") if role.leaf == "bias" and not role.layer and is_of_norm else role
