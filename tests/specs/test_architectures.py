"""Architectures: the parameters that Transformers' models have, and no others."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

import unifinit.specs.sources
from unifinit.errors import SpecError
from unifinit.specs.architectures import ARCHITECTURES, architecture
from unifinit.specs.sources import spec_of_config

SMALL = {
    "llama": {
        "vocab_size": 64,
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    },
    "gpt2": {"vocab_size": 64, "n_positions": 32, "n_embd": 16, "n_layer": 2},
}


def count(kind: str, sizes: dict[str, Any]) -> int:
    return sum(math.prod(array.shape) for array in architecture(kind, sizes, "float32"))


@pytest.mark.parametrize(
    ("kind", "sizes", "total"),
    [
        ("llama", {}, 6_738_415_616),
        (
            "llama",
            {
                "hidden_size": 5120,
                "intermediate_size": 13824,
                "num_hidden_layers": 40,
                "num_attention_heads": 40,
            },
            13_015_864_320,
        ),
        (
            "llama",
            {"vocab_size": 128256, "intermediate_size": 14336, "num_key_value_heads": 8},
            8_030_261_248,
        ),
        ("gpt2", {}, 124_439_808),
        ("gpt2", {"n_embd": 1600, "n_layer": 48}, 1_557_611_200),
    ],
    ids=["Llama 2 7B", "Llama 2 13B", "Llama 3 8B", "GPT-2", "GPT-2 XL"],
)
def test_totals_are_the_published_ones(kind: str, sizes: dict[str, Any], total: int) -> None:
    assert count(kind, sizes) == total


def test_names_layers_and_layouts() -> None:
    found = {array.name: array for array in architecture("gpt2", SMALL["gpt2"], "bfloat16")}
    assert len(found) == 2 + 2 * 12 + 2
    dense = found["transformer.h.1.attn.c_attn.weight"]
    assert (dense.shape, dense.layer, dense.layout.text, dense.dtype.name) == (
        (16, 48),
        "dense",
        "IO",
        "bfloat16",
    )
    assert dense.paths == ("transformer/h/1/attn/c_attn/weight",)
    assert found["transformer.ln_f.weight"].paths == ("transformer/ln_f/scale",)
    assert found["transformer.wte.weight"].layer == "embedding"
    found = {array.name: array for array in architecture("llama", SMALL["llama"], "float32")}
    assert found["model.layers.0.mlp.down_proj.weight"].layout.text == "OI"
    assert found["model.layers.0.mlp.down_proj.weight"].parameters()[0].weight.fans == (24, 16)


@pytest.mark.parametrize(
    ("kind", "sizes", "added"),
    [
        ("llama", {"num_key_value_heads": 2}, -2 * 2 * 8 * 16),
        ("llama", {"head_dim": 8}, 2 * 4 * 16 * 16),
        ("llama", {"attention_bias": True}, 2 * 4 * 16),
        ("llama", {"mlp_bias": True}, 2 * (24 + 24 + 16)),
        ("llama", {"tie_word_embeddings": True}, -64 * 16),
        ("gpt2", {"n_inner": 40}, -2 * 24 * (2 * 16 + 1)),
        ("gpt2", {"tie_word_embeddings": False}, 64 * 16),
    ],
)
def test_sizes_change_what_they_say(kind: str, sizes: dict[str, Any], added: int) -> None:
    assert count(kind, {**SMALL[kind], **sizes}) - count(kind, SMALL[kind]) == added


@pytest.mark.parametrize(
    ("kind", "sizes", "told"),
    [
        (
            "lama",
            {},
            "no architecture 'lama' (did you mean 'llama'?); wanted one of 'llama', 'gpt2', or param",
        ),
        ("llama", {"hiden_size": 1}, "has no size 'hiden_size' (did you mean 'hidden_size'?); wanted 'vocab"),
        (
            "llama",
            {"hidden_size": -1},
            "size 'hidden_size' of architecture 'llama' is -1; wanted an integer of",
        ),
        ("llama", {"hidden_size": True}, "is True; wanted an integer of at least 0"),
        ("llama", {"hidden_size": 2.0}, "is 2.0; wanted an integer of at least 0"),
        ("llama", {"attention_bias": 1}, "is 1; wanted true or false"),
        (
            "llama",
            {"num_attention_heads": 0},
            "hidden_size 4096 cannot be divided among num_attention_heads 0",
        ),
        (
            "llama",
            {"num_attention_heads": 7},
            "hidden_size 4096 cannot be divided among num_attention_heads 7",
        ),
    ],
)
def test_wrong_sizes_are_told(kind: str, sizes: dict[str, Any], told: str) -> None:
    with pytest.raises(SpecError, match=re.escape(told)):
        architecture(kind, sizes, "float32")


# Configurations of Hugging Face's, without Transformers.


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unifinit.specs.sources, "find_spec", lambda _: None)


def write(path: Path, config: Any) -> Path:
    path.write_text(config if isinstance(config, str) else json.dumps(config))
    return path


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_a_configuration_names_the_architecture(tmp_path: Path, kind: str) -> None:
    config = {"model_type": kind, "torch_dtype": "float16", "transformers_version": "5", **SMALL[kind]}
    spec = spec_of_config(write(tmp_path / "config.json", config), "he_normal", 3)
    assert list(spec.arrays) == architecture(kind, SMALL[kind], "float16")
    assert (spec.name, spec.key.seed) == (kind, 3)
    spec = spec_of_config(tmp_path / "config.json", "he_normal", 3, dtype="bfloat16")
    assert {array.dtype.name for array in spec.arrays} == {"bfloat16"}


@pytest.mark.usefixtures("alone")
def test_null_is_the_default(tmp_path: Path) -> None:
    config = {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "head_dim": None,
        "num_key_value_heads": None,
        "dtype": None,
        **SMALL["llama"],
    }
    spec = spec_of_config(write(tmp_path / "config.json", config), "he_normal", 0)
    assert list(spec.arrays) == architecture("llama", SMALL["llama"], "float32")
    assert spec.name == "LlamaForCausalLM"


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("{", "cannot be read: Expecting"),
        ("[" * 200_000, "cannot be read: maximum recursion"),
        ([], "has no model_type; wanted a config.json of Hugging Face's"),
        ({}, "has no model_type; wanted a config.json of Hugging Face's"),
        ({"model_type": 3}, "has no model_type"),
        (
            {"model_type": "bert"},
            "is of model_type 'bert', which unifinit does not know by itself; wanted the pack",
        ),
        (
            {"model_type": "llama", "hidden_size": "wide"},
            "size 'hidden_size' of architecture 'llama' is 'wide'",
        ),
    ],
)
def test_what_is_no_configuration(tmp_path: Path, config: Any, told: str) -> None:
    with pytest.raises(SpecError, match=re.escape(told)):
        spec_of_config(write(tmp_path / "config.json", config), "he_normal", 0)
