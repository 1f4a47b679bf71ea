"""Calls that PyTorch compiles, exports, maps over keys, or only looks at."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import warnings

import numpy as np
import pytest

import unifinit as ui
from unifinit.testing import golden

torch = pytest.importorskip("torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # PyTorch's own, when they are imported.
    import torch._dynamo.testing
    import torch._inductor.compile_fx
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.fx.experimental.proxy_tensor import make_fx

    from unifinit_torch import compiled as operators
    from unifinit_torch.plans import from_text, to_text

EXAMPLES = list(golden.examples())
LIKE = torch.zeros(2)
INIT = ui.HeNormal(seed=7)
BACKENDS = ["eager", "aot_eager"]


@pytest.fixture(autouse=True)
def nothing_compiled_yet():
    torch.compiler.reset()
    # Nothing is compiled in parallel, and no result is that of an earlier run.
    with torch._inductor.config.patch(compile_threads=1, fx_graph_cache=False):
        yield


def words(seed, dtype=torch.int64):
    """A key as a tensor."""
    return torch.tensor([seed >> 32, seed & 0xFFFFFFFF]).to(dtype)


def compiled(function, backend="aot_eager", **options):
    """A compiled function, which is one graph, and what counts the graphs."""
    counter = torch._dynamo.testing.CompileCounterWithBackend(backend)
    return torch.compile(function, fullgraph=True, backend=counter, **options), counter


def same(x, y):
    """Whether two tensors are equal in each respect, bit by bit."""
    return (
        (x.dtype, x.shape, x.device, x.stride()) == (y.dtype, y.shape, y.device, y.stride())
        and x.requires_grad == y.requires_grad
        and ui.registry.registry().get("torch").to_bytes(x) == ui.registry.registry().get("torch").to_bytes(y)
    )


def check(function, *calls, graphs=1, backend="aot_eager", **options):
    """Compare a compiled function with itself, called with several tuples of arguments.

    ``graphs`` is how often it is compiled; None where that is PyTorch's own affair.
    """
    run, counter = compiled(function, backend, **options)
    for arguments in calls or [()]:
        found, expected = run(*arguments), function(*arguments)
        if isinstance(expected, torch.Tensor):
            found, expected = [found], [expected]
        assert len(found) == len(expected)
        assert all(map(same, found, expected))
    assert graphs in (None, counter.frame_count)


def drawn(row, seed, initializer=None):
    made = ui.get(row.initializer) if initializer is None else initializer
    return made(row.shape, row.dtype, backend="torch", seed=seed, layout=row.layout)


class TestEveryInitializer:
    def test_made_outside_with_a_key_that_is_an_argument(self):
        made = [ui.get(row.initializer) for row in EXAMPLES]

        def draw(key):
            return [drawn(row, key, init) for row, init in zip(EXAMPLES, made, strict=True)]

        run, counter = compiled(draw)
        for seed in (7, 2**40 + 1):
            expected = [drawn(row, seed, init) for row, init in zip(EXAMPLES, made, strict=True)]
            assert all(map(same, run(words(seed)), expected))
        assert counter.frame_count == 1

    def test_made_inside(self):
        made = [ui.get(row.initializer) for row in EXAMPLES]
        # A dictionary for each, as vars() of an object is another thing to compilers.
        arguments = [{name: vars(init)[name] for name in init.parts if name != "seed"} for init in made]
        classes = [type(init) for init in made]

        def draw():
            inits = [cls(**named) for cls, named in zip(classes, arguments, strict=True)]
            return [drawn(row, 7, init) for row, init in zip(EXAMPLES, inits, strict=True)]

        check(draw, backend="eager")

    def test_as_text(self):
        for row in EXAMPLES:
            plan = ui.get(row.initializer).plan(row.shape, row.dtype, seed=7, layout=row.layout)
            part = plan.window((slice(None, None, -1), ...)) if plan.result_shape else plan
            for one in (plan, plan.with_key(None), part):
                text = to_text(one)
                assert "local" not in text
                assert repr(from_text(text)) == repr(one)


CALLS = {
    "like": lambda: INIT((3, 4), like=LIKE),
    "module": lambda: INIT((3, 4), backend=torch),
    "device": lambda: INIT((3, 4), backend="torch", device="cpu"),
    "one number": lambda: INIT(5, backend="torch"),
    "dtype by name": lambda: INIT((3, 4), "bfloat16", like=LIKE),
    "dtype": lambda: INIT((3, 4), torch.float64, like=LIKE),
    "complex": lambda: INIT((3, 4), dtype="complex64", like=LIKE),
    "float8": lambda: INIT((3, 4), "float8_e5m2", like=LIKE),
    "layout": lambda: INIT((6, 4, 3, 3), like=LIKE, layout="OIHW"),
    "layout object": lambda: INIT((6, 4, 3, 3), like=LIKE, layout=LAYOUT),
    "large seed": lambda: INIT((3, 4), like=LIKE, seed=2**64 - 1),
    "key": lambda: INIT((3, 4), like=LIKE, seed=ui.Key(2**50) / "größe" / 3),
    "split keys": lambda: [INIT((3, 4), like=LIKE, seed=key) for key in ui.Key(1).split(3)],
    "inside": lambda: ui.RandomNormal(1.0, stddev=2.0, seed=ui.Key(4))((3, 4), like=LIKE),
    "nested": lambda: ui.Scaled(ui.Orthogonal(), 2.0)((3, 4), like=LIKE, seed=1),
    "of another": lambda: ui.Scaled(INIT, 2.0)((3, 4), like=LIKE),
    "of lists": lambda: ui.Masked(ui.HeNormal(), [[1, 0], [0, 1]])((2, 2), like=LIKE, seed=1),
    "replaced": lambda: ui.RandomNormal(seed=1).replace(stddev=3.0)((3,), like=LIKE),
    "by name": lambda: ui.get("he_uniform")((3, 4), like=LIKE, seed=1),
    "constant": lambda: ui.Constant(-0.0)((3,), "float16", like=LIKE),
    "integers": lambda: ui.Zeros()((3,), "int64", like=LIKE),
    "shard": lambda: INIT.shard((9, 8), (slice(7, None, -2), 3), like=LIKE),
    "shard of orthogonal": lambda: ui.Orthogonal().shard((9, 8), (..., slice(1, 3)), like=LIKE, seed=1),
    "bits": lambda: ui.random.bits(3, (3, 4), like=LIKE),
    "uniform": lambda: ui.random.uniform(ui.Key(3), (3, 4), "float64", backend="torch", minval=-1.0),
    "normal": lambda: ui.random.normal(3, (9, 4), stddev=0.5, index=(slice(2, 4), ...), like=LIKE),
    "truncated normal": lambda: ui.random.truncated_normal(3, (3, 4), lower=-1.0, like=LIKE),
    "twice": lambda: [INIT((3, 4), like=LIKE), INIT((3, 4), like=LIKE)],
}
LAYOUT = ui.Layout("OI...")


class TestCompile:
    @pytest.mark.parametrize("backend", BACKENDS)
    @pytest.mark.parametrize("call", CALLS)
    def test_same_bits_in_one_graph(self, call, backend):
        check(CALLS[call], backend=backend)

    def test_inductor(self):
        def draw(key, count):
            return [call() for call in CALLS.values() if isinstance(call(), torch.Tensor)] + [
                INIT((3, 4), like=LIKE, seed=key),
                ui.Orthogonal()((4, 4), like=LIKE, seed=key),
                INIT((3, 4), like=LIKE, seed=count),
            ]

        check(draw, (words(1), 5), (words(2), 6), (words(3), 7), graphs=2, backend="inductor")

    @pytest.mark.parametrize("backend", [*BACKENDS, "inductor"])
    def test_two_results_share_no_memory(self, backend):
        first, second = compiled(CALLS["twice"], backend)[0]()
        assert first.data_ptr() != second.data_ptr()

    @pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint32])
    def test_another_key_compiles_nothing_anew(self, dtype):
        keys = [(words(seed, dtype),) for seed in (0, 2**31 + 5, 2**63 + 2**31)]
        check(lambda key: INIT((3, 4), like=LIKE, seed=key), *keys)
        check(lambda key: ui.random.normal(key, (3, 4), like=LIKE), *keys)
        check(lambda key: ui.HeNormal(seed=key)((3, 4), like=LIKE), *keys)

    def test_seeds_without_axes(self):
        check(lambda seed: INIT((3, 4), like=LIKE, seed=seed), *[(torch.tensor(n),) for n in (1, 2**40)])

    @pytest.mark.parametrize("kind", [int, ui.Key])
    def test_numbers_become_symbols(self, kind):
        # PyTorch takes the first for a constant, and compiles once more for all others.
        check(lambda seed: INIT((3, 4), like=LIKE, seed=seed), *[(kind(n),) for n in range(5, 9)], graphs=2)

    @pytest.mark.parametrize(
        "draw",
        [
            lambda key: INIT((3, 4), like=LIKE, seed=key / "a" / 3),
            lambda key: INIT((3, 4), like=LIKE, seed=key.split(2)[1]),
            lambda key: ui.HeNormal(seed=key)((3, 4), like=LIKE),
        ],
    )
    def test_other_keys_of_which_something_is_made_compile_anew(self, draw):
        check(draw, *[(ui.Key(n),) for n in (5, 2**40 + 5, 2**63)], graphs=3)

    @pytest.mark.parametrize("seed", [2**63, 2**64 - 1])
    def test_seeds_of_64_bits(self, seed):
        check(lambda seed: INIT((3, 4), like=LIKE, seed=seed), (torch.tensor(seed, dtype=torch.uint64),))

    def test_results_without_axes(self):
        check(lambda key: ui.random.normal(key, (), backend="torch"), (words(1),))
        check(lambda key: INIT.shard((2, 3), (0, -1), seed=key, backend="torch"), (words(1),))

    def test_other_hyperparameters_compile_anew(self):
        def draw(x, number):
            return ui.random.normal(1, (3,), stddev=number, like=x) + ui.Constant(number)((3,), like=x)

        check(draw, (LIKE, 1.5), (LIKE, 2.5), (LIKE, 1.5), graphs=None)

    def test_other_shapes_compile_anew(self):
        check(lambda x: INIT(x.shape, like=x), *[(torch.zeros(n, 4),) for n in (2, 3, 2)], graphs=2)
        check(lambda x: INIT(x.shape, like=x), (torch.zeros(2, 4),), dynamic=True)

    @pytest.mark.parametrize(
        "others",
        [
            (ui.Constant(1.0), ui.Constant(2.0)),
            (ui.Constant(0.0), ui.Constant(-0.0)),
            (ui.HeNormal(seed=1), ui.HeNormal(seed=2)),
            (ui.HeNormal(), ui.GlorotNormal()),
        ],
    )
    def test_another_initializer_is_noticed(self, others):
        calls = [(init, LIKE) for init in others]
        check(lambda init, x: init((3, 4), like=x, seed=1), *calls, *calls, graphs=2)

    def test_initializers_that_are_gone_are_noticed(self):
        run, _ = compiled(lambda init: init((1,), like=LIKE), "eager")
        for number in range(5):
            assert run(ui.Constant(number)) == number

    def test_initializer_can_leave_the_code(self):
        run, _ = compiled(lambda: (ui.RandomNormal(stddev=2.0, seed=3), LIKE + 1), "eager")
        assert run()[0] == ui.RandomNormal(stddev=2.0, seed=3)
        assert same(run()[0]((3,), like=LIKE), ui.RandomNormal(stddev=2.0, seed=3)((3,), like=LIKE))

    def test_default_device_is_the_current_one(self):
        run, _ = compiled(lambda: INIT((2,), backend="torch"))
        with torch.device("meta"):
            assert run().is_meta
        assert run().is_cpu

    def test_subclasses_with_a_constructor(self):
        check(lambda: _Halves()((3,), like=LIKE))


class _Halves(ui.Constant):
    """Has a constructor of its own."""

    def __init__(self):
        super().__init__(0.5)


class TestFill:
    @pytest.mark.parametrize("backend", BACKENDS)
    def test_parameter_and_its_gradient(self, backend):
        parameter = torch.nn.Parameter(torch.zeros(3, 4))

        def loss(key):
            assert INIT.fill_(parameter, seed=key) is parameter
            return (parameter * parameter).sum()

        run, counter = compiled(loss, backend)
        for seed in (1, 2):
            parameter.grad = None
            run(words(seed)).backward()
            np.testing.assert_array_equal(parameter.detach(), INIT((3, 4), seed=seed))
            np.testing.assert_array_equal(parameter.grad, 2 * INIT((3, 4), seed=seed))
        assert counter.frame_count == 1

    @pytest.mark.skipif(shutil.which("g++") is None, reason="inductor copies with code that g++ compiles")
    def test_inductor(self):
        parameter = torch.nn.Parameter(torch.zeros(3, 4))
        copy = compiled(lambda key: INIT.fill_(parameter, seed=key).clone(), "inductor")[0](words(3))
        assert copy.data_ptr() != parameter.data_ptr()
        for filled in (copy, parameter):
            np.testing.assert_array_equal(filled.detach(), INIT((3, 4), seed=3))

    @pytest.mark.parametrize("backend", BACKENDS)
    def test_strided_view(self, backend):
        base = torch.full((6, 8), 7.0)
        compiled(lambda x: INIT.fill_(x[1::2, ::3], layout="OI"), backend)[0](base)
        np.testing.assert_array_equal(base[1::2, ::3], INIT((3, 3), layout="OI"))
        base[1::2, ::3] = 7
        assert (base == 7).all()

    def test_module_by_the_names_of_its_parameters(self):
        model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))

        def initialize(key):
            for name, parameter in model.named_parameters():
                init = ui.Orthogonal() if parameter.ndim == 2 else ui.RandomUniform(-1.0)
                init.fill_(parameter, seed=key / name)

        run, counter = compiled(initialize)
        run(ui.Key(5))
        for name, parameter in model.named_parameters():
            init = ui.Orthogonal() if parameter.ndim == 2 else ui.RandomUniform(-1.0)
            np.testing.assert_array_equal(parameter.detach(), init(parameter.shape, seed=ui.Key(5) / name))
        assert counter.frame_count == 1


class TestErrors:
    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda x: ui.HeNormal()((3,), like=x), "SeedError: torch is recording.*wanted a seed"),
            (lambda x: ui.HeNormal().fill_(x), "SeedError: torch is recording.*wanted a seed"),
            (lambda x: ui.random.normal(None, (3,), like=x), "SeedError: key is None"),
            (lambda x: ui.HeNormal(seed=True)((3,), like=x), "SeedError: seed True is a bool"),
            (lambda x: INIT((3,), like=x, seed=1.5), "SeedError: seed 1.5 is a float"),
            (lambda x: INIT((3,), like=x, seed=x), "SeedError.*wanted a key: two words of uint32"),
            (lambda x: INIT((3, -1), like=x), "ShapeError: shape"),
            (lambda x: INIT((3,), "int32", like=x), "DtypeError"),
            (lambda _: INIT((3,), backend="torch", device="cuda:99"), "DeviceError"),
            (lambda x: ui.HeNormal(sed=1)((3,), like=x), "got an unexpected argument 'sed'"),
            (lambda x: ui.Constant(x)((2,), like=x), "ArgumentError: an argument is a tensor"),
            (lambda _: INIT((3,)), "wanted backend='torch', or like= a torch tensor"),
            (lambda _: INIT((3,), like=np.zeros(2)), "wanted backend='torch', or like= a torch tensor"),
            (lambda x: INIT((3,), like=x, backend="numpy"), "wanted backend='torch', or like= a torch"),
        ],
    )
    def test_reason_is_told(self, call, message):
        with pytest.raises(Exception, match=f"(?s){message}"):
            compiled(call, "eager")[0](LIKE.clone())

    def test_seed_out_of_range_is_found_when_the_code_runs(self):
        run, _ = compiled(lambda seed: INIT((3,), like=LIKE, seed=seed))
        for seed in (-1, 2**64):
            with pytest.raises(ui.SeedError, match="out of range"):
                run(seed)

    def test_other_arrays_are_made_where_the_code_may_be_divided(self):
        found = torch.compile(lambda: INIT((3, 4)), backend="eager")()
        np.testing.assert_array_equal(found, INIT((3, 4)))

    def test_unknown_plan(self):
        with pytest.raises(ui.UnifinitError, match="wanted the graph to be recorded anew"):
            operators.create('{"local":"0123"}', None, None, device=torch.device("cpu"))
        with pytest.raises(ui.UnifinitError, match="not known here"):
            from_text('{"os:system":["true"]}')


def from_key(key, shape, dtype):
    return np.full(shape, key.seed, dtype)


def test_function_is_found_again_in_its_process():
    check(lambda key: ui.FromFunction(from_key)((2,), like=LIKE, seed=key), (words(3),), (words(4),))


@pytest.mark.parametrize(("key", "argument"), [([0, 7], None), (None, words(7))])
def test_operator_keeps_the_rules_of_operators(key, argument):
    plan = to_text(INIT.plan((3, 4)).with_key(None))
    torch.library.opcheck(operators.create, (plan, key, argument), {"device": torch.device("cpu")})


class Drawing(torch.nn.Module):
    """Draws in several ways with a key."""

    def forward(self, key):
        return (
            INIT((3, 4), "bfloat16", backend="torch", seed=key),
            ui.Orthogonal()((4, 4), backend="torch", seed=key),
            ui.random.bits(key, (5,), backend="torch"),
            INIT.shard((9, 4), (slice(2, 5),), backend="torch", seed=ui.Key(7) / "weight"),
        )


class TestExport:
    @pytest.mark.parametrize("strict", [True, False])
    def test_key_is_an_input(self, strict):
        program = torch.export.export(Drawing(), (words(0),), strict=strict)
        file = io.BytesIO()
        torch.export.save(program, file)
        file.seek(0)
        for run in (program.module(), torch.export.load(file).module()):
            for seed in (1, 2**63 + 1):
                assert all(map(same, run(words(seed)), Drawing()(words(seed))))

    @pytest.mark.parametrize("strict", [True, False])
    def test_no_seed(self, strict):
        class Unseeded(torch.nn.Module):
            def forward(self, x):
                return ui.HeNormal()((3,), like=x)

        with pytest.raises(Exception, match="torch is recording a computation"):
            torch.export.export(Unseeded(), (LIKE,), strict=strict)


def test_another_process(tmp_path):
    # It compiles before it has used the backend, and loads what was saved here.
    torch.export.save(torch.export.export(Drawing(), (words(0),)), tmp_path / "program.pt2")
    script = """
