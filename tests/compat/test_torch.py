"""unifinit.compat.torch: the names and signatures of torch.nn.init, and whose numbers they give."""

import inspect
import warnings

import numpy as np
import pytest

import unifinit as ui

torch = pytest.importorskip("torch")
drop_in = pytest.importorskip("unifinit.compat.torch")
FakeTensorMode = pytest.importorskip("torch._subclasses").FakeTensorMode
init = torch.nn.init

DRAWING = {
    "uniform_": ((0.5, 2.0), ui.RandomUniform(0.5, 2.0)),
    "normal_": ((1.0, 0.1), ui.RandomNormal(1.0, 0.1)),
    "trunc_normal_": ((0.0, 0.02, -0.03, 0.04), ui.TruncatedNormal(0, 0.02, -0.03, 0.04, bounds="absolute")),
    "xavier_uniform_": ((1.5,), ui.GlorotUniform(1.5)),
    "xavier_normal_": ((), ui.XavierNormal()),
    "kaiming_uniform_": ((5**0.5,), ui.KaimingUniform(5**0.5)),
    "kaiming_normal_": ((0, "fan_out", "relu"), ui.KaimingNormal(mode="fan_out", nonlinearity="relu")),
    "orthogonal_": ((2.0,), ui.Orthogonal(2.0)),
    "sparse_": ((0.25, 0.1), ui.Sparse(0.25, 0.1)),
}


def test_has_every_public_name():
    assert set(drop_in.__all__) == set(init.__all__)
    assert all(callable(getattr(drop_in, name)) for name in drop_in.__all__)


@pytest.mark.parametrize("name", [name for name in init.__all__ if name.endswith("_")])
def test_has_its_signature(name):
    ours, theirs = (inspect.signature(getattr(module, name)).parameters for module in (drop_in, init))
    assert [(one.name, one.default, one.kind) for one in ours.values()] == [
        (one.name, one.default, one.kind) for one in theirs.values()
    ]


