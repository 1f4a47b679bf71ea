"""Memory that frameworks take over: released once, and neither too early nor too late."""

from __future__ import annotations

import gc
import importlib
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unifinit as ui
from unifinit import host
from unifinit.registry import registry
from unifinit.testing import golden
from unifinit.types import DTYPES

from .conftest import needs_kernel, python

BACKENDS = ["numpy", "torch", "tensorflow", "jax"]
STATUS = Path("/proc/self/status")
MIB = 2**20


def resident() -> int:
    """Bytes of this process that are in memory."""
    gc.collect()
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def made_by_the_kernel(backend: str, monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """The arrays that a backend gets from the kernel from now on."""
    made: list[np.ndarray] = []
    module = importlib.import_module(backend)
    create = module.host.create

    def spy(plan: Any) -> np.ndarray:
        made.append(create(plan))
        return made[-1]

    monkeypatch.setattr(module.host, "create", spy)
    return made


class DLPack:
    """A tensor of TensorFlow as NumPy can take it."""

    def __init__(self, tf: Any, tensor: Any) -> None:
        self._tf, self._tensor = tf, tensor

    def __dlpack__(self, **_: Any) -> Any:
        return self._tf.experimental.dlpack.to_dlpack(self._tensor)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


def backend_or_skip(name: str) -> Any:
    return pytest.importorskip(name)


@needs_kernel
@pytest.mark.skipif(not STATUS.exists(), reason="the system does not tell the resident memory")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("backend", BACKENDS)
class TestLeaks:
    def test_thousands_of_small_arrays(self, backend: str, dtype: str) -> None:
        backend_or_skip(backend)
        if backend == "numpy" and dtype == "bfloat16":
            pytest.importorskip("ml_dtypes")
        self.watch(backend, dtype, (64, 128), 4000, 16 * MIB)  # All together 64 or 128 MiB.

    def test_hundreds_of_large_arrays(self, backend: str, dtype: str) -> None:
        backend_or_skip(backend)
        if backend == "numpy" and dtype == "bfloat16":
            pytest.importorskip("ml_dtypes")
        self.watch(backend, dtype, (1024, 1024), 200, 64 * MIB)  # All together 400 or 800 MiB.

    def watch(self, backend: str, dtype: str, shape: tuple[int, int], calls: int, limit: int) -> None:
        init = ui.RandomUniform(seed=1)
        for _ in range(calls // 4):  # Until allocators and caches have what they keep.
            init(shape, dtype, backend=backend)
        before = resident()
        for _ in range(calls):
            init(shape, dtype, backend=backend)
        grown = resident() - before
        assert grown < limit, f"{grown / MIB:.1f} MiB after {calls} arrays"


@needs_kernel
@pytest.mark.skipif(not STATUS.exists(), reason="the system does not tell the resident memory")
@pytest.mark.parametrize("backend", BACKENDS)
def test_no_copy_is_kept(backend: str) -> None:
    backend_or_skip(backend)
    ui.RandomUniform(seed=1)((64, 64), backend=backend)
    before = resident()
    array = ui.RandomUniform(seed=1)((64 * MIB // 4,), backend=backend)
    grown = resident() - before
    assert 60 * MIB < grown < 80 * MIB
    del array
    assert resident() - before < 20 * MIB


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_arrays_outlive_what_made_them(backend: str, dtype: str) -> None:
    backend_or_skip(backend)
    if backend == "numpy" and dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    arrays = [ui.HeNormal(seed=seed)((300, 200), dtype, backend=backend) for seed in range(20)]
    digests = [golden.digest(array) for array in arrays]
    gc.collect()
    rubbish = [
        np.full((300, 200), -1, np.float32) for _ in range(40)
    ]  # Takes memory that was let go too early.
    assert [golden.digest(array) for array in arrays] == digests
    assert len(set(digests)) == 20
    assert len(rubbish) == 40


@pytest.mark.parametrize("shape", [(), (0, 3), (1,), (7, 5), (1000, 1000)])
@pytest.mark.parametrize("dtype", ["uint32", "uint64", "float16", "bfloat16", "float32", "float64"])
def test_empty_memory_is_aligned(shape: tuple[int, ...], dtype: str) -> None:
    array = host.empty(shape, DTYPES[dtype])
    assert array.shape == shape
    assert array.dtype == host.storage(DTYPES[dtype])
    assert array.ctypes.data % 64 == 0 or not array.size
    assert array.flags.c_contiguous
    assert array.flags.writeable


@needs_kernel
def test_numpy_owns_what_it_gets() -> None:
    array = ui.HeNormal(seed=1)((30, 40))
    assert array.flags.owndata
    assert array.flags.c_contiguous
    assert sys.getrefcount(array) == 2


@needs_kernel
class TestTorch:
    def test_fills_the_tensors_own_memory(self) -> None:
        torch = pytest.importorskip("torch")
        for target in (torch.empty(30, 40), torch.empty(40, 30).t(), torch.empty(30, 80)[:, ::2]):
            place = target.data_ptr()
            ui.HeNormal(seed=1).fill_(target)
            assert target.data_ptr() == place
            assert golden.digest(target) == golden.digest(ui.HeNormal(seed=1)((30, 40)))

    def test_autograd_notices(self) -> None:
        torch = pytest.importorskip("torch")
        x = torch.ones(3, requires_grad=True)
        y = (x * 2).exp()  # Its result is saved for the gradient.
        ui.RandomNormal(seed=1).fill_(y)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()

    def test_parameters_keep_their_storage_resizable(self) -> None:
        torch = pytest.importorskip("torch")
        created = ui.HeNormal(seed=1)((30, 40), backend="torch")
        filled = ui.HeNormal(seed=1).fill_(torch.nn.Parameter(torch.empty(30, 40)))
        for tensor in (created, filled):
            registry().get("torch").to_bytes(tensor)
            tensor.untyped_storage().resize_(0)  # As libraries that shard models do.
            assert tensor.untyped_storage().nbytes() == 0

    def test_a_tensor_without_memory_is_not_written_to(self) -> None:
        torch = pytest.importorskip("torch")
        target = torch.empty(1000, 1000)
        target.untyped_storage().resize_(0)
        with pytest.raises(ui.TargetError, match="has only 0 bytes"):
            ui.HeNormal(seed=1).fill_(target)

    def test_the_storage_lives_as_long_as_a_view_of_its_memory(self) -> None:
        torch = pytest.importorskip("torch")
        from unifinit_torch.backend import memory

        view = memory(torch.full((1000, 1000), 3.0), DTYPES["float32"])
        gc.collect()
        rubbish = [torch.full((1000, 1000), 4.0) for _ in range(5)]
        assert (view == 3.0).all()
        assert len(rubbish) == 5

    def test_transforms_and_tracers_see_operations(self) -> None:
        torch = pytest.importorskip("torch")
        from torch.fx.experimental.proxy_tensor import make_fx

        init = ui.HeNormal(seed=1)
        wanted = init((3, 4), backend="torch")
        x = torch.zeros(3, 4)
        assert torch.equal(torch.func.functionalize(lambda x: init((3, 4), backend="torch") + x)(x), wanted)
        traced = make_fx(lambda x: init((3, 4), backend="torch") + x)(x)
        assert torch.equal(traced(x + 1), wanted + 1)
        gradient = torch.func.grad(lambda x: (init((3, 4), backend="torch") * x).sum())(x)
        assert torch.equal(gradient, wanted)

        def filled(x: Any) -> Any:
            return init.fill_(torch.empty(3, 4)) + x

        assert torch.equal(torch.func.functionalize(filled)(x), wanted)
        assert torch.equal(make_fx(filled)(x)(x + 1), wanted + 1)
        assert torch.equal(
            torch.vmap(lambda row: init((4,), backend="torch") + row)(x)[0], init((4,), like=x)
        )

    def test_fake_tensors_have_no_memory_to_fill(self) -> None:
        pytest.importorskip("torch")
        from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

        with FakeTensorMode():
            found = ui.HeNormal(seed=1)((30, 40), backend="torch")
        assert isinstance(found, FakeTensor)
        assert tuple(found.shape) == (30, 40)

    def test_elements_that_share_memory_are_refused(self) -> None:
        torch = pytest.importorskip("torch")
        target = torch.zeros(1, 5).expand(4, 5)
        with pytest.raises(ui.TargetError):
            ui.HeNormal(seed=1).fill_(target)

    def test_the_default_device_is_followed(self) -> None:
        torch = pytest.importorskip("torch")
        with torch.device("meta"):
            assert ui.HeNormal(seed=1)((3, 4), backend="torch").device.type == "meta"


@needs_kernel
class TestJax:
    def test_takes_memory_over(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("jax")
        made = made_by_the_kernel("unifinit_jax.backend", monkeypatch)
        adopted = ui.HeNormal(seed=1)((300, 400), backend="jax")
        assert [array.ctypes.data for array in made] == [adopted.unsafe_buffer_pointer()]

    def test_a_guard_against_transfers_makes_no_difference(self) -> None:
        jax = pytest.importorskip("jax")
        from unifinit_jax.backend import WORTH_COMPILING

        with jax.transfer_guard("disallow"):
            for _ in range(WORTH_COMPILING + 2):
                ui.HeNormal(seed=1)((3, 7), backend="jax")

    def test_is_traced_where_a_computation_is(self) -> None:
        jax = pytest.importorskip("jax")
        init = ui.HeNormal(seed=1)
        text = str(jax.make_jaxpr(lambda x: x + init((300, 400), backend="jax"))(0.0))
        assert "shift" in text  # The stream is part of the computation, and not a constant of it.

    def test_arrays_of_one_shape_are_alike_however_many_there_are(self) -> None:
        pytest.importorskip("jax")
        from unifinit_jax.backend import WORTH_COMPILING

        init = ui.RandomNormal(seed=1)
        wanted = golden.digest(init((5, 3)))
        arrays = [init((5, 3), backend="jax") for _ in range(WORTH_COMPILING + 5)]
        assert {golden.digest(array) for array in arrays} == {wanted}
        assert {(array.committed, array.weak_type) for array in arrays} == {(False, False)}

    def test_a_device_commits(self) -> None:
        jax = pytest.importorskip("jax")
        device = jax.devices()[0]
        assert ui.HeNormal(seed=1)((3, 4), backend="jax", device=device).committed
        assert not ui.HeNormal(seed=1)((3, 4), backend="jax").committed


@needs_kernel
class TestTensorflow:
    def test_takes_memory_over(self, monkeypatch: pytest.MonkeyPatch) -> None:
        tf = pytest.importorskip("tensorflow")
        made = made_by_the_kernel("unifinit_tensorflow.backend", monkeypatch)
        adopted = ui.HeNormal(seed=1)((300, 400), backend="tensorflow")
        assert [array.ctypes.data for array in made] == [np.from_dlpack(DLPack(tf, adopted)).ctypes.data]

    def test_another_processor_gets_what_is_asked_of_it(self) -> None:
        pytest.importorskip("tensorflow")
        program = """
            import tensorflow as tf
            cpu = tf.config.list_physical_devices("CPU")[0]
            tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
            import unifinit as ui
            init = ui.HeNormal(seed=1)
            one = init((3, 4), backend="tensorflow", device="CPU:1")
            with tf.device("CPU:1"):
                other = init((3, 4), backend="tensorflow")
            for array in (one, other, init((3, 4), like=one), init((3, 4), backend="tensorflow")):
                print(array.device[-5:], (array.numpy() == init((3, 4))).all())
        """
        assert python(program).split() == ["CPU:1", "True"] * 3 + ["CPU:0", "True"]

    def test_variables_are_filled_without_touching_what_was_read(self) -> None:
        tf = pytest.importorskip("tensorflow")
        variable = tf.Variable(tf.zeros((30, 40)))
        read = tf.convert_to_tensor(variable)
        ui.HeNormal(seed=1).fill_(variable)
        assert golden.digest(variable) == golden.digest(ui.HeNormal(seed=1)((30, 40)))
        assert not read.numpy().any()

    def test_variables_change_their_own_memory(self) -> None:
        tf = pytest.importorskip("tensorflow")
        tensor = ui.HeNormal(seed=1)((30, 40), backend="tensorflow")
        wanted = golden.digest(tensor)
        variable = tf.Variable(tensor)
        variable.assign_add(tf.ones((30, 40)))
        assert golden.digest(tensor) == wanted

    def test_is_traced_where_a_computation_is(self) -> None:
        tf = pytest.importorskip("tensorflow")
        graph = tf.function(
            lambda: ui.HeNormal(seed=1)((30, 40), backend="tensorflow")
        ).get_concrete_function()
        operations = graph.graph.get_operations()
        constants = [operation.get_attr("value") for operation in operations if operation.type == "Const"]
        assert max(math.prod(dim.size for dim in value.tensor_shape.dim) for value in constants) != 30 * 40
        assert any(operation.type == "BitwiseXor" for operation in operations)
