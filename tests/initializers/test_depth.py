"""Initializers that know the depth or the width of a network: formulas, factors and what is refused."""

import math

import numpy as np
import pytest

import unifinit as ui
from unifinit.initializers.networks.identities import IDInit, ZerO
from unifinit.initializers.networks.mimetic import MimeticAttention, mean_singular_value
from unifinit.initializers.networks.mup import MuP, SpectralMuP
from unifinit.initializers.networks.residual import Fixup, LayerScale
from unifinit.initializers.networks.transformers import DeepNorm, ResidualNormal, SmallInit, TFixup, WangInit
from unifinit.testing import InitializerConformance

DRAWN = [
    ResidualNormal(12),
    SmallInit(),
    WangInit(12),
    TFixup(6, "encoder"),
    TFixup(6, "decoder"),
    TFixup(6, "embedding"),
    DeepNorm("encoder", 12),
    DeepNorm("decoder", 6, 6),
    Fixup(16, 3),
    MuP("hidden", 32),
    MuP("output", 32, distribution="uniform"),
    MuP("hidden", 3, 50, mode="fan_avg"),
    SpectralMuP(),
]
DETERMINED = [LayerScale(12), ZerO(), ZerO("orthonormal"), IDInit(0.5)]
CLASSES = [
    *{type(one): one for one in (*DRAWN, *DETERMINED)}.values(),
    MimeticAttention("query", 2),
    MimeticAttention("projection", 2),
]
MIMETIC = [MimeticAttention(matrix, 2) for matrix in ("query", "key", "value", "projection")]


def stddev(initializer, shape, layout=None):
    """What theory says, from numbers in float64."""
    return initializer.plan(shape, "float64", layout=layout).moments().stddev


