"""Plugins: found through entry points, asked through pluggy for records, and never trusted to work.

A plugin describes, it does not compute: its hook returns records, and importing it imports no framework.
What is wrong with one plugin is kept for ``unifinit.backends()`` and does not touch the others.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pluggy

from unifinit.backend import API_VERSION, BackendRecord

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "unifinit"
DISABLE_VARIABLE = "UNIFINIT_DISABLE"
"""Environment variable: names of plugins, or of their distributions, separated by commas."""

hookspec = pluggy.HookspecMarker(GROUP)


class HookSpecifications:
    """The hooks that a plugin can implement."""

    @hookspec
    def unifinit_backends(self) -> list[BackendRecord]:  # type: ignore[empty-body]
        """Return records of the backends that the plugin provides; import no framework."""


@dataclass
class Discovery:
    """What the plugins told.

    Attributes
    ----------
    records
        The usable records by backend name.
    broken
        For each unusable backend or plugin, the reason.
    disabled
        The names of plugins that were not asked.
    """

    records: dict[str, BackendRecord] = field(default_factory=dict)
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
            providers.setdefault(record.name, []).append(label)
            if record.api_version > API_VERSION:
                found.broken[record.name] = (
                    f"{label} is made for plugin API {record.api_version}, this unifinit has {API_VERSION}: "
                    "upgrade unifinit, or install an older version of the plugin"
                )
            else:
                found.records[record.name] = record
    for name, labels in providers.items():
        if len(labels) > 1:
            found.broken[name] = (
                f"{len(labels)} plugins provide a backend {name!r}: {', '.join(labels)}; uninstall one, or "
                f"disable its distribution with the environment variable {DISABLE_VARIABLE}"
            )
    for name in found.broken:
        found.records.pop(name, None)
    # A plugin that failed has named no backend: its own name must not hide one.
    for name, reasons in failures.items():
        found.broken[f"plugin {name}" if name in providers else name] = "; ".join(reasons)
    found.disabled = tuple(left_out)
    return found


def _ask(entry_point: EntryPoint) -> list[BackendRecord]:
    # A manager for each plugin, so that two of the same name do not collide.
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(HookSpecifications)
    manager.register(entry_point.load(), name=entry_point.name)
    manager.check_pending()
    records = [record for answer in manager.hook.unifinit_backends() for record in answer]
    if not records:
        raise ValueError("it has no hook unifinit_backends that returns a record")
    for record in records:
        if not isinstance(record, BackendRecord):
            raise TypeError(
                f"hook unifinit_backends returned a {type(record).__name__}; wanted BackendRecords"
            )
        _check(record)
    return records


def _check(record: BackendRecord) -> None:
    # Here and not in the record: the plugin is to be named, and the others are to go on.
    if (
        isinstance(record.name, str)
        and isinstance(record.api_version, int)
        and record.api_version > API_VERSION
    ):
        return  # Its other fields may mean something else; it is refused for its version.
    modules = record.modules
    fits = {
        "name": isinstance(record.name, str) and record.name,
        "modules": isinstance(modules, tuple) and modules and all(isinstance(name, str) for name in modules),
        "load": callable(record.load),
        "install": isinstance(record.install, str),
        "api_version": isinstance(record.api_version, int),
    }
    for name, fit in fits.items():
        if not fit:
            wanted = BackendRecord.__annotations__[name]
            raise TypeError(f"{name} of a BackendRecord is {getattr(record, name)!r}; wanted {wanted}")


def _distribution(entry_point: EntryPoint) -> str:
    return entry_point.dist.name if entry_point.dist is not None else "an unknown distribution"
