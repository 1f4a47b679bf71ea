"""unifinit on PyTorch: the plugin, which imports nothing of PyTorch until it is used."""

from unifinit.backend import Backend, BackendRecord, ModelReader, ModelRecord, hookimpl

__all__ = ["check_ranks"]


def check_ranks(group: object = None) -> None:
    """Check that all ranks of a process group compute the same stream: once, when a job starts.

    This is a collective call, which every rank of the group has to make. Filling tensors never communicates:
    a rank with another version of unifinit would give its shards other values without anybody's notice.

    Parameters
    ----------
    group : torch.distributed.ProcessGroup, optional
        By default all ranks.

    Raises
    ------
    StreamError
        If some ranks have another fingerprint than the others; every rank raises it, and it names them.
    """
    from unifinit_torch import distributed

    distributed.check_ranks(group)


def load() -> Backend:
    """The backend; imports PyTorch."""
    from unifinit_torch.recording import RecordingBackend

    return RecordingBackend()


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


def load_reader() -> ModelReader:
    """What reads modules; imports PyTorch."""
    from unifinit_torch.modules import ModuleReader

    return ModuleReader()


@hookimpl
def unifinit_models() -> list[ModelRecord]:
    """The record of what reads modules."""
    return [ModelRecord("torch", ("torch",), load_reader, api_version=1)]
