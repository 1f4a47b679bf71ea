"""Plans: what an array shall hold, worked out before any array exists.

A plan is a frozen, hashable value. Initializers and ``unifinit.random`` make plans; backends run them and
decide nothing about values.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from unifinit.content import Content, Moments
from unifinit.contents import Blocks, Complex, Fill, HostArray, Masked, Number
from unifinit.distributions import Distribution
from unifinit.errors import WindowError
from unifinit.key import AnyKey
from unifinit.layout import Layout
from unifinit.memory import row_major
from unifinit.numbering import Numbering
from unifinit.types import DType, Shape
from unifinit.values import Value
from unifinit.weight import Weight

Part: TypeAlias = range | int
"""The indices along an axis that a window has; with an int, the axis is gone."""


class Plan(Value):
    """A shape, a dtype, a content and a key, and which part of the array is wanted.

    Attributes
    ----------
    shape
        The shape of the whole in canonical order, ``(spatial..., in, out)``: elements are numbered row by
        row.
    dtype
        The dtype of the result.
    content
        What the elements are.
    axes
        The permutation from canonical order to the result's axes; None if there is none to do.
    key
        The key of what is drawn; None if nothing is, or while it is left open.
    index
        Of a window the indices along each axis, in the order of the result; None for the whole array.
    size
        Number of elements of the result.
    result_shape
        The shape of the result.
    numbering
        The numbers of the elements of the result.
    is_drawn
        Whether each element is drawn from its block, rather than being constant, computed or made of parts.
    limits
        The dtype whose range the elements have to keep within: that of the result, whatever it is made in.
    """

    shape: Shape
    dtype: DType
    content: Content
    axes: tuple[int, ...] | None
    key: AnyKey | None
    index: tuple[Part, ...] | None
    size: int
    result_shape: Shape
    numbering: Numbering
    is_drawn: bool
    limits: DType

    parts = ("shape", "dtype", "content", "axes", "key", "index")

    def __init__(
        self,
        shape: Shape,
        dtype: DType,
        content: Content,
        axes: tuple[int, ...] | None = None,
        key: AnyKey | None = None,
        index: tuple[Part, ...] | None = None,
    ) -> None:
        first = 0
        sizes, steps = shape, tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
        if axes is not None:
            sizes, steps = tuple(shape[axis] for axis in axes), tuple(steps[axis] for axis in axes)
        if index is not None:
            axes_and_steps = list(zip(index, steps, strict=True))
            kept = [(part, step) for part, step in axes_and_steps if isinstance(part, range)]
            sizes = tuple(len(part) for part, _ in kept)
            first = sum(part * step for part, step in axes_and_steps if isinstance(part, int))
            first += sum(part.start * step for part, step in kept)
            steps = tuple(part.step * step for part, step in kept)
        vars(self).update(
            shape=shape,
            dtype=dtype,
            content=content,
            axes=axes,
            key=key,
            index=index,
            size=math.prod(sizes),
            result_shape=sizes,
            numbering=Numbering(first, sizes, steps),
            is_drawn=isinstance(content, Distribution),
            limits=dtype,
        )

    @property
    def constant(self) -> Number | None:
        """The value that all elements have, a number of the dtype; None if they may differ."""
        return self.content.value if isinstance(self.content, Fill) else None

    def with_key(self, key: AnyKey | None) -> Plan:
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

    def window(self, index: object) -> Plan:
        """The plan of a part of the result: what ``result[index]`` would be.

        Parameters
        ----------
        index
            An int, a slice, an ellipsis, or a tuple of them, as for an array of NumPy.

        Raises
        ------
        WindowError
            If it is another kind of index, has too many parts, or is out of range.
        """
        present = tuple(map(range, self.result_shape)) if self.index is None else self.index
        wanted = enumerate(_expanded(index, self.result_shape))
        chosen = tuple(_chosen(part, *next(wanted)) if isinstance(part, range) else part for part in present)
        return self._of(self.shape, self.dtype, self.content, self.key, chosen)

    def _of(
        self,
        shape: Shape,
        dtype: DType,
        content: Content,
        key: AnyKey | None,
        index: tuple[Part, ...] | None,
    ) -> Plan:
        plan = Plan(shape, dtype, content, self.axes, key, index)
        if dtype is self.dtype:
            vars(plan).update(limits=self.limits)
        return plan

    def arranged(self, whole: HostArray) -> HostArray:
        """Of all elements of the array in canonical order those of the result, in its shape."""
        whole = whole.reshape(self.shape)
        if self.axes is not None:
            whole = whole.transpose(self.axes)
        if self.index is None:
            return whole
        parts = (as_slice(part) if isinstance(part, range) else part for part in self.index)
        return whole[(*parts, ...)]  # Without the dots one element would be no array.

    def required_key(self) -> AnyKey:
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
        """Where the blocks lie in the result, one after the other, and their plans.

        Blocks of which a window has nothing are left out. Where it has one index of the axis, there is one
        block, and it is all of the result. ``content`` is the plan's own.
        """
        before, wanted = self._along(content.axis)
        starts = accumulate(content.sizes, initial=0)
        numbered = list(enumerate(zip(starts, content.sizes, content.contents, strict=False)))
        if isinstance(wanted, range) and wanted.step < 0:
            numbered.reverse()
        for number, (start, size, block) in numbered:
            found = _within(wanted, start, start + size)
            if found is None:
                continue
            among, part = found
            where = () if among is None else (*(slice(None),) * before, among)
            if content.keys is not None:
                key = content.keys[number]
            else:
                key = self.key / number if block.needs_key and self.key is not None else None
            yield where, self._block(content.axis, size, block, key, part)

    def alike(self, content: Blocks) -> tuple[Plan, int, range] | None:
        """One of the blocks for all, where they differ in the key alone; ``content`` is the plan's own.

        Returns
        -------
        tuple of Plan, int and range
            The plan of a block without its key; along which axis of the result the blocks lie, each having
            one index of it; and the numbers of those of which the result has something. None if some blocks
            differ in more, if not all of their elements are drawn, or if the result lacks the axis.
        """
        axis, wanted = self._along(content.axis)
        is_by_number = content.keys is None and set(content.sizes) == {1}
        if isinstance(wanted, int) or not is_by_number or not _is_drawn(content):
            return None
        if len(set(content.contents)) > 1:
            return None
        return self._block(content.axis, 1, content.contents[0], None, range(1)), axis, wanted

    def _place(self, axis: int) -> int:
        """Which axis of the arranged whole an axis in canonical order is."""
        return axis if self.axes is None else self.axes.index(axis)

    def _along(self, axis: int) -> tuple[int, Part]:
        """Where an axis of the whole is in the result, and which of its indices the result has."""
        place = self._place(axis)
        if self.index is None:
            return place, range(self.shape[axis])
        return sum(isinstance(part, range) for part in self.index[:place]), self.index[place]

    def _block(self, axis: int, size: int, content: Content, key: AnyKey | None, part: Part) -> Plan:
        """The plan of a part of the result along an axis."""
        shape = (*self.shape[:axis], size, *self.shape[axis + 1 :])
        index = self.index
        if index is not None:
            place = self._place(axis)
            index = (*index[:place], part, *index[place + 1 :])
        return self._of(shape, self.dtype, content, key, index)

    def complex_parts(self, content: Complex) -> tuple[Plan, Plan]:
        """The plans of the real and of the imaginary part; ``content`` is the plan's own."""
        keys = (None, None) if self.key is None else self.key.split()
        parts = zip((content.real, content.imag), keys, strict=True)
        real, imag = (self._of(self.shape, self.dtype.part, part, key, self.index) for part, key in parts)
        return real, imag

    def unmasked(self, content: Masked) -> tuple[Plan, npt.NDArray[np.bool_]]:
        """The plan of the other content, and the mask in the order of the result."""
        kept = self._of(self.shape, self.dtype, content.content, self.key, self.index)
        return kept, row_major(self.arranged(content.array(self.shape)))


