"""What the tests of plugins need: the conformance suites, the golden digests, and a comparison to the bit.

Importing a suite imports pytest; nothing else in unifinit does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unifinit.testing.conformance import BackendConformance
    from unifinit.testing.identical import assert_identical
    from unifinit.testing.initializers import InitializerConformance

__all__ = ["BackendConformance", "InitializerConformance", "assert_identical"]


def __getattr__(name: str) -> Any:
    if name == "BackendConformance":
        from unifinit.testing.conformance import BackendConformance

        return BackendConformance
    if name == "InitializerConformance":
        from unifinit.testing.initializers import InitializerConformance

        return InitializerConformance
    if name == "assert_identical":
        from unifinit.testing.identical import assert_identical

        return assert_identical
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