import unifinit as ui
import torch, unifinit_torch.compiled

@torch.compile(fullgraph=True, backend="eager")
def draw(key):
    return ui.HeNormal()((3, 4), backend="torch", seed=key)

assert draw(torch.tensor([0, 7])).equal(ui.HeNormal(seed=7)((3, 4), backend="torch"))
for x in torch.export.load("program.pt2").module()(torch.tensor([0, 7])):
    print(ui.registry.registry().get("torch").to_bytes(x).hex())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    to_bytes = ui.registry.registry().get("torch").to_bytes
    assert done.stdout.split() == [to_bytes(x).hex() for x in Drawing()(words(7))]


class TestMapped:
    @pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint32])
    @pytest.mark.parametrize("init", [ui.HeNormal(), ui.Orthogonal(), ui.Zeros()])
    def test_over_keys(self, init, dtype):
        seeds = (0, 5, 2**63 + 2**31)
        keys = torch.stack([words(seed) for seed in seeds]).to(dtype)
        found = torch.func.vmap(lambda key: init((3, 4), backend="torch", seed=key))(keys)
        # PyTorch expands what does not depend on the key.
        assert same(found.contiguous(), torch.stack([init((3, 4), like=LIKE, seed=seed) for seed in seeds]))

    def test_over_seeds_twice(self):
        draw = torch.func.vmap(lambda seed: ui.random.normal(seed, (2, 3), backend="torch"))
        found = torch.func.vmap(draw, in_dims=1)(torch.arange(6).reshape(3, 2))
        expected = [draw(torch.tensor(row)) for row in ([0, 2, 4], [1, 3, 5])]
        assert same(found, torch.stack(expected))
        assert same(found[1, 2], ui.random.normal(5, (2, 3), backend="torch"))

    @pytest.mark.parametrize(
        ("keys", "message"),
        [
            (torch.tensor([-5, 7]), "out of range"),
            (torch.tensor([[1, 2], [2**32, 7]]), "out of range"),
            (torch.tensor([[-1, 7]]), "out of range"),
            (torch.tensor([[1, 2]], dtype=torch.int16), "wanted a key: two words of uint32"),
            (torch.tensor([True]), "wanted a key: two words of uint32"),
        ],
    )
    def test_what_is_no_key_is_refused(self, keys, message):
        with pytest.raises(ui.SeedError, match=message):
            torch.func.vmap(lambda key: INIT((3,), backend="torch", seed=key))(keys)

    def test_results_without_axes(self):
        found = torch.func.vmap(lambda seed: ui.random.normal(seed, (), backend="torch"))(torch.arange(2))
        assert same(found, torch.stack([ui.random.normal(seed, (), like=LIKE) for seed in range(2)]))

    def test_derived_keys(self):
        def draw(key):
            key = ui.registry.registry().get("torch").key(key)
            return [INIT((3,), backend="torch", seed=one) for one in (key / "a", key / 3, *key.split())]

        key = ui.Key(2**40 + 9)
        expected = [INIT((3,), backend="torch", seed=one) for one in (key / "a", key / 3, *key.split())]
        found = torch.func.vmap(draw)(words(key.seed)[None])
        assert all(same(x[0], y) for x, y in zip(found, expected, strict=True))

    def test_compiled(self):
        def draw(keys):
            return torch.func.vmap(lambda key: INIT((3, 4), backend="torch", seed=key))(keys)

        check(draw, (torch.stack([words(1), words(2)]),))

    def test_known_keys_are_the_same_everywhere(self):
        found = torch.func.vmap(lambda x: x + INIT((3,), like=x))(torch.zeros(2, 3))
        assert same(found, torch.stack([INIT((3,), like=LIKE)] * 2))

    def test_gradient_of_a_function(self):
        found = torch.func.grad(lambda x: (x * INIT((3,), like=x)).sum())(torch.zeros(3))
        assert same(found, INIT((3,), like=LIKE))


