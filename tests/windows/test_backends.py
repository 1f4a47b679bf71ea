"""Windows on every backend: ``init.shard`` gives what slicing the whole gives, byte for byte."""

from __future__ import annotations

import importlib
import itertools

import numpy as np
import pytest

import unifinit as ui
from unifinit import host
from unifinit.errors import DtypeError
from unifinit.registry import registry
from unifinit.stream.threefry import MASK, IntWords, threefry2x32
from unifinit.types import DTYPES, INEXACT

KEY = ui.Key(0x9ABCDEF0_87654321)
KEPT = np.arange(63).reshape(9, 7) % 3 > 0

CASES = {
    "normal": (ui.HeNormal(), (9, 7), "OI"),
    "uniform": (ui.GlorotUniform(), (3, 2, 5, 4), None),
    "truncated": (ui.LecunNormal(), (5, 4, 3, 2), "OIHW"),
    "fill": (ui.Constant(0.3), (9, 7), None),
    "identity": (ui.Identity(0.5), (9, 7), "OI"),
    "orthogonal": (ui.Orthogonal(), (9, 7), "OI"),
    "sparse": (ui.Sparse(0.5), (9, 7), None),
    "blocks": (ui.Blocked(["he_normal", "zeros", "orthogonal"], sizes=(2, 3, 4)), (7, 9), None),
    "blocks of rows": (ui.Blocked(["he_normal", "ones"], sizes=(4, 5), axis="in"), (7, 9), "OI"),
    "masked": (ui.Masked(ui.HeNormal(), KEPT), (9, 7), None),
    "stacked": (ui.Stacked(ui.HeNormal()), (4, 5, 3), None),
    "scaled": (ui.Scaled(ui.TruncatedNormal(), 0.5), (9, 7), "OI"),
    "vector": (ui.RandomNormal(), (11,), None),
}

INDICES = {
    "all": (),
    "rows": slice(2, None),
    "odd ones, backwards": (slice(None, None, -2), ..., slice(1, None, 2)),
    "steps beyond the end": (..., slice(0, 100, 3)),
    "an int": (..., -1),
    "ints": 1,
    "nothing": (..., slice(3, 3)),
    "nothing, by a step": slice(0, 3, -1),
    "one element": slice(-1, None),
}


@pytest.fixture(params=["numpy", "torch", "tensorflow", "jax", "array_api_strict"])
def name(request):
    """What is passed as ``backend=``."""
    module = pytest.importorskip(request.param)
    return module if request.param == "array_api_strict" else request.param


@pytest.fixture
def backend(name):
    return registry().resolve(name)


@pytest.fixture(params=[None, "off"], ids=["kernel", "array operations"])
def path(request):
    """By the kernel, where there is one, and without it."""
    host.select(request.param)
    yield
    host.select(None)


def require(backend, dtype):
    try:
        backend.check_dtype(DTYPES[dtype])
    except DtypeError as error:
        pytest.skip(str(error))


def namespace_of(name):
    """Where the functions are that make arrays."""
    return importlib.import_module("jax.numpy") if name == "jax" else registry().resolve(name).xp


def elements(backend, array, dtype):
    """An array as one of NumPy that has the bytes of each element, whatever they mean."""
    shape = backend.inspect(array).shape
    return np.frombuffer(backend.to_bytes(array), f"V{DTYPES[dtype].bits // 8}").reshape(shape)


def check(name, initializer, shape, index, dtype="float32", layout=None):
    backend = registry().resolve(name)
    arguments = {"seed": KEY, "layout": layout, "backend": name}
    whole = elements(backend, initializer(shape, dtype, **arguments), dtype)[index]
    part = initializer.shard(shape, index, dtype, **arguments)
    info = backend.inspect(part)
    assert (info.shape, info.dtype.name) == (whole.shape, dtype)
    assert elements(backend, part, dtype).tobytes() == whole.tobytes()


