"""Kernels of layers that enlarge their input."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from unifinit.content import Content
from unifinit.contents import Derived, Fill, Fixed, HostArray, Source, batched
from unifinit.errors import LayoutError, ShapeError
from unifinit.initializers.base import Aliases, Initializer, initializer
from unifinit.initializers.combinators.wrapper import Wrapper
from unifinit.initializers.hyperparameters import boolean, choice, whole
from unifinit.initializers.scaling import KaimingNormal
from unifinit.types import DType, Shape, require_inexact
from unifinit.weight import Weight, share


class TriangleFilters(Fixed):
    """The product of a triangle along each spatial axis, from inputs to outputs of the same channel.

    Both the height of a triangle and its half base are whole in some unit, so that each element is the
    quotient of two integers, rounded once.
    """

    spatial: Shape
    inputs: int
    outputs: int
    everywhere: bool
    downsampling: bool

    parts = ("spatial", "inputs", "outputs", "everywhere", "downsampling")

    def __init__(
        self, spatial: Shape, inputs: int, outputs: int, everywhere: bool, downsampling: bool
    ) -> None:
        vars(self).update(
            spatial=spatial, inputs=inputs, outputs=outputs, everywhere=everywhere, downsampling=downsampling
        )

    def triangles(self) -> HostArray:
        """The filter of a channel, one-dimensional."""
        product, denominator = np.ones(1), 1
        for size in self.spatial:
            height = size + size % 2  # Twice the factor: the unit is half a step.
            axis = height - np.abs(2.0 * np.arange(size) - (size - 1))
            product = np.multiply.outer(product, axis).reshape(-1)
            denominator *= height * (height // 2) if self.downsampling else height
        return product / float(denominator) if product.size else product

    def numbers(self) -> HostArray:
        """The filter where the numbers of input and output agree, and zeros elsewhere."""
        triangles = self.triangles()
        result = np.zeros((len(triangles), self.inputs, self.outputs))
        if self.everywhere:
            result[...] = triangles[:, None, None]
        elif result.size:
            channel = np.arange(max(self.inputs, self.outputs))
            result[:, channel % self.inputs, channel % self.outputs] = triangles[:, None]
        return result


class Bilinear(Initializer):
    """Filters that interpolate linearly, for a transposed convolution that upsamples.

    Parameters
    ----------
    channels : {"diagonal", "all"}
        Which pairs of an input and an output have the filter; the others are 0. "diagonal": each channel goes
        to itself, as in FCN and Chainer. If the numbers of inputs and outputs differ, one must be a multiple
        of the other, as in the stored weight of a grouped layer, whose groups have the smaller number of
        channels: output o is for the input i that is equal to it modulo that number. So with a single input
        or output, every channel has its filter. "all": every pair, as in Caffe, MXNet and Paddle, for weights
        of depthwise layers, also with several outputs for each channel.
    downsampling : bool
        Whether to divide by the sum of the filter, for a convolution whose stride takes samples.

    Raises
    ------
    ArgumentError
        If channels is unknown or downsampling no boolean.
    DtypeError
        In a call, for integers and booleans.
    ShapeError
        In a call, without spatial axes, or if neither number of channels is a multiple of the other.

    Notes
    -----
    Along an axis of k elements, with the factor f = (k + 1) // 2, element x is
    ``1 - abs(x - (k - 1) / 2) / f``; the filter is the product over the axes, which may differ in length.
    Source: Long, Shelhamer & Darrell, "Fully convolutional networks for semantic segmentation" (2015),
    section 3.3, and ``upsample_filt`` in the authors' code; Chainer's ``UpsamplingDeconvFilter`` and
    ``DownsamplingConvFilter`` and Caffe's ``BilinearFiller`` are the same along an axis. A transposed
    convolution with a stride of f keeps linear functions then, away from borders; with the usual
    k = 2 f - f % 2 and a padding of f // 2 it multiplies the size by f. Only for such k do MXNet's and
    Paddle's ``Bilinear`` agree: for k = 2, 3, 6, 7, 10, ... their filter is off the centre. Paddle's, as
    older ones of MXNet, also takes rows from a quotient that should be whole. All places along batch axes
    have the same filters.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.Bilinear()((4, 1, 1)).reshape(-1)
    array([0.25, 0.75, 0.75, 0.25], dtype=float32)
    """

    summary = "filters that interpolate linearly, each channel to itself"
    formula = "∏(1 − |x − (k − 1)/2|/⌈k/2⌉) from a channel to itself"
    source = "Long, Shelhamer & Darrell (2015), section 3.3; Caffe, Chainer, MXNet"
    aliases: ClassVar[Aliases] = {
        "upsampling_deconv_filter": {},
        "downsampling_conv_filter": {"downsampling": True},
        "bilinear_filler": {"channels": "all"},
    }

    channels: str = choice(("diagonal", "all"), default="diagonal")
    downsampling: bool = boolean(default=False)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """Triangles on the diagonal of channels."""
        require_inexact(dtype, type(self).__name__)
        if not weight.spatial:
            raise ShapeError(
                f"shape {weight.shape} has no spatial axes to interpolate along; wanted the kernel of a "
                "convolution, or a layout that names its spatial axes"
            )
        inputs, outputs = math.prod(weight.inputs), weight.columns
        everywhere = self.channels == "all"
        if not everywhere and inputs and outputs and max(inputs, outputs) % min(inputs, outputs):
            raise ShapeError(
                f"shape {weight.shape} has {inputs} inputs and {outputs} outputs; wanted as many of both, or "
                "one number a multiple of the other, as in a grouped layer: or channels='all'"
            )
        filters = TriangleFilters(weight.spatial, inputs, outputs, everywhere, self.downsampling)
        return batched(filters, weight.batch)


class RepeatedOutputs(Derived):
    """A content whose outputs are each there several times."""

    content: Content
    shape: Shape
    times: int
    tiled: bool

    parts = ("content", "shape", "times", "tiled")

    def __init__(self, content: Content, shape: Shape, times: int, tiled: bool) -> None:
        vars(self).update(content=content, shape=shape, times=times, tiled=tiled)

    @property
    def label(self) -> str:
        """What is repeated."""
        return f"repeated {self.content.label}"

    def compute(self, source: Source, dtype: DType) -> HostArray:
        """The smaller weight with its last axis repeated, element by element or as a whole."""
        smaller = source.draw(self.content, self.shape, dtype.compute)
        columns = np.arange(self.shape[-1] * self.times)
        return smaller[..., columns % self.shape[-1] if self.tiled else columns // self.times]

    def scaled(self, factor: float, dtype: DType) -> RepeatedOutputs:
        """The other content scaled."""
        return RepeatedOutputs(self.content.scaled(factor, dtype), self.shape, self.times, self.tiled)

    def blocks(self, size: int) -> int:
        """Those of the smaller weight."""
        return self.content.blocks(size // self.times)


class ICNR(Wrapper):
    """A sub-pixel convolution that begins as a nearest-neighbour resize, without checkerboard artefacts.

    Parameters
    ----------
    initializer : Initializer, str or mapping
        What draws the smaller kernel: an initializer, its name or its configuration. It gets the key of the
        array as it is, and the fans of the smaller kernel.
    factor : int
        By how much the layer enlarges each spatial axis. There are factor**n outputs for each channel, n
        being the number of spatial axes.
    order : {"torch", "tensorflow"}
        How the outputs of a channel lie. "torch": side by side, as ``torch.nn.PixelShuffle`` wants them
        (ONNX's DepthToSpace with the mode CRD). "tensorflow": those of all channels before the next ones, as
        ``tf.nn.depth_to_space`` wants them (mode DCR).
    seed : int or Key, optional
        Used by calls that give none; by default that of the inner initializer.

    Raises
    ------
    ArgumentError
        If factor is not positive, or order is unknown.
    ConfigError
        If ``initializer`` identifies none.
    ShapeError, LayoutError
        In a call, without spatial axes, with more than one axis of outputs, or if their number is no multiple
        of factor**n; and what the inner initializer raises.

    Notes
    -----
    Source: Aitken, Ledig, Theis, Caballero, Wang & Shi, "Checkerboard artifact free sub-pixel convolution: a
    note on sub-pixel convolution, resize convolution and convolution resize" (2017). fastai's
    ``icnr_init`` is the default. The output is that of a nearest-neighbour resize after the smaller
    convolution as long as the bias is 0, or repeated likewise. In a layer of g groups the order "torch" wants
    the outputs of a group to be a multiple of factor**n, and "tensorflow" no groups.

    Examples
    --------
    >>> import unifinit as ui
    >>> kernel = ui.ICNR("he_normal", seed=0)((3, 3, 8, 12))
    >>> bool((kernel[..., ::4] == ui.HeNormal(seed=0)((3, 3, 8, 3))).all())
    True
    """

    summary = "a smaller kernel by another initializer, each output repeated for each sub-pixel"
    formula = "W[..., o] = V[..., ⌊o/factorⁿ⌋], V by the initializer"
    source = "Aitken et al. (2017)"
    aliases: ClassVar[Aliases] = {"icnr_init": {}}

    initializer: Any = initializer(default=KaimingNormal())
    factor: int = whole(default=2, least=1, most=2**20)
    order: str = choice(("torch", "tensorflow"), default="torch")

    def content(self, weight: Weight, dtype: DType) -> Content:
        """What the initializer draws for a smaller weight, repeated."""
        if not weight.spatial:
            raise ShapeError(
                f"shape {weight.shape} has no spatial axes, so there are no sub-pixels; wanted the kernel of "
                "a convolution, or for its bias Zeros"
            )
        if len(weight.outputs) != 1:
            raise LayoutError(f"the layout has {len(weight.outputs)} axes of outputs; wanted one")
        times = self.factor ** len(weight.spatial)
        if weight.columns % times:
            raise ShapeError(
                f"shape {weight.shape} has {weight.columns} outputs; wanted a multiple of {times}: the "
                f"sub-pixels of {len(weight.spatial)} axes enlarged by a factor of {self.factor}"
            )
        # No fan_in depends on the number of outputs, and each fan_out is proportional to it.
        smaller = share(weight, "out", weight.columns // times)
        content: Content = self.initializer.checked_content(smaller, dtype)
        if times == 1 or isinstance(content, Fill):
            return content
        return RepeatedOutputs(content, smaller.shape, times, self.order == "tensorflow")