class TestStandardDeviation:
    """Against the formulas of papers and of their authors' code, transcribed."""

    def test_gpt_2(self):
        # karpathy/nanoGPT, model.py, and GPT-NeoX's init_functions.py
        assert stddev(ResidualNormal(48), (7, 9)) == 0.02 / math.sqrt(2 * 48)
        assert stddev(ui.get("gpt2_residual", layers=48), ()) == 0.02 / math.sqrt(2 * 48)
        assert stddev(ui.get("single_residual_scaled_normal", layers=5, stddev=0.3), 4) == 0.3 / math.sqrt(5)

    @pytest.mark.parametrize("shape", [(512, 512), (512, 2048), (512, 1536)])
    def test_small_init(self, shape):
        # tnq177/transformers_without_tears, layers.py: std = (2 / (5 * embed_dim)) ** 0.5
        assert stddev(SmallInit(), shape) == math.sqrt(2 / (5 * 512))
        assert stddev(SmallInit(), shape[::-1], "OI") == math.sqrt(2 / (5 * 512))
        assert stddev(SmallInit(64), shape) == math.sqrt(2 / (5 * 64))
        # "the feed-forward network's": Xavier's for d and 4d units.
        assert stddev(SmallInit(), (512, 2048)) == pytest.approx(stddev(ui.XavierNormal(), (512, 2048)))

    @pytest.mark.parametrize("shape", [(512, 512), (2048, 512)])
    def test_wang_init(self, shape):
        # EleutherAI/gpt-neox, init_functions.py: std = 2 / n_layers / math.sqrt(dim)
        assert stddev(WangInit(28), shape) == 2 / 28 / math.sqrt(512)
        assert stddev(WangInit(28), shape[::-1], "OI...") == 2 / 28 / math.sqrt(512)
        assert stddev(WangInit(28, width=100), shape) == 2 / 28 / math.sqrt(100)

    @pytest.mark.parametrize("layers", [1, 6, 200])
    def test_t_fixup(self, layers):
        # layer6ai-labs/T-Fixup, transformer_layer.py and transformer.py
        xavier = math.sqrt(2 / (512 + 1024))
        encoder, decoder, embedding = (TFixup(layers, k) for k in ("encoder", "decoder", "embedding"))
        assert stddev(encoder, (512, 1024)) == pytest.approx(0.67 * layers**-0.25 * xavier, rel=1e-15)
        assert stddev(decoder, (512, 1024)) == pytest.approx((9 * layers) ** -0.25 * xavier, rel=1e-15)
        found = stddev(embedding, (1000, 512))
        assert found == pytest.approx(512**-0.5 * (9 * layers) ** -0.25, rel=1e-15)
        assert stddev(embedding, (1000, 512), "embedding") == found

    @pytest.mark.parametrize(("n", "m"), [(6, 6), (12, 3), (100, 200)])
    def test_deep_norm(self, n, m):
        # Wang et al., figure 2
        xavier = math.sqrt(2 / (64 + 128))
        table = {
            DeepNorm("encoder", n): (8 * n) ** (-1 / 4),
            DeepNorm("decoder", m): (8 * m) ** (-1 / 4),
            DeepNorm("encoder", n, m): 0.87 * (n**4 * m) ** (-1 / 16),
            DeepNorm("decoder", m, n): (12 * m) ** (-1 / 4),
        }
        for initializer, beta in table.items():
            assert initializer.beta == pytest.approx(beta, rel=1e-15)
            assert stddev(initializer, (64, 128)) == pytest.approx(beta * xavier, rel=1e-15)

    def test_deep_norm_is_xavier_with_a_gain(self):
        initializer = DeepNorm("encoder", 4, 9)
        found = initializer((30, 20), seed=1)
        assert np.array_equal(found, ui.XavierNormal(initializer.beta)((30, 20), seed=1))

    @pytest.mark.parametrize("branches", [1, 8, 54])
    def test_fixup(self, branches):
        # hongyi-zhang/Fixup, fixup_resnet_imagenet.py, with shapes (out, in, k, k)
        shape = (64, 32, 3, 3)
        std = np.sqrt(2 / (shape[0] * np.prod(shape[2:])))
        basic = stddev(Fixup(branches), shape, "OIHW")
        bottleneck = stddev(Fixup(branches, 3), shape, "OIHW")
        assert basic == pytest.approx(std * branches ** (-0.5), rel=1e-15)
        assert bottleneck == pytest.approx(std * branches ** (-0.25), rel=1e-15)
        he = stddev(ui.KaimingNormal(), shape, "OIHW")
        assert stddev(Fixup(branches, 4, "fan_in"), shape, "OIHW") == pytest.approx(he * branches ** (-1 / 6))

    def test_fixup_of_one_branch_is_he(self):
        found = Fixup(1, mode="fan_in")((5, 4, 3, 3), seed=2, layout="OIHW")
        assert np.array_equal(found, ui.KaimingNormal()((5, 4, 3, 3), seed=2, layout="OIHW"))

    @pytest.mark.parametrize(("fan_in", "fan_out"), [(100, 100), (400, 100), (100, 400)])
    def test_spectral_mup(self, fan_in, fan_out):
        expected = 1 / math.sqrt(fan_in) * min(1, math.sqrt(fan_out / fan_in))
        assert stddev(SpectralMuP(), (fan_in, fan_out)) == pytest.approx(expected, rel=1e-15)
        assert stddev(SpectralMuP(3), (fan_in, fan_out)) == pytest.approx(3 * expected, rel=1e-15)
        # What it is for: the spectral norm is of the order of sqrt(fan_out / fan_in).
        norm = np.linalg.norm(SpectralMuP()((fan_in, fan_out), "float64", seed=3), 2)
        assert 0.9 <= norm / math.sqrt(fan_out / fan_in) <= 2.1

    @pytest.mark.parametrize("initializer", DRAWN, ids=repr)
    def test_drawn_numbers_have_it(self, initializer):
        found = initializer((64, 300), seed=4).astype(np.float64)
        expected = initializer.describe((64, 300)).moments.stddev
        assert found.std() == pytest.approx(expected, rel=0.03)
        assert abs(found.mean()) <= 4 * expected / math.sqrt(found.size)


