"""What theory says of an initializer for one shape."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from unifinit.distributions import Moments
from unifinit.types import Shape
from unifinit.weight import Fans


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

    @property
    def fan_in(self) -> float:
        """The number of inputs of a unit."""
        return self.fans.fan_in

    @property
    def fan_out(self) -> float:
        """The number of outputs that an input feeds."""
        return self.fans.fan_out

    def as_dict(self) -> dict[str, Any]:
        """The facts in types that JSON has; moments that are infinite or undefined are None."""
        moments = {
            name: value if math.isfinite(value) else None for name, value in self.moments._asdict().items()
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
            **moments,
        }

    def __str__(self) -> str:
        mean, stddev, minimum, maximum = (f"{value:.6g}" for value in self.moments)
        config = ", ".join(f"{name}={value!r}" for name, value in self.config.items())
        lines = {
            self.name: self.summary,
            "config": config or "none",
            "shape": f"{self.shape}, layout {self.layout}, {self.dtype}",
            "fans": f"in {self.fan_in:.10g}, out {self.fan_out:.10g}",
            "elements": self.content,
            "mean": mean,
            "stddev": stddev,
            "range": f"[{minimum}, {maximum}]",
        }
        width = max(map(len, lines))
        return "\n".join(f"{label:<{width}}  {text}" for label, text in lines.items())
