"""Models of Keras: the plugin, which imports nothing of Keras until it is used."""

from unifinit.backend import ModelReader, ModelRecord, hookimpl


def load_reader() -> ModelReader:
    """What reads models and layers; imports Keras, with the backend that it has in this process."""
    from unifinit_keras.models import KerasReader

    return KerasReader()


@hookimpl
def unifinit_models() -> list[ModelRecord]:
    """The record of what reads models and layers."""
    return [ModelRecord("keras", ("keras",), load_reader, api_version=1)]
