"""unifinit on JAX: the plugin, which imports nothing of JAX until it is used."""

from unifinit.backend import Backend, BackendRecord, hookimpl


def load() -> Backend:
    """The backend; imports JAX."""
    from unifinit_jax.backend import JaxBackend

    return JaxBackend()


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
