"""What the arrays of Flax' layers are; classes of NNX and of Linen with one name share a description."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

from unifinit.backend import GATES, QUERIES, Describe, Layout, Role, Roles, Split

PARTS = {"i": "input", "h": "recurrent"}
"""How the names of a cell's children begin, and what they read."""
HIDDEN = {
    "RNN": {"cell": ""},
    "Bidirectional": {"forward_rnn": "", "backward_rnn": "reverse"},
}
"""What children add to paths instead of their names, by the class of the parent."""


def axes(layer: str, leaf: str, batch: int, inputs: int, outputs: int, inner: tuple[str, ...] = ()) -> Role:
    """The role of an array whose axes are so many of each kind, in this order."""
    if batch + inputs + outputs < 2:
        return Role(layer, leaf=leaf, inner=inner)
    ends = (0, *accumulate((batch, inputs, outputs)))
    batch_axes, in_axes, out_axes = (range(*pair) for pair in pairwise(ends))
    layout = Layout(in_axes=in_axes, out_axes=out_axes, batch_axes=batch_axes if batch else None)
    return Role(layer, layout.text, leaf, inner)


def dense(_module: Any) -> Roles:
    """A dense layer."""
    return {"kernel": Role("dense", "IO"), "bias": Role("dense")}


def general_dense(module: Any) -> Roles:
    """A dense layer with several axes of inputs and outputs."""
    batch = len(getattr(module, "batch_axis", None) or _as_tuple(getattr(module, "batch_dims", ())))
    inputs, outputs = len(_as_tuple(module.axis)), len(_outputs_of(module))
    return {
        "kernel": axes("dense", "weight", batch, inputs, outputs),
        "bias": axes("dense", "bias", batch, 0, outputs),
    }


def einsum(module: Any) -> Roles:
    """A dense layer whose equation tells what the axes are; Linen may get it with the inputs only."""
    if module.einsum_str is None:
        return {}
    equation = module.einsum_str.replace(" ", "").replace("...", "")
    operands, _, result = equation.partition("->")
    # The bias has those axes of the result that are the kernel's.
    outputs = sum(letter in result for letter in operands.partition(",")[2])
    bias_shape = getattr(module, "bias_shape", None)
    outputs = outputs if bias_shape is None else len(bias_shape)
    return {"kernel": Role("dense", equation), "bias": axes("dense", "bias", 0, 0, outputs)}


def convolution(module: Any) -> Roles:
    """A convolution, of which each channel may be a group of its own."""
    groups = module.feature_group_count
    kind = "depthwise" if groups > 1 and _inputs_of_group(module) == 1 else "conv"
    layout = Layout(f"{_spatial(module)}IO", kind="conv", groups=groups).text
    return {"kernel": Role(kind, layout), "bias": Role(kind)}


def transposed_convolution(module: Any) -> Roles:
    """A transposed convolution; ``transpose_kernel`` puts the outputs before the inputs."""
    letters = "OI" if module.transpose_kernel else "IO"
    layout = Layout(_spatial(module) + letters, kind="conv_transpose").text
    return {"kernel": Role("conv_transpose", layout), "bias": Role("conv_transpose")}


def embedding(_module: Any) -> Roles:
    """A table of vectors."""
    return {"embedding": Role("embedding", "embedding IO")}


def attention(_module: Any) -> Roles:
    """Attention with heads, whose projections have an axis for heads and one for their features."""
    roles = {
        "out.kernel": axes("attention", "weight", 0, 2, 1, ("out",)),
        "out.bias": Role("attention", leaf="bias", inner=("out",)),
    }
    for name in QUERIES:
        roles[f"{name}.kernel"] = axes("attention", "weight", 0, 1, 2, (name,))
        roles[f"{name}.bias"] = axes("attention", "bias", 0, 0, 2, (name,))
    return roles


def lstm(_module: Any) -> Roles:
    """An LSTM; its one bias, which Flax has with the weights of the state, counts to the inputs."""
    return _cell("lstm", GATES[4], biases={"i": "input", "h": "input"})


def gru(_module: Any) -> Roles:
    """A GRU; the bias that it has with the weights of the state is a second one."""
    return _cell("gru", GATES[3], biases=PARTS)


def simple(_module: Any) -> Roles:
    """A plain recurrent layer."""
    roles = {}
    for part, place in PARTS.items():
        for child in (part, f"dense_{part}"):
            roles[f"{child}.kernel"] = Role("rnn", "IO", "weight", (place,))
            roles[f"{child}.bias"] = Role("rnn", leaf="bias", inner=(place,))
    return roles


