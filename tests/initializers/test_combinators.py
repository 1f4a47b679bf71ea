"""Initializers made of others: scaled, masked, in blocks, stacked, and from functions."""

import json

import numpy as np
import pytest

import unifinit as ui
from unifinit import ArgumentError, ShapeError
from unifinit.testing import assert_identical

KEY = ui.Key(17)
TRIANGLE = np.tril(np.ones((5, 5)))
EXAMPLES = [
    ui.Scaled("he_normal", 0.5),
    ui.Scaled(ui.Orthogonal(), 3.0, seed=4),
    ui.Masked(ui.GlorotUniform(seed=2), np.tri(5, 6)),
    ui.Blocked(["he_normal", ui.Zeros()]),
    ui.Blocked(ui.Orthogonal(), sizes=[3, 2], axis="in"),
    ui.Stacked("lecun_normal", seed=3),
]


@pytest.mark.parametrize("initializer", EXAMPLES, ids=repr)
class TestValue:
    def test_configuration(self, initializer):
        serialized = json.loads(json.dumps(ui.serialize(initializer)))
        assert ui.get(serialized) == initializer
        assert hash(ui.get(serialized)) == hash(initializer)

    def test_representation(self, initializer):
        from unifinit.initializers.combinators import Mask

        names = {name: getattr(ui, name) for name in ui.__all__}
        assert eval(repr(initializer), {**names, "Mask": Mask}) == initializer

    @pytest.mark.unifinit_backends(exclude="numpy")
    @pytest.mark.parametrize("layout", ["IO", "OI"])
    def test_backends_agree(self, initializer, unifinit_backend, layout):
        shape = (5, 6) if layout == "IO" else (6, 5)
        if isinstance(initializer, ui.Stacked):
            shape = (3, *shape)
        for dtype in ("float32", "bfloat16", "complex64"):
            if dtype == "bfloat16":
                pytest.importorskip("ml_dtypes")
            one = initializer(shape, dtype, seed=KEY, layout=layout)
            other = initializer(shape, dtype, seed=KEY, layout=layout, backend=unifinit_backend.name)
            assert_identical(other, one)


class TestScaled:
    @pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
    @pytest.mark.parametrize(
        "inner", [ui.HeNormal(), ui.RandomUniform(-1, 3), ui.TruncatedNormal(0.5), ui.Orthogonal()], ids=repr
    )
    def test_by_a_power_of_two_is_exact(self, inner, dtype):
        scaled = ui.Scaled(inner, 0.25)((7, 5), dtype, seed=KEY)
        assert np.array_equal(scaled, inner((7, 5), dtype, seed=KEY) * 0.25)

    def test_by_one_is_the_other(self):
        assert np.array_equal(ui.Scaled("he_normal", 1)((3, 4), seed=1), ui.HeNormal(seed=1)((3, 4)))

    def test_by_zero_gives_zeros(self):
        assert not ui.Scaled("he_normal", 0)((3, 4)).any()

    def test_other_factors_are_rounded_once(self):
        exact = ui.HeNormal(seed=KEY)((50, 40), "float64").astype(np.longdouble) * np.longdouble(0.3)
        found = ui.Scaled("he_normal", 0.3)((50, 40), "float64", seed=KEY)
        assert np.abs(found - exact).max() <= 2e-16 * np.abs(exact).max()

    def test_a_variance_is_multiplied_by_the_square(self):
        described = ui.Scaled("he_uniform", 3.0).describe((50, 40)).moments
        plain = ui.HeUniform().describe((50, 40)).moments
        assert described.stddev == pytest.approx(3 * plain.stddev, rel=1e-6)
        assert described.maximum == pytest.approx(3 * plain.maximum, rel=1e-6)

    def test_seed_of_the_other_is_its_own(self):
        assert ui.Scaled(ui.HeNormal(seed=5), 2.0).seed == ui.Key(5)
        assert ui.Scaled(ui.HeNormal(seed=5), 2.0, seed=6).seed == ui.Key(6)
        assert ui.Scaled(ui.HeNormal(seed=5), 2.0) == ui.Scaled(ui.HeNormal(), 2.0, seed=5)

    def test_complex_constants_part_by_part(self):
        found = ui.Scaled(ui.Constant(complex(np.inf, 1.0)), 2.0)((1,), "complex64")[0]
        assert (found.real, found.imag) == (np.inf, 2.0)
        assert np.signbit(ui.Scaled(ui.Constant(complex(-0.0, 1.0)), 2.0)((1,), "complex64")[0].real)

    def test_constants(self):
        assert ui.Scaled(ui.Constant(0.5), 3)((2,)).tolist() == [1.5, 1.5]
        assert ui.Scaled(ui.Constant([1, 2]), 3)((2,), "int32").tolist() == [3, 6]
        with pytest.raises(ArgumentError, match="does not fit dtype int32"):
            ui.Scaled(ui.Ones(), 0.5)((2,), "int32")


