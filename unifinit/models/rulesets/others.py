"""What residual networks, networks of any width, and networks of sines start with."""

from __future__ import annotations

import math

from unifinit.errors import RuleError
from unifinit.initializers import KaimingNormal, RandomNormal, RandomUniform, Zeros
from unifinit.initializers.hyperparameters import boolean, choice, real
from unifinit.initializers.networks import MuP, Siren
from unifinit.models.arrays import Parameter
from unifinit.models.facts import Facts
from unifinit.models.paths import parent_of
from unifinit.models.rulesets.base import Recipe, is_matrix, matches
from unifinit.models.rulesets.transformers import HEADS, pattern
from unifinit.models.sources import Choice


class ResNet(Recipe):
    """He's normal numbers, and a residual block that starts as the identity."""

    name = "resnet"
    summary = "ResNet: He normal by fan_out, the last scale of each block zero, head N(0, 0.01²)"
    source = "He et al. (2015); Goyal et al. (2017), section 5.1; torchvision's resnet.py"

    zero_gamma: bool = boolean(default=True)
    mode: str = choice(("fan_in", "fan_out"), default="fan_out")
    last: str | None = pattern(None, optional=True)

    def of_norm(self, parameter: Parameter, facts: Facts) -> Choice:
        """Zeros for the last scale of a block, so that the block starts as the identity."""
        if self.zero_gamma and parameter.leaf == "scale" and self._is_last(parameter, facts):
            return Zeros()
        return super().of_norm(parameter, facts)

    def of_weight(self, parameter: Parameter, facts: Facts) -> Choice:
        """By the kind of the layer."""
        if not is_matrix(parameter):
            return None
        if parameter.layer == "dense":
            return RandomNormal(stddev=0.01)
        return KaimingNormal(mode=self.mode, nonlinearity="relu")

    def _is_last(self, parameter: Parameter, facts: Facts) -> bool:
        """Whether it belongs to the last normalisation of a block."""
        if self not in facts.memo:
            scales = [one for one in facts.parameters if one.leaf == "scale"]
            last = {one.path for one in scales if self._ends_block(one, facts)}
            if not last:
                raise RuleError(
                    "recipe 'resnet' finds no last normalisation of a block; wanted last= a pattern of their "
                    "scales, such as '**/*_3_bn/scale', or zero_gamma=False"
                )
            facts.memo[self] = last
        return parameter.path in facts.memo[self]  # type: ignore[operator]  # It is the set.

    def _ends_block(self, parameter: Parameter, facts: Facts) -> bool:
        """By the setting, or by numbers.

        Of the layers of normalisation side by side that are called alike, as bn1, bn2 and bn3, or BatchNorm_0
        and BatchNorm_1, the last one is meant if there are several.
        """
        if self.last is not None:
            return matches(self.last, parameter)
        above, _, own = parameter.parent.rpartition("/")
        stem = own.rstrip("0123456789")
        if not above or stem == own:
            return False
        alike = [
            int(name[len(stem) :])
            for path, layer in facts.layers.items()
            if "scale" in layer and parent_of(path) == above
            for name in [path.rpartition("/")[2]]
            if name.startswith(stem) and name[len(stem) :].isdigit()
        ]
        return len(alike) > 1 and int(own[len(stem) :]) == max(alike)


class MuPRecipe(Recipe):
    """The variances of a network of a base width, carried over to this one's."""

    name = "mup"
    summary = "muP: hidden variance 1/fan_in, output 1/fan_in² or zero, as at a base width"
    source = "Yang et al., Tensor Programs V (2021), table 3; the mup package"

    base_width: float | None = real(default=None, least=1, optional=True)
    scale: float = real(default=1.0, least=0)
    zero_output: bool = boolean(default=True)
    output: str = pattern(HEADS)

    def of_weight(self, parameter: Parameter, facts: Facts) -> Choice:
        """By what a weight maps from and to."""
        if parameter.layer == "embedding":
            return RandomNormal(stddev=math.sqrt(self.scale))
        if not is_matrix(parameter):
            return None
        fan_in = max(1, parameter.weight.fans.fan_in)
        if matches(self.output, parameter):
            if self.zero_output:
                return Zeros()
            return MuP("output", self._base(fan_in, facts), scale=self.scale)
        return MuP("hidden", self._base(fan_in, facts), scale=self.scale)

    def _base(self, fan_in: float, facts: Facts) -> float:
        """fan_in in the network of the base width: a share of it that is the share of the widths."""
        if self.base_width is None:
            raise RuleError(
                "recipe 'mup' has no base_width; wanted ui.recipe('mup', base_width=...), the width for "
                "which the hyperparameters are tuned"
            )
        width = facts.width
        if width is None:
            raise RuleError(
                "recipe 'mup' cannot read the width from the model, which has neither an embedding nor a "
                "scale; wanted rules with ui.MuP"
            )
        # A first layer reads a number of inputs that does not grow with the width.
        return fan_in * self.base_width / width if fan_in % width == 0 else fan_in


class SirenRecipe(Recipe):
    """Uniform weights that keep the distribution of sines from layer to layer."""

    name = "siren"
    summary = "SIREN: ±1/fan_in in the first layer, ±√(6/fan_in)/ω in the others, biases ±1/√fan_in"
    source = "Sitzmann et al. (2020), section 3.2 and supplement 1.5, and the authors' code"

    omega: float = real(default=30.0, above=0)
    first: str | None = pattern(None, optional=True)

    def of_bias(self, parameter: Parameter, facts: Facts) -> Choice:
        """By fan_in of the weight, as PyTorch's own layers."""
        sibling = facts.sibling(parameter, "weight")
        if sibling is None:
            return None
        bound = 1 / math.sqrt(max(1, sibling.weight.fans.fan_in))
        return RandomUniform(-bound, bound)

    def of_weight(self, parameter: Parameter, facts: Facts) -> Choice:
        """Of the first layer, or of another one."""
        if not is_matrix(parameter):
            return None
        return Siren(first=self._is_first(parameter, facts), omega=self.omega)

    def _is_first(self, parameter: Parameter, facts: Facts) -> bool:
        """By the setting, or the first one in the order of the model."""
        if self.first is not None:
            return matches(self.first, parameter)
        return parameter == next(filter(is_matrix, facts.parameters))