def _is_drawn(content: Content) -> bool:
    """Whether all elements, or all of their parts, are drawn."""
    if isinstance(content, Blocks):
        return all(map(_is_drawn, set(content.contents)))
    if isinstance(content, Complex):
        return _is_drawn(content.real) and _is_drawn(content.imag)
    return isinstance(content, Distribution)


def as_slice(part: range) -> slice:
    """The slice that takes the same indices of an axis."""
    if not part:
        return slice(0, 0)
    return slice(part.start, None if part.stop < 0 else part.stop, part.step)


def _within(wanted: Part, start: int, stop: int) -> tuple[slice | None, Part] | None:
    """Which of some indices lie in [start, stop), and the same ones counted from start; None if none does."""
    if isinstance(wanted, int):
        return (None, wanted - start) if start <= wanted < stop else None
    ends = (start, stop) if wanted.step > 0 else (stop - 1, start - 1)
    # How many of the indices come before each end: a division rounded up, whatever the signs.
    first, last = (min(max(-((wanted.start - end) // wanted.step), 0), len(wanted)) for end in ends)
    if first >= last:
        return None
    found = wanted[first:last]
    return slice(first, last), range(found.start - start, found.stop - start, found.step)


def _expanded(index: object, shape: Shape) -> tuple[object, ...]:
    """An index for each axis."""
    index = index if isinstance(index, tuple) else (index,)
    dots = [place for place, part in enumerate(index) if part is Ellipsis]
    if len(dots) > 1:
        raise WindowError(f"index {index!r} has {len(dots)} ellipses; wanted at most one")
    given = len(index) - len(dots)
    if given > len(shape):
        raise WindowError(f"index {index!r} has {given} parts; wanted at most {len(shape)} for shape {shape}")
    place = dots[0] if dots else len(index)
    return (*index[:place], *(slice(None),) * (len(shape) - given), *index[place + 1 :])


def _chosen(part: range, axis: int, wanted: Any) -> Part:
    """Of the indices along an axis those that are wanted."""
    if isinstance(wanted, slice):
        try:
            return part[wanted]
        except (TypeError, ValueError) as error:
            raise WindowError(
                f"{wanted!r} for axis {axis} is no slice of an array ({error}); wanted integers or None, and "
                "a step that is not 0"
            ) from None
    try:
        is_bool = isinstance(wanted, bool) or "bool" in str(getattr(wanted, "dtype", ""))
        if is_bool or getattr(wanted, "ndim", False):
            raise TypeError
        number = operator.index(wanted)
    except (AttributeError, TypeError):  # Some libraries' scalars lack __index__ in one way, some in another.
        raise WindowError(
            f"index {wanted!r} for axis {axis} is a {type(wanted).__name__}; wanted an int, a slice or an "
            "ellipsis: windows have no new axes, masks or lists of indices"
        ) from None
    try:
        return part[number]
    except IndexError:
        raise WindowError(
            f"index {number} is out of range for axis {axis}, which has {len(part)} elements"
            + (f"; wanted {-len(part)} to {len(part) - 1}" if part else "")
        ) from None


def make_plan(shape: Shape, dtype: DType, layout: Layout, content: Callable[[Weight], Content]) -> Plan:
    """The plan for a result of a shape and a layout; ``content`` is called with the weight that it is."""
    weight = layout.weight(shape)
    return Plan(weight.shape, dtype, content(weight), layout.from_canonical(len(shape)))
