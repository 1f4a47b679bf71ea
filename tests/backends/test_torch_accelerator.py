"""PyTorch on GPUs: the kernel of Triton, and array operations there, draw the bits of the reference path.

Without a GPU, Triton's interpreter runs the kernel on the processor, and its compilers make code for GPUs.
"""

from __future__ import annotations

import importlib.util
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import unifinit as ui
from unifinit import host, reference
from unifinit.distributions import Bits, Distribution, Normal, TruncatedNormal, Uniform
from unifinit.plan import Plan
from unifinit.registry import registry
from unifinit.stream import tables
from unifinit.testing import golden
from unifinit.types import DTYPES

torch = pytest.importorskip("torch")
from unifinit_torch import accelerator, backend  # noqa: E402 - they import PyTorch

INTERPRETED = accelerator.is_interpreted()
DEVICE = "cpu" if INTERPRETED else "cuda"
CPU = torch.device("cpu")
KEY = ui.Key(0x243F6A8885A308D3)

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that PyTorch can use")
needs_device = pytest.mark.skipif(
    not (INTERPRETED or torch.cuda.is_available()),
    reason="needs a GPU that PyTorch can use; test_interpreter_draws_the_same runs it on the processor",
)
needs_compiler = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="needs Triton: pip install triton"
)
needs_no_interpreter = pytest.mark.skipif(INTERPRETED, reason="Triton interprets in this process")

DTYPES_OF_KERNEL = tuple(accelerator.STORED)


def contents(dtype: str) -> list[Distribution]:
    """Each kind of numbers, with and without a shift, and where rare elements are frequent."""
    kind = DTYPES[dtype]
    if kind.kind == "uint":
        return [Bits(kind)]
    return [
        Uniform(0.0, 1.0, kind),
        *(Uniform(*ends, kind) for ends in CLIPPED["float64" if dtype == "float64" else "float32"]),
        Normal(0.0, 1.0, kind),
        Normal(0.7, 1e-3, kind),
        TruncatedNormal(-2.0, 2.0, 0.0, 1e-6, kind),  # Subnormal numbers of float16.
        TruncatedNormal(1.5, math.inf, -3.0, 1.0, kind),
        TruncatedNormal(-1e-6, 1e-6, 0.0, 1.0, kind)
        if dtype != "float64"
        else TruncatedNormal(
            -1e-14, 1e-14, 0.0, 1.0, kind
        ),  # Some quantiles would be on the wrong side of 0.
    ]


CLIPPED = {
    "float32": [(6.047778606414795, 6.0477800369262695), (3.849501609802246, 3.8495023250579834)],
    "float64": [(7.891664374693716, 7.891664374693718), (6.609290791178637, 6.60929079117864)],
}
"""Ranges of which rounding carries a third of all numbers out, below or above."""


class Geometry(NamedTuple):
    """Elements: their canonical shape, how its axes are permuted, which window is taken, and their memory."""

    shape: tuple[int, ...]
    memory: Callable[[Callable[..., Any]], Any]
    axes: tuple[int, ...] | None = None
    window: object = ...

    def plan(self, content: Distribution, dtype: str) -> Plan:
        return Plan(self.shape, DTYPES[dtype], content, self.axes, KEY).window(self.window)


GEOMETRIES = {
    "dense": Geometry((2050,), lambda make: make(2050)),
    "scalar": Geometry((), lambda make: make()),
    "rows": Geometry((37, 41), lambda make: make(37, 41)),
    "beyond 2**32": Geometry((2**40,), lambda make: make(1800), window=slice(2**32 - 900, 2**32 + 900)),
    "back over 2**32": Geometry(
        (2**40,), lambda make: make(1050), window=slice(2**32 + 2**20, 2**32 - 2**20, -1999)
    ),
    "last of 2**62": Geometry((2**62,), lambda make: make(1000), window=slice(2**62 - 1000, None)),
    "long steps": Geometry(
        (4, 3, 2**33), lambda make: make(4, 3, 32), window=(..., slice(7, None, 2**28 + 1))
    ),
    "transposed memory": Geometry((30, 40), lambda make: make(30, 40).t(), (1, 0)),
    "transposed": Geometry((30, 40), lambda make: make(40, 30), (1, 0)),
    "gaps": Geometry((20, 30), lambda make: make(50, 100)[3:43:2, 5:95:3]),
    "convolution": Geometry((3, 3, 8, 16), lambda make: make(16, 8, 3, 3), (3, 2, 0, 1)),
    "channels last": Geometry(
        (3, 3, 8, 16), lambda make: make(16, 3, 3, 8).permute(0, 3, 1, 2), (3, 2, 0, 1)
    ),
    "window": Geometry(
        (40, 30, 20),
        lambda make: make(7, 15),
        (2, 0, 1),
        (slice(None, None, -3), slice(5, 35, 2), 7),
    ),
    "five axes": Geometry((6,) * 5, lambda make: make(4, 4, 4, 4, 4), window=(slice(0, 4),) * 5),
}