class TestMuP:
    @pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg", "fan_geo_avg"])
    @pytest.mark.parametrize(
        ("kind", "shape"),
        [("input", (5, 64)), ("hidden", (32, 64)), ("output", (32, 5)), ("readout", (32, 5))],
    )
    def test_is_variance_scaling_at_the_base_width(self, kind, shape, mode):
        for distribution in ("uniform", "untruncated_normal", "truncated_normal"):
            found = based(kind, *shape, scale=1.7, mode=mode, distribution=distribution)(shape, seed=5)
            standard = ui.VarianceScaling(1.7, mode, distribution)(shape, seed=5)
            assert np.array_equal(found, standard)

    def test_hidden_and_input_keep_one_over_fan_in(self):
        for base in (1, 7, 100.0):
            for shape in ((32, 64), (96, 3)):
                found = MuP("hidden", base, scale=2.0)(shape, seed=6)
                assert np.array_equal(
                    found, ui.VarianceScaling(2.0, "fan_in", "untruncated_normal")(shape, seed=6)
                )
        assert stddev(MuP("input", 5), (5, 999)) == stddev(MuP("input", 5), (5, 1)) == math.sqrt(1 / 5)

    def test_table_3(self):
        # Yang et al. (2021), with r the ratio of widths
        for r in (1, 2, 8, 0.25):
            wide, base = int(32 * r), 32
            assert stddev(MuP("hidden", base), (wide, wide)) ** 2 == pytest.approx(1 / wide)
            assert stddev(MuP("output", base), (wide, 5)) ** 2 == pytest.approx(base / wide**2)
            assert stddev(MuP("readout", base), (wide, 5)) ** 2 == pytest.approx(1 / base)
            # The readout's layer multiplies by 1/r.
            output = stddev(MuP("output", base), (wide, 5))
            assert stddev(MuP("readout", base), (wide, 5)) / r == pytest.approx(output)

    def test_constant_standard_deviation(self):
        # mup.init.normal_(std=s): times r^(-1/2) for hidden weights
        s, base = 0.3, 16
        assert stddev(MuP("hidden", base, scale=s * s * base), (64, 64)) == pytest.approx(s / 2)
        assert stddev(MuP("readout", base, scale=s * s * base), (64, 3)) == pytest.approx(s)

    @pytest.mark.parametrize("kind", ["input", "hidden", "readout"])
    @pytest.mark.parametrize("name", ["kaiming", "kaiming_fan_out", "xavier"])
    def test_the_mup_package(self, kind, name):
        init, infshape = (pytest.importorskip(f"mup.{part}") for part in ("init", "infshape"))
        torch = pytest.importorskip("torch")
        wide, base = (6, 40), (6, 10)
        sides = {"input": ("input", "width"), "hidden": ("width", "width"), "readout": ("width", "input")}[
            kind
        ]
        (fan_in, base_in), (fan_out, base_out) = (
            (wide[side == "width"], base[side == "width"]) for side in sides
        )
        dims = [
            infshape.InfDim(base_size if side == "width" else None, size)
            for size, base_size, side in ((fan_out, base_out, sides[1]), (fan_in, base_in, sides[0]))
        ]
        # Not the numbers: what they are multiplied by.
        tensor = torch.empty(fan_out, fan_in)
        tensor.infshape = infshape.InfShape(dims)
        mode = {"kaiming": "fan_in", "kaiming_fan_out": "fan_out", "xavier": "fan_avg"}[name]
        if name == "xavier":
            std = init._inf_fan_adjust_xavier(math.sqrt(2 / (fan_in + fan_out)), tensor)
            scale = 1.0
        else:
            fan = fan_in if mode == "fan_in" else fan_out
            std = init._inf_fan_adjust_kaiming(math.sqrt(2) / math.sqrt(fan), tensor, mode)
            scale = 2.0
        found = stddev(based(kind, base_in, base_out, scale=scale, mode=mode), (fan_in, fan_out))
        assert found == pytest.approx(std, rel=1e-14)

    def test_refused(self):
        for kind in ("input", "hidden"):
            with pytest.raises(ui.ArgumentError, match="base_fan_out is None; wanted"):
                MuP(kind, 32, mode="fan_avg")
        with pytest.raises(ui.ShapeError, match="fan_in 6, but base_fan_in is 5"):
            MuP("input", 5)((6, 4))
        for kind in ("output", "readout"):
            with pytest.raises(ui.ArgumentError, match=r"base_fan_out is 5\.0, but kind is"):
                MuP(kind, 32, 5)
        with pytest.raises(ui.ArgumentError, match="beyond all floats"):
            MuP("output", 1e300, scale=1e300)((2, 2))
        with pytest.raises(ui.ArgumentError, match="wanted at least 1"):
            MuP("hidden", 0)


def based(kind, base_in, base_out, **options):
    """With the base fans that a kind takes."""
    return MuP(kind, base_in, base_out if kind in ("input", "hidden") else None, **options)


