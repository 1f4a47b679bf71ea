"""unifinit on PyTorch: the plugin, which imports nothing of PyTorch until it is used."""

from unifinit.backend import Backend, BackendRecord, hookimpl


def load() -> Backend:
    """The backend; imports PyTorch."""
    from unifinit_torch.backend import TorchBackend

    return TorchBackend()


@hookimpl
def unifinit_backends() -> list[BackendRecord]:
    """The record of the one backend."""
    return [
        BackendRecord(
            name="torch",
            modules=("torch",),
            load=load,
            install='pip install "unifinit[torch]"',
            api_version=1,
        )
    ]
