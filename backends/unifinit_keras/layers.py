"""What the variables of Keras' layers are."""

from __future__ import annotations

from typing import Any

from unifinit.backend import GATES, QUERIES, Describe, Layout, Role, Roles, Split

RANKS = ("1D", "2D", "3D")
UPDATE_FIRST = ("z", "r", "n")
"""The gates of a GRU as Keras has them side by side: update, reset, candidate."""


def vector(layer: str, variable: Any, leaf: str, inner: tuple[str, ...] = ()) -> Role:
    """The role of a bias, a scale or slopes: all axes are outputs, in the order of one long vector."""
    rank = len(variable.shape) if variable is not None else 1
    layout = "...IO" if rank < 2 else Layout(in_axes=(), out_axes=range(rank)).text
    return Role(layer, layout, leaf, inner)


def dense(_layer: Any) -> Roles:
    """A dense layer."""
    return {"kernel": Role("dense", "IO"), "bias": Role("dense"), **low_rank("dense")}


def einsum(layer: Any) -> Roles:
    """A dense layer whose equation tells what the axes are; those of "..." are none of the kernel's."""
    return {
        "kernel": Role("dense", layer.equation.replace(" ", "").replace("...", "")),
        "bias": vector("dense", layer.bias, "bias"),
        **low_rank("dense"),
    }


def convolution(layer: Any) -> Roles:
    """A convolution, of which each channel may be a group of its own."""
    kind = "conv"
    if layer.groups > 1 and layer.kernel.shape[-2] == 1:
        kind = "depthwise"
    layout = Layout("...IO", kind="conv", groups=layer.groups).text
    return {"kernel": Role(kind, layout), "bias": Role(kind), **low_rank("conv")}


def transposed_convolution(_layer: Any) -> Roles:
    """A transposed convolution, whose kernel has the outputs before the inputs."""
    layout = Layout("...OI", kind="conv_transpose").text
    return {"kernel": Role("conv_transpose", layout), "bias": Role("conv_transpose")}


def depthwise_convolution(_layer: Any) -> Roles:
    """A convolution of each channel with some kernels of its own."""
    return {"kernel": Role("depthwise", "depthwise ...IO"), "bias": Role("depthwise")}


def separable_convolution(_layer: Any) -> Roles:
    """A depthwise convolution, and one of single pixels behind it."""
    return {
        "depthwise_kernel": Role("depthwise", "depthwise ...IO", "weight", ("depthwise",)),
        "pointwise_kernel": Role("conv", "conv ...IO", "weight", ("pointwise",)),
        "bias": Role("conv", leaf="bias", inner=("pointwise",)),
    }


def embedding(_layer: Any) -> Roles:
    """A table of vectors, and one that turns vectors back to tokens, where it is another one."""
    return {
        "embeddings": Role("embedding", "embedding IO"),
        "reverse_embeddings": Role("dense", "IO", "weight", ("reverse",)),
        "lora_embeddings_a": Role("embedding", "embedding IO"),
        "lora_embeddings_b": Role("dense", "IO"),
    }


def attention(layer: Any) -> Roles:
    """Attention with heads, whose projections have an axis for heads and one for their features."""
    roles = {}
    parts = {**{name: name for name in QUERIES}, "gate": "gate", "attention_output": "out"}
    for name, component in parts.items():
        # Children exist once the layer is built, under attributes that are no public ones.
        child = next((child for child in layer._layers if child.name == name), None)
        if child is not None:
            for key, role in einsum(child).items():
                leaf = role.leaf or {"kernel": "weight"}.get(key, key)
                roles[f"{name}.{key}"] = role._replace(layer="attention", leaf=leaf, inner=(component,))
    return roles


def scores(_layer: Any) -> Roles:
    """Attention without projections."""
    return {"scale": Role("attention", leaf="scale"), "concat_score_weight": Role("attention")}


def lstm(_cell: Any) -> Roles:
    """The cell of an LSTM, also of a convolutional one."""
    return _recurrent("lstm", GATES[4])


def gru(cell: Any) -> Roles:
    """The cell of a GRU; with ``reset_after``, its bias has a row for the inputs and one for the state."""
    roles = _recurrent("gru", UPDATE_FIRST)
    if cell.reset_after:
        rows = Layout(in_axes=(), out_axes=1, batch_axes=0).text
        splits = (Split("batch", ("input", "recurrent")), Split("out", UPDATE_FIRST))
        roles["bias"] = Role("gru", rows, "bias", splits=splits)
    return roles


def simple_rnn(_cell: Any) -> Roles:
    """The cell of a plain recurrent layer."""
    return _recurrent("rnn", ())


def normalisation(layer: Any) -> Roles:
    """A layer that scales and shifts what it has normalised."""
    scale = getattr(layer, "gamma", getattr(layer, "scale", None))
    scale = scale if hasattr(scale, "shape") else None  # In most layers it says whether there is one.
    return {
        "gamma": vector("norm", scale, "scale"),
        "scale": vector("norm", scale, "scale"),
        "beta": vector("norm", getattr(layer, "beta", None), "bias"),
    }


def prelu(layer: Any) -> Roles:
    """An activation with slopes."""
    return {"alpha": vector("activation", layer.alpha, "slope")}


def low_rank(kind: str) -> dict[str, Role]:
    """The two factors of what is added to a kernel that is adapted (LoRA)."""
    return {"lora_kernel_a": Role(kind), "lora_kernel_b": Role("dense")}


def _recurrent(kind: str, gates: tuple[str, ...]) -> dict[str, Role]:
    splits = (Split("out", gates),) if gates else ()
    return {
        "kernel": Role(kind, "...IO", "weight", ("input",), splits),
        "recurrent_kernel": Role(kind, "...IO", "weight", ("recurrent",), splits),
        "bias": Role(kind, leaf="bias", inner=("input",), splits=splits),
    }


LAYERS: dict[str, Describe] = {
    "keras:Dense": dense,
    "keras:EinsumDense": einsum,
    **{f"keras:Conv{rank}": convolution for rank in RANKS},
    **{f"keras:Conv{rank}Transpose": transposed_convolution for rank in RANKS},
    **{f"keras:DepthwiseConv{rank}": depthwise_convolution for rank in RANKS[:2]},
    **{f"keras:SeparableConv{rank}": separable_convolution for rank in RANKS[:2]},
    "keras:Embedding": embedding,
    "keras:MultiHeadAttention": attention,
    "keras:GroupedQueryAttention": attention,
    "keras:Attention": scores,
    "keras:AdditiveAttention": scores,
    "keras:LSTMCell": lstm,
    "keras:ConvLSTMCell": lstm,
    "keras:GRUCell": gru,
    "keras:SimpleRNNCell": simple_rnn,
    "keras:BatchNormalization": normalisation,
    "keras:LayerNormalization": normalisation,
    "keras:GroupNormalization": normalisation,
    "keras:RMSNormalization": normalisation,
    "keras:PReLU": prelu,
}
"""By what stands for a class: the top-level module, and the name. LSTM, GRU and other layers with a cell have
no variables but those of it."""
