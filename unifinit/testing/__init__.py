"""What the tests of plugins need: the conformance suites and the golden digests.

Importing a suite imports pytest; nothing else in unifinit does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unifinit.testing.conformance import BackendConformance
    from unifinit.testing.initializers import InitializerConformance

__all__ = ["BackendConformance", "InitializerConformance"]


def __getattr__(name: str) -> Any:
    if name == "BackendConformance":
        from unifinit.testing.conformance import BackendConformance

        return BackendConformance
    if name == "InitializerConformance":
        from unifinit.testing.initializers import InitializerConformance

        return InitializerConformance
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
