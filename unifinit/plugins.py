"""Plugins: found through entry points, asked through pluggy for records, and never trusted to work.

A plugin describes, it does not compute: its hook returns records, and importing it imports no framework.
What is wrong with one plugin is kept for ``unifinit.backends()`` and does not touch the others.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import pluggy

from unifinit.backend import API_VERSION, BackendRecord, LayerRecord, ModelRecord

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "unifinit"
DISABLE_VARIABLE = "UNIFINIT_DISABLE"
"""Environment variable: names of plugins, or of their distributions, separated by commas."""

hookspec = pluggy.HookspecMarker(GROUP)


@dataclass(frozen=True)
class InitializerRecord:
    """What a plugin tells about an initializer before it is imported.

    Attributes
    ----------
    name
        The name of the class.
    load
        Imports it and returns it: a subclass of ``unifinit.Initializer``.
    api_version
        The ``unifinit.backend.API_VERSION`` for which the plugin was written, as a literal.
    aliases
        The other names of ``ui.get`` that load it, those that its attribute ``aliases`` has.
    """

    name: str
    load: Callable[[], type[Any]]
    api_version: int
    aliases: tuple[str, ...] = ()


class HookSpecifications:
    """The hooks that a plugin can implement."""

    @hookspec
    def unifinit_backends(self) -> list[BackendRecord]:  # type: ignore[empty-body]
        """Return records of the backends that the plugin provides; import no framework."""

    @hookspec
    def unifinit_initializers(self) -> list[InitializerRecord]:  # type: ignore[empty-body]
        """Return records of the initializers that the plugin provides."""

    @hookspec
    def unifinit_models(self) -> list[ModelRecord]:  # type: ignore[empty-body]
        """Return records of the readers of models that the plugin provides; import no framework."""

    @hookspec
    def unifinit_layers(self) -> list[LayerRecord]:  # type: ignore[empty-body]
        """Return records of the classes of layers that the plugin describes; import no framework."""


@dataclass
class Discovery:
    """What the plugins told.

    Attributes
    ----------
    records
        The usable records by backend name.
    initializers
        The usable records of initializers by name.
    models
        The usable records of readers of models by name.
    layers
        The usable records of layers by name.
    broken
        For each unusable backend, initializer or plugin, the reason.
    disabled
        The names of plugins that were not asked.
    """

    records: dict[str, BackendRecord] = field(default_factory=dict)
    initializers: dict[str, InitializerRecord] = field(default_factory=dict)
    models: dict[str, ModelRecord] = field(default_factory=dict)
    layers: dict[str, LayerRecord] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    disabled: tuple[str, ...] = ()


def disabled_plugins() -> frozenset[str]:
    """The names in the environment variable ``UNIFINIT_DISABLE``."""
    return frozenset(filter(None, map(str.strip, os.environ.get(DISABLE_VARIABLE, "").split(","))))


def discover(
    plugins: Iterable[EntryPoint] | None = None, disabled: frozenset[str] | None = None
) -> Discovery:
    """Ask every enabled plugin for its records.

    Parameters
    ----------
    plugins
        Entry points; by default those of the group ``unifinit`` of everything installed.
    disabled
        Names of plugins or distributions to leave out; by default those of ``UNIFINIT_DISABLE``.
    """
    if plugins is None:
        from importlib.metadata import entry_points  # Not at the top: it is slow to import.

        plugins = entry_points(group=GROUP)
    disabled = disabled_plugins() if disabled is None else disabled
    found = Discovery()
    left_out = []
    failures: dict[str, list[str]] = {}
    providers: dict[str, list[str]] = {}
    for entry_point in sorted(plugins, key=lambda plugin: (plugin.name, plugin.value)):
        if disabled & {entry_point.name, _distribution(entry_point)}:
            left_out.append(entry_point.name)
            continue
        label = f"plugin {entry_point.name!r} of {_distribution(entry_point)} ({entry_point.value})"
        try:
            records = _ask(entry_point)
        # Whatever a foreign module does on import is its own fault, and is reported by name.
        except (Exception, SystemExit) as error:
            reason = f"{label} failed: {type(error).__name__}: {error}"
            failures.setdefault(entry_point.name, []).append(reason)
            continue
        for record in records:
            providers.setdefault(_subject(record), []).append(label)
            if record.api_version > API_VERSION:
                found.broken[_subject(record)] = (
                    f"{label} is made for plugin API {record.api_version}, this unifinit has {API_VERSION}: "
                    "upgrade unifinit, or install an older version of the plugin"
                )
            else:
                _kept(found, record)[record.name] = record
    _report_doubles(found, providers)
    # A plugin that failed has named no backend: its own name must not hide one.
    for name, reasons in failures.items():
        found.broken[f"plugin {name}" if name in providers else name] = "; ".join(reasons)
    found.disabled = tuple(left_out)
    return found


def _report_doubles(found: Discovery, providers: Mapping[str, list[str]]) -> None:
    """Take away what several plugins provide, and all else that is broken."""
    for name, labels in providers.items():
        if len(labels) > 1:
            what = name if " " in name else f"a backend {name!r}"
            found.broken[name] = (
                f"{len(labels)} plugins provide {what}: {', '.join(labels)}; uninstall one, or "
                f"disable its distribution with the environment variable {DISABLE_VARIABLE}"
            )
    for name in found.broken:
        found.records.pop(name, None)
        for kind, label in LABELS.items():
            if name.startswith(label):
                getattr(found, KEPT[kind]).pop(name.removeprefix(label), None)


Record: TypeAlias = BackendRecord | InitializerRecord | ModelRecord | LayerRecord

HOOKS: dict[str, type[Record]] = {
    "unifinit_backends": BackendRecord,
    "unifinit_initializers": InitializerRecord,
    "unifinit_models": ModelRecord,
    "unifinit_layers": LayerRecord,
}
KEPT: dict[type[Record], str] = {
    BackendRecord: "records",
    InitializerRecord: "initializers",
    ModelRecord: "models",
    LayerRecord: "layers",
}
"""Where records of a kind are kept."""
LABELS: dict[type[Record], str] = {
    InitializerRecord: "initializer ",
    ModelRecord: "reader of models ",
    LayerRecord: "layer ",
}
"""What is put before a name when a record is reported: records of different kinds may share one."""


def _subject(record: Record) -> str:
    return f"{LABELS.get(type(record), '')}{record.name}"


def _kept(found: Discovery, record: Record) -> dict[str, Any]:
    kept: dict[str, Any] = getattr(found, KEPT[type(record)])
    return kept


def _ask(entry_point: EntryPoint) -> list[Record]:
    # A manager for each plugin, so that two of the same name do not collide.
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(HookSpecifications)
    manager.register(entry_point.load(), name=entry_point.name)
    manager.check_pending()
    records: list[Record] = []
    for hook, kind in HOOKS.items():
        for record in (record for answer in getattr(manager.hook, hook)() for record in answer):
            if not isinstance(record, kind):
                raise TypeError(f"hook {hook} returned a {type(record).__name__}; wanted {kind.__name__}s")
            _check(record)
            records.append(record)
    if not records:
        *others, last = HOOKS
        raise ValueError(f"it has no hook {', '.join(others)} or {last} that returns a record")
    return records


def _check(record: Record) -> None:
    # Here and not in the record: the plugin is to be named, and the others are to go on.
    if (
        isinstance(record.name, str)
        and isinstance(record.api_version, int)
        and record.api_version > API_VERSION
    ):
        return  # Its other fields may mean something else; it is refused for its version.
    fits = {
        "name": isinstance(record.name, str) and record.name,
        "api_version": isinstance(record.api_version, int),
    }
    if isinstance(record, LayerRecord):
        fits["describe"] = callable(record.describe)
    else:
        fits["load"] = callable(record.load)
    if isinstance(record, (BackendRecord, ModelRecord)):
        fits["modules"] = record.modules and _are_names(record.modules)
    if isinstance(record, BackendRecord):
        fits["install"] = isinstance(record.install, str)
    if isinstance(record, InitializerRecord):
        fits["aliases"] = _are_names(record.aliases)
    for name, fit in fits.items():
        if not fit:
            wanted = type(record).__annotations__[name]
            raise TypeError(
                f"{name} of a {type(record).__name__} is {getattr(record, name)!r}; wanted {wanted}"
            )


def _are_names(names: object) -> bool:
    return isinstance(names, tuple) and all(isinstance(name, str) for name in names)


def _distribution(entry_point: EntryPoint) -> str:
    return entry_point.dist.name if entry_point.dist is not None else "an unknown distribution"
