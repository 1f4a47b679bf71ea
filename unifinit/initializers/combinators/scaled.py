"""An initializer times a factor."""

from __future__ import annotations

from unifinit.content import Content
from unifinit.contents import fill
from unifinit.initializers.combinators.wrapper import Wrapper
from unifinit.initializers.hyperparameters import real
from unifinit.types import DType
from unifinit.weight import Weight


class Scaled(Wrapper):
    """Another initializer's elements times a factor, rounded once.

    Parameters
    ----------
    initializer : Initializer, str or mapping
        The other initializer, its name or its configuration.
    factor : float
        The factor, not negative; 0 gives zeros.
    seed : int or Key, optional
        Used by calls that give none; by default that of the other initializer.

    Raises
    ------
    ArgumentError
        If factor is negative or not finite.

    Notes
    -----
    The factor multiplies the parameters of a distribution, so that a number is still made by one addition and
    one multiplication. The elements of a matrix are multiplied in float64. Given constants are rounded to the
    dtype before and after.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.Scaled("orthogonal", 0.5, seed=0)((2, 2)) * 2 == ui.Orthogonal(seed=0)((2, 2))
    array([[ True,  True],
           [ True,  True]])
    """

    summary = "another initializer's elements, times factor"
    formula = "factor·x"
    source = "The gain of an orthogonal or Glorot matrix, for any initializer"

    factor: float = real(least=0)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """The other content, scaled."""
        content: Content = self.initializer.checked_content(weight, dtype)
        if self.factor == 0:
            return fill(0, dtype)
        return content if self.factor == 1 else content.scaled(self.factor, dtype)