LARGE = (2**18, 2**18)
"""A shape that no memory can hold."""
CONTENTS = [ui.HeNormal(seed=1), ui.Orthogonal(seed=1), ui.Zeros(), ui.Stacked(ui.Orthogonal(), seed=1)]


class TestNothingIsComputed:
    @pytest.mark.parametrize("init", CONTENTS, ids=repr)
    @pytest.mark.parametrize("dtype", ["float32", "bfloat16", "complex64"])
    def test_meta_tensors(self, init, dtype):
        shape = (2, *LARGE) if isinstance(init, ui.Stacked) else LARGE
        like = torch.empty(0, dtype=getattr(torch, dtype), device="meta")
        with torch.device("meta"):
            by_context = init(shape, dtype, backend="torch")
        for found in (
            init(shape, dtype, backend="torch", device="meta"),
            init(shape, like=like),
            by_context,
            init.shard((8, *shape[1:]), ..., like=like),
        ):
            assert (found.device.type, found.dtype) == ("meta", like.dtype)
            assert found.shape[1:] == shape[1:]

    @pytest.mark.parametrize("init", CONTENTS[:3], ids=repr)
    def test_fake_tensors(self, init):
        with FakeTensorMode():
            found = init(LARGE, "float16", backend="torch")
            key = torch.zeros(2, dtype=torch.int64)
            of_key = init(LARGE, like=found, seed=key)
            there = init(LARGE, like=found, device="cuda")
        assert (type(found), found.shape, found.dtype) == (type(key), LARGE, torch.float16)
        assert (type(of_key), of_key.shape, of_key.dtype) == (type(key), LARGE, torch.float16)
        assert there.device.type == "cuda"

    @pytest.mark.parametrize("init", CONTENTS[:3], ids=repr)
    def test_meta_parameters_stay_as_they_are(self, init):
        # As those that torch.nn.init gets.
        parameter = torch.nn.Linear(2**18, 2**18, device="meta").weight
        assert init.fill_(parameter) is parameter
        assert parameter.is_meta
        assert parameter.requires_grad

    def test_a_key_without_values_gives_none(self):
        key = words(1).to("meta")
        target = torch.ones(2, 3)
        for draw in (
            lambda: INIT((2, 3), backend="torch", seed=key),
            lambda: INIT((2, 3), like=target, seed=key),
            lambda: INIT.fill_(target, seed=key),
            lambda: ui.random.normal(key, (2, 3), backend="torch", device="cpu"),
        ):
            with pytest.raises(ui.SeedError, match="meta device, which has no values"):
                draw()
        assert (target == 1).all()
        assert INIT((2, 3), backend="torch", seed=key, device="meta").is_meta

    def test_fakes_outside_of_their_mode_are_not_filled(self):
        with FakeTensorMode():
            target = torch.empty(2, 3)
        with pytest.raises(ui.TargetError, match="like=x"):
            INIT.fill_(target)

    def test_unseeded_fakes_need_no_seed(self):
        with FakeTensorMode():
            assert ui.HeNormal()((2, 3), backend="torch").shape == (2, 3)


class TestRecorded:
    @pytest.mark.parametrize("mode", ["real", "fake", "symbolic"])
    def test_one_operator_for_a_tensor(self, mode):
        graph = make_fx(lambda key: ui.Orthogonal()((4, 4), backend="torch", seed=key), tracing_mode=mode)(
            words(1)
        )
        called = [node.target for node in graph.graph.nodes if node.op == "call_function"]
        assert called.count(torch.ops.unifinit.create.default) == 1
        assert not [target for target in called if "qr" in str(target)]
        assert same(graph(words(2)), ui.Orthogonal()((4, 4), backend="torch", seed=2))

    def test_no_seed(self):
        with pytest.raises(ui.SeedError, match="torch is recording a computation"):
            make_fx(lambda x: x + ui.HeNormal()((2,), like=x))(LIKE)


def test_another_compiler_than_the_known_one_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "unifinit_torch.reading", None)  # As if its imports failed.
    with pytest.raises(ui.BackendUnavailableError, match=r"compiler of torch .*wanted torch 2\.13, or calls"):
        ui.registry.registry().get("torch").compiled_calls({})
