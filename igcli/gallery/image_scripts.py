"""The scripts of the images of a run: what the page's view loads when an image is opened."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from types import MappingProxyType
from typing import Any

import numpy as np

from igcli.errors import ImageError, OutputError
from igcli.gallery.formatting import text
from igcli.gallery.frames import frame_sheet
from igcli.gallery.run_settings import PictureSettings, settings_of
from igcli.gallery.scripts import ScriptFolder, fingerprint
from igcli.gallery.values import (
    ImageValues,
    PlottedCurve,
    RunFacts,
    image_values,
    sheet_values,
)
from igcli.outputs.arrays import decode_arrays
from igcli.outputs.results import Results
from igcli.outputs.run_files import CONFIG
from igcli.records import Record
from igcli.render.visualize import magnification

ROOT = "gallery"
"""Folder of the files beside the page of a run."""

THREADS = 4

Read = Callable[[str], bytes]
"""Returns the content of a file of the output; raises OutputError or ImageError."""


Curves = Mapping[str, Sequence[PlottedCurve]]
"""Further curves that the view shows, by image."""


@dataclass(frozen=True, slots=True)
class ImageScripts:
    """Names of the scripts of one image in the output folder; None if there is none.

    Attributes:
        values: Its values.
        frames: The frames of its animation.
    """

    values: str | None = None
    frames: str | None = None


def write_image_scripts(
    results: Results, read: Read, curves: Curves = MappingProxyType({})
) -> dict[str, ImageScripts]:
    """Write the scripts of all images of a run, and return their names by image.

    Args:
        results: The run.
        read: Reads the files that its records name.
        curves: Further curves that the view shows, by image.

    Raises:
        UsageError: Another file has the name of a script.
        OutputError: A script cannot be written.
    """
    run = run_facts(results)
    scripts = ScriptFolder(results.folder, ROOT)
    records = results.records

    def write(record: Record) -> ImageScripts:
        return _write(record, run, read, scripts, curves.get(record["image"], ()))

    with ThreadPoolExecutor(THREADS, "igcli-gallery") as threads:
        try:
            return dict(zip(records, threads.map(write, records.values()), strict=True))
        finally:
            threads.shutdown(cancel_futures=True)


def run_facts(results: Results) -> RunFacts:
    """Return what the images of a run share."""
    path = os.path.join(results.folder.path, CONFIG)  # noqa: PTH118
    return RunFacts(settings_of(results.config), PictureSettings.of(results.config), path)


def _write(
    record: Record,
    run: RunFacts,
    read: Read,
    scripts: ScriptFolder,
    curves: Sequence[PlottedCurve],
) -> ImageScripts:
    image = record["image"]
    mark = fingerprint(record, run.config_path, str(run.settings))

    def values_content() -> Mapping[str, Any]:
        values = values_of(record, run, read)
        return views_content([replace(values, curves=curves)])

    curves_mark = fingerprint(mark, [asdict(curve) for curve in curves])
    values = scripts.write("values", image, curves_mark, values_content)
    if not has_frames(record):
        return ImageScripts(values)
    frames = scripts.write("frames", image, mark, lambda: frames_of(record, run, read))
    return ImageScripts(values, frames)


def views_content(views: Sequence[ImageValues]) -> Mapping[str, Any]:
    """Return the content of a script with values; one with problems is not kept for later pages."""
    has_problems = any(view.problems for view in views)
    return {"views": views, **({"mark": ""} if has_problems else {})}


def has_frames(record: Record) -> bool:
    """Return whether an image has what `frames_of` reads."""
    files: list[object] = [record.get("gif"), record.get("arrays")]
    return all(isinstance(name, str) for name in files)


def frames_of(record: Record, run: RunFacts, read: Read) -> Mapping[str, Any]:
    """Return the content of the script of an animation.

    Raises:
        ImageError: It cannot be read or cut into frames.
    """
    name, gif = str(record.get("arrays")), str(record.get("gif"))
    try:
        data, animation = read(name), read(gif)
    except OutputError as error:
        raise ImageError(str(error)) from error
    arrays = decode_arrays(BytesIO(data), name, ("alphas", "image"))
    alphas, image = arrays.get("alphas"), arrays.get("image")
    if alphas is None or image is None or alphas.ndim != 1 or image.ndim != 3 or not image.size:
        raise ImageError(f"{name!r} holds no path")
    size = (image.shape[0], image.shape[1])
    factor = magnification(*size, run.pictures.panel.magnify)
    sheet = frame_sheet(animation, alphas.astype(np.float64), size=size, factor=factor)
    return {"frames": sheet_values(sheet, style=run.settings.get("gif"))}


def values_of(record: Record, run: RunFacts, read: Read, caption: str = "") -> ImageValues:
    """Return what the view shows of an image, as far as its arrays can be read."""
    name: object = record.get("arrays")
    if not isinstance(name, str) or record.get("status") != "ok":
        return image_values(record, run, caption=caption)
    try:
        arrays = read(name)
    except (ImageError, OutputError) as error:
        values = image_values(record, run, caption=caption)
        return replace(values, problems=[*values.problems, text(error)])
    return image_values(record, run, arrays=arrays, caption=caption)
