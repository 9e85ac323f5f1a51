"""Options of smoothgrad."""

from typing import Literal

from pydantic import Field

from igcli.options import Options


class SmoothGradOptions(Options):
    """Smoothgrad: the mean of a method over noisy copies of the image."""

    around: Literal["gradients", "integrated_gradients"] = "gradients"
    """The method whose attributions are averaged."""

    samples: int = Field(default=25, ge=1)
    """Noisy copies of the image."""

    noise: float = Field(default=0.15, ge=0)
    """Standard deviation of the noise, as a share of the image's range of values."""


OPTIONS = SmoothGradOptions
