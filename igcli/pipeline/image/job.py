"""The way of one image, from its file to its results."""

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from igcli.errors import OutputError
from igcli.images.decode import decode_whole
from igcli.images.files import read_source
from igcli.pipeline.engine.engine import Job, in_background
from igcli.pipeline.explain.explain import explain
from igcli.pipeline.image import outcome
from igcli.pipeline.image.context import Context
from igcli.pipeline.image.fitting import fitted
from igcli.pipeline.image.outcome import Outcome, Record
from igcli.pipeline.image.write_outputs import Attributed, publish, write_others
from igcli.pipeline.resume.up_to_date import is_up_to_date
from igcli.records import Sample, Source
from igcli.urls import is_url

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class _Begun:
    """An image under way: its file's bytes, empty where nothing is to be done."""

    source: Source
    earlier: Record | None
    start: float
    data: bytes = b""
    sha256: str | None = None
    up_to_date: bool = False


def attribute_image(source: Source, context: Context) -> Job[Outcome]:
    """Read, explain, draw, write and record one image; what is wrong with it is told, not raised.

    Raises:
        OutputError: Nothing can be written any more.
    """
    found = yield from begin_image(source, context)
    return found if isinstance(found, Outcome) else (yield from finish_image(found, context))


def begin_image(source: Source, context: Context) -> Job[Attributed | Outcome]:
    """Do all but the panel and the record, which may have to wait for other images.

    Raises:
        OutputError: Nothing can be written any more.
    """
    earlier = context.index.find(source.name) if context.index else None
    begun = _Begun(source, earlier, time.perf_counter())
    waits = is_url(source.path) or context.folder.is_remote
    opened = yield from _surviving(
        begun, context, lambda: in_background(_open, begun, context, waits=waits)
    )
    if isinstance(opened, Outcome):
        return opened
    if opened.up_to_date and earlier:
        return Outcome(earlier, up_to_date=True)
    return (yield from _surviving(opened, context, lambda: _attributed(opened, context)))


def finish_image(found: Attributed, context: Context) -> Job[Outcome]:
    """Draw and write the panel, and record the image.

    Raises:
        OutputError: Nothing can be written any more.
    """
    sample, earlier = found.sample, found.earlier
    begun = _Begun(sample.source, earlier, found.start, sha256=sample.sha256)
    published = yield from _surviving(
        begun,
        context,
        lambda: in_background(publish, found, context, waits=context.folder.is_remote),
    )
    if not published.failed:
        log.debug("%s: %s s", sample.source.shown, published.record["seconds"])
        context.journal.append(published.record)
    return published


def _surviving(begun: _Begun, context: Context, job: Callable[[], Job[T]]) -> Job[T | Outcome]:
    """Do a part of an image's work; a failure is recorded."""
    try:
        return (yield from job())
    except OutputError:
        raise
    except Exception as error:  # The one place that survives a bad image.
        log.debug("%s failed", begun.source.shown, exc_info=error)
        result = outcome.failed(begun.source, error, begun.sha256)
    if result.record != begun.earlier:
        context.journal.append(result.record)
    return result


def _attributed(begun: _Begun, context: Context) -> Job[Attributed]:
    sample = yield from in_background(_decoded, begun, context)
    found = yield from explain(sample.image.astype(np.float32), context.spec, begun.source)
    attributed = Attributed(sample, tuple(found), begun.earlier, begun.start)
    return (
        yield from in_background(write_others, attributed, context, waits=context.folder.is_remote)
    )


def read_sample(source: Source, context: Context) -> Sample:
    """Read an image and fit it to the network's size.

    Raises:
        ImageError: It cannot be read.
    """
    begun = _Begun(source, None, time.perf_counter())
    return _decoded(_open(begun, context), context)


def _open(begun: _Begun, context: Context) -> _Begun:
    """Read the file, and look whether an earlier run left nothing to do."""
    data = read_source(begun.source, most=context.settings.max_bytes)
    sha256 = hashlib.sha256(data).hexdigest()
    if begun.earlier and _is_up_to_date(begun.earlier, sha256, begun.source, context):
        return replace(begun, sha256=sha256, up_to_date=True)
    return replace(begun, data=data, sha256=sha256)


def _is_up_to_date(earlier: Record, sha256: str, source: Source, context: Context) -> bool:
    return context.spec.targets.match_record(earlier, source) and is_up_to_date(
        earlier,
        context.hashes(sha256),
        lambda: context.requested(context.files(source)),
        context.folder,
        retry_failed=context.retry_failed,
    )


def _decoded(begun: _Begun, context: Context) -> Sample:
    decoded = decode_whole(begun.data, context.settings)
    image = fitted(decoded.pixels, context.model, context.settings.model)
    return Sample(begun.source, image, str(begun.sha256), decoded.profile)
