"""Initializers of networks whose residual branches shall start small."""

from __future__ import annotations

from typing import ClassVar

from unifinit.content import Content
from unifinit.contents import fill
from unifinit.errors import ArgumentError
from unifinit.initializers.base import Aliases, Initializer, RandomInitializer
from unifinit.initializers.hyperparameters import choice, real, whole
from unifinit.initializers.scaling import MODES, scaled
from unifinit.types import DType
from unifinit.weight import Weight


class Fixup(RandomInitializer):
    """He normal times branches^(-1 / (2 * per_branch - 2)): for residual networks without normalisation.

    For all layers of a residual branch but its last one, which is `Zeros`, as the classification layer is.
    Layers outside of branches are not scaled.

    Parameters
    ----------
    branches : int
        Number L of residual branches of the network.
    per_branch : int
        Number m of layers in a branch, at least 2: the formula has none for the zero layer alone.
    mode : {"fan_out", "fan_in", "fan_avg", "fan_geo_avg"}
        Which fan; by default that of the authors' code.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If branches is no integer or less than 1, per_branch is no integer or less than 2, or mode is
        unknown.

    Notes
    -----
    N(0, g²·2/fan), g = L^(-1/(2m - 2)): L^(-1/2) for basic blocks, which have two layers, and L^(-1/4) for
    bottlenecks. Not truncated. Source: Zhang, Dauphin & Ma, "Fixup initialization" (2019), which scales "a
    standard method", such as that of He et al. (2015). The authors' code has fan_out; their Transformer has
    L^(-1/6) and Xavier uniform, which is `GlorotUniform` with that gain.
    """

    summary = "normal, variance 2 / fan times branches^(-1 / (per_branch - 1))"
    formula = "N(0, g²·2/fan), g = L^(-1/(2m - 2))"
    source = "Zhang, Dauphin & Ma (2019)"

    branches: int = whole(least=1)
    per_branch: int = whole(default=2, least=2)
    mode: str = choice(MODES, default="fan_out")

    @property
    def gain(self) -> float:
        """The factor by which the weights are smaller than He's."""
        from fractions import Fraction

        from unifinit.numerics import power

        return power(self.branches, Fraction(-1, 2 * self.per_branch - 2))

    def content(self, weight: Weight, dtype: DType) -> Content:
        """Normal numbers."""
        gain = self.gain
        return scaled(weight, dtype, 2.0 * (gain * gain), self.mode, "untruncated_normal")


class LayerScale(Initializer):
    """The small number that LayerScale's factors start with, the same everywhere.

    Parameters
    ----------
    depth : int, optional
        Number of layers of the network: 0.1 for up to 18, 1e-5 for up to 24, and 1e-6 for more.
    value : float, optional
        The number itself, if there is no depth; by default 1e-5.

    Raises
    ------
    ArgumentError
        If both are given, depth is no integer or less than 1, or value is not finite; in a call, if the
        number does not fit the dtype, as no integer does.

    Notes
    -----
    Any shape. Source: Touvron et al., "Going deeper with image transformers" (2021), section 2. timm's
    ``LayerScale`` has ``init_values=1e-5`` by default, DeiT III and the authors' blocks 1e-4. In 16 and 8
    bits the number is rounded, and becomes 0 in dtypes that have no number as small.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.get("layer_scale", depth=12)(3)
    array([0.1, 0.1, 0.1], dtype=float32)
    """

    summary = "0.1, 1e-5 or 1e-6 by depth, or a given value"
    formula = "0.1 if depth ≤ 18, 1e-5 if depth ≤ 24, else 1e-6"
    source = "Touvron et al. (2021), section 2; timm's LayerScale"
    aliases: ClassVar[Aliases] = {"layerscale": {}}

    depth: int | None = whole(default=None, least=1, optional=True)
    value: float | None = real(default=None, optional=True)

    def validate(self) -> None:
        """Check that one of them is enough."""
        if self.depth is not None and self.value is not None:
            raise ArgumentError(
                f"depth is {self.depth}, and value is {self.value}; wanted one of them, for either decides"
            )

    def content(self, weight: Weight, dtype: DType) -> Content:
        """The number everywhere."""
        if self.depth is None:
            return fill(1e-5 if self.value is None else self.value, dtype)
        return fill(0.1 if self.depth <= 18 else 1e-5 if self.depth <= 24 else 1e-6, dtype)
