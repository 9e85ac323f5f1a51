"""Options of the path from the baseline to the image."""

from typing import Literal

from pydantic import Field

from igcli.options import Options


class PathOptions(Options):
    """Where the path starts and how finely it is evaluated."""

    baseline: Literal["black"] = "black"
    """Input that stands for "nothing there", in pixel space."""

    steps: int = Field(default=50, ge=1)
    """Intervals of the path; the trapezoid rule evaluates one point more."""
