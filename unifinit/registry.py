"""The registry: backends by name and by the type of an array, loaded when first used."""

from __future__ import annotations

import sys
from threading import RLock
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from unifinit import host
from unifinit.errors import (
    BackendUnavailableError,
    UnknownBackendError,
    UnsupportedArrayError,
    or_list,
    suggestion,
)

# What plugins need is imported with the first of them: keys, plans and configurations need none.
if TYPE_CHECKING:
    from unifinit.backend import Backend, Describe, ModelReader, ModelRecord
    from unifinit.plugins import Discovery, InitializerRecord

DEFAULT = "numpy"


class BackendStatus(NamedTuple):
    """Whether a backend can be used.

    Attributes
    ----------
    name
        The name for ``backend=``.
    state
        "installed", "missing", "broken" or "disabled".
    version
        Of the library, if it is installed.
    detail
        For a missing backend the command that installs it, for a broken one the reason, for a disabled
        one how to enable it.
    execution
        For one that has been loaded, what draws random arrays in memory of the host: the compiled kernel, or
        else, as on every other device, the library's own array operations. The values are the same.
    """

    name: str
    state: Literal["installed", "missing", "broken", "disabled"]
    version: str | None = None
    detail: str = ""
    execution: str = ""


class Registry:
    """Backends of one set of plugins."""

    def __init__(self, plugins: Discovery) -> None:
        self._plugins = plugins
        self._loaded: dict[str, Backend] = {}
        self._by_type: dict[type, Backend] = {}
        self._owners: dict[type, Backend | None] = {}
        self._generic: dict[str, Backend] = {}
        self._readers: dict[str, ModelReader] = {}
        self._lock = RLock()

    def get(self, name: str) -> Backend:
        """The backend of a name, loaded if it has not been.

        Raises
        ------
        UnknownBackendError
            If no plugin provides it.
        BackendUnavailableError
            If it is missing, broken or disabled.
        """
        backend = self._loaded.get(name)
        return self._load(name) if backend is None else backend

    def of(self, x: object) -> Backend:
        """The backend of an array.

        Raises
        ------
        UnsupportedArrayError
            If ``x`` is no array of an installed backend or of an Array API library.
        """
        backend = self._by_type.get(type(x))
        if backend is None:
            backend = self._by_type[type(x)] = self._find(x)
        return backend

    def owner(self, x: object) -> Backend | None:
        """The backend of the library to which an object belongs that is no array; None if there is none.

        A dtype of PyTorch, a generator of NumPy, a sharding of JAX.
        """
        cls = type(x)
        if cls not in self._owners:
            root = cls.__module__.partition(".")[0]
            names = (name for name, record in self._plugins.records.items() if root in record.modules)
            name = next(names, None)
            self._owners[cls] = None if name is None else self.get(name)
        return self._owners[cls]

    def recording(self) -> Backend | None:
        """The backend of an imported library that is recording a computation; None if there is none."""
        for name, record in self._plugins.records.items():
            if record.modules[0] in sys.modules:
                try:
                    backend = self.get(name)
                except BackendUnavailableError:
                    continue
                if backend.is_tracing():
                    return backend
        return None

    def resolve(self, backend: Any) -> Backend:
        """The backend for what a caller gave: a name, a module or an array namespace, or a backend."""
        if isinstance(backend, str):
            return self.get(backend)
        if isinstance(backend, ModuleType) or hasattr(backend, "__array_namespace_info__"):
            return self._of_namespace(backend)
        if _is_backend(backend):
            return backend  # type: ignore[no-any-return]
        raise UnknownBackendError(
            f"backend {backend!r} is a {type(backend).__name__}; wanted a name, an Array API namespace, "
            "or an object with the methods of unifinit.backend.Backend"
        )

    def names(self) -> list[str]:
        """All names that plugins provide, usable or not."""
        return sorted({*self._plugins.records, *self._plugins.broken, *self._plugins.disabled})

    def initializers(self) -> list[InitializerRecord]:
        """The records of the initializers that plugins provide."""
        return list(self._plugins.initializers.values())

    def load_initializer(self, record: InitializerRecord) -> type[Any]:
        """The class that a plugin provides.

        Raises
        ------
        BackendUnavailableError
            If it cannot be loaded.
        """
        try:
            cls = record.load()
            if not isinstance(cls, type) or cls.__name__ != record.name:
                raise TypeError(f"load returned {cls!r}; wanted a class of the name {record.name!r}")
        # A foreign module can fail in any way when it is imported; the others must go on working.
        except (Exception, SystemExit) as error:
            raise BackendUnavailableError(
                f"initializer {record.name!r} of a plugin failed to load: {type(error).__name__}: {error}; "
                "repair or uninstall the plugin"
            ) from error
        return cls

    def readers_of(self, target: object) -> list[ModelReader]:
        """The readers of the models of the libraries from which the class of an object derives."""
        roots = {cls.__module__.partition(".")[0] for cls in type(target).__mro__}
        records = self._plugins.models.values()
        return [self._reader(record) for record in records if not roots.isdisjoint(record.modules)]

    def reader(self, name: str) -> ModelReader:
        """The reader of models of a name that a plugin provides."""
        return self._reader(self._plugins.models[name])

    def layers(self) -> dict[str, Describe]:
        """The descriptions of layers that plugins provide."""
        return {name: record.describe for name, record in self._plugins.layers.items()}

    def _reader(self, record: ModelRecord) -> ModelReader:
        if record.name not in self._readers:
            try:
                self._readers[record.name] = record.load()
            # A foreign module can fail in any way when it is imported.
            except (Exception, SystemExit) as error:
                if isinstance(error, BackendUnavailableError):
                    raise
                raise BackendUnavailableError(
                    f"what reads models of {record.name!r} failed to load: {type(error).__name__}: {error}; "
                    "repair or uninstall the plugin"
                ) from error
        return self._readers[record.name]

    def environment(self, name: str) -> dict[str, str]:
        """Environment variables with which a fresh process finds every dtype of a backend."""
        record = self._plugins.records.get(name)
        return dict(record.environment) if record else {}

    def modules(self, name: str) -> tuple[str, ...]:
        """The top-level modules of a backend's library, that to install first; none if it is unusable."""
        record = self._plugins.records.get(name)
        return record.modules if record else ()

    def status(self, name: str, *, load: bool) -> BackendStatus:
        """Whether the backend of a known name can be used; ``load`` tries it out."""
        if name in self._plugins.broken:
            return BackendStatus(name, "broken", detail=self._plugins.broken[name])
        if name not in self._plugins.records:
            from unifinit.plugins import DISABLE_VARIABLE

            return BackendStatus(name, "disabled", detail=f"remove it from {DISABLE_VARIABLE} to enable it")
        record = self._plugins.records[name]
        module = record.modules[0]
        if sys.modules.get(module) is None and not _importable(module):
            return BackendStatus(name, "missing", detail=record.install)
        if load:
            try:
                execution = host.execution(uses_kernel=getattr(self.get(name), "host_kernel", False))
            except BackendUnavailableError:
                return BackendStatus(name, "broken", _version(module), self._plugins.broken[name])
            return BackendStatus(name, "installed", _version(module), execution=execution)
        return BackendStatus(name, "installed", _version(module))

    def _load(self, name: str) -> Backend:
        with self._lock:
            if name in self._loaded:
                return self._loaded[name]
            if name not in self.names():
                known = ", ".join(map(self._label, self.names()))
                raise UnknownBackendError(
                    f"no backend {name!r}{suggestion(name, self.names())}; known: {known}; "
                    "or pass an Array API namespace"
                )
            status = self.status(name, load=False)
            if status.state != "installed":
                doing = {"missing": "not installed", "broken": "broken", "disabled": "disabled"}[status.state]
                raise BackendUnavailableError(f"backend {name!r} is {doing}: {status.detail}")
            try:
                backend = self._plugins.records[name].load()
                if not _is_backend(backend):
                    raise TypeError(f"load returned {backend!r}; wanted a unifinit.backend.Backend")
            # A framework can fail in any way when it is imported; the others must go on working.
            except (Exception, SystemExit) as error:
                from unifinit.plugins import DISABLE_VARIABLE

                reason = f"it failed to load: {type(error).__name__}: {error}"
                self._plugins.broken[name] = reason
                raise BackendUnavailableError(
                    f"backend {name!r} is broken: {reason}; repair its installation, or disable it with "
                    f"{DISABLE_VARIABLE}={name}"
                ) from error
            self._loaded[name] = backend
            return backend

    def _label(self, name: str) -> str:
        status = self.status(name, load=False)
        if status.state == "installed":
            return name
        return (
            f"{name} (not installed: {status.detail})"
            if status.state == "missing"
            else f"{name} ({status.state})"
        )

    def _find(self, x: object) -> Backend:
        roots = {cls.__module__.partition(".")[0] for cls in type(x).__mro__}
        for name, record in self._plugins.records.items():
            if not roots.isdisjoint(record.modules) and (backend := self.get(name)).is_array(x):
                return backend
        if hasattr(x, "__array_namespace__") or roots & {"dask", "cupy", "torch"}:
            from array_api_compat import array_namespace

            try:
                return self._of_namespace(array_namespace(x))
            except TypeError:
                pass
        raise UnsupportedArrayError(
            f"a {type(x).__module__}.{type(x).__qualname__} is no array that unifinit knows; wanted one of "
            f"{or_list(self._plugins.records)}, or of a library with an Array API namespace"
        )

    def _of_namespace(self, xp: Any) -> Backend:
        name = getattr(xp, "__name__", type(xp).__name__).removeprefix("array_api_compat.")
        for known, record in self._plugins.records.items():
            if name.partition(".")[0] in record.modules:
                return self.get(known)
        if not hasattr(xp, "astype"):
            raise UnknownBackendError(
                f"module {name!r} is no Array API namespace; wanted one such as array_api_strict, or "
                "array_api_compat's for the library"
            )
        from unifinit.backend import ArrayApiBackend

        return self._generic.setdefault(name, ArrayApiBackend(name, xp))


