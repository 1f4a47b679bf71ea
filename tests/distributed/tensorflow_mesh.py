"""Run by ``test_tensorflow.py``: DTensors over a mesh of four processors."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.experimental import dtensor

PROCESSORS = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(PROCESSORS[0], [tf.config.LogicalDeviceConfiguration()] * 4)

import unifinit as ui  # noqa: E402 - TensorFlow's devices come first
from unifinit import host  # noqa: E402
from unifinit.registry import registry  # noqa: E402

BACKEND = registry().resolve("tensorflow")
KEY = ui.Key(0x9ABCDEF0_87654321)
SHAPE = (8, 6)
WHOLE = dtensor.UNSHARDED
MESH = dtensor.create_mesh([("x", 2), ("y", 2)], devices=[f"CPU:{number}" for number in range(4)])
PLACES = [(0, 0), (0, 1), (1, 0), (1, 1)]
"""Of each processor its place along "x" and "y"."""

SPECS = [["x", "y"], ["y", "x"], ["x", WHOLE], [WHOLE, "y"], [WHOLE, WHOLE]]
each_layout = pytest.mark.parametrize("specs", SPECS, ids="-".join)

INITIALIZERS = [
    pytest.param(ui.HeNormal(seed=KEY), "float32", "OI", id="normal"),
    pytest.param(ui.GlorotUniform(seed=KEY), "bfloat16", None, id="bfloat16"),
    pytest.param(ui.RandomUniform(seed=KEY), "float8_e4m3fn", None, id="float8"),
    pytest.param(ui.TruncatedNormal(seed=KEY), "complex64", None, id="complex"),
    pytest.param(ui.Orthogonal(seed=KEY), "float64", None, id="orthogonal"),
    pytest.param(ui.Blocked(["he_normal", "zeros"], sizes=(2, 4), seed=KEY), "float32", None, id="blocks"),
    pytest.param(ui.Constant(0.1), "float16", None, id="fill"),
]
each_initializer = pytest.mark.parametrize(("initializer", "dtype", "order"), INITIALIZERS)


def layout(specs):
    return dtensor.Layout(specs, MESH)


def windows(specs, shape=SHAPE):
    """Which part of the whole each processor has."""
    sizes = [size if spec == WHOLE else size // 2 for size, spec in zip(shape, specs, strict=True)]
    for x, y in PLACES:
        numbers = [{"x": x, "y": y}.get(spec, 0) for spec in specs]
        yield tuple(slice(n * size, (n + 1) * size) for n, size in zip(numbers, sizes, strict=True))


def check(made, whole, specs):
    """That each processor has its part of what NumPy gives, and all of them the whole."""
    parts = dtensor.unpack(made.read_value() if isinstance(made, tf.Variable) else made)
    assert [int(part.device[-1]) for part in parts] == [0, 1, 2, 3]
    for part, index in zip(parts, windows(specs, whole.shape), strict=True):
        assert BACKEND.to_bytes(part) == whole[index].tobytes()
    assert BACKEND.to_bytes(made) == whole.tobytes()


class TestCreation:
    @each_layout
    @each_initializer
    def test_each_processor_gets_its_part(self, initializer, dtype, order, specs):
        made = initializer(SHAPE, dtype, layout=order, backend="tensorflow", device=layout(specs))
        assert (made.shape, made.dtype) == (SHAPE, tf.as_dtype(dtype))
        assert dtensor.fetch_layout(made) == layout(specs)
        check(made, initializer(SHAPE, dtype, layout=order), specs)

    def test_random_functions(self):
        made = ui.random.bits(KEY, SHAPE, "uint64", backend="tensorflow", device=layout(["x", "y"]))
        check(made, ui.random.bits(KEY, SHAPE, "uint64"), ["x", "y"])

    def test_a_part_of_a_larger_array(self):
        index = (slice(None, None, -2), slice(1, 7))
        made = ui.HeNormal(seed=KEY).shard((16, 9), index, backend="tensorflow", device=layout(["x", "y"]))
        check(made, ui.HeNormal(seed=KEY)((16, 9))[index], ["x", "y"])

    def test_arrays_without_axes_or_elements(self):
        made = ui.random.normal(KEY, (), backend="tensorflow", device=layout([]))
        check(made, ui.random.normal(KEY, ()), [])
        made = ui.HeNormal(seed=KEY)((0, 6), backend="tensorflow", device=layout(["x", "y"]))
        assert made.shape == (0, 6)

    @pytest.mark.parametrize("source", ["tensor", "variable"])
    def test_like(self, source):
        like = ui.Zeros()(SHAPE, "bfloat16", backend="tensorflow", device=layout(["y", "x"]))
        made = ui.HeNormal(seed=KEY)(SHAPE, like=like if source == "tensor" else dtensor.DVariable(like))
        assert dtensor.fetch_layout(made) == layout(["y", "x"])
        check(made, ui.HeNormal(seed=KEY)(SHAPE, "bfloat16"), ["y", "x"])

    @each_initializer
    def test_the_scope_of_a_mesh(self, initializer, dtype, order):
        with dtensor.default_mesh(MESH):
            made = initializer(SHAPE, dtype, layout=order, backend="tensorflow")
            alone = initializer(SHAPE, dtype, layout=order, backend="tensorflow", device="CPU:1")
            with tf.device("CPU:2"):
                inside = initializer(SHAPE, dtype, layout=order, backend="tensorflow")
        check(made, initializer(SHAPE, dtype, layout=order), [WHOLE, WHOLE])
        for one, number in ((alone, "1"), (inside, "2")):
            assert one.device.endswith(f"CPU:{number}")
            assert BACKEND.to_bytes(one) == initializer(SHAPE, dtype, layout=order).tobytes()

    def test_only_windows_are_made_and_each_of_them_once(self, monkeypatch):
        if host.kernel_status().level is None:
            pytest.skip("there is no kernel here")
        sizes = []
        create = host.create
        monkeypatch.setattr(host, "create", lambda plan: sizes.append(plan.size) or create(plan))
        for specs, expected in ((["x", "y"], [12] * 4), (["x", WHOLE], [24] * 2), ([WHOLE, WHOLE], [48])):
            ui.HeNormal(seed=KEY)(SHAPE, backend="tensorflow", device=layout(specs))
            assert sizes == expected
            sizes.clear()


class TestFilling:
    @each_layout
    def test_variables(self, specs):
        made = dtensor.DVariable(ui.Zeros()(SHAPE, backend="tensorflow", device=layout(specs)))
        assert ui.HeNormal(seed=KEY).fill_(made) is made
        check(made, ui.HeNormal(seed=KEY)(SHAPE), specs)

    @each_initializer
    def test_variables_of_each_dtype(self, initializer, dtype, order):
        made = dtensor.DVariable(ui.Zeros()(SHAPE, dtype, backend="tensorflow", device=layout(["x", "y"])))
        initializer.fill_(made, layout=order)
        check(made, initializer(SHAPE, dtype, layout=order), ["x", "y"])

    def test_variables_of_a_scope(self):
        with dtensor.default_mesh(MESH):
            made = tf.Variable(tf.zeros(SHAPE))
        ui.HeNormal(seed=KEY).fill_(made)
        check(made, ui.HeNormal(seed=KEY)(SHAPE), [WHOLE, WHOLE])


class TestGraphs:
    """TensorFlow divides the operations of a graph itself."""

    @each_layout
    def test_it_can_be_told_a_layout(self, specs):
        def create():
            return ui.HeNormal(seed=KEY)(SHAPE, backend="tensorflow", layout="OI")

        made = dtensor.call_with_layout(tf.function(create), layout(specs))
        check(made, ui.HeNormal(seed=KEY)(SHAPE, layout="OI"), specs)

    def test_an_argument_tells_it_too(self):
        @tf.function
        def create():
            return ui.HeNormal(seed=KEY)(SHAPE, backend="tensorflow", device=layout(["x", "y"]))

        with dtensor.default_mesh(MESH):
            made = create()
        check(made, ui.HeNormal(seed=KEY)(SHAPE), ["x", "y"])

    def test_variables_are_filled(self):
        made = dtensor.DVariable(ui.Zeros()(SHAPE, backend="tensorflow", device=layout(["x", "y"])))
        tf.function(lambda: ui.HeNormal(seed=KEY).fill_(made))()
        check(made, ui.HeNormal(seed=KEY)(SHAPE), ["x", "y"])

    def test_a_traced_key(self):
        key = dtensor.copy_to_mesh(tf.constant(np.array(KEY.words, np.uint32)), layout([WHOLE]))

        @tf.function
        def create(key):
            return ui.HeNormal()(SHAPE, seed=key, backend="tensorflow", device=layout(["x", "y"]))

        check(create(key), ui.HeNormal(seed=KEY)(SHAPE), ["x", "y"])


class TestErrors:
    @pytest.mark.parametrize(
        ("shape", "specs", "message"),
        [
            ((8, 5), ["x", "y"], r"axis 1 of shape \(8, 5\) has 5 elements, which 2 devices along 'y'"),
            ((8,), ["x", "y"], "a layout for 2 axes"),
            ((8, 6, 4), ["x", "y"], "wanted one with 3"),
        ],
    )
    def test_layouts_that_do_not_suit(self, shape, specs, message):
        with pytest.raises(ui.DeviceError, match=message):
            ui.RandomNormal(seed=KEY)(shape, backend="tensorflow", device=layout(specs))
