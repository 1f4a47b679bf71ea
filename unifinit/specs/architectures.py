"""Architectures whose parameters follow from a few sizes, under the names of Hugging Face's Transformers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from unifinit.errors import SpecError, or_list, suggestion
from unifinit.layout import as_layout
from unifinit.models.arrays import ModelArray, Role
from unifinit.models.paths import make_path
from unifinit.types import DType, Shape, as_dtype

DENSE = Role("dense", "OI", "weight")
DENSE_IO = Role("dense", "IO", "weight")
BIAS = Role("dense", leaf="bias")
EMBEDDING = Role("embedding", "embedding IO", "weight")
SCALE = Role("norm", leaf="scale")
SHIFT = Role("norm", leaf="bias")

Named = tuple[str, Shape, Role]


class Architecture(NamedTuple):
    """How parameters follow from sizes.

    Attributes
    ----------
    sizes
        The names of the sizes with their defaults.
    parameters
        From all sizes to names, shapes and roles.
    """

    sizes: Mapping[str, int]
    parameters: Callable[[Mapping[str, Any]], Iterator[Named]]


def llama(sizes: Mapping[str, Any]) -> Iterator[Named]:
    """Llama 1, 2 and 3, Mistral and their like."""
    width, hidden, heads = sizes["hidden_size"], sizes["intermediate_size"], sizes["num_attention_heads"]
    if not heads or (not sizes["head_dim"] and width % heads):
        raise SpecError(
            f"hidden_size {width} cannot be divided among num_attention_heads {heads}; wanted a multiple, or "
            "head_dim"
        )
    head = sizes["head_dim"] or width // heads
    queries, keys = heads * head, (sizes["num_key_value_heads"] or heads) * head
    yield "model.embed_tokens.weight", (sizes["vocab_size"], width), EMBEDDING
    for number in range(sizes["num_hidden_layers"]):
        layer = f"model.layers.{number}"
        for name, size in (("q_proj", queries), ("k_proj", keys), ("v_proj", keys)):
            yield f"{layer}.self_attn.{name}.weight", (size, width), DENSE
            if sizes["attention_bias"]:
                yield f"{layer}.self_attn.{name}.bias", (size,), BIAS
        yield f"{layer}.self_attn.o_proj.weight", (width, queries), DENSE
        if sizes["attention_bias"]:
            yield f"{layer}.self_attn.o_proj.bias", (width,), BIAS
        for name, inputs, outputs in (
            ("gate_proj", width, hidden),
            ("up_proj", width, hidden),
            ("down_proj", hidden, width),
        ):
            yield f"{layer}.mlp.{name}.weight", (outputs, inputs), DENSE
            if sizes["mlp_bias"]:
                yield f"{layer}.mlp.{name}.bias", (outputs,), BIAS
        yield f"{layer}.input_layernorm.weight", (width,), SCALE
        yield f"{layer}.post_attention_layernorm.weight", (width,), SCALE
    yield "model.norm.weight", (width,), SCALE
    if not sizes["tie_word_embeddings"]:
        yield "lm_head.weight", (sizes["vocab_size"], width), DENSE


def gpt2(sizes: Mapping[str, Any]) -> Iterator[Named]:
    """GPT-2, whose dense layers have their inputs first."""
    width, hidden = sizes["n_embd"], sizes["n_inner"] or 4 * sizes["n_embd"]
    yield "transformer.wte.weight", (sizes["vocab_size"], width), EMBEDDING
    yield "transformer.wpe.weight", (sizes["n_positions"], width), EMBEDDING
    for number in range(sizes["n_layer"]):
        layer = f"transformer.h.{number}"
        yield from _norm(f"{layer}.ln_1", width)
        yield from _dense_io(f"{layer}.attn.c_attn", width, 3 * width)
        yield from _dense_io(f"{layer}.attn.c_proj", width, width)
        yield from _norm(f"{layer}.ln_2", width)
        yield from _dense_io(f"{layer}.mlp.c_fc", width, hidden)
        yield from _dense_io(f"{layer}.mlp.c_proj", hidden, width)
    yield from _norm("transformer.ln_f", width)
    if not sizes["tie_word_embeddings"]:
        yield "lm_head.weight", (sizes["vocab_size"], width), DENSE


def _norm(name: str, width: int) -> Iterator[Named]:
    yield f"{name}.weight", (width,), SCALE
    yield f"{name}.bias", (width,), SHIFT


def _dense_io(name: str, inputs: int, outputs: int) -> Iterator[Named]:
    yield f"{name}.weight", (inputs, outputs), DENSE_IO
    yield f"{name}.bias", (outputs,), BIAS


ARCHITECTURES = {
    "llama": Architecture(
        {
            "vocab_size": 32000,
            "hidden_size": 4096,
            "intermediate_size": 11008,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 0,
            "head_dim": 0,
            "attention_bias": False,
            "mlp_bias": False,
            "tie_word_embeddings": False,
        },
        llama,
    ),
    "gpt2": Architecture(
        {
            "vocab_size": 50257,
            "n_positions": 1024,
            "n_embd": 768,
            "n_layer": 12,
            "n_inner": 0,
            "tie_word_embeddings": True,
        },
        gpt2,
    ),
}
"""By their names, those of ``model_type`` in a ``config.json``. A size of 0 follows from the others."""


def architecture(name: str, sizes: Mapping[str, Any], dtype: str | DType) -> list[ModelArray]:
    """The arrays of an architecture.

    Parameters
    ----------
    name
        One of ``ARCHITECTURES``.
    sizes
        Those that differ from the defaults.
    dtype
        Of all arrays.

    Raises
    ------
    SpecError
        If there is no such architecture or size, or a size is out of range.
    """
    known = ARCHITECTURES.get(name)
    if known is None:
        raise SpecError(
            f"no architecture {name!r}{suggestion(name, ARCHITECTURES)}; wanted one of "
            f"{or_list(ARCHITECTURES)}, or parameters"
        )
    for size, value in sizes.items():
        if size not in known.sizes:
            raise SpecError(
                f"architecture {name!r} has no size {size!r}{suggestion(size, known.sizes)}; wanted "
                f"{or_list(known.sizes)}"
            )
        if type(value) is not type(known.sizes[size]) or value < 0:
            wanted = "true or false" if isinstance(known.sizes[size], bool) else "an integer of at least 0"
            raise SpecError(f"size {size!r} of architecture {name!r} is {value!r}; wanted {wanted}")
    found = []
    for array, shape, role in known.parameters({**known.sizes, **sizes}):
        owner = make_path(array).rpartition("/")[0]
        layout = as_layout(role.layout)
        found.append(ModelArray(array, owner, role.leaf, shape, as_dtype(dtype), role.layer, layout))
    return found
