"""A kernel with one wrong constant is caught by the digests, or by comparison with the reference path."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import unifinit as ui
from unifinit import host, reference
from unifinit.host import arrays, orthogonal
from unifinit.narrow import encode
from unifinit.stream import tables
from unifinit.stream.ops import numpy_ops
from unifinit.stream.threefry import IntWords, threefry2x32
from unifinit.testing import golden
from unifinit.types import DTYPES

from .conftest import LEVELS, needs_kernel

ROOT = Path(__file__).parents[2]
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")

pytestmark = [
    needs_kernel,
    pytest.mark.skipif(
        sys.platform == "win32" or COMPILER is None, reason="there is no compiler of the Unix kind"
    ),
]

MUTANTS = {
    "parity": ("stream_body.h", "0x1BD11BDAu", "0x1BD11BDBu"),
    "rotation": ("stream_body.h", "FOUR_ROUNDS(17, 29, 16, 24, 4)", "FOUR_ROUNDS(17, 29, 16, 23, 4)"),
    "injection": ("stream_body.h", "schedule[((group) + 1) % 3] + (group)", "schedule[((group) + 1) % 3]"),
    "fraction of 24 bits": ("stream_body.h", "x1 + i) >> 9;", "x1 + i) >> 8;"),
    "single point": ("stream_body.h", "(1 - SINGLE_MEDIAN)", "(2 - SINGLE_MEDIAN)"),
    "single unit": ("stream_body.h", "quantile32(point), 0x1p-28f", "quantile32(point), 0x1.000002p-28f"),
    "single step": ("stream_body.h", "((1 << SINGLE_STEP_BITS) - 1)", "((1 << SINGLE_STEP_BITS) - 2)"),
    "single table": ("tables.c", "pair[1] - value", "pair[1] - value + 1"),
    "truncated fraction": ("stream_body.h", "~(uint32_t)0x1FF", "~(uint32_t)0x3FF"),
    "truncated point": ("stream_body.h", "(int32_t)ends->first);", "(int32_t)ends->first + 1);"),
    "double table": ("tables.c", "DOUBLE_SEGMENTS + segment", "DOUBLE_SEGMENTS + segment / 2 * 2"),
    "double step": ("stream_body.h", "(located << 1) & 0xFFFFFF", "(located << 1) & 0xFFFFFC"),
    "double coefficient": ("stream_body.h", "cross >> DOUBLE_HALF", "cross >> (DOUBLE_HALF + 1)"),
    "bfloat16 rounding": ("stream_body.h", "0x7FFF + (word >> 16 & 1)", "0x8000"),
    "order of words": ("stream_body.h", "(uint64_t)x0[i] << 32 | x1[i]", "(uint64_t)x1[i] << 32 | x0[i]"),
    "upper counter": ("fill.c", "(uint32_t)(run.counter >> 32)", "(uint32_t)(run.counter >> 31)"),
    "sums from zero": ("qr_body.h", "sums[i] = -0.0;", "sums[i] = 1e-15;"),
    "rows at a time": ("qr_body.h", "CHUNK = 16", "CHUNK = 17"),
}
HARMLESS = {"rows at a time"}  # Blocks for the cache: another size must change nothing.

OF_ONE_LEVEL = {
    "avx512: look-up": ("stream_body.h", "setr_epi32(0, 2, 4,", "setr_epi32(0, 4, 2,"),
    "avx512: product": ("stream_body.h", "mul_epu32((__m512i)x, f), 32", "mul_epu32((__m512i)x, f), 33"),
    "avx2: look-up": ("stream_body.h", "(__m256i)values, 0xD8", "(__m256i)values, 0xB1"),
    "avx2: product": ("stream_body.h", "mul_epu32((__m256i)x, f), 32", "mul_epu32((__m256i)x, f), 33"),
    "baseline: look-up": ("stream_body.h", "(int32_t)(entry >> 32)", "(int32_t)(entry >> 31)"),
    "baseline: product": ("stream_body.h", "* factor >> 32)", "* factor >> 33)"),
    "baseline: float16 rounding": ("stream_body.h", "0xFFF + (magnitude >> 13 & 1)", "0x1000"),
    "baseline: small float16": ("stream_body.h", "small += 0.5f", "small += 0.25f"),
}


def build(folder: Path, mutant: tuple[str, str, str] | None) -> ModuleType:
    """Compile the kernel from sources of which one piece of text has been replaced."""
    shutil.copytree(ROOT / "kernel", folder, dirs_exist_ok=True)
    if mutant is not None:
        name, old, new = mutant
        text = (folder / name).read_text("utf-8")
        assert old in text, f"{name} has no {old!r} any more; wanted a mutant of what it has"
        (folder / name).write_text(text.replace(old, new), "utf-8")
    target = folder / "_kernel.so"
    include = sysconfig.get_path("include")
    options = ["-O1", "-std=c11", "-ffp-contract=off", "-shared", "-fPIC", "-DPy_LIMITED_API=0x030B0000"]
    dynamic = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
    sources = sorted(map(str, folder.glob("*.c")))
    assert COMPILER is not None
    options += [f"-I{include}", *dynamic, "-o", str(target)]
    subprocess.run([COMPILER, *options, *sources, "-lm"], check=True)
    spec = importlib.util.spec_from_file_location("_kernel", target)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.set_tables(tables.single(), tables.double())
    return module


def is_right(level: str) -> bool:
    """What the tests of identity check, in short."""
    host.select(level)
    table = [*golden.load(), *golden.load_random()]
    rows = [row for row in table if not DTYPES[row.dtype].is_narrow]
    if any(golden.digest(row.draw("numpy")) != row.sha256 for row in rows):
        return False
    for plan in (
        ui.TruncatedNormal(seed=1).plan(200_000),
        ui.RandomNormal(seed=2).plan((70, 90, 30), layout="OI..."),
        ui.RandomNormal(seed=3).plan(200_000, "float64"),
        ui.RandomNormal(0.0, 1e-4, seed=3).plan(200_000, "float16"),
    ):
        if not np.array_equal(host.create(plan), reference.run(plan, numpy_ops())):
            return False
    wide = ui.RandomNormal(seed=4).plan(500_000, "float32")
    narrow = host.create(ui.RandomNormal(seed=4).plan(500_000, "bfloat16"))
    if not np.array_equal(narrow, encode(reference.run(wide, numpy_ops()), "bfloat16")):
        return False
    counted = np.empty(3, np.uint32)
    kernel, _ = arrays.load()
    recipe = (0, 0, 0.0, 1.0, 0.0, 0.0, False, 0, 0, 0, 0)
    kernel.fill(level, (1, 2), recipe, counted, 2**32 + 1, (2**33,), 0, 3, False)
    blocks = [threefry2x32(IntWords(), (1, 2), (1 + 2 * i, 1)) for i in range(3)]
    return counted.tolist() == [first ^ second for first, second in blocks]


def use(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    status = host.KernelStatus(module.levels()[0], tuple(module.levels()))
    for user in (arrays, orthogonal):
        monkeypatch.setattr(user, "load", lambda: (module, status))


def test_the_kernel_itself_is_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(build(tmp_path, None), monkeypatch)
    assert all(is_right(level) for level in LEVELS)


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_caught(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(build(tmp_path, MUTANTS[name]), monkeypatch)
    assert {is_right(level) for level in LEVELS} == {name in HARMLESS}


@pytest.mark.parametrize("name", OF_ONE_LEVEL)
def test_mutant_of_one_level_is_caught(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of_level = name.partition(":")[0]
    if of_level not in LEVELS:
        pytest.skip(f"this processor has no level {of_level!r}")
    use(build(tmp_path, OF_ONE_LEVEL[name]), monkeypatch)
    assert [level for level in LEVELS if not is_right(level)] == [of_level]
