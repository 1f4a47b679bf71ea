"""What the layers of each framework start with by default."""

from __future__ import annotations

import math

from unifinit.initializers import (
    Constant,
    LecunNormal,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
)
from unifinit.models.arrays import Parameter
from unifinit.models.facts import Facts
from unifinit.models.rulesets.base import Recipe, is_matrix
from unifinit.models.sources import Choice

RECURRENT = ("lstm", "gru", "rnn")
GATES = {"lstm": 4, "gru": 3, "rnn": 1}
BILINEAR = "in=1,2 out=0"
"""The layout of the weight of ``torch.nn.Bilinear``."""


def symmetric_uniform(bound: float) -> Choice:
    """Uniform numbers on [-bound, bound)."""
    return RandomUniform(-bound, bound)


def is_recurrent_weight(parameter: Parameter) -> bool:
    """Whether it is applied to the state of a recurrent layer."""
    return parameter.layer in RECURRENT and "/recurrent/" in f"/{parameter.path}"


class TorchDefaults(Recipe):
    """What the layers of PyTorch draw in ``reset_parameters``."""

    name = "torch"
    summary = "PyTorch's defaults: U(±1/√fan_in) for weights and biases, N(0, 1) for embeddings"
    source = "reset_parameters of the layers of torch.nn, 2.13"

    def of_bias(self, parameter: Parameter, facts: Facts) -> Choice:
        """As the weight of the layer; zeros in attention."""
        if parameter.layer in RECURRENT:
            return self._of_recurrent(parameter)
        if parameter.layer == "attention":
            return Zeros()
        sibling = facts.sibling(parameter, "weight")
        return None if sibling is None else symmetric_uniform(1 / math.sqrt(_fan_in_of_torch(sibling)))

    def of_weight(self, parameter: Parameter, facts: Facts) -> Choice:
        """By the kind of the layer."""
        if parameter.layer == "embedding":
            return RandomNormal()
        if parameter.layer == "activation":
            return Constant(0.25)
        if parameter.layer in RECURRENT:
            return self._of_recurrent(parameter)
        is_output = parameter.parent.rpartition("/")[2] == "out" and parameter.leaf == "weight"
        if parameter.layer == "attention" and not is_output:
            return self._of_attention(parameter, facts)
        if is_matrix(parameter):
            return symmetric_uniform(1 / math.sqrt(_fan_in_of_torch(parameter)))
        return None

    def _of_recurrent(self, parameter: Parameter) -> Choice:
        """By the size of the state."""
        weight = parameter.weight
        is_projection = "/projection/" in f"/{parameter.path}"
        return symmetric_uniform(1 / math.sqrt(max(1, weight.rows if is_projection else weight.columns)))

    def _of_attention(self, parameter: Parameter, facts: Facts) -> Choice:
        """Xavier's, with the fans of the three projections together where they have one shape."""
        weight = parameter.weight
        if parameter.leaf in ("bias_k", "bias_v"):
            return RandomNormal(stddev=1 / math.sqrt(max(1, weight.columns)))
        if not is_matrix(parameter):
            return None
        above = parameter.parent.rpartition("/")[0]
        paths = ("/".join(filter(None, (above, name))) for name in ("query", "key", "value"))
        shapes = {
            found["weight"].weight.shape if (found := facts.layers.get(path)) and "weight" in found else None
            for path in paths
        }
        times = 3 if len(shapes) == 1 and None not in shapes else 1
        return symmetric_uniform(math.sqrt(6 / max(1, weight.rows + times * weight.columns)))


class KerasDefaults(Recipe):
    """What the layers of Keras 3 draw by default.

    The gates of a recurrent kernel share one orthogonal matrix in Keras. Here each has one of its own, so
    scaled that its elements are as large: the rows of a kernel without spatial axes are orthonormal as well.
    """

    name = "keras"
    summary = (
        "Keras' defaults: Glorot uniform, zero biases, U(±0.05) for embeddings, orthogonal recurrent kernels"
    )
    source = "default arguments of keras.layers, 3.15"

    def of_norm(self, parameter: Parameter, facts: Facts) -> Choice:
        """As everywhere; ``AdditiveAttention`` has a scale that is drawn."""
        if parameter.layer == "attention" and parameter.weight.rank:
            return symmetric_uniform(math.sqrt(3 / max(1, parameter.weight.columns)))
        return super().of_norm(parameter, facts)

    def of_bias(self, parameter: Parameter, facts: Facts) -> Choice:
        """Zeros, but ones for the forget gate of an LSTM."""
        forgets = parameter.layer == "lstm" and parameter.parent.endswith("input/f")
        return Ones() if forgets else Zeros()

    def of_weight(self, parameter: Parameter, facts: Facts) -> Choice:
        """By the kind of the layer."""
        if parameter.layer == "embedding":
            return symmetric_uniform(0.05)
        if parameter.leaf == "concat_score_weight":
            return Ones()
        if parameter.layer == "activation":
            return Zeros()
        if not is_matrix(parameter):
            return None
        if is_recurrent_weight(parameter):
            rows, columns = parameter.weight.rows, parameter.weight.columns
            together = max(rows, columns * GATES[parameter.layer])
            return Orthogonal(gain=math.sqrt(max(1, rows, columns) / max(1, together)))
        return symmetric_uniform(_glorot_bound_of_keras(parameter))


