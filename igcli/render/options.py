"""Options of the pictures. Importing them imports no NumPy."""

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from igcli.options import Options
from igcli.render import styles

if TYPE_CHECKING:
    StyleName = str
else:
    StyleName = Literal[styles.names()]

Headings = Literal["full", "short", "pictures"]
Columns = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]


class StyleOptions(Options):
    """How an attribution is turned into a picture."""

    style: StyleName = "overlay"
    """How attributions are shown."""

    polarity: Literal["positive", "negative", "both"] = "positive"
    """Attributions that overlay and clipped show: positive in green, negative in red."""

    scale: Literal["per_image"] | Annotated[float, Field(ge=1e-30, le=1e30)] = "per_image"
    """Attribution shown at full strength: each picture's own, or a number to compare pictures."""

    clip_above: float = Field(default=99, gt=0, le=100)
    """Clipped: the largest attributions up to (100 - clip_above)% of their sum are full."""

    clip_below: float = Field(default=0, ge=0, lt=100)
    """Clipped: the smallest attributions, clip_below% of their sum, are not shown."""

    cleanup: bool = False
    """Clipped: remove specks and close gaps."""

    outlines: bool = False
    """Clipped: draw the outlines of the largest shapes alone."""

    sign: Literal["all", "positive", "negative", "absolute_value"] = "all"
    """Attributions that heat maps and masks show; masks show all by absolute value."""

    outlier_percent: float = Field(default=2, ge=0, lt=100)
    """Heat maps and masks: the largest attributions, this share of their sum, are full."""

    @model_validator(mode="after")
    def _clips_in_order(self) -> Self:
        if self.clip_below >= self.clip_above:
            raise ValueError("clip_below must be less than clip_above")
        return self


class PanelOptions(StyleOptions):
    """What a panel shows and how it is stored."""

    columns: Columns | None = None
    """Cells from left to right: image, label and any methods; the run's method if not given."""

    format: Literal["jpg", "png"] = "jpg"
    """File format of the panels."""

    quality: int = Field(default=95, ge=1, le=100)
    """JPEG quality."""


class GifOptions(StyleOptions):
    """How the interior gradients are animated."""

    style: StyleName = "windowing"
    """How the gradients of each frame are shown."""

    frame_ms: int = Field(default=500, ge=20, le=655_350)
    """Time a frame stands, in milliseconds; GIFs keep hundredths of a second."""

    loop: int = Field(default=0, ge=0, le=65_535)
    """Repetitions of the animation; 0 is endless."""
