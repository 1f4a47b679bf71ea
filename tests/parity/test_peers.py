"""The records of other frameworks' initializers are what the frameworks do.

Each name is called, and what it draws is compared with the initializer of ours that its record names. Each
kind of kernel is made by the frameworks' own layers, and the fans that their code computes are compared.
"""

import json
import math
from functools import cache

import numpy as np
import pytest
from peer_calls import (
    FANS,
    draw,
    draw_many,
    find,
    flax_layer,
    haiku_layer,
    keras_layer,
    parameters_of,
    require,
    torch_layer,
)

import unifinit as ui
from unifinit import peers
from unifinit.initializers.classes import named
from unifinit.layout import Layout
from unifinit.peers import FRAMEWORKS, load_peers, peer_fans, peers_of, stored_shape
from unifinit.types import as_dtype

FLOAT32 = as_dtype("float32")
SMALLEST_P = 1e-4
IN, OUT = 250, 400
"""A weight of 10**5 elements."""
SEED = 20240
FEW = 300
"""How many small matrices are drawn of what is no set of independent numbers."""
DETERMINISTIC = ("Zeros", "Ones", "Constant", "Identity", "Dirac", "STFT")
ORTHOGONAL = ("Orthogonal", "DeltaOrthogonal", "ConvolutionalOrthogonal")

PEERS = load_peers()
SEEDED = [peer for peer in PEERS if not peer.equivalent.startswith((*DETERMINISTIC, *ORTHOGONAL, "Sparse"))]
by_name = pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)


def ours(class_name, config):
    return named(class_name).cls.from_config(config)


def equivalent(peer):
    return ours(peer.equivalent, peer.config)


def our_default(peer):
    """Our initializer of the name, with what the peer has no default for."""
    declared = named(peer.initializer).cls.hyperparameters
    given = [name for name in peer.parameters if name in declared and not peer.has_default(name)]
    return ours(peer.initializer, {name: peer.config[name] for name in given})


def without_defaults(peer):
    """The arguments that a peer cannot do without."""
    return {
        theirs: peer.config[name] for name, theirs in peer.parameters.items() if not peer.has_default(name)
    }


def in_order(peer, spatial, inputs, outputs):
    """A shape in a peer's order of axes."""
    return (outputs, inputs, *spatial) if peer.layout == "OI..." else (*spatial, inputs, outputs)


def p_value(found, expected):
    stats = pytest.importorskip("scipy.stats")
    return stats.ks_2samp(np.ravel(found), np.ravel(expected), method="asymp").pvalue


@cache
def sample(peer_name):
    """10**5 numbers that a peer draws with its defaults."""
    peer = next(peer for peer in PEERS if peer.name == peer_name)
    return draw(peer, in_order(peer, (), IN, OUT), SEED, **without_defaults(peer))


class TestRecords:
    def test_there_is_one_a_line_by_name(self):
        lines = (peers.__path__[0], "peers.json")
        with open("/".join(lines), encoding="utf-8") as file:
            lines = file.read().splitlines()
        records = json.loads("\n".join(lines))
        assert lines == [
            "[",
            *(json.dumps(record, ensure_ascii=False) + "," for record in records[:-1]),
            json.dumps(records[-1], ensure_ascii=False),
            "]",
        ]
        assert records == sorted(records, key=lambda record: (record["framework"], record["name"]))
        assert len({record["name"] for record in records}) == len(records) == len(PEERS)

    def test_every_framework_has_some(self):
        assert tuple(dict.fromkeys(peer.framework for peer in PEERS)) == FRAMEWORKS

    @by_name
    def test_name_our_classes_and_hyperparameters(self, peer):
        assert peers_of(peer.initializer).count(peer) == 1
        known = {cls.__name__ for cls in (named(peer.initializer).cls, named(peer.equivalent).cls)}
        assert known == {peer.initializer, peer.equivalent}
        assert set(peer.parameters) <= set(named(peer.initializer).cls.hyperparameters)
        assert set(peer.parameters) <= set(peer.config) <= set(named(peer.equivalent).cls.hyperparameters)
        assert set(peer.choices) <= set(peer.parameters)
        assert equivalent(peer).get_config().items() >= peer.config.items()

    @by_name
    def test_reexports_are_those_of_the_original(self, peer):
        if peer.reexport_of is None:
            return
        original = next(other for other in PEERS if other.name == peer.reexport_of)
        assert original.framework != peer.framework
        kept = {"framework": "", "name": "", "aliases": (), "reexport_of": None, "note": ""}
        assert peer._replace(**kept) == original._replace(**kept)

    @by_name
    def test_a_difference_is_documented_where_there_is_one(self, peer):
        shape = {"STFT": (64, 1, 33), "Identity": (3, 5), "Sparse": (30, 50)}.get(peer.initializer)
        shape = shape or ((3,) * spatial_axes(peer) + (4, 6))
        weight = Layout().weight(shape)
        contents = [
            initializer.content(weight, FLOAT32) for initializer in (our_default(peer), equivalent(peer))
        ]
        mine, theirs = (content.moments() for content in contents)
        assert contents[0].label == contents[1].label or peer.difference
        assert (mine == pytest.approx(theirs, rel=1e-6)) == (not peer.difference)


