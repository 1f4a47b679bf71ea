"""Arrays over eight devices of one process. Run by ``test_jax.py``; each ``check_`` function is a test."""

from __future__ import annotations

import os
import re
import sys
import traceback
import warnings
from contextlib import contextmanager
from functools import partial

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec, SingleDeviceSharding

import unifinit as ui
from unifinit import host
from unifinit.registry import registry

P = PartitionSpec
SHAPE = (16, 24)
ROWS, COLUMNS = SHAPE
AUTO, EXPLICIT = AxisType.Auto, AxisType.Explicit
LINE = jax.make_mesh((8,), ("x",), axis_types=(AUTO,))
GRID = jax.make_mesh((4, 2), ("a", "b"), axis_types=(AUTO, AUTO))
CUBE = jax.make_mesh((2, 2, 2), ("p", "q", "r"), axis_types=(AUTO,) * 3)
TYPED = jax.make_mesh((4, 2), ("a", "b"), axis_types=(EXPLICIT, EXPLICIT))
MIXED = jax.make_mesh((4, 2), ("a", "b"), axis_types=(AUTO, EXPLICIT))
HALF = Mesh(np.array(jax.devices()[4:]), ("x",))

INIT = ui.HeNormal()
KINDS = [
    INIT,
    ui.Constant(0.3),
    ui.Orthogonal(),
    ui.Identity(),
    ui.Blocked(["he_normal", "zeros", "glorot_uniform"], sizes=(10, 4, 10)),
    ui.Blocked(["orthogonal", "he_normal"], count=2, axis="in"),
    ui.Masked("truncated_normal", np.tri(*SHAPE, dtype=bool)),
    ui.Stacked("zeros"),
    ui.Stacked("random_uniform"),
]
SHARDINGS = [
    NamedSharding(LINE, P("x")),
    NamedSharding(LINE, P(None, "x")),
    NamedSharding(GRID, P("a", "b")),
    NamedSharding(GRID, P(("b", "a"))),
    NamedSharding(GRID, P(None, "b")),
    NamedSharding(CUBE, P("r", "p")),
    NamedSharding(CUBE, P(("p", "r"), "q")),
    NamedSharding(CUBE, P()),
    NamedSharding(TYPED, P("b", "a")),
    NamedSharding(HALF, P("x")),
    NamedSharding(GRID, P("a"), memory_kind="pinned_host"),
]
DTYPES = ["float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "float64", "complex64", "complex128"]
KEY = jax.random.key(7)


def create(init, device, seed=7, shape=SHAPE, dtype="float32", **options):
    return init(shape, dtype, backend="jax", device=device, seed=seed, **options)


def assert_same(found, init, sharding, shape=SHAPE, dtype="float32", **options):
    """Compare the bits with those of NumPy, those of each device with its part, and the sharding."""
    whole = init(shape, dtype, seed=7, **options)
    assert (found.shape, found.dtype) == (shape, dtype)
    assert registry().get("jax").to_bytes(found) == whole.tobytes(), f"{init!r} has other bits"
    assert sharding is None or found.sharding == sharding, f"{found.sharding}; wanted {sharding}"
    for part in found.addressable_shards:
        assert np.asarray(part.data).tobytes() == whole[part.index].tobytes(), f"{init!r} {part.index}"


@contextmanager
def without_kernel():
    """As on devices that are not the host."""
    host.select("off")
    try:
        yield
    finally:
        host.select(None)


@contextmanager
def created_on_host():
    """What the kernel is asked for: the plans."""
    plans, original = [], host.compute

    def create(plan):
        plans.append(plan)
        return original(plan)

    host.compute = create
    try:
        yield plans
    finally:
        host.compute = original


def sizes(compiled):
    """The number of elements of each array of a compiled program but for tables, largest first."""
    shapes = re.findall(r"\b(?:pred|bf16|[fscu]\d+)\[([\d,]*)\]", compiled.as_text())
    return sorted({int(np.prod([int(n) for n in shape.split(",") if n], dtype=int)) for shape in shapes})


def refused(error, message, function):
    """Require an error."""
    try:
        function()
    except error as found:
        if not re.search(message, str(found)):
            raise AssertionError(f"{message!r} is not in {found}") from found
    else:
        raise AssertionError(f"there was no {error.__name__}")


def check_each_kind_on_each_sharding():
    for sharding in SHARDINGS:
        for init in KINDS:
            assert_same(create(init, sharding), init, sharding)


def check_dtypes():
    for dtype in DTYPES:
        for init in (INIT, ui.Constant(-1.5), ui.Orthogonal(), ui.Stacked("random_uniform")):
            assert_same(create(init, SHARDINGS[2], dtype=dtype), init, SHARDINGS[2], dtype=dtype)
    for dtype in ("int8", "uint32", "int64", "bool"):
        assert_same(
            create(ui.Identity(), SHARDINGS[2], dtype=dtype), ui.Identity(), SHARDINGS[2], dtype=dtype
        )
    for dtype in ("uint32", "uint64"):
        found = ui.random.bits(7, SHAPE, dtype, backend="jax", device=SHARDINGS[5])
        np.testing.assert_array_equal(found, ui.random.bits(7, SHAPE, dtype))
        assert found.sharding == SHARDINGS[5]


def check_layouts():
    for layout in ("OI", "IO"):
        for init in (INIT, ui.Orthogonal(), KINDS[4].replace(sizes=None, initializer="he_normal", count=4)):
            found = create(init, SHARDINGS[6], layout=layout)
            assert_same(found, init, SHARDINGS[6], layout=layout)
    shape = (8, 4, 3, 3)
    found = create(INIT, NamedSharding(GRID, P("b", "a")), shape=shape, layout="OIHW")
    assert_same(found, INIT, NamedSharding(GRID, P("b", "a")), shape, layout="OIHW")


def check_shapes_without_axes_or_elements():
    for shape, spec in (((), P()), ((0, 8), P("a", "b")), ((8, 0), P("a"))):
        sharding = NamedSharding(GRID, spec)
        for init in (ui.RandomNormal(), ui.Zeros()):
            assert_same(create(init, sharding, shape=shape), init, sharding, shape)


def check_each_part_is_drawn_once_and_nothing_else():
    for sharding, parts in zip(SHARDINGS, (8, 8, 8, 8, 2, 4, 8, 1, 8, 4, 4), strict=True):
        for init in (INIT, KINDS[6], ui.RandomNormal()):
            with created_on_host() as plans:
                create(init, sharding, dtype="complex64")
            assert len(plans) == parts
            assert {plan.result_shape for plan in plans} == {sharding.shard_shape(SHAPE)}
            assert len({plan.index for plan in plans}) == parts


def check_copies_share_memory_and_survive_donation():
    shape = (256, 256)
    found = create(INIT, NamedSharding(GRID, P()), shape=shape)
    places = {part.data.unsafe_buffer_pointer() for part in found.addressable_shards}
    assert len(places) == 1
    kept = found.addressable_shards[3].data
    alike = jax.make_array_from_single_device_arrays(shape, SingleDeviceSharding(kept.device), [kept])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Memory that is shared cannot be donated.
        for part in found.addressable_shards[:3]:
            jax.jit(lambda x: x * 0 - 1, donate_argnums=0)(part.data).block_until_ready()
    np.testing.assert_array_equal(alike, INIT(shape, seed=7))


def check_what_the_host_computes_is_computed_once():
    for init, dtype in ((ui.Orthogonal(), "float32"), (KINDS[5], "bfloat16")):
        for sharding in SHARDINGS:
            with created_on_host() as plans:
                create(init, sharding, dtype=dtype)
            assert len(plans) == 1


def check_large_arrays_need_no_more_memory_than_themselves():
    import resource

    sharding = NamedSharding(GRID, P("a", "b"))
    create(INIT, sharding, shape=(8, 8)).block_until_ready()

    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    before, size = peak(), 2**27
    found = create(INIT, sharding, shape=(2**13, 2**12))
    found.block_until_ready()
    assert found.nbytes == size
    assert peak() - before < 1.25 * size


def check_devices_that_compute_for_themselves():
    with without_kernel():
        for sharding in SHARDINGS[2], SHARDINGS[5], SHARDINGS[8]:
            for init in KINDS:
                assert_same(create(init, sharding), init, sharding)
        shape, sharding = (2, 8, 4), NamedSharding(GRID, P("b", "a"))
        assert_same(create(KINDS[-1], sharding, shape=shape), KINDS[-1], sharding, shape)
        for dtype in ("bfloat16", "complex128"):
            for init in (INIT, ui.Orthogonal()):
                assert_same(create(init, SHARDINGS[2], dtype=dtype), init, SHARDINGS[2], dtype=dtype)
        for mesh in (GRID, TYPED):
            with jax.set_mesh(mesh):
                for sharding in (SHARDINGS[2], SHARDINGS[9], NamedSharding(mesh, P("b"))):
                    assert_same(create(INIT, sharding), INIT, sharding)
                found = create(INIT, jax.devices()[3])
                assert_same(found, INIT, SingleDeviceSharding(jax.devices()[3]))
                assert_same(create(INIT, None), INIT, NamedSharding(mesh, P()))


def check_one_program_serves_all_keys():
    divided = type(registry().get("jax"))._divided
    with without_kernel():
        create(INIT, SHARDINGS[0])
        compiled = divided._cache_size()
        for seed in range(4):
            create(INIT, SHARDINGS[0], seed=seed)
        create(INIT, SHARDINGS[0], seed=KEY)
    assert divided._cache_size() == compiled


def check_devices_that_compute_for_themselves_compute_their_parts():
    plan = INIT.plan((256, 128))
    backend = registry().get("jax")
    words = np.int32(0), np.int32(7)
    compiled = backend._divided.lower(backend, plan, SHARDINGS[2], *words).compile()
    assert max(set(sizes(compiled)) - {24578}) == 256 * 128 // 8


def check_compiled_programs_are_divided():
    shape = (256, 128)
    part = 256 * 128 // 8
    table = 24578  # Of the quantiles of the normal distribution, in each program that needs it.
    masked = ui.Masked("he_normal", np.tri(*shape, dtype=bool))
    for mesh in (GRID, TYPED):
        sharding = NamedSharding(mesh, P("a", "b"))
        for init, dtype, layout in (
            (INIT, "float32", None),
            (INIT, "bfloat16", None),
            (INIT, "float32", "OI"),
            (ui.RandomUniform(), "float64", None),
            (ui.TruncatedNormal(), "complex64", "OI"),
            (masked, "float32", None),
        ):
            given = jax.jit(lambda key: create(init, sharding, key, shape, dtype, layout=layout))  # noqa: B023
            wanted = jax.jit(
                lambda key: create(init, None, key, shape, dtype, layout=layout),  # noqa: B023
                out_shardings=sharding,
            )
            for run in (given, wanted):
                compiled = run.lower(KEY).compile()
                held = [size for size in sizes(compiled) if size not in (table, np.prod(shape) // 8)]
                # The mask is a constant.
                assert init is masked or max(held) <= part, f"{init!r} {dtype} {layout}: {held}"
                assert compiled.memory_analysis().temp_size_in_bytes < 1024
                assert not re.search("all-gather|all-reduce|all-to-all|collective", compiled.as_text())
                assert_same(run(KEY), init, sharding, shape, dtype, layout=layout)


def check_programs_with_shardings_in_types_are_divided():
    shape = (256, 128)
    for mesh in (TYPED, MIXED):
        with jax.set_mesh(mesh):
            for init in (INIT, ui.RandomUniform()):
                run = jax.jit(lambda key: create(init, P("a", "b"), key, shape))  # noqa: B023
                assert max(set(sizes(run.lower(KEY).compile())) - {24578}) == 256 * 128 // 8
                assert_same(run(KEY), init, NamedSharding(mesh, P("a", "b")), shape)


def check_compiled_blocks_are_never_whole():
    shape = (256, 128)
    init = ui.Blocked("he_normal", sizes=(48, 32, 48))
    sharding = NamedSharding(GRID, P("a", "b"))
    run = jax.jit(lambda key: create(init, None, key, shape), out_shardings=sharding)
    assert max(set(sizes(run.lower(KEY).compile())) - {24578}) < 256 * 128 // 2
    assert_same(run(KEY), init, sharding, shape)


def check_compiled_layers_are_divided():
    shape = (16, 64, 32)
    init = ui.Stacked("he_normal")
    for spec in (P("a"), P(("a", "b")), P("a", "b"), P(None, "a", "b")):
        sharding = NamedSharding(GRID, spec)
        run = jax.jit(lambda key: create(init, sharding, key, shape))  # noqa: B023
        assert max(set(sizes(run.lower(KEY).compile())) - {24578}) == np.prod(sharding.shard_shape(shape))
        assert_same(run(KEY), init, sharding, shape)


def check_constraints():
    for sharding in (SHARDINGS[2], SHARDINGS[4]):
        for init in (INIT, ui.Orthogonal()):

            def run(key, init=init, sharding=sharding):
                return jax.lax.with_sharding_constraint(create(init, None, key), sharding)

            found = jax.jit(run)(KEY)
            assert_same(found, init, None)
            assert found.sharding.is_equivalent_to(sharding, 2)


def check_compiled_kinds():
    for init in KINDS[2:]:
        for device, options in ((SHARDINGS[2], {}), (None, {"out_shardings": SHARDINGS[2]})):
            run = jax.jit(lambda key: create(init, device, key), **options)  # noqa: B023
            assert_same(run(KEY), init, SHARDINGS[2])
    for sharding in (SHARDINGS[8], SHARDINGS[5], SHARDINGS[10], NamedSharding(MIXED, P("b", "a"))):
        for init in (INIT, ui.Orthogonal(), ui.Identity()):
            make = partial(create, init, sharding)
            traced = partial(jax.jit(make), KEY)
            for run in (jax.jit(make), jax.jit(partial(make, KEY)), traced):
                found = run()
                assert_same(found, init, None)
                assert found.sharding.is_equivalent_to(sharding, 2)
                assert found.sharding.memory_kind == sharding.memory_kind
    # A device says nothing in a compiled function, as with jax.numpy.zeros.
    assert_same(jax.jit(lambda: create(INIT, jax.devices()[2]))(), INIT, jnp.zeros(3).sharding)


def check_current_meshes():
    for mesh in (GRID, TYPED, MIXED):
        with jax.set_mesh(mesh):
            zeros = jnp.zeros(SHAPE)
            for init in KINDS:
                found = create(init, None)
                assert_same(found, init, NamedSharding(mesh, P()))
                assert found.sharding.is_equivalent_to(zeros.sharding, 2)
                assert found.committed == zeros.committed
                assert_same(create(init, P("a", "b")), init, NamedSharding(mesh, P("a", "b")))
            abstract = NamedSharding(mesh.abstract_mesh, P("b"))
            assert_same(create(INIT, abstract), INIT, NamedSharding(mesh, P("b")))
            assert_same(create(INIT, "cpu:3"), INIT, SingleDeviceSharding(jax.devices()[3]))
            assert_same(create(INIT, SHARDINGS[0]), INIT, SHARDINGS[0])
            for init in (INIT, ui.Orthogonal(), KINDS[5]):
                for device, spec in ((None, P()), (P("a", "b"), P("a", "b"))):
                    found = jax.jit(lambda key: create(init, device, key))(KEY)  # noqa: B023
                    assert_same(found, init, None)
                    assert found.sharding.is_equivalent_to(NamedSharding(mesh, spec), 2)
                found = jax.jit(lambda key: create(init, None, key), out_shardings=P("b"))(KEY)  # noqa: B023
                assert_same(found, init, NamedSharding(mesh, P("b")))


def check_shardings_in_types():
    with jax.set_mesh(TYPED):
        typed = jax.eval_shape(lambda key: create(INIT, P("a"), key), KEY)
        assert typed.sharding.spec == P("a", None)
        like = create(INIT, P("a", "b"), seed=1)

        def run(key, like):
            made = INIT(SHAPE, like=like, seed=key)
            assert jax.typeof(made).sharding == jax.typeof(like).sharding
            return made

        assert_same(jax.jit(run)(KEY, like), INIT, like.sharding)


def check_like():
    for sharding in SHARDINGS:
        like = create(ui.Zeros(), sharding)
        for init in (INIT, ui.Orthogonal()):
            assert_same(init(SHAPE, like=like, seed=7), init, sharding)
    assert_same(jax.jit(lambda: INIT(SHAPE, like=like, seed=7))(), INIT, None)
    for device in (jax.devices()[0], jax.devices()[5]):
        like = jax.device_put(np.zeros(3, np.float32), device)
        found = INIT(SHAPE, like=like, seed=7)
        assert_same(found, INIT, SingleDeviceSharding(device))
        assert found.committed
    # Where JAX's own defaults have put an array, one like it goes with arrays on any device.
    found = INIT(SHAPE, like=jnp.zeros(3), seed=7)
    assert not found.committed
    assert (found + create(INIT, SHARDINGS[2])).sharding == SHARDINGS[2]
    with jax.default_device(jax.devices()[3]):
        like = jnp.zeros(3)
        assert INIT(SHAPE, like=like, seed=7).devices() == {jax.devices()[3]}
    assert INIT(SHAPE, like=like, seed=7).devices() == {jax.devices()[3]}


def check_shards_on_devices():
    whole = INIT(SHAPE, seed=7)
    index = (slice(15, None, -2), slice(4, 20))
    for device in (SHARDINGS[2], NamedSharding(LINE, P("x")), jax.devices()[4]):
        found = INIT.shard(SHAPE, index, seed=7, backend="jax", device=device)
        np.testing.assert_array_equal(found, whole[index])
        assert found.devices() == (device.device_set if hasattr(device, "device_set") else {device})


def check_shardings_that_do_not_fit():
    for shape, sharding in (
        ((15, 24), SHARDINGS[2]),
        ((16, 25), SHARDINGS[2]),
        ((16,), SHARDINGS[2]),
        (SHAPE, NamedSharding(TYPED, P("a", unreduced={"b"}))),
    ):
        refused(Exception, "", lambda: jnp.zeros(shape, device=sharding))  # noqa: B023
        for init in (INIT, ui.Zeros(), ui.Orthogonal()):
            if init is INIT or len(shape) == 2:
                make = partial(create, init, sharding, shape=shape)
                refused(ui.DeviceError, "does not fit shape", make)
                refused(ui.DeviceError, "does not fit shape", jax.jit(make))
    with jax.set_mesh(GRID):
        refused(ui.DeviceError, "does not fit the current mesh", lambda: create(INIT, P("q")))
        refused(ui.DeviceError, "does not fit the current mesh", jax.jit(lambda: create(INIT, P("q"))))
    for device in (P("a"), NamedSharding(GRID.abstract_mesh, P("a"))):
        refused(ui.DeviceError, "not current; wanted jax.set_mesh", lambda: create(INIT, device))  # noqa: B023
        refused(ui.DeviceError, "not current", jax.jit(lambda: create(INIT, device)))  # noqa: B023


def check_calls_without_a_seed():
    for mesh in (GRID, TYPED):
        found = create(INIT, NamedSharding(mesh, P("b")), seed=None)
        copies = {np.asarray(part.data).tobytes() for part in found.addressable_shards}
        assert len(copies) == 2
        with jax.set_mesh(mesh):
            assert len(create(INIT, None, seed=None).addressable_shards) == 8
            for device in (None, P("a")):
                run = jax.jit(lambda: create(INIT, device, seed=None))  # noqa: B023
                refused(ui.SeedError, "recording a computation", run)


def check_keys_on_several_devices():
    for spec in (P(), P("a")):
        keys = jax.device_put(jax.random.split(KEY, 4), NamedSharding(GRID, spec))
        for init in (INIT, ui.Orthogonal()):
            found = jax.jit(jax.vmap(lambda key: create(init, None, key)))(keys)  # noqa: B023
            for one, key in zip(found, ui.Key(7).split(4), strict=True):
                np.testing.assert_array_equal(one, init(SHAPE, seed=key))
    replicated = jax.device_put(KEY, NamedSharding(GRID, P()))
    assert_same(create(INIT, SHARDINGS[2], replicated), INIT, SHARDINGS[2])
    assert_same(create(INIT, SHARDINGS[2], jax.device_put(jax.random.PRNGKey(7), SHARDINGS[7])), INIT, None)


def check_maps_over_devices():
    keys = jax.random.split(KEY, 8)
    expected = [ui.Key(7).fold_in(i) for i in range(8)]
    for init in (INIT, ui.Orthogonal()):
        mapped = jax.shard_map(
            lambda keys: create(init, None, keys[0])[None],  # noqa: B023
            mesh=LINE,
            in_specs=P("x"),
            out_specs=P("x"),
        )
        for run in (mapped, jax.jit(mapped), jax.pmap(lambda key: create(init, None, key))):  # noqa: B023
            found = run(keys)
            assert found.addressable_shards[0].data.shape == (1, *SHAPE)
            for one, key in zip(found, expected, strict=True):
                np.testing.assert_array_equal(one, init(SHAPE, seed=key))


def main():
    """Run all checks, and show what went wrong in any of them."""
    jax.config.update("jax_enable_x64", True)
    warnings.simplefilter("error")
    failed = []
    for name, function in list(globals().items()):
        if name.startswith("check_"):
            try:
                function()
            except Exception:
                traceback.print_exc()
                failed.append(name)
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
