"""Filters, transforms, encodings of positions and adapters: what their sources say they are."""

import math

import numpy as np
import pytest

import unifinit as ui
from unifinit import reference
from unifinit.initializers.networks.lora import LoraA, LoraB
from unifinit.initializers.networks.siren import Siren
from unifinit.initializers.signal.positions import SinusoidalPositions
from unifinit.initializers.signal.stft import STFT, WINDOWS
from unifinit.initializers.signal.upsampling import ICNR, Bilinear
from unifinit.stream.ops import numpy_ops
from unifinit.testing import assert_identical

CASES = [
    (Bilinear(), (5, 4, 3, 3), "...IO"),
    (Bilinear(downsampling=True), (6, 2, 3, 3), "conv(groups=3) OIHW"),
    (ICNR(), (12, 5, 3, 3), "OI..."),
    (ICNR("orthogonal", 3, "tensorflow"), (2, 4, 9), "...IO"),
    (STFT(), (9, 1, 5), "...IO"),
    (STFT("imag", [0.5, -1.0, 2.0], "spectrum"), (4, 1, 3), "OIW"),
    (SinusoidalPositions(), (7, 5), "...IO"),
    (SinusoidalPositions(order="concatenated", endpoint=True, offset=3), (1, 6, 4), "...IO"),
    (Siren(), (6, 4), "OI"),
    (Siren(first=True), (2, 5), "...IO"),
    (LoraA(), (3, 6), "OI"),
    (LoraA("gaussian"), (6, 3), "...IO"),
    (LoraB(), (6, 3), "OI"),
    (LoraB(embedding=True), (6, 3), "OI"),
]
FIXED = [CASES[0][0], CASES[4][0], CASES[6][0]]
each_case = pytest.mark.parametrize(("initializer", "shape", "layout"), CASES, ids=str)


class TestEverywhere:
    @each_case
    @pytest.mark.unifinit_backends(exclude="numpy")
    def test_backends_agree(self, initializer, shape, layout, unifinit_backend):
        for dtype in ("float32", "float16"):
            ours = initializer(shape, dtype, seed=5, layout=layout)
            theirs = initializer(shape, dtype, seed=5, layout=layout, backend=unifinit_backend.name)
            assert_identical(theirs, ours)

    @each_case
    def test_kernel_gives_what_the_reference_gives(self, initializer, shape, layout):
        plan = initializer.plan(shape, seed=5, layout=layout)
        expected = np.asarray(reference.run(plan, numpy_ops()))
        assert np.ascontiguousarray(initializer(shape, seed=5, layout=layout)).tobytes() == expected.tobytes()

    @each_case
    @pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"])
    def test_narrow_dtypes_are_float32_rounded(self, initializer, shape, layout, dtype):
        ml_dtypes = pytest.importorskip("ml_dtypes")
        found = initializer(shape, dtype, seed=5, layout=layout)
        wide = initializer(shape, seed=5, layout=layout)
        assert np.array_equal(found, wide.astype(getattr(ml_dtypes, dtype, dtype)))

    @each_case
    def test_moments_are_those_of_the_elements(self, initializer, shape, layout):
        moments = initializer.plan(shape, "float64", layout=layout).moments()
        found = np.stack([initializer(shape, "float64", seed=seed, layout=layout) for seed in range(200)])
        assert found.min() >= moments.minimum
        assert found.max() <= moments.maximum
        if initializer in FIXED or not moments.stddev:
            assert found.mean() == pytest.approx(moments.mean, abs=1e-15)
            assert found.std() == pytest.approx(moments.stddev, abs=1e-15)
        else:
            assert abs(found.mean() - moments.mean) < 0.1 * moments.stddev
            assert found.std() == pytest.approx(moments.stddev, rel=0.1)

    @each_case
    def test_configuration_gives_it_back(self, initializer, shape, layout):
        again = ui.get(ui.serialize(initializer))
        assert again == initializer
        ours, theirs = (one.plan(shape, seed=0, layout=layout) for one in (initializer, again))
        assert theirs == ours
        assert hash(theirs) == hash(ours)

    @pytest.mark.parametrize("initializer", FIXED, ids=str)
    def test_what_is_not_whole_is_refused_for_integers(self, initializer):
        with pytest.raises(ui.DtypeError):
            initializer.plan((1, 1, 2) if isinstance(initializer, STFT) else (1, 2, 2), "int32")

    @pytest.mark.parametrize("initializer", FIXED, ids=str)
    def test_complex_numbers_are_real(self, initializer):
        shape = (3, 1, 4) if isinstance(initializer, STFT) else (1, 4, 4)
        found = initializer(shape, "complex128")
        assert np.array_equal(found, initializer(shape, "float64").astype(complex))

    @pytest.mark.parametrize("initializer", FIXED, ids=str)
    def test_places_of_a_batch_are_equal(self, initializer):
        shape = (3, 1, 4) if isinstance(initializer, STFT) else (4, 2, 2)
        layout = "in=-2 out=-1 batch=0"
        if isinstance(initializer, SinusoidalPositions):
            shape = (2, 4)
        found = initializer((5, *shape), layout=layout)
        assert np.array_equal(found, np.stack([initializer(shape)] * 5))