class TestLayerScale:
    @pytest.mark.parametrize(
        ("depth", "value"), [(1, 0.1), (18, 0.1), (19, 1e-5), (24, 1e-5), (25, 1e-6), (999, 1e-6)]
    )
    def test_by_depth(self, depth, value):
        assert LayerScale(depth)((2, 3), "float64").tolist() == [[value] * 3] * 2

    def test_by_value(self):
        # timm/layers/layer_scale.py: init_values=1e-5
        assert np.array_equal(LayerScale()(7), np.full(7, 1e-5, "float32"))
        assert np.array_equal(ui.get("layer_scale", value=0.3)(7, "float64"), np.full(7, 0.3))

    def test_refused(self):
        with pytest.raises(ui.ArgumentError, match="wanted one of them"):
            LayerScale(12, 0.1)
        with pytest.raises(ui.ArgumentError, match="does not fit dtype int32"):
            LayerScale(12)(3, "int32")


class TestZerO:
    @pytest.mark.parametrize("shape", [(3, 3), (5, 3), (1, 1), (7, 6)])
    def test_identity_unless_it_widens(self, shape):
        assert np.array_equal(ZerO()(shape), np.eye(*shape))

    @pytest.mark.parametrize(
        ("rows", "columns"), [(1, 2), (2, 3), (3, 4), (3, 5), (16, 17), (5, 64), (63, 64)]
    )
    def test_algorithm_1(self, rows, columns):
        # jiaweizzhao/ZerO-initialization, example_mnist.ipynb, with weights (out, in)
        m = math.ceil(math.log2(columns))
        hadamard = np.ones((1, 1))
        for _ in range(m):
            hadamard = np.block([[hadamard, hadamard], [hadamard, -hadamard]])
        expected = np.eye(columns, 2**m) @ hadamard @ np.eye(2**m, rows)
        code = ZerO("orthonormal")((columns, rows), "float64", layout="OI")
        assert code == pytest.approx(expected * 2 ** (-m / 2), rel=1e-15)
        paper = ZerO()((columns, rows), "float64", layout="OI")
        assert paper == pytest.approx(expected * 2 ** (-(m - 1) / 2), rel=1e-15)

    def test_keeps_norms_if_orthonormal_and_a_power_of_two(self):
        matrix = ZerO("orthonormal")((100, 128), "float64")
        assert np.abs(matrix @ matrix.T - np.eye(100)).max() <= 1e-14

    @pytest.mark.parametrize("field", [(3, 3), (2, 4), (5,), (1, 1, 2)])
    def test_of_a_convolution_is_at_the_centre(self, field):
        kernel = ZerO()((*field, 3, 6))
        centre = tuple(size // 2 for size in field)
        assert np.array_equal(kernel[centre], ZerO()((3, 6)))
        assert np.count_nonzero(kernel) == np.count_nonzero(kernel[centre])

    def test_integers_have_what_is_whole(self):
        assert ZerO()((1, 2), "int8").tolist() == [[1, 1]]
        assert ZerO()((2, 2), "bool").tolist() == [[True, False], [False, True]]
        for dtype in ("uint8", "bool"):
            with pytest.raises(ui.ArgumentError, match="does not fit"):
                ZerO()((1, 2), dtype)
        with pytest.raises(ui.ArgumentError, match="does not fit"):
            ZerO()((3, 4), "int32")


class TestIDInit:
    @pytest.mark.parametrize(("rows", "columns"), [(4, 10), (4, 4), (6, 4), (1, 3), (3, 1)])
    def test_equation_3(self, rows, columns):
        expected = [[float(m % rows == j) for j in range(rows)] for m in range(columns)]
        assert IDInit()((columns, rows), layout="OI").tolist() == expected
        assert (IDInit(0.5)((rows, columns)) * 2).T.tolist() == expected

    def test_refused(self):
        with pytest.raises(ui.ShapeError, match="IDInit wants none"):
            IDInit()((3, 3, 4, 5))
        with pytest.raises(ui.ArgumentError, match="does not fit"):
            IDInit(0.5)((3, 3), "int32")
        assert IDInit(2)((2, 4), "int32").tolist() == [[2, 0, 2, 0], [0, 2, 0, 2]]


@pytest.fixture(scope="module")
def four():
    """The matrices of one layer."""
    return {i.matrix: i((24, 24), "float64", seed=7) for i in MIMETIC}


class TestMimeticAttention:
    def test_values_and_projection_give_the_matrix_that_was_drawn(self, four):
        z = ui.random.normal(ui.Key(7) / "value_projection", (24, 24), "float64", stddev=1 / math.sqrt(24))
        product = four["value"] @ four["projection"]
        assert product == pytest.approx(0.4 * z - 0.4 * np.eye(24), abs=1e-13)

    def test_queries_and_keys_give_its_best_approximation_in_each_head(self, four):
        for head in range(2):
            key = ui.Key(7) / "query_key" / head
            z = ui.random.normal(key, (24, 24), "float64", stddev=1 / math.sqrt(24))
            u, s, vt = np.linalg.svd(0.7 * z + 0.7 * np.eye(24))
            block = slice(12 * head, 12 * head + 12)
            found = four["query"][:, block] @ four["key"][:, block].T
            assert found == pytest.approx(u[:, :12] * s[:12] @ vt[:12], abs=1e-12)
            # The singular values are shared out equally.
            for name in ("query", "key"):
                norms = np.square(four[name][:, block]).sum(axis=0)
                assert norms == pytest.approx(s[:12], abs=1e-12)

    def test_as_the_copies_of_get_ortho_like_do(self, four):
        # L = U sqrt(S), R = sqrt(S) V^T
        a = four["value"] @ four["projection"]
        u, s, vt = np.linalg.svd(a)
        signs = np.copysign(1, (u * four["value"]).sum(axis=0))
        assert four["value"] == pytest.approx(u * np.sqrt(s) * signs, abs=1e-11)
        assert four["projection"] == pytest.approx((vt.T * np.sqrt(s) * signs).T, abs=1e-11)

    def test_other_weights(self):
        options = {"alpha": 0.0, "beta": -0.25, "heads": 3}
        query, key, value, projection = (
            MimeticAttention(i.matrix, **options)((6, 6), "float64", seed=1) for i in MIMETIC
        )
        assert value @ projection == pytest.approx(0.25 * np.eye(6), abs=1e-15)
        assert np.trace(query @ key.T) == pytest.approx(-0.25 * 6)
        uniform = MimeticAttention("value", 1, beta=0.0, distribution="uniform")((40, 40), "float64", seed=1)
        assert np.square(uniform).sum(axis=0).max() <= 0.4 * 2.2

    def test_narrower_values_are_the_first_columns(self, four):
        narrow = {
            i.matrix: i((24, 8) if i.matrix == "value" else (8, 24), "float64", seed=7) for i in MIMETIC[2:]
        }
        assert np.array_equal(narrow["value"], four["value"][:, :8])
        assert np.array_equal(narrow["projection"], four["projection"][:8])

    def test_heads_as_axes(self, four):
        found = MIMETIC[0]((24, 2, 12), "float64", seed=7, layout="abd,dhk->abhk")
        assert np.array_equal(found.reshape(24, 24), four["query"])
        found = MIMETIC[3]((2, 12, 24), "float64", seed=7, layout="abhk,hkd->abd")
        assert np.array_equal(found.reshape(24, 24), four["projection"])

    def test_layers_along_a_batch_axis(self):
        found = MIMETIC[1]((3, 6, 4), seed=8, layout="GIO")
        for layer in range(3):
            assert np.array_equal(found[layer], MIMETIC[1]((6, 4), seed=ui.Key(8) / layer))

    @pytest.mark.parametrize("initializer", MIMETIC, ids=repr)
    def test_moments(self, initializer):
        found = initializer((64, 64), seed=9)
        moments = initializer.describe((64, 64)).moments
        assert found.std() == pytest.approx(moments.stddev, rel=0.03)
        assert abs(found.mean()) <= 4 * moments.stddev / 64

    @pytest.mark.parametrize(("alpha", "beta"), [(1.0, 0.0), (0.4, 0.4), (0.1, 1.0), (0.0, 0.5)])
    @pytest.mark.parametrize("share", [1.0, 0.25])
    def test_mean_singular_value(self, alpha, beta, share):
        z = np.random.default_rng(0).standard_normal((200, 200)) / math.sqrt(200)
        s = np.linalg.svd(alpha * z + beta * np.eye(200), compute_uv=False)
        expected = s[: round(200 * share)].mean()
        assert mean_singular_value(alpha, beta, share) == pytest.approx(expected, rel=0.02)

    def test_refused(self):
        for shape in ((), (5,), (3, 3, 4, 4)):
            with pytest.raises(ui.ShapeError, match="wants input and output axes alone"):
                MIMETIC[0](shape)
        with pytest.raises(ui.ShapeError, match="2 heads cannot share equally"):
            MIMETIC[0]((4, 3))
        with pytest.raises(ui.ShapeError, match="6 columns in each head; wanted at most"):
            MIMETIC[1]((4, 12))
        for initializer, shape in ((MIMETIC[2], (4, 5)), (MIMETIC[3], (5, 4))):
            with pytest.raises(ui.ShapeError, match="model of width 4"):
                initializer(shape)
        with pytest.raises(ui.DtypeError):
            MIMETIC[0]((4, 4), "complex64")


class TestEverywhere:
    @pytest.mark.parametrize("initializer", [*DRAWN, *DETERMINED], ids=repr)
    def test_complex(self, initializer):
        found = initializer((8, 200), "complex64", seed=12)
        assert found.dtype.name == "complex64"
        if initializer in DRAWN:
            expected = initializer.describe((8, 200)).moments.stddev
            assert np.sqrt(np.mean(np.abs(found) ** 2)) == pytest.approx(expected, rel=0.1)

    @pytest.mark.parametrize("initializer", [*DRAWN, *DETERMINED, *MIMETIC], ids=repr)
    @pytest.mark.parametrize("shape", [(0, 4), (4, 0), (0, 0)], ids=str)
    def test_without_elements(self, initializer, shape):
        fits = {"query": shape[0] or not shape[1], "key": shape[0] or not shape[1]}
        fits |= {"value": shape[1] <= shape[0], "projection": shape[0] <= shape[1]}
        if isinstance(initializer, MimeticAttention) and not fits[initializer.matrix]:
            with pytest.raises(ui.ShapeError):
                initializer(shape)
            return
        assert initializer(shape).shape == shape
        assert initializer.describe(shape).moments.mean == pytest.approx(0, abs=1)

    @pytest.mark.parametrize("initializer", DETERMINED[1:], ids=repr)
    def test_biases_are_zeros(self, initializer):
        for shape in ((), (3,)):
            with pytest.raises(ui.ShapeError, match="Zeros for a bias"):
                initializer(shape)

    @pytest.mark.parametrize("initializer", DETERMINED[1:], ids=repr)
    def test_equal_along_batch_axes(self, initializer):
        found = initializer((2, 3, 5), layout="GIO")
        assert np.array_equal(found[0], found[1])
        assert np.array_equal(found[0], initializer((3, 5)))

    @pytest.mark.parametrize(
        ("name", "arguments", "expected"),
        [
            ("tfixup", {"layers": 6, "kind": "encoder"}, TFixup(6, "encoder")),
            ("deepnorm", {"part": "encoder", "layers": 6}, DeepNorm("encoder", 6)),
            ("mup", {"kind": "input", "base_fan_in": 3}, MuP("input", 3)),
            ("spectral_mup", {}, SpectralMuP()),
            ("idinit", {}, IDInit()),
            ("wang_init", {"layers": 3}, WangInit(3)),
            ("small_init", {}, SmallInit()),
            ("mimetic", {"matrix": "key", "heads": 2}, MimeticAttention("key", 2)),
        ],
    )
    def test_names(self, name, arguments, expected):
        assert ui.get(name, **arguments) == expected

    def test_refused(self):
        makers = (ResidualNormal, WangInit, lambda n: TFixup(n, "encoder"), lambda n: DeepNorm("encoder", n))
        for make in (*makers, Fixup, LayerScale):
            for number in (0, -1, 1.5, True):
                with pytest.raises(ui.ArgumentError, match="wanted an integer, at least 1"):
                    make(number)
        with pytest.raises(ui.ArgumentError, match="at least 2"):
            Fixup(8, 1)
        for cls in (TFixup, DeepNorm, MuP):
            with pytest.raises(TypeError, match="got no"):
                cls()


class TestConforms(InitializerConformance):
    """The library's own suite, for one initializer of each class."""

    shapes = ((6, 6), (2, 6, 6))
    layouts = ("OI", "GIO")

    @pytest.fixture(params=CLASSES, ids=repr)
    def tested(self, request):
        return request.param
