"""How other frameworks store a layer's kernel, and which fans they compute of it.

Most of them are told only the shape of a kernel, and take every shape for that of a plain one, in their usual
order of axes. So what they make of a grouped, depthwise or transposed kernel follows from how they store it.
"""

from __future__ import annotations

import math

from unifinit import layout_text
from unifinit.layout import Layout
from unifinit.peers.records import Peer
from unifinit.types import Shape
from unifinit.weight import Fans, Weight

OUTPUTS_FIRST = ("torch", "timm")
INPUTS_BEFORE_MULTIPLIERS = ("tensorflow1", "tensorflow", "keras")
"""They store a depthwise kernel as (spatial..., channels, outputs of each)."""
TRANSPOSED_LIKE_CONVOLUTIONS = ("jax", "flax")
"""They store the kernel of a transposed convolution as (spatial..., in, out); others swap the last two."""
WITH_AXES = ("tensorflow", "keras")
"""Their EinsumDense tells an initializer which axes are inputs and outputs."""
LIMITS = {
    "matrix": (2, 2),
    "centre": (3, 5),
    "columns": (2, math.inf),
    "rows": (2, math.inf),
    "batched": (2, math.inf),
}
"""How many axes what has a rule takes."""


def stored_shape(framework: str, layout: Layout, shape: Shape) -> Shape | None:
    """The shape in which a framework stores a weight.

    Parameters
    ----------
    framework
        The name of the framework.
    layout, shape
        The weight, as unifinit stores it.

    Returns
    -------
    tuple of int, optional
        None if none of its layers has such a weight. An einsum says itself how its weight is stored. JAX has
        no layers; what its users write is taken to be as in Flax.
    """
    parsed = layout_text.parse(layout.text)
    weight = layout.weight(shape)
    inputs, outputs, spatial = weight.inputs, weight.outputs, weight.spatial
    if parsed.rank is not None or weight.rank < 2:
        return shape
    is_single = not weight.batch and len(inputs) == len(outputs) == 1
    if parsed.kind in ("depthwise", "conv_transpose") and not is_single:
        return None
    if parsed.kind == "depthwise":
        if framework in INPUTS_BEFORE_MULTIPLIERS:
            return weight.shape
        channels = inputs[0] * outputs[0]
        return (channels, 1, *spatial) if framework in OUTPUTS_FIRST else (*spatial, 1, channels)
    if parsed.kind == "conv_transpose":
        if framework in OUTPUTS_FIRST:
            return (*inputs, *outputs, *spatial)
        if parsed.groups > 1:
            return None
        return weight.shape if framework in TRANSPOSED_LIKE_CONVOLUTIONS else (*spatial, *outputs, *inputs)
    if framework in OUTPUTS_FIRST:
        if not is_single:
            return None
        return (*inputs, *outputs) if parsed.kind == "embedding" else (*outputs, *inputs, *spatial)
    if framework == "flax" and not is_single and not spatial:
        # DenseGeneral hands a matrix to its initializer, with the batch axes among the inputs.
        return (math.prod((*weight.batch, *inputs)), math.prod(outputs))
    return weight.shape


def seen_weight(peer: Peer, layout: Layout, shape: Shape) -> Weight | None:
    """What a peer takes a weight for.

    Parameters
    ----------
    peer
        The peer.
    layout, shape
        The weight, as unifinit stores it.

    Returns
    -------
    Weight, optional
        None if the peer raises an error, or has no layer with such a weight.
    """
    weight = layout.weight(shape)
    if peer.fans == "none":
        return weight
    stored = stored_shape(peer.framework, layout, shape)
    if stored is None or not _takes(peer, stored):
        return None
    if peer.fans == "receptive" and peer.framework in WITH_AXES and _has_axes(layout, weight):
        # Batch axes are in its result, which it takes for the outputs.
        fans = Fans(math.prod(weight.inputs), math.prod((*weight.batch, *weight.outputs)))
        return Weight(weight.batch, (), weight.inputs, weight.outputs, fans)
    seen = Layout(peer.layout).weight(stored)
    if peer.fans == "batched":
        return Weight(seen.spatial, (), seen.inputs, seen.outputs, Fans(*seen.inputs, *seen.outputs))
    return seen


def peer_fans(peer: Peer, layout: Layout, shape: Shape) -> Fans | None:
    """The fans that a peer computes for the layer whose weight has a layout and a shape.

    Parameters
    ----------
    peer
        The peer.
    layout, shape
        The weight, as unifinit stores it.

    Returns
    -------
    Fans, optional
        None if the peer computes no fans, for this weight or at all.

    Examples
    --------
    >>> from unifinit import Layout
    >>> from unifinit.peers import peer_fans, peers_of
    >>> for peer in peers_of("LecunNormal"):
    ...     print(peer.name, *peer_fans(peer, Layout("depthwise HWIO"), (3, 3, 256, 2)))
    tf.compat.v1.initializers.lecun_normal 2304 18
    tf.initializers.LecunNormal 2304 18
    keras.initializers.LecunNormal 2304 18
    jax.nn.initializers.lecun_normal 9 4608
    flax.linen.initializers.lecun_normal 9 4608
    timm.layers.lecun_normal_ 9 4608
    """
    if peer.fans != "receptive":
        return None
    seen = seen_weight(peer, layout, shape)
    return None if seen is None else seen.fans


def _takes(peer: Peer, stored: Shape) -> bool:
    """Whether a peer draws anything for a stored shape."""
    least, most = LIMITS.get(peer.fans, (0, math.inf))
    if peer.fans == "receptive":
        if peer.framework in OUTPUTS_FIRST:
            least = 2
        if peer.framework in ("jax", "flax"):
            # They divide the number of elements by the axes.
            return len(stored) >= 2 and 0 not in stored
    return least <= len(stored) <= most


def _has_axes(layout: Layout, weight: Weight) -> bool:
    """Whether it takes an einsum to have a weight: because it is one, or for batch axes or several others."""
    if weight.rank < 2 or weight.spatial:
        return False
    is_einsum = layout_text.parse(layout.text).rank is not None
    return is_einsum or bool(weight.batch) or len(weight.inputs) + len(weight.outputs) > 2