def chainers(size, dimensions, upsampling=True):
    """``_get_linear_filter`` of Chainer, which is FCN's ``upsample_filt`` in n dimensions."""
    factor = (size + 1) // 2
    center = factor - 1.0 if size % 2 == 1 else factor - 0.5
    result = 1.0
    for place in np.ogrid[(slice(size),) * dimensions]:
        result = result * (1.0 - abs(place - center) / factor)
    return result if upsampling else result / result.sum()


def caffes(size):
    f = math.ceil(size / 2)
    c = (size - 1) / (2 * f)
    return np.array([1 - abs(x / f - c) for x in range(size)])


def mxnets(size):
    f = math.ceil(size / 2)
    c = (2 * f - 1 - f % 2) / (2 * f)
    return np.array([1 - abs(x / f - c) for x in range(size)])


class TestBilinear:
    @pytest.mark.parametrize("size", range(1, 12))
    @pytest.mark.parametrize("dimensions", [1, 2, 3])
    def test_is_chainers(self, size, dimensions):
        shape = (*(size,) * dimensions, 1, 1)
        assert Bilinear()(shape, "float64")[..., 0, 0] == pytest.approx(chainers(size, dimensions), abs=1e-15)
        down = Bilinear(downsampling=True)(shape, "float64")[..., 0, 0]
        assert down == pytest.approx(chainers(size, dimensions, upsampling=False), abs=1e-15)

    def test_is_caffes_and_for_common_sizes_mxnets(self):
        agreeing = []
        for size in range(1, 18):
            found = Bilinear()((size, 1, 1), "float64")[:, 0, 0]
            assert found == pytest.approx(caffes(size), abs=1e-15)
            if np.allclose(found, mxnets(size)):
                agreeing.append(size)
        assert agreeing == [2 * factor - factor % 2 for factor in range(1, 10)]

    def test_sizes_may_differ(self):
        found = Bilinear()((4, 5, 1, 1), "float64")[..., 0, 0]
        assert found == pytest.approx(np.outer(chainers(4, 1), chainers(5, 1)), abs=1e-15)

    def test_elements_are_quotients_rounded_once(self):
        found = Bilinear()((5, 6, 1, 1), "float64")[..., 0, 0]
        expected = [[x * y / 18 for y in (1, 3, 5, 5, 3, 1)] for x in (1, 2, 3, 2, 1)]
        assert found.tolist() == expected

    def test_other_pairs_of_channels_are_zero(self):
        found = Bilinear()((4, 3, 3))
        assert found[:, [0, 1, 2], [0, 1, 2]].T.tolist() == [[0.25, 0.75, 0.75, 0.25]] * 3
        assert np.count_nonzero(found) == 12

    @pytest.mark.parametrize("shape", [(4, 3, 1), (4, 1, 3)], ids=str)
    def test_single_inputs_or_outputs_all_have_it(self, shape):
        assert np.array_equal(Bilinear()(shape), Bilinear("all")(shape))
        assert Bilinear()(shape).reshape(4, 3).T.tolist() == [[0.25, 0.75, 0.75, 0.25]] * 3

    def test_all_pairs_are_those_of_caffe(self):
        found = ui.get("bilinear_filler")((5, 2, 4, 4), layout="OIHW")
        assert np.array_equal(found, np.broadcast_to(found[0, 0], found.shape))
        assert found[3, 1] == pytest.approx(np.outer(caffes(4), caffes(4)))

    @pytest.mark.parametrize("size", range(1, 10))
    def test_upsamples_a_ramp_in_numpy(self, size):
        # A transposed convolution spreads each sample; with a stride of f the copies add up to the ramp.
        factor, samples = (size + 1) // 2, 12
        kernel = Bilinear()((size, 1, 1), "float64")[:, 0, 0]
        found = np.zeros(factor * (samples - 1) + size)
        for x in range(samples):
            found[factor * x : factor * x + size] += x * kernel
        inner = slice(size, len(found) - size)
        expected = (np.arange(len(found)) - (size - 1) / 2) / factor
        assert found[inner] == pytest.approx(expected[inner], abs=1e-13)
        if factor in (1, 2, 4):  # Nothing is rounded.
            assert np.array_equal(found[inner], expected[inner])

    @pytest.mark.parametrize("groups", [1, 2, 4])
    @pytest.mark.parametrize("factor", [2, 3])
    @pytest.mark.parametrize("dimensions", [1, 2, 3])
    def test_is_the_interpolation_of_torch(self, dimensions, factor, groups):
        torch = pytest.importorskip("torch")
        size = 2 * factor - factor % 2
        layout = f"conv_transpose(groups={groups}) IO..."
        weight = Bilinear()(
            (4, 4 // groups, *(size,) * dimensions), "float64", backend="torch", layout=layout
        )
        images = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 4, *(5,) * dimensions)))
        conv = getattr(torch.nn.functional, f"conv_transpose{dimensions}d")
        found = conv(images, weight, stride=factor, padding=factor // 2, groups=groups)
        mode = ["linear", "bilinear", "trilinear"][dimensions - 1]
        expected = torch.nn.functional.interpolate(images, scale_factor=factor, mode=mode)
        assert found.shape == expected.shape
        inner = (..., *(slice(factor, -factor),) * dimensions)
        assert torch.allclose(found[inner], expected[inner], rtol=0, atol=1e-14)

    def test_downsampling_in_groups_keeps_constants_and_channels(self):
        torch = pytest.importorskip("torch")
        weight = Bilinear(downsampling=True)(
            (6, 2, 4, 4), "float64", backend="torch", layout="conv(groups=3) OIHW"
        )
        images = torch.arange(6.0, dtype=torch.float64).reshape(1, 6, 1, 1).expand(1, 6, 8, 8)
        found = torch.nn.functional.conv2d(images, weight, stride=2, groups=3)
        assert torch.equal(found, images[..., :3, :3])

    @pytest.mark.parametrize("shape", [(3, 0, 2), (0, 2, 2), (3, 2, 0), (0, 0, 0)], ids=str)
    def test_without_elements(self, shape):
        assert Bilinear()(shape).shape == shape
        assert Bilinear().describe(shape).moments.maximum == 0

    @pytest.mark.parametrize(
        ("shape", "message"),
        [
            ((), "no spatial axes"),
            ((4,), "no spatial axes"),
            ((4, 4), "no spatial axes"),
            ((3, 4, 6), "4 inputs and 6 outputs"),
        ],
        ids=str,
    )
    def test_other_shapes_are_refused(self, shape, message):
        with pytest.raises(ui.ShapeError, match=message):
            Bilinear().plan(shape)


class TestICNR:
    @pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64", "complex64"])
    @pytest.mark.parametrize("inner", ["he_normal", "orthogonal", "glorot_uniform"])
    def test_outputs_are_those_of_the_smaller_kernel(self, inner, dtype):
        if dtype == "bfloat16":
            pytest.importorskip("ml_dtypes")
        smaller = ui.get(inner)((3, 3, 4, 2), dtype, seed=7)
        found = ICNR(inner)((3, 3, 4, 8), dtype, seed=7)
        assert np.array_equal(found, np.repeat(smaller, 4, axis=-1))
        found = ICNR(inner, order="tensorflow")((3, 3, 4, 8), dtype, seed=7)
        assert np.array_equal(found, np.concatenate([smaller] * 4, axis=-1))

    @pytest.mark.parametrize("dimensions", [1, 2, 3])
    @pytest.mark.parametrize("factor", [1, 2, 3])
    def test_there_is_an_output_for_each_sub_pixel(self, dimensions, factor):
        spatial, times = (2,) * dimensions, factor**dimensions
        found = ICNR("he_normal", factor)((*spatial, 3, 2 * times), seed=1)
        assert np.array_equal(found[..., ::times], ui.HeNormal()((*spatial, 3, 2), seed=1))

    @pytest.mark.parametrize("layout", ["conv(stride=2) OIHW", "conv_transpose(groups=2) IOHW", "GIOW"])
    def test_fans_are_those_of_the_smaller_kernel(self, layout):
        shape = {"conv(stride=2) OIHW": (8, 3, 4, 4), "conv_transpose(groups=2) IOHW": (6, 8, 3, 3)}.get(
            layout, (2, 3, 8, 5)
        )
        axis, times = (0, 4) if layout.startswith("conv(") else (1, 4) if "groups" in layout else (2, 2)
        smaller = (*shape[:axis], shape[axis] // times, *shape[axis + 1 :])
        for inner in (ui.GlorotUniform(), ui.VarianceScaling(mode="fan_out")):
            found = ICNR(inner)(shape, seed=3, layout=layout)
            assert np.array_equal(found, np.repeat(inner(smaller, seed=3, layout=layout), times, axis))

    def test_pixel_shuffle_of_torch_begins_as_nearest_neighbour(self):
        torch = pytest.importorskip("torch")
        functional = torch.nn.functional
        weight = ICNR(factor=3)((18, 4, 3, 3), seed=0, backend="torch", layout="OIHW")
        images = torch.from_numpy(np.random.default_rng(1).normal(size=(2, 4, 6, 5)).astype(np.float32))
        smaller = functional.conv2d(images, weight[::9], padding=1)
        found = functional.pixel_shuffle(functional.conv2d(images, weight, padding=1), 3)
        expected = functional.interpolate(smaller, scale_factor=3, mode="nearest")
        # Libraries may add in another order if there are more outputs.
        assert torch.allclose(found, expected, rtol=0, atol=1e-5)
        wrong = ICNR(factor=3, order="tensorflow")((18, 4, 3, 3), seed=0, backend="torch", layout="OIHW")
        found = functional.pixel_shuffle(functional.conv2d(images, wrong, padding=1), 3)
        assert not torch.allclose(found, expected, rtol=0, atol=0.1)

    def test_depth_to_space_of_tensorflow_begins_as_nearest_neighbour(self):
        tf = pytest.importorskip("tensorflow")
        weight = ICNR(order="tensorflow")((3, 3, 4, 20), seed=0, backend="tensorflow")
        images = tf.constant(np.random.default_rng(1).normal(size=(2, 6, 5, 4)), tf.float32)
        smaller = tf.nn.conv2d(images, weight[..., :5], 1, "SAME").numpy()
        found = tf.nn.depth_to_space(tf.nn.conv2d(images, weight, 1, "SAME"), 2).numpy()
        assert found == pytest.approx(smaller.repeat(2, axis=1).repeat(2, axis=2), abs=1e-5)

    def test_is_fastais(self):
        torch = pytest.importorskip("torch")
        smaller = ui.get("kaiming_normal_")((2, 3, 3, 3), seed=9, backend="torch", layout="OIHW")
        k = smaller.transpose(0, 1).contiguous().view(2, 3, -1).repeat(1, 1, 4)
        expected = k.contiguous().view([3, 8, 3, 3]).transpose(0, 1)
        found = ui.get("icnr_init")((8, 3, 3, 3), seed=9, backend="torch", layout="OIHW")
        assert torch.equal(found, expected)

    def test_takes_over_the_seed(self):
        assert ICNR(ui.HeNormal(seed=4)) == ICNR(ui.HeNormal(), seed=4)
        assert ICNR(ui.HeNormal(seed=4), seed=5) == ICNR("he_normal", seed=5)

    def test_constants_and_given_values(self):
        assert np.array_equal(ICNR("ones")((1, 2, 4), "int32"), np.ones((1, 2, 4), np.int32))
        found = ICNR(ui.Constant([1, 2]), seed=0)((1, 1, 4))
        assert found.reshape(-1).tolist() == [1, 1, 2, 2]

    @pytest.mark.parametrize("shape", [(3, 3, 2, 0), (3, 3, 0, 4), (0, 3, 2, 4)], ids=str)
    def test_without_elements(self, shape):
        assert ICNR()(shape).shape == shape

    @pytest.mark.parametrize("shape", [(), (4,), (4, 4), (3, 3, 2, 6)], ids=str)
    def test_other_shapes_are_refused(self, shape):
        with pytest.raises(ui.ShapeError, match=r"no spatial axes|multiple of 4"):
            ICNR().plan(shape)

    def test_several_axes_of_outputs_are_refused(self):
        with pytest.raises(ui.LayoutError, match="2 axes of outputs"):
            ICNR().plan((3, 2, 4, 4), layout="in=1 out=2,3")

    @pytest.mark.parametrize("config", [{"factor": 0}, {"factor": 2.0}, {"order": "onnx"}], ids=str)
    def test_hyperparameters_are_checked(self, config):
        with pytest.raises(ui.ArgumentError):
            ICNR(**config)


class TestSTFT:
    @pytest.mark.parametrize("side", ["real", "imag"])
    @pytest.mark.parametrize("scaling", ["density", "spectrum", None])
    @pytest.mark.parametrize("window", ["hann", "hamming", None, [0.5, -1.0, 2.0, 0.0, 1.0, 1.0, 3.0]])
    @pytest.mark.parametrize("periodic", [False, True])
    def test_is_that_of_keras(self, side, window, scaling, periodic):
        keras = pytest.importorskip("keras")
        theirs = keras.initializers.STFT(side, window, scaling, periodic)
        ours = STFT(side, window, scaling, periodic)
        for shape in [(7, 1, 5), (7, 1, 2)]:
            assert ours(shape) == pytest.approx(np.asarray(theirs(shape, "float32")), abs=4e-6)
            expected = np.asarray(theirs(shape, "float64"))  # JAX may have float32 alone.
            tolerance = 4e-6 if expected.dtype == np.float32 else 1e-14
            assert ours(shape, "float64") == pytest.approx(expected, abs=tolerance)

    @pytest.mark.parametrize("window", WINDOWS)
    @pytest.mark.parametrize("periodic", [False, True])
    def test_windows_are_those_of_scipy(self, window, periodic):
        signal = pytest.importorskip("scipy.signal")
        for length in (1, 3, 4, 5, 16, 33):
            found = STFT(window=window, scaling=None, periodic=periodic)((length, 1, 2), "float64")[:, 0, 0]
            assert found == pytest.approx(signal.get_window(window, length, periodic), abs=1e-15)

    def test_is_a_fourier_transform(self):
        frames = np.random.default_rng(0).normal(size=(5, 64))
        real, imag = (STFT(side, None)((64, 1, 33), "float64")[:, 0] for side in ("real", "imag"))
        assert frames @ real + 1j * (frames @ imag) == pytest.approx(np.fft.rfft(frames), abs=1e-12)

    def test_every_element_is_the_nearest_number(self):
        mpmath = pytest.importorskip("mpmath")
        with mpmath.workdps(60):
            for side, function in (("real", mpmath.cospi), ("imag", mpmath.sinpi)):
                found = STFT(side, None)((40, 1, 8), "float64")[:, 0]
                exact = [[float(function(mpmath.mpf(-2 * t * f) / 14)) for f in range(8)] for t in range(40)]
                assert np.array_equal(found, exact)

    def test_order_of_operations_is_that_of_the_specification(self):
        window = np.random.default_rng(0).normal(size=50).tolist()
        found = STFT(window=window)((50, 1, 8), "float64")[:, 0, 3]
        total = 0.0
        for value in window:
            total += value * value
        turns = STFT(window=None)((50, 1, 8), "float64")[:, 0, 3]
        assert found.tolist() == [e * w / math.sqrt(total) for e, w in zip(turns, window, strict=True)]

    @pytest.mark.parametrize(
        ("shape", "message"),
        [
            ((), "0 spatial axes"),
            ((8,), "0 spatial axes"),
            ((8, 5), "0 spatial axes"),
            ((8, 2, 5), "2 inputs"),
            ((8, 0, 5), "0 inputs"),
            ((8, 1, 1), "1 outputs"),
            ((8, 8, 1, 5), "2 spatial axes"),
            ((2**28 + 1, 1, 2), "too large"),
        ],
        ids=str,
    )
    def test_other_shapes_are_refused(self, shape, message):
        with pytest.raises(ui.ShapeError, match=message):
            STFT().plan(shape)

    def test_no_samples(self):
        assert STFT()((0, 1, 3)).shape == (0, 1, 3)

    def test_windows_that_do_not_fit_are_refused(self):
        with pytest.raises(ui.ShapeError, match="3 values"):
            STFT(window=[1, 2, 3]).plan((4, 1, 3))
        for initializer in (STFT(), STFT(window=[0, 0]), STFT(window=[1e200, 1e200])):
            with pytest.raises(ui.ArgumentError, match="cannot be scaled"):
                initializer.plan((2, 1, 3))
        assert not STFT(scaling=None)((2, 1, 3)).any()
        assert STFT(periodic=True)((2, 1, 3)).any()

    @pytest.mark.parametrize(
        "config",
        [{"side": "both"}, {"window": "han"}, {"window": []}, {"window": [math.nan]}, {"scaling": "psd"}],
        ids=str,
    )
    def test_hyperparameters_are_checked(self, config):
        with pytest.raises(ui.ArgumentError):
            STFT(**config)

    def test_an_array_is_a_window(self):
        assert STFT(window=np.array([1, 2, 3], np.float32)) == STFT(window=[1, 2, 3])


def papers(positions, width):
    result = np.zeros((positions, width))
    for p in range(positions):
        for j in range(width):
            angle = p / 10000 ** (2 * (j // 2) / width)
            result[p, j] = math.cos(angle) if j % 2 else math.sin(angle)
    return result


def tensor2tensors(length, channels, start_index=0, max_timescale=1e4):
    position = np.arange(length) + start_index
    timescales = channels // 2
    increment = math.log(max_timescale) / max(timescales - 1, 1)
    scaled_time = position[:, None] * np.exp(np.arange(timescales) * -increment)
    signal = np.concatenate([np.sin(scaled_time), np.cos(scaled_time)], axis=1)
    return np.pad(signal, [[0, 0], [0, channels % 2]])


def marians(positions, width):
    angles = np.array([[p / 10000 ** (2 * (j // 2) / width) for j in range(width)] for p in range(positions)])
    return np.concatenate([np.sin(angles[:, 0::2]), np.cos(angles[:, 1::2])], axis=1)


@pytest.mark.parametrize("shape", [(9, 1), (9, 2), (9, 3), (9, 8), (50, 7), (3, 64)], ids=str)
class TestSinusoidalPositions:
    def test_is_the_papers(self, shape):
        assert SinusoidalPositions()(shape, "float64") == pytest.approx(papers(*shape), abs=1e-13)
        assert ui.get("sine_position_encoding") == SinusoidalPositions()

    def test_is_tensor2tensors(self, shape):
        found = ui.get("get_timing_signal_1d", offset=5, base=100.0)(shape, "float64")
        assert found == pytest.approx(tensor2tensors(*shape, 5, 100.0), abs=1e-13)

    def test_is_marians(self, shape):
        found = ui.get("marian_sinusoidal_positional_embedding")(shape, "float64")
        assert found == pytest.approx(marians(*shape), abs=1e-13)

    @pytest.mark.parametrize("endpoint", [False, True])
    def test_orders_have_the_same_columns(self, shape, endpoint):
        one = SinusoidalPositions(endpoint=endpoint)(shape)
        other = SinusoidalPositions(order="concatenated", endpoint=endpoint)(shape)
        pairs = 2 * (shape[1] // 2) if endpoint else shape[1]
        assert np.array_equal(np.hstack([one[:, :pairs:2], one[:, 1:pairs:2], one[:, pairs:]]), other)

    def test_offset_leaves_rows_out(self, shape):
        all_of_them = SinusoidalPositions()((shape[0] + 4, shape[1]))
        assert np.array_equal(SinusoidalPositions(offset=4)(shape), all_of_them[4:])
        assert np.array_equal(SinusoidalPositions(offset=4)((1, *shape))[0], all_of_them[4:])


class TestPositionsOneByOne:
    @pytest.mark.parametrize("endpoint", [False, True])
    def test_every_element_is_the_nearest_number(self, endpoint):
        mpmath = pytest.importorskip("mpmath")
        offset, width = 10**6, 6
        found = SinusoidalPositions(endpoint=endpoint, offset=offset)((8, width), "float64")
        with mpmath.workdps(60):
            for p in range(8):
                for i in range(width // 2):
                    exponent = mpmath.mpf(i) / 2 if endpoint else mpmath.mpf(2 * i) / width
                    angle = (offset + p) / mpmath.power(10000, exponent)
                    exact = [float(mpmath.sin(angle)), float(mpmath.cos(angle))]
                    assert found[p, 2 * i : 2 * i + 2].tolist() == exact

    @pytest.mark.parametrize("shape", [(), (4,), (2, 3, 4), (2, 1, 3, 4)], ids=str)
    def test_other_shapes_are_refused(self, shape):
        with pytest.raises(ui.ShapeError, match="no rows of positions"):
            SinusoidalPositions().plan(shape)

    def test_positions_end(self):
        assert SinusoidalPositions(offset=2**31 - 1)((1, 2)).shape == (1, 2)
        with pytest.raises(ui.ShapeError, match="below 2"):
            SinusoidalPositions(offset=2**31 - 1).plan((2, 2))

    @pytest.mark.parametrize("shape", [(0, 4), (4, 0), (0, 0)], ids=str)
    def test_without_elements(self, shape):
        assert SinusoidalPositions(endpoint=True)(shape).shape == shape
        assert SinusoidalPositions().describe(shape).moments.maximum == 0

    @pytest.mark.parametrize(
        "config",
        [{"base": 0.5}, {"base": 1e301}, {"order": "sine"}, {"offset": -1}, {"endpoint": 1}],
        ids=str,
    )
    def test_hyperparameters_are_checked(self, config):
        with pytest.raises(ui.ArgumentError):
            SinusoidalPositions(**config)

    def test_extreme_bases(self):
        assert (
            SinusoidalPositions(1)((3, 4)).tolist()
            == SinusoidalPositions(7)((3, 2)).repeat(1, 1)[:, [0, 1, 0, 1]].tolist()
        )
        assert SinusoidalPositions(1e300, endpoint=True)((2, 4), "float64")[1, 2] == 1e-300


class TestSiren:
    def limits(self, initializer, shape, **options):
        moments = initializer.plan(shape, "float64", **options).moments()
        assert moments.minimum == -moments.maximum
        return moments.maximum

    def test_limits_are_the_papers(self):
        assert self.limits(Siren(), (24, 7)) == math.sqrt(6 / 24) / 30
        assert self.limits(Siren(omega=2.0), (7, 24), layout="OI") == 0.25
        assert self.limits(Siren(first=True), (3, 64)) == 1 / 3
        assert self.limits(Siren(first=True, omega=2.0), (3, 64)) == 1 / 3
        assert self.limits(Siren(), (5, 3, 2, 2), layout="OIHW") == math.sqrt(6 / 12) / 30

    def test_is_uniform(self):
        limit = math.sqrt(6 / 24) / 30
        expected = ui.RandomUniform(-limit, limit)((24, 50), seed=3)
        assert np.array_equal(Siren()((24, 50), seed=3), expected)

    def test_biases_are_those_of_torch_linear(self):
        torch = pytest.importorskip("torch")
        bias = torch.nn.Linear(16, 4096).bias.detach().numpy()
        for initializer in (Siren(fan_in=16), Siren(first=True, fan_in=16)):
            assert self.limits(initializer, (4096,)) == 0.25 >= np.abs(bias).max() > 0.24

    def test_a_bias_does_not_tell_its_fan(self):
        for shape in ((), (5,)):
            with pytest.raises(ui.ShapeError, match="wanted Siren"):
                Siren().plan(shape)
            assert Siren(fan_in=4)(shape).shape == shape

    def test_given_fan_wins(self):
        assert self.limits(Siren(fan_in=6, omega=1.0), (24, 7)) == 1.0

    @pytest.mark.parametrize("shape", [(0, 3), (3, 0)], ids=str)
    def test_without_elements(self, shape):
        assert Siren()(shape).shape == shape

    @pytest.mark.parametrize("config", [{"omega": 0}, {"omega": -30}, {"fan_in": 0}, {"first": 1}], ids=str)
    def test_hyperparameters_are_checked(self, config):
        with pytest.raises(ui.ArgumentError):
            Siren(**config)

    def test_complex_numbers_are_refused(self):
        with pytest.raises(ui.DtypeError):
            Siren().plan((3, 3), "complex64")


class TestLora:
    """The names are PEFT's; a rank of 4, 24 inputs, 6 outputs, in PyTorch's order."""

    def test_a_is_the_default_of_torch_linear(self):
        torch = pytest.importorskip("torch")
        theirs = torch.empty(4, 24)
        torch.nn.init.kaiming_uniform_(theirs, a=math.sqrt(5))
        moments = ui.get("lora_A").plan((4, 24), layout="OI").moments()
        assert moments.maximum == pytest.approx(1 / math.sqrt(24))
        assert 0.9 * moments.maximum < theirs.abs().max().item() <= moments.maximum * (1 + 1e-6)
        found = LoraA()((4, 24), seed=1, layout="OI")
        expected = ui.VarianceScaling(1 / 3, "fan_in", "uniform")((4, 24), seed=1, layout="OI")
        assert np.array_equal(found, expected)

    def test_a_of_a_convolution(self):
        moments = LoraA().plan((4, 6, 3, 3), layout="OIHW").moments()
        assert moments.maximum == pytest.approx(1 / math.sqrt(54))

    @pytest.mark.parametrize("shape", [(4, 24), (4, 6, 3, 3)], ids=str)
    def test_gaussian_has_the_deviation_of_the_rank(self, shape):
        found = LoraA("gaussian")(shape, seed=1, layout="OI...")
        assert np.array_equal(found, ui.RandomNormal(stddev=0.25)(shape, seed=1, layout="OI..."))

    def test_b_is_zero(self):
        for shape in ((6, 4), (6, 4, 1, 1), (6,), ()):
            assert not ui.get("lora_B")(shape, layout="OI...").any()

    def test_of_embeddings_it_is_the_other_way_round(self):
        assert not ui.get("lora_embedding_A")((4, 24), layout="OI").any()
        found = ui.get("lora_embedding_B")((6, 4), seed=1, layout="OI")
        assert np.array_equal(found, ui.RandomNormal()((6, 4), seed=1, layout="OI"))

    def test_the_layer_begins_as_it_was(self):
        torch = pytest.importorskip("torch")
        inputs = torch.randn(3, 24)
        a, b = (
            ui.get(name)(shape, like=inputs, layout="OI")
            for name, shape in [("lora_A", (4, 24)), ("lora_B", (6, 4))]
        )
        assert not torch.nn.functional.linear(torch.nn.functional.linear(inputs, a), b).any()

    @pytest.mark.parametrize("shape", [(), (4,)], ids=str)
    def test_a_needs_two_axes(self, shape):
        with pytest.raises(ui.ShapeError, match="at least 2"):
            LoraA().plan(shape)

    @pytest.mark.parametrize("shape", [(0, 3), (3, 0)], ids=str)
    @pytest.mark.parametrize("initializer", [LoraA(), LoraA("gaussian"), LoraB()], ids=repr)
    def test_without_elements(self, initializer, shape):
        assert initializer(shape).shape == shape

    def test_hyperparameters_are_checked(self):
        for wrong in ({"distribution": "normal"}, {"embedding": "yes"}):
            with pytest.raises(ui.ArgumentError):
                LoraA(**wrong)
        with pytest.raises(ui.ArgumentError):
            LoraB(embedding=None)


@pytest.mark.parametrize("dtype", ["float8_e4m3fn", "float8_e5m2fnuz", "float16"])
@pytest.mark.parametrize("wrap", [lambda one: one, ui.Stacked], ids=["plain", "stacked"])
def test_numbers_beyond_the_dtype_are_refused_in_every_dtype(dtype, wrap):
    if dtype.startswith("float8"):
        pytest.importorskip("ml_dtypes")
    stft = wrap(STFT(window=[1e5, 1.0, 1.0, 1.0], scaling=None))
    shape = (4, 1, 3) if isinstance(stft, STFT) else (2, 4, 1, 3)
    with pytest.raises(ui.ArgumentError, match=f"do not fit dtype {dtype}"):
        stft(shape, dtype, seed=0)
