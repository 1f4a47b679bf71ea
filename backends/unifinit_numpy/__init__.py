"""unifinit on NumPy: the plugin, which imports nothing of NumPy until it is used."""

from unifinit.backend import Backend, BackendRecord, hookimpl


def load() -> Backend:
    """The backend; imports NumPy."""
    from unifinit_numpy.backend import NumpyBackend

    return NumpyBackend()


@hookimpl
def unifinit_backends() -> list[BackendRecord]:
    """The record of the one backend."""
    return [
        BackendRecord(
            name="numpy",
            modules=("numpy",),
            load=load,
            install="pip install numpy",
            api_version=1,
        )
    ]
