"""What transformers start with, by the papers and the code that made them known."""

from __future__ import annotations

import math
from typing import Any

from unifinit.errors import RuleError
from unifinit.initializers import RandomNormal, XavierNormal, Zeros
from unifinit.initializers.hyperparameters import boolean, checked, real, whole
from unifinit.initializers.networks import DeepNorm, ResidualNormal
from unifinit.initializers.scaling import GlorotUniform, LecunNormal
from unifinit.models.arrays import Parameter
from unifinit.models.facts import Facts
from unifinit.models.patterns import PathPattern
from unifinit.models.rulesets.base import Recipe, is_matrix, matches
from unifinit.models.sources import Choice

QUERIES = "**/{query,q,q_proj,q_lin,wq}/weight"
RESIDUAL = "**/{out,out_proj,o_proj,o,wo,c_proj,proj,down_proj,w2,fc2,linear2,dense_4h_to_h}/weight"
"""The layers whose outputs are added to the residual stream, by the names that they have in common code."""
ATTENTION_BIASES = "**/{query,key,value,out,qkv,proj}/bias"
TOKENS = ("cls", "cls_token", "class_token", "dist_token")
"""Parameters that stand for a token of their own."""
HEADS = "{lm_head,head,heads,classifier,fc,logits,output,score}/**"
"""The last layer, by the names that it has in common code."""


def pattern(default: str | None, *, optional: bool = False) -> Any:
    """The declaration of a setting that is a pattern of paths."""
    return checked(
        lambda value, _name: PathPattern(value).text,
        "a glob, or a regular expression",
        default=default,
        optional=optional,
    )


class _Normal(Recipe):
    """Normal numbers of one standard deviation, less in what adds to the residual stream if wanted."""

    stddev: float = real(default=0.02, least=0)
    layers: int | None = whole(default=None, least=1, optional=True)
    residual: str = pattern(RESIDUAL)

    scale_residual: bool = True

    def of_weight(self, parameter: Parameter, facts: Facts) -> Choice:
        """Normal numbers."""
        if self.scale_residual and is_matrix(parameter) and matches(self.residual, parameter):
            return ResidualNormal(self.layers or facts.depth("layers"), stddev=self.stddev)
        return RandomNormal(stddev=self.stddev)


class GPT2(_Normal):
    """Normal numbers of one standard deviation, but less in what adds to the residual stream."""

    name = "gpt2"
    summary = "GPT-2: N(0, 0.02²), /√(2·layers) where a layer adds to the residual stream, zero biases"
    source = "Radford et al. (2019), section 2.3, as in Hugging Face's GPT2PreTrainedModel and nanoGPT"


class Llama(_Normal):
    """Normal numbers of one standard deviation everywhere, and scales of one."""

    name = "llama"
    summary = "Llama-style: N(0, 0.02²) everywhere; with residual scaling /√(2·layers) if wanted"
    source = "Hugging Face's LlamaPreTrainedModel, initializer_range; scaling as in GPT-2 and OLMo"

    scale_residual: bool = boolean(default=False)


