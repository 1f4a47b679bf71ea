"""Windows: whatever parts an array is cut into, they are those of the whole, byte for byte."""

import itertools
import math

import numpy as np
import pytest

import unifinit as ui
from unifinit import elements, host, reference
from unifinit.plan import Plan
from unifinit.stream.ops import numpy_ops
from unifinit.testing import golden
from unifinit.types import INEXACT

pytest.importorskip("hypothesis", reason="properties need hypothesis")

from hypothesis import given, settings
from hypothesis import strategies as st

KEY = ui.Key(2**40 + 5)
SHAPES = st.lists(st.integers(0, 9), min_size=2, max_size=4).map(tuple)
LAYOUTS = ("...IO", "OI...", "O...I", "I...O")
PIECES = {"reference": 7, "at once": None}
ROWS = [row for row in golden.load() if math.prod(row.shape) <= 2**10]

ELEMENTWISE = [
    ui.Zeros(),
    ui.Constant(0.3),
    ui.RandomUniform(-1.0, 2.0),
    ui.RandomNormal(0.1, 0.5),
    ui.TruncatedNormal(0.0, 2.0),
    ui.HeNormal(),
    ui.GlorotUniform(),
    ui.VarianceScaling(2.0, "fan_avg", "untruncated_normal"),
    ui.Stacked(ui.HeNormal()),
    ui.Stacked(ui.Blocked(["he_normal", "random_uniform"], sizes=None, axis="in")),
    ui.Blocked(["he_normal", "zeros"], sizes=None, axis="in"),
    "masked",
    ui.Scaled(ui.LecunNormal(), 0.5),
    ui.Identity(),
    ui.Orthogonal(),
]


def run(plan, path):
    """The elements of a plan, by the kernel or by the reference path, in pieces or at once."""
    if path == "kernel":
        if not host.can_run(plan):
            pytest.skip("the kernel does not run such a plan here")
        return host.create(plan)
    wide = plan.with_dtype(plan.dtype.compute)
    return reference.stored(np.asarray(reference.run(wide, numpy_ops(), piece=PIECES[path])), plan.dtype)


@st.composite
def tilings(draw, shape):
    """Slices along each axis that cover it once, in any order and with any step."""
    axes = []
    for size in shape:
        step = draw(st.integers(1, 3))
        cuts = sorted({min(cut, size) for cut in draw(st.sets(st.integers(0, 9), max_size=3))} | {0, size})
        parts = []
        for start, stop in itertools.pairwise(cuts):
            for phase in range(step):
                part = range(start + phase, stop, step)
                if part and draw(st.booleans()):
                    part = part[::-1]
                parts.append(part)
        axes.append(draw(st.permutations(parts)))
    return axes


def as_slice(part):
    return slice(part.start, part.stop if part.stop >= 0 else None, part.step)


def assembled(plan, axes, path):
    """The whole from its parts, each computed alone; and how many elements have been written."""
    whole = np.empty(plan.result_shape, elements.storage(plan.dtype))
    written = 0
    for parts in itertools.product(*axes):
        index = tuple(map(as_slice, parts))
        tile = plan.window(index)
        assert tile.result_shape == tuple(map(len, parts))
        whole[index] = run(tile, path)
        written += tile.size
    return whole, written


@pytest.mark.parametrize("path", ["kernel", *PIECES])
class TestTilings:
    @pytest.mark.parametrize("initializer", ELEMENTWISE, ids=repr)
    @given(data=st.data())
    @settings(max_examples=12)
    def test_any_tiling_is_the_whole(self, initializer, path, data):
        shape = data.draw(SHAPES)
        layout = data.draw(st.sampled_from(LAYOUTS))
        if initializer == "masked":
            canonical = ui.Layout(layout).canonical_shape(shape)
            mask = np.arange(math.prod(shape)).reshape(canonical) % 3 > 0
            initializer = ui.Masked(ui.RandomUniform(-1.0, 1.0), mask)
        try:
            plan = initializer.plan(shape, seed=KEY, layout=layout)
        except ui.ArgumentError:
            return  # There is no such whole.
        if path == "kernel" and not host.can_run(plan):
            pytest.skip("the kernel does not run such a plan here")
        axes = data.draw(tilings(shape))
        found, written = assembled(plan, axes, path)
        assert written == math.prod(shape)
        assert found.tobytes() == run(plan, path).tobytes()

    @pytest.mark.parametrize("dtype", INEXACT, ids=str)
    @pytest.mark.parametrize("name", ["he_normal", "glorot_uniform", "random_normal", "truncated_normal"])
    @given(data=st.data())
    @settings(max_examples=5)
    def test_of_every_dtype(self, name, dtype, path, data):
        shape = data.draw(SHAPES)
        initializer = data.draw(st.sampled_from([ui.get(name), ui.Stacked(name)]))
        plan = initializer.plan(shape, dtype, seed=KEY, layout=data.draw(st.sampled_from(LAYOUTS[:2])))
        found, _ = assembled(plan, data.draw(tilings(shape)), path)
        assert found.tobytes() == run(plan, path).tobytes()


INDICES = st.one_of(
    st.slices(9),
    st.integers(-3, 2),
    st.just(Ellipsis),
    st.builds(slice, st.integers(-12, 12), st.integers(-12, 12), st.sampled_from([None, 1, 2, -1, -3])),
)


