"""What only PyTorch has: parameters, autograd, strides, and a current default device."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import unifinit as ui
from unifinit.registry import registry
from unifinit.testing import BackendConformance

torch = pytest.importorskip("torch")


class TestTorch(BackendConformance):
    backend = "torch"


def test_fill_of_a_parameter_leaves_no_trace_in_autograd() -> None:
    parameter = torch.nn.Parameter(torch.ones(4, 3))
    assert ui.HeNormal(seed=1).fill_(parameter) is parameter
    assert parameter.is_leaf
    assert parameter.requires_grad
    assert parameter.grad_fn is None
    (parameter * 2).sum().backward()
    np.testing.assert_array_equal(parameter.grad, np.full((4, 3), 2))


def test_result_requires_no_gradient_even_if_like_does() -> None:
    like = torch.ones(2, requires_grad=True)
    assert not ui.RandomNormal(seed=1)((3,), like=like).requires_grad


@pytest.mark.parametrize(
    "view",
    [
        lambda base: base[::2, 1::3],
        lambda base: base.t(),
        lambda base: base[:, :1],
        lambda base: base.reshape(4, 5, 3, 3).to(memory_format=torch.channels_last),
        lambda base: base.as_strided((3, 3), (30, 2), 1),
    ],
)
def test_fill_writes_through_any_strides_and_nothing_else(view) -> None:
    base = torch.full((12, 15), 7.0)
    target = view(base)
    ui.GlorotNormal(seed=4).fill_(target)
    np.testing.assert_array_equal(target, ui.GlorotNormal(seed=4)(tuple(target.shape)))
    if target._base is base:
        untouched = torch.ones(base.shape, dtype=torch.bool)
        view(untouched).fill_(False)
        assert (base[untouched] == 7).all()


def test_fill_refuses_elements_that_share_memory() -> None:
    memory = torch.ones(30)
    for target in (memory[:1].expand(5), torch.as_strided(memory, (4, 6), (3, 1))):
        for initializer in (ui.RandomNormal(seed=1), ui.Orthogonal(seed=1), ui.Zeros()):
            with pytest.raises(ui.TargetError, match=r"share memory.*like=x"):
                initializer.fill_(target[None] if target.ndim == 1 else target)
    assert (memory == 1).all()


def test_bytes_are_those_of_the_elements_whatever_the_strides() -> None:
    backend, x = registry().get("torch"), torch.arange(12.0).reshape(3, 4)
    views = (
        x,
        x.t(),
        x[1:2, 1],
        x[:0, 1],
        x[::2, 1::2],
        x[1, 2],
        x.expand(2, 3, 4),
        x.to(torch.complex64).conj(),
    )
    for view in views:
        assert backend.to_bytes(view) == view.resolve_conj().numpy().tobytes()


def test_torch_kernel_is_the_transposed_canonical_one() -> None:
    convolution = torch.nn.Conv2d(4, 6, 3)
    ui.HeUniform(seed=2).fill_(convolution.weight, layout="OI...")
    canonical = ui.HeUniform(seed=2)((3, 3, 4, 6))
    np.testing.assert_array_equal(convolution.weight.detach(), canonical.transpose(3, 2, 0, 1))
    assert ui.HeUniform(seed=2)((6, 4, 3, 3), like=convolution.weight, layout="OIHW").is_contiguous()


def test_devices_are_names_or_objects() -> None:
    for device in ("cpu", torch.device("cpu"), None):
        assert ui.Zeros()((2,), backend="torch", device=device).device == torch.device("cpu")


def test_default_device_is_the_current_one() -> None:
    with torch.device("meta"):
        assert ui.RandomNormal(seed=0)((2,), backend="torch").device.type == "meta"


def test_absent_accelerator_is_an_error_that_names_what_there_is() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ui.DeviceError, match=r"cuda.*wanted one of \['cpu'\]"):
        ui.Zeros()((2,), backend="torch", device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_gpu_draws_the_same_bits(dtype: str) -> None:
    for initializer in (ui.HeNormal(seed=1), ui.GlorotUniform(seed=1), ui.Orthogonal(seed=1)):
        gpu = initializer((300, 70), dtype, backend="torch", device="cuda").cpu()
        cpu = initializer((300, 70), dtype, backend="torch")
        assert gpu.view(torch.uint8).equal(cpu.view(torch.uint8))


def test_module_and_name_both_choose_the_backend() -> None:
    assert ui.Zeros()((2,), backend=torch).dtype == torch.float32


def test_global_generator_is_neither_read_nor_moved() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = ui.RandomNormal(seed=3)((5,), backend="torch")
    assert torch.get_rng_state().equal(before)
    torch.manual_seed(1)
    assert ui.RandomNormal(seed=3)((5,), backend="torch").equal(first)


def test_like_of_an_integer_tensor_is_an_error_for_random_values() -> None:
    with pytest.raises(ui.DtypeError, match="pass dtype="):
        ui.RandomNormal(seed=0)((2,), like=torch.arange(3))


def test_initializer_with_a_tensor_of_values_still_pickles() -> None:
    initializer = ui.Constant(torch.tensor([1.5, 2.5]))
    assert pickle.loads(pickle.dumps(initializer)) == ui.Constant([1.5, 2.5])
