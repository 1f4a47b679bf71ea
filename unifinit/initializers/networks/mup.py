"""Initializers whose scale makes hyperparameters carry over from narrow networks to wide ones."""

from __future__ import annotations

from typing import ClassVar

from unifinit.content import Content
from unifinit.errors import ArgumentError, ShapeError
from unifinit.initializers.base import Aliases, RandomInitializer
from unifinit.initializers.hyperparameters import choice, real
from unifinit.initializers.scaling import DISTRIBUTIONS, MODES, fan, with_variance
from unifinit.types import DType
from unifinit.weight import Fans, Weight

POWERS = {"input": 0, "hidden": 1, "output": 2, "readout": 0}
"""By which power of the ratio of widths the variance at the base width is divided."""


class MuP(RandomInitializer):
    """Maximal update parametrisation: variance scaling at a base width, carried over to another width.

    Parameters
    ----------
    kind : {"input", "hidden", "output", "readout"}
        What the weight maps from and to. "input": from a fixed number of inputs to the width; embeddings and
        first layers. "hidden": from width to width. "output": from the width to a fixed number of outputs.
        "readout": the same, in a layer that divides its inputs by the ratio of widths, as ``mup.MuReadout``.
    base_fan_in : float
        fan_in of the weight in the network of the base width. For "input" the weight's own, as it is fixed.
    base_fan_out : float, optional
        fan_out likewise, for "input" and "hidden" if mode needs it. For the other kinds it is the weight's
        own, and None.
    scale : float
        Factor of the variance; 2 is He's, and 0 gives zeros.
    mode : {"fan_in", "fan_out", "fan_avg", "fan_geo_avg"}
        Which fan decides the variance at the base width.
    distribution : {"normal", "truncated_normal", "untruncated_normal", "uniform"}
        As in `VarianceScaling`, where "normal" is truncated; by default it is not.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If kind, mode or distribution is unknown, scale is negative or not finite, a base fan is less than 1,
        or base_fan_out is missing, or given for a fixed number of outputs.
    ShapeError
        In a call, for kind "input" and a weight with another fan_in than base_fan_in.

    Notes
    -----
    With n the fan of ``mode`` at the base width, and r = fan_in / base_fan_in, the variance is scale/n for
    "input" and "readout", scale/(n·r) for "hidden", and scale/(n·r²) for "output", so that at the base width
    it is that of `VarianceScaling`. Source: Yang et al., "Tensor Programs V: tuning large neural networks via
    zero-shot hyperparameter transfer" (2021), table 3: 1/fan_in, 1/fan_in and 1/fan_in². "readout" is the
    equivalent of "output" in the ``mup`` package, whose layer has the factor 1/r.

    A scale of 2 gives ``mup.init.kaiming_normal_``, and the mode "fan_avg" ``xavier_normal_``; likewise the
    uniform ones. For ``mup.init.normal_(std=s)`` take ``scale=s * s * base_fan_in``, and for "input"
    `RandomNormal`. The learning rates, which have to change with the width too, are no matter of an
    initializer. Fans are at least 1.
    """

    summary = "variance scaling at a base width, divided by powers of the ratio of widths"
    formula = "variance scale/n, /r for hidden, /r² for output; r = fan_in/base_fan_in"
    source = "Yang et al. (2021), table 3; the mup package"
    aliases: ClassVar[Aliases] = {"mup": {}}

    kind: str = choice(tuple(POWERS))
    base_fan_in: float = real(least=1)
    base_fan_out: float | None = real(default=None, least=1, optional=True)
    scale: float = real(default=1.0, least=0)
    mode: str = choice(MODES, default="fan_in")
    distribution: str = choice(DISTRIBUTIONS, default="untruncated_normal")

    def validate(self) -> None:
        """Check that the base fan of the outputs is there if it counts."""
        grows = self.kind in ("input", "hidden")
        if not grows and self.base_fan_out is not None:
            raise ArgumentError(
                f"base_fan_out is {self.base_fan_out}, but kind is {self.kind!r}, whose outputs are fixed; "
                "wanted None"
            )
        if grows and self.base_fan_out is None and self.mode != "fan_in":
            raise ArgumentError(
                f"base_fan_out is None; wanted the weight's fan_out at the base width, which mode "
                f"{self.mode!r} needs for kind {self.kind!r}"
            )

    def content(self, weight: Weight, dtype: DType) -> Content:
        """Numbers of that variance."""
        from fractions import Fraction

        fan_in, fan_out = fan(weight, "fan_in"), fan(weight, "fan_out")
        if self.kind == "input" and fan_in != self.base_fan_in:
            raise ShapeError(
                f"shape {weight.shape} has fan_in {fan_in}, but base_fan_in is {self.base_fan_in:g}; kind "
                "'input' fixes it, so wanted the same, or another kind"
            )
        base = Fans(self.base_fan_in, fan_out if self.base_fan_out is None else self.base_fan_out)
        n = fan(Weight((), (), (), (), base), self.mode)
        # Exact, and rounded once: then it is VarianceScaling's at the base width, and in hidden layers too.
        ratio = Fraction(fan_in) / Fraction(self.base_fan_in)
        variance = Fraction(self.scale) / (Fraction(n) * ratio ** POWERS[self.kind])
        try:
            return with_variance(float(variance), self.distribution, dtype)
        except OverflowError:
            raise ArgumentError(
                f"scale {self.scale:g} at {weight.fans} gives a variance beyond all floats; wanted less"
            ) from None


class SpectralMuP(RandomInitializer):
    """Normal with standard deviation gain / sqrt(fan_in) * min(1, sqrt(fan_out / fan_in)).

    Parameters
    ----------
    gain : float
        Factor of the standard deviation; 0 gives zeros.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If gain is negative or not finite.

    Notes
    -----
    N(0, gain²·min(1, fan_out/fan_in)/fan_in), not truncated. The spectral norm is then of the order of
    √(fan_out/fan_in). Source: Yang, Simon & Bernstein, "A spectral condition for feature learning" (2023),
    parametrization 1, which leaves the constant open; it needs no base width. Fans are at least 1; those of
    a convolution include its field.
    """

    summary = "normal, standard deviation gain / sqrt(fan_in) * min(1, sqrt(fan_out / fan_in))"
    formula = "N(0, gain²/fan_in·min(1, fan_out/fan_in))"
    source = "Yang, Simon & Bernstein (2023), parametrization 1"
    aliases: ClassVar[Aliases] = {"spectral_mup": {}}

    gain: float = real(default=1.0, least=0)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """Normal numbers."""
        fan_in, fan_out = fan(weight, "fan_in"), fan(weight, "fan_out")
        variance = self.gain * self.gain / fan_in
        return with_variance(variance * min(1.0, fan_out / fan_in), "untruncated_normal", dtype)
