"""The initializers, one small class each."""

from unifinit.initializers.base import Initializer
from unifinit.initializers.catalogue import get, serialize
from unifinit.initializers.combinators import Blocked, Masked, Scaled, Stacked
from unifinit.initializers.constant import Constant, Ones, Zeros
from unifinit.initializers.function import FromFunction
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
