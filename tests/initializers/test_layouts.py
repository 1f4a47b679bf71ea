"""A layout only transposes: the canonical array decides every value."""

import itertools

import numpy as np
import pytest

import unifinit as ui
from unifinit import Layout, LayoutError

CANONICAL = {
    "IO": (5, 3),
    "OI": (5, 3),
    "OI...": (2, 3, 5, 4),
    "OIHW": (2, 3, 5, 4),
    "HWIO": (2, 3, 5, 4),
    "...OI": (2, 3, 5, 4),
    "O...I": (2, 3, 5, 4),
    "IOHW": (2, 3, 5, 4),
    "OWHI": (2, 3, 5, 4),
    "OIW": (3, 5, 4),
    "OIDHW": (2, 1, 3, 5, 4),
    "DHWIO": (2, 1, 3, 5, 4),
}


def in_layout(layout, canonical_shape):
    """For each axis of the layout, its place in the canonical shape; written without unifinit."""
    spatial = [letter for letter in "DHW" if letter in layout] or list(range(len(canonical_shape) - 2))
    order = [*spatial, "I", "O"]
    names = []
    for letter in layout.replace("...", "."):
        names += spatial if letter == "." else [letter]
    return tuple(order.index(name) for name in names)


@pytest.mark.parametrize("layout", CANONICAL)
def test_array_is_the_transposed_canonical_one(default, layout):
    canonical = CANONICAL[layout]
    if isinstance(default, ui.Constant):
        default = ui.Constant(np.arange(np.prod(canonical)))
    axes = in_layout(layout, canonical)
    shape = tuple(canonical[axis] for axis in axes)
    found = default(shape, layout=layout, seed=3)
    assert found.shape == shape
    assert np.array_equal(found, default(canonical, seed=3).transpose(axes))


@pytest.mark.parametrize("layout", CANONICAL)
def test_fill_gives_the_same(default, layout):
    canonical = CANONICAL[layout]
    shape = tuple(canonical[axis] for axis in in_layout(layout, canonical))
    target = np.full(shape, np.nan, np.float32)
    assert default.fill_(target, layout=layout, seed=3) is target
    assert np.array_equal(target, default(shape, layout=layout, seed=3))


def test_plan_names_the_canonical_and_the_resulting_shape():
    plan = ui.HeNormal().plan((64, 3, 7, 5), layout="OIHW")
    assert plan.shape == (7, 5, 3, 64)
    assert plan.axes == (3, 2, 0, 1)
    assert plan.result_shape == (64, 3, 7, 5)
    assert plan == ui.HeNormal().plan((64, 3, 7, 5), layout=Layout("OI..."), seed=plan.key)


@pytest.mark.parametrize("layout", ["...IO", "IO", None])
def test_canonical_layouts_transpose_nothing(layout):
    assert ui.HeNormal().plan((5, 3), layout=layout).axes is None


@pytest.mark.parametrize("layout", ["OI...", "...OI", "I...O", "...IO"])
@pytest.mark.parametrize("shape", [(), (4,)])
def test_below_two_axes_there_is_nothing_to_order(layout, shape):
    found = ui.HeNormal(seed=0)(shape, layout=layout)
    assert np.array_equal(found, ui.HeNormal(seed=0)(shape))


@pytest.mark.parametrize("rank", [2, 3, 4, 5])
def test_permutation_undoes_the_canonical_axes(rank):
    spatial = "DHW"[5 - rank :]
    for letters in itertools.permutations(spatial + "IO"):
        layout = Layout("".join(letters))
        shape = tuple(range(10, 10 + rank))
        canonical = layout.canonical_shape(shape)
        back = layout.from_canonical(rank) or range(rank)
        assert tuple(canonical[axis] for axis in back) == shape
        assert [letters[axis] for axis in layout.canonical_axes(rank)] == [*spatial, "I", "O"]


def test_many_spatial_axes():
    shape = (4, 3, *[1] * 30)
    assert ui.Zeros()(shape, layout="OI...").shape == shape
    assert ui.HeNormal().plan(shape, layout="OI...").shape == (*[1] * 30, 3, 4)


@pytest.mark.parametrize(
    "layout",
    [
        *(
            "",
            "I",
            "O",
            "...",
            "OO",
            "II",
            "OIO",
            "IIO",
            "HW",
            "OIHH",
            "OIX",
            "OIQ",
            "O I",
            "OI.",
            "OI..",
            "OI....",
        ),
        *("OI...H", "...OI...", "OI,HW", "OIHWDX", "NHWC", "OI......"),
        *(3, 1.5, True, ("O", "I"), ["OI"], b"OI", (0, 1)),
        *("G", "GI", "GGIO", "GH", "GIOG", "OIHW ", " OIHW", "HWIO depthwise", "depthwise(", "dense)"),
    ],
    ids=repr,
)
def test_malformed_layouts_are_errors(layout):
    with pytest.raises(LayoutError, match=r"is malformed: wanted I and O once each") as caught:
        ui.Zeros()((3, 3), layout=layout)
    assert repr(layout) in str(caught.value)


@pytest.mark.parametrize(
    ("layout", "shape"), [("OIHW", (2, 3)), ("IO", (2,)), ("IO", ()), ("OI", (2, 3, 4)), ("HWIO", (1,) * 5)]
)
def test_layouts_for_another_rank_are_errors(layout, shape):
    wanted = rf"layout '{layout}' is for {len(layout)} axes, but the shape has {len(shape)}"
    for call in (ui.Zeros(), ui.HeNormal().plan, ui.HeNormal().describe):
        with pytest.raises(LayoutError, match=wanted):
            call(shape, layout=layout)
    target = np.full(shape, 7.0)
    with pytest.raises(LayoutError, match=wanted):
        ui.Zeros().fill_(target, layout=layout)
    assert (target == 7).all()


def test_layout_is_a_value():
    assert Layout("OI") == Layout("OI") != Layout("IO")
    assert len({Layout(), Layout("...IO"), Layout("OIHW")}) == 2
