"""What the page's view of one image shows, as data: its picture, attributions, curves and texts.

A page from a file cannot read the pixels of its own pictures, so the values travel as numbers: a
map of attributions is one signed byte a pixel, the channels added up. Attributions have long
tails, so a byte holds the square root: q = sign(v) * 127 * sqrt(|v| / scale), and
v = sign(q) * (q / 127)^2 * scale. The relative error is 1/q, and that of a sum is small.
"""

import base64
import json
import shlex
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from igcli import methods
from igcli.errors import ImageError
from igcli.gallery.formatting import number, text
from igcli.gallery.frames import FrameSheet
from igcli.gallery.run_settings import PictureSettings
from igcli.outputs.arrays import decode_arrays
from igcli.records import Pixels, Record
from igcli.render.style_common import as_rgb

FULL = 127
"""The byte of the largest attribution."""

MAX_SIDE = 16_383
"""Side in pixels of the largest picture that WebP can hold."""


@dataclass(frozen=True, slots=True)
class AttributionMap:
    """The attributions of one method and target.

    Attributes:
        method: The method, as people write it.
        label: The target's label.
        target: Its index.
        score: Explained score at the image; this and the next three are None if undefined.
        baseline_score: Explained score at the baseline.
        sum: Sum of the attributions.
        error: Completeness error.
        scale: Largest magnitude of a pixel, in units of the score.
        values: The pixels row by row as signed bytes, compressed by zlib, in base64.
    """

    method: str
    label: str
    target: int | None
    score: float | None
    baseline_score: float | None
    sum: float | None
    error: float | None
    scale: float = 0
    values: str = ""


@dataclass(frozen=True, slots=True)
class PlottedCurve:
    """A curve with its points.

    Attributes:
        title: What it shows.
        x_label: Name of the horizontal axis.
        y_label: Name of the vertical axis.
        x: Rising positions of the points.
        y: Their values.
    """

    title: str
    x_label: str
    y_label: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True, slots=True)
