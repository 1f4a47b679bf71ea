"""Schemes for particular networks: transformers, residual networks, widths that grow, adapters."""

from unifinit.initializers.networks.identities import IDInit, ZerO
from unifinit.initializers.networks.lora import LoraA, LoraB
from unifinit.initializers.networks.mimetic import MimeticAttention
from unifinit.initializers.networks.mup import MuP, SpectralMuP
from unifinit.initializers.networks.residual import Fixup, LayerScale
from unifinit.initializers.networks.siren import Siren
from unifinit.initializers.networks.transformers import DeepNorm, ResidualNormal, SmallInit, TFixup, WangInit

__all__ = [
    "DeepNorm",
    "Fixup",
    "IDInit",
    "LayerScale",
    "LoraA",
    "LoraB",
    "MimeticAttention",
    "MuP",
    "ResidualNormal",
    "Siren",
    "SmallInit",
    "SpectralMuP",
    "TFixup",
    "WangInit",
    "ZerO",
]
