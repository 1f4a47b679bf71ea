"""Write the golden digests ``unifinit/testing/golden.json``.

Run ``python tools/write_golden.py`` after an initializer has been added: give it a few cases below. The
NumPy backend draws them. Rows that are in the file already must come out the same; if they do not, the
stream has changed, and the script refuses to write.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import unifinit as ui
from unifinit.initializers.base import Initializer
from unifinit.layout import as_layout
from unifinit.stream import VERSION
from unifinit.testing import golden
from unifinit.testing.golden import Golden, GoldenRandom

FILE = Path(__file__).resolve().parent.parent / "unifinit" / "testing" / golden.FILE

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # For whoever runs this file by its path.
from tools import golden_cases  # noqa: E402

DTYPES = ("float32", "bfloat16", "float16", "float64")
OTHERS = ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "complex64", "complex128")
SEEDS = (0, 42, 2**63 + 12345)
SHAPES = ((), (7,), (0, 5), (5, 3), (40, 33), (3, 3, 8, 16), (2, 3, 2, 4, 5))
Case = TypeVar("Case", Golden, GoldenRandom)

LAYERS = (
    ("dense OI", (6, 5)),
    ("conv(groups=2, stride=2) OIHW", (6, 2, 3, 3)),
    ("conv_transpose(stride=2,1) IOHW", (4, 6, 3, 2)),
    ("depthwise HWIO", (3, 3, 5, 2)),
    ("embedding", (11, 4)),
    ("GOI", (3, 4, 5)),
    ("abc,cde->abde", (6, 2, 3)),
    ("gbi,ogi->gbo", (5, 3, 4)),
    ("in=-1 out=0,1", (2, 3, 7)),
    ("conv(groups=2, stride=2) out=0 in=1", (6, 2, 3, 3)),
)

DISTINCT = [1.0, -2.0, 3.5, 0.1, 5.0, 6.25, -7.0, 8.0, 9.0]
LAPLACIAN = [1.0, 1.0, 1.0, 1.0, -8.0, 1.0, 1.0, 1.0, 1.0]

INITIALIZERS: list[Initializer] = [
    ui.Zeros(),
    ui.Ones(),
    ui.Constant(0.1),
    ui.RandomUniform(),
    ui.RandomUniform(minval=-0.05, maxval=0.05),
    ui.RandomUniform(minval=5.0, maxval=5.1),
    ui.RandomNormal(),
    ui.RandomNormal(mean=1.0, stddev=0.02),
    ui.TruncatedNormal(),
    ui.TruncatedNormal(mean=-0.5, stddev=0.01),
    ui.VarianceScaling(),
    *(
        ui.VarianceScaling(scale=2.0, mode=mode, distribution=distribution)
        for mode in ("fan_in", "fan_out", "fan_avg", "fan_geo_avg")
        for distribution in ("truncated_normal", "untruncated_normal", "uniform")
    ),
    ui.GlorotUniform(),
    ui.GlorotNormal(),
    ui.HeUniform(),
    ui.HeNormal(),
    ui.LecunUniform(),
    ui.LecunNormal(),
    ui.UniformUnitScaling(),
    ui.UniformUnitScaling(factor=1.43),
    ui.Orthogonal(),
    ui.Orthogonal(gain=1.4),
]


def initializer_cases() -> list[Golden]:
    """Every initializer; all shapes in float32, and two of them in all dtypes."""
    cases = [
        Golden(ui.serialize(ui.Constant(LAPLACIAN)), (3, 3), dtype, "...IO", 0)
        for dtype in ("float32", "int32")
    ]
    cases += [
        Golden(ui.serialize(ui.Constant(DISTINCT)), (3, 3), dtype, layout, 0)
        for dtype in DTYPES
        for layout in ("...IO", "OI")
    ]
    cases += [
        Golden(ui.serialize(initializer), (4, 3), dtype, "...IO", 0)
        for initializer in (ui.Zeros(), ui.Ones(), ui.Constant(3))
        for dtype in ("int32", "uint8", "bool")
        if (dtype, initializer) != ("bool", ui.Constant(3))
    ]
    for number, initializer in enumerate(INITIALIZERS):
        config = ui.serialize(initializer)
        shapes = [shape for shape in SHAPES if len(shape) >= 2 or not isinstance(initializer, ui.Orthogonal)]
        for shape in shapes:
            seed = SEEDS[(number + len(shape)) % len(SEEDS)]
            cases += [
                Golden(config, shape, dtype, "...IO", seed)
                for dtype in (DTYPES if shape in ((40, 33), (3, 3, 8, 16)) else DTYPES[:1])
            ]
        cases.append(Golden(config, (16, 8, 3, 3), "float32", "OIHW", 1))
    cases += [
        Golden(ui.serialize(initializer), shape, "float32", layout, 5)
        for layout, shape in LAYERS
        for initializer in (ui.GlorotUniform(), ui.HeNormal(), ui.UniformUnitScaling(), ui.Constant(0.5))
    ]
    cases += [
        Golden(ui.serialize(ui.Orthogonal()), shape, "float32", layout, 5)
        for layout, shape in LAYERS
        if not as_layout(layout).weight(shape).batch
    ]
    # Longer than a piece of the reference path.
    cases += [
        Golden(ui.serialize(initializer), (600, 500), "float32", "OI...", 7)
        for initializer in (ui.GlorotUniform(), ui.RandomNormal(), ui.HeNormal())
    ]
    return cases


def family_cases() -> Iterator[Golden]:
    """The cases of the families in float32 and float64, and each other dtype once for each class."""
    seen: set[tuple[str, str]] = set()
    for module in sorted(module.name for module in pkgutil.iter_modules(golden_cases.__path__)):
        cases = importlib.import_module(f"{golden_cases.__name__}.{module}").CASES
        for number, (initializer, shape, layout) in enumerate(cases):
            config = ui.serialize(initializer)
            for dtype in (*DTYPES, *OTHERS):
                kind = (config["class_name"], dtype)
                case = Golden(config, shape, dtype, layout, SEEDS[number % len(SEEDS)])
                if (kind not in seen or dtype in ("float32", "float64")) and is_possible(case):
                    seen.add(kind)
                    yield case


def is_possible(case: Golden) -> bool:
    """Whether the dtype has the numbers of a case; one that is refused has no digest."""
    try:
        case.draw("numpy")
    except (ui.ArgumentError, ui.DtypeError):
        return False
    return True


def random_cases() -> list[GoldenRandom]:
    """Every function, with default and other arguments."""
    real = [
        ("uniform", {}),
        ("uniform", {"minval": -3.0, "maxval": 0.1}),
        ("normal", {}),
        ("normal", {"mean": 100.0, "stddev": 7.0}),
        ("truncated_normal", {}),
        ("truncated_normal", {"lower": -0.5, "upper": 3.0, "mean": 1.0, "stddev": 0.1}),
        ("truncated_normal", {"lower": 4.0, "upper": 5.0}),
    ]
    cases = [
        GoldenRandom("bits", {}, shape, dtype, seed)
        for shape in ((), (5, 7))
        for dtype in ("uint32", "uint64")
        for seed in SEEDS
    ]
    cases += [
        GoldenRandom(function, arguments, (11, 13), dtype, SEEDS[number % len(SEEDS)])
        for number, (function, arguments) in enumerate(real)
        for dtype in DTYPES
    ]
    cases += [
        GoldenRandom(function, arguments, (11, 13), dtype, SEEDS[number % len(SEEDS)])
        for number, (function, arguments) in enumerate(real[:3] + real[4:6])
        for dtype in OTHERS
    ]
    return cases


def with_digest(case: Case) -> Case:
    """The case with the digest of what NumPy draws."""
    return replace(case, sha256=golden.digest(case.draw("numpy")))


def by_name(initializers: list[Golden], random: list[GoldenRandom]) -> dict[str, str]:
    """Every digest by the name of its row."""
    return {str(row): row.sha256 for row in initializers} | {str(row): row.sha256 for row in random}


def main() -> None:
    """Draw all cases and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=FILE, help="file to write")
    parser.add_argument("--new-stream", action="store_true", help="write although published digests change")
    arguments = parser.parse_args()
    initializers = [with_digest(case) for case in (*initializer_cases(), *family_cases())]
    random = [with_digest(case) for case in random_cases()]

    if FILE.exists() and not arguments.new_stream:
        published = by_name(golden.load(), golden.load_random())
        drawn = by_name(initializers, random)
        changed = [name for name, sha256 in published.items() if drawn.get(name) != sha256]
        if changed:
            sys.exit(
                f"{len(changed)} published digests are gone or changed, the first is {changed[0]}: stream "
                f"{VERSION} is frozen. Undo the change, or make a new version and pass --new-stream."
            )
    arguments.output.write_text(golden.to_json(initializers, random, VERSION), encoding="utf-8")
    print(f"wrote {len(initializers) + len(random)} digests to {arguments.output}")


if __name__ == "__main__":
    main()
