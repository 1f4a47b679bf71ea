"""unifinit on JAX: the plugin, which imports nothing of JAX until it is used."""

from unifinit.backend import Backend, BackendRecord, hookimpl


def load() -> Backend:
    """The backend; imports JAX."""
    from unifinit_jax.backend import JaxBackend

    return JaxBackend()


def check_processes() -> None:
    """Do nothing if all processes of ``jax.distributed`` compute the same stream.

    Each makes only the parts of an array that its own devices have: with another version of unifinit, its
    parts would not fit to the others. All processes have to call this, best once, after
    ``jax.distributed.initialize``.

    Raises
    ------
    StreamError
        If the fingerprints of some processes differ, in each of the processes; it names them.
    """
    from unifinit_jax.processes import compare_fingerprints

    compare_fingerprints()


@hookimpl
def unifinit_backends() -> list[BackendRecord]:
    """The record of the one backend."""
    return [
        BackendRecord(
            name="jax",
            modules=("jax", "jaxlib"),
            load=load,
            install='pip install "unifinit[jax]"',
            api_version=1,
            environment={"JAX_ENABLE_X64": "1"},
        )
    ]
