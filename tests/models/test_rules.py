"""Rules on trees: who gets what, under which key, and what is wrong with rules."""

import dataclasses
import types
import warnings
from typing import Any, NamedTuple

import numpy as np
import pytest

import unifinit as ui
from unifinit.errors import (
    DtypeError,
    LayoutError,
    PathError,
    RuleError,
    SeedError,
    ShapeError,
    TargetError,
    UnmatchedParameterError,
    UnsupportedModelError,
    UnusedRuleWarning,
)
from unifinit.models.arrays import ModelArray, Split
from unifinit.models.assignment import assign
from unifinit.models.rules import as_rules
from unifinit.types import as_dtype

FLOAT = as_dtype("float32")
RULES = {"**/bias": "zeros", "**/scale": "ones", "**": "he_normal"}
SHAPES = {
    "encoder": {"0": {"kernel": (6, 4), "bias": (4,)}, "1": {"kernel": (4, 4), "bias": (4,)}},
    "norm": {"scale": (4,), "bias": (4,)},
}


def arrays_of(shapes):
    return {
        name: arrays_of(value) if isinstance(value, dict) else np.full(value, np.nan, np.float32)
        for name, value in shapes.items()
    }


class TestKeys:
    def test_come_from_the_path_alone(self):
        tree = ui.init_tree(SHAPES, RULES, seed=3)
        wanted = ui.HeNormal()((4, 4), seed=ui.Key(3) / "encoder/1/weight")
        assert (tree["encoder"]["1"]["kernel"] == wanted).all()

    def test_other_layers_change_nothing(self):
        tree = ui.init_tree(SHAPES, RULES, seed=3)
        other = {"head": {"kernel": (4, 9)}, "norm": SHAPES["norm"], "encoder": {"1": SHAPES["encoder"]["1"]}}
        found = ui.init_tree(other, RULES, seed=3)
        assert (found["encoder"]["1"]["kernel"] == tree["encoder"]["1"]["kernel"]).all()

    def test_equal_shapes_get_different_values(self):
        tree = ui.init_tree({"a": {"kernel": (4, 4)}, "b": {"kernel": (4, 4)}}, "he_normal", seed=0)
        assert (tree["a"]["kernel"] != tree["b"]["kernel"]).all()

    def test_names_of_frameworks_are_one(self):
        as_flax = ui.init_tree({"fc": {"kernel": (6, 4)}}, "he_normal", seed=0)["fc"]["kernel"]
        as_haiku = ui.init_tree({"~/fc": {"w": (6, 4)}}, "he_normal", seed=0)["~/fc"]["w"]
        as_torch = ui.init_tree({"fc.weight": (4, 6)}, "he_normal", seed=0)["fc.weight"]
        assert (as_flax == as_haiku).all()
        assert (as_flax == as_torch.T).all()

    def test_prefix(self):
        whole = ui.init_tree({"model": {"head": {"kernel": (6, 4)}}}, "he_normal", seed=0)
        part = ui.init_tree({"kernel": (6, 4)}, "he_normal", seed=0, prefix="model.head")
        assert (part["kernel"] == whole["model"]["head"]["kernel"]).all()

    def test_rename_keeps_old_values(self):
        old = ui.init_tree({"fc": {"kernel": (6, 4)}}, {"fc/**": "he_normal"}, seed=0)
        new = ui.init_tree(
            {"head": {"kernel": (6, 4)}}, {"fc/**": "he_normal"}, seed=0, rename={"head": "fc"}
        )
        assert (old["fc"]["kernel"] == new["head"]["kernel"]).all()

    def test_seed_is_needed(self):
        with pytest.raises(SeedError, match="seed is None; wanted an integer"):
            ui.init_tree(SHAPES, RULES, None)

    @pytest.mark.parametrize("seed", [-1, 2**64, 1.5, "0", True])
    def test_malformed_seed(self, seed):
        with pytest.raises(SeedError):
            ui.init_tree(SHAPES, RULES, seed)

    def test_a_key_is_a_seed(self):
        trees = [ui.init_tree(SHAPES, RULES, seed) for seed in (ui.Key(5), 5)]
        assert (trees[0]["encoder"]["0"]["kernel"] == trees[1]["encoder"]["0"]["kernel"]).all()


