"""What the parameters of Haiku's modules are, which modules can tell after a call."""

from __future__ import annotations

from typing import Any

from unifinit.backend import QUERIES, Describe, Layout, Role, Roles, Shape, Split

LSTM_GATES = ("i", "g", "f", "o")
"""The gates of an LSTM as Haiku has them side by side."""
GRU_GATES = ("z", "r", "n")
"""Those of a GRU: update, reset, candidate."""
PLACES = {"input_to_hidden": "input", "hidden_to_hidden": "recurrent"}


def linear(_module: Any) -> Roles:
    """A dense layer."""
    return {"w": Role("dense", "IO"), "b": Role("dense")}


def bias(_module: Any) -> Roles:
    """A bias alone."""
    return {"b": Role()}


def convolution(module: Any) -> Roles:
    """A convolution, of which each channel may be a group of its own."""
    groups = module.feature_group_count
    layer = "depthwise" if groups > 1 and shapes_of(module).get("w", (0, 0))[-2] == 1 else "conv"
    return {"w": Role(layer, Layout("...IO", kind="conv", groups=groups).text), "b": Role(layer)}


def transposed_convolution(_module: Any) -> Roles:
    """A transposed convolution, whose kernel has the outputs before the inputs."""
    return {"w": Role("conv_transpose", "conv_transpose ...OI"), "b": Role("conv_transpose")}


def depthwise_convolution(module: Any) -> Roles:
    """A convolution of each channel with some kernels of its own, which lie side by side."""
    channels = max(1, shapes_of(module).get("w", (0,))[-1] // module.channel_multiplier)
    return {
        "w": Role("depthwise", Layout("...IO", kind="conv", groups=channels).text),
        "b": Role("depthwise"),
    }


def embedding(_module: Any) -> Roles:
    """A table of vectors."""
    return {"embeddings": Role("embedding", "embedding IO")}


def attention(_module: Any) -> Roles:
    """Attention, whose projections have all heads side by side."""
    roles = {}
    for child, component in {**{name: name for name in QUERIES}, "linear": "out"}.items():
        roles[f"{child}.w"] = Role("attention", "IO", "weight", (component,))
        roles[f"{child}.b"] = Role("attention", leaf="bias", inner=(component,))
    return roles


def lstm(module: Any) -> Roles:
    """An LSTM, whose one matrix reads the inputs and the state.

    Haiku adds 1 to what the forget gate gets: where other libraries' models start with a bias of 1 there, the
    same function has zeros here.
    """
    rows = shapes_of(module).get("linear/w", (0,))[0]
    gates = Split("out", LSTM_GATES)
    halves = Split("in", ("input", "recurrent"), (rows - module.hidden_size, module.hidden_size))
    return {
        "linear.w": Role("lstm", "IO", "weight", splits=(halves, gates)),
        "linear.b": Role("lstm", leaf="bias", inner=("input",), splits=(gates,)),
    }


def convolutional_lstm(_module: Any) -> Roles:
    """An LSTM whose weights are convolutions, with a bias in each."""
    splits = (Split("out", LSTM_GATES),)
    return {
        f"{child}.{name}": Role("lstm", "...IO", leaf, (place,), splits)
        for child, place in PLACES.items()
        for name, leaf in {"w": "weight", "b": "bias"}.items()
    }


def gru(_module: Any) -> Roles:
    """A GRU; its bias counts to the inputs.

    Haiku's is another function than that of other libraries: 1 - z stands for z, and the reset gate comes
    before the product with the weights of the candidate.
    """
    splits = (Split("out", GRU_GATES),)
    return {
        "w_i": Role("gru", "IO", "weight", ("input",), splits),
        "w_h": Role("gru", "IO", "weight", ("recurrent",), splits),
        "b": Role("gru", leaf="bias", inner=("input",), splits=splits),
    }


def simple_rnn(_module: Any) -> Roles:
    """A plain recurrent layer, whose dense layers are told apart by their numbers."""
    roles = {}
    for child, place in {"linear": "input", "linear_1": "recurrent"}.items():
        roles[f"{child}.w"] = Role("rnn", "IO", "weight", (place,))
        roles[f"{child}.b"] = Role("rnn", leaf="bias", inner=(place,))
    return roles


def normalisation(_module: Any) -> Roles:
    """A layer that scales and shifts what it has normalised."""
    return {"scale": Role("norm", leaf="scale"), "offset": Role("norm", leaf="bias")}


def shapes_of(module: Any, name: str = "") -> dict[str, Shape]:
    """The shapes of a module's parameters, by names that begin with another one instead of the module's."""
    start = f"{module.module_name}/"
    found = module.params_dict().items()
    return {
        "/".join(filter(None, (name, full.removeprefix(start)))): tuple(value.shape) for full, value in found
    }


LAYERS: dict[str, Describe] = {
    "haiku:Linear": linear,
    "haiku:Bias": bias,
    "haiku:ConvND": convolution,
    "haiku:ConvNDTranspose": transposed_convolution,
    "haiku:DepthwiseConvND": depthwise_convolution,
    "haiku:Embed": embedding,
    "haiku:MultiHeadAttention": attention,
    "haiku:LSTM": lstm,
    "haiku:ConvNDLSTM": convolutional_lstm,
    "haiku:GRU": gru,
    "haiku:VanillaRNN": simple_rnn,
    "haiku:LayerNorm": normalisation,
    "haiku:RMSNorm": normalisation,
    "haiku:BatchNorm": normalisation,
    "haiku:GroupNorm": normalisation,
}
"""By what stands for a class: the top-level module, and the name."""
