"""Initializers of transformers whose scale falls with their depth."""

from __future__ import annotations

import math
from typing import ClassVar

from unifinit.content import Content
from unifinit.contents import normal
from unifinit.initializers.base import Aliases, RandomInitializer
from unifinit.initializers.hyperparameters import choice, real, whole
from unifinit.initializers.scaling import fan, scaled
from unifinit.types import DType
from unifinit.weight import Weight

STACKS = ("encoder", "decoder")


class ResidualNormal(RandomInitializer):
    """Normal with standard deviation stddev / sqrt(per_layer * layers): GPT-2's residual projections.

    For the weights whose outputs are added to the residual stream: the projection behind attention, and the
    second matrix of the feed-forward network. GPT-2's other weights are ``RandomNormal(stddev=0.02)``.

    Parameters
    ----------
    layers : int
        Number of layers of the model.
    stddev : float
        Standard deviation of the model's other weights; 0 gives zeros.
    per_layer : int
        How often a layer adds to the residual stream: twice, if it has attention and a feed-forward network.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If layers or per_layer is no integer or less than 1, or stddev is negative or not finite.

    Notes
    -----
    N(0, (stddev / √(per_layer·layers))²), whatever the shape. Source: Radford et al., "Language models are
    unsupervised multitask learners" (2019), section 2.3: weights of residual layers are scaled by 1/√N, N
    being the number of residual layers. The code that OpenAI released does not scale them. Hugging Face's
    GPT-2 and nanoGPT draw them again with 0.02 / √(2·layers), as here. GPT-NeoX calls that
    ``scaled_normal``; its ``single_residual_scaled_normal``, for layers that add once, has ``per_layer=1``.
    """

    summary = "normal, standard deviation stddev / sqrt(per_layer * layers)"
    formula = "N(0, stddev²/(per_layer·layers))"
    source = "Radford et al. (2019), section 2.3, as in Hugging Face's GPT-2 and nanoGPT"
    aliases: ClassVar[Aliases] = {
        "gpt2_residual": {},
        "scaled_normal": {},
        "single_residual_scaled_normal": {"per_layer": 1},
    }

    layers: int = whole(least=1)
    stddev: float = real(default=0.02, least=0)
    per_layer: int = whole(default=2, least=1)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """Normal numbers."""
        return normal(0.0, self.stddev / math.sqrt(self.per_layer * self.layers), dtype)


class SmallInit(RandomInitializer):
    """Normal with standard deviation sqrt(2 / (5 * width)): "small init" of transformers.

    Parameters
    ----------
    width : int, optional
        Width d of the model; by default fan_in, which it is for the matrices that read the residual stream.
        Embeddings need it, for their fan_in is 1 or the size of the vocabulary.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If width is no integer or less than 1.

    Notes
    -----
    N(0, 2/(5d)), not truncated. Source: Nguyen & Salazar, "Transformers without tears" (2019), section 2.2:
    the variance that Xavier's formula gives the matrices between d and 4d units of a feed-forward network,
    used for those of attention too. GPT-NeoX draws all weights so that `WangInit` does not, embeddings
    included, with d the model's width. For empty arrays d is at least 1.
    """

    summary = "normal, variance 2 / (5 * width), width = fan_in"
    formula = "N(0, 2/(5d)), d = fan_in"
    source = "Nguyen & Salazar (2019), section 2.2; GPT-NeoX's small_init"

    width: int | None = whole(default=None, least=1, optional=True)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """Normal numbers."""
        width = fan(weight, "fan_in") if self.width is None else self.width
        return normal(0.0, math.sqrt(2.0 / (5.0 * width)), dtype)


class WangInit(RandomInitializer):
    """Normal with standard deviation 2 / (layers * sqrt(width)): residual projections beside "small init".

    Parameters
    ----------
    layers : int
        Number of layers of the model.
    width : int, optional
        Width d of the model; by default fan_out, which it is for the matrices that write to the residual
        stream: the projection behind attention, and the second matrix of the feed-forward network.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If layers or width is no integer or less than 1.

    Notes
    -----
    N(0, (2/(layers·√d))²), not truncated, as GPT-NeoX has it beside `SmallInit`. Source: Wang & Komatsuzaki,
    "GPT-J-6B" (2021), whose code truncates it at two standard deviations, without a correction, as Haiku
    does. Both take the model's width for both matrices, although the second one has 4d inputs. For empty
    arrays d is at least 1.
    """

    summary = "normal, standard deviation 2 / (layers * sqrt(width)), width = fan_out"
    formula = "N(0, (2/(layers·√d))²), d = fan_out"
    source = "GPT-J (2021); GPT-NeoX's wang_init"

    layers: int = whole(least=1)
    width: int | None = whole(default=None, least=1, optional=True)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """Normal numbers."""
        width = fan(weight, "fan_out") if self.width is None else self.width
        return normal(0.0, 2 / self.layers / math.sqrt(width), dtype)


