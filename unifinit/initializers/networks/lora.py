"""The two factors of a low-rank adaptation."""

from __future__ import annotations

from typing import ClassVar

from unifinit.content import Content
from unifinit.contents import fill, normal
from unifinit.errors import ShapeError
from unifinit.initializers.base import Aliases, RandomInitializer
from unifinit.initializers.hyperparameters import boolean, choice
from unifinit.initializers.scaling import scaled
from unifinit.types import DType
from unifinit.weight import Weight


class LoraA(RandomInitializer):
    """The factor A of a low-rank adaptation W + B A, which maps the inputs to r numbers.

    Parameters
    ----------
    distribution : {"kaiming_uniform", "gaussian"}
        "kaiming_uniform": uniform on ±1 / sqrt(fan_in), as PyTorch's linear layers, in loralib and by
        default in PEFT. "gaussian": normal with the standard deviation 1 / r, which is PEFT's
        ``init_lora_weights="gaussian"`` and the way of diffusers; r is the number of outputs.
    embedding : bool
        Whether the adapted layer is an embedding: its A is 0, and its B is drawn.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If distribution is unknown or embedding no boolean.
    ShapeError
        In a call, for fewer than two axes.

    Notes
    -----
    Source: Hu et al., "LoRA: low-rank adaptation of large language models" (2021), section 4.1, which has a
    normal A and leaves its variance open. The authors' package loralib has ``kaiming_uniform_(a=sqrt(5))``
    instead, as PEFT has. The inputs of A are those of the layer, and its outputs the rank r: the shape (r,
    inputs) and ``layout="OI"`` in PyTorch, also with spatial axes.
    """

    summary = "factor A of a low-rank adaptation"
    formula = "U(±1/√fan_in), or N(0, 1/r²); 0 for embeddings"
    source = "Hu et al. (2021), section 4.1; loralib; PEFT"
    aliases: ClassVar[Aliases] = {
        "lora_A": {},
        "lora_embedding_A": {"embedding": True},
    }

    distribution: str = choice(("kaiming_uniform", "gaussian"), default="kaiming_uniform")
    embedding: bool = boolean(default=False)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """Uniform or normal numbers, or zeros."""
        if weight.rank < 2:
            raise ShapeError(
                f"shape {weight.shape} has {weight.rank} axes, which tell no fans; LoraA wants at least 2: a "
                "matrix or a kernel from the layer's inputs to the rank"
            )
        if self.embedding:
            return fill(0.0, dtype)
        if self.distribution == "gaussian":
            return normal(0.0, 1 / max(1, weight.columns), dtype)
        return scaled(weight, dtype, 1 / 3, "fan_in", "uniform")


class LoraB(RandomInitializer):
    """The factor B of a low-rank adaptation W + B A: 0, so that the adapted layer begins as it was.

    Parameters
    ----------
    embedding : bool
        Whether the adapted layer is an embedding: its B is standard normal, and its A is 0.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If embedding is no boolean.

    Notes
    -----
    Source: Hu et al., "LoRA: low-rank adaptation of large language models" (2021), section 4.1; for
    embeddings loralib and PEFT, which draw B as PyTorch draws an embedding. Any shape: a bias of B is 0 too.
    """

    summary = "factor B of a low-rank adaptation"
    formula = "0; N(0, 1) for embeddings"
    source = "Hu et al. (2021), section 4.1; loralib; PEFT"
    aliases: ClassVar[Aliases] = {
        "lora_B": {},
        "lora_embedding_B": {"embedding": True},
    }

    embedding: bool = boolean(default=False)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """Zeros, or normal numbers."""
        return normal(0.0, 1.0, dtype) if self.embedding else fill(0.0, dtype)
