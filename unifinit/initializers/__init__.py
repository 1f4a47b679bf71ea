"""The initializers, one small class each."""

from unifinit.initializers.base import Initializer
from unifinit.initializers.catalogue import get, serialize
from unifinit.initializers.constant import Constant, Ones, Zeros
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
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "KaimingNormal",
    "KaimingUniform",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "UniformUnitScaling",
    "VarianceScaling",
    "XavierNormal",
    "Zeros",
    "get",
    "serialize",
]