class FlaxDefaults(Recipe):
    """What the layers of Flax draw by default, in NNX and in Linen.

    By the fans of the layer's own matrix, which Flax does not take in ``Einsum``, nor in ``ConvTranspose``
    with ``transpose_kernel``. Gates have matrices of their own, as in Linen; those of NNX's cells share one.
    """

    name = "flax"
    summary = (
        "Flax' defaults: LeCun normal, zero biases, N(0, 1/d) for embeddings, orthogonal recurrent weights"
    )
    source = "default arguments of flax.nnx and flax.linen, 0.12"

    def of_weight(self, parameter: Parameter, facts: Facts) -> Choice:
        """By the kind of the layer."""
        if parameter.layer == "embedding":
            return RandomNormal(stddev=1 / math.sqrt(max(1, parameter.weight.columns)))
        if parameter.layer == "activation":
            return Constant(0.01)
        if not is_matrix(parameter):
            return None
        if is_recurrent_weight(parameter):
            return Orthogonal()
        return LecunNormal()


class HaikuDefaults(Recipe):
    """What the modules of Haiku draw by default.

    The truncated normal distribution has the standard deviation 1/√fan_in before it is truncated. The input
    and the recurrent part of an LSTM are one linear map in Haiku, whose fan_in is the sum of both.
    """

    name = "haiku"
    summary = "Haiku's defaults: normal, 1/√fan_in before truncation, zero biases, embeddings of deviation 1"
    source = "hk.Linear, hk.ConvND, hk.Embed, hk.LSTM, hk.GRU of Haiku 0.0.17"

    def of_weight(self, parameter: Parameter, facts: Facts) -> Choice:
        """By the kind of the layer."""
        if parameter.layer == "embedding":
            return TruncatedNormal()
        if not is_matrix(parameter):
            return None
        if parameter.layer == "gru":
            return VarianceScaling()
        is_lstm = parameter.layer == "lstm"
        inputs = _rows_of_both(parameter, facts) if is_lstm else parameter.weight.fans.fan_in
        return TruncatedNormal(stddev=1 / math.sqrt(max(1, inputs)))


def _fan_in_of_torch(parameter: Parameter) -> float:
    """What PyTorch takes for fan_in: the second axis of its weight, times the field."""
    weight = parameter.weight
    if parameter.layer == "conv_transpose":  # There the outputs.
        return max(1, math.prod(weight.spatial) * math.prod(weight.outputs))
    if parameter.layout.text == BILINEAR:
        return max(1, weight.inputs[0])
    return max(1, weight.fans.fan_in)


def _glorot_bound_of_keras(parameter: Parameter) -> float:
    """With the fans that Keras takes, which know neither groups nor depthwise convolutions."""
    weight = parameter.weight
    if parameter.layer == "depthwise":
        channels = math.prod(weight.shape) / max(1, weight.fans.fan_out)
        return math.sqrt(6 / max(1, channels * weight.fans.fan_in + weight.fans.fan_out))
    gates = GATES.get(parameter.layer, 1)
    return math.sqrt(6 / max(1, weight.rows + math.prod(weight.spatial) * weight.columns * gates))


def _rows_of_both(parameter: Parameter, facts: Facts) -> int:
    """The inputs and the state of an LSTM together."""
    own, other = ("recurrent", "input") if is_recurrent_weight(parameter) else ("input", "recurrent")
    path = "/".join(other if part == own else part for part in parameter.parent.split("/"))
    sibling = facts.layers.get(path, {}).get("weight")
    return parameter.weight.rows + (0 if sibling is None else sibling.weight.rows)
