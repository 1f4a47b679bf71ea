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
    ConfigError,
    DeviceError,
    DtypeError,
    LayoutError,
    SeedError,
    ShapeError,
    TargetError,
    UnifinitError,
    UnknownBackendError,
    UnknownInitializerError,
    UnsupportedArrayError,
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
    from unifinit.gains import calculate_gain
    from unifinit.initializers.combinators import Blocked, FromFunction, Masked, Scaled, Stacked
    from unifinit.propagation import probe

# isort: split
# Last, because NumPy takes twice as long when it is imported below a name that is taken out of this package.
from unifinit import random

__version__ = "0.1.0"

__all__ = [
    "ArgumentError",
    "BackendError",
    "BackendStatus",
    "BackendUnavailableError",
    "Blocked",
    "ConfigError",
    "Constant",
    "Description",
    "DeviceError",
    "DtypeError",
    "FromFunction",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "KaimingNormal",
    "KaimingUniform",
    "Key",
    "Layout",
    "LayoutError",
    "LecunNormal",
    "LecunUniform",
    "Masked",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "Scaled",
    "SeedError",
    "ShapeError",
    "Stacked",
    "TargetError",
    "TruncatedNormal",
    "UnifinitError",
    "UniformUnitScaling",
    "UnknownBackendError",
    "UnknownInitializerError",
    "UnsupportedArrayError",
    "VarianceScaling",
    "XavierNormal",
    "Zeros",
    "__version__",
    "backends",
    "calculate_gain",
    "get",
    "get_num_threads",
    "probe",
    "random",
    "serialize",
    "set_num_threads",
]

_LAZY = {"calculate_gain": "unifinit.gains", "probe": "unifinit.propagation", **LATE}
"""What few programs need is imported when it is first used."""


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
