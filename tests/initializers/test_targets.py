"""Filling in place: any strides, the call's values, and all or nothing."""

import array

import numpy as np
import pytest

import unifinit as ui
from unifinit import TargetError, reference

SHAPE = (4, 6, 5)
UNTOUCHED = 777.0


def filled_with(value=UNTOUCHED, shape=SHAPE, dtype=np.float32, **options):
    return np.full(shape, value, dtype, **options)


VIEWS = {
    "contiguous": filled_with,
    "Fortran order": lambda: filled_with(order="F"),
    "transposed": lambda: filled_with(shape=SHAPE[::-1]).T,
    "permuted": lambda: filled_with(shape=(5, 4, 6)).transpose(1, 2, 0),
    "strided": lambda: filled_with(shape=(8, 18, 5))[::2, 1::3],
    "reversed": lambda: filled_with()[::-1, :, ::-1],
    "window": lambda: filled_with(shape=(9, 9, 9))[2:6, 1:7, 4:],
    "byte-swapped": lambda: filled_with(dtype=np.dtype("f4").newbyteorder()),
    "unaligned": lambda: np.zeros(4 * 120 + 1, np.uint8)[1:].view(np.float32).reshape(SHAPE),
    "subarray of a record": lambda: np.zeros(SHAPE, [("a", "i2"), ("b", "f4")])["b"],
}


@pytest.fixture(params=VIEWS)
def target(request):
    return VIEWS[request.param]()


def test_target_gets_the_values_of_a_call(default, target):
    assert default.fill_(target, seed=5) is target
    assert np.array_equal(target, default(SHAPE, seed=5))


def test_target_in_a_layout_gets_the_values_of_a_call(drawing, target):
    drawing.fill_(target, seed=5, layout="OI...")
    assert np.array_equal(target, drawing(SHAPE, seed=5, layout="OI..."))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_dtype_is_the_targets(drawing, dtype):
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    target = ui.Zeros()((4, 6), dtype)
    assert np.array_equal(drawing.fill_(target, seed=1), drawing((4, 6), dtype, seed=1))


@pytest.mark.parametrize("strides", [(12, 4), (0, 4), (4, 4), (-4, 4), (16, 2)])
def test_elements_that_share_memory_are_refused(drawing, strides):
    memory = filled_with(shape=(64,))
    target = np.lib.stride_tricks.as_strided(memory[8:], (3, 5), strides)
    with pytest.raises(TargetError, match="share memory"):
        drawing.fill_(target, seed=1)
    assert (memory == UNTOUCHED).all()


def test_elements_that_only_seem_to_share_memory_are_filled(drawing):
    target = np.lib.stride_tricks.as_strided(filled_with(shape=(64,)), (4, 2), (8, 12))
    assert np.array_equal(drawing.fill_(target, seed=1), drawing((4, 2), seed=1))


def test_elements_around_a_window_stay():
    whole = filled_with(shape=(9, 9, 9))
    ui.HeNormal(seed=0).fill_(whole[2:6, 1:7, 4:])
    assert (whole == UNTOUCHED).sum() == 9**3 - 120


