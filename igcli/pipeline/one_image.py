"""The way of one image, from its file to its results."""

import hashlib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from igcli.config.schema import Settings
from igcli.errors import OutputError
from igcli.images.decode import decode
from igcli.images.files import read_file
from igcli.images.fit import fit
from igcli.models.load import Model
from igcli.outputs.folder import OutputFolder
from igcli.outputs.index import Index
from igcli.outputs.journal import Journal
from igcli.pipeline import outcome, pictures
from igcli.pipeline.engine import Job, in_background
from igcli.pipeline.explain import explain
from igcli.pipeline.outcome import Outcome, Record
from igcli.pipeline.plan import Plan
from igcli.pipeline.standing import Files, files_of, is_done, is_same, remove_outdated, renewed
from igcli.records import Explanation, Sample, Source

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What all images of a run share.

    Attributes:
        settings: The resolved configuration.
        config_sha256: Of what alters its results.
        model: The network.
        plan: What is asked about each.
        folder: Where files go.
        journal: Where records go.
        panels: Whether panels are wanted.
        index: The records of earlier runs.
        retry_failed: Whether images that failed then are tried again.
    """

    settings: Settings
    config_sha256: str
    model: Model
    plan: Plan
    folder: OutputFolder
    journal: Journal
    panels: bool
    index: Index | None = None
    retry_failed: bool = False

    def files(self, source: Source) -> Files:
        """Return where the files of an image lie."""
        gif = self.settings.gif.format if self.settings.gif is not None else "gif"
        return files_of(source.name, self.settings.panel.format, gif)

    def wanted(self, files: Files) -> Files:
        """Return those of an image's files that this run is to write."""
        settings = self.settings
        asked = {"panel": self.panels, "gif": settings.gif is not None, "arrays": settings.arrays}
        return {kind: name for kind, name in files.items() if asked[kind]}

    def hashes(self, image_sha256: str) -> dict[str, str]:
        """Return the hashes of all that an image's results are made of."""
        return {
            "image_sha256": image_sha256,
            "model_sha256": self.model.sha256,
            "config_sha256": self.config_sha256,
        }


@dataclass(frozen=True, slots=True, eq=False)
class _Begun:
    """An image under way: its file's bytes, empty where nothing is to be done."""

    source: Source
    earlier: Record | None
    start: float
    data: bytes = b""
    sha256: str | None = None
    standing: bool = False


def attribute_image(source: Source, context: Context) -> Job[Outcome]:
    """Read, explain, draw, write and record one image; what is wrong with it is told, not raised.

    Raises:
        OutputError: Nothing can be written any more.
    """
    earlier = context.index.find(source.name) if context.index else None
    begun = _Begun(source, earlier, time.perf_counter())
    try:
        begun = yield from in_background(_open, begun, context)
        if begun.standing and earlier:
            return Outcome(earlier, standing=True)
        sample = yield from in_background(_decoded, begun, context)
        found = yield from explain(sample.image.astype(np.float32), context.plan, source)
        result = yield from in_background(_publish, sample, found, begun, context)
    except OutputError:
        raise
    except Exception as error:  # The one place that survives a bad image.
        log.debug("%s failed", source.path, exc_info=error)
        result = outcome.failed(source, error, begun.sha256)
    if result.record != earlier:
        context.journal.append(result.record)
    return result


def read_sample(source: Source, context: Context) -> Sample:
    """Read an image and fit it to the network's size.

    Raises:
        ImageError: It cannot be read.
    """
    begun = _Begun(source, None, time.perf_counter())
    return _decoded(_open(begun, context), context)


def _open(begun: _Begun, context: Context) -> _Begun:
    """Read the file, and look whether an earlier run left nothing to do."""
    data = read_file(begun.source.path, most=context.settings.max_bytes)
    sha256 = hashlib.sha256(data).hexdigest()
    if begun.earlier and _is_standing(begun.earlier, sha256, begun.source, context):
        return replace(begun, sha256=sha256, standing=True)
    return replace(begun, data=data, sha256=sha256)


def _is_standing(earlier: Record, sha256: str, source: Source, context: Context) -> bool:
    if earlier.get("status") == "failed":
        return earlier.get("image_sha256") == sha256 and not context.retry_failed
    files = context.files(source)
    return is_done(earlier, context.hashes(sha256), context.wanted(files), context.folder)


def _decoded(begun: _Begun, context: Context) -> Sample:
    pixels = decode(begun.data, context.settings)
    fitted = fit(pixels, context.model.size, how=context.settings.model.fit)
    return Sample(begun.source, fitted, str(begun.sha256))


def _publish(
    sample: Sample, found: Sequence[Explanation], begun: _Begun, context: Context
) -> Outcome:
    """Draw and write the files; those of earlier runs stay where they still are right."""
    files = context.files(sample.source)
    result = _written(sample, found, context.wanted(files), begun.start, context)
    earlier = begun.earlier
    if earlier is None or earlier.get("status") != "ok":
        return result
    if is_same(earlier, context.hashes(sample.sha256)):
        return replace(result, record=renewed(result.record, earlier, files, context.folder))
    remove_outdated(result.record, earlier, files, context.folder)
    return replace(result, redone=earlier.get("image_sha256") != sample.sha256)


def _written(
    sample: Sample,
    found: Sequence[Explanation],
    wanted: Files,
    start: float,
    context: Context,
) -> Outcome:
    settings, write = context.settings, context.folder.write
    warnings = list(dict.fromkeys(warning for each in found for warning in each.warnings))
    if "panel" in wanted:
        panel = pictures.panel(sample, found, context.model, settings.panel)
        warnings += [f"{method}: the attributions are flat" for method in panel.flat]
        write(wanted["panel"], panel.data)
    if settings.gif is not None:
        animation = pictures.animation(sample, found, context.model, settings.gif)
        write(wanted["gif"], animation)
    if "arrays" in wanted:
        write(wanted["arrays"], pictures.arrays(sample, found))
    extra = {
        "config_sha256": context.config_sha256,
        "seconds": time.perf_counter() - start,
        "warnings": warnings,
    }
    files: Record = {"panel": None, "gif": None, "arrays": None, **wanted}
    return outcome.done(sample, found, context.model, extra, files=files)
