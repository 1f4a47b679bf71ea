"""Recipes: what they say of well-known networks, on shapes alone."""

import importlib.util
import math
from pathlib import Path

import pytest

import unifinit as ui
from unifinit.errors import RuleError
from unifinit.models.arrays import ModelArray
from unifinit.models.assignment import assign
from unifinit.models.modelplan import ModelPlan
from unifinit.models.rulesets import RECIPES
from unifinit.types import as_dtype

pytestmark = pytest.mark.filterwarnings("ignore::unifinit.UnusedRuleWarning")


def array(path, shape, layer="dense", layout="...IO"):
    owner, _, leaf = path.rpartition("/")
    return ModelArray(path, owner, leaf, shape, as_dtype("float32"), layer, ui.Layout(layout))


def stddevs(arrays, recipe):
    """What a recipe draws, by path."""
    rules = ui.Rules(recipe, unmatched="keep")
    plan = ModelPlan(assign([array(*one) for one in arrays], rules, ui.Key(0)), ui.Key(0))
    return {row.path: row.stddev for row in plan.rows}


def initializers(arrays, recipe):
    rules = ui.Rules(recipe, unmatched="keep")
    planned = assign([array(*one) for one in arrays], rules, ui.Key(0))
    return {one.parameter.path: one.initializer for every in planned for one in every.parameters}


def gpt(layers=3, width=8):
    yield "wte/weight", (50, width), "embedding", "embedding IO"
    yield "wpe/weight", (16, width), "embedding", "embedding IO"
    for number in range(layers):
        yield f"h/{number}/ln_1/scale", (width,), "norm"
        yield f"h/{number}/attn/c_attn/weight", (width, 3 * width)
        yield f"h/{number}/attn/c_attn/bias", (3 * width,)
        yield f"h/{number}/attn/c_proj/weight", (width, width)
        yield f"h/{number}/mlp/c_fc/weight", (width, 4 * width)
        yield f"h/{number}/mlp/c_proj/weight", (4 * width, width)
    yield "ln_f/scale", (width,), "norm"
    yield "ln_f/bias", (width,), "norm"


def t5():
    yield "shared/weight", (50, 64), "embedding", "embedding IO"
    attention = "encoder/block/0/layer/0/SelfAttention"
    yield f"{attention}/q/weight", (64, 48)
    yield f"{attention}/k/weight", (64, 48)
    yield f"{attention}/v/weight", (64, 48)
    yield f"{attention}/o/weight", (48, 64)
    yield f"{attention}/relative_attention_bias/weight", (32, 6), "embedding", "embedding IO"
    yield "encoder/block/0/layer/1/DenseReluDense/wi/weight", (64, 128)
    yield "encoder/block/0/layer/1/DenseReluDense/wo/weight", (128, 64)
    yield "encoder/block/0/layer/1/layer_norm/scale", (64,), "norm"


def resnet():
    yield "conv1/weight", (7, 7, 3, 16), "conv"
    yield "bn1/scale", (16,), "norm"
    for number in range(2):
        for layer in (1, 2, 3):
            yield f"layer1/{number}/conv{layer}/weight", (3, 3, 16, 16), "conv"
            yield f"layer1/{number}/bn{layer}/scale", (16,), "norm"
            yield f"layer1/{number}/bn{layer}/bias", (16,), "norm"
    yield "layer1/0/downsample/0/weight", (1, 1, 16, 16), "conv"
    yield "layer1/0/downsample/1/scale", (16,), "norm"
    yield "fc/weight", (16, 10)
    yield "fc/bias", (10,)


def transformer():
    for part, depth in (("encoder", 4), ("decoder", 2)):
        for number in range(depth):
            for name in ("query", "key", "value", "out"):
                yield f"{part}/layers/{number}/attn/{name}/weight", (8, 8), "attention"
            yield f"{part}/layers/{number}/fc1/weight", (8, 32)


class TestAll:
    @pytest.mark.parametrize("name", RECIPES)
    def test_is_documented(self, name):
        recipe = RECIPES[name]
        assert recipe.summary
        assert recipe.source
        assert recipe.__doc__
        assert ui.recipes()[name] == recipe.summary

    @pytest.mark.parametrize("name", RECIPES)
    def test_representation_and_settings(self, name):
        recipe = ui.recipe(name)
        assert repr(recipe) == f"recipe({name!r})"
        assert RECIPES[name](**recipe.get_config()) == recipe

    def test_unknown_names(self):
        with pytest.raises(RuleError, match=r"no recipe 'gtp2' \(did you mean 'gpt2'\?\)"):
            ui.recipe("gtp2")
        with pytest.raises(
            RuleError, match=r"recipe 'gpt2' has no setting 'layer' \(did you mean 'layers'\?\)"
        ):
            ui.recipe("gpt2", layer=3)
        with pytest.raises(ui.ArgumentError, match="layers"):
            ui.recipe("gpt2", layers=0)
        with pytest.raises(RuleError, match="wanted"):
            ui.recipe("gpt2", residual="[")

    def test_behind_rules_of_ones_own(self):
        found = initializers(gpt(), [("wpe/weight", ui.RandomNormal(stddev=0.01)), "gpt2"])
        assert found["wpe/weight"] == ui.RandomNormal(stddev=0.01)
        assert found["wte/weight"] == ui.RandomNormal(stddev=0.02)


