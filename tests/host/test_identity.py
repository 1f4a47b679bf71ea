"""The kernel gives the bits of the reference path: at each level, with any number of threads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import unifinit as ui
from unifinit import distributions, host, narrow, reference
from unifinit.host.kernel import OFF
from unifinit.plan import Plan
from unifinit.stream.ops import numpy_ops
from unifinit.testing import assert_identical, golden
from unifinit.types import DTYPES, FLOATS, DType
from unifinit_pytest import BackendUnderTest

from .conftest import LEVELS, needs_kernel

KEY = ui.Key(0x0123456789ABCDEF)
BITS = [distributions.Bits(DTYPES[name]) for name in ("uint32", "uint64")]


def contents(dtype: DType) -> list[distributions.Distribution]:
    """Each kind of numbers with plain and with awkward parameters."""
    return [
        distributions.Uniform(0.0, 1.0, dtype),
        distributions.Uniform(-3.0, 0.1, dtype),
        distributions.Uniform(1.0, 1.0 + 2.0**-7, dtype),
        distributions.Normal(0.0, 1.0, dtype),
        distributions.Normal(-7.0, 1e-3, dtype),
        distributions.TruncatedNormal(-2.0, 2.0, 0.0, 1.0, dtype),
        distributions.TruncatedNormal(-0.5, 3.0, 1.0, 0.02, dtype),
        distributions.TruncatedNormal(-np.inf, 0.0, 0.0, 1.0, dtype),
        distributions.TruncatedNormal(4.0, 5.0, 0.0, 1.0, dtype),
    ]


PLANS = [
    Plan((size,), dtype, content, key=KEY)
    for size in (1, 100_003)
    for dtype in FLOATS
    for content in contents(dtype)
] + [Plan((size,), content.dtype, content, key=KEY) for size in (1, 100_003) for content in BITS]


def words(values: np.ndarray) -> np.ndarray:
    """Bits of elements, by which they are compared: NaN and signs of zero count."""
    return np.ascontiguousarray(values).view(f"u{values.itemsize}")


def by_reference(plan: Plan) -> np.ndarray:
    """The definition's values, with words for what NumPy lacks."""
    if not plan.dtype.is_narrow:
        return words(reference.run(plan, numpy_ops()))
    wide = reference.run(plan.with_dtype(DTYPES["float32"]), numpy_ops())
    if plan.dtype.name != "bfloat16":
        return narrow.encode(wide, plan.dtype.name)
    return np.array([DTYPES["bfloat16"].round(x) for x in wide.tolist()], np.float32).view(np.uint32) >> 16


@needs_kernel
@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_kernel_is_the_reference(plan: Plan, share_everything: Callable[[int], None]) -> None:
    wanted = by_reference(plan)
    for level in LEVELS:
        host.select(level)
        for count in (1, 2, 7):
            share_everything(count)
            assert np.array_equal(words(host.create(plan)), wanted), (level, count)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_golden_digests(level: str, count: int, share_everything: Callable[[int], None]) -> None:
    share_everything(count)
    table = [*golden.load(), *golden.load_random()]
    rows = [row for row in table if has_narrow() or not DTYPES[row.dtype].is_narrow]
    assert len(rows) > 300
    assert [str(row) for row in rows if golden.digest(row.draw("numpy")) != row.sha256] == []


def has_narrow() -> bool:
    try:
        import ml_dtypes  # noqa: F401
    except ImportError:
        return False
    return True


@needs_kernel
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("layout", ["HWIO", "OIHW", "WOIH"])
def test_any_layout_is_written_in_place(
    dtype: str, layout: str, share_everything: Callable[[int], None]
) -> None:
    shape = (3, 5, 33, 40)
    plan = ui.HeNormal(seed=KEY).plan(shape, dtype, layout=layout)
    wanted = reference.run(plan, numpy_ops())
    for level in LEVELS:
        host.select(level)
        for count in (1, 3):
            share_everything(count)
            for target in targets(shape, dtype):
                host.fill(target, plan)
                assert np.array_equal(target, wanted), (level, count, target.strides)


def targets(shape: tuple[int, ...], dtype: str) -> list[np.ndarray]:
    """Arrays of a shape with all kinds of strides."""
    wide = tuple(2 * size + 1 for size in shape)
    return [
        np.empty(shape, dtype),
        np.empty(shape, dtype, order="F"),
        np.empty(shape[::-1], dtype).T,
        np.empty(wide, dtype)[tuple(slice(1, None, 2) for _ in shape)],
        np.empty(shape, dtype)[::-1, :, ::-1],
        np.empty((*shape, 2), dtype)[..., 0],
    ]


@needs_kernel
def test_neighbours_of_a_target_are_left_alone() -> None:
    memory = np.full((20, 30), 7.5, np.float32)
    ui.RandomNormal(seed=1).fill_(memory[2:-3:3, 4:-5:2])
    touched = np.zeros(memory.shape, bool)
    touched[2:-3:3, 4:-5:2] = True
    assert (memory[~touched] == 7.5).all()
    assert (memory[touched] != 7.5).all()


@needs_kernel
@pytest.mark.parametrize(
    "shape", [(1, 1), (5, 3), (3, 5), (64, 64), (33, 65), (130, 31), (2, 3, 40), (100, 257)]
)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_orthogonal_matrices(
    shape: tuple[int, ...], dtype: str, share_everything: Callable[[int], None]
) -> None:
    plan = ui.Orthogonal(gain=1.3, seed=KEY).plan(shape, dtype)
    wanted = words(reference.run(plan, numpy_ops()))
    for level in LEVELS:
        host.select(level)
        for count in (1, 2, 7):
            share_everything(count)
            assert np.array_equal(words(host.create(plan)), wanted), (level, count)


@needs_kernel
@pytest.mark.unifinit_backends("numpy", "torch", "tensorflow", "jax")  # Those that use it, and at once.
def test_every_backend_gives_the_same_without_the_kernel(unifinit_backend: BackendUnderTest) -> None:
    backend = unifinit_backend.name
    for init in (ui.HeNormal(seed=1), ui.RandomUniform(-1, 2, seed=2), ui.Orthogonal(seed=3)):
        for shape in ((), (7,), (300, 200))[0 if init != ui.Orthogonal(seed=3) else 2 :]:
            host.select(None)
            one = init(shape, backend=backend)
            host.select(OFF)
            assert_identical(one, init(shape, backend=backend), names=("with the kernel", "without it"))


def test_flushing_subnormal_numbers_changes_nothing() -> None:
    torch = pytest.importorskip("torch")
    init = ui.RandomNormal(0.0, 1e-7, seed=1)
    wanted = init((1000,), "float16", backend="torch").view(torch.int16)
    assert torch.set_flush_denormal(True)
    try:
        found = init((1000,), "float16", backend="torch").view(torch.int16)
    finally:
        torch.set_flush_denormal(False)
    assert torch.equal(found, wanted)
    assert (wanted != 0).any()