class TestParts:
    @pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
    @pytest.mark.parametrize(("initializer", "shape", "layout"), CASES.values(), ids=CASES)
    def test_of_each_content(self, name, initializer, shape, layout, index):
        if isinstance(index, tuple) and sum(part is not ... for part in index) > len(shape):
            with pytest.raises(ui.WindowError, match="has 2 parts; wanted at most 1"):
                initializer.shard(shape, index, seed=KEY, layout=layout, backend=name)
            return
        check(name, initializer, shape, index, layout=layout)

    @pytest.mark.parametrize("dtype", [dtype.name for dtype in INEXACT])
    @pytest.mark.parametrize("initializer", [ui.HeNormal(), ui.GlorotUniform()], ids=repr)
    def test_of_each_dtype(self, name, backend, initializer, dtype):
        require(backend, dtype)
        for index in ((slice(None, None, -2), slice(1, 6, 3)), (4, ...), (slice(8, 0, -3), -1)):
            check(name, initializer, (9, 7), index, dtype, "OI")

    @pytest.mark.parametrize("case", ["truncated", "orthogonal", "blocks of rows", "masked", "stacked"])
    @pytest.mark.parametrize("index", ["odd ones, backwards", "an int"])
    def test_by_array_operations(self, name, backend, case, index):
        initializer, shape, layout = CASES[case]
        whole = initializer(shape, seed=KEY, layout=layout)[INDICES[index]]
        host.select("off")
        try:
            part = initializer.shard(shape, INDICES[index], seed=KEY, layout=layout, backend=name)
        finally:
            host.select(None)
        assert backend.to_bytes(part) == whole.tobytes()

    @pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "float64", "complex64"])
    @pytest.mark.parametrize("case", ["orthogonal", "blocks", "masked", "stacked", "fill"])
    def test_of_contents_and_dtypes(self, name, backend, case, dtype):
        require(backend, dtype)
        initializer, shape, layout = CASES[case]
        check(name, initializer, shape, (slice(None, None, -2), ..., slice(1, 3)), dtype, layout)

    @pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
    def test_of_integers(self, name, backend, dtype):
        require(backend, dtype)
        check(name, ui.Identity(), (6, 5), (slice(None, None, -1), slice(1, 4)), dtype)

    @pytest.mark.parametrize("case", ["normal", "orthogonal", "blocks", "masked", "fill"])
    def test_every_element_alone(self, name, backend, case):
        initializer, shape, layout = CASES[case]
        whole = initializer(shape, seed=KEY, layout=layout)
        for index in itertools.product(*(range(0, size, 3) for size in shape)):
            part = initializer.shard(shape, index, seed=KEY, layout=layout, backend=name)
            assert backend.inspect(part).shape == ()
            assert backend.to_bytes(part) == whole[index].tobytes()

    @pytest.mark.parametrize("case", ["normal", "orthogonal", "blocks of rows", "masked"])
    def test_tiles_make_the_whole(self, name, backend, case):
        initializer, shape, layout = CASES[case]
        whole = np.empty(shape, np.float32)
        for index in itertools.product(*([slice(0, 4), slice(4, None)] for _ in shape)):
            part = initializer.shard(shape, index, seed=KEY, layout=layout, backend=name)
            whole[index] = np.asarray(part)
        assert whole.tobytes() == initializer(shape, seed=KEY, layout=layout).tobytes()

    @pytest.mark.parametrize("case", ["normal", "orthogonal", "blocks", "masked", "stacked"])
    def test_of_parts(self, backend, case):
        initializer, shape, layout = CASES[case]
        whole = initializer(shape, seed=KEY, layout=layout)
        outer, inner = (slice(None, None, -1), ..., slice(1, None)), (slice(1, 3), ..., -1)
        plan = initializer.plan(shape, seed=KEY, layout=layout).window(outer).window(inner)
        part = backend.run(plan, backend.device(None))
        assert backend.to_bytes(part) == whole[outer][inner].tobytes()

    def test_of_random_functions(self, name, backend):
        index = (slice(None, None, -3), slice(1, 5, 2))
        for function in (ui.random.bits, ui.random.uniform, ui.random.normal, ui.random.truncated_normal):
            part = function(KEY, (9, 7), backend=name, index=index)
            assert backend.to_bytes(part) == function(KEY, (9, 7))[index].tobytes()

    def test_like_an_array(self, name, backend):
        require(backend, "float16")
        like = ui.Zeros()((1,), "float16", backend=name)
        part = ui.HeNormal(seed=KEY).shard((9, 7), slice(2, 4), like=like)
        assert backend.to_bytes(part) == ui.HeNormal(seed=KEY)((9, 7), "float16")[2:4].tobytes()

    @pytest.mark.usefixtures("path")
    def test_of_one_element_with_a_negative_step(self, name):
        check(name, ui.Masked(ui.HeNormal(), np.arange(3) != 1), (2, 3), (0, slice(-2, -3, -1)))
        check(name, ui.Orthogonal(), (4, 3), (slice(3, 2, -1), 0))


