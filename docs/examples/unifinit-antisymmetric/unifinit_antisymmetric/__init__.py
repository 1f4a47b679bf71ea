"""A plugin of unifinit: it describes a backend and an initializer, and imports neither until one is used."""

from unifinit.backend import Backend, BackendRecord, hookimpl
from unifinit.extend import Initializer, InitializerRecord


def load_backend() -> Backend:
    """The backend; imports array_api_strict."""
    from unifinit_antisymmetric.backend import StrictBackend

    return StrictBackend()


def load_initializer() -> type[Initializer]:
    """The class of the initializer."""
    from unifinit_antisymmetric.initializer import Antisymmetric

    return Antisymmetric


@hookimpl
def unifinit_backends() -> list[BackendRecord]:
    """The record of the one backend."""
    return [
        BackendRecord(
            name="strict",
            modules=("array_api_strict",),
            load=load_backend,
            install="pip install array-api-strict",
            api_version=1,
        )
    ]


@hookimpl
def unifinit_initializers() -> list[InitializerRecord]:
    """The record of the one initializer."""
    return [
        InitializerRecord("Antisymmetric", load_initializer, api_version=1, aliases=("antisymmetric_rnn",))
    ]
