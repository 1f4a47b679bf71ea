"""The extension module itself: any window and any memory, and nothing outside of it."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import unifinit as ui
from unifinit import distributions, reference
from unifinit.host import kernel
from unifinit.host.arrays import FORMATS, KINDS
from unifinit.host.kernel import load
from unifinit.plan import Plan
from unifinit.stream import tables
from unifinit.stream.ops import numpy_ops
from unifinit.stream.threefry import IntWords, threefry2x32
from unifinit.types import DTYPES

from .conftest import LEVELS, needs_kernel

pytestmark = needs_kernel
KERNEL = load()[0]
KEY = ui.Key(77)
CONTENTS = {
    "uint32": distributions.Bits(DTYPES["uint32"]),
    "uint64": distributions.Bits(DTYPES["uint64"]),
    "float16": distributions.Normal(0.5, 2.0, DTYPES["float16"]),
    "float32": distributions.TruncatedNormal(-1.0, 2.0, 0.0, 3.0, DTYPES["float32"]),
    "float64": distributions.Uniform(-3.0, 0.1, DTYPES["float64"]),
}


def recipe(dtype: str) -> tuple[Any, ...]:
    content = CONTENTS[dtype]
    return (KINDS[type(content)], FORMATS[dtype], *content.parameters)


def fill(out: np.ndarray, counter: int = 0, steps: Any = None, **changed: Any) -> None:
    """A call with all that it needs, of which a test changes something."""
    arguments = {
        "level": LEVELS[0],
        "key": KEY.words,
        "recipe": recipe(out.dtype.name),
        "out": out,
        "counter": counter,
        "steps": (1,) if steps is None else steps,
        "start": 0,
        "stop": out.size,
        "streaming": False,
    }
    KERNEL.fill(*(arguments | changed).values())


@st.composite
def windows(draw: st.DrawFn) -> tuple[Any, ...]:
    """A global shape, slices of it with any steps, and memory for them with any strides."""
    shape = draw(st.lists(st.integers(1, 12), min_size=1, max_size=4).map(tuple))
    index = tuple(
        slice(*draw(st.slices(size).filter(lambda part: part.step != 0)).indices(size)) for size in shape
    )
    # A negative stop, as indices() gives it for a negative step, would count from the end.
    index = tuple(
        slice(part.start, None if part.step < 0 and part.stop < 0 else part.stop, part.step) for part in index
    )
    order = draw(st.permutations(range(len(shape))))
    gaps = draw(st.lists(st.sampled_from([-3, -1, 1, 2, 5]), min_size=len(shape), max_size=len(shape)))
    return shape, index, order, gaps


@given(
    window=windows(),
    dtype=st.sampled_from(sorted(CONTENTS)),
    level=st.sampled_from(LEVELS or ("none",)),
    fraction=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
    streaming=st.booleans(),
)
def test_any_window_into_any_memory(
    window: tuple[Any, ...], dtype: str, level: str, fraction: list[float], streaming: bool
) -> None:
    shape, index, order, gaps = window
    whole = reference.run(Plan(shape, DTYPES[dtype], CONTENTS[dtype], key=KEY), numpy_ops())
    wanted = whole[index]
    # The first element and the steps of the window, from the strides of the whole.
    strides = [stride // whole.itemsize for stride in whole.strides]
    counter = sum(part.start * stride for part, stride in zip(index, strides, strict=True))
    steps = tuple(part.step * stride for part, stride in zip(index, strides, strict=True))
    # Memory whose axes lie in another order, with gaps and backwards; all of it is compared.
    sizes = [wanted.shape[axis] * abs(gaps[axis]) for axis in order]
    memory = np.full(sizes, 42, whole.dtype)
    out = memory.transpose(np.argsort(order))[tuple(slice(None, None, gap) for gap in gaps)]
    out = out[tuple(slice(size) for size in wanted.shape)]
    assert out.shape == wanted.shape
    untouched = memory.copy()
    start, stop = (int(part * wanted.size) for part in fraction)
    arguments = {"steps": steps, "level": level, "streaming": streaming}
    if wanted.size:
        fill(out, counter, start=start, stop=stop, **arguments)
        changed = np.count_nonzero(
            memory.view(f"u{memory.itemsize}") != untouched.view(f"u{memory.itemsize}")
        )
        assert changed <= stop - start
        fill(out, counter, start=0, stop=start, **arguments)
        fill(out, counter, start=stop, stop=wanted.size, **arguments)
    else:
        fill(out, 0, **arguments)
    assert out.tobytes() == wanted.tobytes()
    out[...] = 42
    assert memory.tobytes() == untouched.tobytes()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("step", [1, -1, 3, 7**9, -(7**9), 2**31, 2**32, 2**32 + 1, -(2**33) - 5, 0])
@pytest.mark.parametrize("counter", [2**32 - 100, 3 * 2**32 + 17, 2**45 - 1, 2**62])
def test_counters_of_64_bits(level: str, step: int, counter: int) -> None:
    count = 200
    out = np.empty(count, np.uint64)
    last = counter + (count - 1) * step
    if not 0 <= last < 2**63:
        with pytest.raises(ValueError, match="counters are out of range"):
            fill(out, counter, (step,), level=level)
        return
    fill(out, counter, (step,), level=level)
    blocks = [
        threefry2x32(IntWords(), KEY.words, (i >> 32, i & 0xFFFFFFFF))
        for i in (counter + number * step for number in range(count))
    ]
    assert out.tolist() == [first << 32 | second for first, second in blocks]


@pytest.mark.parametrize("offset", range(1, 8))
def test_memory_need_not_be_aligned(offset: int) -> None:
    for streaming in (False, True):
        for level in LEVELS:
            memory = np.zeros(3000 * 8 + 16, np.uint8)
            out = memory[offset : offset + 3000 * 8].view(np.float64)
            fill(out, level=level, streaming=streaming)
            wanted = np.empty(3000)
            fill(wanted)
            assert out.tobytes() == wanted.tobytes()
            assert not memory[:offset].any()
            assert not memory[offset + 3000 * 8 :].any()


class TestRefusals:
    """What is wrong is an error before any memory is touched."""

    OUT = np.zeros((4, 6), np.float32)

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"level": "sse9"}, r"no level 'sse9'; wanted one of \['"),
            ({"key": (2**32, 0)}, "word of the key that is out of range"),
            ({"key": (0, -1)}, "word of the key that is out of range"),
            ({"steps": (1,)}, "a tuple of 2 steps"),
            ({"steps": (6, 1, 1)}, "a tuple of 2 steps"),
            ({"counter": -1}, "first counter is out of range"),
            ({"steps": (2**61, 1), "counter": 2**62}, "counters are out of range"),
            ({"steps": (2**62, 2**62)}, "counters are out of range"),
            ({"steps": (-(2**63), 1)}, "counters are out of range"),
            ({"steps": (2**63 - 1, 2**63 - 1)}, "counters are out of range"),
            ({"steps": (-6, 1)}, "counters are out of range"),
            ({"start": -1}, "not within 0 <= start"),
            ({"stop": 25}, "not within 0 <= start"),
            ({"start": 5, "stop": 4}, "not within 0 <= start"),
            ({"start": -(2**63), "stop": 2**63 - 1}, "not within 0 <= start"),
            ({"recipe": recipe("float64")}, "elements of another size"),
            ({"recipe": recipe("float16")}, "elements of another size"),
            ({"recipe": (4, *recipe("float32")[1:])}, "unknown kind"),
            ({"recipe": (-1, *recipe("float32")[1:])}, "unknown kind"),
            ({"recipe": (1, 6, *recipe("float32")[2:])}, "unknown format"),
            ({"recipe": (1, -1, *recipe("float32")[2:])}, "unknown format"),
            ({"recipe": (0, *recipe("float32")[1:])}, "cannot have"),
            ({"recipe": (1, *recipe("uint32")[1:])}, "cannot have"),
            ({"recipe": (1, 4, np.nan, *recipe("float32")[3:])}, "not finite"),
            ({"recipe": (1, 4, 0.0, np.inf, *recipe("float32")[4:])}, "not finite"),
            ({"recipe": (*recipe("float32")[:7], -(2**24), 5, 0, 0)}, "first point"),
            ({"recipe": (*recipe("float32")[:7], 2**24, 0, 0, 0)}, "first point"),
            ({"recipe": (*recipe("float32")[:7], 0, 2**24, 0, 0)}, "last point"),
            ({"recipe": (*recipe("float32")[:7], 0, -1, 0, 0)}, "last point"),
            ({"recipe": (*recipe("float32")[:7], 0, 2**63 - 1, 0, 0)}, "last point"),
            ({"recipe": (1, 4, 0.0, 1e300, *recipe("float32")[4:])}, "not finite"),
            ({"recipe": (*recipe("float32")[:7], 0, 1, -(2**40), 0)}, "a bound"),
            ({"recipe": (*recipe("float32")[:7], 0, 1, 2**40, 2**41)}, "a bound"),
            ({"recipe": (*recipe("float32")[:7], 0, 1, 5, 4)}, "a bound"),
        ],
        ids=repr,
    )
    def test_of_arguments(self, changed: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            fill(self.OUT, **({"steps": (6, 1)} | changed))
        assert not self.OUT.any()

    def test_of_memory_that_cannot_be_written(self) -> None:
        out = np.zeros(5, np.float32)
        out.flags.writeable = False
        with pytest.raises(ValueError, match="read-only"):
            fill(out)
        with pytest.raises(BufferError):
            KERNEL.fill(LEVELS[0], KEY.words, recipe("uint64"), b"12345678", 0, (1,), 0, 1, False)

    def test_of_buffers_that_do_not_tell_their_strides(self) -> None:
        buffer = (ctypes.c_float * 10)()
        with pytest.raises(ValueError, match="does not tell its strides"):
            KERNEL.fill(LEVELS[0], KEY.words, recipe("float32"), buffer, 0, (1,), 0, 10, False)
        with pytest.raises(ValueError, match="no aligned, row-major matrix"):
            KERNEL.qr_reflect(LEVELS[0], ((ctypes.c_double * 4) * 8)(), np.zeros((8, 4)), np.zeros((4, 4)))

    def test_of_matrices_at_odd_addresses(self) -> None:
        odd = np.zeros(8 * 4 * 8 + 1, np.uint8)[1:].view(np.float64).reshape(8, 4)
        with pytest.raises(ValueError, match="no aligned, row-major matrix"):
            KERNEL.qr_reflect(LEVELS[0], odd, np.zeros((8, 4)), np.zeros((4, 4)))

    def test_of_objects_without_memory(self) -> None:
        with pytest.raises(TypeError):
            KERNEL.fill(LEVELS[0], KEY.words, recipe("float32"), [1.0, 2.0], 0, (1,), 0, 1, False)

    def test_of_tables_of_another_size(self) -> None:
        with pytest.raises(ValueError, match="98312"):
            KERNEL.set_tables(b"", b"")

    @pytest.mark.parametrize(
        "shapes",
        [
            ((40, 33), (40, 33), (33, 33), (1, 33)),
            ((40, 0), (40, 0), (0, 0), (1, 0)),
            ((3, 5), (3, 5), (5, 5), (1, 5)),
            ((40, 5), (40, 4), (5, 5), (1, 5)),
            ((40, 5), (40, 5), (5, 4), (1, 5)),
            ((40, 5), (40, 5), (5, 5), (1, 4)),
            ((40, 5), (40, 5), (5, 5), (5, 1)),
        ],
    )
    def test_of_a_panel(self, shapes: tuple[tuple[int, int], ...]) -> None:
        arrays = [np.zeros(shape) for shape in shapes]  # The panel, V, T and the signs.
        with pytest.raises(ValueError, match=r"a panel of|no aligned, row-major matrix"):
            KERNEL.qr_panel(LEVELS[0], *arrays)

    @pytest.mark.parametrize(
        "shapes",
        [
            ((40, 6), (39, 5), (5, 5)),
            ((40, 6), (40, 5), (5, 6)),
            ((40, 6), (40, 33), (33, 33)),
            ((40, 6), (40, 0), (0, 0)),
        ],
    )
    def test_of_a_reflection(self, shapes: tuple[tuple[int, int], ...]) -> None:
        arrays = [np.zeros(shape) for shape in shapes]  # C, V and T.
        with pytest.raises(ValueError, match=r"reflectors; wanted 1 to 32|no aligned, row-major matrix"):
            KERNEL.qr_reflect(LEVELS[0], *arrays)

    def test_of_matrices_that_lie_otherwise(self) -> None:
        good = np.zeros((40, 5))
        for bad in (
            np.zeros((5, 40)).T,
            np.zeros((40, 5), np.float32),
            np.zeros((40, 10))[:, ::2],
            np.zeros(200),
        ):
            with pytest.raises(ValueError, match="no aligned, row-major matrix"):
                KERNEL.qr_panel(LEVELS[0], bad, good, np.zeros((5, 5)), np.zeros((1, 5)))
        with pytest.raises(ValueError, match="gaps"):
            KERNEL.qr_panel(LEVELS[0], good, np.zeros((40, 6))[:, :5], np.zeros((5, 5)), np.zeros((1, 5)))


def test_advice_about_pages_changes_nothing() -> None:
    out = np.arange(10_000, dtype=np.float32)
    KERNEL.advise_huge_pages(out[3:])
    assert np.array_equal(out, np.arange(10_000, dtype=np.float32))


def test_tables_may_lie_anywhere() -> None:
    odd = [memoryview(b"x" + table.tobytes())[1:] for table in (tables.single(), tables.double())]
    KERNEL.set_tables(*odd)
    out = np.empty(1000, np.float32)
    fill(out)
    plan = Plan((1000,), DTYPES["float32"], CONTENTS["float32"], key=KEY)
    assert np.array_equal(out, reference.run(plan, numpy_ops()))


def test_an_extension_of_another_version_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "INTERFACE", -1)
    module, status = kernel.load.__wrapped__()
    assert module is None
    assert status.level is None
    assert "another version" in status.reason


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_complex_numbers_are_two_strided_fills(level: str, dtype: str) -> None:
    """Real and imaginary parts are written where they belong, without an array of either."""
    content = distributions.Normal(0.0, 0.5**0.5, DTYPES[dtype])
    out = np.zeros((30, 7), np.result_type(dtype, np.complex64))
    arguments = (KINDS[type(content)], FORMATS[dtype], *content.parameters)
    for part, key in zip((out.real, out.imag), KEY.split(), strict=True):
        fill(part, steps=(7, 1), level=level, key=key.words, recipe=arguments)
        wanted = reference.run(Plan((30, 7), DTYPES[dtype], content, key=key), numpy_ops())
        assert np.array_equal(part, wanted)
    assert not np.array_equal(out.real, out.imag)
