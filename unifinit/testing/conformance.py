"""The tests that every backend has to pass.

A backend's own tests subclass ``BackendConformance``::

    from unifinit.testing import BackendConformance

    class TestMine(BackendConformance):
        backend = "mine"
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np
import pytest

import unifinit as ui
from unifinit import narrow
from unifinit.backend import ArrayApiBackend, Backend
from unifinit.errors import DeviceError, DtypeError, SeedError, ShapeError, TargetError
from unifinit.registry import registry
from unifinit.testing import golden
from unifinit.types import DTYPES, FLOATS, INEXACT, Array, DType

OF_EACH_CONTENT = (
    ui.Constant(0.3),
    ui.GlorotUniform(),
    ui.TruncatedNormal(),
    ui.Orthogonal(),
    ui.Blocked(["he_normal", "zeros"]),
    ui.Masked(ui.RandomNormal(), [True, False, True] * 2),
    ui.Stacked(ui.HeNormal()),
)
"""An initializer for each kind of content."""
WINDOWS = (
    (slice(1, 3),),
    (..., slice(None, None, -3)),
    (2, slice(4, 0, -2), slice(None, None, 2)),
    (-1, ..., 5),
    (0, 1, 2),
    (slice(3, 3),),
)


class BackendConformance:
    """The conformance suite.

    Attributes
    ----------
    backend
        What is passed as ``backend=``: a name, or an Array API namespace.
    fills
        Whether ``fill_`` works on what ``target`` makes.
    """

    backend: ClassVar[Any] = None
    fills: ClassVar[bool] = True

    def target(self, array: Array) -> Array:
        """Something that can be filled in place, with the elements of an array of the backend."""
        return array

    def has_targets(self, dtype: DType) -> bool:
        """Whether there is something of a dtype that can be filled in place."""
        return self.fills

    @pytest.fixture
    def tested(self) -> Backend:
        """The backend object."""
        assert self.backend is not None, "set the class attribute 'backend'"
        return registry().resolve(self.backend)

    def has(self, tested: Backend, dtype: DType) -> bool:
        """Whether the backend has a dtype; if not, calls must say so."""
        try:
            tested.check_dtype(dtype)
        except DtypeError:
            with pytest.raises(DtypeError, match=dtype.name):
                ui.Zeros()((2,), dtype, backend=self.backend)
            return False
        return True

    # Values.

    @pytest.mark.parametrize("row", golden.load(), ids=str)
    def test_golden_digest_of_initializer(self, tested: Backend, row: golden.Golden) -> None:
        if self.has(tested, DTYPES[row.dtype]):
            array = row.draw(self.backend)
            info = tested.inspect(array)
            assert (info.shape, info.dtype.name) == (row.shape, row.dtype)
            assert golden.digest(array) == row.sha256

    @pytest.mark.parametrize("row", golden.load_random(), ids=str)
    def test_golden_digest_of_random(self, tested: Backend, row: golden.GoldenRandom) -> None:
        if self.has(tested, DTYPES[row.dtype]):
            array = row.draw(self.backend)
            info = tested.inspect(array)
            assert (info.shape, info.dtype.name) == (row.shape, row.dtype)
            assert golden.digest(array) == row.sha256

    def test_at_least_float32_is_there(self, tested: Backend) -> None:
        assert self.has(tested, DTYPES["float32"])

    def test_threads_draw_the_same(self, tested: Backend) -> None:
        def draw(_: int) -> bytes:
            return tested.to_bytes(ui.HeNormal(seed=3)((50, 40), backend=self.backend))

        with ThreadPoolExecutor(4) as pool:
            drawn = set(pool.map(draw, range(16)))
        assert drawn == {draw(0)}

    # Windows and keys.

    @pytest.mark.parametrize("index", WINDOWS, ids=str)
    @pytest.mark.parametrize("layout", ["...IO", "OI..."])
    @pytest.mark.parametrize("initializer", OF_EACH_CONTENT, ids=repr)
    def test_shard_is_a_part_of_the_whole(
        self, tested: Backend, initializer: ui.Initializer, layout: str, index: tuple[Any, ...]
    ) -> None:
        shape = (6, 6, 6)  # For a mask of the last axis to fit every layout.
        whole = initializer(shape, seed=3, layout=layout)
        part = initializer.shard(shape, index, seed=3, layout=layout, backend=self.backend)
        assert tested.inspect(part).shape == whole[index].shape
        assert tested.to_bytes(part) == whole[index].tobytes()

    @pytest.mark.parametrize("dtype", INEXACT, ids=str)
    def test_shard_of_every_dtype(self, tested: Backend, dtype: DType) -> None:
        if self.has(tested, dtype):
            place = 2**33 - 3  # The upper word of the numbers changes on the way.
            vector = ui.random.normal(3, (2**40,), dtype, index=slice(place, place + 8), backend=self.backend)
            matrix = ui.random.normal(
                3, (2**10, 2**30), dtype, index=(7, slice(-3, None)), backend=self.backend
            )
            assert tested.to_bytes(matrix) == tested.to_bytes(vector)[: len(tested.to_bytes(matrix))]

    def test_array_of_two_words_is_a_key(self, tested: Backend) -> None:
        words = ui.Constant([-1, 7])((2,), "int32", backend=self.backend)
        drawn = ui.HeNormal()((3, 4), seed=words, backend=self.backend)
        expected = ui.HeNormal()((3, 4), seed=0xFFFFFFFF00000007)
        assert tested.to_bytes(drawn) == expected.tobytes()

    @pytest.mark.parametrize(("shape", "dtype"), [((3,), "int32"), ((1, 2), "int32"), ((2,), "float32")])
    def test_other_arrays_are_no_keys(self, shape: tuple[int, ...], dtype: str) -> None:
        words = ui.Ones()(shape, dtype, backend=self.backend)
        with pytest.raises(SeedError, match="two words"):
            ui.HeNormal()((3, 4), seed=words, backend=self.backend)

    # Arguments.

    def test_result_is_an_array_of_the_library(self, tested: Backend) -> None:
        array = ui.GlorotUniform(seed=0)((3, 4), backend=self.backend)
        assert tested.is_array(array)
        assert registry().of(array) is tested

    @pytest.mark.parametrize("dtype", FLOATS, ids=str)
    def test_like_decides_backend_and_dtype(self, tested: Backend, dtype: DType) -> None:
        if self.has(tested, dtype):
            like = ui.Zeros()((1,), dtype, backend=self.backend)
            array = ui.GlorotUniform(seed=0)((3, 4), like=like)
            info = tested.inspect(array)
            assert (info.shape, info.dtype, info.device) == ((3, 4), dtype, tested.inspect(like).device)
            named = ui.GlorotUniform(seed=0)((3, 4), dtype, backend=self.backend)
            assert tested.to_bytes(array) == tested.to_bytes(named)

    def test_native_dtype_objects_are_understood(self, tested: Backend) -> None:
        native = ui.Zeros()((1,), backend=self.backend).dtype
        array = ui.Ones()((2,), native, backend=self.backend)
        assert tested.inspect(array).dtype == DTYPES["float32"]

    def test_native_device_objects_are_understood(self, tested: Backend) -> None:
        device = tested.inspect(ui.Zeros()((1,), backend=self.backend)).device
        array = ui.Ones()((2,), backend=self.backend, device=device)
        assert tested.inspect(array).device == device

    def test_unknown_device_is_an_error(self) -> None:
        with pytest.raises(DeviceError, match="no device 'nowhere'"):
            ui.Zeros()((2,), backend=self.backend, device="nowhere")

    def test_integer_dtype_for_random_values_is_an_error(self) -> None:
        with pytest.raises(DtypeError, match="int32"):
            ui.HeNormal()((2, 2), "int32", backend=self.backend)

    @pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 3)], ids=str)
    def test_arrays_without_elements(self, tested: Backend, shape: tuple[int, ...]) -> None:
        for initializer in (ui.Zeros(), ui.RandomNormal(seed=0), ui.GlorotUniform(seed=0)):
            assert tested.inspect(initializer(shape, backend=self.backend)).shape == shape
        if len(shape) > 1:
            assert tested.inspect(ui.Orthogonal(seed=0)(shape, backend=self.backend)).shape == shape

    def test_wrong_arguments_are_errors_before_anything_is_made(self) -> None:
        with pytest.raises(ShapeError, match="-1"):
            ui.Zeros()((2, -1), backend=self.backend)
        with pytest.raises(ShapeError, match="2\\*\\*63"):
            ui.RandomNormal()((2**32, 2**32), backend=self.backend)

    # Filling in place.

    @pytest.mark.parametrize("dtype", FLOATS, ids=str)
    @pytest.mark.parametrize("layout", [None, "OI"])
    def test_fill_gives_what_a_call_gives(self, tested: Backend, dtype: DType, layout: str | None) -> None:
        if not self.has(tested, dtype) or self.fills > self.has_targets(dtype):
            return
        target = self.target(ui.Ones()((13, 7), dtype, backend=self.backend))
        if not self.fills:
            with pytest.raises(TargetError, match="like=x"):
                ui.HeNormal(seed=1).fill_(target)
            return
        assert ui.HeNormal(seed=1).fill_(target, layout=layout) is target
        array = ui.HeNormal(seed=1)((13, 7), dtype, backend=self.backend, layout=layout)
        assert tested.to_bytes(target) == tested.to_bytes(array)

    def test_failed_fill_leaves_the_target_alone(self, tested: Backend) -> None:
        target = self.target(ui.Ones()((13, 7), backend=self.backend))
        before = tested.to_bytes(target)
        with pytest.raises(ui.SeedError):
            ui.HeNormal().fill_(target, seed=-1)
        with pytest.raises(ui.LayoutError):
            ui.HeNormal().fill_(target, layout="OIHW")
        assert tested.to_bytes(target) == before

    # Dtypes that few libraries have.

    @pytest.mark.parametrize("name", sorted(narrow.FORMATS))
    def test_eight_bits_are_rounded_to_nearest_even(self, tested: Backend, name: str) -> None:
        if not self.has(tested, DTYPES[name]) or not isinstance(tested, ArrayApiBackend):
            return
        finite = narrow.decode(np.arange(256, dtype=np.uint8), name)
        finite = np.unique(finite[np.isfinite(finite)])
        middle = (finite[1:] + finite[:-1]) / np.float32(2)
        values = np.concatenate([finite, middle, np.nextafter(middle, np.float32(0))])
        ops = tested.ops()
        rounded = ops.cast(ops.asarray(values), name)
        assert tested.to_bytes(rounded) == narrow.encode(values, name).tobytes()

    @pytest.mark.parametrize("name", ["complex64", "complex128"])
    @pytest.mark.parametrize("layout", [None, "OI"])
    def test_complex_numbers_have_their_parts(self, tested: Backend, name: str, layout: str | None) -> None:
        if not self.has(tested, DTYPES[name]):
            return
        array = ui.HeNormal(seed=2)((13, 7), name, backend=self.backend, layout=layout)
        found = np.frombuffer(tested.to_bytes(array), np.dtype(name)).reshape(13, 7)
        assert np.array_equal(found, ui.HeNormal(seed=2)((13, 7), name, layout=layout))
        constant = ui.Constant(1.5 - 0.5j)((2,), name, backend=self.backend)
        assert np.frombuffer(tested.to_bytes(constant), np.dtype(name)).tolist() == [1.5 - 0.5j] * 2

    # Contents that are made of others.

    @pytest.mark.parametrize("dtype", INEXACT, ids=str)
    @pytest.mark.parametrize("layout", ["IO", "OI"])
    @pytest.mark.parametrize("fill", [False, True])
    def test_parts_are_put_together(self, tested: Backend, dtype: DType, layout: str, *, fill: bool) -> None:
        if not self.has(tested, dtype):
            return
        blocks = ui.Blocked(["he_normal", ui.Zeros(), ui.Orthogonal(), ui.Constant(0.5)])
        initializer = ui.Masked(blocks, np.tri(6, 12), seed=9)
        shape = (6, 12) if layout == "IO" else (12, 6)
        wanted = initializer(shape, dtype, layout=layout) if self.numpy_has(dtype) else None
        if fill and self.has_targets(dtype):
            array = self.target(ui.Ones()(shape, dtype, backend=self.backend))
            initializer.fill_(array, layout=layout)
        else:
            array = initializer(shape, dtype, layout=layout, backend=self.backend)
        if wanted is not None:
            assert tested.to_bytes(array) == wanted.tobytes()

    @staticmethod
    def numpy_has(dtype: DType) -> bool:
        """Whether NumPy has a dtype, which it may lack without ml_dtypes."""
        try:
            registry().get("numpy").check_dtype(dtype)
        except DtypeError:
            return False
        return True

    # What the protocol promises.

    def test_bytes_are_little_endian_and_row_major(self, tested: Backend) -> None:
        array = ui.Constant([1, 2, 3, 4, 5, 6])((2, 3), backend=self.backend)
        expected = b"".join(bytes.fromhex(word) for word in ("803f", "0040", "4040", "8040", "a040", "c040"))
        assert tested.to_bytes(array) == b"".join(
            b"\0\0" + expected[i : i + 2] for i in range(0, len(expected), 2)
        )

    def test_infinities_and_nan_arrive(self, tested: Backend) -> None:
        array = ui.Constant([math.inf, -math.inf, math.nan])((3,), backend=self.backend)
        data = tested.to_bytes(array)
        assert data[:8].hex() == "0000807f000080ff"
        assert int.from_bytes(data[8:], "little") & 0x7FFFFFFF > 0x7F800000

    @pytest.mark.parametrize("dtype", FLOATS, ids=str)
    def test_subnormal_constants_arrive(self, tested: Backend, dtype: DType) -> None:
        if self.has(tested, dtype):
            value = {64: 1e-310, 8: 2.0**-9}.get(dtype.bits, 1e-7 if dtype.name == "float16" else 1e-40)
            one = tested.to_bytes(ui.Constant(value)((1,), dtype, backend=self.backend))
            listed = tested.to_bytes(ui.Constant([value])((1,), dtype, backend=self.backend))
            assert one == listed
            assert int.from_bytes(one, "little") > 0

    def test_results_do_not_share_memory_with_later_ones(self, tested: Backend) -> None:
        if not self.fills:
            return
        first = self.target(ui.GlorotUniform(seed=0)((4, 4), backend=self.backend))
        before = tested.to_bytes(ui.GlorotUniform(seed=0)((4, 4), backend=self.backend))
        ui.Zeros().fill_(first)
        assert tested.to_bytes(ui.GlorotUniform(seed=0)((4, 4), backend=self.backend)) == before