def _is_backend(x: object) -> bool:
    return hasattr(x, "run") and hasattr(x, "fill") and hasattr(x, "is_array")


def _importable(module: str) -> bool:
    from importlib.util import find_spec

    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _version(module: str) -> str | None:
    found = getattr(sys.modules.get(module), "__version__", None)
    if found is None:
        from importlib.metadata import packages_distributions, version

        distributions = packages_distributions().get(module)
        if not distributions:
            return None
        found = version(distributions[0])
    return str(found)


def registry() -> Registry:
    """The registry of all installed plugins."""
    global _registry  # noqa: PLW0603 - made once, when it is first needed
    if _registry is None:
        with _registry_lock:
            if _registry is None:
                from unifinit.plugins import discover

                _registry = Registry(discover())
    return _registry


_registry: Registry | None = None
_registry_lock = RLock()


def backends(*, load: bool = True) -> dict[str, BackendStatus]:
    """Which backends there are, whether they work, and how to get those that are missing.

    Parameters
    ----------
    load
        Whether to import each installed framework, the only way to learn that one is broken. Without
        it the answer comes at once.

    Returns
    -------
    dict
        From name to status.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.backends(load=False)["numpy"].state
    'installed'
    """
    known = registry()
    return {name: known.status(name, load=load) for name in known.names()}
