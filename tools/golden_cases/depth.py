"""Initializers that know a network's depth or width, and those of attention and of identities."""

from unifinit.initializers.base import Initializer
from unifinit.initializers.networks.identities import IDInit, ZerO
from unifinit.initializers.networks.mimetic import MimeticAttention
from unifinit.initializers.networks.mup import MuP, SpectralMuP
from unifinit.initializers.networks.residual import Fixup, LayerScale
from unifinit.initializers.networks.transformers import DeepNorm, ResidualNormal, SmallInit, TFixup, WangInit

CASES: list[tuple[Initializer, tuple[int, ...], str]] = [
    (ResidualNormal(layers=12), (16, 24), "...IO"),
    (ResidualNormal(layers=48, stddev=0.5, per_layer=1), (3, 5, 4), "GIO"),
    (SmallInit(), (24, 16), "OI"),
    (SmallInit(width=100), (11, 4), "embedding"),
    (WangInit(layers=28), (16, 64), "OI"),
    (WangInit(layers=5, width=77), (33, 8), "...IO"),
    (TFixup(layers=6, kind="encoder"), (16, 24), "...IO"),
    (TFixup(layers=200, kind="decoder"), (24, 16), "OI"),
    (TFixup(layers=7, kind="embedding"), (50, 12), "embedding"),
    (DeepNorm(part="encoder", layers=12), (16, 24), "...IO"),
    (DeepNorm(part="decoder", layers=50), (24, 16), "OI"),
    (DeepNorm(part="encoder", layers=7, other_layers=5), (16, 24), "...IO"),
    (DeepNorm(part="decoder", layers=5, other_layers=7), (16, 24), "...IO"),
    (Fixup(branches=16), (8, 6, 3, 3), "OIHW"),
    (Fixup(branches=54, per_branch=4, mode="fan_in"), (3, 3, 4, 8), "...IO"),
    (LayerScale(), (33,), "...IO"),
    (LayerScale(depth=12), (7, 5), "OI"),
    (LayerScale(depth=25), (5,), "...IO"),
    (MuP(kind="hidden", base_fan_in=32), (48, 96), "OI"),
    (MuP(kind="output", base_fan_in=7, scale=2.0, distribution="uniform"), (48, 10), "...IO"),
    (MuP(kind="readout", base_fan_in=7, scale=0.3, distribution="truncated_normal"), (48, 10), "...IO"),
    (MuP(kind="input", base_fan_in=10, base_fan_out=32, mode="fan_geo_avg"), (10, 48), "...IO"),
    (SpectralMuP(), (16, 24), "...IO"),
    (SpectralMuP(gain=2.0), (5, 33, 3, 3), "OIHW"),
    (ZerO(), (33, 20), "OI"),
    (ZerO(normalization="orthonormal"), (3, 2, 5, 9), "...IO"),
    (ZerO(), (3, 5, 4), "GIO"),
    (IDInit(), (33, 7), "OI"),
    (IDInit(gain=0.3), (2, 9, 4), "GIO"),
    (MimeticAttention(matrix="query", heads=2), (24, 24), "OI"),
    (MimeticAttention(matrix="key", heads=3, alpha=0.5, beta=-0.3), (24, 3, 5), "abd,dhk->abhk"),
    (MimeticAttention(matrix="value", heads=2, distribution="uniform"), (33, 33), "...IO"),
    (MimeticAttention(matrix="projection", heads=2), (2, 5, 12), "GIO"),
]