def spatial_axes(peer):
    if peer.initializer.startswith("ConvolutionalOrthogonal"):
        return int(peer.initializer[-2])
    return 2 if peer.fans == "centre" else 0


@by_name
class TestNames:
    def test_exist_with_these_defaults(self, peer):
        require(peer.framework)
        function = find(peer.name)
        for alias in peer.aliases:
            other = find(alias)
            assert other is function or other() is function()  # Two builders of the same.
        if peer.reexport_of is not None:
            require(next(other.framework for other in PEERS if other.name == peer.reexport_of))
            assert find(peer.reexport_of) is function
        parameters = parameters_of(function)
        defaults = {name: default for name, (has_default, default) in parameters.items() if has_default}
        assert json.loads(json.dumps(defaults)) == peer.defaults
        assert set(peer.parameters.values()) <= parameters.keys()


class TestDraws:
    @by_name
    def test_are_those_of_the_equivalent(self, peer):
        require(peer.framework)
        kind = next((name for name in (*ORTHOGONAL, "Sparse") if peer.equivalent.startswith(name)), None)
        if peer.equivalent in DETERMINISTIC:
            self.check_exactly(peer)
        elif kind == "Sparse":
            self.check_sparse(peer)
        elif kind is not None:
            self.check_matrices(peer)
        else:
            mine = equivalent(peer)((IN, OUT), seed=1)
            assert sample(peer.name).dtype == np.float32
            assert p_value(sample(peer.name), mine) > SMALLEST_P

    def check_exactly(self, peer):
        shapes = [(3, 5), (5, 3), (4, 4)] if peer.fans in ("none", "matrix", "batched") else []
        shapes += [(5, 3, 4, 3), (4, 4, 2)] if peer.fans == "centre" else []
        shapes += [(64, 1, 33), (50, 1, 65)] if peer.fans == "frames" else []
        shapes += [(2, 3, 4, 4)] if peer.fans == "batched" else []
        assert shapes
        for shape in shapes:
            drawn = draw(peer, shape, 0, **without_defaults(peer))
            layout = "in=-2 out=-1 batch=0,1" if peer.fans == "batched" and len(shape) == 4 else peer.layout
            mine = equivalent(peer)(shape, layout=layout)
            assert drawn.dtype == np.float32
            if peer.equivalent == "STFT":
                assert np.abs(drawn - mine).max() <= 2e-5 * np.abs(mine).max()  # Of float32 angles.
            else:
                assert np.array_equal(drawn, mine)

    def check_sparse(self, peer):
        drawn = draw(peer, in_order(peer, (), IN, OUT), SEED, **without_defaults(peer))
        mine = equivalent(peer)((OUT, IN), seed=1, layout=peer.layout)
        assert np.array_equal((drawn == 0).sum(axis=0), (mine == 0).sum(axis=0))
        assert p_value(drawn[drawn != 0], mine[mine != 0]) > SMALLEST_P

    def check_matrices(self, peer):
        """Elements of one matrix depend on each other: an element of many, and sums of squares."""
        rank = spatial_axes(peer)
        side = 2 if peer.equivalent.endswith("3D") else 3
        shapes = (
            [in_order(peer, (side,) * rank, 2, 3)]
            if rank
            else [in_order(peer, (), *s) for s in ((4, 3), (3, 4))]
        )
        for shape in shapes:
            drawn = draw_many(peer, shape, range(1, 1 + FEW))  # TensorFlow 1 is wrong for seed 0.
            mine = np.stack([equivalent(peer)(shape, seed=seed, layout=peer.layout) for seed in range(FEW)])
            # What would be 0 or 1 without rounding is so for both.
            drawn, mine = drawn.round(4) + 0.0, mine.round(4) + 0.0
            spatial = tuple(range(1, 1 + rank))
            assert np.allclose((drawn**2).sum(axis=tuple(range(1, drawn.ndim))), min(shape[-2:]), atol=1e-2)
            # Where one is 0, the other is.
            zeros = np.abs(mine).max(axis=0) == 0
            assert np.array_equal(np.abs(drawn).max(axis=0) == 0, zeros)
            for place in np.argwhere(~zeros)[::7]:
                element = (slice(None), *place)
                assert p_value(drawn[element], mine[element]) > SMALLEST_P
            for axes in filter(None, [spatial, (*spatial, -1), (*spatial[1:], -2)]):
                energies = [(kernels**4).sum(axis=axes).reshape(FEW, -1)[:, -1] for kernels in (drawn, mine)]
                assert p_value(*energies) > SMALLEST_P

    @pytest.mark.parametrize("peer", [peer for peer in SEEDED if peer.difference], ids=lambda peer: peer.name)
    def test_are_not_ours_where_a_difference_is_documented(self, peer):
        require(peer.framework)
        mine = our_default(peer)((IN, OUT), seed=2)
        moments = our_default(peer).describe((IN, OUT)).moments
        found = sample(peer.name)
        assert p_value(found, mine) < 1e-9 or abs(found.std() - moments.stddev) > 0.1 * moments.stddev

    @pytest.mark.parametrize("peer", SEEDED, ids=lambda peer: peer.name)
    def test_our_hyperparameters_mean_what_the_peers_mean(self, peer):
        require(peer.framework)
        other = {"minval": -0.3, "maxval": 0.7, "mean": 0.2, "stddev": 0.3, "lower": -0.4, "upper": 0.5}
        other |= {"gain": 1.5, "factor": 1.5, "scale": 0.7, "a": 0.4, "distribution": "uniform"}
        other |= {"mode": "fan_out", "nonlinearity": "leaky_relu"}
        config = {name: other[name] for name in peer.parameters}
        given = {peer.parameters[name]: value for name, value in config.items()}
        if not given:
            return
        drawn = draw(peer, in_order(peer, (), IN, OUT), SEED + 1, **given)
        mine = ours(peer.equivalent, {**peer.config, **config})((IN, OUT), seed=3)
        assert p_value(drawn, mine) > SMALLEST_P

    @pytest.mark.parametrize(
        "peer",
        [p for p in SEEDED if p.framework in ("jax", "flax") and "uniform" in p.name],
        ids=lambda peer: peer.name,
    )
    @pytest.mark.parametrize("shape", [(7, 300), (3, 3, 4, 6)], ids=str)
    def test_uniform_ones_of_jax_are_ours_to_the_bit(self, peer, shape):
        require(peer.framework)
        mine = equivalent(peer)(shape, seed=11)
        assert draw(peer, shape, 11).tobytes() == mine.tobytes()