class ImageValues:
    """One image of one run; texts are shown as they are.

    Attributes:
        caption: Which run it is of, if several are shown side by side.
        facts: Short texts by their names.
        record: The record as JSON.
        command: The command line that attributes the image again.
        height: Height of the picture in pixels; 0 if there are no arrays.
        width: Its width.
        picture: The image as the network saw it, a lossless WebP file in base64.
        maps: Its attributions, the main ones first.
        path: The explained score along the path from the baseline (alpha 0) to the image (alpha 1).
        curves: Further curves.
        problems: What could not be read, one line each.
    """

    caption: str
    facts: Mapping[str, str]
    record: str
    command: str = ""
    height: int = 0
    width: int = 0
    picture: str = ""
    maps: Sequence[AttributionMap] = ()
    path: PlottedCurve | None = None
    curves: Sequence[PlottedCurve] = ()
    problems: Sequence[str] = field(default=())


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the images of a run share.

    Attributes:
        settings: The resolved configuration.
        pictures: How its panels are drawn.
        config_path: Path of its file.
    """

    settings: Mapping[str, Any]
    pictures: PictureSettings
    config_path: str


def image_values(
    record: Record, run: RunFacts, *, arrays: bytes | None = None, caption: str = ""
) -> ImageValues:
    """Return what the view shows of an image.

    Args:
        record: Its record.
        run: The run that it is of.
        arrays: Content of its .npz file, if there is one.
        caption: Which run it is of, if several are shown side by side.
    """
    parts: dict[str, Any] = {}
    if arrays is not None:
        try:
            parts = _array_parts(arrays, record, run)
        except ImageError as error:
            parts = {"problems": [text(error)]}
    if "maps" not in parts:
        parts["maps"] = [figures for _, figures in _figures(record, run)]
    return ImageValues(
        caption=caption,
        facts=dict(_facts(record, run.settings)),
        record=json.dumps(record, indent=2),
        command=_command(record, run),
        **parts,
    )


def _array_parts(data: bytes, record: Record, run: RunFacts) -> dict[str, Any]:
    """Return the fields of `ImageValues` that come from arrays.

    Raises:
        ImageError: They are not those of an image.
    """
    figures_by_key = dict(_figures(record, run))
    keys = [*figures_by_key, "image", "alphas", "scores"]
    arrays = decode_arrays(BytesIO(data), str(record.get("arrays")), keys)
    maps = []
    shape: tuple[int, ...] = ()
    for key, figures in figures_by_key.items():
        if key not in arrays:
            continue
        values = arrays[key]
        if values.ndim != 3 or values.dtype != np.float32 or not values.size:
            raise ImageError(f"the array {key!r} does not hold attributions of an image")
        if not np.isfinite(values).all():
            raise ImageError(f"the array {key!r} is not finite")
        shape = shape or values.shape[:2]
        if values.shape[:2] == shape:
            maps.append(packed(values.sum(axis=-1, dtype=np.float64), figures))
    if not maps:
        raise ImageError("the arrays hold no attributions")
    parts: dict[str, Any] = {"maps": maps, "height": shape[0], "width": shape[1]}
    image = arrays.get("image")
    if image is not None and image.dtype == np.uint8 and image.shape[:2] == shape:
        parts["picture"] = _encoded(image)
    path = _path(arrays)
    return {**parts, "path": path} if path else parts


def packed(values: npt.NDArray[np.float64], figures: AttributionMap) -> AttributionMap:
    """Return a map with its values, float64 (H, W), as the module describes."""
    scale = float(np.abs(values).max())
    roots = np.sqrt(np.abs(values) / scale) if scale else np.zeros_like(values)
    signed = (np.sign(values) * np.rint(FULL * roots)).astype(np.int8)
    return replace(figures, scale=scale, values=_base64(zlib.compress(signed.tobytes(), 6)))


def _figures(record: Record, run: RunFacts) -> Iterator[tuple[str, AttributionMap]]:
    """Yield the name of each method's and target's array, with its figures and no values."""
    for place, entry in enumerate(entries_of(record, run.pictures.method)):
        further = f"attributions_{entry.get('method')}_{entry.get('target')}"
        yield further if place else "attributions", _without_values(entry)


def entries_of(record: Record, method: str) -> list[Mapping[str, Any]]:
    """Return what a record tells of the main method and first target, and of its `others`."""
    main: dict[str, Any] = {**record, "method": method}
    others: object = record.get("others")
    entries = others if isinstance(others, list) else []
    return [main, *(entry if isinstance(entry, dict) else {} for entry in entries)]


def _without_values(figures: Mapping[str, Any]) -> AttributionMap:
    target = figures.get("target")
    return AttributionMap(
        method=method_heading(figures.get("method")),
        label=text(figures.get("label")),
        target=target if isinstance(target, int) else None,
        score=number(figures.get("score")),
        baseline_score=number(figures.get("baseline_score")),
        sum=number(figures.get("attribution_sum")),
        error=number(figures.get("completeness_error")),
    )


def method_heading(method: object) -> str:
    """Return the heading of a method, or what stands in its place if there is no such method."""
    if isinstance(method, str) and method in methods.METHODS:
        return methods.load(method).HEADING
    return text(method)


def _path(arrays: Mapping[str, npt.NDArray[Any]]) -> PlottedCurve | None:
    alphas, scores = arrays.get("alphas"), arrays.get("scores")
    if alphas is None or scores is None or alphas.ndim != 1 or alphas.shape != scores.shape:
        return None
    if len(alphas) < 2 or not (np.isfinite(alphas).all() and np.isfinite(scores).all()):
        return None
    return PlottedCurve("Score along the path", "alpha", "score", _short(alphas), _short(scores))


def _short(values: npt.NDArray[Any]) -> list[float]:
    return [float(f"{value:.7g}") for value in values.tolist()]


def _facts(record: Record, settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    source, image = text(record.get("source")), text(record["image"])
    if source != image:
        yield "Source", source
    for key in ("baseline", "steps", "rule", "explain"):
        value = settings.get(key)
        if isinstance(value, dict):
            value = ", ".join(f"{name} {item}" for name, item in value.items())
        if value is not None:
            yield key.capitalize(), text(value)
    for key, name in (("precision", "Precision"), ("profile", "Colour profile"), ("tar", "Tar")):
        if record.get(key) is not None:
            yield name, text(record.get(key))


def _command(record: Record, run: RunFacts) -> str:
    """Return the command that attributes the image again; empty if its source is unknown."""
    source: object = record.get("source")
    if not isinstance(source, str) or record.get("tar"):
        return ""
    command = ["igcli", "attribute", source, "--config", run.config_path]
    command += ["--arrays", "--gif", "--gallery", "--output", "igcli-again"]
    return text(shlex.join(command))


def _encoded(image: Pixels) -> str:
    """Return an image, uint8 (H, W, C), as a lossless WebP file in base64; empty if too large."""
    if max(image.shape[:2]) > MAX_SIDE or image.ndim != 3 or image.shape[2] not in (1, 3):
        return ""
    file = BytesIO()
    Image.fromarray(as_rgb(image)).save(file, "WEBP", lossless=True, method=0, quality=0)
    return _base64(file.getvalue())


def sheet_values(sheet: FrameSheet, *, style: object) -> dict[str, Any]:
    """Return the frames of an animation as data for the view.

    Args:
        sheet: The frames.
        style: The settings of the run's animations.
    """
    return {
        "alphas": sheet.alphas,
        "count": sheet.count,
        "columns": sheet.columns,
        "height": sheet.height,
        "width": sheet.width,
        "is_bright": isinstance(style, dict) and style.get("style") == "windowing",
        "picture": _base64(sheet.data),
    }


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
