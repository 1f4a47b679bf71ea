"""unifinit on TensorFlow: the plugin, which imports nothing of TensorFlow until it is used."""

from unifinit.backend import Backend, BackendRecord, hookimpl


def load() -> Backend:
    """The backend; imports TensorFlow."""
    from unifinit_tensorflow.backend import TensorflowBackend

    return TensorflowBackend()


@hookimpl
def unifinit_backends() -> list[BackendRecord]:
    """The record of the one backend."""
    return [
        BackendRecord(
            name="tensorflow",
            modules=("tensorflow",),
            load=load,
            install='pip install "unifinit[tensorflow]"',
            api_version=1,
        )
    ]