IMAGE = (1, 8, 8, 32)
KERNELS = {
    "dense": ("IO", (32, 64)),
    "conv": ("HWIO", (3, 3, 32, 64)),
    "conv 1d": ("...IO", (3, 32, 64)),
    "strided": ("conv(stride=2) HWIO", (3, 3, 32, 64)),
    "grouped": ("conv(groups=4) HWIO", (3, 3, 8, 64)),
    "depthwise": ("depthwise HWIO", (3, 3, 32, 2)),
    "transposed": ("conv_transpose HWIO", (3, 3, 32, 64)),
    "grouped transposed": ("conv_transpose(groups=4) HWIO", (3, 3, 32, 16)),
    "embedding": ("embedding IO", (50, 16)),
    "several axes": ("in=0 out=1,2", (64, 4, 16)),
    "batch": ("GIO", (8, 64, 32)),
    "einsum": ("abc,cde->abde", (64, 4, 16)),
    "batched einsum": ("abc,bcd->abd", (8, 64, 32)),
}
"""Our layout and shape of the weight of each kind of layer."""

LAYERS = {
    "keras": {
        "dense": lambda: keras_layer(lambda nn, init: nn.Dense(64, kernel_initializer=init), (1, 32)),
        "conv": lambda: keras_layer(lambda nn, init: nn.Conv2D(64, 3, kernel_initializer=init), IMAGE),
        "conv 1d": lambda: keras_layer(
            lambda nn, init: nn.Conv1D(64, 3, kernel_initializer=init), (1, 8, 32)
        ),
        "strided": lambda: keras_layer(lambda nn, init: nn.Conv2D(64, 3, 2, kernel_initializer=init), IMAGE),
        "grouped": lambda: keras_layer(
            lambda nn, init: nn.Conv2D(64, 3, groups=4, kernel_initializer=init), IMAGE
        ),
        "depthwise": lambda: keras_layer(
            lambda nn, init: nn.DepthwiseConv2D(3, depth_multiplier=2, depthwise_initializer=init), IMAGE
        ),
        "transposed": lambda: keras_layer(
            lambda nn, init: nn.Conv2DTranspose(64, 3, kernel_initializer=init), IMAGE
        ),
        "embedding": lambda: keras_layer(
            lambda nn, init: nn.Embedding(50, 16, embeddings_initializer=init), (1, 3)
        ),
        "several axes": lambda: keras_layer(
            lambda nn, init: nn.EinsumDense("abc,cde->abde", (5, 4, 16), kernel_initializer=init), (2, 5, 64)
        ),
        "batch": lambda: keras_layer(
            lambda nn, init: nn.EinsumDense("abc,bcd->abd", (8, 32), kernel_initializer=init), (2, 8, 64)
        ),
    },
    "torch": {
        "dense": lambda: torch_layer(lambda nn: nn.Linear(32, 64)),
        "conv": lambda: torch_layer(lambda nn: nn.Conv2d(32, 64, 3)),
        "conv 1d": lambda: torch_layer(lambda nn: nn.Conv1d(32, 64, 3)),
        "strided": lambda: torch_layer(lambda nn: nn.Conv2d(32, 64, 3, stride=2)),
        "grouped": lambda: torch_layer(lambda nn: nn.Conv2d(32, 64, 3, groups=4)),
        "depthwise": lambda: torch_layer(lambda nn: nn.Conv2d(32, 64, 3, groups=32)),
        "transposed": lambda: torch_layer(lambda nn: nn.ConvTranspose2d(32, 64, 3)),
        "grouped transposed": lambda: torch_layer(lambda nn: nn.ConvTranspose2d(32, 64, 3, groups=4)),
        "embedding": lambda: torch_layer(lambda nn: nn.Embedding(50, 16)),
    },
    "flax": {
        "dense": lambda: flax_layer(lambda nn, init: nn.Dense(64, kernel_init=init), np.zeros((1, 32))),
        "conv": lambda: flax_layer(lambda nn, init: nn.Conv(64, (3, 3), kernel_init=init), np.zeros(IMAGE)),
        "conv 1d": lambda: flax_layer(
            lambda nn, init: nn.Conv(64, (3,), kernel_init=init), np.zeros((1, 8, 32))
        ),
        "strided": lambda: flax_layer(
            lambda nn, init: nn.Conv(64, (3, 3), strides=2, kernel_init=init), np.zeros(IMAGE)
        ),
        "grouped": lambda: flax_layer(
            lambda nn, init: nn.Conv(64, (3, 3), feature_group_count=4, kernel_init=init), np.zeros(IMAGE)
        ),
        "depthwise": lambda: flax_layer(
            lambda nn, init: nn.Conv(64, (3, 3), feature_group_count=32, kernel_init=init), np.zeros(IMAGE)
        ),
        "transposed": lambda: flax_layer(
            lambda nn, init: nn.ConvTranspose(64, (3, 3), kernel_init=init), np.zeros(IMAGE)
        ),
        "embedding": lambda: flax_layer(
            lambda nn, init: nn.Embed(50, 16, embedding_init=init), np.zeros(3, dtype=np.int32)
        ),
        "several axes": lambda: flax_layer(
            lambda nn, init: nn.DenseGeneral((4, 16), kernel_init=init), np.zeros((2, 5, 64))
        ),
        "batch": lambda: flax_layer(
            lambda nn, init: nn.DenseGeneral(32, batch_dims=0, kernel_init=init), np.zeros((8, 5, 64))
        ),
        "einsum": lambda: flax_layer(
            lambda nn, init: nn.Einsum((64, 4, 16), "abc,cde->abde", use_bias=False, kernel_init=init),
            np.zeros((2, 5, 64)),
        ),
        "batched einsum": lambda: flax_layer(
            lambda nn, init: nn.Einsum((8, 64, 32), "abc,bcd->abd", use_bias=False, kernel_init=init),
            np.zeros((2, 8, 64)),
        ),
    },
    "haiku": {
        "dense": lambda: haiku_layer(lambda hk, init: hk.Linear(64, w_init=init), np.zeros((1, 32))),
        "conv": lambda: haiku_layer(lambda hk, init: hk.Conv2D(64, 3, w_init=init), np.zeros(IMAGE)),
        "conv 1d": lambda: haiku_layer(lambda hk, init: hk.Conv1D(64, 3, w_init=init), np.zeros((1, 8, 32))),
        "strided": lambda: haiku_layer(lambda hk, init: hk.Conv2D(64, 3, 2, w_init=init), np.zeros(IMAGE)),
        "grouped": lambda: haiku_layer(
            lambda hk, init: hk.Conv2D(64, 3, feature_group_count=4, w_init=init), np.zeros(IMAGE)
        ),
        "depthwise": lambda: haiku_layer(
            lambda hk, init: hk.DepthwiseConv2D(2, 3, w_init=init), np.zeros(IMAGE)
        ),
        "transposed": lambda: haiku_layer(
            lambda hk, init: hk.Conv2DTranspose(64, 3, w_init=init), np.zeros(IMAGE)
        ),
        "embedding": lambda: haiku_layer(
            lambda hk, init: hk.Embed(50, 16, w_init=init), np.zeros(3, dtype=np.int32)
        ),
    },
}
"""The layers of the frameworks that have such a weight, as the shapes and fans that an initializer sees."""
LAYERS["keras"] |= {
    "einsum": LAYERS["keras"]["several axes"],
    "batched einsum": LAYERS["keras"]["batch"],
}
LAYERS["tensorflow"] = LAYERS["keras"]
WITHOUT_LAYER = {
    **dict.fromkeys(("tensorflow1", "tensorflow", "keras", "jax", "flax", "haiku"), ("grouped transposed",)),
    **dict.fromkeys(("torch", "timm"), ("several axes", "batch")),
}


