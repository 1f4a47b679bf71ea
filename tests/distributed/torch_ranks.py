"""What each rank runs: checks of tensors that are spread over the ranks.

``python torch_ranks.py RANK RANKS FOLDER`` writes what the checks have found to ``FOLDER/found_RANK.json``. A
rank stops at its first failure, since the others may wait for it.
"""

from __future__ import annotations

import json
import math
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor
from torch.distributed.tensor.debug import CommDebugMode
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.distributed.tensor.placement_types import _StridedShard
from torch.utils._python_dispatch import TorchDispatchMode

import unifinit as ui
import unifinit_torch
from unifinit.registry import registry
from unifinit.testing import golden

BACKEND: Any = registry().resolve("torch")
KEY = ui.Key(11)

Check = Callable[["World"], None]
CHECKS: dict[str, Check] = {}


def check(function: Check) -> Check:
    CHECKS[function.__name__] = function
    return function


class World:
    """The ranks, this one, and the meshes of them."""

    def __init__(self, rank: int, ranks: int) -> None:
        self.rank, self.ranks = rank, ranks
        inner = 2 if ranks > 1 else 1
        self.line = init_device_mesh("cpu", (ranks,))
        self.grid = init_device_mesh("cpu", (ranks // inner, inner), mesh_dim_names=("outer", "inner"))
        self.meshes: tuple[DeviceMesh, ...] = (self.line, self.grid)


def spread(whole: torch.Tensor, mesh: DeviceMesh, placements: Sequence[Any]) -> DTensor:
    """A tensor that PyTorch itself has cut, without communication."""
    return distribute_tensor(whole.clone(), mesh, placements, src_data_rank=None)


def garbage(shape: Sequence[int], dtype: str, mesh: DeviceMesh, placements: Sequence[Any]) -> DTensor:
    """A tensor that is yet to be filled."""
    words = torch.full((*shape, getattr(torch, dtype).itemsize), 0x5A, dtype=torch.uint8)
    return spread(words.view(getattr(torch, dtype))[..., 0], mesh, placements)


def data(x: torch.Tensor) -> bytes:
    return bytes(BACKEND.to_bytes(x))


def placements_of(ndim: int, mesh: DeviceMesh) -> Iterator[tuple[Any, ...]]:
    """All ways to spread a tensor over a mesh, strided ones among them."""
    axes = [Replicate(), *map(Shard, range(ndim))]
    yield from product(axes, repeat=mesh.ndim)
    for dim in range(ndim):
        # As FSDP2 over tensor parallelism has it, and as reshaped tensors are.
        yield (_StridedShard(dim, split_factor=3), *(Replicate(),) * (mesh.ndim - 1))
        if mesh.ndim == 2:
            yield _StridedShard(dim, split_factor=mesh.size(1)), Shard(dim)
            yield Shard(dim), _StridedShard(dim, split_factor=2)


class LargestResult(TorchDispatchMode):
    """Watches the sizes of the tensors that operations make."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for one in made if isinstance(made, (tuple, list)) else (made,):
            if isinstance(one, torch.Tensor) and not isinstance(one, DTensor) and not one.is_meta:
                self.elements = max(self.elements, one.numel())
        return made


@contextmanager
def silence() -> Iterator[None]:
    """No collective operation may be called within."""
    with CommDebugMode() as seen:
        yield
    assert seen.get_total_counts() == 0, seen.get_comm_counts()


@contextmanager
def raises(error: type[Exception], *words: str) -> Iterator[None]:
    raised = None
    try:
        yield
    except error as caught:
        raised = caught
    assert raised is not None, f"no {error.__name__}"
    assert all(word in str(raised) for word in words), str(raised)


SHAPES: list[tuple[tuple[int, ...], str | None]] = [
    ((8, 6), None),
    ((7, 9), "OI"),
    ((5, 3, 2, 3), "OIHW"),
    ((3, 2), "OI"),  # Fewer rows than ranks.
    ((0, 3), None),
]


@check
def any_placement_gives_the_bytes_of_one_process(world: World) -> None:
    initializer = ui.GlorotNormal(seed=KEY)
    for (shape, layout), mesh in product(SHAPES, world.meshes):
        whole = initializer(shape, backend="torch", layout=layout)
        for placements in placements_of(len(shape), mesh):
            target = garbage(shape, "float32", mesh, placements)
            assert initializer.fill_(target, layout=layout) is target
            told = f"{shape} {layout} {placements} on {mesh}"
            assert data(target.to_local()) == data(spread(whole, mesh, placements).to_local()), told
            if math.prod(shape):
                assert data(target.full_tensor()) == data(whole), told


@check
def tensors_without_axes_are_replicated(world: World) -> None:
    for mesh in world.meshes:
        target = garbage((), "float32", mesh, [Replicate()] * mesh.ndim)
        ui.RandomNormal(seed=KEY).fill_(target)
        assert data(target) == data(ui.RandomNormal(seed=KEY)((), backend="torch"))


@check
def any_initializer_gives_the_published_digests(world: World) -> None:
    rows = golden.examples() if world.ranks == 4 else golden.load()[:: 4 // world.ranks]
    for number, row in enumerate(rows):
        if math.prod(row.shape) > golden.SMALL:
            continue
        mesh = world.meshes[number % 2]
        ways = list(placements_of(len(row.shape), mesh))
        placements = ways[number // 2 % len(ways)]
        target = garbage(row.shape, row.dtype, mesh, placements)
        ui.get(row.initializer).fill_(target, seed=row.seed, layout=row.layout)
        assert golden.digest(target) == row.sha256, f"{row} with {placements}"


@check
def any_dtype_gives_the_bytes_of_one_process(world: World) -> None:
    sixteen, eight = ("float16", "bfloat16"), ("float8_e4m3fn", "float8_e5m2")
    dtypes = (*sixteen, *eight, "float32", "float64", "complex64", "complex128")
    ways = ([Shard(0)], [Shard(1)], [Replicate()], [_StridedShard(0, split_factor=2)])
    for dtype, placements in product(dtypes, ways):
        for initializer in (ui.TruncatedNormal(seed=KEY), ui.RandomUniform(seed=KEY), ui.Ones()):
            whole = initializer((9, 10), dtype, backend="torch", layout="OI")
            target = garbage((9, 10), dtype, world.line, placements)
            initializer.fill_(target, layout="OI")
            expected = spread(whole, world.line, placements)
            made = initializer((9, 10), like=target, layout="OI")
            for part in (target.to_local(), made.to_local()):
                assert data(part) == data(expected.to_local()), (dtype, placements)
            assert data(target) == data(whole), (dtype, placements)


@check
def views_are_filled_as_tensors_of_their_own(world: World) -> None:
    initializer = ui.GlorotUniform(seed=KEY)
    views: list[Callable[[torch.Tensor], torch.Tensor]] = [
        torch.flatten,
        torch.t,
        lambda x: x.view(2, 2, 8),
        lambda x: x[1:3],
    ]
    for view in views:
        target = garbage((4, 8), "float32", world.line, [Shard(1)])
        initializer.fill_(view(target))
        expected = initializer(tuple(view(target).shape), backend="torch")
        assert data(view(target.full_tensor())) == data(expected)


@check
def generators_in_other_states_agree_on_a_key(world: World) -> None:
    import unifinit.compat.torch as drop_in

    for mesh in world.meshes:
        # The first rank's generator decides, as in PyTorch.
        target = garbage((12, 8), "float32", mesh, [Shard(0), Replicate()][: mesh.ndim])
        torch.manual_seed(world.rank)
        drop_in.orthogonal_(target)
        torch.manual_seed(0)
        expected = drop_in.orthogonal_(torch.empty(12, 8))
        assert data(target) == data(expected)
        again = garbage((12, 8), "float32", mesh, [Shard(0), Replicate()][: mesh.ndim])
        blocked = ui.Blocked([ui.HeNormal(), ui.Zeros()])
        blocked.fill_(again, generator=torch.Generator().manual_seed(world.rank))
        expected = torch.empty(12, 8)
        assert data(again) == data(blocked.fill_(expected, generator=torch.Generator().manual_seed(0)))
        place = mesh, [Shard(0), Replicate()][: mesh.ndim]
        generator = torch.Generator().manual_seed(world.rank)
        new = ui.HeNormal()((12, 8), backend="torch", device=place, generator=generator)
        key = BACKEND.key_from(torch.Generator().manual_seed(0), None)
        assert data(new) == data(ui.HeNormal(seed=key)((12, 8), backend="torch"))


@check
def nothing_is_sent(world: World) -> None:
    target = garbage((64, 48), "float32", world.line, [Shard(0)])
    for initializer in (ui.HeNormal(seed=KEY), ui.Orthogonal(seed=KEY), ui.Zeros()):
        with silence():
            initializer.fill_(target, layout="OI")
            initializer((64, 48), like=target, layout="OI")
        # One rank alone would wait for ever if it needed the others.
        if world.rank == 0:
            initializer.fill_(target, layout="OI")
            initializer((64, 48), like=target)
        dist.barrier()


@check
def no_operation_makes_more_than_the_part_of_its_rank(world: World) -> None:
    shape = (512, 384)  # Parts are larger than the tables of the stream.
    strided = [_StridedShard(0, split_factor=2), Shard(0)]
    for placements in ([Shard(0), Shard(1)], [Shard(1), Replicate()], strided):
        target = garbage(shape, "float32", world.grid, placements)
        local = target.to_local().numel()
        with LargestResult() as seen:
            ui.TruncatedNormal(seed=KEY).fill_(target, layout="OI")
        assert 0 < seen.elements <= local, placements
        with LargestResult() as seen:
            ui.TruncatedNormal(seed=KEY)(shape, like=target, layout="OI")
        assert 0 < seen.elements <= local, placements


@check
def memory_grows_by_the_part_of_its_rank(world: World) -> None:
    if world.ranks != 4 or sys.platform != "linux":
        return
    part = 2**25
    shape = (4 * part // 2**12 // 4, 2**12)  # 128 MB in all.
    local = torch.empty(shape[0] // 4, shape[1])
    target = DTensor.from_local(local, world.line, [Shard(0)], run_check=False)
    ui.RandomNormal(seed=KEY).fill_(garbage((8, 8), "float32", world.line, [Shard(0)]), layout="OI")
    before = peak_memory()
    ui.RandomNormal(seed=KEY).fill_(target, layout="OI")
    grown = peak_memory() - before
    assert grown < 1.5 * part, f"{grown} bytes for a part of {part} bytes"
    del target, local
    before = peak_memory()
    ui.RandomNormal(seed=KEY)(shape, like=garbage((4, 4), "float32", world.line, [Shard(0)]))
    grown = peak_memory() - before
    assert grown < 1.5 * part, f"{grown} bytes for a part of {part} bytes"


def peak_memory() -> int:
    return 1024 * int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])


@check
def like_a_spread_tensor(world: World) -> None:
    initializer = ui.HeUniform(seed=KEY)
    for (shape, layout), mesh in product(SHAPES[:4], world.meshes):
        whole = initializer(shape, "bfloat16", backend="torch", layout=layout)
        for placements in placements_of(len(shape), mesh):
            like = nn.Parameter(garbage((6,) * len(shape), "bfloat16", mesh, placements))
            made = initializer(shape, like=like, layout=layout)
            assert type(made) is DTensor
            assert not made.requires_grad
            assert (made.device_mesh, made.placements, made.dtype) == (mesh, like.placements, torch.bfloat16)
            assert (tuple(made.shape), made.stride()) == (shape, whole.stride())
            assert data(made) == data(whole), f"{shape} {layout} {placements} on {mesh}"
    like = garbage((4, 4), "float32", world.line, [Shard(0)])
    alone = initializer((5, 4), like=like, device="cpu")
    assert type(alone) is torch.Tensor
    assert data(alone) == data(initializer((5, 4), backend="torch"))
    window = initializer.shard((9, 8), (slice(None, None, -2), slice(1, 7)), like=like)
    assert type(window) is DTensor
    assert data(window) == initializer((9, 8))[::-2, 1:7].tobytes()


@check
def device_is_a_mesh_with_placements(world: World) -> None:
    initializer = ui.RandomNormal(seed=KEY)
    whole = initializer((5, 6), backend="torch")
    for mesh, placements in ((world.line, [Shard(-1)]), (world.grid, (Shard(0), Replicate()))):
        made = initializer((5, 6), backend="torch", device=(mesh, placements))
        assert type(made) is DTensor
        assert made.placements == tuple(Shard(1) if one == Shard(-1) else one for one in placements)
        assert data(made) == data(whole)
    for device in ((), (world.line,), (world.line, 3), (world.line, [Shard(0)] * 2), ("cpu", [Shard(0)])):
        with raises(ui.DeviceError, "(mesh, placements)"):
            initializer((5, 6), backend="torch", device=device)


@check
def sums_that_are_pending_cannot_be_filled(world: World) -> None:
    pending = DTensor.from_local(torch.full((3, 4), 7.0), world.line, [Partial()], run_check=False)
    with raises(ui.TargetError, "Partial(sum)", "wanted"):
        ui.RandomNormal(seed=KEY).fill_(pending)
    assert (pending.to_local() == 7).all()
    with raises(ui.DeviceError, "Partial(sum)", "device="):
        ui.RandomNormal(seed=KEY)((3, 4), like=pending)


@check
def parts_that_do_not_fit_are_refused(world: World) -> None:
    local = torch.full((3, 4), 7.0)
    wrong = DTensor.from_local(
        local, world.line, [Shard(0)], run_check=False, shape=torch.Size((40, 4)), stride=(4, 1)
    )
    with raises(ui.TargetError, "(3, 4)", f"({40 // world.ranks}, 4)"):
        ui.RandomNormal(seed=KEY).fill_(wrong)
    assert (local == 7).all()
    like = garbage((4, 4), "float32", world.line, [Shard(1)])
    with raises(ui.DeviceError, "(5,)", "device="):
        ui.RandomNormal(seed=KEY)((5,), like=like)


@check
def ranks_beyond_the_mesh_have_nothing_to_do(world: World) -> None:
    if world.ranks == 1:
        return
    mesh = DeviceMesh("cpu", list(range(world.ranks - 1)))
    initializer = ui.RandomNormal(seed=KEY)
    for made in (
        initializer.fill_(garbage((7, 3), "float32", mesh, [Shard(0)])),
        initializer((7, 3), like=garbage((2, 2), "float32", mesh, [Shard(0)])),
    ):
        if world.rank == world.ranks - 1:
            assert made.to_local().numel() == 0
        else:
            assert data(made) == data(initializer((7, 3), backend="torch"))
    dist.barrier()


@check
def autograd_sees_nothing_but_the_new_version(world: World) -> None:
    parameter = nn.Parameter(garbage((4, 4), "float32", world.line, [Shard(0)]))
    saved = (parameter * parameter).sum()
    ui.HeNormal(seed=KEY).fill_(parameter)
    assert parameter.is_leaf
    assert parameter.requires_grad
    assert parameter.grad_fn is None
    with raises(RuntimeError, "modified by an inplace operation"):
        saved.backward()
    (parameter * 2).sum().backward()
    assert (parameter.grad.full_tensor() == 2).all()


class Network(nn.Module):
    """Layers of uneven sizes, with what FSDP2 and tensor parallelism meet in models."""

    def __init__(self, hidden: int = 11) -> None:
        super().__init__()
        self.embedding = nn.Embedding(13, 7)
        self.up = nn.Linear(7, hidden)
        self.down = nn.Linear(hidden, 7, bias=False)
        self.norm = nn.LayerNorm(7)
        self.convolution = nn.Conv2d(3, 5, 2)
        self.scale = nn.Parameter(torch.empty(1))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.down(self.up(self.embedding(tokens)).relu()))
        return x + self.convolution(torch.ones(1, 3, 2, 2)).mean() * self.scale


def rule(name: str, ndim: int) -> tuple[ui.Initializer, str | None]:
    if ndim == 1:
        return ui.RandomUniform(minval=-1.0), None
    return (ui.RandomNormal(), None) if "embedding" in name else (ui.Orthogonal(gain=2.0), "OI...")


def fill_parameters(module: nn.Module) -> None:
    for name, parameter in module.named_parameters():
        initializer, layout = rule(name, parameter.ndim)
        initializer.fill_(parameter, seed=KEY / name, layout=layout)


def expected_parameters(hidden: int = 11) -> dict[str, torch.Tensor]:
    made = {}
    for name, parameter in Network(hidden).named_parameters():
        initializer, layout = rule(name, parameter.ndim)
        made[name] = initializer(
            tuple(parameter.shape), seed=KEY / name, layout=layout, backend="torch", dtype=parameter.dtype
        )
    return made


def assert_filled(module: nn.Module, hidden: int = 11) -> None:
    expected = expected_parameters(hidden)
    found = dict(module.named_parameters())
    assert found.keys() == expected.keys()
    for name, parameter in found.items():
        found_bytes = data(parameter)
        assert found_bytes == data(expected[name]), f"{name}: {getattr(parameter, 'placements', None)}"


def on_meta(hidden: int = 11) -> Network:
    with torch.device("meta"):
        return Network(hidden)


@check
def fsdp2_from_the_meta_device(world: World) -> None:
    model = on_meta()
    fully_shard(model.up, mesh=world.line)
    fully_shard(model, mesh=world.line)
    model.to_empty(device="cpu")
    with silence():
        fill_parameters(model)
    assert all(isinstance(parameter, DTensor) for parameter in model.parameters())
    assert_filled(model)
    # The same network in one process computes the same.
    alone = Network()
    alone.load_state_dict(expected_parameters())
    tokens = torch.arange(6)
    torch.testing.assert_close(model(tokens), alone(tokens))
    assert_filled(model)


@check
def fsdp2_cut_along_other_axes_and_replicated(world: World) -> None:
    model = on_meta(hidden=12)
    size = world.grid.size(1)

    def widest(parameter: nn.Parameter) -> Shard:
        even = [axis for axis, n in enumerate(parameter.shape) if n % size == 0]
        return Shard(even[-1] if even else 0)

    fully_shard(model, mesh=world.grid, shard_placement_fn=widest)
    model.to_empty(device="cpu")
    fill_parameters(model)
    assert model.down.weight.placements == (Replicate(), Shard(1))
    assert_filled(model, hidden=12)


@check
def fsdp2_with_reset_parameters(world: World) -> None:
    class Filled(nn.Linear):
        def reset_parameters(self) -> None:
            ui.HeNormal().fill_(self.weight, seed=KEY / "weight", layout="OI")
            ui.Zeros().fill_(self.bias)

    with torch.device("meta"):
        model = nn.Sequential(Filled(5, 9))
    fully_shard(model, mesh=world.line)
    model.to_empty(device="cpu")
    for guard in (torch.no_grad, torch.enable_grad):
        for parameter in model.parameters():
            with torch.no_grad():
                parameter.fill_(7)
        with guard():
            model[0].reset_parameters()
        assert data(model[0].weight) == data(
            ui.HeNormal()((9, 5), seed=KEY / "weight", layout="OI", backend="torch")
        )
        assert (model[0].bias.full_tensor() == 0).all()


WHOLE_MODEL = [("**/bias", "zeros"), ("**/scale", "ones"), ("**", "glorot_uniform")]


class Block(nn.Module):
    """Attention whose projections share an array, of sizes that no number of ranks divides."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(6, 2)
        self.net = Network()


@check
def whole_models_by_rules(world: World) -> None:
    expected = dict(ui.init_(Block(), WHOLE_MODEL, seed=3).named_parameters())
    for materialized in (False, True):
        with torch.device("meta"):
            model = Block()
        fully_shard(model.net, mesh=world.line)
        fully_shard(model, mesh=world.line)
        if materialized:
            model.to_empty(device="cpu")
        with silence():
            ui.init_(model, WHOLE_MODEL, seed=3)
        found = dict(model.named_parameters())
        assert found.keys() == expected.keys()
        for name, parameter in found.items():
            assert isinstance(parameter, DTensor), name
            assert data(parameter) == data(expected[name]), name
        # FSDP2 knows of the new parameters: it gathers them, and gradients reach them.
        model.net(torch.arange(6)).sum().backward()
        assert model.net.up.weight.grad is not None


def parallelized(mesh: DeviceMesh) -> Network:
    plan = {"embedding": RowwiseParallel(), "up": ColwiseParallel(), "down": RowwiseParallel()}
    return parallelize_module(on_meta(), mesh, plan)


@check
def tensor_parallel_from_the_meta_device(world: World) -> None:
    model = parallelized(world.line)
    model.to_empty(device="cpu")
    with silence():
        fill_parameters(model)
    assert [model.up.weight.placements, model.down.weight.placements] == [(Shard(0),), (Shard(1),)]
    assert_filled(model)


@check
def fsdp2_over_tensor_parallel(world: World) -> None:
    model = parallelized(world.grid["inner"])
    fully_shard(model.down, mesh=world.grid["outer"])
    fully_shard(model, mesh=world.grid["outer"])
    model.to_empty(device="cpu")
    with silence():
        fill_parameters(model)
    if world.ranks > 1:
        assert model.up.weight.placements == (_StridedShard(0, split_factor=2), Shard(0))
    assert_filled(model)


@check
def fsdp1_before_it_flattens(world: World) -> None:
    names: dict[int, str] = {}

    def fill_module(module: nn.Module) -> None:
        module.to_empty(device="cpu", recurse=False)
        for name, parameter in module.named_parameters(recurse=False):
            full_name = f"{names[id(module)]}.{name}".lstrip(".")
            initializer, layout = rule(full_name, parameter.ndim)
            initializer.fill_(parameter, seed=KEY / full_name, layout=layout)

    model = on_meta()
    names.update((id(module), name) for name, module in model.named_modules())
    sharded = FullyShardedDataParallel(
        model, param_init_fn=fill_module, use_orig_params=True, device_id=torch.device("cpu")
    )
    with FullyShardedDataParallel.summon_full_params(sharded):
        assert_filled(model)


@check
def ranks_with_one_stream_agree(world: World) -> None:
    unifinit_torch.check_ranks()
    for axis in range(2):
        unifinit_torch.check_ranks(world.grid.get_group(axis))


@check
def a_rank_with_another_stream_is_named(world: World) -> None:
    if world.ranks == 1:
        return
    from unifinit_torch import distributed

    odd = world.ranks - 1
    usual = distributed.fingerprint
    if world.rank == odd:
        distributed.fingerprint = lambda: "v0:of-another-version"
    try:
        with raises(ui.StreamError, f"rank {odd} has v0:of-another-versi", ui.fingerprint()[:19]):
            unifinit_torch.check_ranks()
        # Names are those of all ranks, whatever place they have in the group.
        group = world.grid.get_group(1)
        if odd in dist.get_process_group_ranks(group):
            with raises(ui.StreamError, f"rank {odd}"):
                unifinit_torch.check_ranks(group)
        else:
            unifinit_torch.check_ranks(group)
        # Filling asks nobody.
        ui.RandomNormal(seed=KEY).fill_(garbage((4, 4), "float32", world.line, [Shard(0)]))
    finally:
        distributed.fingerprint = usual


def main() -> None:
    rank, ranks = int(sys.argv[1]), int(sys.argv[2])
    folder = Path(sys.argv[3])
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=ranks)
    world = World(rank, ranks)
    found: dict[str, str] = {}
    for name, function in CHECKS.items():
        try:
            function(world)
            dist.barrier()
        except BaseException:
            found[name] = traceback.format_exc()
            break
        found[name] = ""
    (folder / f"found_{rank}.json").write_text(json.dumps(found))
    if not any(found.values()):  # Others may be gone, for whom an orderly end would wait.
        dist.destroy_process_group()
    os._exit(0)  # Threads of gloo can abort an interpreter that ends: pytorch#179291.


if __name__ == "__main__":
    main()