def test_the_page_is_up_to_date():
    path = Path(__file__).parents[2] / "tools" / "write_recipes.py"
    spec = importlib.util.spec_from_file_location("write_recipes", path)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    page = tool.PAGE.read_text("utf-8")
    assert tool.with_table(page) == page, "docs/recipes.md is out of date: run python tools/write_recipes.py"


class TestTransformers:
    def test_gpt2(self):
        found = stddevs(gpt(), "gpt2")
        assert found["wte/weight"] == pytest.approx(0.02)
        assert found["h/0/attn/c_attn/weight"] == pytest.approx(0.02)
        assert found["h/2/attn/c_proj/weight"] == pytest.approx(0.02 / math.sqrt(2 * 3))
        assert found["h/1/mlp/c_proj/weight"] == pytest.approx(0.02 / math.sqrt(2 * 3))
        assert found["h/0/attn/c_attn/bias"] == found["ln_f/bias"] == 0
        assert initializers(gpt(), "gpt2")["ln_f/scale"] == ui.Ones()

    def test_the_depth_is_read_or_told(self):
        found = stddevs(gpt(layers=5), "gpt2")
        assert found["h/0/mlp/c_proj/weight"] == pytest.approx(0.02 / math.sqrt(10))
        found = stddevs(gpt(layers=5), ui.recipe("gpt2", layers=2))
        assert found["h/0/mlp/c_proj/weight"] == pytest.approx(0.02 / math.sqrt(4))

    def test_no_depth(self):
        with pytest.raises(RuleError, match=r"no numbered blocks .*; wanted layers="):
            stddevs([("attn/c_proj/weight", (4, 4))], "gpt2")

    def test_numbers_in_names_count_too(self):
        blocks = [(f"block_{number}/attn/out/weight", (4, 4)) for number in range(4)]
        assert stddevs(blocks, "gpt2")["block_1/attn/out/weight"] == pytest.approx(0.02 / math.sqrt(8))

    def test_llama(self):
        blocks = [(f"layers/{number}/mlp/down_proj/weight", (4, 4)) for number in range(2)]
        assert list(stddevs(blocks, "llama").values()) == pytest.approx([0.02] * 2)
        scaled = stddevs(blocks, ui.recipe("llama", scale_residual=True, stddev=0.01))
        assert list(scaled.values()) == pytest.approx([0.005] * 2)

    def test_t5(self):
        found = stddevs(t5(), "t5")
        attention = "encoder/block/0/layer/0/SelfAttention"
        assert found["shared/weight"] == pytest.approx(1)
        assert found[f"{attention}/q/weight"] == pytest.approx((64 * 8) ** -0.5)  # 6 heads of size 8.
        assert found[f"{attention}/k/weight"] == pytest.approx(64**-0.5)
        assert found[f"{attention}/o/weight"] == pytest.approx(48**-0.5)
        assert found[f"{attention}/relative_attention_bias/weight"] == pytest.approx(64**-0.5)
        assert found["encoder/block/0/layer/1/DenseReluDense/wo/weight"] == pytest.approx(128**-0.5)
        assert found["encoder/block/0/layer/1/layer_norm/scale"] == 0

    def test_t5_in_another_order(self):
        assert stddevs(sorted(t5()), "t5") == stddevs(t5(), "t5")

    def test_t5_without_a_table_of_positions(self):
        with pytest.raises(RuleError, match=r"attn/q/weight: the size of a head .*head_size="):
            stddevs([("attn/q/weight", (8, 8))], "t5")
        assert stddevs([("attn/q/weight", (8, 8))], ui.recipe("t5", head_size=2))["attn/q/weight"] == (
            pytest.approx(0.25)
        )

    def test_vit(self):
        arrays = [
            ("patch/weight", (4, 4, 3, 8), "conv"),
            ("pos_embed", (1, 5, 8), ""),
            ("cls_token", (1, 1, 8), ""),
            ("blocks/0/mlp/fc1/weight", (8, 32)),
            ("blocks/0/mlp/fc1/bias", (32,)),
            ("blocks/0/attn/query/weight", (8, 8), "attention"),
            ("blocks/0/attn/query/bias", (8,), "attention"),
            ("head/weight", (8, 10)),
        ]
        found = stddevs(arrays, "vit")
        assert found["patch/weight"] == pytest.approx(48**-0.5)
        assert found["pos_embed"] == pytest.approx(0.02)
        assert found["blocks/0/mlp/fc1/weight"] == pytest.approx(math.sqrt(2 / 40))
        assert found["blocks/0/mlp/fc1/bias"] == pytest.approx(1e-6)
        assert found["cls_token"] == found["head/weight"] == found["blocks/0/attn/query/bias"] == 0

    def test_deepnorm(self):
        found = initializers(transformer(), "deepnorm")
        assert found["encoder/layers/0/attn/query/weight"] == ui.XavierNormal()
        assert found["encoder/layers/0/attn/value/weight"] == ui.DeepNorm("encoder", 4, 2)
        assert found["decoder/layers/1/fc1/weight"] == ui.DeepNorm("decoder", 2, 4)

    def test_deepnorm_of_a_decoder_alone(self):
        arrays = [(f"h/{number}/fc/weight", (4, 4)) for number in range(3)]
        with pytest.raises(RuleError, match="wanted encoder_layers= or decoder_layers="):
            initializers(arrays, "deepnorm")
        found = initializers(arrays, ui.recipe("deepnorm", decoder_layers=3))
        assert found["h/0/fc/weight"] == ui.DeepNorm("decoder", 3)


