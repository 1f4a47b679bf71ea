"""Filters, transforms and positions."""

from unifinit.initializers.signal.positions import SinusoidalPositions
from unifinit.initializers.signal.stft import STFT
from unifinit.initializers.signal.upsampling import ICNR, Bilinear

__all__ = ["ICNR", "STFT", "Bilinear", "SinusoidalPositions"]
