"""Modules of PyTorch: layouts and fans by class, wrappers, ties, the meta device, parametrizations."""

import copy
import warnings

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn.utils import prune  # noqa: E402

import unifinit as ui  # noqa: E402
from unifinit.errors import RuleError, TargetError, UnsupportedModelError  # noqa: E402
from unifinit.extend import Role, Split, register_layer  # noqa: E402
from unifinit.models.layers import _REGISTERED  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::unifinit.UnusedRuleWarning")

RULES = {"**/bias*": "zeros", "**/scale": "ones", "**": "glorot_uniform"}


def rows(module, rules="ones"):
    return {row.path: row for row in ui.plan_model(module, rules, seed=0).rows}


def drawn(path, shape, layout="OI", initializer="glorot_uniform"):
    return ui.get(initializer)(shape, seed=ui.Key(0) / path, layout=layout, backend="torch")


class TestLayers:
    @pytest.mark.parametrize(
        ("module", "path", "layer", "fans"),
        [
            (nn.Linear(6, 4), "weight", "dense", (6, 4)),
            (nn.Bilinear(3, 5, 4), "weight", "dense", (15, 4)),
            (nn.Conv1d(6, 4, 5), "weight", "conv", (30, 20)),
            (nn.Conv2d(6, 4, 3), "weight", "conv", (54, 36)),
            (nn.Conv3d(2, 4, (3, 1, 2)), "weight", "conv", (12, 24)),
            (nn.Conv2d(6, 4, 3, groups=2), "weight", "conv", (27, 18)),
            (nn.Conv2d(6, 12, 3, groups=6), "weight", "depthwise", (9, 18)),
            (nn.ConvTranspose2d(6, 4, 3), "weight", "conv_transpose", (54, 36)),
            (nn.ConvTranspose2d(6, 4, 3, groups=2), "weight", "conv_transpose", (27, 18)),
            (nn.Embedding(10, 4), "weight", "embedding", (1, 4)),
            (nn.EmbeddingBag(10, 4), "weight", "embedding", (1, 4)),
            (nn.LayerNorm(4), "scale", "norm", (4, 4)),
            (nn.BatchNorm2d(4), "scale", "norm", (4, 4)),
            (nn.SyncBatchNorm(4), "bias", "norm", (4, 4)),
            (nn.InstanceNorm1d(4, affine=True), "scale", "norm", (4, 4)),
            (nn.GroupNorm(2, 4), "scale", "norm", (4, 4)),
            (nn.RMSNorm(4), "scale", "norm", (4, 4)),
            (nn.PReLU(4), "slope", "activation", (4, 4)),
            (nn.MultiheadAttention(8, 2), "query/weight", "attention", (8, 8)),
            (nn.MultiheadAttention(8, 2), "out/weight", "attention", (8, 8)),
            (nn.MultiheadAttention(8, 2, kdim=6, vdim=4), "key/weight", "attention", (6, 8)),
            (nn.MultiheadAttention(8, 2, kdim=6, vdim=4), "value/weight", "attention", (4, 8)),
            (nn.LSTM(5, 8), "input/f/weight", "lstm", (5, 8)),
            (nn.LSTM(5, 8), "recurrent/o/weight", "lstm", (8, 8)),
            (nn.LSTM(5, 8, proj_size=3), "projection/weight", "lstm", (8, 3)),
            (nn.LSTM(5, 8, 2, bidirectional=True), "1/reverse/input/g/weight", "lstm", (16, 8)),
            (nn.GRU(5, 8), "input/z/weight", "gru", (5, 8)),
            (nn.GRUCell(5, 8), "recurrent/n/bias", "gru", (8, 8)),
            (nn.RNN(5, 8), "input/weight", "rnn", (5, 8)),
            (nn.RNNCell(5, 8), "recurrent/weight", "rnn", (8, 8)),
            (nn.LSTMCell(5, 8), "input/i/bias", "lstm", (8, 8)),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
    )
    def test_layer_and_fans(self, module, path, layer, fans):
        row = rows(module)[path]
        assert (row.layer, row.fan_in, row.fan_out) == (layer, *fans)

    @pytest.mark.parametrize(
        "module",
        [
            *(nn.LSTM(4, 8, 2, bidirectional=True), nn.GRU(4, 8), nn.RNN(4, 8), nn.MultiheadAttention(8, 2)),
            *(
                nn.MultiheadAttention(8, 2, kdim=6, add_bias_kv=True),
                nn.Transformer(8, 2, 1, 1, 16, batch_first=True),
            ),
            *(nn.LSTM(4, 8, proj_size=2), nn.Bilinear(2, 3, 4), nn.PReLU()),
        ],
        ids=lambda module: type(module).__name__,
    )
    def test_every_array_is_told_by_its_class(self, module):
        for row in rows(module).values():
            assert row.layer, row

    def test_every_parameter_is_written(self):
        module = nn.Transformer(8, 2, 1, 1, 16, batch_first=True)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.fill_(torch.nan)
        ui.init_(module, RULES, seed=0)
        assert not any(parameter.isnan().any() for parameter in module.parameters())

    def test_a_grouped_kernel_is_that_of_its_layout(self):
        module = nn.Conv2d(6, 4, 3, groups=2)
        ui.init_(module, RULES, seed=0)
        assert torch.equal(module.weight, drawn("weight", (4, 3, 3, 3), "conv(groups=2) OI..."))

    def test_packed_and_separate_projections_agree(self):
        packed, separate = nn.MultiheadAttention(8, 2), nn.MultiheadAttention(8, 2, kdim=8, vdim=8)
        separate._qkv_same_embed_dim = False
        for name in "qkv":
            separate.register_parameter(f"{name}_proj_weight", nn.Parameter(torch.empty(8, 8)))
        separate.in_proj_weight = None
        for module in (packed, separate):
            ui.init_(module, RULES, seed=0)
        both = [separate.q_proj_weight, separate.k_proj_weight, separate.v_proj_weight]
        assert torch.equal(packed.in_proj_weight, torch.cat(both))
        x = torch.randn(3, 5, 8)
        assert torch.allclose(packed(x, x, x)[0], separate(x, x, x)[0], atol=1e-6)

    def test_another_layer_on_top_changes_nothing_below(self):
        one, two = nn.LSTM(4, 8), nn.LSTM(4, 8, 2)
        for module in (one, two):
            ui.init_(module, RULES, seed=0)
        assert torch.equal(one.weight_hh_l0, two.weight_hh_l0)

    def test_a_cell_has_the_values_of_its_layer(self):
        layer, cell = nn.GRU(4, 8), nn.GRUCell(4, 8)
        for module in (layer, cell):
            ui.init_(module, RULES, seed=0)
        assert torch.equal(layer.weight_ih_l0, cell.weight_ih)

    def test_layers_that_are_not_known(self):
        class Odd(nn.Module):
            def __init__(self):
                super().__init__()
                self.weight = nn.Parameter(torch.empty(3, 4))
                self.cls_token = nn.Parameter(torch.empty(1, 1, 4))

        found = rows(Odd())
        assert (found["weight"].layout, found["weight"].fan_in) == ("OI...", 4)
        assert found["cls_token"].layer == ""

    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float8_e4m3fn])
    def test_the_row_of_padding_is_zero(self, dtype):
        padded, plain = nn.Embedding(9, 4, padding_idx=2).to(dtype), nn.Embedding(9, 4).to(dtype)
        for module in (padded, plain):
            ui.init_(module, "torch", seed=0)
        kept = [row for row in range(9) if row != 2]
        assert (padded.weight[2].float() == 0).all()
        assert (padded.weight[kept].float() == plain.weight[kept].float()).all()
        (made,) = ui.init_tree(padded, "torch", seed=0).values()
        assert (made.float() == padded.weight.float()).all()

    def test_registered_layers(self, monkeypatch):
        class Backwards(nn.Module):
            def __init__(self):
                super().__init__()
                self.weight = nn.Parameter(torch.empty(3, 8))

        monkeypatch.setattr("unifinit.models.layers._REGISTERED", dict(_REGISTERED))
        from unifinit.models import layers

        monkeypatch.setitem(layers._REGISTERED, "x", lambda _: {})
        roles = {"weight": Role("dense", "IO", splits=(Split("out", ("a", "b")),))}
        register_layer(Backwards, lambda _module: roles)
        module = Backwards()
        assert list(rows(nn.Sequential(module))) == ["0/a/weight", "0/b/weight"]
        ui.init_(module, RULES, seed=0)
        assert torch.equal(module.weight[:, 4:], drawn("b/weight", (3, 4), "IO"))


