"""Options of blur integrated gradients."""

from pydantic import Field

from igcli.options import Options


class BlurOptions(Options):
    """Blur integrated gradients: from the blurred image to the sharp one."""

    max_sigma: float = Field(default=50.0, gt=0, le=1000)
    """Standard deviation of the strongest blur, in pixels."""


OPTIONS = BlurOptions
