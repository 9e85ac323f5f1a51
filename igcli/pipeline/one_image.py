"""The way of one image, from its file to its results."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from igcli.config.schema import Settings
from igcli.errors import OutputError
from igcli.images.decode import decode
from igcli.images.files import read_file
from igcli.images.fit import fit
from igcli.models.load import Model
from igcli.outputs.folder import OutputFolder
from igcli.outputs.journal import Journal
from igcli.outputs.names import arrays_name, gif_name, panel_name
from igcli.pipeline import outcome, pictures
from igcli.pipeline.engine import Job, in_background
from igcli.pipeline.explain import explain
from igcli.pipeline.outcome import Outcome, Record
from igcli.pipeline.plan import Plan
from igcli.records import Explanation, Sample, Source


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
    """

    settings: Settings
    config_sha256: str
    model: Model
    plan: Plan
    folder: OutputFolder
    journal: Journal
    panels: bool


def attribute_image(source: Source, context: Context) -> Job[Outcome]:
    """Read, explain, draw, write and record one image; what is wrong with it is told, not raised.

    Raises:
        OutputError: Nothing can be written any more.
    """
    start = time.perf_counter()
    try:
        sample = yield from in_background(read_sample, source, context)
        found = yield from explain(sample.image.astype(np.float32), context.plan, source)
        result = yield from in_background(_publish, sample, found, context, start)
    except OutputError:
        raise
    except Exception as error:  # The one place that survives a bad image.
        result = outcome.failed(source, error)
    context.journal.append(result.record)
    return result


def read_sample(source: Source, context: Context) -> Sample:
    """Read an image and fit it to the network's size.

    Raises:
        ImageError: It cannot be read.
    """
    settings = context.settings
    data = read_file(source.path, most=settings.max_bytes)
    fitted = fit(decode(data, settings), context.model.size, how=settings.model.fit)
    return Sample(source, fitted, hashlib.sha256(data).hexdigest())


def _publish(
    sample: Sample, found: Sequence[Explanation], context: Context, start: float
) -> Outcome:
    """Draw and write the files."""
    settings, write = context.settings, context.folder.write
    name = sample.source.name
    warnings = list(dict.fromkeys(warning for each in found for warning in each.warnings))
    files: Record = {"panel": None, "gif": None, "arrays": None}
    if context.panels:
        panel = pictures.panel(sample, found, context.model, settings.panel)
        warnings += [f"{method}: the attributions are flat" for method in panel.flat]
        files["panel"] = panel_name(name, settings.panel.format)
        write(files["panel"], panel.data)
    if settings.gif is not None:
        files["gif"] = gif_name(name, settings.gif.format)
        gif = pictures.animation(sample, found, context.model, settings.gif)
        write(files["gif"], gif)
    if settings.arrays:
        files["arrays"] = arrays_name(name)
        write(files["arrays"], pictures.arrays(sample, found))
    extra = {
        "config_sha256": context.config_sha256,
        "seconds": time.perf_counter() - start,
        "warnings": warnings,
    }
    return outcome.done(sample, found, context.model, extra, files=files)