class TestOthers:
    def test_resnet(self):
        found = initializers(resnet(), "resnet")
        zero = [path for path, one in found.items() if path.endswith("scale") and one == ui.Zeros()]
        assert zero == ["layer1/0/bn3/scale", "layer1/1/bn3/scale"]
        assert stddevs(resnet(), "resnet")["layer1/0/conv2/weight"] == pytest.approx(math.sqrt(2 / (9 * 16)))
        assert found["fc/weight"] == ui.RandomNormal(stddev=0.01)

    def test_resnet_otherwise(self):
        found = initializers(resnet(), ui.recipe("resnet", zero_gamma=False))
        assert ui.Zeros() not in [one for path, one in found.items() if path.endswith("scale")]
        found = initializers(resnet(), ui.recipe("resnet", last="**/bn2/scale"))
        zero = [path for path, one in found.items() if path.endswith("scale") and one == ui.Zeros()]
        assert zero == ["layer1/0/bn2/scale", "layer1/1/bn2/scale"]

    def test_resnet_without_a_last_norm(self):
        arrays = [(f"conv{number}_3_bn/scale", (4,), "norm") for number in range(3)]
        with pytest.raises(RuleError, match="finds no last normalisation of a block; wanted last="):
            initializers(arrays, "resnet")
        found = initializers(arrays, ui.recipe("resnet", last="*_3_bn/scale"))
        assert set(found.values()) == {ui.Zeros()}

    def test_mup(self):
        arrays = [
            ("wte/weight", (50, 32), "embedding", "embedding IO"),
            ("h/0/fc1/weight", (32, 128)),
            ("h/0/fc2/weight", (128, 32)),
            ("lm_head/weight", (32, 50)),
        ]
        found = stddevs(arrays, ui.recipe("mup", base_width=8, zero_output=False))
        assert found["h/0/fc1/weight"] == pytest.approx(32**-0.5)
        assert found["h/0/fc2/weight"] == pytest.approx(128**-0.5)
        assert found["lm_head/weight"] == pytest.approx(math.sqrt(8) / 32)  # 1/n at the base width, /r².
        assert stddevs(arrays, ui.recipe("mup", base_width=8))["lm_head/weight"] == 0
        with pytest.raises(RuleError, match="recipe 'mup' has no base_width"):
            stddevs(arrays, "mup")

    def test_siren(self):
        arrays = [
            ("net/0/weight", (2, 64)),
            ("net/0/bias", (64,)),
            ("net/1/weight", (64, 64)),
            ("net/1/bias", (64,)),
        ]
        found = initializers(arrays, "siren")
        assert found["net/0/weight"] == ui.Siren(first=True)
        assert found["net/1/weight"] == ui.Siren()
        assert found["net/1/bias"] == ui.RandomUniform(-0.125, 0.125)
        found = initializers(arrays, ui.recipe("siren", first="net/1/weight", omega=10))
        assert found["net/1/weight"] == ui.Siren(first=True, omega=10)
