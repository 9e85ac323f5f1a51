"""The way of one image: read, up to date?, decode, explain, render, write, record.

`attribute_image` is the whole way. It has two halves, because panels that share a scale wait until
the first images of a run have settled it; in between, the image is carried as `ImageInProgress`.
"""

import hashlib
import logging
import time
from dataclasses import replace
from typing import TypeVar

import numpy as np

from igcli.errors import OutputError
from igcli.images.files import read_source
from igcli.pipeline.engine.engine import Job, in_background
from igcli.pipeline.explain.explain import explain
from igcli.pipeline.image import outcome, pictures
from igcli.pipeline.image.context import Context, ImageInProgress
from igcli.pipeline.image.outcome import Outcome
from igcli.pipeline.read import decode_fitted
from igcli.pipeline.resume.up_to_date import (
    is_same,
    is_up_to_date,
    remove_outdated,
    renewed,
)
from igcli.records import Record, Source
from igcli.urls import is_url

log = logging.getLogger(__name__)

T = TypeVar("T")


def attribute_image(source: Source, context: Context) -> Job[Outcome]:
    """Attribute one image and record it; its own errors become a failed record.

    Raises:
        OutputError: The output can no longer be written.
    """
    image = yield from begin_image(source, context)
    return image if isinstance(image, Outcome) else (yield from finish_image(image, context))


def begin_image(source: Source, context: Context) -> Job[ImageInProgress | Outcome]:
    """Do everything up to the panel and the record, which may have to wait for other images.

    Returns:
        The image with its explanations, or its outcome if it is up to date or failed.

    Raises:
        OutputError: The output can no longer be written.
    """
    earlier = context.index.find(source.name) if context.index else None
    image = ImageInProgress(source, time.perf_counter(), earlier)
    waits = is_url(source.path) or context.folder.is_remote
    reading = in_background(_read, image, context, waits=waits)
    read = yield from _surviving(reading, image, context)
    if isinstance(read, Outcome):
        return read
    return (yield from _surviving(_explained(read, context), read, context))


def finish_image(image: ImageInProgress, context: Context) -> Job[Outcome]:
    """Draw and write the panel, and record the image.

    Raises:
        OutputError: The output can no longer be written.
    """
    waits = context.folder.is_remote
    publishing = in_background(_publish, image, context, waits=waits)
    published = yield from _surviving(publishing, image, context)
    if not published.failed:
        log.debug("%s: %s s", image.source.shown, published.record["seconds"])
        context.journal.append(published.record)
    return published


def _surviving(step: Job[T], image: ImageInProgress, context: Context) -> Job[T | Outcome]:
    """Do one step of an image's way; if it fails, record the image as failed."""
    try:
        return (yield from step)
    except OutputError:
        raise
    except Exception as error:  # The one place that survives a bad image.
        log.debug("%s failed", image.source.shown, exc_info=error)
        result = outcome.failed(image.source, error, image.sha256)
    if result.record != image.earlier:
        context.journal.append(result.record)
    return result


def _read(image: ImageInProgress, context: Context) -> ImageInProgress:
    data = read_source(image.source, max_bytes=context.settings.max_bytes)
    return replace(image, data=data, sha256=hashlib.sha256(data).hexdigest())


def _explained(image: ImageInProgress, context: Context) -> Job[ImageInProgress | Outcome]:
    """Explain an image that is read, unless it is up to date; write its GIF and arrays."""
    waits = context.folder.is_remote
    image = replace(image, files=context.files(image.source))
    if image.earlier is not None:
        checking = in_background(_is_up_to_date, image, image.earlier, context, waits=waits)
        if (yield from checking):
            return Outcome(image.earlier, up_to_date=True)
    image = yield from in_background(_decoded, image, context)
    pixels = image.pixels.astype(np.float32)
    explanations = yield from explain(pixels, context.spec, image.source)
    image = replace(image, explanations=tuple(explanations))
    return (yield from in_background(_write_gif_and_arrays, image, context, waits=waits))


def _is_up_to_date(image: ImageInProgress, earlier: Record, context: Context) -> bool:
    return context.spec.targets.match_record(earlier, image.source) and is_up_to_date(
        earlier,
        context.hashes(image.sha256),
        context.requested(image.files),
        context.folder,
        retry_failed=context.retry_failed,
    )


def _decoded(image: ImageInProgress, context: Context) -> ImageInProgress:
    decoded = decode_fitted(image.data, context.model, context.settings)
    return replace(image, data=b"", pixels=decoded.pixels, profile=decoded.profile)


def _write_gif_and_arrays(image: ImageInProgress, context: Context) -> ImageInProgress:
    """Write the animation and the arrays, and drop the interior gradients, which only they need."""
    settings, files = context.settings, context.requested(image.files)
    if settings.gif is not None:
        animation = pictures.encode_animation(image, context, settings.gif)
        context.folder.write(files["gif"], animation)
    if "arrays" in files:
        context.folder.write(files["arrays"], pictures.encode_npz(image))
    explanations = (replace(part, interior=None) for part in image.explanations)
    return replace(image, explanations=tuple(explanations))


def _publish(image: ImageInProgress, context: Context) -> Outcome:
    """Draw and write the panel; keep files of earlier runs that are still right."""
    result, earlier = _with_panel(image, context), image.earlier
    if earlier is None or earlier.get("status") != "ok":
        return result
    if is_same(earlier, context.hashes(image.sha256)):
        return replace(result, record=renewed(result.record, earlier, image.files, context.folder))
    remove_outdated(result.record, earlier, image.files, context.folder)
    return replace(result, redone=earlier.get("image_sha256") != image.sha256)


def _with_panel(image: ImageInProgress, context: Context) -> Outcome:
    files = context.requested(image.files)
    warnings = [warning for part in image.explanations for warning in part.warnings]
    warnings = list(dict.fromkeys(warnings))
    if "panel" in files:
        panel = pictures.encode_panel(image, context)
        warnings += [f"{method}: the attributions are flat" for method in panel.flat]
        context.folder.write(files["panel"], panel.data)
    return outcome.attributed(image, context, warnings=warnings)
