"""What theory says of an initializer for one shape."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from unifinit.content import Moments
from unifinit.layout import as_layout
from unifinit.types import Shape, as_dtype
from unifinit.weight import Fans

if TYPE_CHECKING:
    from unifinit.peers import Comparison


class Description(NamedTuple):
    """The facts about one initializer and one shape; ``str`` gives them as text.

    Attributes
    ----------
    name, summary, config
        Class name, one line of explanation and hyperparameters of the initializer.
    shape, layout, dtype
        What it was asked for.
    fans
        Input and output fans of the shape.
    content
        How the elements are made.
    moments
        Mean, standard deviation, minimum and maximum of an element.
    untruncated_stddev
        The standard deviation before truncation; that of an element where nothing is truncated.
    expected_norm
        The square root of the expected sum of the squares of all elements, that is, of the squared Frobenius
        norm.
    blocks
        How many blocks of the stream an array takes: how often something is drawn.
    """

    name: str
    summary: str
    config: Mapping[str, Any]
    shape: Shape
    layout: str
    dtype: str
    fans: Fans
    content: str
    moments: Moments
    untruncated_stddev: float
    expected_norm: float
    blocks: int

    @property
    def fan_in(self) -> float:
        """The number of inputs of a unit."""
        return self.fans.fan_in

    @property
    def fan_out(self) -> float:
        """The number of outputs that an input feeds."""
        return self.fans.fan_out

    @property
    def peers(self) -> tuple[Comparison, ...]:
        """What the initializers of the same name in other libraries draw for this very shape."""
        from unifinit.peers import compare_with_peers  # Few need its table.

        dtype, layout = as_dtype(self.dtype), as_layout(self.layout)
        return compare_with_peers(self.name, self.config, self.shape, dtype, layout, self.moments, self.fans)

    def as_dict(self) -> dict[str, Any]:
        """The facts in types that JSON has; numbers that are infinite or undefined are None."""
        numbers = {
            **self.moments._asdict(),
            "untruncated_stddev": self.untruncated_stddev,
            "expected_norm": self.expected_norm,
        }
        return {
            "name": self.name,
            "summary": self.summary,
            "config": dict(self.config),
            "shape": list(self.shape),
            "layout": self.layout,
            "dtype": self.dtype,
            **self.fans._asdict(),
            "content": self.content,
            **{name: value if math.isfinite(value) else None for name, value in numbers.items()},
            "blocks": self.blocks,
            "peers": [_as_dict(peer) for peer in self.peers],
        }

    def __str__(self) -> str:
        from unifinit.peers import as_text

        mean, stddev, minimum, maximum = (f"{value:.6g}" for value in self.moments)
        config = ", ".join(f"{name}={value!r}" for name, value in self.config.items())
        if self.untruncated_stddev != self.moments.stddev:
            stddev += f" ({self.untruncated_stddev:.6g} before truncation)"
        lines = {
            self.name: self.summary,
            "config": config or "none",
            "shape": f"{self.shape}, layout {self.layout}, {self.dtype}",
            "fans": f"in {self.fan_in:.10g}, out {self.fan_out:.10g}",
            "elements": self.content,
            "mean": mean,
            "stddev": stddev,
            "range": f"[{minimum}, {maximum}]",
            "norm": f"{self.expected_norm:.6g} expected",
            "draws": f"{self.blocks} blocks of the stream",
        }
        width = max(map(len, lines))
        text = "\n".join(f"{label:<{width}}  {text}" for label, text in lines.items())
        peers = as_text(self.peers)
        return f"{text}\n\nIn other libraries\n{peers}" if peers else text


def _as_dict(peer: Comparison) -> dict[str, Any]:
    facts = peer._asdict()
    fans = facts.pop("fans") or (None, None)
    finite = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in facts.items()
    }
    return {**finite, "fan_in": fans[0], "fan_out": fans[1]}