def one_that_looks_at_fans(framework):
    # init_weight_jax takes a module instead of a shape.
    looking = (peer for peer in PEERS if (peer.framework, peer.fans) == (framework, "receptive"))
    return next(peer for peer in looking if "init_weight" not in peer.name)


class TestFans:
    @pytest.mark.parametrize(
        ("framework", "kernel"), [(framework, kernel) for framework in LAYERS for kernel in LAYERS[framework]]
    )
    def test_are_those_that_the_layers_own_initializers_compute(self, framework, kernel):
        require(framework)
        text, shape = KERNELS[kernel]
        stored, fans = LAYERS[framework][kernel]()
        assert stored_shape(framework, Layout(text), shape) == stored
        assert peer_fans(one_that_looks_at_fans(framework), Layout(text), shape) == fans

    @pytest.mark.parametrize("kernel", KERNELS)
    @pytest.mark.parametrize("framework", FRAMEWORKS)
    def test_are_those_that_the_framework_computes_of_the_stored_shape(self, framework, kernel):
        require(framework)
        text, shape = KERNELS[kernel]
        stored = stored_shape(framework, Layout(text), shape)
        found = peer_fans(one_that_looks_at_fans(framework), Layout(text), shape)
        assert (stored is None) == (found is None) == (kernel in WITHOUT_LAYER[framework])
        if stored is not None and framework not in peers.fans.WITH_AXES:
            assert FANS[framework](stored) == (stored, found)

    @pytest.mark.parametrize("framework", FRAMEWORKS)
    @pytest.mark.parametrize("shape", [(), (7,), (0, 5), (5, 0)], ids=str)
    def test_of_what_is_no_kernel(self, framework, shape):
        require(framework)
        peer = one_that_looks_at_fans(framework)
        found = peer_fans(peer, Layout(), shape)
        if found is None:
            arguments = without_defaults(peer)
            with pytest.raises((ValueError, ZeroDivisionError)):
                draw(peer, stored_shape(framework, Layout(), shape), 0, **arguments)
        else:
            assert FANS[framework](stored_shape(framework, Layout(), shape))[1] == found

    @pytest.mark.parametrize("order", ["OIHW", "IHOW"])
    @pytest.mark.parametrize("kernel", ["conv", "grouped", "depthwise", "transposed"])
    def test_do_not_depend_on_how_we_store_the_kernel(self, kernel, order):
        text, shape = KERNELS[kernel]
        other = text.replace("HWIO", order)
        permuted = tuple(shape["HWIO".index(letter)] for letter in order)
        for framework in FRAMEWORKS:
            peer = one_that_looks_at_fans(framework)
            assert peer_fans(peer, Layout(other), permuted) == peer_fans(peer, Layout(text), shape)

    def test_there_are_none_for_those_that_look_at_none(self):
        for peer in PEERS:
            if peer.fans != "receptive":
                assert peer_fans(peer, Layout(), (3, 4)) is None

    @pytest.mark.parametrize("kernel", ["conv", "grouped", "depthwise", "transposed"])
    @pytest.mark.parametrize("framework", FRAMEWORKS)
    def test_decide_what_is_drawn(self, framework, kernel):
        require(framework)
        peer = next(peer for peer in PEERS if peer.framework == framework and is_scaled_by_fan_in(peer))
        text, shape = KERNELS[kernel]
        compared = next(
            one
            for one in ours(peer.initializer, {}).describe(shape, layout=text).peers
            if one.name == peer.name
        )
        drawn = draw(peer, stored_shape(framework, Layout(text), shape), 5, **without_defaults(peer))
        error = 6 * compared.stddev / math.sqrt(2 * drawn.size)
        assert drawn.std() == pytest.approx(compared.stddev, abs=error)
        assert np.abs(drawn).max() <= compared.maximum * (1 + 1e-6)


