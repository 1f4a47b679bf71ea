"""Modules of Flax, NNX and Linen: the plugin, which imports nothing of Flax until it is used."""

from unifinit.backend import ModelReader, ModelRecord, hookimpl


def load_reader() -> ModelReader:
    """What reads modules; imports Flax and JAX."""
    from unifinit_flax.reader import FlaxReader

    return FlaxReader()


@hookimpl
def unifinit_models() -> list[ModelRecord]:
    """The record of what reads modules."""
    return [ModelRecord("flax", ("flax",), load_reader, api_version=1)]