class TFixup(RandomInitializer):
    """Xavier uniform, or normal for embeddings, scaled by depth so that transformers need no LayerNorm.

    Parameters
    ----------
    layers : int
        Number N of layers of the stack, the encoder or the decoder, to which the weight belongs.
    kind : {"encoder", "decoder", "embedding"}
        What the weight is. "encoder" and "decoder": a matrix of values, an output projection of attention, or
        a matrix of a feed-forward network. "embedding": the embedding that the stack reads. Those of queries
        and keys are plain `GlorotUniform`.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If layers is no integer or less than 1, or kind is unknown.

    Notes
    -----
    Xavier's uniform distribution with the gain 0.67·N^(-1/4) for "encoder" and (9N)^(-1/4) for "decoder", and
    N(0, (d^(-1/2)·(9N)^(-1/4))²) for "embedding", d being the product of the output axes. Source: Huang,
    Pérez, Ba & Volkovs, "Improving transformer optimization through better initialization" (2020). They write
    N(0, d^(-1/2)) for embeddings; their code takes that for the standard deviation, as here. In their code
    queries and keys have the gain 1/√2, as everywhere in fairseq, and values the gain 1 before the scaling.
    """

    summary = "Xavier uniform or, for embeddings, normal, with a gain that falls with depth"
    formula = "U(±g·√(6/(fan_in + fan_out))), g = 0.67·N^(-1/4) or (9N)^(-1/4)"
    source = "Huang, Pérez, Ba & Volkovs (2020)"
    aliases: ClassVar[Aliases] = {"tfixup": {}}

    layers: int = whole(least=1)
    kind: str = choice((*STACKS, "embedding"))

    def content(self, weight: Weight, dtype: DType) -> Content:
        """Uniform numbers, or normal ones."""
        from unifinit.numerics import power

        in_encoder = self.kind == "encoder"
        gain = 0.67 * power(self.layers, -0.25) if in_encoder else power(9 * self.layers, -0.25)
        if self.kind == "embedding":
            return normal(0.0, gain / math.sqrt(max(1, weight.columns)), dtype)
        return scaled(weight, dtype, gain * gain, "fan_avg", "uniform")


class DeepNorm(RandomInitializer):
    """Xavier normal with the gain β that transformers with DeepNorm have for their depth.

    For the matrices of feed-forward networks, values and output projections; those of queries and keys have
    the gain 1, `XavierNormal`.

    Parameters
    ----------
    part : {"encoder", "decoder"}
        The stack of layers to which the weight belongs.
    layers : int
        Number of layers of that stack.
    other_layers : int
        Number of layers of the other one; 0 if there is none.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If part is unknown, layers is no integer or less than 1, or other_layers no integer or negative.

    Notes
    -----
    N(0, 2β²/(fan_in + fan_out)), not truncated. Source: Wang et al., "DeepNet: scaling transformers to 1,000
    layers" (2022), figure 2. With N layers in the encoder and M in the decoder, β is (8N)^(-1/4) for an
    encoder alone, (8M)^(-1/4) for a decoder alone, and with both 0.87·(N⁴M)^(-1/16) in the encoder and
    (12M)^(-1/4) in the decoder. The factor α of the residual connection is no matter of weights. Microsoft's
    torchscale deviates from the paper: it has 1.15 in the place of 0.87, scales uniform numbers, those of
    values drawn with the gain 1/√2 and those of the feed-forward network with PyTorch's default, and scales
    biases too.
    """

    summary = "normal, variance 2 * beta² / (fan_in + fan_out), beta by depth"
    formula = "N(0, 2β²/(fan_in + fan_out)), β = (8N)^(-1/4) in encoders"
    source = "Wang et al. (2022), figure 2"
    aliases: ClassVar[Aliases] = {"deepnorm": {}, "deepnet": {}}

    part: str = choice(STACKS)
    layers: int = whole(least=1)
    other_layers: int = whole(default=0)

    @property
    def beta(self) -> float:
        """The gain."""
        from unifinit.numerics import power

        if not self.other_layers:
            return power(8 * self.layers, -0.25)
        if self.part == "decoder":
            return power(12 * self.layers, -0.25)
        return 0.87 * power(self.layers**4 * self.other_layers, -0.0625)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """Normal numbers."""
        beta = self.beta
        return scaled(weight, dtype, beta * beta, "fan_avg", "untruncated_normal")
