"""Options of blur integrated gradients."""

from typing import Literal

from pydantic import Field

from igcli.methods._options._multiplied import Multiplied


class BlurOptions(Multiplied):
    """Blur integrated gradients: integrate from the blurred image to the sharp one."""

    max_sigma: float = Field(default=50.0, gt=0, le=1000)
    """Standard deviation of the strongest blur, in pixels."""

    edges: Literal["mirror", "zero"] = "mirror"
    """Continuation of the image beyond its edges: mirror, or zero as in PAIR's implementation."""


OPTIONS = BlurOptions
