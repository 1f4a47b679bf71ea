"""Attention that starts like a trained one: products of its matrices that resemble the identity."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from unifinit.content import Content, Moments
from unifinit.contents import Computed, HostArray, Source, Transposed, batched
from unifinit.errors import ShapeError
from unifinit.initializers.base import Aliases, RandomInitializer
from unifinit.initializers.hyperparameters import choice, real, whole
from unifinit.initializers.scaling import with_variance
from unifinit.types import DType
from unifinit.weight import Weight

MATRICES = ("query", "key", "value", "projection")
SCORES, OUTPUTS = "query_key", "value_projection"
"""What is folded into the key, for queries and keys, and for values and the projection behind them."""


class Factor(Computed):
    """Factors U S^(1/2), or V S^(1/2), of matrices alpha Z + beta I side by side, U S V^T being an SVD.

    Attributes
    ----------
    path
        What is folded into the key.
    right
        Whether the factors are the V S^(1/2).
    alpha, beta
        The weights of the random matrix, whose variance is 1/width, and of the identity.
    distribution
        That of the random matrix.
    width
        The sides of the matrices, and the rows of the factors.
    heads
        How many matrices there are; the key of number i has i folded in. 0: one, with the key as it is.
    rank
        The columns of each factor, for the largest singular values.
    """

    path: str
    right: bool
    alpha: float
    beta: float
    distribution: str
    width: int
    heads: int
    rank: int

    parts = ("path", "right", "alpha", "beta", "distribution", "width", "heads", "rank")

    def __init__(
        self,
        path: str,
        right: bool,
        alpha: float,
        beta: float,
        distribution: str,
        width: int,
        heads: int,
        rank: int,
    ) -> None:
        vars(self).update(
            path=path,
            right=right,
            alpha=alpha,
            beta=beta,
            distribution=distribution,
            width=width,
            heads=heads,
            rank=rank,
        )

    def compute(self, source: Source, dtype: DType) -> HostArray:
        """The factors side by side."""
        from unifinit.svd import svd

        drawn = with_variance(1 / self.width, self.distribution, dtype.compute)
        factors = []
        places: list[tuple[int, ...]] = [(head,) for head in range(self.heads)]
        for place in places or [()]:
            z = source.draw(drawn, (self.width, self.width), dtype.compute, self.path, *place)
            with np.errstate(over="ignore", invalid="ignore"):  # What is infinite is refused below.
                a = z.astype(np.float64) * self.alpha
            a.reshape(-1)[:: self.width + 1] += self.beta
            u, s, v = svd(a, self.rank)
            factors.append((v if self.right else u) * np.sqrt(s))
        return np.concatenate(factors, axis=1)

    def moments(self) -> Moments:
        """Those for singular vectors that point anywhere; no bounds are certain."""
        mean = mean_singular_value(abs(self.alpha), abs(self.beta), self.rank / max(1, self.width))
        return Moments(0.0, math.sqrt(mean / max(1, self.width)), -math.inf, math.inf)

    def blocks(self, size: int) -> int:
        """One for each element of the random matrices."""
        return max(1, self.heads) * self.width * self.width


def mean_singular_value(alpha: float, beta: float, share: float) -> float:
    """The mean of the largest singular values of alpha Z + beta I, for large Z of variance 1/width.

    Their density follows from the resolvent G(s) = w / (w² - beta²), w = s - alpha² G: Dozier & Silverstein
    (2007). A few hundred points are enough for a description.
    """
    if alpha == 0:
        return beta
    edges = np.linspace(0.0, beta + 2 * alpha, 801)
    s = (edges[1:] + edges[:-1]) / 2
    cubic = np.zeros((len(s), 3, 3))
    cubic[:, 1, 0] = cubic[:, 2, 1] = 1.0
    cubic[:, 0] = np.stack([s, np.full_like(s, beta * beta - alpha * alpha), -s * beta * beta], axis=1)
    density = np.abs(np.linalg.eigvals(cubic).imag).max(axis=1)[::-1]
    weights = np.diff(np.minimum(np.cumsum(density) / density.sum(), share), prepend=0.0)
    return float((weights * s[::-1]).sum() / max(share, 1e-300))


class MimeticAttention(RandomInitializer):
    """Matrices of attention whose products are near a multiple of the identity, as in trained transformers.

    For one layer, draw "query", "key", "value" and "projection" with one key, that of the layer: they fit
    together then.

    Parameters
    ----------
    matrix : {"query", "key", "value", "projection"}
        Which matrix of the attention.
    heads : int
        Number of heads h. Columns of queries and keys belong to the heads one after the other. Values and
        the projection have one product for all heads.
    alpha : float, optional
        Weight of the random matrix; by default 0.7 for queries and keys, and 0.4 for the others.
    beta : float, optional
        Weight of the identity, with the same defaults. The sign is the one that trained vision transformers
        have; a negative beta changes it, as language models are said to want.
    distribution : {"untruncated_normal", "uniform", "truncated_normal", "normal"}
        That of the random matrix, whose variance is 1/d; names as in `VarianceScaling`.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If matrix or distribution is unknown, heads is no integer or less than 1, or alpha or beta is not
        finite; in a call, if a number does not fit the dtype.
    ShapeError
        In a call, for fewer than two axes or spatial ones, if the columns of queries or keys are no multiple
        of the heads, or if a head, the values or the inputs of the projection are wider than d.
    DtypeError
        In a call, for a dtype that is not floating.

    Notes
    -----
    Let d be the width of the model: the input axes of a weight, and the output axes of the projection. For
    each head, queries and keys are the d × k matrices U S^(1/2) and V S^(1/2), where U S Vᵀ is the
    decomposition of alpha·Z + beta·I by its k largest singular values. Values are U S^(1/2), and the
    projection is S^(1/2) Vᵀ, of alpha·Z - beta·I. So in each head query·keyᵀ is the best approximation of its
    rank, and value·projection, if the values are as wide as the model, is alpha·Z - beta·I itself. Source:
    Trockman & Kolter, "Mimetic initialization of self-attention layers" (2023).

    The constants, the decomposition, one for each head of queries and keys, and the cut to its largest
    singular values are those of three public copies of one function; they have not been compared with the
    paper's equations. The copies draw Z uniformly; the paper is said to draw it normally. One of them stores
    value and projection in PyTorch's order without transposing them, so that its product is not
    alpha·Z - beta·I. In PyTorch's order, give ``layout="OI"`` here.

    Z is drawn in the dtype of computation, and decomposed in float64 in an order of operations that is part
    of the specification. It takes seconds for each head at d = 512, and grows with d³. Along batch axes there
    is a layer of its own at each place. No complex numbers.
    """

    summary = "factors of alpha * Z + beta * I for queries and keys, alpha * Z - beta * I for the others"
    formula = "W_Q·W_Kᵀ ≈ αZ + βI, W_V·W_proj = αZ - βI, Z ~ N(0, 1/d)"
    source = "Trockman & Kolter (2023)"
    aliases: ClassVar[Aliases] = {"mimetic": {}}
    has_complex = False

    matrix: str = choice(MATRICES)
    heads: int = whole(least=1)
    alpha: float | None = real(default=None, optional=True)
    beta: float | None = real(default=None, optional=True)
    distribution: str = choice(
        ("untruncated_normal", "uniform", "truncated_normal", "normal"), default="untruncated_normal"
    )

    def content(self, weight: Weight, dtype: DType) -> Content:
        """The matrix, or one for each place along the batch axes."""
        if weight.rank < 2 or weight.spatial:
            raise ShapeError(
                f"shape {weight.shape} has {weight.rank} axes, {len(weight.spatial)} of them spatial; "
                "MimeticAttention wants input and output axes alone"
            )
        width, columns = math.prod(weight.inputs), weight.columns
        scores = self.matrix in ("query", "key")
        if self.matrix == "projection":
            width, columns = columns, width
        rank = columns // self.heads if scores else columns
        if scores and columns % self.heads:
            raise ShapeError(
                f"shape {weight.shape} has {columns} outputs, which {self.heads} heads cannot share equally; "
                "wanted a multiple of the heads"
            )
        if rank > width:
            raise ShapeError(
                f"shape {weight.shape} is for a model of width {width}, but the {self.matrix} matrix has "
                f"{rank} columns{' in each head' if scores else ''}; wanted at most as many"
            )
        default = 0.7 if scores else 0.4
        alpha = default if self.alpha is None else self.alpha
        beta = default if self.beta is None else self.beta
        factor: Computed = Factor(
            path=SCORES if scores else OUTPUTS,
            right=self.matrix in ("key", "projection"),
            alpha=alpha,
            beta=beta if scores else -beta,
            distribution=self.distribution,
            width=width,
            heads=self.heads if scores else 0,
            rank=rank,
        )
        if self.matrix == "projection":
            factor = Transposed(factor, (width, columns), (1, 0))
        return batched(factor, weight.batch)
