"""What Mamba models draw beside ordinary weights."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from unifinit.content import Content, Moments
from unifinit.contents import Computed, HostArray, Source, fitting, uniform
from unifinit.errors import ArgumentError
from unifinit.initializers.base import Aliases, RandomInitializer
from unifinit.initializers.hyperparameters import real
from unifinit.initializers.recurrent.logarithms import Logarithms, moments_of
from unifinit.types import DType
from unifinit.weight import Weight


def require_order(minimum: float, maximum: float) -> None:
    """Do nothing if a minimum does not exceed a maximum.

    Raises
    ------
    ArgumentError
        If it does.
    """
    if minimum > maximum:
        raise ArgumentError(f"minimum {minimum} exceeds maximum {maximum}; wanted minimum <= maximum")


class StepBias(Computed):
    """Numbers whose softplus is log-uniform, but at least a floor."""

    minimum: float
    maximum: float
    floor: float
    size: int

    parts = ("minimum", "maximum", "floor", "size")
    checked = True

    def __init__(self, minimum: float, maximum: float, floor: float, size: int) -> None:
        vars(self).update(minimum=minimum, maximum=maximum, floor=floor, size=size)

    def compute(self, source: Source, dtype: DType) -> HostArray:
        """Uniform numbers of the dtype of computation; then each step is rounded once to float64."""
        from unifinit.numerics import exp_array, inverse_softplus, log

        drawn = source.draw(uniform(0.0, 1.0, dtype.compute), (self.size,), dtype.compute)
        low, high = log(self.minimum), log(self.maximum)
        step = np.maximum(exp_array(drawn.astype(np.float64) * (high - low) + low), self.floor)
        return np.array([inverse_softplus(number) for number in step.tolist()], dtype=np.float64)

    def moments(self) -> Moments:
        """Those of the inverse softplus of a log-uniform number."""
        low, high = math.log(self.minimum), math.log(self.maximum)

        def bias(u: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            step = np.maximum(np.exp(low + u * (high - low)), self.floor)
            return step + np.log(-np.expm1(-step))

        return moments_of(bias)

    def blocks(self, size: int) -> int:
        """One for each number."""
        return self.size


class MambaDtBias(RandomInitializer):
    """The bias of Mamba's time steps, whose softplus is log-uniform on [minimum, maximum).

    Parameters
    ----------
    minimum : float
        The least step dt, before the floor.
    maximum : float
        What the steps dt stay below.
    floor : float
        Smaller steps are replaced by it; 0 for none.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If minimum is not positive, or exceeds maximum; if floor is negative, or exceeds maximum. In a call,
        if a number does not fit the dtype.

    Notes
    -----
    dt = max(exp(u (log maximum - log minimum) + log minimum), floor) for u uniform on [0, 1), and the bias is
    dt + log(1 - exp(-dt)), the inverse of softplus: ``dt_proj.bias`` of Mamba, Gu & Dao (2023), and
    ``dt_bias`` of Mamba-2 and Mamba-3, whose ``dt_min``, ``dt_max`` and ``dt_init_floor`` these are, with
    their defaults. With them, the floor is never reached.

    u is a number of float32, for float64 one of float64; so the numbers of narrow dtypes are the rounded ones
    of float32. The bias is the float64 that is nearest to the inverse of softplus at dt. Rounded to bfloat16,
    its softplus differs from dt by up to 1.6 %: the authors keep it in float32.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.MambaDtBias()((3,), seed=0)
    array([-2.504038, -2.355583, -5.375186], dtype=float32)
    """

    summary = "inverse softplus of log-uniform time steps"
    formula = "dt + log(1 - exp(-dt)), dt = max(exp(U[log minimum, log maximum)), floor)"
    source = "Gu & Dao (2023), state-spaces/mamba"
    aliases: ClassVar[Aliases] = {"mamba_dt": {}, "dt_bias": {}}
    has_complex = False

    minimum: float = real(default=1e-3, above=0)
    maximum: float = real(default=0.1, above=0)
    floor: float = real(default=1e-4, least=0)

    def validate(self) -> None:
        """Check the order of the three."""
        require_order(self.minimum, self.maximum)
        if self.floor > self.maximum:
            raise ArgumentError(
                f"floor {self.floor} exceeds maximum {self.maximum}, so that all steps would be the floor; "
                "wanted floor <= maximum"
            )

    def content(self, weight: Weight, dtype: DType) -> Content:
        """A number for each element."""
        content = StepBias(self.minimum, self.maximum, self.floor, math.prod(weight.shape))
        moments = content.moments()
        for bound in (moments.minimum, moments.maximum):
            fitting(bound, dtype)
        return content


class Mamba2A(RandomInitializer):
    """The logarithm of the negative state numbers of Mamba-2, A_log = log U, one for each head.

    Parameters
    ----------
    minimum : float
        The lower end of the range of U.
    maximum : float
        Its upper end.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If minimum is not positive, or exceeds maximum.

    Notes
    -----
    Dao & Gu, "Transformers are SSMs" (2024), whose ``A_init_range`` the two are, with its default. U is a
    number of float32, for float64 one of float64; so the numbers of narrow dtypes are the rounded ones of
    float32. The parameter D is `Ones`, and ``dt_bias`` is `MambaDtBias`.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.Mamba2A()((3,), seed=0)
    array([2.7222822, 2.7523031, 1.7891514], dtype=float32)
    """

    summary = "A_log of Mamba-2: logarithm of a uniform number"
    formula = "log U[minimum, maximum)"
    source = "Dao & Gu (2024), state-spaces/mamba"
    aliases: ClassVar[Aliases] = {"mamba2_a_log": {}}
    has_complex = False

    minimum: float = real(default=1.0, above=0)
    maximum: float = real(default=16.0, above=0)

    def validate(self) -> None:
        """Check the order of the two."""
        require_order(self.minimum, self.maximum)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """A number for each element."""
        uniform(self.minimum, self.maximum, dtype.compute)  # Refused before anything is drawn.
        return Logarithms(self.minimum, self.maximum, math.prod(weight.shape))
