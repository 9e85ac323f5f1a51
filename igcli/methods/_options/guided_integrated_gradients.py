"""Options of guided integrated gradients."""

from pydantic import Field

from igcli.options import Options


class GuidedOptions(Options):
    """Guided integrated gradients: first the pixels that matter least."""

    fraction: float = Field(default=0.25, gt=0, le=1)
    """Share of the pixels, those of the smallest gradients, that are moved at a time."""

    max_distance: float = Field(default=0.02, ge=0, le=1)
    """How far from the straight path a pixel may be, as a share of the whole way."""


OPTIONS = GuidedOptions
