"""unifinit: weight initializers for any framework's tensors, the same bits on every one.

>>> import unifinit as ui
>>> ui.GlorotUniform(seed=0)((2, 2))
array([[ 1.0965558 ,  1.1722765 ],
       [-0.4108003 , -0.07674628]], dtype=float32)
"""

from typing import TYPE_CHECKING, Any

from unifinit.describe import Description
from unifinit.errors import (
    ArgumentError,
    BackendError,
    BackendUnavailableError,
    CheckpointError,
    ConfigError,
    DeviceError,
    DtypeError,
    LayoutError,
    MissingPackageError,
    PathError,
    RuleError,
    SeedError,
    ShapeError,
    SpecError,
    StreamError,
    TargetError,
    UnifinitError,
    UnknownBackendError,
    UnknownInitializerError,
    UnmatchedParameterError,
    UnsupportedArrayError,
    UnsupportedModelError,
    UnusedRuleWarning,
    WindowError,
)
from unifinit.host import get_num_threads, set_num_threads
from unifinit.initializers import (
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Initializer,
    KaimingNormal,
    KaimingUniform,
    LecunNormal,
    LecunUniform,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    UniformUnitScaling,
    VarianceScaling,
    XavierNormal,
    Zeros,
    get,
    serialize,
)
from unifinit.initializers.families import LATE
from unifinit.key import Key
from unifinit.layout import Layout
from unifinit.registry import BackendStatus, backends

if TYPE_CHECKING:
    from unifinit.agreement import fingerprint
    from unifinit.files import save_npy
    from unifinit.gains import calculate_gain
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
    from unifinit.models import ModelPlan, Recipe, Rule, Rules, init_, init_tree, plan_model, recipe, recipes
    from unifinit.propagation import probe
    from unifinit.specs import Spec

# isort: split
# Last, because NumPy takes twice as long when it is imported below a name that is taken out of this package.
from unifinit import random

__version__ = "0.1.0"

__all__ = [
    "ICNR",
    "S4D",
    "STFT",
    "ArgumentError",
    "BackendError",
    "BackendStatus",
    "BackendUnavailableError",
    "Bilinear",
    "Blocked",
    "CheckpointError",
    "ChronoBias",
    "ConfigError",
    "Constant",
    "ConvolutionalOrthogonal1D",
    "ConvolutionalOrthogonal2D",
    "ConvolutionalOrthogonal3D",
    "DeepNorm",
    "DeltaOrthogonal",
    "Description",
    "DeviceError",
    "Dirac",
    "DtypeError",
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
    "Key",
    "LSTMBias",
    "LayerScale",
    "Layout",
    "LayoutError",
    "LecunNormal",
    "LecunUniform",
    "LoraA",
    "LoraB",
    "Mamba2A",
    "MambaA",
    "MambaDtBias",
    "Masked",
    "MimeticAttention",
    "MissingPackageError",
    "ModelPlan",
    "MuP",
    "Ones",
    "Orthogonal",
    "PathError",
    "RandomNormal",
    "RandomUniform",
    "Recipe",
    "ResidualNormal",
    "Rule",
    "RuleError",
    "Rules",
    "Scaled",
    "SeedError",
    "ShapeError",
    "SinusoidalPositions",
    "Siren",
    "SmallInit",
    "Sparse",
    "Spec",
    "SpecError",
    "SpectralMuP",
    "Stacked",
    "StreamError",
    "TFixup",
    "TargetError",
    "TruncatedNormal",
    "UnifinitError",
    "UniformUnitScaling",
    "UnknownBackendError",
    "UnknownInitializerError",
    "UnmatchedParameterError",
    "UnsupportedArrayError",
    "UnsupportedModelError",
    "UnusedRuleWarning",
    "VarianceScaling",
    "WangInit",
    "WindowError",
    "XavierNormal",
    "ZerO",
    "Zeros",
    "__version__",
    "backends",
    "calculate_gain",
    "fingerprint",
    "get",
    "get_num_threads",
    "init_",
    "init_tree",
    "plan_model",
    "probe",
    "random",
    "recipe",
    "recipes",
    "save_npy",
    "serialize",
    "set_num_threads",
]

_LAZY = {
    **dict.fromkeys(
        ("ModelPlan", "Recipe", "Rule", "Rules", "init_", "init_tree", "plan_model", "recipe", "recipes"),
        "unifinit.models",
    ),
    "Spec": "unifinit.specs",
    "calculate_gain": "unifinit.gains",
    "fingerprint": "unifinit.agreement",
    "probe": "unifinit.propagation",
    "save_npy": "unifinit.files",
    **LATE,
}
"""What few programs need is imported when it is first used."""


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