def expected(plan: Plan) -> Any:
    """What the reference path gives, on the processor."""
    return reference.run(plan, registry().get("torch").ops(CPU))


def allocate(geometry: Geometry, dtype: str, device: str) -> tuple[Any, Any]:
    """Memory that holds ones, and the elements in it."""
    whole = []

    def make(*shape: int) -> Any:
        whole.append(torch.full(shape, 1, dtype=getattr(torch, dtype), device=device))
        return whole[0]

    elements = geometry.memory(make)
    return whole[0], elements


def same(a: Any, b: Any) -> bool:
    """Whether two tensors have the same bits."""
    a, b = (x.detach().cpu().contiguous().reshape(-1).view(torch.uint8) for x in (a, b))
    return bool(a.equal(b))


@pytest.fixture
def launched(monkeypatch):
    """The numbers of elements of all launches of the kernel."""
    totals: list[int] = []
    launch = accelerator.launch

    def recorded(words, counter, axes, plan):
        totals.append(math.prod(axis.size for axis in axes))
        launch(words, counter, axes, plan)

    monkeypatch.setattr(accelerator, "launch", recorded)
    return totals


@pytest.fixture
def without_host_kernel():
    """Memory of the host is filled as that of any other device."""
    host.select("off")
    yield
    host.select(None)


