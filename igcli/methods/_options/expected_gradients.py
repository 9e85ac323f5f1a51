"""Options of expected gradients."""

from typing import Annotated

from pydantic import Field

from igcli.options import Options, PathField


class ExpectedGradientsOptions(Options):
    """Expected gradients: baselines drawn from a folder of images."""

    folder: Annotated[str | None, PathField()] = Field(default=None, examples=["backgrounds"])
    """Folder of images that baselines are drawn from; needed by this method alone."""

    samples: int = Field(default=100, ge=1)
    """Pairs of a baseline and a point on the way from it."""


OPTIONS = ExpectedGradientsOptions
