"""Models of Haiku: the plugin, which imports nothing of Haiku until it is used."""

from unifinit.backend import ModelReader, ModelRecord, hookimpl


def load_reader() -> ModelReader:
    """What reads transformed functions; imports Haiku and JAX."""
    from unifinit_haiku.transformed import HaikuReader

    return HaikuReader()


@hookimpl
def unifinit_models() -> list[ModelRecord]:
    """The record of what reads transformed functions."""
    return [ModelRecord("haiku", ("haiku",), load_reader, api_version=1)]
