"""Specifications of modules of PyTorch."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import unifinit as ui
import unifinit.specs.sources
from unifinit.errors import UnsupportedModelError
from unifinit.specs import Spec
from unifinit.specs.architectures import architecture
from unifinit.specs.sources import spec_of, spec_of_config

torch = pytest.importorskip("torch")
pytest.importorskip("jsonschema")


def make() -> Any:
    return torch.nn.Sequential(
        torch.nn.Embedding(9, 8, padding_idx=2),
        torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
        torch.nn.LSTM(8, 4),
        torch.nn.Conv2d(4, 4, 3, groups=2),
        torch.nn.LayerNorm(4),
    )


def test_the_start_of_a_module_is_that_of_its_specification() -> None:
    model = make()
    spec = spec_of(model, "torch", 5)
    assert {array.name: array.shape for array in spec.arrays} == {
        name: tuple(tensor.shape) for name, tensor in model.named_parameters()
    }
    again = Spec.from_document(json.loads(spec.to_json()))
    assert again == spec
    assert again.name == "Sequential"
    assert again.plan().fingerprint == ui.plan_model(model, "torch", 5).fingerprint
    assert str(again.plan()) == str(ui.plan_model(model, "torch", 5))


def test_a_module_on_the_meta_device_has_the_same() -> None:
    with torch.device("meta"):
        model = make()
    assert spec_of(model, "torch", 5) == spec_of(make(), "torch", 5)


def test_a_layer_that_is_not_known_stays_so() -> None:
    class Own(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = torch.nn.Parameter(torch.zeros(2, 3, dtype=torch.bfloat16))

    spec = spec_of(Own(), "he_normal", 0)
    assert Spec.from_document(spec.document()) == spec
    assert spec.arrays[0].dtype.name == "bfloat16"


class Config:
    def __init__(self, **entries: Any) -> None:
        vars(self).update(entries)


class TinyForCausalLM(torch.nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.embed = torch.nn.Embedding(config.vocab_size, config.width)
        self.head = torch.nn.Linear(config.width, config.vocab_size, bias=False)

    @classmethod
    def _from_config(cls, config: Config) -> TinyForCausalLM:
        return cls(config)


@pytest.fixture
def transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands for the package, with a model that unifinit cannot know."""

    def for_model(model_type: str, **entries: Any) -> Config:
        if model_type != "tiny":
            raise ValueError(f"Unrecognized model {model_type}")
        return Config(**entries)

    module: Any = types.ModuleType("transformers")
    module.__version__ = "0"
    module.AutoConfig = types.SimpleNamespace(for_model=for_model)
    module.AutoModel = types.SimpleNamespace(from_config=TinyForCausalLM)
    module.TinyForCausalLM = TinyForCausalLM
    monkeypatch.setitem(sys.modules, "transformers", module)
    monkeypatch.setattr(unifinit.specs.sources, "find_spec", lambda _: True)


@pytest.mark.usefixtures("transformers")
@pytest.mark.parametrize("entries", [{"architectures": ["TinyForCausalLM"]}, {}])
def test_transformers_builds_what_a_configuration_says(tmp_path: Path, entries: dict[str, Any]) -> None:
    path = tmp_path / "config.json"
    # Far too large for memory, which the meta device does not need.
    path.write_text(json.dumps({"model_type": "tiny", "vocab_size": 10**9, "width": 10**6, **entries}))
    spec = spec_of_config(path, {"embed/*": "zeros", "**": "he_normal"}, 0, dtype="bfloat16")
    assert [(array.name, array.shape, array.layer, array.dtype.name) for array in spec.arrays] == [
        ("embed.weight", (10**9, 10**6), "embedding", "bfloat16"),
        ("head.weight", (10**9, 10**6), "dense", "bfloat16"),
    ]
    assert spec.name == (entries or {"architectures": ["tiny"]})["architectures"][0]


@pytest.mark.usefixtures("transformers")
@pytest.mark.parametrize(
    ("entries", "told"),
    [
        (
            {"model_type": "bert"},
            "transformers 0 cannot build 'bert': Unrecognized model bert; wanted a config",
        ),
        ({"model_type": "tiny"}, "transformers 0 cannot build 'tiny': "),
        ({"model_type": "tiny", "architectures": ["Nothing"]}, "transformers 0 cannot build 'tiny': "),
        ({"model_type": "tiny", "vocab_size": 2, "width": 2, "dtype": "flat"}, "cannot build 'tiny'"),
    ],
)
def test_what_cannot_be_built(tmp_path: Path, entries: dict[str, Any], told: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(entries))
    with pytest.raises(UnsupportedModelError, match=told):
        spec_of_config(path, "he_normal", 0)


# The package itself.

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
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("llama", {}),
    ("llama", {"num_key_value_heads": 2}),
    ("llama", {"head_dim": 8}),
    ("llama", {"attention_bias": True, "mlp_bias": True}),
    ("llama", {"tie_word_embeddings": True}),
    ("gpt2", {}),
    ("gpt2", {"n_inner": 40}),
    ("gpt2", {"tie_word_embeddings": False}),
]


@pytest.mark.parametrize(("kind", "sizes"), VARIANTS)
def test_transformers_has_the_same_parameters(kind: str, sizes: dict[str, Any]) -> None:
    transformers = pytest.importorskip("transformers")
    heads = {"gpt2": {"n_head": 4}}.get(kind, {})  # On which no shape depends.
    config = transformers.AutoConfig.for_model(kind, **SMALL[kind], **heads, **sizes)
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    wanted = {name: tuple(tensor.shape) for name, tensor in model.named_parameters()}
    found = architecture(kind, {**SMALL[kind], **sizes}, "float32")
    assert {array.name: array.shape for array in found} == wanted
