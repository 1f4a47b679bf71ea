"""Every backend of this distribution, and the generic one, through the conformance suite."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest

from unifinit.testing import BackendConformance

try:
    import array_api_strict
except ImportError:
    array_api_strict = None


def needs(library: str) -> pytest.MarkDecorator:
    """Skip a class where a library is not installed."""
    return pytest.mark.skipif(find_spec(library) is None, reason=f"{library} is not installed")


class TestNumpy(BackendConformance):
    backend = "numpy"


@needs("array_api_strict")
class TestArrayApiStrict(BackendConformance):
    backend = array_api_strict  # The namespace itself: it has no plugin.


@needs("torch")
class TestTorch(BackendConformance):
    backend = "torch"


@needs("tensorflow")
class TestTensorflow(BackendConformance):
    backend = "tensorflow"

    def target(self, array: Any) -> Any:
        import tensorflow as tf

        return tf.Variable(array)


@needs("jax")
class TestJax(BackendConformance):
    backend = "jax"
    fills = False


@needs("jax")
class TestJaxWith64Bits(TestJax):
    @pytest.fixture(autouse=True)
    def wide(self) -> Iterator[None]:
        import jax

        with jax.enable_x64(True):
            yield
