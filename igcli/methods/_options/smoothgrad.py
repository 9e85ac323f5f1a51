"""Options of smoothgrad."""

from typing import Literal

from pydantic import Field

from igcli.methods._options._multiplied import Multiplied


class SmoothGradOptions(Multiplied):
    """Smoothgrad: a method's gradients over noisy copies of the image."""

    around: Literal["gradients", "integrated_gradients"] = "gradients"
    """The method whose gradients are averaged."""

    samples: int = Field(default=25, ge=1)
    """Noisy copies of the image."""

    noise: float = Field(default=0.15, ge=0)
    """Standard deviation of the noise, as a share of the image's range of values."""

    noise_levels: float | None = Field(default=None, ge=0, examples=[20.0])
    """Standard deviation of the noise in levels of the input, 0...255 for images, in place of a
    share of the range."""

    statistic: Literal["mean", "squared", "variance"] = "mean"
    """What is taken over the copies: their mean, the mean of their squares (SmoothGrad squared) or
    their variance (VarGrad)."""


OPTIONS = SmoothGradOptions
