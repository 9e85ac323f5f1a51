"""Options of the metrics, and all of them together as `MetricOptions`.

They are separate from the metrics, which import NumPy, because `--help` prints them. A metric with
options has its class here and a field under its name in `MetricOptions`.
"""

from typing import Any, Literal

from pydantic import Field

from igcli.options import Options

Fill = Literal["black", "mean", "blur"]
"""What replaces pixels: black, the image's mean colour, or the blurred image."""


class _CurveOptions(Options):
    """A curve of the score as pixels are replaced, most attributed first."""

    steps: int = Field(default=50, ge=1, le=10_000)
    """Number of equal steps in which all pixels are replaced."""


class DeletionOptions(_CurveOptions):
    """Deletion: replace pixels of the image."""

    fill: Fill = "black"
    """What replaces the pixels: black, mean (the image's mean colour) or blur."""


class InsertionOptions(_CurveOptions):
    """Insertion: put pixels of the image into one without its content."""

    fill: Fill = "blur"
    """What the pixels are put into: black, mean (the image's mean colour) or blur."""


def _defaults_of(group: type[Options]) -> Any:
    """Return a field whose default is a group's defaults, described by its docstring."""
    return Field(default=group(), description=group.__doc__)


class MetricOptions(Options):
    """Options of every metric."""

    deletion: DeletionOptions = _defaults_of(DeletionOptions)
    insertion: InsertionOptions = _defaults_of(InsertionOptions)
