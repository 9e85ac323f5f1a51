"""Options of expected gradients."""

from typing import Annotated

from pydantic import Field

from igcli.methods._options._multiplied import Multiplied
from igcli.options import PathField


class ExpectedGradientsOptions(Multiplied):
    """Expected gradients: baselines drawn from a folder of images."""

    folder: Annotated[str | None, PathField()] = Field(default=None, examples=["backgrounds"])
    """Folder of images that baselines are drawn from; needed by this method alone."""

    samples: int = Field(default=100, ge=1)
    """Pairs of a baseline and a point on the way from it; not used with steps: auto."""

    noise: float = Field(default=0.0, ge=0)
    """Standard deviation of noise around the baselines (GradientSHAP), as a share of the image's
    range of values."""

    noise_levels: float | None = Field(default=None, ge=0, examples=[20.0])
    """Standard deviation of this noise in levels of the input, 0...255 for images, in place of a
    share of the range."""


OPTIONS = ExpectedGradientsOptions