class TestRules:
    def test_the_first_that_matches_wins(self):
        rules = [("a/**", "ones"), ("**", "zeros")]
        tree = ui.init_tree({"a": {"kernel": (2, 2)}, "b": {"kernel": (2, 2)}}, rules, seed=0)
        assert (tree["a"]["kernel"] == 1).all()
        assert (tree["b"]["kernel"] == 0).all()

    @pytest.mark.parametrize(
        "rules",
        [
            "ones",
            ui.Ones(),
            ui.Ones,
            {"class_name": "Ones", "config": {}},
            {"**": "ones"},
            [("**", ui.Ones())],
            [ui.Rule("**", "ones")],
            ["ones"],
            ui.Rules("ones"),
            ui.Rules(ui.Rules([("**", "ones")])),
        ],
    )
    def test_whatever_stands_for_rules(self, rules):
        assert ui.init_tree({"kernel": (2, 2)}, rules, seed=0)["kernel"].sum() == 4

    def test_by_layer(self):
        shapes = {"conv": {"kernel": (3, 3, 2, 2)}, "fc": {"kernel": (2, 2)}}
        rules = [ui.Rule("**", "ones", layer="conv"), ui.Rule("**", "zeros")]
        tree = ui.init_tree(shapes, rules, seed=0)
        assert tree["conv"]["kernel"].all()
        assert not tree["fc"]["kernel"].any()

    def test_layout_of_a_rule(self):
        plan = ui.plan_model({"mix": (6, 4)}, [ui.Rule("mix", "he_normal", layout="OI")], seed=0)
        assert plan.rows[0].fan_in == 4
        wanted = ui.HeNormal()((6, 4), layout="OI", seed=ui.Key(0) / "mix")
        found = ui.init_tree({"mix": (6, 4)}, [ui.Rule("mix", "he_normal", layout="OI")], seed=0)
        assert (found["mix"] == wanted).all()

    def test_unmatched_parameters_are_an_error(self):
        with pytest.raises(UnmatchedParameterError, match=r"no rule matches 1 parameters: 'norm/scale'"):
            ui.init_tree(SHAPES, {"**/{weight,bias}": "zeros"}, seed=0)

    def test_long_lists_are_cut(self):
        shapes = {f"p{number}": (2,) for number in range(20)}
        with pytest.raises(UnmatchedParameterError, match=r"'p7' and 12 more"):
            ui.init_tree(shapes, {"x": "zeros"}, seed=0)

    def test_unless_the_rules_keep_them(self):
        model = arrays_of(SHAPES)
        ui.init_(model, ui.Rules({"encoder/**": "zeros"}, unmatched="keep"), seed=0)
        assert (model["encoder"]["0"]["kernel"] == 0).all()
        assert np.isnan(model["norm"]["scale"]).all()

    def test_keep(self):
        model = arrays_of(SHAPES)
        ui.init_(model, [("norm/**", "keep"), ("**", "zeros")], seed=0)
        assert np.isnan(model["norm"]["bias"]).all()
        tree = ui.init_tree(model, [("norm/**", None), ("**", "ones")], seed=0)
        assert tree["norm"]["bias"] is model["norm"]["bias"]

    def test_a_shape_cannot_be_kept(self):
        with pytest.raises(TargetError, match="norm/scale is a shape"):
            ui.init_tree(SHAPES, [("norm/**", "keep"), ("**", "ones")], seed=0)

    def test_a_rule_that_matches_nothing_is_a_warning(self):
        with pytest.warns(UnusedRuleWarning, match=r"Rule\('decoder/\*\*', Ones\(\)\).*nothing matches it"):
            ui.init_tree(SHAPES, [("decoder/**", "ones"), ("**", "zeros")], seed=0)

    def test_so_is_one_behind_others_that_take_all(self):
        with pytest.warns(UnusedRuleWarning, match=r"is taken by Rule\('\*\*', Zeros\(\)\) before it"):
            ui.init_tree(SHAPES, [("**", "zeros"), ("norm/**", "ones")], seed=0)

    def test_rules_that_all_decide_something_warn_of_nothing(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ui.init_tree(SHAPES, RULES, seed=0)

    @pytest.mark.parametrize(
        ("rules", "message"),
        [
            ([("a", "zeros"), ("a", "ones")], "in two ways"),
            ([("a", "zeros"), ("a", "zeros")], "twice"),
            ([], "there are no rules"),
            (3, "rules are a int"),
            ([3], "rule 3 is a int"),
            ([("a", "zeros", 3)], r"rule \('a', 'zeros', 3\) is a tuple"),
            ("gtp2", r"neither a recipe nor an initializer \(did you mean 'gpt2'\?\)"),
            ([("a", ui.HeNormal(seed=3))], "with a seed of its own"),
            ([("a[", "zeros")], "a bracket without its partner"),
        ],
    )
    def test_malformed(self, rules, message):
        with pytest.raises(RuleError, match=message):
            as_rules(rules)

    def test_unknown_initializer(self):
        with pytest.raises(ui.UnknownInitializerError, match="did you mean"):
            as_rules({"a": "he_norml"})

    def test_unknown_layer(self):
        with pytest.raises(RuleError, match=r"layer 'cnov' \(did you mean 'conv'\?\)"):
            ui.Rule("a", "zeros", layer="cnov")

    def test_unmatched_is_checked(self):
        with pytest.raises(RuleError, match="wanted 'error' or 'keep'"):
            ui.Rules("zeros", unmatched="skip")

    def test_errors_of_initializers_begin_with_the_path(self):
        with pytest.raises(ShapeError, match=r"^encoder/0/bias: "):
            ui.init_tree(SHAPES, "orthogonal", seed=0)
        with pytest.raises(LayoutError, match=r"^mix: "):
            ui.init_tree({"mix": (2, 3)}, [ui.Rule("mix", "zeros", layout="OIHW")], seed=0)

    def test_nothing_is_written_if_something_is_wrong(self):
        model = arrays_of(SHAPES)
        with pytest.raises(ShapeError):
            ui.init_(model, "orthogonal", seed=0)
        assert np.isnan(model["encoder"]["0"]["kernel"]).all()

    def test_equal_rules_are_equal(self):
        assert ui.Rule("a", "zeros") == ui.Rule("a", ui.Zeros())
        assert ui.Rule("a", "zeros") != ui.Rule("a", "ones")
        assert repr(ui.Rule("a", "ones", layer="conv", layout="OI")) == (
            "Rule('a', Ones(), layer='conv', layout='OI')"
        )


class Pair(NamedTuple):
    kernel: Any
    bias: Any


@dataclasses.dataclass
class Layer:
    kernel: Any
    features: int = 4
    activation: Any = len
    bias: Any = None


class TestTrees:
    def test_all_kinds_of_containers(self):
        tree = {"list": [(2, 3), {"kernel": (3, 3)}], "pair": Pair((3, 2), (2,)), "layer": Layer((4, 4))}
        found = ui.init_tree(tree, {"**/bias": "zeros", "**": "he_normal"}, seed=0)
        assert [row.path for row in ui.plan_model(tree, "ones", seed=0).rows] == [
            *("list/0", "list/1/weight", "pair/weight", "pair/bias", "layer/weight")
        ]
        assert isinstance(found["pair"], Pair)
        assert isinstance(found["layer"], Layer)
        assert found["layer"].features == 4
        assert found["layer"].kernel.shape == (4, 4)
        assert tree["layer"].kernel == (4, 4)
        assert found["list"][0].shape == (2, 3)

    def test_settings_beside_arrays_are_no_shapes(self):
        @dataclasses.dataclass
        class Convolution:
            kernel: Any
            strides: Any = (1, 1)
            padding: Any = ((0, 0), (0, 0))
            names: Any = dataclasses.field(default_factory=lambda: ["a"])

        layer = ui.init_(Convolution(np.empty((3, 3, 2, 4))), "ones", seed=0)
        assert (layer.kernel == 1).all()
        assert (layer.strides, layer.padding, layer.names) == ((1, 1), ((0, 0), (0, 0)), ["a"])
        assert [row.path for row in ui.plan_model(layer, "ones", seed=0).rows] == ["weight"]
        assert ui.init_tree(layer, "ones", seed=0).padding == ((0, 0), (0, 0))

    def test_layers_without_parameters(self):
        tree = [(np.empty((2, 3)), np.empty(3)), (), (np.empty((3, 1)),)]
        assert [row.path for row in ui.plan_model(tree, "ones", seed=0).rows] == ["0/0", "0/1", "2/0"]
        assert ui.init_tree(tree, "ones", seed=0)[1] == ()

    def test_sizes_beside_arrays(self):
        model = {"kernel": np.empty((2, 2)), "strides": (1, 1)}
        with pytest.raises(UnsupportedModelError, match="strides/0 is a int; wanted"):
            ui.init_(model, "ones", seed=0)
        assert model["strides"] == (1, 1)

    def test_mappings_that_cannot_change(self):
        tree = types.MappingProxyType({"kernel": (2, 2)})
        assert ui.init_tree(tree, "ones", seed=0)["kernel"].shape == (2, 2)

    def test_arrays_are_filled_in_place(self):
        kernel = np.empty((3, 3))
        model = {"a": kernel, "view": {"kernel": np.zeros((4, 6))[:, ::2]}}
        assert ui.init_(model, "he_normal", seed=0) is model
        assert model["a"] is kernel
        assert (kernel == ui.HeNormal()((3, 3), "float64", seed=ui.Key(0) / "a")).all()

    def test_new_arrays_are_like_the_old_ones(self):
        strict_xp = pytest.importorskip("array_api_strict")
        tree = ui.init_tree({"a": np.zeros((2, 2), np.float16), "b": strict_xp.zeros((2, 2))}, "ones", seed=0)
        assert tree["a"].dtype == np.float16
        assert type(tree["b"]) is type(strict_xp.zeros(1))

    def test_backend_of_shapes(self):
        strict_xp = pytest.importorskip("array_api_strict")
        tree = ui.init_tree({"a": (2, 2)}, "ones", seed=0, backend=strict_xp)
        assert type(tree["a"]) is type(strict_xp.zeros(1))

    def test_tied_arrays_are_one(self):
        shared = np.empty((4, 4), np.float32)
        model = {"z": {"kernel": shared}, "a": {"kernel": shared}}
        plan = ui.plan_model(model, "he_normal", seed=0)
        assert [row.path for row in plan.rows] == ["a/weight"]
        ui.init_(model, "he_normal", seed=0)
        assert (shared == ui.HeNormal()((4, 4), seed=ui.Key(0) / "a/weight")).all()
        tree = ui.init_tree(model, "he_normal", seed=0)
        assert tree["z"]["kernel"] is tree["a"]["kernel"]

    def test_shapes_are_never_tied(self):
        shape = (4, 4)
        assert len(ui.plan_model({"a": shape, "b": shape}, "ones", seed=0).rows) == 2

    def test_other_collections_of_flax_are_state(self):
        state = np.full(3, 7.0)
        variables = {"params": {"Dense_0": {"kernel": np.empty((2, 3))}}, "batch_stats": {"mean": state}}
        ui.init_(variables, "ones", seed=0)
        assert (state == 7).all()
        assert (variables["params"]["Dense_0"]["kernel"] == 1).all()
        assert [row.path for row in ui.plan_model(variables, "ones", seed=0).rows] == ["Dense_0/weight"]

    def test_one_array_is_a_tree(self):
        x = np.empty((3, 2))
        ui.init_(x, "he_normal", seed=0)
        assert (x == ui.HeNormal()((3, 2), "float64", seed=ui.Key(0) / "weight")).all()

    def test_duplicate_paths(self):
        with pytest.raises(PathError, match=r"'a/weight' stands for both 'a/kernel' and 'a/w'"):
            ui.init_tree({"a": {"kernel": (2, 2), "w": (2, 2)}}, "ones", seed=0)
        with pytest.raises(PathError, match="stands for both"):
            ui.init_tree({"a/b": {"w": (2, 2)}, "a": {"b": {"w": (2, 2)}}}, "ones", seed=0)

    @pytest.mark.parametrize(
        "call",
        [
            lambda rules: ui.init_tree(SHAPES, rules, seed=0),
            lambda rules: ui.init_(arrays_of(SHAPES), rules, seed=0),
            lambda rules: ui.plan_model(SHAPES, rules, seed=0),
            lambda rules: ui.Spec(
                [ModelArray("a", "", "a", (2,), as_dtype("float32"))], rules, seed=0
            ).plan(),
        ],
    )
    def test_warnings_are_of_the_code_that_calls(self, call):
        with pytest.warns(UnusedRuleWarning, match="nope") as found:
            call([("nope", "ones"), "he_normal"])
        assert {warning.filename for warning in found} == {__file__}

    def test_a_prefix_that_is_no_text(self):
        with pytest.raises(PathError, match="prefix is 3; wanted the text of a path"):
            ui.init_tree(SHAPES, RULES, seed=0, prefix=3)

    def test_rename_of_what_would_collide(self):
        shapes = {"a": {"kernel": (2, 2), "w": (2, 2)}}
        plan = ui.plan_model(shapes, "ones", seed=0, rename={"a/w": "a/second"})
        assert [row.path for row in plan.rows] == ["a/weight", "a/second"]

    def test_moving_statistics_are_no_parameters(self):
        tree = {
            "bn": {"weight": np.full(3, 5.0), "running_var": np.full(3, 7.0)},
            "moving_mean": np.full(3, 7.0),
        }
        assert [row.path for row in ui.plan_model(tree, "ones", seed=0).rows] == ["bn/scale"]
        ui.init_(tree, "ones", seed=0)
        assert tree["bn"]["running_var"].sum() == tree["moving_mean"].sum() == 21

    def test_dots_in_patterns_are_told(self):
        with pytest.warns(UnusedRuleWarning, match="with '/' between components"):
            ui.init_tree(SHAPES, [("encoder.0.weight", "ones"), ("**", "zeros")], seed=0)

    def test_rename_of_nothing(self):
        with pytest.raises(RuleError, match="rename has 'x', which is the path of nothing"):
            ui.init_tree({"a": (2,)}, "ones", seed=0, rename={"x": "y"})

    @pytest.mark.parametrize("target", [3, "model", None, object(), {1.5: (2,)}, {"a": "x"}, {"a": [1, 2]}])
    def test_what_is_no_model(self, target):
        with pytest.raises(UnsupportedModelError, match="wanted"):
            ui.init_tree(target, "ones", seed=0)

    def test_a_tree_that_holds_itself(self):
        tree: dict[str, Any] = {}
        tree["a"] = tree
        with pytest.raises(UnsupportedModelError, match="does not hold itself"):
            ui.init_tree(tree, "ones", seed=0)

    def test_malformed_shape(self):
        with pytest.raises(ShapeError, match=r"^a: shape \(2, -1\) has a negative dimension"):
            ui.init_tree({"a": (2, -1)}, "ones", seed=0)

    def test_dtypes_that_cannot_be_drawn(self):
        with pytest.raises(DtypeError, match=r"^a: "):
            ui.init_({"a": np.zeros((2, 2), np.int32)}, "he_normal", seed=0)

    def test_read_only_arrays(self):
        x = np.zeros((2, 2))
        x.flags.writeable = False
        with pytest.raises(TargetError, match=r"^a: "):
            ui.init_({"a": x}, "ones", seed=0)


class TestSplits:
    """Arrays that hold several parameters."""

    def planned(self, initializer="glorot_uniform", rules=None, **changes):
        array = ModelArray("in_proj", "attn", "weight", (12, 4), as_dtype("float32"), "attention")
        array = array._replace(layout=ui.Layout("OI"), splits=(Split("out", ("query", "key", "value")),))
        return assign([array._replace(**changes)], as_rules(rules or initializer), ui.Key(0))[0]

    @pytest.mark.parametrize("initializer", ["glorot_uniform", "orthogonal", "he_normal", "ones"])
    def test_each_part_is_a_parameter(self, initializer):
        from unifinit import host

        one = self.planned(initializer)
        assert [part.parameter.path for part in one.parameters] == [
            f"attn/{name}/weight" for name in ("query", "key", "value")
        ]
        values = host.compute(one.plan)
        for number, name in enumerate(("query", "key", "value")):
            wanted = ui.get(initializer)((4, 4), seed=ui.Key(0) / f"attn/{name}/weight", layout="OI")
            assert (values[4 * number : 4 * number + 4] == wanted).all()

    def test_two_axes(self):
        from unifinit import host

        gates = (Split("in", ("input", "recurrent"), (3, 4)), Split("out", ("i", "f")))
        one = self.planned(shape=(7, 8), layout=ui.Layout("IO"), splits=gates, owner="lstm")
        values = host.compute(one.plan)
        wanted = ui.GlorotUniform()((4, 4), seed=ui.Key(0) / "lstm/recurrent/i/weight")
        assert (values[3:, :4] == wanted).all()
        wanted = ui.GlorotUniform()((3, 4), seed=ui.Key(0) / "lstm/input/f/weight")
        assert (values[:3, 4:] == wanted).all()

    def test_windows(self):
        from unifinit import host

        plan = self.planned().plan
        values = host.compute(plan)
        for index in [(slice(3, 9), slice(1, 3)), (5, slice(None)), (slice(11, 2, -4), 2)]:
            assert (host.compute(plan.window(index)) == values[index]).all()

    def test_parts_are_kept_together(self):
        with pytest.raises(RuleError, match="one array with 3 parameters, of which rules keep 1"):
            self.planned(rules=[("**/key/*", "keep"), ("**", "ones")])

    def test_layouts_of_parts(self):
        rules = [ui.Rule("**/key/*", "ones", layout="IO"), ui.Rule("**", "ones")]
        with pytest.raises(RuleError, match="of which rules give only some a layout"):
            self.planned(rules=rules)

    def test_parts_that_do_not_fill_the_axis(self):
        with pytest.raises(LayoutError, match="has 13 indices along its out axis; wanted 3 parts"):
            self.planned(shape=(13, 4))

    def test_what_must_be_outermost(self):
        with pytest.raises(ui.ArgumentError, match="no other initializer can contain"):
            self.planned(rules=ui.Stacked("zeros"))

    def test_rename_of_parts(self):
        from unifinit.models.assignment import renamed
        from unifinit.models.patterns import Renaming

        array = self.planned().array
        (new,) = renamed([array], Renaming({"attn/query": "mha/q", "attn": "mha"}))
        assert new.paths == ("mha/q/weight", "mha/key/weight", "mha/value/weight")
