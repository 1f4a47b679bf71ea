"""What arrays are whose names and shapes alone are known."""

from __future__ import annotations

import re

from unifinit.models.arrays import Role, Split
from unifinit.models.paths import canonical_leaf
from unifinit.types import Shape

QUERIES = ("query", "key", "value")
"""The projections that read the inputs of an attention layer."""
GATES = {4: ("i", "f", "g", "o"), 3: ("r", "z", "n"), 1: ()}
"""The gates that PyTorch's recurrent layers have side by side, by how many there are."""


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