class TestModels:
    def net(self):
        return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))

    def test_returns_the_model_and_leaves_buffers_and_gradients_alone(self):
        module = self.net()
        module[1].running_mean.fill_(3)
        module[0].weight.requires_grad_(False)
        assert ui.init_(module, RULES, seed=0) is module
        assert (module[1].running_mean == 3).all()
        assert [p.requires_grad for p in module.parameters()] == [False, *[True] * 5]
        assert all(p.grad_fn is None for p in module.parameters())

    def test_wrappers_add_nothing_to_paths(self):
        module = self.net()
        paths = list(rows(module))
        assert list(rows(nn.DataParallel(module))) == paths
        assert list(rows(torch.optim.swa_utils.AveragedModel(module))) == paths
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            assert list(rows(torch.compile(module))) == paths

    def test_a_child_that_is_called_module_is_no_wrapper(self):
        class Outer(nn.Module):
            def __init__(self):
                super().__init__()
                self.module = nn.Linear(2, 2)

        assert list(rows(Outer())) == ["module/weight", "module/bias"]

    def test_tied_parameters_are_one(self):
        class Language(nn.Module):
            def __init__(self, *, first):
                super().__init__()
                head, table = nn.Linear(4, 10, bias=False), nn.Embedding(10, 4)
                head.weight = table.weight
                for name in ("a_head", "table") if first == "head" else ("table", "a_head"):
                    self.add_module(name, head if name == "a_head" else table)

        for first in ("head", "table"):
            module = ui.init_(Language(first=first), "glorot_uniform", seed=0)
            assert list(rows(module)) == ["table/weight"]
            assert torch.equal(module.a_head.weight, drawn("table/weight", (10, 4), "embedding IO"))
            assert module.a_head.weight is module.table.weight

    def test_shared_modules_are_one(self):
        layer = nn.Linear(4, 4)
        assert list(rows(nn.Sequential(layer, nn.ReLU(), layer))) == ["0/weight", "0/bias"]

    def test_the_meta_device(self):
        with torch.device("meta"):
            module = nn.ModuleDict({"a": self.net(), "b": nn.Linear(4, 4)})
            module["c"] = module["b"]
        module.requires_grad_(False)
        with pytest.warns(UserWarning, match=r"3 buffers and 0 parameters are still on .*'a.1.running_mean'"):
            ui.init_(module, RULES, seed=0)
        real = ui.init_(nn.ModuleDict({"a": self.net(), "b": nn.Linear(4, 4)}), RULES, seed=0)
        assert torch.equal(module["a"][2].weight, real["a"][2].weight)
        assert module["c"].weight is module["b"].weight
        assert not module["b"].weight.requires_grad

    def test_the_meta_device_as_the_default_one(self):
        with torch.device("meta"):
            module = nn.Linear(4, 4)
            with pytest.raises(TargetError, match="the default device is the meta device; wanted device="):
                ui.init_(module, RULES, seed=0)
            ui.init_(module, RULES, seed=0, device="cpu")
        assert torch.equal(module.weight, drawn("weight", (4, 4)))

    def test_half_and_other_memory(self):
        module = nn.Conv2d(8, 8, 3).to(torch.bfloat16, memory_format=torch.channels_last)
        ui.init_(module, RULES, seed=0)
        wanted = ui.GlorotUniform()(
            (8, 8, 3, 3), "bfloat16", seed=ui.Key(0) / "weight", layout="OIHW", backend="torch"
        )
        assert torch.equal(module.weight, wanted)
        assert module.weight.is_contiguous(memory_format=torch.channels_last)

    def test_parametrizations_get_what_the_layer_computes_with(self):
        module = nn.Linear(4, 4)
        nn.utils.parametrizations.weight_norm(module)
        ui.init_(module, {"bias": "zeros", "weight": "glorot_uniform"}, seed=0)
        assert torch.allclose(module.weight, drawn("weight", (4, 4)), atol=1e-6)

    def test_parametrizations_that_take_no_value(self):
        class Twice(nn.Module):
            def forward(self, x):
                return 2 * x

        module = nn.Linear(4, 4)
        nn.utils.parametrize.register_parametrization(module, "weight", Twice())
        with pytest.raises(TargetError, match="weight: its parametrization takes no value"):
            ui.init_(module, RULES, seed=0)

    def test_parametrizations_at_several_places_are_tied(self):
        shared = nn.utils.parametrizations.weight_norm(nn.Linear(4, 4))
        model = nn.ModuleDict({"z": shared, "a": shared})
        assert [row.path for row in ui.plan_model(model, RULES, seed=0).rows] == ["a/bias", "a/weight"]
        ui.init_(model, RULES, seed=0)
        assert torch.allclose(shared.weight, drawn("a/weight", (4, 4)), atol=1e-6)

    def test_parametrizations_on_the_meta_device(self):
        with torch.device("meta"):
            model = nn.utils.parametrizations.weight_norm(nn.Linear(4, 4))
        with pytest.raises(TargetError, match=r"weight: its parametrization is on the meta device.*to_empty"):
            ui.init_(model, RULES, seed=0)
        ui.init_(model.to_empty(device="cpu"), RULES, seed=0)
        assert torch.allclose(model.weight, drawn("weight", (4, 4)), atol=1e-6)

    def test_parametrizations_that_change_values(self):
        module = nn.Linear(4, 4)
        nn.utils.parametrizations.spectral_norm(module)
        with pytest.raises(TargetError, match=r"^weight: its parametrization makes something else"):
            ui.init_(module, RULES, seed=0)
        module = nn.Linear(4, 4)
        nn.utils.parametrizations.orthogonal(module)
        with pytest.raises(TargetError, match="makes something else"):
            ui.init_(module, RULES, seed=0)
        ui.init_(module, {"bias": "zeros", "weight": "orthogonal"}, seed=0)
        assert torch.allclose(module.weight, drawn("weight", (4, 4), initializer="orthogonal"), atol=1e-5)

    @pytest.mark.filterwarnings("ignore:.*weight_norm.*is deprecated:FutureWarning")
    def test_older_wrappers(self):
        module = nn.Linear(6, 4)
        prune.identity(module, "weight")
        row = rows(module)["weight_orig"]
        assert (row.layer, row.layout, row.fan_in, row.fan_out) == ("dense", "OI", 6, 4)
        module = torch.nn.utils.weight_norm(nn.Conv2d(6, 4, 3, groups=2))
        assert rows(module)["weight_v"].fan_in == 27

    def test_what_is_kept_on_the_meta_device_is_told(self):
        with torch.device("meta"):
            module = nn.Linear(4, 4)
        with pytest.warns(UserWarning, match="0 buffers and 1 parameters are still on the meta device"):
            ui.init_(module, {"bias": "keep", "weight": "glorot_uniform"}, seed=0)

    def test_lazy_layers(self):
        module = nn.LazyLinear(4)
        with pytest.raises(UnsupportedModelError, match="weight has no shape yet; wanted the model after"):
            ui.init_(module, RULES, seed=0)
        module(torch.zeros(2, 3))
        ui.init_(module, RULES, seed=0)
        assert torch.equal(module.weight, drawn("weight", (4, 3)))

    def test_new_parameters(self):
        module = self.net()
        before = copy.deepcopy(module.state_dict())
        tree = ui.init_tree(module, RULES, seed=0)
        assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
        assert list(tree) == [name for name, _ in module.named_parameters()]
        x = torch.randn(3, 4)
        found = torch.func.functional_call(module, tree, x)
        assert torch.equal(found, ui.init_(module, RULES, seed=0)(x))

    def test_a_state_dict_is_a_tree_with_the_same_paths(self):
        module = nn.ModuleDict(
            {
                "fc": nn.Linear(4, 8),
                "norm": nn.BatchNorm1d(8),
                "attn": nn.MultiheadAttention(8, 2),
                "lstm": nn.LSTM(4, 8, 2, bidirectional=True),
                "gru": nn.GRUCell(4, 8),
            }
        )
        module["norm"].running_var.fill_(3)
        state = {name: value.clone() for name, value in module.state_dict().items()}
        told = ui.plan_model(state, "torch", seed=0, rename={"attn/out_proj": "attn/out"}).rows
        assert {row.path for row in told} == set(rows(module))
        ui.init_(state, RULES, seed=0, rename={"attn/out_proj": "attn/out"})
        ui.init_(module, RULES, seed=0)
        assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())

    def test_rename(self):
        old, new = nn.ModuleDict({"fc": nn.Linear(4, 8)}), nn.ModuleDict({"head": nn.Linear(4, 8)})
        ui.init_(old, RULES, seed=0)
        ui.init_(new, RULES, seed=0, rename={"head": "fc"})
        assert torch.equal(old["fc"].weight, new["head"].weight)

    def test_rename_of_parts_that_would_collide(self):
        with pytest.raises(ui.PathError, match="stands for both"):
            ui.init_(nn.MultiheadAttention(8, 2), RULES, seed=0, rename={"query": "key"})

    def test_part_of_a_model(self):
        whole, head = nn.ModuleDict({"head": nn.Linear(4, 8)}), nn.Linear(4, 8)
        ui.init_(whole, RULES, seed=0)
        ui.init_(head, RULES, seed=0, prefix="head")
        assert torch.equal(whole["head"].weight, head.weight)

    def test_layout_by_a_rule(self):
        module = nn.Linear(4, 8)
        ui.init_(module, [ui.Rule("weight", "glorot_uniform", layout="IO"), ("bias", "zeros")], seed=0)
        assert torch.equal(module.weight, drawn("weight", (8, 4), "IO"))

    def test_rules_without_an_effect_on_some(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ui.init_(self.net(), [("0/**", "ones"), ("**", "zeros")], seed=0)
        with pytest.raises(RuleError, match="rename has 'nothing'"):
            ui.init_(self.net(), RULES, seed=0, rename={"nothing": "x"})
