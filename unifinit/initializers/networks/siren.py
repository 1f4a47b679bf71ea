"""Networks whose activation is a sine."""

from __future__ import annotations

import math

from unifinit.content import Content
from unifinit.contents import uniform
from unifinit.errors import ShapeError
from unifinit.initializers.base import RandomInitializer
from unifinit.initializers.hyperparameters import boolean, real, whole
from unifinit.initializers.scaling import fan
from unifinit.types import DType
from unifinit.weight import Weight


class Siren(RandomInitializer):
    """Uniform on ±sqrt(6 / fan_in) / omega, and in the first layer on ±1 / fan_in: for sines as activation.

    Parameters
    ----------
    first : bool
        Whether the layer is the first one, whose inputs are coordinates.
    omega : float
        The frequency in sin(omega (W x + b)); positive. It does not matter to the first layer.
    fan_in : int, optional
        The fan to use, by default that of the weight. A bias needs it, as its shape does not tell.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If omega is not positive and finite, or fan_in not positive.
    ShapeError
        In a call, for fewer than two axes without fan_in.

    Notes
    -----
    Source: Sitzmann, Martel, Bergman, Lindell & Wetzstein, "Implicit neural representations with periodic
    activation functions" (2020), section 3.2 and supplement 1.5. The authors' code leaves biases to PyTorch,
    whose linear layers draw them uniformly on ±1 / sqrt(fan_in), in every layer; so does this initializer for
    vectors and scalars. The package ``siren-pytorch`` draws them like the weights of their layer instead:
    that is a call with the weight's fan_in and a shape such as (1, units).
    """

    summary = "uniform for layers followed by a sine"
    formula = "U(±√(6/fan_in)/omega), first layer U(±1/fan_in), bias U(±1/√fan_in)"
    source = "Sitzmann et al. (2020), section 3.2"
    has_complex = False

    first: bool = boolean(default=False)
    omega: float = real(default=30.0, above=0)
    fan_in: int | None = whole(default=None, least=1, optional=True)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """Uniform numbers."""
        if self.fan_in is None and weight.rank < 2:
            raise ShapeError(
                f"shape {weight.shape} is that of a bias, which does not tell the fan_in of its layer; "
                "wanted Siren(fan_in=...), or a weight of two axes or more"
            )
        fan_in = fan(weight, "fan_in") if self.fan_in is None else self.fan_in
        if weight.rank < 2:
            limit = 1 / math.sqrt(fan_in)
        else:
            limit = 1 / fan_in if self.first else math.sqrt(6 / fan_in) / self.omega
        return uniform(-limit, limit, dtype)
