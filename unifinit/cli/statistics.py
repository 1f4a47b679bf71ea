"""What a sample looks like, next to what theory says of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from unifinit.contents import Fill, OrthogonalMatrix, Values
from unifinit.distributions import Distribution, Normal, TruncatedNormal, Uniform
from unifinit.elements import decode, storage
from unifinit.plan import Plan
from unifinit.types import DType

SIGMAS = 5.0
"""Beyond this many standard errors a value is flagged: one sound sample in two million."""
ENOUGH = 30
"""Elements below which the standard deviation of a sample is too skewed for a z-score."""
PIECE = 2**20

EPSILON = {
    "float8_e4m3fn": 2.0**-3,
    "float8_e5m2": 2.0**-2,
    "float8_e4m3fnuz": 2.0**-3,
    "float8_e5m2fnuz": 2.0**-2,
    "float16": 2.0**-10,
    "bfloat16": 2.0**-7,
    "float32": 2.0**-23,
    "float64": 2.0**-52,
}
"""The distance from 1 to the next number."""
SPACING = {
    "float8_e4m3fn": 2.0**-9,
    "float8_e5m2": 2.0**-16,
    "float8_e4m3fnuz": 2.0**-10,
    "float8_e5m2fnuz": 2.0**-17,
    "float16": 2.0**-24,
    "bfloat16": 2.0**-133,
    "float32": 2.0**-149,
    "float64": 2.0**-1074,
}
"""The distance from 0 to the next number."""


@dataclass(frozen=True)
class Statistics:
    """A sample and the theory.

    Attributes
    ----------
    count, mean, stddev, minimum, maximum
        Of the sample; None where there are no elements. Of complex numbers the mean is that of the real
        parts, the standard deviation the total one, and the bounds are those of both parts.
    expected_mean, expected_stddev, expected_minimum, expected_maximum
        Of the distribution; None for an infinite bound.
    mean_sigmas, stddev_sigmas
        By how many standard errors the sample is off, beyond what rounding to the dtype explains. None
        where nothing is drawn, and for the standard deviation of few elements or of an orthogonal matrix,
        whose elements are not independent.
    orthogonality
        For an orthogonal matrix the largest element of ``W^T W - gain^2 I`` (or of ``W W^T``, if there
        are more columns than rows), divided by ``gain^2`` and the dtype's epsilon.
    within_bounds
        Whether all elements are, to rounding.
    flags
        What is wrong, in words.
    """

    count: int
    mean: float | None
    stddev: float | None
    minimum: float | None
    maximum: float | None
    expected_mean: float
    expected_stddev: float
    expected_minimum: float | None
    expected_maximum: float | None
    mean_sigmas: float | None
    stddev_sigmas: float | None
    orthogonality: float | None
    within_bounds: bool
    flags: tuple[str, ...]


def analyse(plan: Plan, data: bytes) -> Statistics:
    """Statistics of the elements of an array.

    Parameters
    ----------
    plan
        How it was made.
    data
        What ``Backend.to_bytes`` returns for it.
    """
    expected = plan.moments()
    stored = np.frombuffer(data, storage(plan.dtype))
    count = len(stored)
    if count != plan.size:
        raise ValueError(
            f"the backend returned {count} elements; wanted {plan.size}, for {plan.result_shape}"
        )
    sample = _moments(stored, plan.dtype, expected.mean) if count else None
    mean_sigmas = stddev_sigmas = orthogonality = None
    within = True
    flags = []
    if sample is not None:
        mean, stddev, minimum, maximum = sample
        within = _within(minimum, maximum, plan)
        if not within:
            flags.append(f"range [{minimum:.6g}, {maximum:.6g}] is beyond the bounds")
        if not plan.content.needs_key:
            # Given values are rounded already; what is computed is only rounded to the dtype.
            given = isinstance(plan.content, (Fill, Values))
            error = 0.0 if given else EPSILON[plan.dtype.part.name]
            pairs = ((mean, expected.mean), (stddev, expected.stddev))
            if not all(_exactly(found, wanted, expected, error) for found, wanted in pairs):
                flags.append(f"mean {mean:.6g} or stddev {stddev:.6g} is not that of the given values")
        elif expected.stddev > 0 and isinstance(plan.content, (Distribution, OrthogonalMatrix)):
            # The elements of an orthogonal matrix are uncorrelated, so its mean has this error too.
            error = expected.stddev / math.sqrt(count)
            mean_sigmas = _beyond_rounding(mean - expected.mean, plan) / error
        if isinstance(plan.content, Distribution) and count >= ENOUGH:
            error = expected.stddev * math.sqrt((kurtosis(plan.content) - 1) / (4 * count))
            stddev_sigmas = _beyond_rounding(stddev - expected.stddev, plan) / error
        if isinstance(plan.content, OrthogonalMatrix):
            orthogonality = _orthogonality(decode(stored, plan.dtype), plan, plan.content)
            if not orthogonality <= _orthogonality_limit(plan):
                flags.append(f"not orthogonal: off by {orthogonality:.3g} epsilon")
    for name, sigmas in (("mean", mean_sigmas), ("stddev", stddev_sigmas)):
        if sigmas is not None and not abs(sigmas) <= SIGMAS:
            flags.append(f"{name} is {sigmas:+.1f} standard errors from theory")
    mean, stddev, minimum, maximum = sample or (None,) * 4  # type: ignore[assignment]
    return Statistics(
        count,
        mean,
        stddev,
        minimum,
        maximum,
        expected.mean,
        expected.stddev,
        None if math.isinf(expected.minimum) else expected.minimum,
        None if math.isinf(expected.maximum) else expected.maximum,
        mean_sigmas,
        stddev_sigmas,
        orthogonality,
        within,
        tuple(flags),
    )


def kurtosis(distribution: Distribution) -> float:
    """The fourth central moment over the square of the variance, which the error of a stddev follows."""
    if isinstance(distribution, Uniform):
        return 9 / 5
    if isinstance(distribution, Normal):
        return 3
    if isinstance(distribution, TruncatedNormal):
        return _truncated_kurtosis(distribution.lower, distribution.upper)
    raise TypeError(f"no kurtosis is known of a {type(distribution).__name__}")


def _truncated_kurtosis(lower: float, upper: float) -> float:
    """From the raw moments, each of which follows from the last but one by integration by parts."""

    def boundary(x: float, power: int) -> float:
        return 0.0 if math.isinf(x) else x**power * math.exp(-x * x / 2) / math.sqrt(2 * math.pi)

    mass = (math.erf(upper / math.sqrt(2)) - math.erf(lower / math.sqrt(2))) / 2
    raw = [1.0, (boundary(lower, 0) - boundary(upper, 0)) / mass]
    for k in range(2, 5):
        raw.append((k - 1) * raw[k - 2] + (boundary(lower, k - 1) - boundary(upper, k - 1)) / mass)
    _, m1, m2, m3, m4 = raw
    return (m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4) / (m2 - m1**2) ** 2


def _moments(stored: npt.NDArray[Any], dtype: DType, centre: float) -> tuple[float, float, float, float]:
    """Mean, standard deviation, minimum and maximum, without a float64 copy of all elements."""
    centre = centre if math.isfinite(centre) else 0.0
    first, imaginary, second, minimum, maximum = [], [], [], [], []
    with np.errstate(invalid="ignore", over="ignore"):  # Constants can be infinite.
        for piece in _pieces(stored, dtype):
            first.append(float(np.sum(piece.real - centre)))
            second.append(float(np.sum((piece.real - centre) ** 2)))
            parts = [piece.real]
            if dtype.is_complex:
                imaginary.append(float(np.sum(piece.imag)))
                second.append(float(np.sum(piece.imag**2)))
                parts.append(piece.imag)
            minimum.append(min(float(np.min(part)) for part in parts))
            maximum.append(max(float(np.max(part)) for part in parts))
    offset = sum(first) / len(stored)
    variance = sum(second) / len(stored) - offset * offset - (sum(imaginary) / len(stored)) ** 2
    stddev = math.sqrt(max(variance, 0.0)) if math.isfinite(variance) else math.nan
    return centre + offset, stddev, float(np.min(minimum)), float(np.max(maximum))


def _pieces(stored: npt.NDArray[Any], dtype: DType) -> Iterator[npt.NDArray[Any]]:
    for start in range(0, len(stored), PIECE):
        yield decode(stored[start : start + PIECE], dtype)


def _beyond_rounding(deviation: float, plan: Plan) -> float:
    """What is left of a deviation after all that rounding the elements can account for.

    Rounding errors of root mean square r move mean and standard deviation by at most r; where they are fine
    compared with the standard deviation they average out, and what remains is of second order. They
    are coarse for a narrow range far from 0, such as [5, 5.1] in bfloat16.
    """
    expected, name = plan.moments(), plan.dtype.part.name
    rms = math.hypot(EPSILON[name] / 2 * math.hypot(expected.mean, expected.stddev), SPACING[name] / 2)
    explained = rms * min(1.0, rms / expected.stddev)
    return math.copysign(max(abs(deviation) - explained, 0.0), deviation)


def _within(minimum: float, maximum: float, plan: Plan) -> bool:
    expected = plan.moments()
    if math.isnan(expected.minimum) or math.isnan(expected.maximum):
        return True
    least, largest = expected.minimum, expected.maximum
    if plan.dtype.is_complex:  # The imaginary parts of real numbers are 0.
        least, largest = min(least, 0.0), max(largest, 0.0)
    slack = 0.0
    dtype = plan.dtype.part
    if dtype.is_floating:
        # Rounding keeps order, so that rounded bounds hold; those of theory have an error of their own.
        least, largest = dtype.round(least), dtype.round(largest)
        ends = [abs(end) for end in (least, largest) if math.isfinite(end)]
        slack = 2 * EPSILON[dtype.compute.name] * max(ends, default=0.0)
    return least - slack <= minimum and maximum <= largest + slack


def _exactly(value: float, wanted: float, expected: tuple[float, ...], error: float) -> bool:
    if not all(map(math.isfinite, expected)):
        return True  # The mean of infinities says nothing; the bounds do.
    return math.isclose(value, wanted, rel_tol=1e-9, abs_tol=max(1e-7, error) * max(map(abs, expected)))


def _orthogonality(values: npt.NDArray[Any], plan: Plan, content: OrthogonalMatrix) -> float:
    matrix = values.reshape(plan.result_shape)
    if plan.axes is not None:
        matrix = matrix.transpose(np.argsort(plan.axes))
    matrix = matrix.reshape(content.rows, content.columns)
    if matrix.shape[0] < matrix.shape[1]:
        matrix = matrix.T
    scale = content.gain**2
    deviation = float(np.max(np.abs(matrix.T.conj() @ matrix - scale * np.eye(matrix.shape[1]))))
    return deviation / (scale * EPSILON[plan.dtype.part.name]) if scale else deviation


def _orthogonality_limit(plan: Plan) -> float:
    """Rounding to the dtype gives at most one epsilon; float64 adds the rounding of the QR itself."""
    return 2 + (math.sqrt(plan.size) if plan.dtype.name == "float64" else 0)
