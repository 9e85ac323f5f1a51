"""Options of expected gradients."""

from typing import Annotated

from pydantic import Field

from igcli.methods._options._multiplied import Multiplied
from igcli.options import PathField


class ExpectedGradientsOptions(Multiplied):
    """Expected gradients: average over baselines drawn from a folder of images."""

    folder: Annotated[str | None, PathField()] = Field(default=None, examples=["backgrounds"])
    """Folder of images to draw baselines from, which this method requires."""

    samples: int = Field(default=100, ge=1)
    """Number of draws, each of a baseline and a point on its path; ignored with auto steps."""

    noise: float = Field(default=0.0, ge=0)
    """Standard deviation of noise added to the baselines (GradientSHAP), as a fraction of the
    image's range of values."""

    noise_levels: float | None = Field(default=None, ge=0, examples=[20.0])
    """Standard deviation of the noise in units of the input (0...255 for images), in place of a
    fraction of the range."""


OPTIONS = ExpectedGradientsOptions
