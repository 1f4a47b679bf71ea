"""The backend: arrays of array_api_strict."""

from __future__ import annotations

import array_api_strict as xp

from unifinit.backend import ArrayApiBackend


class StrictBackend(ArrayApiBackend):
    """Arrays of array_api_strict. The generic backend does all the work; this one gives it a name."""

    def __init__(self) -> None:
        super().__init__("strict", xp)

    def is_array(self, x: object) -> bool:
        """Whether ``x`` is one of the library's arrays."""
        return isinstance(x, type(xp.asarray(0)))