@needs_device
class TestKernel:
    @pytest.mark.parametrize("geometry", ["dense", "gaps"])
    @pytest.mark.parametrize("dtype", DTYPES_OF_KERNEL)
    def test_numbers_have_the_bits_of_the_reference_path(self, dtype: str, geometry: str) -> None:
        for content in contents(dtype):
            plan = GEOMETRIES[geometry].plan(content, dtype)
            _, elements = allocate(GEOMETRIES[geometry], dtype, DEVICE)
            assert accelerator.usable(elements, plan)
            accelerator.fill(elements, plan)
            assert same(elements, expected(plan)), content

    @pytest.mark.parametrize("geometry", GEOMETRIES)
    @pytest.mark.parametrize(
        "content",
        [
            Bits(DTYPES["uint64"]),
            Uniform(-1.0, 1.0, DTYPES["float32"]),
            Normal(0.0, 1.0, DTYPES["bfloat16"]),
        ],
        ids=lambda content: f"{type(content).__name__}-{content.dtype}",
    )
    def test_elements_are_written_in_their_places_and_nothing_else_is(
        self, content: Distribution, geometry: str
    ) -> None:
        dtype = content.dtype.name
        plan = GEOMETRIES[geometry].plan(content, dtype)
        memory, elements = allocate(GEOMETRIES[geometry], dtype, DEVICE)
        assert accelerator.usable(elements, plan)
        accelerator.fill(elements, plan)
        wanted, place = allocate(GEOMETRIES[geometry], dtype, "cpu")
        place.copy_(expected(plan))
        assert same(memory, wanted)

    @pytest.mark.parametrize("geometry", ["dense", "gaps", "five axes"])
    def test_large_tensors_take_several_launches(self, geometry, launched, monkeypatch) -> None:
        plan = GEOMETRIES[geometry].plan(Normal(0.0, 1.0, DTYPES["float32"]), "float32")
        _, elements = allocate(GEOMETRIES[geometry], "float32", DEVICE)
        assert accelerator.usable(elements, plan)
        launched.clear()
        monkeypatch.setattr(accelerator, "LAUNCH", 250)
        accelerator.fill(elements, plan)
        assert len(launched) > 2
        assert max(launched) <= 250
        assert same(elements, expected(plan))

    @pytest.mark.parametrize("key", [ui.Key(0), ui.Key(2**31), ui.Key(2**63), ui.Key(2**64 - 1)])
    def test_all_bits_of_the_key_count(self, key: ui.Key) -> None:
        plan = GEOMETRIES["rows"].plan(Bits(DTYPES["uint32"]), "uint32").with_key(key)
        _, elements = allocate(GEOMETRIES["rows"], "uint32", DEVICE)
        accelerator.fill(elements, plan)
        assert same(elements, expected(plan))

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_quantiles_are_held_between_their_bounds(self, dtype: str) -> None:
        content = TruncatedNormal(-2.0, 2.0, 0.0, 1.0, DTYPES[dtype])
        plan = GEOMETRIES["rows"].plan(content, dtype)
        wanted = expected(plan).clip(-0.5, 0.25)
        unit = 2**52 if dtype == "float64" else 2**28
        bounds = {"lowest": -unit // 2, "highest": unit // 4}
        vars(content).update(parameters=content.parameters._replace(**bounds))
        _, elements = allocate(GEOMETRIES["rows"], dtype, DEVICE)
        accelerator.fill(elements, plan)
        assert same(elements, wanted)

    @pytest.mark.parametrize("row", golden.examples(), ids=str)
    def test_every_initializer_is_made_through_the_public_call(
        self, row: golden.Golden, without_host_kernel
    ) -> None:
        made = ui.get(row.initializer)(
            row.shape, row.dtype, seed=row.seed, layout=row.layout, backend="torch", device=DEVICE
        )
        assert made.device.type == DEVICE
        assert golden.digest(made) == row.sha256

    def test_public_calls_run_the_kernel(self, launched, without_host_kernel) -> None:
        ui.HeNormal(seed=0)((40, 30), backend="torch", device=DEVICE)
        launched.clear()
        ui.HeNormal(seed=1)((40, 30), backend="torch", device=DEVICE)
        ui.HeNormal(seed=1).fill_(torch.empty(40, 30, device=DEVICE))
        ui.HeNormal(seed=1).shard((400, 30), (slice(80, 120),), backend="torch", device=DEVICE)
        assert launched == [1200, 1200, 1200]

    def test_complex_numbers_and_8_bits_are_made_of_what_the_kernel_draws(
        self, launched, without_host_kernel
    ) -> None:
        for dtype in ("complex64", "float8_e4m3fn"):
            ui.RandomNormal(seed=1)((40, 30), dtype, backend="torch", device=DEVICE)
            launched.clear()
            made = ui.RandomNormal(seed=1)((40, 30), dtype, backend="torch", device=DEVICE)
            assert launched == [1200] * (2 if dtype == "complex64" else 1)
            assert same(made, expected(ui.RandomNormal(seed=1).plan((40, 30), dtype)))

    def test_fill_leaves_no_trace_in_autograd_but_the_version(self, launched, without_host_kernel) -> None:
        parameter = torch.nn.Parameter(torch.ones(4, 3, device=DEVICE))
        version = parameter._version
        ui.HeNormal(seed=1).fill_(parameter)
        assert launched
        assert parameter._version == version + 1
        assert parameter.requires_grad
        assert parameter.grad_fn is None

    def test_more_axes_than_the_kernel_takes_are_left_to_array_operations(
        self, launched, without_host_kernel
    ) -> None:
        shape = (3,) * 7
        made = ui.RandomNormal(seed=1).shard(shape, (slice(2),) * 7, backend="torch", device=DEVICE)
        assert not launched
        assert same(made, torch.from_numpy(ui.RandomNormal(seed=1)(shape)[(slice(2),) * 7].copy()))

    def test_storage_without_memory_is_refused(self, without_host_kernel) -> None:
        target = torch.ones(40, 30, device=DEVICE)
        target.untyped_storage().resize_(0)
        with pytest.raises(ui.TargetError, match="storage"):
            ui.HeNormal(seed=1).fill_(target)


@needs_gpu
@needs_no_interpreter
class TestGpu:
    """What takes too long in the interpreter, and what needs a device of its own."""

    @pytest.mark.parametrize("name", dict.fromkeys(row.initializer["class_name"] for row in golden.load()))
    def test_golden_digests(self, name: str) -> None:
        for row in golden.load():
            if row.initializer["class_name"] != name:
                continue
            initializer = ui.get(row.initializer)
            call = {"seed": row.seed, "layout": row.layout}
            made = initializer(row.shape, row.dtype, backend="torch", device="cuda", **call)
            assert golden.digest(made) == row.sha256, row
            target = torch.full_like(made, 1)
            initializer.fill_(target, **call)
            assert golden.digest(target) == row.sha256, row

    @pytest.mark.parametrize("dtype", DTYPES_OF_KERNEL)
    def test_millions_of_elements(self, dtype: str) -> None:
        for content in contents(dtype):
            plan = Plan((2**11, 2**12 + 3), DTYPES[dtype], content, key=KEY)
            elements = torch.empty(plan.shape, dtype=getattr(torch, dtype), device="cuda")
            assert accelerator.usable(elements, plan)
            accelerator.fill(elements, plan)
            assert same(elements, expected(plan)), content

    def test_default_device_and_other_streams(self, launched) -> None:
        wanted = ui.RandomNormal(seed=1)((1000,), backend="torch")
        with torch.device("cuda"):
            assert same(ui.RandomNormal(seed=1)((1000,), backend="torch"), wanted)
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            made = ui.RandomNormal(seed=1)((1000,), backend="torch", device="cuda")
        stream.synchronize()
        assert launched
        assert same(made, wanted)

    @pytest.mark.parametrize("dtype", DTYPES_OF_KERNEL)
    def test_array_operations_there_draw_the_same(self, dtype: str, monkeypatch) -> None:
        monkeypatch.setattr(accelerator, "usable", lambda *_: False)
        for content in contents(dtype):
            plan = Plan((300, 200), DTYPES[dtype], content, key=KEY)
            made = registry().get("torch").run(plan, torch.device("cuda"))
            assert made.is_cuda
            assert same(made, expected(plan)), content


class TestArrayOperations:
    """The way that needs no kernel, shown on the processor."""

    @pytest.mark.parametrize("dtype", [*DTYPES_OF_KERNEL, "float8_e5m2"])
    def test_pieces_fill_the_tensor(self, dtype: str, monkeypatch) -> None:
        monkeypatch.setattr(reference, "LAUNCHED", 1000)
        ops = registry().get("torch").ops(CPU)
        for content in contents(dtype):
            for geometry in ("rows", "back over 2**32", "window"):
                plan = GEOMETRIES[geometry].plan(content, dtype)
                x = torch.full(plan.result_shape, 1, dtype=getattr(torch, dtype))
                accelerator.fill_by_operations(x, plan, ops)
                assert same(x, expected(plan)), content

    def test_tables_are_copied_to_the_device_once(self, monkeypatch) -> None:
        copied = []
        asarray = accelerator.Ops.asarray
        monkeypatch.setattr(
            accelerator.Ops, "asarray", lambda self, values: copied.append(values) or asarray(self, values)
        )
        ops = registry().get("torch").ops(CPU)
        frugal = accelerator.FrugalOps(*(getattr(ops, part) for part in ops.parts))
        accelerator.on_device.cache_clear()
        assert frugal.asarray(tables.single()).equal(torch.from_numpy(tables.single()))
        for row in (*tables.double(), *tables.double()):
            assert frugal.asarray(row).equal(torch.from_numpy(row))
        assert not copied
        assert accelerator.on_device.cache_info().misses == 2
        assert frugal.asarray(np.arange(3)).tolist() == [0, 1, 2]
        assert len(copied) == 1

    @pytest.mark.parametrize("row", golden.examples(), ids=str)
    def test_every_initializer_is_made_from_its_parts(
        self, row: golden.Golden, without_host_kernel, monkeypatch
    ) -> None:
        monkeypatch.setattr(backend, "ACCELERATORS", ("cpu",))
        monkeypatch.setattr(accelerator, "usable", lambda *_: False)
        assert golden.digest(row.draw("torch")) == row.sha256

    @pytest.mark.parametrize("dtype", ["complex64", "float8_e4m3fn", "float16"])
    def test_other_dtypes_are_made_of_drawn_parts(self, dtype, without_host_kernel, monkeypatch) -> None:
        drawn = []
        draw = accelerator.draw
        monkeypatch.setattr(backend, "ACCELERATORS", ("cpu",))
        monkeypatch.setattr(accelerator, "draw", lambda x, *rest: drawn.append(x.dtype) or draw(x, *rest))
        made = ui.RandomNormal(seed=1)((40, 30), dtype, backend="torch")
        assert drawn == ([torch.float16] if dtype == "float16" else [torch.float32] * len(drawn))
        assert len(drawn) == (2 if dtype == "complex64" else 1)
        assert same(made, expected(ui.RandomNormal(seed=1).plan((40, 30), dtype)))


class TestLaunches:
    @given(st.data())
    def test_every_element_is_written_once_at_its_place_with_its_counter(self, data) -> None:
        rank = data.draw(st.integers(0, 4))
        sizes = tuple(data.draw(st.integers(1, 6)) for _ in range(rank))
        order = data.draw(st.permutations(range(rank)))
        strides = [0] * rank
        reach = data.draw(st.integers(1, 3))
        for axis in order:
            strides[axis] = reach
            reach = (reach * sizes[axis]) + data.draw(st.integers(0, 2))
        index = tuple(slice(None, None, data.draw(st.sampled_from([1, 2, -1, -2]))) for _ in range(rank))
        shape = tuple(size * abs(part.step) for size, part in zip(sizes, index, strict=True))
        plan = Plan(shape, DTYPES["float32"], Normal(0.0, 1.0, DTYPES["float32"])).window(index)
        x = torch.empty_strided(sizes, strides, device="meta")
        limit = data.draw(st.integers(1, 40))

        counters = np.arange(math.prod(shape)).reshape(shape)[index]
        wanted = sorted(
            (sum(map(int.__mul__, place, strides)), int(counters[place])) for place in np.ndindex(sizes)
        )
        found = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(accelerator, "LAUNCH", limit)
            for place, counter, axes in accelerator.launches(
                accelerator.arranged(x, plan), 0, plan.numbering.first
            ):
                assert math.prod(axis.size for axis in axes) <= limit
                found += [
                    (
                        place + sum(n * axis.stride for n, axis in zip(at, axes, strict=True)),
                        counter + sum(n * axis.step for n, axis in zip(at, axes, strict=True)),
                    )
                    for at in np.ndindex(*(axis.size for axis in axes))
                ]
        assert sorted(found) == wanted

    @pytest.mark.parametrize(
        ("geometry", "axes"),
        [("dense", 1), ("rows", 1), ("transposed memory", 1), ("transposed", 2), ("convolution", 3)],
    )
    def test_axes_are_joined_where_they_can_be(self, geometry: str, axes: int) -> None:
        plan = GEOMETRIES[geometry].plan(Normal(0.0, 1.0, DTYPES["float32"]), "float32")
        _, elements = allocate(GEOMETRIES[geometry], "float32", "cpu")
        assert len(accelerator.arranged(elements, plan)) == axes


class TestUsable:
    plan = GEOMETRIES["rows"].plan(Normal(0.0, 1.0, DTYPES["float32"]), "float32")

    @needs_no_interpreter
    def test_never_in_memory_of_the_host(self) -> None:
        assert not accelerator.usable(torch.empty(37, 41), self.plan)

    def test_not_without_triton(self, monkeypatch) -> None:
        monkeypatch.setitem(sys.modules, "unifinit_torch.triton_kernel", None)  # Cannot be imported.
        monkeypatch.setattr(accelerator, "kernel", accelerator.kernel.__wrapped__)
        monkeypatch.setattr(accelerator, "is_interpreted", lambda: True)
        assert accelerator.kernel() is None
        assert not accelerator.usable(torch.empty(37, 41), self.plan)

    def test_not_after_tensorflow(self, monkeypatch) -> None:
        monkeypatch.setitem(sys.modules, "tensorflow", object())
        monkeypatch.delitem(sys.modules, "triton", raising=False)
        monkeypatch.setattr(accelerator, "find_spec", str)  # As if it were installed.
        with pytest.warns(RuntimeWarning, match="`import triton` before `import tensorflow`"):
            assert accelerator.kernel.__wrapped__() is None

    @pytest.fixture
    def pretended(self, monkeypatch):
        """As if there were a kernel for memory of the host."""
        monkeypatch.setattr(accelerator, "kernel", lambda: SimpleNamespace(MAX_AXES=5))
        monkeypatch.setattr(accelerator, "is_interpreted", lambda: True)
        accelerator.works.cache_clear()
        yield
        accelerator.works.cache_clear()

    def test_kernel_that_fails_is_not_used(self, pretended, monkeypatch) -> None:
        def launch(*_):
            raise FileNotFoundError("no C compiler\nat all")

        monkeypatch.setattr(accelerator, "launch", launch)
        with pytest.warns(
            RuntimeWarning, match=r"Normal numbers of float32 .* on cpu: .*\(.*: no C compiler\)"
        ):
            assert not accelerator.usable(torch.empty(37, 41), self.plan)
        assert not accelerator.usable(torch.empty(37, 41), self.plan)  # Without another warning.

    def test_kernel_that_gives_other_bits_is_not_used(self, pretended, monkeypatch) -> None:
        monkeypatch.setattr(accelerator, "launch", lambda words, *_: words.zero_())
        with pytest.warns(RuntimeWarning, match="other bits"):
            assert not accelerator.usable(torch.empty(37, 41), self.plan)

    def test_kernel_is_tried_for_each_kind_of_numbers_and_of_memory(self, pretended, monkeypatch) -> None:
        tried = []

        def fill(x, plan):
            tried.append((type(plan.content), plan.dtype.name, x.is_contiguous()))
            x.copy_(expected(plan))

        monkeypatch.setattr(accelerator, "fill", fill)
        for _ in range(2):
            for name in ("rows", "gaps"):
                _, elements = allocate(GEOMETRIES[name], "float32", "cpu")
                assert accelerator.usable(elements, GEOMETRIES[name].plan(self.plan.content, "float32"))
        assert tried == [(Normal, "float32", True), (Normal, "float32", False)]

    @pytest.mark.parametrize("content", [Uniform, Normal, TruncatedNormal])
    def test_kernel_is_tried_with_parameters_that_need_all_bits(self, content: type) -> None:
        parameters = accelerator.example(content, DTYPES["float64"]).parameters
        for number in (parameters.shift, parameters.scale):
            assert number != float(np.float32(number))

    @pytest.mark.parametrize("name", ["complex64", "float8_e5m2"])
    def test_not_for_dtypes_that_the_kernel_does_not_write(self, pretended, name: str) -> None:
        plan = ui.RandomNormal(seed=1).plan((3, 4), name)
        assert not accelerator.usable(torch.empty(3, 4, dtype=getattr(torch, name)), plan)


@needs_compiler
@needs_no_interpreter
class TestCompiled:
    """Code for GPUs, made without one: what the interpreter cannot show."""

    @pytest.fixture(autouse=True)
    def fresh_cache(self, tmp_path, monkeypatch):
        monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))

    def compiled(self, target: tuple[str, Any, int], kind: int, dtype: str, axes: int) -> Any:
        import triton
        from triton.backends.compiler import GPUTarget
        from triton.compiler import ASTSource

        fill = accelerator.kernel().fill
        constants = {
            "kind": kind,
            "dtype": dtype,
            "clips": True,
            "axes": axes,
            "dense": axes == 1,
            "block": accelerator.BLOCK,
        }
        pointers = {"target": POINTERS[dtype], "table": "*i64"}
        signature = {
            p.name: "constexpr" if p.name in constants else pointers.get(p.name) or p.annotation_type
            for p in fill.params
        }
        source = ASTSource(fill, signature, constants)
        return triton.compile(source, target=GPUTarget(*target), options=accelerator.OPTIONS)

    @pytest.mark.parametrize(
        ("kind", "dtype", "axes"),
        [(0, "uint64", 1), (1, "float32", 1), (2, "float16", 5), (2, "bfloat16", 3), (3, "float64", 2)],
    )
    def test_each_operation_on_nvidia_rounds_to_nearest_by_itself(self, kind, dtype, axes) -> None:
        made = self.compiled(("cuda", 80, 32), kind, dtype, axes)
        assert made.asm["cubin"]
        found = set(
            re.findall(r"^\s+(?:@%p\d+ )?(\w[\w.]*\.(?:f16|bf16|f32|f64)\S*) ", made.asm["ptx"], re.M)
        )
        arithmetic = {name for name in found if re.match(r"(add|sub|mul|mad|fma|div|neg|cvt)\.", name)}
        assert {name for name in arithmetic if ".rn." not in name} == set()
        assert {name for name in found if name.startswith(("fma", "mad"))} == set()
        assert not {name for name in found if "ftz" in name or "approx" in name}
        if kind:
            number = "f64" if dtype == "float64" else "f32"
            assert {f"mul.rn.{number}", f"add.rn.{number}"} <= found

    @pytest.mark.parametrize(
        ("geometry", "content", "store"),
        [
            (Geometry((1024,), lambda make: make(1024)), Uniform(-0.1, 0.6, DTYPES["float32"]), "v4.b32"),
            (GEOMETRIES["scalar"], Normal(0.1, 0.7, DTYPES["float64"]), "b64"),
            (GEOMETRIES["convolution"], Normal(0.1, 0.7, DTYPES["bfloat16"]), "b16"),
            (GEOMETRIES["last of 2**62"], Bits(DTYPES["uint64"]), "b64"),
        ],
    )
    def test_launches_are_compiled_for_what_they_are_given(
        self, geometry: Geometry, content: Distribution, store: str, monkeypatch
    ) -> None:
        from triton.backends.compiler import GPUTarget
        from triton.runtime import driver

        compiled = []
        real = accelerator.kernel()

        class Launcher:
            def __getitem__(self, grid):
                return lambda *given, **named: compiled.append(real.fill.warmup(*given, grid=grid, **named))

        pretended = SimpleNamespace(
            get_current_target=lambda: GPUTarget("cuda", 80, 32),
            get_current_device=lambda: 1000,  # Whose kernels no real one runs.
            get_current_stream=lambda _: 0,
        )
        monkeypatch.setattr(accelerator, "kernel", lambda: SimpleNamespace(MAX_AXES=5, fill=Launcher()))
        dtype = content.dtype.name
        _, elements = allocate(geometry, dtype, "cpu")
        monkeypatch.setattr(driver, "_active", pretended)  # To be set back without a look for a real one.
        accelerator.fill(elements, geometry.plan(content, dtype))
        (made,) = compiled
        assert set(re.findall(r"st\.global\.(\S+)", made.asm["ptx"])) == {store}
        assert "fma" not in made.asm["ptx"]

    @pytest.mark.parametrize(
        ("kind", "dtype", "axes"), [(1, "float32", 1), (2, "float16", 5), (3, "float64", 2)]
    )
    def test_nor_does_amd_fuse_any(self, kind, dtype, axes) -> None:
        assembly = self.compiled(("hip", "gfx942", 64), kind, dtype, axes).asm["amdgcn"]
        operations = set(re.findall(r"^\s+(v_\w+)", assembly, re.M))
        assert any(name.startswith(("v_mul_f", "v_pk_mul_f")) for name in operations)
        assert [name for name in operations if re.match(r"v_(pk_)?(fma|fmac|mad|mac)_(mix|f\d)", name)] == []
        modes = dict(re.findall(r"\.amdhsa_float_(\w+) (\d)", assembly))
        nearest, kept = "0", "3"  # How numbers are rounded, and what becomes of subnormal ones.
        assert modes["round_mode_32"] == modes["round_mode_16_64"] == nearest
        assert modes["denorm_mode_32"] == modes["denorm_mode_16_64"] == kept


POINTERS = {
    "uint32": "*i32",
    "uint64": "*i64",
    "float16": "*i16",
    "bfloat16": "*i16",
    "float32": "*fp32",
    "float64": "*fp64",
}


@needs_compiler
@needs_no_interpreter
def test_interpreter_draws_the_same() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-W",
        "error",
        __file__,
        "-k",
        "TestKernel",
    ]
    run = subprocess.run(
        command,
        env=environment | {"TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    counts = dict(reversed(found) for found in re.findall(r"(\d+) (passed|skipped)", run.stdout))
    assert int(counts["passed"]) > 100
    assert "skipped" not in counts, run.stdout
