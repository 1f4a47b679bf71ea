"""An initializer with zeros where a mask says so."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from unifinit.content import Content
from unifinit.contents import masked
from unifinit.errors import ArgumentError, ShapeError
from unifinit.initializers.combinators.wrapper import Wrapper
from unifinit.initializers.hyperparameters import checked
from unifinit.types import DType, Shape
from unifinit.values import Value
from unifinit.weight import Weight


class Mask(Value):
    """A mask as an immutable value.

    Parameters
    ----------
    shape
        Its shape.
    bits
        Its elements in row-major order, eight in a byte, the first in the highest bit, as a hexadecimal text.
    """

    shape: Shape
    bits: str

    parts = ("shape", "bits")

    def __init__(self, shape: Sequence[int], bits: str) -> None:
        vars(self).update(shape=tuple(shape), bits=bits)

    @classmethod
    def of(cls, values: Any, name: str) -> Mask:
        """The mask that an array is, or a configuration."""
        if isinstance(values, Mask):
            return values
        if isinstance(values, Mapping):
            shape, bits = values.get("shape"), values.get("bits")
            sizes = isinstance(shape, (list, tuple)) and all(
                type(size) is int and size >= 0 for size in shape
            )
            if len(values) == 2 and sizes and isinstance(bits, str):
                mask = cls(shape, bits)  # type: ignore[arg-type]
                if len(bits) == 2 * -(-math.prod(mask.shape) // 8) and set(bits) <= set("0123456789abcdef"):
                    return mask
            wanted = "{'shape': [...], 'bits': '...'}, as get_config() returns"
            raise ArgumentError(f"{name} is {dict(values)!r}; wanted {wanted}")
        try:
            array = np.asarray(values)
        except Exception as error:  # Foreign objects can fail in any way.
            raise ArgumentError(f"{name} is {values!r}, which is no array: {error}") from error
        if array.dtype.kind not in "biuf" or not np.isin(array, (0, 1)).all():
            raise ArgumentError(
                f"{name} is {values!r}; wanted an array of truth values, or of zeros and ones"
            )
        return cls(array.shape, np.packbits(array.astype(np.bool_)).tobytes().hex())

    def array(self) -> npt.NDArray[np.bool_]:
        """The mask as an array."""
        words = np.frombuffer(bytes.fromhex(self.bits), dtype=np.uint8)
        return np.unpackbits(words, count=math.prod(self.shape)).astype(np.bool_).reshape(self.shape)

    def to_config(self) -> dict[str, Any]:
        """The mask in types that JSON has."""
        return {"shape": list(self.shape), "bits": self.bits}


class Masked(Wrapper):
    """Another initializer's elements where a mask is true, and zeros elsewhere.

    Parameters
    ----------
    initializer : Initializer, str or mapping
        The other initializer, its name or its configuration.
    mask : array_like of bool
        The mask in the canonical layout ``(batch..., spatial..., in..., out...)``, or what broadcasts to it:
        zeros and ones, or truth values.
    seed : int or Key, optional
        Used by calls that give none; by default that of the other initializer.

    Raises
    ------
    ArgumentError
        If the mask is no array of truth values.
    ShapeError
        In a call, if the mask does not broadcast to the canonical shape.

    Notes
    -----
    Which elements are masked changes no other one: the masked numbers are drawn and thrown away. The fans are
    those of the whole weight. Uses: autoregressive networks (Germain et al., "MADE", 2015), masked
    convolutions (van den Oord et al., "Pixel recurrent neural networks", 2016), padding rows of embeddings.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.Masked(ui.Ones(), [[1, 0], [1, 1]])((2, 2))
    array([[1., 0.],
           [1., 1.]], dtype=float32)
    """

    summary = "another initializer's elements where a mask is true, zeros elsewhere"
    formula = "x if mask else 0"
    source = "Germain et al. (2015); van den Oord et al. (2016)"

    mask: Any = checked(Mask.of, "an array of truth values, or of zeros and ones")

    def content(self, weight: Weight, dtype: DType) -> Content:
        """The other content, masked."""
        try:
            mask = np.broadcast_to(self.mask.array(), weight.shape)
        except ValueError as error:
            raise ShapeError(
                f"mask has shape {self.mask.shape}, the weight in canonical order {weight.shape}; wanted "
                "a mask of that shape, or one that broadcasts to it"
            ) from error
        return masked(self.initializer.checked_content(weight, dtype), mask)
