"""Paths and patterns: one name for a parameter in every framework, and what selects it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import unifinit as ui
from unifinit.errors import PathError, RuleError
from unifinit.models.keys import keys_of
from unifinit.models.names import role_of
from unifinit.models.paths import canonical_leaf, make_path, number_of
from unifinit.models.patterns import PathPattern, Renaming

COMPONENT = st.text(st.characters(categories=("L", "N"), include_characters="_- "), min_size=1).filter(
    lambda text: text == text.strip()
)


class TestPaths:
    @pytest.mark.parametrize(
        ("names", "path"),
        [
            (("encoder.layers.0.weight",), "encoder/layers/0/weight"),
            (("mlp/~/linear_0", "w"), "mlp/linear_0/w"),
            (("_orig_mod.fc",), "fc"),
            (("_fsdp_wrapped_module.a._checkpoint_wrapped_module.b",), "a/b"),
            (("0",), "0"),
            (("größe.gewicht",), "größe/gewicht"),
            (("cafe\u0301",), "caf\u00e9"),
        ],
    )
    def test_separators_and_wrappers_vanish(self, names, path):
        assert make_path(*names) == path

    @pytest.mark.parametrize("name", ["a//b", "a..b", "", ".a", "a/", "a/\n", "a/ b", "a\u200bb", "\ud800"])
    def test_malformed(self, name):
        with pytest.raises(PathError, match="wanted components of visible characters"):
            make_path(name)

    @given(st.lists(COMPONENT, min_size=1, max_size=5))
    def test_canonical_paths_stay(self, parts):
        path = make_path(*parts)
        assert make_path(path) == path

    def test_leaves(self):
        assert {canonical_leaf(name) for name in ("weight", "kernel", "w", "embeddings")} == {"weight"}
        assert {canonical_leaf(name) for name in ("gamma", "scale")} == {"scale"}
        assert {canonical_leaf(name) for name in ("b", "bias", "beta", "offset")} == {"bias"}
        assert canonical_leaf("cls_token") == "cls_token"

    def test_numbers(self):
        assert [number_of(part) for part in ("3", "layer_12", "h3", "", "a_b")] == [3, 12, None, None, None]

    @given(st.integers(0, 2**64 - 1), st.lists(COMPONENT, max_size=20, unique=True))
    def test_many_keys_are_those_derived_one_by_one(self, seed, names):
        key = ui.Key(seed)
        assert keys_of(key, names) == [key / name for name in names]


class TestPatterns:
    @pytest.mark.parametrize(
        ("pattern", "matching", "others"),
        [
            ("**", ["a", "a/b/c"], []),
            ("*", ["weight"], ["a/weight"]),
            ("**/bias", ["bias", "a/bias", "a/b/bias"], ["a/bias/x", "abias", "a/xbias"]),
            ("encoder/**/weight", ["encoder/weight", "encoder/a/b/weight"], ["encoders/weight", "weight"]),
            ("h/*/attn/**", ["h/0/attn/weight", "h/1/attn/q/weight"], ["h/0/0/attn/weight", "h/attn/weight"]),
            ("layer_?/weight", ["layer_1/weight"], ["layer_10/weight", "layer_//weight"]),
            ("[ab]/weight", ["a/weight", "b/weight"], ["c/weight", "ab/weight"]),
            ("[!ab]/weight", ["c/weight"], ["a/weight", "//weight"]),
            ("[a^]/weight", ["^/weight", "a/weight"], ["b/weight"]),
            ("{q,k}_proj/weight", ["q_proj/weight", "k_proj/weight"], ["v_proj/weight"]),
            ("a.b/weight", ["a.b/weight"], ["axb/weight"]),
            ("re:.*/(query|key)/weight", ["a/query/weight"], ["a/value/weight", "x/a/query/weight/y"]),
        ],
    )
    def test_whole_paths_match(self, pattern, matching, others):
        compiled = PathPattern(pattern)
        assert [path for path in matching if not compiled.match(path)] == []
        assert [path for path in others if compiled.match(path)] == []

    def test_compiled_expressions(self):
        pattern = PathPattern(re.compile(".*/BIAS", re.IGNORECASE))
        assert pattern.match("a/bias")
        assert pattern.text == "re:(?i).*/BIAS"
        assert PathPattern(pattern.text).match("a/bias")

    @pytest.mark.parametrize(
        ("given", "meant"), [("**/kernel", "**/weight"), ("n/gamma", "n/scale"), ("b", "bias")]
    )
    def test_names_of_frameworks_are_canonical_in_rules(self, given, meant):
        assert PathPattern(given, is_of_parameters=True).match(meant.replace("**", "a"))

    @pytest.mark.parametrize(
        "pattern", ["", None, 3, "a**/b", "a//b", "/a", "[a", "a]", "{a", "re:(", "re:[", re.compile(b"a")]
    )
    def test_malformed(self, pattern):
        with pytest.raises(RuleError, match="wanted"):
            PathPattern(pattern)

    @given(st.lists(COMPONENT.filter(lambda text: not set(text) & set("*?[]{}")), min_size=1, max_size=4))
    def test_plain_paths_match_themselves_alone(self, parts):
        path = "/".join(parts)
        assert PathPattern(path).match(path)
        assert not PathPattern(path).match(path + "x")

    def test_names_within_braces_are_canonical_too(self):
        pattern = PathPattern("**/{kernel,beta}", is_of_parameters=True)
        assert pattern.match("a/weight")
        assert pattern.match("bias")
        assert not pattern.match("a/kernel")

    def test_what_looks_the_same_is_the_same(self):
        assert PathPattern("gro\u0308ße/*").match(make_path("größe", "weight"))
        assert PathPattern("größe/*").match(make_path("gro\u0308ße", "weight"))


class TestRenaming:
    @pytest.mark.parametrize(
        ("rename", "path", "new"),
        [
            ({"Dense_0": "fc1"}, "Dense_0/weight", "fc1/weight"),
            ({"Dense_0": "fc1"}, "Dense_01/weight", "Dense_01/weight"),
            ({"Dense_0/weight": "a/b"}, "Dense_0/weight", "a/b"),
            ({"layers_*/**": "encoder/*/**"}, "layers_3/a/weight", "encoder/3/a/weight"),
            ({"backbone": ""}, "backbone/fc/weight", "fc/weight"),
            ({"**/old/*": "**/new/*"}, "a/b/old/weight", "a/b/new/weight"),
            ({"re:block(\\d+)_(.*)": "block/*/**"}, "block7_conv/weight", "block/7/conv/weight"),
            ({"a": "b", "b": "c"}, "a/weight", "b/weight"),
            ({"a/weight": "b/kernel"}, "a/weight", "b/weight"),
            ({"slope": "w"}, "slope", "w"),
            ({"gro\u0308ße": "a"}, "größe/weight", "a/weight"),
        ],
    )
    def test_new_paths(self, rename, path, new):
        assert Renaming(rename).new(path) == new

    @pytest.mark.parametrize(
        "rename",
        [
            *({"a": "b/*"}, {"a": 3}, {"a": "b//c"}, {"a": "\n"}, ["a"], {"[": "b"}, {"*": "*/*"}),
            *({"?/**": "x/?/**"}, {"re:b(\\d)": "x/\\1"}, {"[ab]/*": "[cd]/*"}),
        ],
    )
    def test_malformed(self, rename):
        with pytest.raises(RuleError, match=r"wanted|rename"):
            Renaming(rename)

    def test_what_is_not_used_is_told(self):
        renaming = Renaming({"a": "b", "c": "d"})
        renaming.new("a/weight")
        assert renaming.unused == ["c"]


class TestNames:
    @pytest.mark.parametrize(
        ("owner", "name", "shape", "layer", "layout", "leaf"),
        [
            ("fc", "weight", (3, 4), "dense", "OI...", "weight"),
            ("fc", "kernel", (4, 3), "dense", "...IO", "weight"),
            ("conv", "weight", (8, 3, 5, 5), "conv", "OI...", "weight"),
            ("conv", "kernel", (5, 5, 3, 8), "conv", "...IO", "weight"),
            ("norm", "weight", (8,), "norm", "...IO", "scale"),
            ("norm", "gamma", (8,), "norm", "...IO", "scale"),
            ("fc", "b", (8,), "", "...IO", "bias"),
            ("tokens", "embedding", (9, 4), "embedding", "embedding IO", "weight"),
            ("model/embed_tokens", "weight", (9, 4), "embedding", "embedding IO", "weight"),
            ("attn/query", "kernel", (8, 2, 4), "attention", "in=0 out=1,2", "weight"),
            ("attn/out", "kernel", (2, 4, 8), "attention", "in=0,1 out=2", "weight"),
            ("attn/query", "bias", (2, 4), "attention", "in= out=0,1", "bias"),
            ("conv1d", "kernel", (5, 3, 8), "conv", "...IO", "weight"),
            ("", "cls_token", (1, 1, 8), "", "...IO", "cls_token"),
        ],
    )
    def test_what_names_and_shapes_suggest(self, owner, name, shape, layer, layout, leaf):
        role = role_of(owner, name, shape)
        assert (role.layer, role.layout, role.leaf) == (layer, layout, leaf)

    def test_packed_projections(self):
        role = role_of("attn", "in_proj_weight", (12, 4))
        assert role.splits[0].names == ("query", "key", "value")
        assert role_of("attn", "in_proj_weight", (13, 4)).splits == ()
