"""Matrices of state space models."""

from __future__ import annotations

import math
from typing import ClassVar

from unifinit.content import Content
from unifinit.errors import DtypeError, ShapeError
from unifinit.initializers.base import Aliases, Initializer
from unifinit.initializers.hyperparameters import choice
from unifinit.initializers.recurrent.states import ProjectionMatrix, StateDiagonal, repeated
from unifinit.types import DType
from unifinit.weight import Weight


def require_fractions(dtype: DType, name: str) -> None:
    """Do nothing for a floating or complex dtype.

    Raises
    ------
    DtypeError
        For others.
    """
    if dtype.kind not in ("float", "complex"):
        raise DtypeError(
            f"{name} cannot fill an array of dtype {dtype.name}; wanted a floating or complex dtype"
        )


class HiPPO(Initializer):
    """The matrices A and B of x' = A x + B u, with which a state x remembers the past of an input u.

    Frameworks agree on how they store them, so no layout is needed: element (n, k) of the default layout is
    A[n, k].

    Parameters
    ----------
    measure : {"legs", "legt", "lagt", "lmu", "tlagt"}
        What is remembered. "legs": all of the past, in scaled Legendre polynomials. "legt": a window of 2
        units of time, in orthonormal Legendre polynomials. "lmu": a window of 1 unit, in the normalization of
        the Legendre memory unit. "tlagt": the past with exponential decay, in Laguerre polynomials, and
        "lagt" the same in the orthonormal functions exp(-s / 2) L_n(s).
    part : {"A", "B"}
        Which matrix.

    Raises
    ------
    ArgumentError
        If measure or part is unknown; in a call, if a number does not fit the dtype.
    ShapeError
        In a call, if the shape is none of those below.
    DtypeError
        In a call, for integers and booleans.

    Notes
    -----
    A has the shape ``(..., N, N)`` and B ``(..., N)``, for each place along the leading axes the same. B of
    shape ``(N, 1)``, a matrix of one column, is ``(N,)`` with an axis appended. With n, k = 0, 1, ..., N - 1:

    =======  ====================================================  ==============
    measure  A[n, k]                                               B[n]
    =======  ====================================================  ==============
    legs     -sqrt((2n+1)(2k+1)) for n > k, -(n+1) for n = k       sqrt(2n+1)
    legt     -sqrt((2n+1)(2k+1)) / 2, for n < k times (-1)^(n-k)   sqrt(2n+1) / 2
    lmu      -(2n+1) (-1)^(n-k) for n >= k, -(2n+1) for n < k      (2n+1) (-1)^n
    lagt     -1 for n > k, -1/2 for n = k                          1
    tlagt    -1 for n >= k                                         1
    =======  ====================================================  ==============

    and 0 elsewhere. These are the matrices of ``transition`` in the authors' code (state-spaces/s4), where A
    has the sign above. In the paper, Gu, Dao, Ermon, Rudra & Ré, "HiPPO: Recurrent memory with optimal
    polynomial projections" (2020), it is x' = -A x + B u, so that A has the opposite sign; theorem 1 gives
    "lmu" for LegT (with a window of θ, times 1 / θ) and "tlagt" for LagT, and theorem 2 "legs", whose x' is
    divided by t. Older versions of the code have no factor 1/2 in "legt".

    The numbers are exact, or one square root, rounded once.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.HiPPO()((3, 3))
    array([[-1.       ,  0.       ,  0.       ],
           [-1.7320508, -2.       ,  0.       ],
           [-2.236068 , -3.8729835, -3.       ]], dtype=float32)
    """

    summary = "state matrices that remember an input in orthogonal polynomials"
    formula = "legs: A[n, k] = -√((2n+1)(2k+1)) for n > k, -(n+1) for n = k, else 0; B[n] = √(2n+1)"
    source = "Gu et al. (2020), theorems 1 and 2; state-spaces/s4"
    aliases: ClassVar[Aliases] = {
        "hippo": {},
        "hippo_legs": {},
        "hippo_legt": {"measure": "legt"},
        "hippo_lagt": {"measure": "lagt"},
    }

    measure: str = choice(("legs", "legt", "lagt", "lmu", "tlagt"), default="legs")
    part: str = choice(("A", "B"), default="A")

    def content(self, weight: Weight, dtype: DType) -> Content:
        """The same matrix for each place along the leading axes."""
        require_fractions(dtype, "HiPPO")
        shape = weight.shape
        own = 2 if self.part == "A" else 1
        leading, size = shape[:-own], shape[-1] if shape else 0
        if len(shape) < own or any(side != size for side in shape[-own:]):
            wanted = "(..., N, N) for A" if self.part == "A" else "(..., N) for B"
            raise ShapeError(f"shape {shape} is not that of {self.part}; HiPPO wants {wanted}")
        if self.part == "B" and size == 1 < math.prod(leading):
            raise ShapeError(
                f"shape {shape} has B of a single state many times; wanted {shape[:-1]}, if this "
                "is one column: append the axis to the result"
            )
        return repeated(ProjectionMatrix(self.measure, self.part, size), math.prod(leading), dtype)


