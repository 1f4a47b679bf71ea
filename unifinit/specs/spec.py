"""Specifications: all that says how the parameters of a model start, as a value."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, SupportsIndex, TypeVar

from unifinit.agreement import VERSION
from unifinit.errors import ConfigError, SpecError, UnifinitError
from unifinit.initializers.base import Initializer, from_identifier, to_plain
from unifinit.initializers.hyperparameters import REQUIRED
from unifinit.key import Key, as_key
from unifinit.layout import as_layout
from unifinit.models.arrays import ModelArray, Split
from unifinit.models.assignment import assign, renamed
from unifinit.models.modelplan import ModelPlan
from unifinit.models.names import role_of
from unifinit.models.paths import canonical_leaf, make_path
from unifinit.models.patterns import Renaming
from unifinit.models.rules import Rule, Rules, as_rules
from unifinit.models.rulesets import Recipe, recipe
from unifinit.models.sources import KEEP, RuleSource
from unifinit.specs.architectures import architecture
from unifinit.specs.documents import (
    FORMAT,
    Document,
    FilePath,
    as_json,
    as_toml,
    checked_document,
    compact,
    read_document,
    write_document,
)
from unifinit.types import as_dtype, as_shape
from unifinit.values import Value

T = TypeVar("T")


class Spec(Value):
    """How the parameters of a model start: their shapes, the rules and the seed.

    Parameters
    ----------
    arrays : sequence of ModelArray
        The arrays of the model.
    rules : Rules, or what stands for them
        Which initializer each parameter gets.
    seed : int or Key
        The seed of the model.
    rename : mapping, optional
        As for ``ui.init_``.
    name : str
        What the model is called.

    Raises
    ------
    RuleError
        If rules are malformed.

    Examples
    --------
    >>> import unifinit as ui
    >>> spec = ui.Spec.from_document({
    ...     "unifinit_spec": 1,
    ...     "seed": 0,
    ...     "rules": [
    ...         {"path": "**/bias", "initializer": "zeros"},
    ...         {"path": "**", "initializer": "he_normal"},
    ...     ],
    ...     "parameters": [{"name": "fc.weight", "shape": [64, 32]}, {"name": "fc.bias", "shape": [64]}],
    ... })
    >>> print(spec.plan())
    path       shape  dtype    layer  layout  fans    initializer  std   size
    fc/weight  64x32  float32  dense  OI...   32, 64  HeNormal()   0.25  2,048
    fc/bias    64     float32  -      ...IO   64, 64  Zeros()      0     64
    2 parameters, 2,112 elements, 8,448 bytes
    """

    arrays: tuple[ModelArray, ...]
    rules: Rules
    key: Key
    rename: Mapping[str, str]
    name: str

    parts = ("arrays", "rules", "key", "rename", "name")

    def __init__(
        self,
        arrays: Sequence[ModelArray],
        rules: Any,
        seed: SupportsIndex | Key,
        *,
        rename: Mapping[str, str] | None = None,
        name: str = "",
    ) -> None:
        Renaming(rename)
        vars(self).update(
            arrays=tuple(arrays),
            rules=as_rules(rules),
            key=as_key(seed),
            rename=MappingProxyType(dict(rename or {})),
            name=name,
        )

    def _compared(self) -> tuple[object, ...]:
        # Of new names the first that matches wins; and a mapping has no hash.
        return (self.arrays, self.rules, self.key, tuple(self.rename.items()), self.name)

    def __reduce__(self) -> tuple[object, ...]:
        return _unpickled, (self.arrays, self.rules, self.key, dict(self.rename), self.name)

    def plan(self, seed: SupportsIndex | Key | None = None) -> ModelPlan:
        """What each array is to hold, with another seed if one is given.

        Raises
        ------
        UnifinitError
            As ``ui.init_`` raises.
        """
        key = self.key if seed is None else as_key(seed)
        return ModelPlan(assign(renamed(self.arrays, Renaming(self.rename)), self.rules, key), key)

    @classmethod
    def read(cls, path: FilePath) -> Spec:
        """The specification in a file of TOML or JSON, by the ending of its name.

        Raises
        ------
        SpecError
            If it is none; the message tells where.
        MissingPackageError
            If the package jsonschema is not installed.
        OSError
            If it cannot be read.
        """
        return cls._from_checked(read_document(path), os.fsdecode(path))

    @classmethod
    def from_document(cls, document: Document) -> Spec:
        """The specification that a table of plain values is, as a file holds it.

        Raises
        ------
        SpecError
            If it is none; the message tells where.
        """
        return cls._from_checked(checked_document(document, "the document"), "the document")

    @classmethod
    def _from_checked(cls, document: Document, name: str) -> Spec:
        dtype = document.get("dtype", "float32")
        arrays: list[ModelArray] = []
        try:
            if "architecture" in document:
                chosen = document["architecture"]
                arrays += architecture(chosen["name"], chosen["sizes"], dtype)
            arrays += _each("parameters", document.get("parameters", ()), lambda entry: _array(entry, dtype))
            _check_names(arrays)
            rules = Rules(
                list(_each("rules", document["rules"], _rule)), unmatched=document.get("unmatched", "error")
            )
            rename, title = document.get("rename"), document.get("name", "")
            return cls(arrays, rules, document["seed"], rename=rename, name=title)
        except SpecError as error:
            raise SpecError(f"{name}: {error}") from None
        except UnifinitError as error:
            raise SpecError(f"{name}: {error}") from error

    def document(self) -> Document:
        """The specification as a table of plain values, from which ``from_document`` makes it again.

        Raises
        ------
        ConfigError
            If an initializer has no configuration.
        """
        return {
            "unifinit_spec": FORMAT,
            "stream": VERSION,
            **({"name": self.name} if self.name else {}),
            "seed": self.key.seed,
            "unmatched": self.rules.unmatched,
            **({"rename": dict(self.rename)} if self.rename else {}),
            "rules": [_rule_entry(rule) for rule in self.rules.rules],
            "parameters": [_array_entry(array) for array in self.arrays],
        }

    def write(self, path: FilePath, *, overwrite: bool = False) -> None:
        """Write a file of TOML or JSON, by the ending of its name.

        Raises
        ------
        SpecError
            If the name ends otherwise.
        FileExistsError
            If there is something of that name, other than a file that may be replaced.
        """
        write_document(self.document(), path, overwrite=overwrite)

    def to_toml(self) -> str:
        """The text of a file of TOML."""
        return as_toml(self.document())

    def to_json(self) -> str:
        """The text of a file of JSON."""
        return as_json(self.document())


def _unpickled(
    arrays: Sequence[ModelArray], rules: Rules, key: Key, rename: Mapping[str, str], name: str
) -> Spec:
    return Spec(arrays, rules, key, rename=rename, name=name)


def _each(
    what: str, entries: Iterable[Mapping[str, Any]], make: Callable[[Mapping[str, Any]], T]
) -> Iterator[T]:
    """What is made of each entry; errors say of which."""
    for number, entry in enumerate(entries):
        try:
            yield make(entry)
        except UnifinitError as error:
            name = f" ({entry['name']!r})" if "name" in entry else ""
            raise SpecError(f"at {what}[{number}]{name}: {error}") from error


def _array(entry: Mapping[str, Any], dtype: str) -> ModelArray:
    name, shape = entry["name"], as_shape(entry["shape"])
    owner, _, leaf = _path(entry.get("path", name)).rpartition("/")
    role = role_of(owner, make_path(name).rpartition("/")[2], shape)
    splits = role.splits if "path" not in entry else ()
    if "splits" in entry:
        splits = tuple(
            Split(
                split["axis"],
                tuple(map(_path, split["names"])),
                tuple(split["sizes"]) if "sizes" in split else None,
            )
            for split in entry["splits"]
        )
    return ModelArray(
        name,
        owner,
        canonical_leaf(leaf) if "path" in entry else role.leaf,
        shape,
        as_dtype(entry.get("dtype", dtype)),
        entry.get("layer", role.layer),
        as_layout(entry.get("layout", role.layout)),
        splits,
        entry.get("zero_row"),
    )


def _path(name: str) -> str:
    path = make_path(name)
    if not path:
        raise SpecError(f"{name!r} is no path: nothing is left of it; wanted a component with a name")
    return path


def _array_entry(array: ModelArray) -> Document:
    splits = [
        compact({"axis": s.axis, "names": list(s.names), "sizes": list(s.sizes or ())}) for s in array.splits
    ]
    path = array.path()
    guessed = role_of(array.owner, make_path(array.name).rpartition("/")[2], array.shape).layer
    return {
        "name": array.name,
        "path": path,
        "shape": list(array.shape),
        "dtype": array.dtype.name,
        **({"layer": array.layer} if array.layer or guessed else {}),
        "layout": array.layout.text,
        **({"splits": splits} if splits else {}),
        **({} if array.zero_row is None else {"zero_row": array.zero_row}),
    }


def _check_names(arrays: Iterable[ModelArray]) -> None:
    known = set()
    for array in arrays:
        if array.name in known:
            raise SpecError(f"two parameters are called {array.name!r}; wanted distinct names")
        known.add(array.name)


def _rule(entry: Mapping[str, Any]) -> RuleSource:
    if "recipe" in entry:
        return recipe(entry["recipe"], **entry.get("settings", {}))
    return Rule(entry["path"], entry["initializer"], layer=entry.get("layer"), layout=entry.get("layout"))


def _rule_entry(source: RuleSource) -> Document:
    if isinstance(source, Recipe):
        settings = {
            name: value
            for name, value in source.get_config().items()
            if value != source.settings[name].default and value is not None
        }
        return {"recipe": source.name, **({"settings": settings} if settings else {})}
    if not isinstance(source, Rule):
        raise ConfigError(f"{source!r} is neither a rule nor a recipe, and no file can hold it")
    initializer = source.initializer
    return {
        "path": source.pattern.text,
        "initializer": KEEP if isinstance(initializer, str) else _initializer_entry(initializer),
        **({"layer": source.layer} if source.layer else {}),
        **({"layout": source.layout.text} if source.layout else {}),
    }


def _initializer_entry(initializer: Initializer) -> Any:
    """Its name, with the hyperparameters that differ from the defaults."""
    config = {}
    for name, value in initializer.get_config().items():
        declared = initializer.hyperparameters[name]
        is_default = declared.default is not REQUIRED and value == to_plain(
            declared.checked(declared.default, name), name
        )
        if not is_default:
            config[name] = _shortened(value)
    name = type(initializer).__name__
    return {"class_name": name, "config": config} if config else name


def _shortened(value: Any) -> Any:
    """A value of a configuration, with the initializers in it as ``_initializer_entry`` has them."""
    if isinstance(value, Mapping) and value.keys() == {"class_name", "config"}:
        return _initializer_entry(from_identifier(value, "initializer"))
    return list(map(_shortened, value)) if isinstance(value, (list, tuple)) else value
