"""Every backend of this distribution, and the generic one, through the conformance suite."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from unifinit.testing import BackendConformance


class TestNumpy(BackendConformance):
    backend = "numpy"


class TestArrayApiStrict(BackendConformance):
    backend = pytest.importorskip("array_api_strict")


def needs(framework: str) -> pytest.MarkDecorator:
    """Skip a class where a framework is not installed."""
    from importlib.util import find_spec

    return pytest.mark.skipif(find_spec(framework) is None, reason=f"{framework} is not installed")


@needs("torch")
class TestTorch(BackendConformance):
    backend = "torch"


@needs("tensorflow")
class TestTensorflow(BackendConformance):
    backend = "tensorflow"

    def target(self, array: Any) -> Any:
        import tensorflow

        return tensorflow.Variable(array)


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
