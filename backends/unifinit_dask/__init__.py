"""unifinit on dask: the plugin, which imports nothing of dask until it is used."""

from unifinit.backend import Backend, BackendRecord, hookimpl


def load() -> Backend:
    """The backend; imports dask."""
    from unifinit_dask.backend import DaskBackend

    return DaskBackend()


def with_chunks(chunks: object) -> Backend:
    """A backend whose arrays have chunks of one's own choice, for ``backend=``.

    Parameters
    ----------
    chunks
        As ``dask.array`` understands it: the length of every side, a length for each axis, the lengths of all
        chunks along each axis, "auto", a size as "64 MiB", -1 for a whole axis, or a dict from axes to these.

    Examples
    --------
    >>> import unifinit as ui
    >>> from unifinit_dask import with_chunks
    >>> ui.HeNormal(seed=0)((4000, 6000), backend=with_chunks((1000, -1))).numblocks
    (4, 1)
    """
    from unifinit_dask.backend import DaskBackend

    return DaskBackend(chunks)


@hookimpl
def unifinit_backends() -> list[BackendRecord]:
    """The record of the one backend."""
    return [
        BackendRecord(
            name="dask",
            modules=("dask",),
            load=load,
            install='pip install "unifinit[dask]"',
            api_version=1,
        )
    ]