def is_scaled_by_fan_in(peer):
    return peer.initializer in ("HeUniform", "KaimingUniform", "VarianceScaling") and peer.fans == "receptive"


def compared(initializer, shape, layout=None, dtype="float32"):
    """By name, what the peers draw in the place of one of our initializers."""
    return {one.name: one for one in initializer.describe(shape, dtype, layout=layout).peers}


class TestComparisons:
    @pytest.mark.parametrize("class_name", sorted({peer.initializer for peer in PEERS}))
    def test_there_is_one_for_each_name(self, class_name):
        shape = {"STFT": (64, 1, 33), "Identity": (3, 5), "Sparse": (30, 50)}.get(class_name)
        shape = shape or (3,) * spatial_axes(peers_of(class_name)[0]) + (4, 6)
        mine = our_default(peers_of(class_name)[0])
        found = compared(mine, shape)
        assert list(found) == [peer.name for peer in peers_of(class_name)]
        for peer in peers_of(class_name):
            # With their defaults and a plain kernel, nothing but the documented differences is left.
            assert found[peer.name].same == (not peer.difference)
            assert found[peer.name].note == peer.difference
            assert found[peer.name].framework == peer.framework

    def test_there_are_none_for_what_nobody_else_has(self):
        assert compared(ui.get("fixup", branches=3), (3, 4)) == {}

    def test_numbers_are_those_of_what_is_drawn(self):
        found = compared(ui.RandomNormal(), (3, 4))["keras.initializers.RandomNormal"]
        assert found[:4] == ("keras", "keras.initializers.RandomNormal", None, "Normal")
        assert found[4:8] == pytest.approx((0, 0.05, -math.inf, math.inf))
        assert found[8:] == (False, "Its standard deviation is 0.05, where ours is 1.")

    def test_our_hyperparameters_are_theirs_too(self):
        found = compared(ui.RandomNormal(stddev=0.02), (3, 4))
        assert [one.stddev for one in found.values()] == pytest.approx([0.02] * len(found))
        assert all(one.same and not one.note for one in found.values())

    def test_one_that_has_our_default_is_not(self):
        found = compared(ui.RandomNormal(mean=0.5), (3, 4))["keras.initializers.RandomNormal"]
        assert found[4:6] == pytest.approx((0.5, 0.05))
        assert found.note == "Its stddev is 0.05, where ours is 1.0."

    def test_one_that_they_lack_is_told(self):
        found = compared(ui.GlorotUniform(gain=2), (3, 4))
        assert found["torch.nn.init.xavier_uniform_"].same
        lacking = found["keras.initializers.GlorotUniform"]
        assert lacking.stddev == pytest.approx(math.sqrt(2 / 7))
        assert (lacking.same, lacking.note) == (False, "It has no parameter for gain.")

    def test_the_ends_of_a_range_go_together(self):
        found = compared(ui.RandomUniform(-1, 1), (3, 4))
        assert found["keras.initializers.RandomUniform"].same
        assert found["jax.nn.initializers.uniform"][6:] == (0, 1, False, "It has no parameter for minval.")

    def test_bounds_keep_their_kind(self):
        torchs, keras = "torch.nn.init.trunc_normal_", "keras.initializers.TruncatedNormal"
        found = compared(ui.TruncatedNormal(stddev=0.02), (3, 4))
        assert found[keras].same
        assert found[torchs][5:8] == pytest.approx((0.02, -2, 2))
        assert not found[torchs].same
        assert found[torchs].note.startswith("Its bounds are absolute")
        found = compared(ui.TruncatedNormal(stddev=0.02, lower=-0.03, upper=0.01, bounds="absolute"), (3, 4))
        assert found[torchs].same
        assert found["hk.initializers.TruncatedNormal"].maximum == pytest.approx(0.04)
        assert found["hk.initializers.TruncatedNormal"].note == "Its bounds are in standard deviations."

    def test_what_they_cannot_do_is_told(self):
        found = compared(ui.VarianceScaling(mode="fan_geo_avg"), (3, 4))
        assert found["jax.nn.initializers.variance_scaling"].same
        keras = found["keras.initializers.VarianceScaling"]
        assert keras[2:] == (None, "", None, None, None, None, False, "It has no mode 'fan_geo_avg'.")
        found = compared(ui.Constant([1.0, 2.0]), (2,))
        assert found["torch.nn.init.constant_"].note == "It takes one number."
        assert found["keras.initializers.Constant"].same

    @pytest.mark.parametrize(
        ("shape", "layout", "note"),
        [
            ((), None, "It raises an error for a scalar."),
            ((7,), None, "It raises an error for a vector."),
            ((0, 5), None, "It raises an error for an empty array."),
            ((3, 3, 8, 4), "conv_transpose(groups=4) HWIO", "It has no layer with such a weight."),
        ],
    )
    def test_nothing_may_be_drawn(self, shape, layout, note):
        found = compared(ui.HeUniform(), shape, layout)["jax.nn.initializers.he_uniform"]
        assert (found.same, found.stddev, found.fans, found.note) == (False, None, None, note)

    def test_nothing_is_drawn_where_we_draw_nothing_of_what_they_see(self):
        found = compared(ui.get("identity"), (3, 3, 4, 4))
        assert found["keras.initializers.Identity"].note == "It raises an error for 4 axes."
        assert found["hk.initializers.Identity"].note == "Leading axes repeat the matrix."
        assert found["hk.initializers.Identity"].mean == 0.25
        # The kernel of a transposed convolution from 4 to 8 channels is one from 8 to 4 to them.
        found = compared(ui.get("delta_orthogonal"), (3, 4, 8), "conv_transpose ...IO")
        assert found["jax.nn.initializers.delta_orthogonal"].same
        name = "tf.contrib.framework.convolutional_delta_orthogonal"
        assert found[name].note.startswith("It draws nothing for such a weight: ")

    def test_other_fans_are_a_difference_even_if_they_do_not_count(self):
        found = compared(ui.HeUniform(), (3, 3, 8, 64), "conv(groups=4) HWIO")["keras.initializers.HeUniform"]
        mine = ui.HeUniform().describe((3, 3, 8, 64), layout="conv(groups=4) HWIO")
        assert (mine.fans, found.fans) == ((72, 144), (72, 576))
        assert found.stddev == mine.moments.stddev
        assert not found.same
        assert found.note == "It takes the kernel, of shape (3, 3, 8, 64), for that of a plain layer."

    def test_orthogonal_matrices_are_those_of_the_kernel_that_they_see(self):
        found = compared(ui.Orthogonal(), (3, 3, 8, 16), "conv_transpose HWIO")
        assert found["jax.nn.initializers.orthogonal"].same
        assert found["torch.nn.init.orthogonal_"].stddev == pytest.approx(1 / 12)
        assert found["torch.nn.init.orthogonal_"].note.startswith(
            "It takes the kernel, of shape (8, 16, 3, 3)"
        )

    def test_not_a_number_is_the_same(self):
        assert all(one.same for one in compared(ui.Constant(math.nan), (3,)).values())

    @pytest.mark.parametrize("dtype", ["bfloat16", "float64", "complex64"])
    def test_dtypes(self, dtype):
        found = compared(ui.HeNormal(), (3, 4), dtype=dtype)
        assert all(one.same for one in found.values())