class S4D(Initializer):
    """The diagonal state matrix of a state space model, of each conjugate pair one number.

    Frameworks agree on how they store it, so no layout is needed: the states lie along the last axis.

    Parameters
    ----------
    kind : {"lin", "inv", "legs", "real"}
        Which diagonal.
    part : {"complex", "real", "imag", "log_real"}
        The numbers themselves, for complex dtypes; or what models store instead: the real part, the imaginary
        part, or the logarithm of the negative real part.

    Raises
    ------
    ArgumentError
        If kind or part is unknown; in a call, if a number does not fit the dtype.
    ShapeError
        In a call, for a scalar.
    DtypeError
        In a call, for integers and booleans, and for a real dtype if part is "complex".

    Notes
    -----
    The shape is ``(..., M)``, for each place along the leading axes the same. With n = 0, 1, ..., M - 1 and
    N = 2 M, the number of states of which M pairs are made:

    ====  ==========================================================================
    kind  A[n]
    ====  ==========================================================================
    lin   -1/2 + i pi n
    inv   -1/2 + i N/pi (N/(2n+1) - 1)
    legs  -1/2 + i w[n], the eigenvalues of A + B B^T / 2 of `HiPPO`, the largest w first
    real  -(n+1), which has no conjugate
    ====  ==========================================================================

    Gu, Gupta, Goel & Ré, "On the parameterization and initialization of diagonal state space models" (2022).
    The authors' code (state-spaces/s4) has the other number of each pair, -1/2 - i w, in ``dplr``; what it
    computes does not depend on that. w[n] solves the sum of atan(2w / (2k+1)) over k = 0, ..., N - 1 = pi (M
    - n - 1/2).

    Each number is the float64 that is nearest to the exact one, and rounded to the dtype from there. For
    "legs" this takes a tenth of a second at N = 128, and four seconds at N = 512; it is remembered.

    Steps that S4 draws (``log_dt``) are ``RandomUniform(-6.907755278982137, -2.302585092994046)``.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.S4D()((3,), "complex64")
    array([-0.5+0.j       , -0.5+3.1415927j, -0.5+6.2831855j], dtype=complex64)
    >>> ui.S4D("inv", part="imag")((2, 2))
    array([[3.8197186 , 0.42441317],
           [3.8197186 , 0.42441317]], dtype=float32)
    """

    summary = "diagonal state matrix, complex or a part of it"
    formula = "lin: -1/2 + iπn; inv: -1/2 + i(N/π)(N/(2n+1) - 1); real: -(n+1)"
    source = "Gu et al. (2022); state-spaces/s4"
    aliases: ClassVar[Aliases] = {
        "s4d": {},
        "s4d_lin": {},
        "s4d_inv": {"kind": "inv"},
        "s4d_legs": {"kind": "legs"},
        "s4d_real": {"kind": "real", "part": "real"},
    }

    kind: str = choice(("lin", "inv", "legs", "real"), default="lin")
    part: str = choice(("complex", "real", "imag", "log_real"), default="complex")

    def content(self, weight: Weight, dtype: DType) -> Content:
        """The same diagonal for each place along the leading axes."""
        require_fractions(dtype, "S4D")
        if self.part == "complex" and not dtype.is_complex:
            raise DtypeError(
                f"{self!r} has complex numbers and cannot fill an array of dtype {dtype.name}; wanted "
                "dtype='complex64' or 'complex128', or part='real', 'imag' or 'log_real'"
            )
        return diagonal(self.kind, self.part, weight, dtype, "S4D")


class MambaA(Initializer):
    """The logarithm of the negative state matrix of Mamba, A_log = log(n + 1), the same for each channel.

    Frameworks agree on how they store it, so no layout is needed: the states lie along the last axis.

    Raises
    ------
    ArgumentError
        In a call, if a number does not fit the dtype.
    ShapeError
        In a call, for a scalar.
    DtypeError
        In a call, for integers and booleans.

    Notes
    -----
    The shape is ``(channels, states)``, or ``(..., states)``. A = -exp(A_log) is `S4D` of the kind "real": Gu
    & Dao, "Mamba: Linear-time sequence modeling with selective state spaces" (2023). The authors keep it in
    float32 in any model. Each number is the float64 that is nearest to the logarithm, and rounded to the
    dtype from there.

    The parameter D is `Ones`. The weight of dt_proj is uniform on ±1/sqrt(fan_in), as in
    ``VarianceScaling(1 / 3, distribution="uniform")``, and its bias `MambaDtBias`. For Mamba-2 see `Mamba2A`.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.MambaA()((2, 3))
    array([[0.       , 0.6931472, 1.0986123],
           [0.       , 0.6931472, 1.0986123]], dtype=float32)
    """

    summary = "A_log of Mamba: log(n + 1) along the states"
    formula = "A_log[..., n] = log(n + 1)"
    source = "Gu & Dao (2023), state-spaces/mamba; S4D-Real of Gu et al. (2022)"
    aliases: ClassVar[Aliases] = {"mamba_a_log": {}}

    def content(self, weight: Weight, dtype: DType) -> Content:
        """The same logarithms for each place along the leading axes."""
        require_fractions(dtype, "MambaA")
        return diagonal("real", "log_real", weight, dtype, "MambaA")


def diagonal(kind: str, part: str, weight: Weight, dtype: DType, name: str) -> Content:
    """The same diagonal for each place along all axes but the last."""
    if not weight.shape:
        raise ShapeError(
            f"shape () has no axes; {name} wants the states along the last one, as in (channels, N)"
        )
    return repeated(StateDiagonal(kind, part, weight.shape[-1]), math.prod(weight.shape[:-1]), dtype)