@pytest.mark.parametrize("transposed", [False, True])
def test_target_of_more_than_one_piece(transposed):
    shape = (reference.PIECE // 256 + 3, 300)
    target = np.empty(shape[::-1], np.float32).T if transposed else np.empty(shape, np.float32)
    ui.RandomUniform(seed=1).fill_(target)
    assert np.array_equal(target, ui.RandomUniform(seed=1)(shape))


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("shape", [(3, 4), (reference.PIECE // 256 + 3, 300)], ids=str)
@pytest.mark.parametrize("layout", [None, "OI"])
def test_matrix(shape, layout):
    target = np.matrix(np.full(shape, UNTOUCHED, np.float32))
    ui.RandomUniform(seed=1).fill_(target, layout=layout)
    assert np.array_equal(np.asarray(target), ui.RandomUniform(seed=1)(shape, layout=layout))


def test_masked_array():
    target = np.ma.masked_array(filled_with(shape=(3, 4)), mask=np.eye(3, 4, dtype=bool))
    ui.RandomUniform(seed=1).fill_(target)
    assert np.array_equal(target.data, ui.RandomUniform(seed=1)((3, 4)))


def test_memory_map(tmp_path):
    target = np.memmap(tmp_path / "weights", np.float32, "w+", shape=(3, 4))
    ui.HeNormal(seed=2).fill_(target)
    target.flush()
    assert np.array_equal(
        np.fromfile(tmp_path / "weights", np.float32).reshape(3, 4), ui.HeNormal(seed=2)((3, 4))
    )


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1,)], ids=str)
def test_small_targets(shape):
    target = filled_with(shape=shape)
    assert np.array_equal(ui.RandomNormal(seed=3).fill_(target), ui.RandomNormal(seed=3)(shape))


@pytest.mark.parametrize("dtype", ["int8", "uint64", "bool"])
def test_constants_fill_integers(dtype):
    assert (ui.Ones().fill_(filled_with(0, dtype=dtype)) == 1).all()


class TestNothingIsWritten:
    @pytest.fixture
    def writable(self):
        target = filled_with(shape=(3, 4))
        yield target
        assert (target == UNTOUCHED).all()

    @pytest.mark.parametrize("seed", [-1, 1.5, True, 2**64, "0"], ids=repr)
    def test_if_the_seed_is_wrong(self, default, writable, seed):
        with pytest.raises(ui.SeedError, match="seed"):
            default.fill_(writable, seed=seed)

    def test_if_the_layout_is_wrong(self, default, writable):
        for layout in ("OIHW", "OO", 3):
            with pytest.raises(ui.LayoutError, match="layout"):
                default.fill_(writable, layout=layout)

    @pytest.mark.parametrize(
        "initializer",
        [
            ui.Constant([1.0, 2.0]),
            ui.Constant(1e39),
            ui.Constant([1.0] * 11 + [1e39]),
            ui.RandomNormal(stddev=1e-40),
            ui.RandomNormal(stddev=1e38),
            ui.RandomUniform(0, 1e39),
            ui.Orthogonal(1e39),
        ],
        ids=repr,
    )
    def test_if_the_parameters_do_not_suit_the_target(self, initializer, writable):
        with pytest.raises(ui.ArgumentError, match="wanted"):
            initializer.fill_(writable)

    def test_if_the_target_is_read_only(self, default):
        target = filled_with(shape=(3, 4))
        target.flags.writeable = False
        with pytest.raises(TargetError, match=r"read-only; wanted a writable one"):
            default.fill_(target)
        assert (target == UNTOUCHED).all()

    def test_if_the_target_repeats_elements(self, default):
        base = filled_with(shape=(4,))
        with pytest.raises(TargetError, match="read-only"):
            default.fill_(np.broadcast_to(base, (3, 4)))
        assert (base == UNTOUCHED).all()

    def test_if_the_dtype_cannot_be_drawn(self, drawing):
        target = filled_with(7, shape=(3, 4), dtype=np.int32)
        with pytest.raises(ui.DtypeError, match="int32"):
            drawing.fill_(target)
        assert (target == 7).all()

    def test_if_the_dtype_is_unknown(self, default):
        target = filled_with(7, shape=(3, 4), dtype=np.clongdouble)
        with pytest.raises(ui.DtypeError, match="complex256"):
            default.fill_(target)
        assert (target == 7).all()

    @pytest.mark.parametrize("target", [np.float32(7), np.int8(7)], ids=repr)
    def test_to_an_array_scalar(self, target):
        with pytest.raises(TargetError, match="wanted a writable one"):
            ui.Zeros().fill_(target)

    @pytest.mark.parametrize(
        "target", [[7.0], (7.0,), "seven", 7.0, bytearray(4), array.array("f", [7])], ids=repr
    )
    def test_to_what_is_no_array(self, default, target):
        with pytest.raises(ui.UnsupportedArrayError, match=type(target).__name__):
            default.fill_(target)