class TestMasked:
    def test_masks_and_leaves_the_rest_alone(self):
        whole = ui.HeNormal(seed=KEY)((5, 5))
        assert np.array_equal(ui.Masked("he_normal", TRIANGLE, seed=KEY)((5, 5)), whole * TRIANGLE)

    def test_mask_is_that_of_the_canonical_layout(self):
        found = ui.Masked("he_normal", TRIANGLE, seed=KEY)((5, 5), layout="OI")
        assert np.array_equal(found.T, ui.Masked("he_normal", TRIANGLE, seed=KEY)((5, 5)))

    def test_broadcasts(self):
        found = ui.Masked(ui.Ones(), [[1], [0], [1]])((3, 4))
        assert found.sum(axis=1).tolist() == [4, 0, 4]

    def test_moments(self):
        moments = ui.Masked(ui.RandomNormal(1.0, 2.0), [[1, 0], [0, 0]]).describe((2, 2)).moments
        assert moments.mean == pytest.approx(0.25)
        assert moments.stddev**2 == pytest.approx(0.25 * 4 + 0.25 * 0.75)

    @pytest.mark.parametrize(
        "mask", [[[1, 2]], [0.5], "lower", [["a"]], [[1], [2, 3]], {}, {"shape": [2]}], ids=repr
    )
    def test_what_is_no_mask(self, mask):
        with pytest.raises(ArgumentError, match="mask is"):
            ui.Masked("he_normal", mask)

    def test_mask_of_another_shape(self):
        with pytest.raises(
            ShapeError, match=r"mask has shape \(5, 5\), the weight in canonical order \(4, 6\)"
        ):
            ui.Masked("he_normal", TRIANGLE)((4, 6))


class TestBlocked:
    @pytest.mark.parametrize("layout", ["...IO", "OI..."])
    @pytest.mark.parametrize("axis", ["in", "out"])
    def test_each_block_is_a_weight_of_its_own(self, layout, axis):
        place = (layout == "...IO") == (axis == "out")  # Of the axis in the layout.
        sizes = (2, 5, 3)
        shape = [4, 4]
        shape[place] = sum(sizes)
        found = ui.Blocked("glorot_uniform", sizes=sizes, axis=axis)(shape, seed=KEY, layout=layout)
        start = 0
        for number, size in enumerate(sizes):
            shape[place] = size
            block = ui.GlorotUniform()(shape, seed=KEY / number, layout=layout)
            assert np.array_equal(found.take(range(start, start + size), axis=int(place)), block)
            start += size

    def test_gates(self):
        found = ui.Blocked([ui.Orthogonal(), "zeros", ui.Ones(), ui.Constant(2.0)])((4, 16), seed=KEY)
        assert np.array_equal(found[:, :4], ui.Orthogonal()((4, 4), seed=KEY / 0))
        assert [np.unique(found[:, start : start + 4]).tolist() for start in (4, 8, 12)] == [[0], [1], [2]]

    def test_bias_of_one_axis(self):
        assert ui.Blocked(["zeros", "ones"])((4,)).tolist() == [0, 0, 1, 1]

    def test_experts_along_a_batch_axis(self):
        found = ui.Blocked("he_normal", 3, axis="batch")((3, 4, 5), layout="GIO", seed=KEY)
        for number in range(3):
            assert np.array_equal(found[number], ui.HeNormal()((4, 5), seed=KEY / number))

    def test_fill_in_place(self):
        target = np.empty((4, 16), dtype=np.float32)
        initializer = ui.Blocked(ui.Orthogonal(), 4)
        assert np.array_equal(initializer.fill_(target, seed=KEY), initializer((4, 16), seed=KEY))

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            ({"initializer": "he_normal"}, "nothing tells as the number of blocks"),
            ({"initializer": ["he_normal"], "count": 2}, "count gives 2 and initializer gives 1"),
            ({"initializer": "he_normal", "sizes": [1, 2], "count": 3}, "count gives 3 and sizes gives 2"),
            ({"initializer": []}, "initializer is empty"),
            ({"initializer": [ui.HeNormal(seed=1)]}, "has a seed of its own"),
            ({"initializer": "he_normal", "count": 0}, "count is 0"),
            ({"initializer": "he_normal", "sizes": [1, -2]}, r"sizes\[1\] is -2"),
            ({"initializer": "he_normal", "count": 2, "axis": "spatial"}, "axis is 'spatial'"),
            ({"initializer": "he_norml", "count": 2}, "no initializer 'he_norml'"),
        ],
        ids=repr,
    )
    def test_what_does_not_go_together(self, arguments, told):
        with pytest.raises(ArgumentError, match=told):
            ui.Blocked(**arguments)

    @pytest.mark.parametrize(
        ("initializer", "shape", "told"),
        [
            (ui.Blocked("he_normal", 3), (4, 8), "wanted a multiple of 3"),
            (ui.Blocked("he_normal", sizes=[3, 4]), (4, 8), "wanted 7, the sum"),
            (ui.Blocked("he_normal", 2, axis="batch"), (4, 8), "has no batch axis"),
            (ui.Blocked("he_normal", 2, axis="in"), (8,), "has no in axis"),
            (ui.Blocked("he_normal", 2), (), "has no out axis"),
        ],
        ids=repr,
    )
    def test_what_does_not_fit(self, initializer, shape, told):
        with pytest.raises(ShapeError, match=told):
            initializer(shape)


