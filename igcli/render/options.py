"""Options of the pictures, and the presets that set them. Importing them does not import NumPy."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from igcli.options import Options, PathField, Presets
from igcli.render import styles

_NOTEBOOK = {
    "style": "clipped",
    "polarity": "positive",
    "headings": "full",
    "clip_above": 95.0,
    "clip_below": 58.0,
    "cleanup": True,
}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "published": {
        "columns": ("image", "label", "method"),
        "style": "overlay",
        "polarity": "positive",
        "headings": "full",
    },
    "published_2017_06": {
        "columns": ("image", "label", "method", "gradients"),
        "style": "overlay",
        "polarity": "both",
        "headings": "short",
    },
    "published_2016": {
        "columns": ("image", "label", "method", "gradients"),
        "style": "windowing",
        "headings": "pictures",
    },
    "notebook": {
        "columns": ("image", "label", "method"),
        **_NOTEBOOK,
        "outlines": False,
    },
    "notebook_outlines": {
        "columns": ("image", "label", "method"),
        **_NOTEBOOK,
        "outlines": True,
    },
    "explainer": {
        "columns": ("image", "label", "method", "colorbar"),
        "style": "blended_heat_map",
        "headings": "full",
        "sign": "all",
        "outlier_percent": 2.0,
    },
}
"""Values that each preset gives to the other settings of a panel.

Sources: the panels published in 2016, in June 2017 and since; the notebook published with
Integrated Gradients; Captum (explainer).
"""


if TYPE_CHECKING:
    StyleName = str
    PanelStyleName = str
    PresetName = str
else:
    StyleName = Literal[styles.names()]
    PanelStyleName = Literal["auto", *styles.names()]
    PresetName = Literal[tuple(PRESETS)]

Headings = Literal["full", "short", "pictures"]
LabelLine = Literal["label", "score", "target", "completeness_error"]
SPECIAL_COLUMNS = ("image", "label", "method", "baseline", "path", "colorbar")
"""Columns of a panel that are not methods; `method` is the run's, whichever that is."""

GIF_COLUMNS = ("image", "label", "method", "baseline", "path")
"""Columns beside an animation that are not methods."""

Columns = Annotated[tuple[str, ...], Field(strict=False)]


class StyleOptions(Options):
    """How an attribution is turned into a picture."""

    style: StyleName = "overlay"
    """How to draw attributions."""

    polarity: Literal["positive", "negative", "both"] = "positive"
    """Attributions that the styles overlay and clipped draw: positive (green), negative (red) or
    both."""

    scale: Literal["per_image", "shared"] | Annotated[float, Field(ge=1e-30, le=1e30)] = "per_image"
    """Attribution drawn at full strength: each picture's own (per_image), the median of those of
    the first 32 images, method by method (shared), or a number; each GIF frame counts as a
    picture."""

    clip_above: float = Field(default=99, gt=0, le=100)
    """Style clipped: draw the largest attributions, up to (100 - clip_above)% of the sum, at full
    strength."""

    clip_below: float = Field(default=0, ge=0, lt=100)
    """Style clipped: hide the smallest attributions, clip_below% of the sum."""

    cleanup: bool = False
    """Style clipped: remove specks and close gaps."""

    outlines: bool = False
    """Style clipped: draw only the outlines of the largest shapes."""

    sign: Literal["all", "positive", "negative", "absolute_value"] = "all"
    """Attributions that heat maps and masks draw; masks draw all of them by absolute value."""

    outlier_percent: float = Field(default=2, ge=0, lt=100)
    """Heat maps and masks: draw the largest attributions, up to this percentage of the sum, at full
    strength."""

    def for_map(self, *, coarse: bool) -> Self:
        """Return the options with a style for one map: "auto" depends on whether it is coarse."""
        if self.style != "auto":
            return self
        return self.model_copy(update={"style": "blended_heat_map" if coarse else "overlay"})

    @model_validator(mode="after")
    def _check_clips(self) -> Self:
        if self.clip_below >= self.clip_above:
            raise ValueError("clip_below must be less than clip_above")
        return self


class _PresetOptions(Options):
    """The first key of a panel: a base class's fields come before the class's own."""

    preset: Annotated[PresetName, Presets(PRESETS)] = "published"
    """Published look, which sets the defaults of the other panel settings."""

    @model_validator(mode="before")
    @classmethod
    def _with_preset(cls, value: object) -> object:
        name = value.get("preset") if isinstance(value, dict) else None
        if isinstance(value, dict) and isinstance(name, str):
            return {**PRESETS.get(name, {}), **value}
        return value


class PanelOptions(StyleOptions, _PresetOptions):
    """What a panel shows and how it is stored."""

    style: PanelStyleName = "overlay"
    """How to draw attributions; auto, the default if there are coarse maps such as grad_cam, draws
    these as blended_heat_map and others as overlay."""

    columns: Columns = Field(default=("image", "label", "method"), min_length=1)
    """Columns from left to right: image, label, method (the selected one), methods by name,
    baseline, path (the score along it) and colorbar."""

    label_lines: Annotated[tuple[LabelLine, ...], Field(strict=False)] = ("label", "score")
    """Lines below the heading of the label column: label, score, target, completeness_error."""

    magnify: Annotated[int, Field(ge=1, le=32)] | Literal["auto"] = "auto"
    """Magnification of pictures, those of GIFs included; auto magnifies pictures whose shorter side
    is under 160 pixels."""

    headings: Headings = "full"
    """Headings of columns: full (content and class), short, or pictures (short, and only above
    pictures)."""

    format: Literal["jpg", "png"] = "jpg"
    """File format of panels."""

    quality: int = Field(default=95, ge=1, le=100)
    """JPEG quality of panels."""

    font: Annotated[str | None, PathField()] = Field(default=None, examples=["NotoSansJP.otf"])
    """Font file for all text, that of GIFs included; by default, the bundled font, with system
    fonts for letters that it lacks."""


class GifOptions(StyleOptions):
    """How the interior gradients are animated."""

    style: StyleName = "windowing"
    """How to draw the gradients of each frame."""

    frame_ms: int = Field(default=500, ge=20, le=655_350)
    """Duration of a frame in milliseconds; GIFs store hundredths of a second."""

    loop: int = Field(default=0, ge=0, le=65_535)
    """Number of repetitions of the animation; 0 repeats it forever."""

    format: Literal["gif", "webp"] = "gif"
    """File format of animations; WebP files are about half as large."""

    columns: Columns = ()
    """Columns beside the gradients: image, label, method (the selected one), methods by name,
    baseline and path (the score along it, with a moving point)."""
