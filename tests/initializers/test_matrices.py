"""Identities, Dirac kernels, sparse matrices and isometric convolutions: what their sources say they are."""

import functools
import math
import operator

import numpy as np
import pytest

import unifinit as ui
from unifinit import host, reference
from unifinit.initializers.matrices.identity import Dirac, Identity
from unifinit.initializers.matrices.isometries import (
    ConvolutionalOrthogonal1D,
    ConvolutionalOrthogonal2D,
    ConvolutionalOrthogonal3D,
    DeltaOrthogonal,
)
from unifinit.initializers.matrices.sparse import Sparse
from unifinit.linalg import orthonormal_columns
from unifinit.stream.ops import numpy_ops

CONVOLUTIONAL = {1: ConvolutionalOrthogonal1D, 2: ConvolutionalOrthogonal2D, 3: ConvolutionalOrthogonal3D}
KERNELS = [(1, 3, 3), (2, 4, 4), (3, 2, 5), (6, 3, 4), (2, 2, 3, 3), (3, 3, 2, 4), (4, 4, 1, 3)]
KERNELS += [(1, 1, 1, 2, 3), (2, 2, 2, 3, 4), (3, 3, 3, 2, 2)]
RANDOM = [
    (Sparse(0.4), (5, 7)),
    (Sparse(0.4, per="output"), (3, 2, 7)),
    (DeltaOrthogonal(1.5), (3, 2, 2, 4)),
    (ConvolutionalOrthogonal1D(), (3, 2, 5)),
    (ConvolutionalOrthogonal2D(0.5), (3, 3, 3, 4)),
    (ConvolutionalOrthogonal3D(), (2, 2, 2, 1, 3)),
]
ALL = [(Identity(1.5), (3, 2, 4)), (Dirac(2), (3, 2, 6)), *RANDOM]


def convolutional(shape, **config):
    """The initializer for a kernel of a shape, with ``config``."""
    return CONVOLUTIONAL[len(shape) - 2](**config)


def identifier(value):
    return str(value).replace(" ", "")


