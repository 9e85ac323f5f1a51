"""Options of the pictures. Importing them imports no NumPy."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from igcli.options import Options
from igcli.render import styles

if TYPE_CHECKING:
    StyleName = str
else:
    StyleName = Literal[styles.names()]

Columns = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]


class StyleOptions(Options):
    """How an attribution is turned into a picture."""

    style: StyleName = "overlay"
    """How attributions are shown."""

    polarity: Literal["positive", "negative", "both"] = "positive"
    """Which attributions the overlay shows: positive in green, negative in red."""


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
    """Times the animation runs; 0 is endless."""
