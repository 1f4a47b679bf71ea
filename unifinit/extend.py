"""What an initializer of somebody else's needs: the base classes, declarations and contents.

An initializer is a class that declares its hyperparameters and says what a weight holds::

    from unifinit.extend import RandomInitializer, Content, DType, Weight, real, with_variance

    class Cubed(RandomInitializer):
        summary = "variance scale / fan_in³"
        formula = "N(0, scale/fan_in³)"
        source = "nobody"

        scale: float = real(default=1.0, least=0)

        def content(self, weight: Weight, dtype: DType) -> Content:
            return with_variance(self.scale / weight.fans.fan_in**3, "untruncated_normal", dtype)

``ui.get`` knows it from then on. A plugin makes it known before it is imported, with a hook in the module
that an entry point of the group ``unifinit`` names::

    from unifinit.extend import InitializerRecord, hookimpl

    @hookimpl
    def unifinit_initializers():
        return [InitializerRecord("Cubed", load, api_version=1)]

What a content computes has to be the same on every machine: additions, multiplications, divisions and square
roots of float64 in a fixed order, and the functions of ``unifinit.numerics``; no sums whose order a library
chooses, and no logarithms, exponentials or sines of the C library.
"""

from unifinit.backend import API_VERSION, LayerRecord, hookimpl
from unifinit.content import Content, Moments
from unifinit.contents import (
    Blocks,
    Computed,
    Fixed,
    HostArray,
    Source,
    batched,
    fill,
    fitting,
    masked,
    normal,
    truncated_normal,
    uniform,
)
from unifinit.errors import ArgumentError, DtypeError, LayoutError, ShapeError
from unifinit.initializers.base import Aliases, Initializer, RandomInitializer, initializer
from unifinit.initializers.hyperparameters import boolean, checked, choice, real, several, whole
from unifinit.initializers.scaling import fan, scaled, with_variance
from unifinit.key import Key
from unifinit.models.arrays import Parameter, Role, Split
from unifinit.models.facts import Facts
from unifinit.models.layers import register_layer
from unifinit.models.rulesets import Recipe
from unifinit.models.rulesets.base import is_matrix, is_norm, matches
from unifinit.plugins import InitializerRecord
from unifinit.types import DType, Shape
from unifinit.weight import Fans, Weight

__all__ = [
    "API_VERSION",
    "Aliases",
    "ArgumentError",
    "Blocks",
    "Computed",
    "Content",
    "DType",
    "DtypeError",
    "Facts",
    "Fans",
    "Fixed",
    "HostArray",
    "Initializer",
    "InitializerRecord",
    "Key",
    "LayerRecord",
    "LayoutError",
    "Moments",
    "Parameter",
    "RandomInitializer",
    "Recipe",
    "Role",
    "Shape",
    "ShapeError",
    "Source",
    "Split",
    "Weight",
    "batched",
    "boolean",
    "checked",
    "choice",
    "fan",
    "fill",
    "fitting",
    "hookimpl",
    "initializer",
    "is_matrix",
    "is_norm",
    "masked",
    "matches",
    "normal",
    "real",
    "register_layer",
    "scaled",
    "several",
    "truncated_normal",
    "uniform",
    "whole",
    "with_variance",
]
