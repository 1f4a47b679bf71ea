"""Where the initializers are that few programs use: they are imported when they are first asked for."""

PACKAGE = "unifinit.initializers."
FAMILIES = {
    "combinators": ("Blocked", "FromFunction", "Masked", "Scaled", "Stacked"),
    "matrices": (
        "ConvolutionalOrthogonal1D",
        "ConvolutionalOrthogonal2D",
        "ConvolutionalOrthogonal3D",
        "DeltaOrthogonal",
        "Dirac",
        "Identity",
        "Sparse",
    ),
    "signal": ("Bilinear", "ICNR", "STFT", "SinusoidalPositions"),
    "recurrent": ("ChronoBias", "GRUBias", "HiPPO", "LSTMBias", "Mamba2A", "MambaA", "MambaDtBias", "S4D"),
    "networks": (
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
    ),
}
LATE = {name: PACKAGE + family for family, names in FAMILIES.items() for name in names}
"""The module of each by its name."""
