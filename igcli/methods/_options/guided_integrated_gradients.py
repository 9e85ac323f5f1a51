"""Options of guided integrated gradients."""

from pydantic import Field

from igcli.options import Options


class GuidedOptions(Options):
    """Guided integrated gradients: move the pixels with the smallest gradients first."""

    fraction: float = Field(default=0.25, gt=0, le=1)
    """Fraction of the pixels, those with the smallest gradients, to move at a time."""

    max_distance: float = Field(default=0.02, ge=0, le=1)
    """Maximum distance of a pixel from the straight path, as a fraction of the path's length."""


OPTIONS = GuidedOptions
