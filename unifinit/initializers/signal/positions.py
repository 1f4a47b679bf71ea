"""Encodings of positions."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from unifinit.content import Content
from unifinit.contents import Fixed, HostArray, batched
from unifinit.errors import ShapeError
from unifinit.initializers.base import Aliases, Initializer
from unifinit.initializers.hyperparameters import boolean, choice, real, whole
from unifinit.types import DType, require_inexact
from unifinit.weight import Weight

MOST_POSITIONS = 2**31


class Sinusoids(Fixed):
    """Sines and cosines of positions times frequencies, which fall as the powers of a number."""

    positions: int
    width: int
    base: float
    concatenated: bool
    endpoint: bool
    offset: int

    parts = ("positions", "width", "base", "concatenated", "endpoint", "offset")

    def __init__(
        self, positions: int, width: int, base: float, concatenated: bool, endpoint: bool, offset: int
    ) -> None:
        vars(self).update(
            positions=positions,
            width=width,
            base=base,
            concatenated=concatenated,
            endpoint=endpoint,
            offset=offset,
        )

    def numbers(self) -> HostArray:
        """One row for each position."""
        from fractions import Fraction

        from unifinit.numerics import sincos_products

        half = self.width // 2
        if self.endpoint:
            exponents = [Fraction(-i, max(1, half - 1)) for i in range(half)]
        else:
            exponents = [Fraction(-2 * i, self.width) for i in range(self.width - half)]
        positions = np.arange(self.offset, self.offset + self.positions)
        sines, cosines = sincos_products(positions, [(self.base, exponent) for exponent in exponents])
        result = np.zeros((self.positions, self.width))
        if self.concatenated:
            result[:, : len(exponents)] = sines
            result[:, len(exponents) : len(exponents) + half] = cosines[:, :half]
        else:
            result[:, : 2 * len(exponents) : 2] = sines
            result[:, 1 : 2 * half : 2] = cosines[:, :half]
        return result


class SinusoidalPositions(Initializer):
    """Sines and cosines of positions at frequencies in geometric progression, of a shape (positions, d).

    Parameters
    ----------
    base : float
        What the wavelengths grow to, in units of 2 pi; at least 1.
    order : {"interleaved", "concatenated"}
        How the d numbers of a position lie. "interleaved": a sine and a cosine of each frequency, one after
        the other, as in the paper. "concatenated": all sines, then all cosines.
    endpoint : bool
        Whether the last of n frequencies is 1 / base exactly, with the exponents i / (n - 1), as in
        tensor2tensor and fairseq; or else the progression ends before it, with the exponents 2 i / d, as in
        the paper.
    offset : int
        The position of the first row.

    Raises
    ------
    ArgumentError
        If base is below 1 or above 1e300, order is unknown, or offset is negative.
    DtypeError
        In a call, for integers and booleans.
    ShapeError
        In a call, for fewer than two axes, spatial axes other than of one element, or positions from
        2**31 on.

    Notes
    -----
    With the position p, sin(p base^(-2 i / d)) is element 2 i and cos(p base^(-2 i / d)) element 2 i + 1:
    Vaswani et al., "Attention is all you need" (2017), section 3.5. Every element is the exact value, rounded
    once to float64 and then to the dtype. If d is odd, the last frequency has a sine only; with ``endpoint``
    there are n = d // 2 frequencies and the last element is 0, as in tensor2tensor.

    =============================================  =================  ============
    where                                          order              endpoint
    =============================================  =================  ============
    the paper; KerasHub's SinePositionEncoding     interleaved        False
    tensor2tensor; fairseq                         concatenated       True
    Marian and Pegasus in Transformers             concatenated       False
    =============================================  =================  ============

    fairseq also sets the row of the padding symbol to 0, and begins counting behind it. The default layout
    takes the first axis for the inputs and the last for the outputs; axes of one element, as in (1,
    positions, d), do not matter.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.SinusoidalPositions()((2, 4))
    array([[0.        , 1.        , 0.        , 1.        ],
           [0.84147096, 0.5403023 , 0.00999983, 0.99995   ]], dtype=float32)
    """

    summary = "sines and cosines of positions"
    formula = "sin(p·base^(−2i/d)), cos(p·base^(−2i/d))"
    source = "Vaswani et al. (2017), section 3.5"
    aliases: ClassVar[Aliases] = {
        "sine_position_encoding": {},
        "sinusoidal_positional_embedding": {"order": "concatenated", "endpoint": True},
        "get_timing_signal_1d": {"order": "concatenated", "endpoint": True},
        "marian_sinusoidal_positional_embedding": {"order": "concatenated"},
    }

    base: float = real(default=10000.0, least=1, most=1e300)
    order: str = choice(("interleaved", "concatenated"), default="interleaved")
    endpoint: bool = boolean(default=False)
    offset: int = whole(default=0, most=MOST_POSITIONS - 1)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """A row for each position."""
        require_inexact(dtype, type(self).__name__)
        if not weight.inputs or any(size != 1 for size in weight.spatial):
            raise ShapeError(
                f"shape {weight.shape} has no rows of positions alone; wanted (positions, d), or a layout "
                "that names the axis of the positions as the input"
            )
        positions = math.prod(weight.inputs)
        if self.offset + positions > MOST_POSITIONS:
            raise ShapeError(
                f"shape {weight.shape} has positions up to {self.offset + positions - 1}; wanted them below "
                "2**31"
            )
        concatenated = self.order == "concatenated"
        sinusoids = Sinusoids(positions, weight.columns, self.base, concatenated, self.endpoint, self.offset)
        return batched(sinusoids, weight.batch)