@pytest.mark.usefixtures("path")
class TestCost:
    """It is that of the part: the wholes have 2**51 elements."""

    SHAPE = (2**31, 2**20)
    INDEX = (slice(2**30 - 1, 2**31, 2**28 + 3), slice(-1, -9, -4))

    @staticmethod
    def bits(number):
        """The words of an element, from its number alone."""
        return threefry2x32(IntWords(), KEY.words, (number >> 32, number & MASK))

    @pytest.mark.parametrize("layout", ["IO", "OI"])
    def test_of_drawn_arrays(self, name, layout):
        limit = np.float32((6 / 2**31) ** 0.5)  # He's, for the inputs of the whole, not those of the part.
        rows, columns = self.SHAPE if layout == "IO" else self.SHAPE[::-1]
        index = self.INDEX if layout == "IO" else self.INDEX[::-1]
        part = ui.HeUniform().shard((rows, columns), index, seed=KEY, backend=name, layout=layout)
        found = np.asarray(part)
        for place in np.ndindex(found.shape):
            i, j = (range(size)[one][at] for size, one, at in zip((rows, columns), index, place, strict=True))
            number = i * columns + j if layout == "IO" else j * rows + i
            high, low = self.bits(number)
            unit = np.float32(((high ^ low) >> 9) * 2.0**-23)
            assert found[place] == (unit + np.float32(-0.5)) * (2 * limit)
        assert found.shape == tuple(
            len(range(size)[one]) for size, one in zip((rows, columns), index, strict=True)
        )

    def test_of_bits(self, name, backend):
        require(backend, "uint64")
        found = np.asarray(ui.random.bits(KEY, self.SHAPE, "uint64", backend=name, index=self.INDEX))
        rows, columns = (range(size)[one] for size, one in zip(self.SHAPE, self.INDEX, strict=True))
        for (i, row), (j, column) in itertools.product(enumerate(rows), enumerate(columns)):
            high, low = self.bits(row * self.SHAPE[1] + column)
            assert int(found[i, j]) == high << 32 | low

    def test_of_a_layer_of_a_stack(self, name):
        index = (999, slice(0, 2), slice(-3, None))
        part = ui.Stacked(ui.HeNormal()).shard((1000, 2**20, 2**20), index, seed=KEY, backend=name)
        layer = ui.HeNormal().shard((2**20, 2**20), index[1:], seed=KEY / 999)
        np.testing.assert_array_equal(np.asarray(part), layer)

    def test_of_what_is_not_drawn(self, name):
        part = ui.Constant(2.5).shard(self.SHAPE, self.INDEX, backend=name)
        np.testing.assert_array_equal(np.asarray(part), np.full((4, 2), 2.5, np.float32))


class TestErrors:
    @pytest.mark.parametrize(
        ("index", "message"),
        [
            (True, "a bool; wanted an int, a slice or an ellipsis"),
            (np.True_, "for axis 0 is a bool"),
            ((slice(None), False), "False for axis 1 is a bool"),
            (None, "None for axis 0 is a NoneType"),
            ([0, 1], r"\[0, 1\] for axis 0 is a list"),
            (1.0, "1.0 for axis 0 is a float"),
            ("0", "'0' for axis 0 is a str"),
            (9, "index 9 is out of range for axis 0, which has 9 elements; wanted -9 to 8"),
            ((0, -8), "index -8 is out of range for axis 1, which has 7 elements; wanted -7 to 6"),
            ((0, 0, 0), r"has 3 parts; wanted at most 2 for shape \(9, 7\)"),
            ((..., 0, ...), "has 2 ellipses; wanted at most one"),
            (slice(None, None, 0), "a step that is not 0"),
            (slice("a", None), "wanted integers or None"),
        ],
        ids=repr,
    )
    def test_bad_indices(self, name, index, message):
        with pytest.raises(ui.WindowError, match=message):
            ui.HeNormal().shard((9, 7), index, seed=KEY, backend=name)

    @pytest.mark.parametrize("words", [[0, 1], [[True] * 7] * 9], ids=["indices", "mask"])
    def test_arrays_are_no_indices(self, name, words):
        array = namespace_of(name).asarray(words)
        with pytest.raises(ui.WindowError, match=r"for axis 0 is a .*; wanted an int"):
            ui.HeNormal().shard((9, 7), array, seed=KEY, backend=name)

    def test_an_array_without_axes_is_an_int(self, name):
        row = namespace_of(name).asarray(3)
        part = ui.HeNormal().shard((9, 7), (row, np.int64(2)), seed=KEY, backend=name)
        assert np.asarray(part) == ui.HeNormal(seed=KEY)((9, 7))[3, 2]

    def test_an_error_comes_before_a_wrong_device_is_asked(self, name):
        with pytest.raises(ui.WindowError):
            ui.HeNormal().shard((9, 7), 9, seed=KEY, backend=name, device="nowhere")