@pytest.mark.parametrize("name", DRAWING)
class TestDrawing:
    def call(self, name, tensor, generator=None):
        return getattr(drop_in, name)(tensor, *DRAWING[name][0], generator=generator)

    def test_is_unifinits_with_the_key(self, name):
        tensor = torch.empty(8, 6)
        assert self.call(name, tensor, ui.Key(7)) is tensor
        expected = DRAWING[name][1]((8, 6), seed=7, layout="OI", backend="torch")
        assert torch.equal(tensor, expected)

    def test_manual_seed_decides(self, name):
        drawn = []
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            drawn.append(self.call(name, torch.empty(8, 6)))
        assert torch.equal(drawn[0], drawn[1])
        assert not torch.equal(drawn[0], drawn[2])
        torch.manual_seed(1)
        first, second = self.call(name, torch.empty(8, 6)), self.call(name, torch.empty(8, 6))
        assert torch.equal(first, drawn[0])
        assert not torch.equal(first, second)

    def test_a_generator_decides_and_the_default_one_stays(self, name):
        before = torch.get_rng_state()
        seeded = self.call(name, torch.empty(8, 6), torch.Generator().manual_seed(1))
        assert torch.equal(torch.get_rng_state(), before)
        torch.manual_seed(1)
        assert torch.equal(self.call(name, torch.empty(8, 6)), seeded)

    def test_values_do_not_depend_on_dtype_or_strides(self, name):
        plain, strided = torch.empty(8, 6), torch.empty(6, 8).T
        half = torch.empty(8, 6, dtype=torch.bfloat16)
        for tensor in (plain, strided, half):
            self.call(name, tensor, ui.Key(3))
        assert torch.equal(plain, strided)
        assert torch.equal(plain.bfloat16(), half)

    def test_outside_of_autograd(self, name):
        parameter = torch.nn.Parameter(torch.empty(8, 6))
        self.call(name, parameter)
        assert parameter.grad_fn is None
        assert parameter.requires_grad

    def test_a_tensor_without_memory_stays_and_nothing_is_drawn(self, name):
        before = torch.get_rng_state()
        for tensor in (torch.empty(8, 6, device="meta"), torch.empty(8, 0)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                assert self.call(name, tensor) is tensor
        assert torch.equal(torch.get_rng_state(), before)

    def test_in_compiled_code(self, name):
        function = torch.compile(lambda x: self.call(name, x) + 1, backend="eager")
        torch.manual_seed(5)
        compiled = function(torch.empty(8, 6))
        torch.manual_seed(5)
        assert torch.equal(compiled, self.call(name, torch.empty(8, 6)) + 1)

    def test_wrong_generators(self, name):
        tensor = torch.zeros(8, 6)
        for wrong in ("generator", 5):
            with pytest.raises(ui.ArgumentError, match="by which no library draws an array of torch"):
                self.call(name, tensor, wrong)
        with pytest.raises(ui.ArgumentError, match="of numpy, but the array is to be one of torch"):
            self.call(name, tensor, np.random.default_rng())
        assert not tensor.any()
        with pytest.raises(TypeError, match="tensor"):
            getattr(drop_in, name)(generator=None)

    def test_where_code_is_read_recorded_or_transformed(self, name):
        def draw(x):
            return self.call(name, x) * 2

        torch.compiler.reset()  # Or one too many versions of this function are compiled.
        compiled = torch.compile(draw, fullgraph=True, backend="aot_eager")
        first, second = compiled(torch.empty(8, 6)), compiled(torch.empty(8, 6))
        assert first.abs().max() > 0
        assert not torch.equal(first, second)
        with FakeTensorMode():
            assert draw(torch.empty(8, 6)).shape == (8, 6)
        gradient = torch.func.grad(lambda x: (x * self.call(name, torch.empty(8, 6))).sum())
        assert gradient(torch.ones(8, 6)).abs().max() > 0
        several = torch.vmap(lambda x: draw(x.clone()), randomness="different")(torch.empty(3, 8, 6))
        assert not torch.equal(several[0], several[1])


@pytest.mark.parametrize("name", [*DRAWING, "constant_"])
def test_tensors_that_override_functions_see_the_call(name):
    seen = []

    class Watched(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            seen.append(getattr(function, "__name__", ""))
            return super().__torch_function__(function, types, args, kwargs or {})

    tensor = torch.empty(4, 4).as_subclass(Watched)
    arguments = {"constant_": (1.0,), "sparse_": (0.5,)}.get(name, ())
    assert getattr(drop_in, name)(tensor, *arguments) is not None
    assert name in seen


def test_old_names_warn():
    with pytest.warns(FutureWarning, match=r"`nn.init.xavier_uniform` is now deprecated"):
        tensor = drop_in.xavier_uniform(torch.empty(4, 4))
    assert drop_in.xavier_uniform.__name__ == "xavier_uniform"
    assert tensor.abs().max() > 0


def test_empty_tensors_warn_where_pytorch_does():
    for name in ("kaiming_uniform_", "kaiming_normal_"):
        with pytest.warns(UserWarning, match="Initializing zero-element tensors is a no-op") as caught:
            getattr(drop_in, name)(torch.empty(0, 3))
        assert caught[0].filename == __file__


@pytest.mark.parametrize("name", ["xavier_uniform_", "kaiming_normal_", "orthogonal_", "sparse_"])
def test_tensors_without_fans(name):
    arguments = (0.1,) if name == "sparse_" else ()
    with pytest.raises(ValueError, match="has 1 dimensions; wanted"):
        getattr(drop_in, name)(torch.empty(3), *arguments)


def test_gains_are_pytorchs_and_more():
    for name in ("linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu", "conv2d"):
        assert drop_in.calculate_gain(name) == init.calculate_gain(name)
    assert drop_in.calculate_gain("leaky_relu", 0.3) == pytest.approx(init.calculate_gain("leaky_relu", 0.3))
    with pytest.raises(ValueError, match="nosuch"):
        drop_in.calculate_gain("nosuch")
    wide = drop_in.kaiming_normal_(torch.empty(512, 512), nonlinearity="gelu")
    assert wide.std() == pytest.approx(1.5335 / 512**0.5, rel=0.01)


def test_what_draws_nothing_is_pytorchs():
    for name in ("constant_", "ones_", "zeros_", "eye_", "dirac_"):
        assert getattr(drop_in, name) is getattr(init, name)
