"""Write the tables of the normal quantile that ``unifinit.stream`` reads.

Run ``python tools/generate_tables.py`` (needs mpmath and numpy); it takes about a minute and
rewrites the three files in ``unifinit/stream/tables``. The tables are part of the frozen stream:
a rewrite that changes a byte of them is a new version of the stream, and a test compares the
checksums.

Both tables describe z(t), the point that a standard normal variable exceeds with probability
``t / 2**(bits + 2)``, for the whole range 1 <= t <= 2**(bits + 1), where it falls from the far
tail to z = 0. An octave is a range 2**e <= t < 2**(e + 1); every octave has equally many segments.

single
    ``int32[24578]``: z in units of 2**-28 at the 1024 segment starts of 24 octaves, at t = 2**24,
    and once more so that the last entry has a successor. Read with linear interpolation.
double
    ``int64[7, 1697]``: coefficients of x**0 ... x**6 in units of 2**-52 for the 32 segments of 53
    octaves, where 0 <= x < 1 runs through the segment, and for t = 2**53.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import mpmath
import numpy as np

mpmath.mp.dps = 50

TABLES = Path(__file__).resolve().parent.parent / "unifinit" / "stream" / "tables"

SINGLE_OCTAVES, SINGLE_SEGMENTS, SINGLE_UNIT = 24, 1024, 28
DOUBLE_OCTAVES, DOUBLE_SEGMENTS, DOUBLE_UNIT, DOUBLE_DEGREE = 53, 32, 52, 6


def upper_quantile(probability: mpmath.mpf) -> mpmath.mpf:
    """The point that a standard normal variable exceeds with the given probability."""
    return mpmath.sqrt(2) * mpmath.erfinv(1 - 2 * probability)


def to_units(value: mpmath.mpf, unit: int) -> int:
    """``value`` as a whole number of ``2**-unit``, rounded to nearest even."""
    return int(mpmath.nint(value * mpmath.mpf(2) ** unit))


def single_table() -> np.ndarray:
    """The table of ``unifinit.stream.single``."""
    total = mpmath.mpf(2) ** (SINGLE_OCTAVES + 1)

    def excess(octave: int, z: mpmath.mpf) -> mpmath.mpf:
        # A chord of a convex function lies above it, at most width**2 / 8 * z'' high; half of that
        # off every node halves the worst error. Below octave 11 every t is a node: nothing to halve.
        if octave <= SINGLE_SEGMENTS.bit_length() - 1 or octave >= SINGLE_OCTAVES:
            return mpmath.mpf(0)
        width = mpmath.mpf(2) ** octave / SINGLE_SEGMENTS / total
        return width**2 * z / mpmath.npdf(z) ** 2 / 16

    entries = []
    for octave in range(SINGLE_OCTAVES):
        for segment in range(SINGLE_SEGMENTS):
            t = mpmath.mpf(2) ** octave * (1 + mpmath.mpf(segment) / SINGLE_SEGMENTS)
            z = upper_quantile(t / total)
            # The first node of an octave also ends the octave below, whose segments are half as wide.
            below = octave - 1 if segment == 0 else octave
            entries.append(to_units(z - (excess(octave, z) + excess(below, z)) / 2, SINGLE_UNIT))
    entries += [0, 0]
    return np.array(entries, dtype="<i4")


def double_table() -> np.ndarray:
    """The table of ``unifinit.stream.double``."""
    total = mpmath.mpf(2) ** (DOUBLE_OCTAVES + 1)
    size = DOUBLE_DEGREE + 1
    nodes = [(1 + mpmath.cospi(mpmath.mpf(2 * i + 1) / (2 * size))) / 2 for i in range(size)]
    vandermonde = mpmath.matrix(size, size)
    for i, node in enumerate(nodes):
        for power in range(size):
            vandermonde[i, power] = node**power
    to_coefficients = vandermonde**-1

    table = np.zeros((size, DOUBLE_OCTAVES * DOUBLE_SEGMENTS + 1), dtype="<i8")
    for octave in range(DOUBLE_OCTAVES):
        for segment in range(DOUBLE_SEGMENTS):
            values = mpmath.matrix(size, 1)
            for i, node in enumerate(nodes):
                t = mpmath.mpf(2) ** octave * (1 + (segment + node) / DOUBLE_SEGMENTS)
                values[i] = upper_quantile(t / total)
            coefficients = to_coefficients * values
            for power in range(size):
                column = octave * DOUBLE_SEGMENTS + segment
                table[power, column] = to_units(coefficients[power], DOUBLE_UNIT)
    return table


def main() -> None:
    """Write both tables and their checksums."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=TABLES, help="folder to write to")
    folder = parser.parse_args().output
    checksums = []
    for name, table in (("single.bin", single_table()), ("double.bin", double_table())):
        content = table.tobytes()
        (folder / name).write_bytes(content)
        checksums.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
    (folder / "SHA256SUMS").write_text("".join(checksums))


if __name__ == "__main__":
    main()
