"""What the arrays of PyTorch's layers are."""

from __future__ import annotations

from typing import Any

from unifinit.backend import GATES, QUERIES, Describe, Layout, Role, Roles, Split, recurrent_role

KINDS = {"LSTM": "lstm", "GRU": "gru", "RNN": "rnn"}


_LINEAR = {"weight": Role("dense", "OI"), "bias": Role("dense")}


def linear(_module: Any) -> Roles:
    """A dense layer."""
    return _LINEAR


def bilinear(_module: Any) -> Roles:
    """A dense layer of products of two inputs."""
    return {"weight": Role("dense", "in=1,2 out=0"), "bias": Role("dense")}


def convolution(module: Any) -> Roles:
    """A convolution, of which each channel may be a group of its own."""
    layout = Layout("OI...", kind="conv", groups=module.groups).text
    layer = "depthwise" if module.groups == module.in_channels > 1 else "conv"
    return {"weight": Role(layer, layout), "bias": Role(layer)}


def transposed_convolution(module: Any) -> Roles:
    """A transposed convolution."""
    layout = Layout("IO...", kind="conv_transpose", groups=module.groups).text
    return {"weight": Role("conv_transpose", layout), "bias": Role("conv_transpose")}


def embedding(module: Any) -> Roles:
    """A table of vectors; that of padding stays zero, as it gets no gradient."""
    return {"weight": Role("embedding", "embedding IO", zero_row=module.padding_idx)}


def normalisation(_module: Any) -> Roles:
    """A layer whose weight scales what it has normalised."""
    return {"weight": Role("norm", leaf="scale"), "bias": Role("norm")}


def prelu(_module: Any) -> Roles:
    """An activation with slopes."""
    return {"weight": Role("activation", leaf="slope")}


def attention(_module: Any) -> Roles:
    """Attention whose projections of the inputs share an array, if they have one size."""
    projections = (Split("out", QUERIES),)
    roles = {
        "in_proj_weight": Role("attention", "OI", "weight", splits=projections),
        "in_proj_bias": Role("attention", leaf="bias", splits=projections),
        "out_proj.weight": Role("attention", "OI", "weight", ("out",)),
        "out_proj.bias": Role("attention", leaf="bias", inner=("out",)),
        "bias_k": Role("attention"),
        "bias_v": Role("attention"),
    }
    for name in QUERIES:
        roles[f"{name[0]}_proj_weight"] = Role("attention", "OI", "weight", (name,))
    return roles


def recurrent(module: Any) -> Roles:
    """LSTM, GRU and plain recurrent layers, whose gates lie side by side."""
    layer = next(KINDS[base.__name__.removesuffix("Cell")] for base in type(module).__mro__ if _is_kind(base))
    gates = {"lstm": GATES[4], "gru": GATES[3], "rnn": ()}[layer]
    roles = {name: recurrent_role(name, layer, gates) for name in module._parameters}
    return {name: role for name, role in roles.items() if role is not None}


def conv1d_of_transformers(_module: Any) -> Roles:
    """The dense layer of Transformers whose weight is (in, out)."""
    return {"weight": Role("dense", "IO"), "bias": Role("dense")}


def _is_kind(cls: type) -> bool:
    return cls.__module__.startswith("torch.") and cls.__name__.removesuffix("Cell") in KINDS


_DIMENSIONS = ("1d", "2d", "3d")

LAYERS: dict[str, Describe] = {
    "torch:Linear": linear,
    "torch:Bilinear": bilinear,
    **{f"torch:Conv{d}": convolution for d in _DIMENSIONS},
    **{f"torch:ConvTranspose{d}": transposed_convolution for d in _DIMENSIONS},
    "torch:Embedding": embedding,
    "torch:EmbeddingBag": embedding,
    "torch:_BatchNorm": normalisation,
    "torch:_InstanceNorm": normalisation,
    "torch:LayerNorm": normalisation,
    "torch:GroupNorm": normalisation,
    "torch:RMSNorm": normalisation,
    "torch:PReLU": prelu,
    "torch:MultiheadAttention": attention,
    "torch:RNNBase": recurrent,
    "torch:RNNCellBase": recurrent,
    "transformers:Conv1D": conv1d_of_transformers,
}
"""By what stands for a class: the top-level module, and the name."""