class TestStacked:
    @pytest.mark.parametrize(
        "inner",
        [
            ui.HeNormal(),
            ui.Orthogonal(),
            ui.Blocked(ui.Orthogonal(), 2),
            ui.Masked(ui.Blocked(["he_normal", "ones"]), np.tri(6)),
            ui.Scaled(ui.Blocked("orthogonal", 2, axis="in"), 0.5),
        ],
        ids=["normal", "orthogonal", "blocked", "masked", "scaled"],
    )
    @pytest.mark.parametrize("layout", ["IO", "OI"])
    def test_each_layer_is_an_array_of_its_own(self, inner, layout):
        found = ui.Stacked(inner)((3, 6, 6), layout=layout, seed=KEY)
        for number in range(3):
            assert np.array_equal(found[number], inner((6, 6), layout=layout, seed=KEY / number))

    def test_fans_are_those_of_a_layer(self):
        assert ui.Stacked("he_normal").describe((12, 64, 32), layout="OI").fans == (32, 64)

    def test_of_stacks(self):
        found = ui.Stacked(ui.Stacked("he_normal"))((2, 3, 4, 5), seed=KEY)
        assert np.array_equal(found[1, 2], ui.HeNormal()((4, 5), seed=KEY / 1 / 2))

    @pytest.mark.parametrize(
        "make",
        [
            lambda inner: ui.Scaled(inner, 2.0),
            lambda inner: ui.Masked(inner, [[1]]),
            lambda inner: ui.Blocked(inner, 2),
            lambda inner: ui.Blocked([inner, "zeros"]),
            ui.ICNR,
        ],
        ids=["scaled", "masked", "blocked", "one block", "icnr"],
    )
    def test_is_the_outermost(self, make):
        with pytest.raises(ArgumentError, match="which no other initializer can contain; wanted it outside"):
            make(ui.Stacked("he_normal"))

    def test_no_layers(self):
        assert ui.Stacked("he_normal")((0, 4, 5)).shape == (0, 4, 5)

    def test_errors_are_those_of_a_layer(self):
        with pytest.raises(ShapeError, match="leading one"):
            ui.Stacked("he_normal")(())
        with pytest.raises(ShapeError, match="at least 2"):
            ui.Stacked("orthogonal")((3, 4))
        with pytest.raises(ui.DtypeError, match="int32"):
            ui.Stacked("he_normal")((3, 4), "int32")
        with pytest.raises(ArgumentError, match="seed of its own"):
            ui.Stacked(ui.HeNormal(seed=1))


class TestFromFunction:
    def test_gets_key_shape_and_dtype(self):
        asked = []

        def function(key, shape, dtype):
            asked.append((key, shape, dtype))
            return np.arange(6.0).reshape(shape)

        found = ui.FromFunction(function)((3, 2), "float16", layout="OI", seed=KEY)
        assert asked == [(KEY, (2, 3), "float16")]
        assert found.dtype == np.float16
        assert found.tolist() == [[0, 3], [1, 4], [2, 5]]

    def test_an_initializer_of_jax(self):
        jax = pytest.importorskip("jax")

        def function(key, shape, dtype):
            return jax.nn.initializers.he_uniform()(
                jax.random.wrap_key_data(np.array(key.words, "u4")), shape, dtype
            )

        assert np.array_equal(ui.FromFunction(function, seed=3)((4, 5)), ui.HeUniform(seed=3)((4, 5)))

    @pytest.mark.parametrize(
        ("function", "told"),
        [
            (lambda *_: np.ones((1, 1)), "returned an array of shape"),
            (lambda *_: "ones", "wanted real numbers"),
            (lambda _, shape, *__: np.full(shape, 1j), "wanted real numbers"),
            (lambda _, shape, *__: np.full(shape, 1e39), "do not fit dtype float32"),
        ],
    )
    def test_what_is_returned_is_checked(self, function, told):
        with pytest.raises(ArgumentError, match=told):
            ui.FromFunction(function)((3, 2))

    def test_cannot_be_serialized(self):
        with pytest.raises(ui.ConfigError, match="no configuration can hold"):
            ui.serialize(ui.FromFunction(max))
        with pytest.raises(ArgumentError, match="wanted a callable"):
            ui.FromFunction(3)
