"""Initializers made of others: scaled, masked, in blocks, stacked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from unifinit.content import Content
from unifinit.contents import Blocks, fill, masked
from unifinit.errors import ArgumentError, ShapeError
from unifinit.initializers.base import Initializer, RandomInitializer, from_identifier, initializer
from unifinit.initializers.hyperparameters import checked, choice, real, several, whole
from unifinit.layout import Layout
from unifinit.plan import Plan
from unifinit.types import DType, Shape
from unifinit.values import Value
from unifinit.weight import Fans, Weight


class _Wrapper(RandomInitializer):
    """An initializer that changes what another one gives; its seed is by default that of the other."""

    initializer: Any = initializer()

    def validate(self) -> None:
        """Take over the seed of the other initializer."""
        inner = self.initializer
        if isinstance(inner, RandomInitializer) and inner.seed is not None:
            seed = inner.seed if self.seed is None else self.seed
            vars(self).update(initializer=inner.replace(seed=None), seed=seed)

    def _check_dtype(self, dtype: DType) -> DType:
        return dtype  # The other initializer checks it.


class Scaled(_Wrapper):
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


class Masked(_Wrapper):
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


def _one_or_several(value: Any, name: str) -> Initializer | tuple[Initializer, ...]:
    if isinstance(value, (list, tuple)):
        if not value:
            raise ArgumentError(f"{name} is empty; wanted an initializer, or one for each block")
        return tuple(_unseeded(from_identifier(one, f"{name}[{i}]"), name) for i, one in enumerate(value))
    return _unseeded(from_identifier(value, name), name)


def _unseeded(inner: Initializer, name: str) -> Initializer:
    if isinstance(inner, RandomInitializer) and inner.seed is not None:
        raise ArgumentError(
            f"{name} {inner!r} has a seed of its own; wanted the seed for all blocks, or in the call: each "
            "block gets a key that is derived from it"
        )
    return inner


class Blocked(RandomInitializer):
    """Blocks along an axis, each a weight of its own: for each gate, head or expert.

    Parameters
    ----------
    initializer : Initializer, str or mapping, or a sequence of them
        That of all blocks, or one for each.
    count : int, optional
        How many blocks there are, all of one size. By default as many as there are initializers or sizes.
    sizes : sequence of int, optional
        The sizes of the blocks, if they differ. They have to sum to the size of the axis.
    axis : {"out", "in", "batch"}
        Which axis is divided: the first one of outputs, inputs or batch axes. A vector has outputs alone.
    seed : int or Key, optional
        Used by calls that give none. Block number i has the key ``seed / i``.

    Raises
    ------
    ArgumentError
        If an initializer has a seed of its own, or the numbers of blocks, sizes and initializers differ.
    ShapeError
        In a call, if there is no such axis, or the blocks do not fit it.

    Notes
    -----
    Block number i is what its initializer gives for the smaller shape with the seed ``seed / i``. Its fans
    are its own: along the outputs, fan_out is a share of that of the whole.

    Examples
    --------
    >>> import unifinit as ui
    >>> gates = ui.Blocked(ui.Orthogonal(), count=4, seed=0)((8, 32))  # Recurrent weights of an LSTM.
    >>> bias = ui.Blocked(["zeros", "ones", "zeros", "zeros"])((32,))
    """

    summary = "blocks along an axis, each a weight of its own"
    formula = "[x₀, x₁, ...], each with a key of its own"
    source = "Gates, heads and experts that share an array"

    initializer: Any = checked(_one_or_several, "an initializer, or a sequence of them")
    count: int | None = whole(default=None, least=1, optional=True)
    sizes: tuple[int, ...] | None = several(whole(least=0), default=None, least=1, optional=True)
    axis: str = choice(("out", "in", "batch"), default="out")

    def validate(self) -> None:
        """Check how many blocks there are."""
        numbers = {
            "count": self.count,
            "sizes": None if self.sizes is None else len(self.sizes),
            "initializer": len(self.initializer) if isinstance(self.initializer, tuple) else None,
        }
        given = {name: number for name, number in numbers.items() if number is not None}
        if len(set(given.values())) != 1:
            told = " and ".join(f"{name} gives {number}" for name, number in given.items()) or "nothing tells"
            raise ArgumentError(
                f"{told} as the number of blocks; wanted count, sizes or a sequence of initializers, and the "
                "same number by all that are given"
            )

    @property
    def _initializers(self) -> tuple[Initializer, ...]:
        if isinstance(self.initializer, tuple):
            return self.initializer
        number = self.count or len(self.sizes or ())
        return (self.initializer,) * number

    def _check_dtype(self, dtype: DType) -> DType:
        return dtype  # The initializers of the blocks check it.

    def content(self, weight: Weight, dtype: DType) -> Content:
        """The contents of the blocks, side by side."""
        role = {"out": weight.outputs, "in": weight.inputs, "batch": weight.batch}[self.axis]
        if not role:
            raise ShapeError(f"the weight of shape {weight.shape} has no {self.axis} axis to be divided")
        initializers = self._initializers
        size, number = role[0], len(initializers)
        if self.sizes is None and size % number:
            raise ShapeError(
                f"the {self.axis} axis of shape {weight.shape} has {size} elements; wanted a multiple of "
                f"{number}, the number of blocks, or sizes"
            )
        sizes = self.sizes or (size // number,) * number
        if sum(sizes) != size:
            raise ShapeError(
                f"the {self.axis} axis of shape {weight.shape} has {size} elements; wanted {sum(sizes)}, the "
                "sum of the sizes"
            )
        contents = tuple(
            one.checked_content(_share(weight, self.axis, part), dtype)
            for one, part in zip(initializers, sizes, strict=True)
        )
        before = {"batch": (), "in": (*weight.batch, *weight.spatial)}
        axis = len(before.get(self.axis, (*weight.batch, *weight.spatial, *weight.inputs)))
        return Blocks(contents, sizes, axis)


def _share(weight: Weight, axis: str, size: int) -> Weight:
    """The weight that a part of an axis is."""
    batch, inputs, outputs = weight.batch, weight.inputs, weight.outputs
    fan_in, fan_out = weight.fans
    if axis == "batch":
        batch = (size, *batch[1:])
    elif axis == "in":
        fan_in = _portion(fan_in, size, inputs[0])
        inputs = (size, *inputs[1:])
    else:
        fan_out = _portion(fan_out, size, outputs[0])
        if weight.rank == 1:
            fan_in = fan_out
        outputs = (size, *outputs[1:])
    return Weight(batch, weight.spatial, inputs, outputs, Fans(fan_in, fan_out))


def _portion(fan: float, size: int, whole_size: int) -> float:
    part = fan * size / max(1, whole_size)
    return int(part) if part == int(part) else part


class Stacked(RandomInitializer):
    """A leading axis of layers, each initialised as an array of its own.

    Parameters
    ----------
    initializer : Initializer, str or mapping
        That of a layer.
    seed : int or Key, optional
        Used by calls that give none. Layer number i has the key ``seed / i``.

    Raises
    ------
    ArgumentError
        If the initializer has a seed of its own.
    ShapeError
        In a call, for a shape without axes.

    Notes
    -----
    The first axis of the shape counts the layers; the layout is that of the others. Layer number i is what
    the initializer gives for ``shape[1:]`` with the seed ``seed / i``, so a network whose layers are scanned
    (``jax.lax.scan``) starts like the one in which they are written out.

    Examples
    --------
    >>> import unifinit as ui
    >>> layers = ui.Stacked(ui.HeNormal(), seed=0)((12, 64, 32), layout="OI")
    >>> bool((layers[3] == ui.HeNormal(seed=ui.Key(0) / 3)((64, 32), layout="OI")).all())
    True
    """

    summary = "a leading axis of layers, each an array of its own"
    formula = "x_i with the key seed / i"
    source = "Layers that are scanned, as flax.linen.scan has them"

    initializer: Any = checked(
        lambda value, name: _unseeded(from_identifier(value, name), name),
        "an initializer, its name or its configuration",
    )

    def _check_dtype(self, dtype: DType) -> DType:
        return dtype  # The initializer of a layer checks it.

    def _weight(self, shape: Shape, layout: Layout) -> Weight:
        if not shape:
            raise ShapeError("shape () has no axes; Stacked wants a leading one that counts the layers")
        return self.initializer._weight(shape[1:], layout)  # type: ignore[no-any-return]

    def content(self, weight: Weight, dtype: DType) -> Content:
        """The content of a layer."""
        content: Content = self.initializer.checked_content(weight, dtype)
        return content

    def _plan(self, shape: Shape, dtype: DType, layout: Layout) -> Plan:
        self._weight(shape, layout)
        layer = self.initializer._plan(shape[1:], dtype, layout)
        axes = None if layer.axes is None else (0, *(axis + 1 for axis in layer.axes))
        layers = Blocks((shifted(layer.content),) * shape[0], (1,) * shape[0], 0)
        return Plan((shape[0], *layer.shape), dtype, layers, axes)


def shifted(content: Content) -> Content:
    """A content for a shape that has one more axis of size 1 in front."""
    if isinstance(content, Blocks):
        return Blocks(tuple(map(shifted, content.contents)), content.sizes, content.axis + 1)
    return content
