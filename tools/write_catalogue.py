"""Write ``docs/catalogue.md``: every initializer, and what other frameworks have by its name.

Run ``python tools/write_catalogue.py`` after an initializer has been added or changed, or a record in
``unifinit/peers/peers.json``. A test compares the page with what this would write.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from unifinit.initializers.classes import aliases_of, own_classes
from unifinit.initializers.families import PACKAGE
from unifinit.initializers.hyperparameters import REQUIRED
from unifinit.layout import Layout
from unifinit.peers import FRAMEWORKS, Peer, load_peers, peer_fans, peers_of
from unifinit.weight import Fans

PAGE = Path(__file__).resolve().parent.parent / "docs" / "catalogue.md"

TITLES = {
    "tensorflow1": "TensorFlow 1",
    "tensorflow": "TensorFlow 2",
    "keras": "Keras",
    "torch": "PyTorch",
    "jax": "JAX",
    "flax": "Flax",
    "haiku": "Haiku",
    "timm": "timm",
}

KERNELS = {
    "dense, 32 to 64": ("IO", (32, 64)),
    "convolution 3 × 3, 32 to 64": ("HWIO", (3, 3, 32, 64)),
    "convolution 3 × 3, 32 to 64, stride 2": ("conv(stride=2) HWIO", (3, 3, 32, 64)),
    "convolution 3 × 3, 32 to 64, 4 groups": ("conv(groups=4) HWIO", (3, 3, 8, 64)),
    "depthwise 3 × 3, 32 channels to 2 each": ("depthwise HWIO", (3, 3, 32, 2)),
    "transposed 3 × 3, 32 to 64": ("conv_transpose HWIO", (3, 3, 32, 64)),
    "transposed 3 × 3, 32 to 64, 4 groups": ("conv_transpose(groups=4) HWIO", (3, 3, 32, 16)),
    "embedding, 50 to 16": ("embedding IO", (50, 16)),
    "64 to 4 heads of 16": ("in=0 out=1,2", (64, 4, 16)),
    "8 separate layers, 64 to 32 each": ("GIO", (8, 64, 32)),
    "einsum abc,cde->abde": ("abc,cde->abde", (64, 4, 16)),
    "vector of 64": ("...IO", (64,)),
    "scalar": ("...IO", ()),
}

HEAD = """\
# Catalogue

<!-- Written by tools/write_catalogue.py. -->

Every initializer with its formula, its hyperparameters and its source, and what other frameworks have by its
name or in its place. Nothing differs where both draw from one distribution with their defaults, given equal
fans; `describe` tells what each of them draws for a shape of yours. These are facts about TensorFlow 2.21,
Keras 3.15, PyTorch 2.13, JAX 0.10, Flax 0.12, Haiku 0.0.17 and timm 1.0.31: tests call each name.

TensorFlow 1 means `tf.compat.v1`.
"""

FANS = """\
## Fans

Other frameworks look at the shape of a kernel alone, and most of them take every shape for that of a plain
layer. This is what their own code computes for the kernels of their own layers, as fan in and fan out; a dash
where they raise an error, or have no such layer.
"""


def page() -> str:
    """The whole page."""
    families = groupby(sorted(own_classes(), key=_place), key=_family)
    sections = [HEAD, FANS + "\n" + _fans_table()]
    sections += [_section(family, list(classes)) for family, classes in families]
    return "\n".join(sections)


def _family(cls: type[Any]) -> str:
    return cls.__module__.removeprefix(PACKAGE).partition(".")[0]


def _place(cls: type[Any]) -> tuple[str, str]:
    return _family(cls), cls.__name__


def _section(family: str, classes: list[type[Any]]) -> str:
    about = (importlib.import_module(PACKAGE + family).__doc__ or "").partition("\n")[0]
    return "\n".join([f"## {family.capitalize()}\n\n{_plain(about)}\n", *map(_entry, classes)])


def _entry(cls: type[Any]) -> str:
    lines = [
        f"### {cls.__name__}",
        "",
        f"{_plain(cls.summary)}".rstrip("."),
        "",
        f"- Formula: `{cls.formula}`",
        f"- Source: {_plain(cls.source)}",
        f"- Names: {', '.join(_names(cls))}",
    ]
    if cls.hyperparameters:
        lines.append("- Hyperparameters:")
    for name, declared in cls.hyperparameters.items():
        default = "required" if declared.default is REQUIRED else f"default `{declared.default!r}`"
        lines.append(f"  - `{name}`, {default}: {_plain(declared.constraint)}")
    return "\n".join([*lines, "", _peers_table(cls.__name__)])


def _names(cls: type[Any]) -> list[str]:
    names = []
    for name in dict.fromkeys(aliases_of(cls)):
        config = ", ".join(f"{key}={value!r}" for key, value in cls.aliases.get(name, {}).items())
        names.append(f"`{name}`" + (f" ({_plain(config)})" if config else ""))
    return names


def _peers_table(class_name: str) -> str:
    peers = peers_of(class_name)
    if not peers:
        return "None of these frameworks has it.\n"
    rows = [
        (
            TITLES[peer.framework],
            ", ".join(f"`{name}`" for name in (peer.name, *peer.aliases)),
            _differs(peer),
        )
        for peer in peers
    ]
    lacking = [TITLES[name] for name in FRAMEWORKS if name not in {peer.framework for peer in peers}]
    table = _table(("framework", "name", "what differs"), rows)
    return table + (f"\nNot in {', '.join(lacking)}.\n" if lacking else "")


def _differs(peer: Peer) -> str:
    renamed = [f"Our {ours} is its {theirs}." for ours, theirs in peer.parameters.items() if ours != theirs]
    same_object = [f"The very object `{peer.reexport_of}`."] if peer.reexport_of else []
    text = [peer.difference or "Nothing.", *same_object, *renamed, peer.note]
    return " ".join(part if part in same_object else _plain(part) for part in text if part)


def _fans_table() -> str:
    looking = {name: _looks_at_fans(name) for name in FRAMEWORKS}
    rows = []
    for kernel, (text, shape) in KERNELS.items():
        layout = Layout(text)
        found = [peer_fans(peer, layout, shape) for peer in looking.values()]
        rows.append((_plain(kernel), *map(_fans, [layout.weight(shape).fans, *found])))
    return _table(("kernel", "here", *(TITLES[name] for name in FRAMEWORKS)), rows)


def _looks_at_fans(framework: str) -> Peer:
    return next(peer for peer in load_peers() if (peer.framework, peer.fans) == (framework, "receptive"))


def _fans(fans: Fans | None) -> str:
    return "–" if fans is None else f"{fans.fan_in:g}, {fans.fan_out:g}"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _plain(text: str) -> str:
    """A text whose signs Markdown leaves alone."""
    return "".join("\\" + sign if sign in "\\*_|<" else sign for sign in text)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    print(f"wrote {PAGE}")
