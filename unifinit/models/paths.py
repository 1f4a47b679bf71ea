"""Paths: what a parameter is called, the same in every framework.

A canonical path is made of components with "/" between them, and ends in what the parameter is to its layer:
"encoder/layers/0/attention/query/weight". The key of a parameter is ``Key(seed) / path``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from unifinit.errors import PathError

SEPARATOR = "/"

LEAVES = {
    **dict.fromkeys(("weight", "kernel", "w", "embedding", "embeddings"), "weight"),
    **dict.fromkeys(("bias", "b", "beta", "offset"), "bias"),
    **dict.fromkeys(("scale", "gamma"), "scale"),
}
"""What libraries call the arrays of a layer, and what they are called here."""

TRANSPARENT = frozenset({"~", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
"""Components that wrappers and Haiku put into names."""

_PLAIN = re.compile(r"\w+", re.ASCII).fullmatch
_SPLIT = re.compile(r"[/.]")
_NUMBER = re.compile(r"(?:.*_)?(\d+)")


def components(name: str) -> list[str]:
    """The components of a name in a framework's own writing, without those that mean nothing.

    Raises
    ------
    PathError
        If one is empty, or holds characters that cannot be seen or encoded.
    """
    found = [part for part in _SPLIT.split(name) if part not in TRANSPARENT]
    for part in found:
        if not part or part != part.strip() or not part.isprintable():
            what = "an empty component" if not part else f"a component {part!r}"
            raise PathError(
                f"path {name!r} has {what}; wanted components of visible characters, between '/' or '.'"
            )
    return found


def make_path(*names: str) -> str:
    """The canonical path of components, of which each may be in a framework's own writing.

    Unicode is normalised (NFC), so that a name that looks the same is the same.

    Raises
    ------
    PathError
        If a component is empty, or holds characters that cannot be seen or encoded.
    """
    if len(names) == 1 and _PLAIN(names[0]) and names[0] not in TRANSPARENT:
        return names[0]
    path = SEPARATOR.join(part for name in names for part in components(name))
    return path if path.isascii() else unicodedata.normalize("NFC", path)


def joined(owner: str, name: str) -> str:
    """The path of something below a path; wrappers, and an empty name, add nothing."""
    path = make_path(name) if name else ""
    return f"{owner}{SEPARATOR}{path}" if owner and path else owner or path


def canonical_leaf(name: str) -> str:
    """What an array of a layer is called here; a name that is not known stays as it is."""
    return LEAVES.get(name, name)


def parent_of(path: str) -> str:
    """The path of the layer that has a parameter."""
    return path.rpartition(SEPARATOR)[0]


def number_of(component: str) -> int | None:
    """The number that a component is, or ends in behind an underscore; None if there is none."""
    found = _NUMBER.fullmatch(component)
    return None if found is None else int(found[1])


def require_distinct(paths: Iterable[tuple[str, str]]) -> None:
    """Do nothing if no two parameters have one path.

    Parameters
    ----------
    paths
        Pairs of a canonical path and of the name that its framework has for it.

    Raises
    ------
    PathError
        If two have.
    """
    names: dict[str, str] = {}
    for path, name in paths:
        if path in names:
            raise PathError(
                f"path {path!r} stands for both {names[path]!r} and {name!r}, which would get the same "
                "values; wanted distinct paths: give one of them another by rename="
            )
        names[path] = name