class TestText:
    def text(self, initializer, shape, layout=None):
        return peers.as_text(initializer.describe(shape, layout=layout).peers)

    def test_those_that_are_alike_are_told_together(self):
        first, *rest = self.text(ui.HeNormal(), (3, 3, 32, 2), "depthwise HWIO").splitlines()
        assert first.startswith("tf.compat.v1.initializers.he_normal, tf.initializers.HeNormal, keras.")
        assert rest == [
            "  288, out 18; TruncatedNormal, mean 0, stddev 0.0833333, range [-0.189475, 0.189475]",
            "  It takes the kernel, of shape (3, 3, 32, 2), for that of a plain layer.",
            "jax.nn.initializers.he_normal, flax.linen.initializers.he_normal: fans in 9, out 576;",
            "  TruncatedNormal, mean 0, stddev 0.471404, range [-1.07183, 1.07183]",
            "  It takes the kernel, of shape (3, 3, 1, 64), for that of a plain layer.",
        ]

    def test_those_that_are_the_same_come_first(self):
        assert self.text(ui.KaimingNormal(), (3, 4)).splitlines() == [
            "torch.nn.init.kaiming_normal_: the same",
            "jax.nn.initializers.kaiming_normal, flax.linen.initializers.kaiming_normal: fans in 3, out 4;",
            "  TruncatedNormal, mean 0, stddev 0.816497, range [-1.85646, 1.85646]",
            "  Truncated at two sigma and rescaled, where ours is untruncated.",
        ]

    def test_those_that_draw_nothing_say_why(self):
        *_, last = self.text(ui.HeUniform(), (5,)).splitlines()
        assert last.endswith("flax.linen.initializers.he_uniform: It raises an error for a vector.")

    def test_there_may_be_nothing_to_tell(self):
        assert self.text(ui.get("fixup", branches=3), (3, 4)) == ""

    def test_lines_are_short(self):
        for class_name in {peer.initializer for peer in PEERS}:
            if not class_name.startswith(("Conv", "Delta", "Dirac", "STFT")):
                mine = our_default(peers_of(class_name)[0])
                assert max(map(len, self.text(mine, (3, 4)).splitlines())) <= 100
