"""The image and the attributions of a record as pictures, from its arrays or from its panel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from igcli import methods
from igcli.errors import ImageError
from igcli.gallery.formatting import number
from igcli.gallery.panel_crop import PanelContent, crop
from igcli.gallery.run_settings import PictureSettings
from igcli.records import Pixels, Record
from igcli.render.columns import arranged
from igcli.render.panel import TargetInfo
from igcli.render.style_common import as_rgb
from igcli.render.visualize import paint


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """The pictures of a record.

    Attributes:
        image: uint8 (H, W, 3).
        attributions: uint8 (H, W, 3) for the main method and first target, then for each of the
            record's `others`; None where there is no picture.
    """

    image: Pixels
    attributions: tuple[Pixels | None, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """What a record tells of one method and target.

    Attributes:
        method: Its name.
        target: Index of the target; -1 if the record has none.
        label: Name of the target.
        score: Its score at the image; NaN if it is undefined.
        error: Its completeness error.
    """

    method: str
    target: int
    label: str
    score: float
    error: float | None


def explained(record: Record, method: str) -> list[Explained]:
    """Return what a record tells of the main `method` and first target, and of its `others`."""
    others: object = record.get("others")
    entries: list[Any] = [{**record, "method": method}]
    entries += others if isinstance(others, list) else []
    return [_explained(entry if isinstance(entry, dict) else {}) for entry in entries]


def _explained(entry: Mapping[str, Any]) -> Explained:
    target, score = entry.get("target"), number(entry.get("score"))
    return Explained(
        method=str(entry.get("method")),
        target=target if isinstance(target, int) else -1,
        label=str(entry.get("label")),
        score=np.nan if score is None else score,
        error=number(entry.get("completeness_error")),
    )


def array_keys(parts: Sequence[Explained]) -> list[str]:
    """Return the names of the attributions of all parts in a file of arrays."""
    further = [f"attributions_{part.method}_{part.target}" for part in parts[1:]]
    return ["attributions", *further]


def from_arrays(
    arrays: Mapping[str, npt.NDArray[Any]], record: Record, settings: PictureSettings
) -> Pictures:
    """Draw the pictures of a record in the style of its run.

    Args:
        arrays: `image` and those of `array_keys`, as igcli.outputs.arrays decodes them.
        record: The record.
        settings: Those of its run.

    Raises:
        ImageError: An array is missing or is no image, or attributions do not fit the image.
    """
    image = arrays.get("image")
    if image is None or image.dtype != np.uint8 or not _is_picture(image):
        raise ImageError(f"the arrays of {record['image']!r} hold no image")
    rgb = as_rgb(image)
    parts = explained(record, settings.method)
    pictures: list[Pixels | None] = []
    for part, key in zip(parts, array_keys(parts), strict=True):
        values = arrays.get(key)
        if values is None:
            pictures.append(None)
            continue
        if values.shape != image.shape or values.dtype.kind != "f":
            raise ImageError(f"{key} of {record['image']!r} do not fit the image")
        shown = values.astype(np.float32)
        if methods.takes_max(part.method):
            shown = shown.max(-1)
        if methods.above_minimum(part.method):
            shown = shown - shown.min()
        scale = _scale(record, part.method)
        style = settings.panel.for_map(coarse=part.method in methods.COARSE)
        pictures.append(paint(rgb, shown, style, scale=scale).picture)
    return Pictures(rgb, tuple(pictures))


def _is_picture(image: npt.NDArray[Any]) -> bool:
    return image.ndim == 3 and image.shape[2] in (1, 3) and image.size > 0


def _scale(record: Record, method: str) -> float | None:
    """Return the scale that the panels of a run share for a method, if they do."""
    scales: object = record.get("panel_scales")
    scale = number(scales.get(method)) if isinstance(scales, dict) else None
    return scale if scale is not None and scale > 0 else None


def from_panel(panel: Pixels, record: Record, settings: PictureSettings) -> Pictures | None:
    """Cut the pictures out of the panel of a record.

    Args:
        panel: uint8 (H, W, 3).
        record: The record.
        settings: Those of its run.

    Returns:
        None if the panel does not show the image, or is not laid out as it would be now.
    """
    parts = explained(record, settings.method)
    # A record does not tell whether the user chose the target.
    contents = [_content(parts, settings, is_top=is_top) for is_top in (True, False)]
    crops = (crop(panel, content) for content in contents if content is not None)
    found = next((pictures for pictures in crops if pictures is not None), None)
    if found is None or None not in found:
        return None
    return Pictures(found[None], tuple(found.get(place) for place in range(len(parts))))


def on_panel(record: Record, settings: PictureSettings) -> frozenset[int | None]:
    """Return which pictures `from_panel` may find: None for the image, else a number of a part."""
    content = _content(explained(record, settings.method), settings, is_top=True)
    return frozenset() if content is None else frozenset(content.pictures.values())


def _content(
    parts: Sequence[Explained], settings: PictureSettings, *, is_top: bool
) -> PanelContent | None:
    """Return what a panel shows; None if its methods are unknown."""
    names = [part.method for part in parts]
    if not {*names} <= {*methods.METHODS}:
        return None
    targets = [
        TargetInfo(part.label, part.score, part.target, part.error, is_top) for part in parts
    ]
    options = settings.panel
    columns = arranged(options.columns, names)
    return PanelContent(columns, names, targets, options.headings, options.label_lines)
