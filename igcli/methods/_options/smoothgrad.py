"""Options of smoothgrad."""

from typing import Literal

from pydantic import Field

from igcli.methods._options._multiplied import Multiplied


class SmoothGradOptions(Multiplied):
    """SmoothGrad: average a method's attributions over noisy copies of the image."""

    around: Literal["gradients", "integrated_gradients"] = "gradients"
    """Method whose attributions are averaged."""

    samples: int = Field(default=25, ge=1)
    """Number of noisy copies of the image."""

    noise: float = Field(default=0.15, ge=0)
    """Standard deviation of the noise, as a fraction of the image's range of values."""

    noise_levels: float | None = Field(default=None, ge=0, examples=[20.0])
    """Standard deviation of the noise in units of the input (0...255 for images), in place of a
    fraction of the range."""

    statistic: Literal["mean", "squared", "variance"] = "mean"
    """Statistic over the copies: mean, squared (the mean of squares, SmoothGrad-Squared) or
    variance (VarGrad)."""


OPTIONS = SmoothGradOptions