class T5(Recipe):
    """Scales that let attention do without a division by the square root of the size of a head."""

    name = "t5"
    summary = "T5: queries N(0, 1/(d·d_kv)), other matrices N(0, 1/fan_in), embeddings N(0, 1)"
    source = "Raffel et al. (2020), as in Hugging Face's T5PreTrainedModel._init_weights and Mesh TensorFlow"

    factor: float = real(default=1.0, least=0)
    head_size: int | None = whole(default=None, least=1, optional=True)
    relative: str = pattern("**/{relative_attention_bias,rel_embedding,relpos_bias}/weight")

    def of_weight(self, parameter: Parameter, facts: Facts) -> Choice:
        """By what a layer is to attention."""
        weight = parameter.weight
        if matches(self.relative, parameter):
            return RandomNormal(stddev=self.factor / math.sqrt(max(1, self._width(facts))))
        if parameter.layer == "embedding":
            return RandomNormal(stddev=self.factor)
        if not is_matrix(parameter):
            return None
        if matches(HEADS, parameter):
            return RandomNormal(stddev=self.factor)
        inputs = max(1, weight.rows)
        if matches(QUERIES, parameter):
            inputs *= self._head_size(parameter, facts)
        return RandomNormal(stddev=self.factor / math.sqrt(inputs))

    def _width(self, facts: Facts) -> int:
        """That of the vectors of tokens: a table of positions may come first, with a column for each head."""
        tables = (one for one in facts.parameters if one.layer == "embedding" and one.leaf == "weight")
        tokens = next((one for one in tables if not matches(self.relative, one)), None)
        return (facts.width or 1) if tokens is None else tokens.weight.columns

    def _head_size(self, parameter: Parameter, facts: Facts) -> int:
        """That of the setting, of the array's own axes, or as the table of relative positions tells it."""
        if self.head_size is not None:
            return self.head_size
        if len(parameter.weight.outputs) > 1:
            return parameter.weight.outputs[-1]
        table = next((one for one in facts.parameters if matches(self.relative, one)), None)
        if table is None:
            raise RuleError(
                f"{parameter.path}: the size of a head cannot be read from the model; wanted "
                "ui.recipe('t5', head_size=...), 64 in all published sizes"
            )
        return max(1, parameter.weight.columns // max(1, table.weight.columns))


class ViT(Recipe):
    """Xavier uniform matrices, a patch embedding as any convolution of Flax, and a head of zeros."""

    name = "vit"
    summary = "Vision transformer: Xavier uniform, positions N(0, 0.02²), patches LeCun normal, zero head"
    source = "Dosovitskiy et al. (2021), google-research/vision_transformer, models_vit.py"

    head: str = pattern(HEADS)
    positions: str = pattern(r"re:(.*/)?(pos_embed|pos_embedding|position_embeddings?)(/weight)?")

    def of_bias(self, parameter: Parameter, facts: Facts) -> Choice:
        """Tiny numbers in the feed-forward network, zeros elsewhere."""
        is_attention = parameter.layer == "attention" or matches(ATTENTION_BIASES, parameter)
        if is_attention or parameter.layer == "conv" or matches(self.head, parameter):
            return Zeros()
        return RandomNormal(stddev=1e-6)

    def of_weight(self, parameter: Parameter, facts: Facts) -> Choice:
        """By what a layer is to the network."""
        if matches(self.positions, parameter) or parameter.layer == "embedding":
            return RandomNormal(stddev=0.02)
        if matches(self.head, parameter) or parameter.leaf in TOKENS:
            return Zeros()
        if not is_matrix(parameter):
            return None
        return LecunNormal() if parameter.layer == "conv" else GlorotUniform()


class DeepNormRecipe(Recipe):
    """Xavier normal, with DeepNorm's gain in values, output projections and feed-forward networks."""

    name = "deepnorm"
    summary = "DeepNorm: Xavier normal, gain β by depth in values, outputs and feed-forward layers"
    source = "Wang et al., DeepNet (2022), figure 2"

    encoder_layers: int | None = whole(default=None, least=0, optional=True)
    decoder_layers: int | None = whole(default=None, least=0, optional=True)
    attention: str = pattern("**/{query,q,q_proj,wq,key,k,k_proj,wk}/weight")
    head: str = pattern(HEADS)

    def of_weight(self, parameter: Parameter, facts: Facts) -> Choice:
        """By what a layer is to the network."""
        if parameter.layer == "embedding":
            return RandomNormal(stddev=1 / math.sqrt(max(1, parameter.weight.columns)))
        if not is_matrix(parameter):
            return None
        if matches(self.attention, parameter) or matches(self.head, parameter):
            return XavierNormal()
        encoder, decoder = self._depths(facts)
        is_decoder = "decoder" in parameter.path if encoder and decoder else bool(decoder)
        part, layers, others = ("decoder", decoder, encoder) if is_decoder else ("encoder", encoder, decoder)
        return DeepNorm(part, layers, others)

    def _depths(self, facts: Facts) -> tuple[int, int]:
        """The layers of the encoder and of the decoder."""
        if self.encoder_layers is not None or self.decoder_layers is not None:
            found = (self.encoder_layers or 0, self.decoder_layers or 0)
        else:
            depths = {
                part: max((stack.depth for stack in facts.stacks if part in stack.path), default=0)
                for part in ("encoder", "decoder")
            }
            found = (depths["encoder"], depths["decoder"])
        if found == (0, 0):
            raise RuleError(
                "recipe 'deepnorm' cannot tell the depth: no stack of layers is called encoder or decoder; "
                "wanted encoder_layers= or decoder_layers="
            )
        return found