def minimal_gru(_module: Any) -> Roles:
    """A GRU with one gate beside the candidate."""
    return _cell("gru", ("f", "n"), biases=PARTS)


def convolutional_lstm(module: Any) -> Roles:
    """An LSTM whose weights are convolutions, with a bias in each."""
    roles = {}
    splits = (Split("out", ("i", "g", "f", "o")),)
    for part, place in PARTS.items():
        roles[f"{part}h.kernel"] = Role("lstm", f"{_spatial(module)}IO", "weight", (place,), splits)
        roles[f"{part}h.bias"] = Role("lstm", leaf="bias", inner=(place,), splits=splits)
    return roles


def normalisation(module: Any) -> Roles:
    """A layer that scales and shifts what it has normalised."""
    features = len(_as_tuple(getattr(module, "feature_axes", -1)))
    return {name: axes("norm", name, 0, 0, features) for name in ("scale", "bias")}


def prelu(_module: Any) -> Roles:
    """An activation with a slope."""
    return {"negative_slope": Role("activation", leaf="slope")}


def low_rank(_module: Any) -> Roles:
    """The two factors of what is added to a kernel that is adapted (LoRA)."""
    return {"lora_a": Role("dense", "IO"), "lora_b": Role("dense", "IO")}


def _cell(layer: str, gates: tuple[str, ...], biases: dict[str, str]) -> dict[str, Role]:
    """The roles of a cell's children: one for each gate, or with all gates side by side."""
    roles = {}
    splits = (Split("out", gates),)
    for part, place in PARTS.items():
        for gate in gates:
            for child in (f"{part}{gate}", f"{part}{gate}_"):  # NNX writes "if_", as "if" is Python's.
                roles[f"{child}.kernel"] = Role(layer, "IO", "weight", (place, gate))
                roles[f"{child}.bias"] = Role(layer, leaf="bias", inner=(biases[part], gate))
        roles[f"dense_{part}.kernel"] = Role(layer, "IO", "weight", (place,), splits)
        roles[f"dense_{part}.bias"] = Role(layer, leaf="bias", inner=(biases[part],), splits=splits)
    return roles


def _outputs_of(module: Any) -> tuple[Any, ...]:
    return _as_tuple(module.out_features if hasattr(module, "out_features") else module.features)


def _as_tuple(x: Any) -> tuple[Any, ...]:
    return tuple(x) if isinstance(x, Sequence) else (x,)


def _spatial(module: Any) -> str:
    """The letters of the spatial axes, so that a kernel with further axes is noticed."""
    rank = len(_as_tuple(module.kernel_size))
    return "DHW"[3 - rank :] if rank <= 3 else "..."


def _inputs_of_group(module: Any) -> int:
    """The inputs of each group of a convolution: only the kernel tells them."""
    kernel: Any = getattr(module, "kernel", None)
    if kernel is None:  # Linen has it among the variables.
        kernel = module.variables.get("params", {}).get("kernel")
    kernel = kernel.unbox() if hasattr(kernel, "unbox") else kernel
    return int(kernel.shape[-2]) if hasattr(kernel, "shape") else 0


LAYERS: dict[str, Describe] = {
    "flax:Linear": dense,
    "flax:Dense": dense,
    "flax:LinearGeneral": general_dense,
    "flax:DenseGeneral": general_dense,
    "flax:Einsum": einsum,
    "flax:Conv": convolution,
    "flax:ConvTranspose": transposed_convolution,
    "flax:Embed": embedding,
    "flax:MultiHeadAttention": attention,
    "flax:MultiHeadDotProductAttention": attention,
    "flax:LSTMCell": lstm,
    "flax:OptimizedLSTMCell": lstm,
    "flax:GRUCell": gru,
    "flax:SimpleCell": simple,
    "flax:MGUCell": minimal_gru,
    "flax:ConvLSTMCell": convolutional_lstm,
    "flax:LayerNorm": normalisation,
    "flax:RMSNorm": normalisation,
    "flax:GroupNorm": normalisation,
    "flax:BatchNorm": normalisation,
    "flax:InstanceNorm": normalisation,
    "flax:PReLU": prelu,
    "flax:LoRA": low_rank,
}
"""By what stands for a class: the top-level module, and the name."""