class TestIdentity:
    @pytest.mark.parametrize("shape", [(3, 3), (2, 5), (5, 2), (1, 1), (0, 3), (3, 0)], ids=str)
    def test_is_that_of_keras(self, shape):
        keras = pytest.importorskip("keras")
        theirs = np.asarray(keras.initializers.Identity(gain=2.5)(shape))
        assert np.array_equal(Identity(2.5)(shape), theirs)

    @pytest.mark.parametrize("shape", [(3, 3), (2, 5), (5, 2)], ids=str)
    def test_is_that_of_torch(self, shape):
        torch = pytest.importorskip("torch")
        theirs = torch.nn.init.eye_(torch.empty(shape))
        assert torch.equal(ui.get("eye_")(shape, like=theirs, layout="OI"), theirs)

    def test_batches_are_those_of_haiku(self):
        pytest.importorskip("jax")
        haiku = pytest.importorskip("haiku")
        theirs = np.asarray(haiku.initializers.Identity(3.0)((4, 2, 3), "float32"))
        assert np.array_equal(Identity(3.0)((4, 2, 3), layout="GIO"), theirs)

    @pytest.mark.parametrize("shift", [0, 1, -1, 4, -9, 10**18])
    @pytest.mark.parametrize("shape", [(3, 3), (2, 5), (5, 2)], ids=str)
    def test_shift_is_fluxs_of_a_dense_weight(self, shape, shift):
        # Flux: circshift(Matrix(I * gain, out, in), shift), along the first axis.
        outputs, inputs = shape
        expected = np.roll(1.5 * np.eye(outputs, inputs), shift % outputs, axis=0)
        assert np.array_equal(Identity(1.5, shift)(shape, layout="OI"), expected)

    @pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
    def test_convolution_with_same_padding_changes_nothing(self, size):
        torch = pytest.importorskip("torch")
        kernel = Identity()((3, 3, size, size + 1), backend="torch", layout="OIHW")
        x = torch.arange(2 * 3 * 7 * 8, dtype=torch.float32).reshape(2, 3, 7, 8)
        right = (size // 2, size - 1 - size // 2)  # Of Keras' "same": the odd one on the right.
        down = ((size + 1) // 2, size - (size + 1) // 2)
        padded = torch.nn.functional.pad(x, (down[1], down[0], right[1], right[0]))
        assert torch.equal(torch.nn.functional.conv2d(padded, kernel), x)

    def test_convolution_of_keras_changes_nothing(self):
        keras = pytest.importorskip("keras")
        x = np.arange(2 * 6 * 5 * 3, dtype=np.float32).reshape(2, 6, 5, 3)
        for size in ((3, 3), (2, 4)):
            layer = keras.layers.Conv2D(
                3, size, padding="same", kernel_initializer=Identity(), use_bias=False
            )
            assert np.array_equal(np.asarray(layer(x)), x)

    @pytest.mark.parametrize("dtype", ["int8", "uint64", "int32"])
    def test_whole_gains_suit_integers(self, dtype):
        found = Identity(3)((2, 3), dtype)
        assert found.dtype.name == dtype
        assert found.tolist() == [[3, 0, 0], [0, 3, 0]]
        with pytest.raises(ui.ArgumentError, match=r"value 0\.5 does not fit"):
            Identity(0.5)((2, 3), dtype)

    def test_other_dtypes(self):
        assert Identity()((2, 2), "bool").tolist() == [[True, False], [False, True]]
        assert Identity(2)((2, 2), "complex64").tolist() == [[2, 0], [0, 2]]
        assert np.array_equal(Identity(0.1)((2, 2), "float16"), np.float16(0.1) * np.eye(2, dtype=np.float16))
        with pytest.raises(ui.ArgumentError, match="does not fit dtype float16"):
            Identity(1e5)((2, 2), "float16")

    def test_axes_of_one_role_count_as_one(self):
        found = Identity()((2, 3, 6), layout="abc,bcd->ad")
        assert np.array_equal(found.reshape(6, 6), np.eye(6))

    @pytest.mark.parametrize("shape", [(), (4,)], ids=str)
    def test_wants_two_axes(self, shape):
        with pytest.raises(ui.ShapeError, match=r"wants at least 2.*Zeros"):
            Identity()(shape)

    def test_moments_are_those_of_the_elements(self):
        for initializer, shape in ((Identity(-2), (3, 2, 5)), (Dirac(2), (2, 3, 8)), (Identity(3), (0, 2))):
            moments = initializer.describe(shape).moments
            elements = initializer(shape, "float64") if math.prod(shape) else np.zeros(1)
            found = (elements.mean(), elements.std(), elements.min(), elements.max())
            assert moments == pytest.approx(found, abs=1e-15)


class TestDirac:
    @pytest.mark.parametrize("groups", [1, 2, 3])
    @pytest.mark.parametrize(
        "shape", [(6, 2, 3), (6, 8, 2), (6, 6, 1), (12, 3, 4, 3), (6, 1, 2, 5), (6, 2, 3, 2, 4)], ids=str
    )
    @pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32"])
    def test_is_that_of_torch(self, shape, groups, dtype):
        torch = pytest.importorskip("torch")
        theirs = torch.nn.init.dirac_(torch.empty(shape, dtype=getattr(torch, dtype)), groups)
        assert torch.equal(Dirac(groups)(shape, like=theirs, layout="OI..."), theirs)
        ours = ui.get("dirac_", groups=groups).fill_(torch.empty_like(theirs), layout="OI...")
        assert torch.equal(ours, theirs)

    @pytest.mark.parametrize("groups", [1, 3])
    def test_grouped_convolution_hands_channels_on(self, groups):
        torch = pytest.importorskip("torch")
        kernel = Dirac(groups)((6, 6 // groups, 3), backend="torch", layout=f"conv(groups={groups}) OIW")
        x = torch.arange(2 * 6 * 5, dtype=torch.float32).reshape(2, 6, 5)
        assert torch.equal(torch.nn.functional.conv1d(x, kernel, padding=1, groups=groups), x)

    def test_centres_differ_from_the_identitys_for_even_sizes_only(self):
        for size in (1, 3, 5):
            assert np.array_equal(Dirac()((size, 2, 2)), Identity()((size, 2, 2)))
        for size in (2, 4):
            assert np.array_equal(Dirac()((size, 2, 2)), Identity()((size, 2, 2))[::-1])

    def test_refuses_what_torch_refuses(self):
        torch = pytest.importorskip("torch")
        for shape in ((4, 4), (2, 2, 1, 1, 1, 1)):
            with pytest.raises(ValueError, match="3, 4, or 5"):
                torch.nn.init.dirac_(torch.empty(shape))
            with pytest.raises(ui.ShapeError, match="Dirac wanted the kernel"):
                Dirac()(shape, layout="OI...")
        with pytest.raises(ui.ShapeError, match=r"5 outputs.*multiple of the groups"):
            Dirac(2)((5, 2, 3), layout="OI...")

    @pytest.mark.parametrize("groups", [0, -1, 1.5, True, "2", None])
    def test_refuses_other_groups(self, groups):
        with pytest.raises(ui.ArgumentError, match=r"groups is .*wanted an integer, at least 1"):
            Dirac(groups)

    def test_batches(self):
        found = Dirac()((4, 3, 2, 2), layout="GWIO")
        assert np.array_equal(found, np.stack([Dirac()((3, 2, 2))] * 4))


class TestSparse:
    @pytest.mark.parametrize("sparsity", [0.0, 0.01, 0.07, 0.3, 0.5, 0.999, 1.0])
    @pytest.mark.parametrize("shape", [(100, 3), (7, 4), (1, 5), (5, 1)], ids=str)
    def test_has_as_many_zeros_as_torchs(self, shape, sparsity):
        torch = pytest.importorskip("torch")
        theirs = torch.nn.init.sparse_(torch.empty(shape), sparsity)
        ours = ui.get("sparse_", sparsity=sparsity)(shape, seed=1, like=theirs, layout="OI")
        assert torch.equal((ours == 0).sum(0), (theirs == 0).sum(0))

    @pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "complex64"])
    @pytest.mark.parametrize("per", ["input", "output"])
    def test_others_are_those_of_random_normal(self, dtype, per):
        found = Sparse(0.3, 0.05, per, seed=5)((3, 6, 11), dtype)
        full = ui.RandomNormal(0.0, 0.05, seed=5)((3, 6, 11), dtype)
        assert np.array_equal(found, np.where(found == 0, 0, full))
        assert np.count_nonzero(full) == full.size

    def test_places_are_those_of_the_smallest_words(self):
        words = ui.random.bits(ui.Key(9) / "positions", (8, 5), "uint64").tolist()
        for per, lines in (("input", words), ("output", list(zip(*words, strict=True)))):
            found = Sparse(0.35, per=per, seed=9)((2, 4, 5)).reshape(8, 5)
            zeros = (found if per == "input" else found.T) == 0
            count = math.ceil(0.35 * len(lines[0]))
            for line, zero in zip(lines, zeros, strict=True):
                assert {i for i, yes in enumerate(zero) if yes} == {
                    i for i, word in enumerate(line) if word in sorted(line)[:count]
                }

    @pytest.mark.parametrize("per", ["input", "output"])
    def test_of_equal_words_the_first_one_counts(self, per):
        class Coarse(reference.ArrayEngine):
            def draw(self, content, shape, dtype, key):
                drawn = super().draw(content, shape, dtype, key)
                return drawn >> 62 if dtype.name == "uint64" else drawn

        plan = Sparse(0.4, per=per).plan((300, 300), seed=1)
        zeros = reference.host_values(plan, Coarse()).reshape(300, 300) == 0
        words = ui.random.bits(ui.Key(1) / "positions", (300, 300), "uint64") >> 62
        lines = zip(words, zeros, strict=True) if per == "input" else zip(words.T, zeros.T, strict=True)
        for line, zero in lines:
            ranked = sorted(range(300), key=lambda i, line=line: (line[i], i))
            assert np.flatnonzero(zero).tolist() == sorted(ranked[:120])

    def test_every_place_is_equally_likely(self):
        found = Sparse(0.25, seed=3)((20000, 8)) == 0
        assert (found.sum(axis=1) == 2).all()
        # Each place with the probability 1/4, each pair with 1/28.
        assert found.mean(axis=0) == pytest.approx(0.25, abs=5 * math.sqrt(0.25 * 0.75 / 20000))
        pairs = found.T.astype(float) @ found / len(found)
        pairs = pairs[np.triu_indices(8, 1)]
        assert pairs == pytest.approx(1 / 28, abs=5 * math.sqrt(1 / 28 / 20000))

    def test_ends(self):
        assert np.array_equal(Sparse(0.0, 0.02, seed=4)((6, 5)), ui.RandomNormal(stddev=0.02, seed=4)((6, 5)))
        assert not Sparse(1.0)((6, 5)).any()
        assert not Sparse(0.5, stddev=0.0)((6, 5)).any()

    def test_batches_are_independent(self):
        found = Sparse(0.5, seed=2)((3, 4, 6), layout="GIO")
        for i, matrix in enumerate(found):
            assert np.array_equal(matrix, Sparse(0.5, seed=ui.Key(2) / i)((4, 6)))
        assert len({(matrix == 0).tobytes() for matrix in found}) == 3

    def test_moments(self):
        initializer = Sparse(0.3, 2.0, "output", seed=1)
        moments, found = initializer.describe((500, 40)).moments, initializer((500, 40))
        assert moments.stddev == pytest.approx(2 * math.sqrt(0.7))
        assert found.std() == pytest.approx(moments.stddev, rel=0.02)

    def test_sixteen_bits_and_eight(self):
        pytest.importorskip("ml_dtypes")
        initializer = Sparse(0.4, 0.5, seed=6)
        for dtype in ("bfloat16", "float8_e4m3fn"):
            found = initializer((5, 9), dtype)
            assert np.array_equal(found, initializer((5, 9)).astype(found.dtype))

    @pytest.mark.parametrize("sparsity", [-0.1, 1.1, math.nan, math.inf, "a", None])
    def test_refuses_other_sparsities(self, sparsity):
        with pytest.raises(ui.ArgumentError, match="sparsity is"):
            Sparse(sparsity)

    def test_refuses_the_rest(self):
        with pytest.raises(TypeError, match="got no sparsity"):
            Sparse()
        with pytest.raises(ui.ArgumentError, match="stddev is -1"):
            Sparse(0.1, -1)
        with pytest.raises(ui.ArgumentError, match="wanted one of 'input', 'output'"):
            Sparse(0.1, per="outputs")
        with pytest.raises(ui.ShapeError, match="Sparse wants at least 2"):
            Sparse(0.1)((5,))
        with pytest.raises(ui.DtypeError):
            Sparse(0.1)((5, 5), "int32")
        with pytest.raises(ui.ArgumentError, match="float16"):
            Sparse(0.1, 1e5)((5, 5), "float16")


class TestDeltaOrthogonal:
    @pytest.mark.parametrize("shape", [(3, 2, 4), (2, 5, 5), (4, 3, 2, 3), (2, 3, 4, 1, 2)], ids=str)
    @pytest.mark.parametrize("seed", [0, 7])
    def test_is_that_of_jax(self, shape, seed):
        jax = pytest.importorskip("jax")
        theirs = jax.nn.initializers.delta_orthogonal(scale=1.5)(jax.random.key(seed), shape)
        assert DeltaOrthogonal(1.5)(shape, seed=seed) == pytest.approx(np.asarray(theirs), abs=3e-6)

    @pytest.mark.parametrize("shape", [(3, 2, 4), (2, 3, 3), (4, 1, 2, 3)], ids=str)
    def test_has_its_centre_where_tensorflow_1_has_it(self, shape):
        pytest.importorskip("tensorflow")
        from tensorflow.python.ops import init_ops

        theirs = np.asarray(init_ops.ConvolutionDeltaOrthogonal()(shape))
        ours = DeltaOrthogonal(seed=0)(shape)
        assert np.array_equal(ours.any(axis=(-2, -1)), theirs.any(axis=(-2, -1)))

    @pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
    def test_is_orthogonal_with_the_same_key(self, dtype):
        found = DeltaOrthogonal(0.7, seed=3)((5, 4, 3, 6), dtype)
        assert np.array_equal(found[2, 1], ui.Orthogonal(0.7, seed=3)((3, 6), dtype))
        product = found[2, 1] @ found[2, 1].conj().T
        assert product == pytest.approx(0.49 * np.eye(3), abs=1e-6 if dtype == "float32" else 1e-14)
        found[2, 1] = 0
        assert not found.any()

    @pytest.mark.parametrize("shape", [(3, 4), (2, 2, 2, 2, 3, 4)], ids=str)
    def test_refuses_other_axes(self, shape):
        with pytest.raises(ui.ShapeError, match=r"DeltaOrthogonal wanted the kernel.*one to three"):
            DeltaOrthogonal()(shape)

    def test_moments(self):
        moments = DeltaOrthogonal(2.0).describe((3, 5, 20, 30)).moments
        found = DeltaOrthogonal(2.0, seed=1)((3, 5, 20, 30), "float64")
        assert moments.stddev == pytest.approx(math.sqrt((found**2).mean()))


def elementwise(function, a, b):
    return [list(map(function, *rows)) for rows in zip(a, b, strict=True)]


def sum_in_order(terms):
    """The sum from the first term to the last; Python's own compensates for rounding."""
    return functools.reduce(operator.add, terms, 0.0)


def circular_convolution(x, kernel):
    """y[s] = sum of x[s + t] K[t] on a torus, which is as large as x without its last axis."""
    axes = tuple(range(x.ndim - 1))
    return sum(
        np.roll(x, [-step for step in tap], axes) @ kernel[tap] for tap in np.ndindex(kernel.shape[:-2])
    )


class TestConvolutionalOrthogonal:
    @pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
    @pytest.mark.parametrize("shape", KERNELS, ids=identifier)
    def test_convolution_on_a_torus_preserves_norms(self, shape, dtype, tolerance):
        kernel = convolutional(shape, gain=1.5, seed=1)(shape, dtype).astype(np.float64)
        x = np.random.default_rng(0).standard_normal((*(7, 5, 6)[: len(shape) - 2], shape[-2]))
        y = circular_convolution(x, kernel)
        assert np.linalg.norm(y) / np.linalg.norm(x) == pytest.approx(1.5, rel=tolerance)
        # No input of one place is special: the output of a single pixel has the same norm.
        single = np.zeros_like(x)
        single[(0,) * (x.ndim - 1)] = x[(0,) * (x.ndim - 1)]
        y = circular_convolution(single, kernel)
        assert np.linalg.norm(y) / np.linalg.norm(single) == pytest.approx(1.5, rel=tolerance)

    @pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
    @pytest.mark.parametrize("shape", KERNELS, ids=identifier)
    def test_all_singular_values_on_a_torus_are_the_gain(self, shape, dtype, tolerance):
        kernel = convolutional(shape, gain=0.5, seed=2)(shape, dtype)
        torus = (7, 4, 5)[: len(shape) - 2]
        # The Fourier transform makes one matrix for each frequency of the operator.
        blocks = np.fft.fftn(kernel.astype(np.float64), s=[max(torus)] * len(torus), axes=range(len(torus)))
        values = np.linalg.svd(blocks, compute_uv=False)
        assert np.abs(values - 0.5).max() <= tolerance

    def test_unrolled_operator_is_an_isometry(self):
        kernel = ConvolutionalOrthogonal2D(seed=3)((3, 3, 2, 3), "float64")
        units = np.eye(4 * 4 * 2).reshape(-1, 4, 4, 2)
        operator = np.stack([circular_convolution(unit, kernel).reshape(-1) for unit in units])
        assert operator.shape == (32, 48)
        assert np.linalg.svd(operator, compute_uv=False) == pytest.approx(1, abs=1e-12)

    def test_torch_agrees(self):
        torch = pytest.importorskip("torch")
        layer = torch.nn.Conv2d(4, 6, 3, padding=1, padding_mode="circular", bias=False)
        ConvolutionalOrthogonal2D(seed=0).fill_(layer.weight, layout="OIHW")
        x = torch.randn((2, 4, 8, 8), generator=torch.Generator().manual_seed(0))
        assert layer(x).norm().item() == pytest.approx(x.norm().item(), rel=1e-5)

    @pytest.mark.parametrize("shape", KERNELS, ids=identifier)
    def test_is_tensorflow_1s_for_the_same_matrices(self, shape):
        pytest.importorskip("tensorflow")
        from tensorflow.python.ops import init_ops

        axes, (size, inputs, outputs) = len(shape) - 2, shape[-3:]
        key = ui.Key(11)

        def projection(step, axis):
            drawn = ui.random.normal(key / "basis" / step / axis, (outputs, outputs), "float64")
            # Where a float32 number is positive, as TensorFlow has it.
            mask = ui.random.normal(key / "mask" / step / axis, (outputs,)) > 0
            q = orthonormal_columns(drawn) * mask
            # In 3-D, TensorFlow has I - P at index 0.
            return q @ q.T if axes < 3 else np.eye(outputs) - q @ q.T

        class Theirs(getattr(init_ops, f"ConvolutionOrthogonal{axes}D")):
            projections = iter([projection(step, axis) for step in range(size - 1) for axis in range(axes)])

            def _orthogonal_matrix(self, n):
                rows = ui.Orthogonal(seed=key)((inputs, n), "float64")
                return init_ops.constant_op.constant(np.vstack([rows, np.zeros((n - inputs, n))]))

            def _symmetric_projection(self, _):
                return init_ops.constant_op.constant(next(self.projections))

        theirs = Theirs(gain=1.25, dtype=init_ops.dtypes.float64)(shape).numpy()
        ours = convolutional(shape, gain=1.25, seed=key)(shape, "float64")
        assert np.abs(ours - theirs).max() <= 1e-14

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("shape", [(3, 2, 5), (4, 1, 3), (3, 3, 2, 4), (2, 2, 2, 2, 3)], ids=identifier)
    def test_operations_have_the_order_of_the_specification(self, shape, dtype):
        key, (size, inputs, outputs) = ui.Key(21), shape[-3:]
        axes = len(shape) - 2
        n = range(outputs)
        drawn = ui.random.normal(key, (outputs, inputs), dtype)
        taps = {(0,) * axes: orthonormal_columns(drawn.astype(np.float64)).T.tolist()}
        for step in range(size - 1):
            for axis in range(axes):
                drawn = ui.random.normal(key / "basis" / step / axis, (outputs, outputs), dtype)
                q = orthonormal_columns(drawn.astype(np.float64)).tolist()
                words = ui.random.bits(key / "mask" / step / axis, (outputs,)).tolist()
                chosen = [c for c in n if words[c] >= 2**31]
                wider = {}
                for place, tap in taps.items():
                    inside = []
                    for row in tap:
                        y = [sum_in_order(row[i] * q[i][c] for i in n) for c in chosen]
                        inside.append([sum_in_order(y[m] * q[j][c] for m, c in enumerate(chosen)) for j in n])
                    outside = elementwise(operator.sub, tap, inside)
                    further = (*place[:axis], place[axis] + 1, *place[axis + 1 :])
                    for where, part in ((place, inside), (further, outside)):
                        wider[where] = (
                            elementwise(operator.add, wider[where], part) if where in wider else part
                        )
                taps = wider
        gain = float(np.dtype(dtype).type(1.1))
        expected = np.array([taps[place] for place in np.ndindex(shape[:-2])]) * gain
        found = convolutional(shape, gain=1.1, seed=key)(shape, dtype)
        assert found.tobytes() == expected.astype(dtype).tobytes()

    @pytest.mark.parametrize("shape", [(1, 3, 4), (1, 1, 3, 4), (1, 1, 1, 3, 4)], ids=identifier)
    def test_one_tap_is_orthogonal(self, shape):
        found = convolutional(shape, gain=1.3, seed=5)(shape)
        assert np.array_equal(found, DeltaOrthogonal(1.3, seed=5)(shape))
        assert np.array_equal(found.reshape(3, 4), ui.Orthogonal(1.3, seed=5)((3, 4)))

    def test_every_matrix_has_a_key_of_its_own(self):
        keys = []

        class Recording(reference.ArrayEngine):
            def draw(self, content, shape, dtype, key):
                keys.append(key)
                return super().draw(content, shape, dtype, key)

        reference.host_values(ConvolutionalOrthogonal3D().plan((3, 3, 3, 2, 3), seed=0), Recording())
        assert len(keys) == len(set(keys)) == 1 + 2 * 3 * 2

    def test_all_taps_are_in_use(self):
        found = ConvolutionalOrthogonal2D(seed=0)((3, 3, 16, 16), "float64")
        assert (np.abs(found).max(axis=(2, 3)) > 0.01).all()

    def test_norms_are_spread_as_the_moments_say(self):
        for shape in KERNELS:
            initializer = convolutional(shape, gain=-2.0, seed=4)
            moments, found = initializer.describe(shape).moments, initializer(shape, "float64")
            assert moments.stddev == pytest.approx(math.sqrt((found**2).mean()))
            assert moments.minimum <= found.min() <= found.max() <= moments.maximum

    def test_kernels_of_a_batch_are_independent(self):
        found = ConvolutionalOrthogonal1D(seed=2)((2, 3, 2, 4), layout="GWIO")
        for i, kernel in enumerate(found):
            assert np.array_equal(kernel, ConvolutionalOrthogonal1D(seed=ui.Key(2) / i)((3, 2, 4)))

    @pytest.mark.parametrize("axes", [1, 2, 3])
    def test_refuses_other_axes(self, axes):
        for shape in KERNELS:
            if len(shape) != axes + 2:
                with pytest.raises(ui.ShapeError, match=f"ConvolutionalOrthogonal{axes}D wanted {axes}"):
                    CONVOLUTIONAL[axes]()(shape)

    def test_refuses_unequal_sizes_as_tensorflow_does(self):
        for shape in ((3, 2, 2, 2), (3, 3, 2, 2, 2)):
            with pytest.raises(ui.ShapeError, match="wanted equally many"):
                convolutional(shape)(shape)

    def test_refuses_complex_numbers_and_integers(self):
        for dtype in ("complex64", "int32"):
            with pytest.raises(ui.DtypeError):
                ConvolutionalOrthogonal1D()((2, 2, 2), dtype)

    def test_scaled_content_has_the_product_of_the_gains(self):
        plan = ConvolutionalOrthogonal2D(1.5, seed=0).plan((2, 2, 2, 3), "float64", seed=0)
        halves = plan.content.scaled(0.5, plan.dtype)
        assert halves == ConvolutionalOrthogonal2D(0.75).plan((2, 2, 2, 3), "float64").content


@pytest.mark.parametrize("name", ["delta_orthogonal", "convolutional_delta_orthogonal"])
def test_delta_orthogonal_has_the_names_of_jax_and_tensorflow_1(name):
    assert ui.get(name, gain=2) == DeltaOrthogonal(2)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_convolutional_orthogonal_has_the_name_of_tensorflow_1(axes):
    assert ui.get(f"convolutional_orthogonal_{axes}d", gain=2) == CONVOLUTIONAL[axes](2)


@pytest.mark.parametrize("cls", [DeltaOrthogonal, *CONVOLUTIONAL.values()])
class TestIsometries:
    def shape(self, cls, inputs, outputs):
        return (*(2,) * getattr(cls, "axes", 1), inputs, outputs)

    def test_want_as_many_outputs_as_inputs(self, cls):
        with pytest.raises(ui.ShapeError, match=r"3 inputs and 2 outputs.*no linear map"):
            cls()(self.shape(cls, 3, 2))

    @pytest.mark.parametrize("gain", [math.nan, math.inf, "1", None])
    def test_refuse_other_gains(self, cls, gain):
        with pytest.raises(ui.ArgumentError, match="gain is"):
            cls(gain)

    def test_refuse_gains_that_do_not_fit(self, cls):
        with pytest.raises(ui.ArgumentError, match="does not fit dtype float16"):
            cls(1e5).plan(self.shape(cls, 2, 3), "float16")

    @pytest.mark.parametrize("sides", [(0, 0), (0, 3)])
    def test_without_elements(self, cls, sides):
        shape = self.shape(cls, *sides)
        assert cls(seed=0)(shape).shape == shape
        assert cls().describe(shape).moments.mean == 0

    def test_torchs_kernel_is_the_transposed_one(self, cls):
        shape = self.shape(cls, 2, 3)
        canonical = cls(seed=1)(shape)
        torchs = cls(seed=1)((3, 2, *shape[:-2]), layout="OI...")
        assert np.array_equal(torchs, np.moveaxis(canonical, (-1, -2), (0, 1)))


class TestEverywhere:
    @pytest.mark.parametrize("backend", ["numpy", "torch", "jax", "tensorflow", "array_api_strict"])
    @pytest.mark.parametrize(("initializer", "shape"), ALL, ids=identifier)
    def test_every_backend_gives_the_same_bits(self, initializer, shape, backend):
        module = pytest.importorskip(backend)
        backend = module if backend == "array_api_strict" else backend
        plan = initializer.plan(shape, seed=13)
        expected = np.asarray(reference.run(plan, numpy_ops()))
        found = (
            initializer(shape, seed=13, backend=backend) if plan.key else initializer(shape, backend=backend)
        )
        assert np.asarray(found).tobytes() == expected.tobytes()

    @pytest.mark.skipif(host.kernel_status().level is None, reason="needs the kernel")
    @pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
    @pytest.mark.parametrize(("initializer", "shape"), RANDOM, ids=identifier)
    def test_the_kernel_gives_the_same_bits(self, initializer, shape, dtype):
        plan = initializer.plan(shape, dtype, seed=2**40)
        assert host.create(plan).tobytes() == np.asarray(reference.run(plan, numpy_ops())).tobytes()

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"])
    @pytest.mark.parametrize(("initializer", "shape"), ALL, ids=identifier)
    def test_narrow_floats_are_the_rounded_32(self, initializer, shape, dtype):
        pytest.importorskip("ml_dtypes")
        found = initializer(shape, dtype, seed=3, backend="numpy")
        assert np.array_equal(found, initializer(shape, seed=3, backend="numpy").astype(found.dtype))

    @pytest.mark.parametrize(("initializer", "shape"), ALL, ids=identifier)
    def test_contents_are_values(self, initializer, shape):
        first, second = (initializer.plan(shape).content for _ in range(2))
        assert first == second
        assert hash(first) == hash(second)
        size = math.prod(shape)
        assert first.blocks(0) == 0
        assert (first.blocks(size) > 0) == isinstance(initializer, ui.initializers.base.RandomInitializer)

    @pytest.mark.parametrize(("initializer", "shape"), ALL, ids=identifier)
    def test_scaled_contents_are_the_products(self, initializer, shape):
        plan = initializer.plan(shape, seed=1)
        doubled = type(plan)(
            plan.shape, plan.dtype, plan.content.scaled(2.0, plan.dtype), plan.axes, plan.key
        )
        expected = 2 * np.asarray(reference.run(plan, numpy_ops()))
        assert np.array_equal(np.asarray(reference.run(doubled, numpy_ops())), expected)

    @pytest.mark.parametrize(("initializer", "shape"), ALL, ids=identifier)
    def test_configurations_come_back(self, initializer, shape):
        assert ui.get(ui.serialize(initializer)) == initializer
        assert initializer.summary
        assert initializer.formula
        assert initializer.source
