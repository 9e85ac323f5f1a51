"""Options of the pictures. Importing them imports no NumPy."""

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


if TYPE_CHECKING:
    StyleName = str
    PresetName = str
else:
    StyleName = Literal[styles.names()]
    PresetName = Literal[tuple(PRESETS)]

Headings = Literal["full", "short", "pictures"]
LabelLine = Literal["label", "score", "target", "completeness_error"]
SPECIAL_COLUMNS = ("image", "label", "method", "baseline", "path", "colorbar")
"""Columns of a panel that are no method's; `method` is the run's, whichever that is."""

GIF_COLUMNS = ("image", "label", "method", "baseline", "path")
"""Columns beside an animation that are no method's."""

Columns = Annotated[tuple[str, ...], Field(strict=False)]


class StyleOptions(Options):
    """How an attribution is turned into a picture."""

    style: StyleName = "overlay"
    """How attributions are shown."""

    polarity: Literal["positive", "negative", "both"] = "positive"
    """Attributions that overlay and clipped show: positive in green, negative in red."""

    scale: Literal["per_image", "shared"] | Annotated[float, Field(ge=1e-30, le=1e30)] = "per_image"
    """Attribution at full strength: each picture's own (per_image), the median of those of the
    first 32 images, method by method (shared), or a number; in a GIF a frame is such a picture."""

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


class _Look(Options):
    """The first key; the order of a class's bases puts it before those of its own fields."""

    preset: Annotated[PresetName, Presets(PRESETS)] = "published"
    """A published look: what the other keys of the panel are where they are not given."""

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, value: object) -> object:
        name = value.get("preset") if isinstance(value, dict) else None
        if isinstance(value, dict) and isinstance(name, str):
            return {**PRESETS.get(name, {}), **value}
        return value


class PanelOptions(StyleOptions, _Look):
    """What a panel shows and how it is stored."""

    columns: Columns = Field(default=("image", "label", "method"), min_length=1)
    """Columns from left to right: image, label, method (the run's), methods by name, baseline,
    path (the score along it) and colorbar."""

    label_lines: Annotated[tuple[LabelLine, ...], Field(strict=False)] = ("label", "score")
    """What stands under the heading of the label."""

    magnify: Annotated[int, Field(ge=1, le=32)] | Literal["auto"] = "auto"
    """How many times pictures are magnified, those of GIFs, too; auto magnifies those whose shorter
    side is under 160 pixels."""

    headings: Headings = "full"
    """Headings: full (what, and for which label), short, or short ones over pictures alone."""

    format: Literal["jpg", "png"] = "jpg"
    """File format of the panels."""

    quality: int = Field(default=95, ge=1, le=100)
    """JPEG quality."""

    font: Annotated[str | None, PathField()] = Field(default=None, examples=["NotoSansJP.otf"])
    """Font file for all text, of animations, too; without one, letters that the packaged font
    lacks are looked for in the fonts of the machine."""


class GifOptions(StyleOptions):
    """How the interior gradients are animated."""

    style: StyleName = "windowing"
    """How the gradients of each frame are shown."""

    frame_ms: int = Field(default=500, ge=20, le=655_350)
    """Time a frame stands, in milliseconds; GIFs keep hundredths of a second."""

    loop: int = Field(default=0, ge=0, le=65_535)
    """Repetitions of the animation; 0 is endless."""

    format: Literal["gif", "webp"] = "gif"
    """File format of the animations; WebPs are about half as large."""

    columns: Columns = ()
    """Columns beside the gradients: image, label, method, methods by name, baseline and path, the
    score along it with a moving point."""