@given(
    shape=st.lists(st.integers(3, 6), min_size=2, max_size=4).map(tuple),
    first=st.lists(INDICES, max_size=4).map(tuple),
    second=st.lists(INDICES, max_size=4).map(tuple),
    layout=st.sampled_from(LAYOUTS),
)
@settings(max_examples=100)
def test_an_index_means_what_it_means_to_numpy(shape, first, second, layout):
    plan = ui.RandomNormal().plan(shape, seed=KEY, layout=layout)
    whole = run(plan, "reference")
    for index in (first, second):
        try:
            whole = whole[index]
        except IndexError:
            with pytest.raises(ui.WindowError):
                plan.window(index)
            return
        plan = plan.window(index)
        assert plan.result_shape == whole.shape
        assert np.array_equal(run(plan, "reference"), whole)
        if host.can_run(plan):
            assert np.array_equal(run(plan, "kernel"), whole)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (True, "a bool; wanted an int"),
        (np.True_, "wanted an int"),
        (None, "a NoneType; wanted an int"),
        ([0, 1], "a list; wanted an int"),
        (np.array([0, 1]), "wanted an int"),
        (1.5, "a float; wanted an int"),
        ("a", "a str; wanted an int"),
        ((0, 0, 0), "has 3 parts; wanted at most 2"),
        ((..., 0, ...), "has 2 ellipses"),
        (4, "index 4 is out of range for axis 0, which has 4 elements; wanted -4 to 3"),
        ((0, -6), "index -6 is out of range for axis 1"),
        (slice(None, None, 0), "a step that is not 0"),
        (slice(0.5, 2), "wanted integers"),
    ],
    ids=repr,
)
def test_other_indices_are_refused(index, message):
    with pytest.raises(ui.WindowError, match=message) as caught:
        ui.HeNormal(seed=0).shard((4, 5), index)
    assert isinstance(caught.value, IndexError)


@pytest.mark.parametrize("name", [row.initializer["class_name"] for row in golden.examples()])
@given(data=st.data())
@settings(max_examples=10)
def test_any_tiling_of_every_class_in_each_of_its_dtypes(name, data):
    rows = [row for row in ROWS if row.initializer["class_name"] == name]
    dtype = data.draw(st.sampled_from(sorted({row.dtype for row in rows})))
    row = data.draw(st.sampled_from([row for row in rows if row.dtype == dtype]))
    plan = ui.get(row.initializer).plan(row.shape, row.dtype, seed=row.seed, layout=row.layout)
    path = data.draw(st.sampled_from(["kernel", *PIECES] if host.can_run(plan) else [*PIECES]))
    found, written = assembled(plan, data.draw(tilings(row.shape)), path)
    assert written == math.prod(row.shape)
    assert found.tobytes() == run(plan, path).tobytes()


@pytest.mark.parametrize("row", golden.examples(), ids=lambda row: row.initializer["class_name"])
class TestOfEveryClass:
    def test_a_shard_is_a_part_of_a_call(self, row):
        initializer, shape = ui.get(row.initializer), row.shape
        whole = initializer(shape, seed=KEY, layout=row.layout)
        index = (*[slice(None, None, -2)] * (len(shape) - 1), slice(1, None))
        part = initializer.shard(shape, index, seed=KEY, layout=row.layout)
        assert part.tobytes() == whole[index].tobytes()

    def test_an_element_alone(self, row):
        initializer, shape = ui.get(row.initializer), row.shape
        whole = initializer(shape, seed=KEY, layout=row.layout)
        last = tuple(size - 1 for size in shape)
        part = initializer.shard(shape, last, seed=KEY, layout=row.layout)
        assert part.shape == ()
        assert part.tobytes() == whole[last].tobytes()


class TestCost:
    """It is that of the part: these wholes would not fit into memory."""

    SHAPE = (2**31 - 1, 2**20)

    @pytest.mark.parametrize("layout", ["IO", "OI"])
    @pytest.mark.parametrize("name", ["glorot_uniform", "he_normal", "lecun_normal"])
    def test_of_a_drawn_array(self, name, layout):
        index = (slice(2**30, 2**30 + 7, 3), slice(-5, None))
        plan = ui.get(name).plan(self.SHAPE, seed=KEY, layout=layout).window(index)
        found = run(plan, "reference")
        assert found.shape == (3, 5)
        if host.can_run(plan):
            assert np.array_equal(run(plan, "kernel"), found)
        # Each element alone, by a vector that has the same number: it does not go by the window's strides.
        content = plan.content
        for i, row in enumerate(range(2**30, 2**30 + 7, 3)):
            for j, column in enumerate(range(2**20 - 5, 2**20)):
                rows, columns = self.SHAPE
                number = row * columns + column if layout == "IO" else column * rows + row
                alone = Plan((2**62,), plan.dtype, content, key=KEY).window(slice(number, number + 1))
                assert run(alone, "reference")[0] == found[i, j]

    def test_of_a_block(self):
        layers = ui.Stacked(ui.HeNormal(), seed=0)
        found = layers.shard((1000, 2**20, 2**20), (999, slice(0, 2), slice(-3, None)))
        layer = ui.HeNormal(seed=ui.Key(0) / 999).shard((2**20, 2**20), (slice(0, 2), slice(-3, None)))
        assert np.array_equal(found, layer)


class TestRandom:
    @pytest.mark.parametrize("function", ["bits", "uniform", "normal", "truncated_normal"])
    def test_takes_an_index(self, function):
        draw = getattr(ui.random, function)
        assert np.array_equal(draw(KEY, (6, 7), index=(slice(None, None, 2), -1)), draw(KEY, (6, 7))[::2, -1])


def test_without_a_seed_parts_differ():
    first, second = (ui.HeNormal().shard((64, 64), slice(0, 8)) for _ in range(2))
    assert not np.array_equal(first, second)
