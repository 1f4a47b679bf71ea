"""The initializers, one small class each; those of the families are imported when they are first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from unifinit.initializers.base import Initializer
from unifinit.initializers.catalogue import get, serialize
from unifinit.initializers.constant import Constant, Ones, Zeros
from unifinit.initializers.families import LATE
from unifinit.initializers.keras_names import register_all
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
    from unifinit.initializers.matrices import (
        ConvolutionalOrthogonal1D,
        ConvolutionalOrthogonal2D,
        ConvolutionalOrthogonal3D,
        DeltaOrthogonal,
        Dirac,
        Identity,
        Sparse,
    )
    from unifinit.initializers.networks import (
        DeepNorm,
        Fixup,
        IDInit,
        LayerScale,
        LoraA,
        LoraB,
        MimeticAttention,
        MuP,
        ResidualNormal,
        Siren,
        SmallInit,
        SpectralMuP,
        TFixup,
        WangInit,
        ZerO,
    )
    from unifinit.initializers.recurrent import (
        S4D,
        ChronoBias,
        GRUBias,
        HiPPO,
        LSTMBias,
        Mamba2A,
        MambaA,
        MambaDtBias,
    )
    from unifinit.initializers.signal import ICNR, STFT, Bilinear, SinusoidalPositions

__all__ = [
    "ICNR",
    "S4D",
    "STFT",
    "Bilinear",
    "Blocked",
    "ChronoBias",
    "Constant",
    "ConvolutionalOrthogonal1D",
    "ConvolutionalOrthogonal2D",
    "ConvolutionalOrthogonal3D",
    "DeepNorm",
    "DeltaOrthogonal",
    "Dirac",
    "Fixup",
    "FromFunction",
    "GRUBias",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "HiPPO",
    "IDInit",
    "Identity",
    "Initializer",
    "KaimingNormal",
    "KaimingUniform",
    "LSTMBias",
    "LayerScale",
    "LecunNormal",
    "LecunUniform",
    "LoraA",
    "LoraB",
    "Mamba2A",
    "MambaA",
    "MambaDtBias",
    "Masked",
    "MimeticAttention",
    "MuP",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "ResidualNormal",
    "Scaled",
    "SinusoidalPositions",
    "Siren",
    "SmallInit",
    "Sparse",
    "SpectralMuP",
    "Stacked",
    "TFixup",
    "TruncatedNormal",
    "UniformUnitScaling",
    "VarianceScaling",
    "WangInit",
    "XavierNormal",
    "ZerO",
    "Zeros",
    "get",
    "serialize",
]


def __getattr__(name: str) -> Any:
    if name in LATE:
        return getattr(import_module(LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


register_all()
