"""Plans: what an array shall hold, worked out before any array exists.

A plan is a frozen, hashable value. Initializers and ``unifinit.random`` make plans; backends run them and
decide nothing about values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from unifinit.content import Content, Moments
from unifinit.contents import Blocks, Complex, Fill, Masked, Number
from unifinit.distributions import Distribution
from unifinit.key import Key
from unifinit.layout import Layout
from unifinit.types import DType, Shape
from unifinit.values import Value
from unifinit.weight import Weight


class Plan(Value):
    """A shape, a dtype, a content and a key.

    Attributes
    ----------
    shape
        The shape in canonical order, ``(spatial..., in, out)``; elements are numbered row by row.
    dtype
        The dtype of the result.
    content
        What the elements are.
    axes
        The permutation from canonical order to the result's axes; None if there is none to do.
    key
        The key of what is drawn; None if nothing is, or while it is left open.
    size
        Number of elements.
    result_shape
        The shape of the result.
    steps
        By how much the number of an element grows along each axis of the result.
    is_drawn
        Whether each element is drawn from its block, rather than being constant, computed or made of parts.
    limits
        The dtype whose range the elements have to keep within: that of the result, whatever it is made in.
    """

    shape: Shape
    dtype: DType
    content: Content
    axes: tuple[int, ...] | None
    key: Key | None
    size: int
    result_shape: Shape
    steps: tuple[int, ...]
    is_drawn: bool
    limits: DType

    parts = ("shape", "dtype", "content", "axes", "key")

    def __init__(
        self,
        shape: Shape,
        dtype: DType,
        content: Content,
        axes: tuple[int, ...] | None = None,
        key: Key | None = None,
    ) -> None:
        steps = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
        vars(self).update(
            shape=shape,
            dtype=dtype,
            content=content,
            axes=axes,
            key=key,
            size=math.prod(shape),
            result_shape=shape if axes is None else tuple(shape[axis] for axis in axes),
            steps=steps if axes is None else tuple(steps[axis] for axis in axes),
            is_drawn=isinstance(content, Distribution),
            limits=dtype,
        )

    @property
    def constant(self) -> Number | None:
        """The value that all elements have, a number of the dtype; None if they may differ."""
        return self.content.value if isinstance(self.content, Fill) else None

    def with_key(self, key: Key | None) -> Plan:
        """The same plan with another key; one whose content needs none is returned as it is."""
        if not self.content.needs_key:
            return self
        return self._changed(key=key)

    def with_dtype(self, dtype: DType) -> Plan:
        """The same plan in a wider dtype, from which its elements are yet to be rounded."""
        return self._changed(dtype=dtype)

    def _changed(self, **changes: object) -> Plan:
        # A model has many plans that differ in the key: what was worked out stays.
        plan = object.__new__(Plan)
        plan.__dict__.update(self.__dict__, **changes)
        return plan

    def _part(self, shape: Shape, content: Content, key: Key | None) -> Plan:
        plan = Plan(shape, self.dtype, content, self.axes, key)
        vars(plan).update(limits=self.limits)
        return plan

    def required_key(self) -> Key:
        """The key.

        Raises
        ------
        ValueError
            If there is none.
        """
        if self.key is None:
            raise ValueError(f"{self!r} has no key; wanted plan.with_key(key)")
        return self.key

    def moments(self) -> Moments:
        """Mean, standard deviation and bounds that theory gives for an element."""
        return self.content.moments()

    # Contents that are made of others are run as several plans, whose results lie in the same order of axes.

    def blocks(self, content: Blocks) -> Iterator[tuple[tuple[slice, ...], Plan]]:
        """Where the blocks lie in the result, and their plans; ``content`` is the plan's own."""
        axis = content.axis
        place = axis if self.axes is None else self.axes.index(axis)
        start = 0
        for number, (size, block) in enumerate(zip(content.sizes, content.contents, strict=True)):
            where = (slice(None),) * place + (slice(start, start + size),)
            shape = (*self.shape[:axis], size, *self.shape[axis + 1 :])
            key = self.key / number if block.needs_key and self.key is not None else None
            yield where, self._part(shape, block, key)
            start += size

    def complex_parts(self, content: Complex) -> tuple[Plan, Plan]:
        """The plans of the real and of the imaginary part; ``content`` is the plan's own."""
        keys = (None, None) if self.key is None else self.key.split()
        parts = zip((content.real, content.imag), keys, strict=True)
        real, imag = (Plan(self.shape, self.dtype.part, part, self.axes, key) for part, key in parts)
        return real, imag

    def unmasked(self, content: Masked) -> tuple[Plan, npt.NDArray[np.bool_]]:
        """The plan of the other content, and the mask in the order of the result."""
        mask = content.array(self.shape)
        whole = self._part(self.shape, content.content, self.key)
        return whole, mask if self.axes is None else mask.transpose(self.axes)


def make_plan(shape: Shape, dtype: DType, layout: Layout, content: Callable[[Weight], Content]) -> Plan:
    """The plan for a result of a shape and a layout; ``content`` is called with the weight that it is."""
    weight = layout.weight(shape)
    return Plan(weight.shape, dtype, content(weight), layout.from_canonical(len(shape)))
