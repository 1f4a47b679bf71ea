"""The initializers, one small class each; those of the families are imported when they are first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from unifinit.initializers.base import Initializer
from unifinit.initializers.catalogue import get, serialize
from unifinit.initializers.constant import Constant, Ones, Zeros
from unifinit.initializers.families import LATE
from unifinit.initializers.orthogonal import Orthogonal
from unifinit.initializers.random import RandomNormal, RandomUniform, TruncatedNormal
from unifinit.initializers.scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    KaimingNormal,
    KaimingUniform,
    LecunNormal,
    LecunUniform,
    UniformUnitScaling,
    VarianceScaling,
    XavierNormal,
)

if TYPE_CHECKING:
    from unifinit.initializers.combinators import Blocked, FromFunction, Masked, Scaled, Stacked

__all__ = [
    "Blocked",
    "Constant",
    "FromFunction",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "KaimingNormal",
    "KaimingUniform",
    "LecunNormal",
    "LecunUniform",
    "Masked",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "Scaled",
    "Stacked",
    "TruncatedNormal",
    "UniformUnitScaling",
    "VarianceScaling",
    "XavierNormal",
    "Zeros",
    "get",
    "serialize",
]


def __getattr__(name: str) -> Any:
    if name in LATE:
        return getattr(import_module(LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
