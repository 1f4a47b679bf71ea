"""What opens modules of Flax."""

from __future__ import annotations

from typing import Any

from flax import linen, nnx

from unifinit.backend import Reading, UnsupportedModelError
from unifinit_flax.linen_modules import LinenModel
from unifinit_flax.nnx_modules import NnxModel


class FlaxReader:
    """Reads modules of NNX and of Linen."""

    def open(self, target: Any, reading: Reading) -> NnxModel | LinenModel | None:
        """A module; None for anything else, such as variables that are trees."""
        if isinstance(target, linen.Module):
            return LinenModel(target, reading)
        if isinstance(target, nnx.Module):
            return NnxModel(target, reading)
        if isinstance(target, nnx.State):
            raise UnsupportedModelError(
                "an nnx.State does not tell layers; wanted the module, or that of nnx.merge(graphdef, state)"
            )
        return None
