"""The records of other frameworks' initializers, one for each of their names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

FRAMEWORKS = ("tensorflow1", "tensorflow", "keras", "torch", "jax", "flax", "haiku", "timm")
"""In the order of tables."""


class Peer(NamedTuple):
    """An initializer of another framework.

    Attributes
    ----------
    framework
        One of ``FRAMEWORKS``; "tensorflow1" is ``tf.compat.v1``.
    name
        The whole name, as ``"torch.nn.init.kaiming_normal_"``.
    initializer
        Our class of the same name or, where we have none of the name, of the same meaning.
    equivalent, config
        The class and the hyperparameters of ours that draw what it draws with its defaults; where it has
        none, with values that stand for them.
    layout
        How it reads a shape: ``"...IO"`` or ``"OI..."``.
    fans
        What it makes of a shape: "receptive" fans, the "product" of all axes but the last, "columns" or
        "rows" of a flattened matrix, a "matrix" of two axes, "batched" matrices, a kernel with a "centre" or
        with equal "sides", "frames", or "none" if the shape does not matter.
    aliases
        Other names for it.
    parameters
        For each hyperparameter of ours that it has with the same meaning, its own name for it.
    choices
        For some of these, the values that it knows.
    defaults
        The defaults of its parameters, but for seeds, generators and dtypes. Those of ``parameters`` that are
        not here have none.
    difference
        How what it draws with its defaults differs from ours; empty if it does not.
    note
        What else there is to know.
    reexport_of
        The name of another framework's initializer, if it is the very same object.
    """

    framework: str
    name: str
    initializer: str
    equivalent: str
    layout: str
    fans: str
    config: Mapping[str, Any] = {}
    aliases: tuple[str, ...] = ()
    parameters: Mapping[str, str] = {}
    choices: Mapping[str, list[str]] = {}
    defaults: Mapping[str, Any] = {}
    difference: str = ""
    note: str = ""
    reexport_of: str | None = None

    def has_default(self, hyperparameter: str) -> bool:
        """Whether its parameter for one of our hyperparameters may be left out."""
        return self.parameters[hyperparameter] in self.defaults


@cache
def load_peers() -> tuple[Peer, ...]:
    """All records, by framework in the order of ``FRAMEWORKS`` and by name."""
    # Not at the top: few programs ask for peers.
    import json
    from pkgutil import get_data

    data = get_data(__name__, "peers.json")
    if data is None:
        raise FileNotFoundError(
            f"peers.json is not where {__name__} is; wanted a complete installation of unifinit"
        )
    records = (Peer(**{**record, "aliases": tuple(record.get("aliases", ()))}) for record in json.loads(data))
    return tuple(sorted(records, key=lambda peer: (FRAMEWORKS.index(peer.framework), peer.name)))


def peers_of(class_name: str) -> tuple[Peer, ...]:
    """The records of what other frameworks have by the name of a class, or in its place."""
    return tuple(peer for peer in load_peers() if peer.initializer == class_name)
