"""The tables: over sizes, initializers and dtypes, and the proof that cost grows linearly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import unifinit as ui
from benchmarks import peers
from benchmarks.buffers import Buffer
from benchmarks.cases import DRAWN, FLOATS, INITIALIZERS, OTHERS, Case, Scale, square
from benchmarks.libraries import wide_mode
from benchmarks.results import Measurement, measurement
from benchmarks.terminal import progress
from benchmarks.timing import measure

MEMINFO = Path("/proc/meminfo")
LINEAR = (peers.IN_TORCH, peers.IN_NUMPY, peers.MEMSET)


def sizes(scale: Scale) -> list[Measurement]:
    """Every contender at every size."""
    return _grow("sizes", scale.sizes, peers.TABLE, "float32", scale)


def linear(scale: Scale) -> list[Measurement]:
    """Unifinit in place up to the largest size, in float16 if memory does not allow float32."""
    largest = 2 ** max(scale.linear)
    dtype = "float32" if 2 * 4 * largest <= _available() else "float16"
    return _grow("linear", scale.linear, LINEAR, dtype, scale)


def initializers(scale: Scale) -> list[Measurement]:
    """Every initializer, at one size."""
    return _each("initializers", [Case(each, scale.initializers) for each in INITIALIZERS], scale)


def dtypes(scale: Scale) -> list[Measurement]:
    """Every dtype, at one size."""
    cases = [Case(initializer, scale.dtypes, dtype) for initializer in DRAWN for dtype in FLOATS]
    cases += [Case(ui.Ones(), scale.dtypes, dtype) for dtype in (*FLOATS, *OTHERS)]
    return _each("dtypes", cases, scale)


def _each(part: str, cases: Sequence[Case], scale: Scale) -> list[Measurement]:
    results = []
    cases = cases[:: 2 if scale.sparing else 1]
    for number, case in enumerate(cases):
        progress(part, number, len(cases), str(case))
        with wide_mode(case.dtype):
            buffer = Buffer(case.nbytes)
            made, absent = peers.calls(case, peers.TABLE, buffer)
            results.append(measurement(case, measure(made, scale.brief), absent))
    return results


def _grow(
    part: str, exponents: Sequence[int], names: Iterable[str], dtype: str, scale: Scale
) -> list[Measurement]:
    results = []
    for row, initializer in enumerate(DRAWN):
        expected: dict[str, float] = {}
        slow: dict[str, str] = {}
        elements = 0
        for column, exponent in enumerate(exponents):
            case = Case(initializer, square(exponent), dtype)
            progress(part, row * len(exponents) + column, len(DRAWN) * len(exponents), str(case))
            for name, seconds in expected.items():
                expected[name] = seconds * case.elements / elements
                if expected[name] > scale.slowest:
                    slow.setdefault(name, f"a call would take more than {scale.slowest:g} s")
            elements = case.elements
            buffer = Buffer(case.nbytes)
            made, absent = peers.calls(case, [name for name in names if name not in slow], buffer)
            outcome = measure(made, scale.brief, expected)
            expected |= {name: timing.seconds for name, timing in outcome.timings.items()}
            results.append(measurement(case, outcome, absent | slow))
    return results


def _available() -> int:
    """Bytes of memory that can be had, where Linux tells; elsewhere none."""
    if MEMINFO.exists():
        for line in MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 0
