"""Fourier matrices as kernels of convolutions over time, and the windows that go with them."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from unifinit.content import Content
from unifinit.contents import Fixed, HostArray, batched
from unifinit.errors import ArgumentError, ShapeError
from unifinit.initializers.base import Initializer
from unifinit.initializers.hyperparameters import boolean, checked, choice, real, several
from unifinit.types import DType, require_inexact
from unifinit.weight import Weight

Numbers = npt.NDArray[np.float64]

COSINES: dict[str, tuple[float, ...]] = {
    "hann": (0.5, 0.5),
    "hamming": (0.54, 1.0 - 0.54),
    "blackman": (0.42, 0.50, 0.08),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}
"""Windows that are sums of cosines, by SciPy's names, with SciPy's coefficients."""

WINDOWS = (*COSINES, "bartlett", "boxcar", "cosine", "triang")

LARGEST_LENGTH = 2**28
"""Of frames and of the transform: below the denominators that sines of fractions of a turn can have."""


def window_values(name: str, length: int, periodic: bool) -> Numbers:
    """A window; a periodic one is the symmetric one of one element more, without the last."""
    from unifinit.numerics import sincos_turns_array

    if length <= 1:
        return np.ones(length)
    n = np.arange(length)
    period = length if periodic else length - 1
    place = 2 * n - period  # From the centre, in half steps.
    if name in COSINES:
        first, *others = COSINES[name]
        window = np.full(length, first)
        for k, coefficient in enumerate(others, 1):
            window = window + coefficient * sincos_turns_array(k * place, 2 * period)[1]
        return window
    if name == "cosine":
        return sincos_turns_array(2 * n + 1, 4 * (period + 1))[0]
    if name == "bartlett":
        return (period - np.abs(place)) / period
    if name == "triang":
        half = period + 1 + (period + 1) % 2  # Of the base, which ends outside.
        return (half - np.abs(place)) / half
    return np.ones(length)


def _window(value: Any, name: str) -> str | tuple[float, ...]:
    """The name of a window, or its values."""
    kind = choice(WINDOWS) if isinstance(value, str) else several(real(), least=1)
    return kind.checked(value, name)  # type: ignore[no-any-return]


@lru_cache(64)
def _divisor(window: str | tuple[float, ...], scaling: str | None, length: int, periodic: bool) -> float:
    """What a window is divided by."""
    if scaling is None or not length:
        return 1.0
    values = window_values(window, length, periodic) if isinstance(window, str) else np.array(window)
    with np.errstate(over="ignore"):
        # From the first term to the last, as no other way of adding is the same everywhere.
        total = float(np.add.accumulate(values * values if scaling == "density" else np.abs(values))[-1])
    divisor = math.sqrt(total) if scaling == "density" else total
    if not 0 < divisor < math.inf:
        raise ArgumentError(
            f"window {window!r} of {length} elements cannot be scaled by {scaling!r}, which divides by "
            f"{divisor}; wanted other values, more elements, periodic=True or scaling=None"
        )
    return divisor


class FourierKernel(Fixed):
    """Real or imaginary parts of the discrete Fourier transform, windowed, from times to frequencies."""

    side: str
    window: str | tuple[float, ...] | None
    periodic: bool
    divisor: float
    length: int
    bins: int

    parts = ("side", "window", "periodic", "divisor", "length", "bins")

    def __init__(
        self,
        side: str,
        window: str | tuple[float, ...] | None,
        periodic: bool,
        divisor: float,
        length: int,
        bins: int,
    ) -> None:
        vars(self).update(
            side=side, window=window, periodic=periodic, divisor=divisor, length=length, bins=bins
        )

    def numbers(self) -> HostArray:
        """The parts of exp(-2 pi i t f / F) times the window, divided by a number."""
        from unifinit.numerics import sincos_turns_array

        turns = 2 * (self.bins - 1)
        num = np.multiply.outer(-np.arange(self.length), np.arange(self.bins))
        kernel = sincos_turns_array(num, turns)[self.side == "real"]
        if self.window is None:
            return kernel
        if isinstance(self.window, str):
            window = window_values(self.window, self.length, self.periodic)
        else:
            window = np.array(self.window)
        return kernel * window[:, None] / self.divisor


class STFT(Initializer):
    """Real or imaginary part of the short-time Fourier transform, as a kernel over time.

    The shape is (T, 1, F // 2 + 1): frames of T samples, and the frequencies 0, ..., F // 2 of a transform of
    the even length F. In PyTorch's order, ``layout="OI..."``, it is (F // 2 + 1, 1, T).

    Parameters
    ----------
    side : {"real", "imag"}
        Which part.
    window : str or sequence of float, optional
        The name of a window ("hann", "hamming", "blackman", "nuttall", "blackmanharris", "flattop",
        "bartlett",
        "boxcar", "cosine", "triang"), or a value for each of the T samples, such as
        ``scipy.signal.get_window(("kaiser", 8.6), T)``. None: no window, and no scaling either.
    scaling : {"density", "spectrum"}, optional
        What the window is divided by: the square root of the sum of its squares, the sum of its magnitudes,
        or, for None, nothing.
    periodic : bool
        Whether a window with a name is periodic, as for spectral analysis, or else symmetric.

    Raises
    ------
    ArgumentError
        If a hyperparameter is not one of these; in a call, if the window is 0 and to be scaled.
    DtypeError
        In a call, for integers and booleans.
    ShapeError
        In a call, for another number of axes, more than one input, fewer than two frequencies, or another
        number of samples than of the window's values.

    Notes
    -----
    w(t) cos(2 pi t f / F) / s, and -w(t) sin(2 pi t f / F) / s. The sines and cosines of these exact
    fractions of a turn are rounded correctly, where Keras computes the angle in the dtype, so that its error
    grows with t f. Otherwise ``keras.initializers.STFT``, with the windows of ``scipy.signal``, whose cosines
    are rounded correctly here too. Keras ignores the number of inputs and returns one.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.STFT("imag", window=None)((4, 1, 3)).reshape(4, 3)
    array([[ 0.,  0.,  0.],
           [ 0., -1.,  0.],
           [ 0.,  0.,  0.],
           [ 0.,  1.,  0.]], dtype=float32)
    """

    summary = "real or imaginary part of the short-time Fourier transform"
    formula = "w(t)·cos(2πtf/F)/s or −w(t)·sin(2πtf/F)/s"
    source = "keras.initializers.STFT"

    side: str = choice(("real", "imag"), default="real")
    window: Any = checked(
        _window, "the name of a window, or a sequence of finite numbers", default="hann", optional=True
    )
    scaling: str | None = choice(("density", "spectrum"), default="density", optional=True)
    periodic: bool = boolean(default=False)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """A windowed Fourier matrix."""
        require_inexact(dtype, type(self).__name__)
        inputs, bins = math.prod(weight.inputs), weight.columns
        if len(weight.spatial) != 1 or inputs != 1 or bins < 2:
            raise ShapeError(
                f"shape {weight.shape} has {len(weight.spatial)} spatial axes, {inputs} inputs and {bins} "
                "outputs; wanted (T, 1, F // 2 + 1): one spatial axis, one input and at least two outputs"
            )
        length = weight.spatial[0]
        if max(length, bins) > LARGEST_LENGTH:
            raise ShapeError(
                f"shape {weight.shape} is too large; wanted at most 2**28 samples and frequencies"
            )
        window = self.window
        if isinstance(window, tuple) and len(window) != length:
            raise ShapeError(
                f"window has {len(window)} values, but shape {weight.shape} has frames of {length} samples; "
                "wanted a value for each sample"
            )
        divisor = 1.0 if window is None else _divisor(window, self.scaling, length, self.periodic)
        return batched(FourierKernel(self.side, window, self.periodic, divisor, length, bins), weight.batch)
