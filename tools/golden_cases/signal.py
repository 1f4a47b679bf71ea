"""Filters, transforms, encodings of positions and adapters."""

from unifinit.initializers.base import Initializer
from unifinit.initializers.networks.lora import LoraA, LoraB
from unifinit.initializers.networks.siren import Siren
from unifinit.initializers.signal.positions import SinusoidalPositions
from unifinit.initializers.signal.stft import STFT
from unifinit.initializers.signal.upsampling import ICNR, Bilinear

CASES: list[tuple[Initializer, tuple[int, ...], str]] = [
    (Bilinear(), (5, 4, 3, 3), "...IO"),
    (Bilinear(), (6, 2, 4, 4), "conv_transpose(groups=3) IOHW"),
    (Bilinear(downsampling=True), (3, 5, 6, 1, 4), "...IO"),
    (Bilinear("all"), (3, 2, 7), "OI..."),
    (ICNR(), (3, 3, 4, 8), "...IO"),
    (ICNR("orthogonal"), (12, 5, 3, 3), "OIHW"),
    (ICNR("glorot_uniform", 3, "tensorflow"), (3, 4, 6), "...IO"),
    (ICNR("he_normal"), (2, 3, 8, 5), "GIOW"),
    (STFT(), (16, 1, 9), "...IO"),
    (STFT("imag", "hamming", "spectrum", periodic=True), (17, 1, 12), "...IO"),
    (STFT("imag", None), (8, 1, 20), "OIW"),
    (STFT(window=[0.5, -1.0, 2.0, 0.0]), (4, 1, 6), "...IO"),
    *((STFT(window=window), (13, 1, 4), "...IO") for window in ("blackman", "nuttall", "blackmanharris")),
    *((STFT(window=window), (12, 1, 4), "...IO") for window in ("flattop", "bartlett", "cosine", "triang")),
    (SinusoidalPositions(), (20, 16), "...IO"),
    (SinusoidalPositions(), (7, 9), "embedding"),
    (SinusoidalPositions(order="concatenated", endpoint=True, offset=100), (1, 10, 13), "...IO"),
    (SinusoidalPositions(500.0, "concatenated"), (5, 7), "OI"),
    (Siren(), (12, 7), "...IO"),
    (Siren(first=True), (9, 2), "OI"),
    (Siren(fan_in=5), (11,), "...IO"),
    (LoraA(), (12, 4), "...IO"),
    (LoraA("gaussian"), (4, 12), "OI"),
    (LoraA(embedding=True), (4, 12), "OI"),
    (LoraB(), (4, 6), "...IO"),
    (LoraB(embedding=True), (6, 4), "OI"),
]
