"""From an image's attributions to its files and its record."""

import time
from dataclasses import dataclass, replace

from igcli.pipeline.image import outcome, pictures
from igcli.pipeline.image.context import Context
from igcli.pipeline.image.outcome import Outcome, Record
from igcli.pipeline.resume.up_to_date import is_same, remove_outdated, renewed
from igcli.records import Explanation, Sample


@dataclass(frozen=True, slots=True, eq=False)
class Attributed:
    """An image whose panel is still to be drawn.

    Attributes:
        sample: The image.
        found: Its explanations, the main one first.
        earlier: Its record of an earlier run.
        start: When its work began.
    """

    sample: Sample
    found: tuple[Explanation, ...]
    earlier: Record | None
    start: float


def write_others(image: Attributed, context: Context) -> Attributed:
    """Write the animation and the arrays, and let go of what only they need.

    Raises:
        OutputError: They cannot be written.
    """
    sample, found = image.sample, image.found
    settings, write = context.settings, context.folder.write
    wanted = context.requested(context.files(sample.source))
    if settings.gif is not None:
        animation = pictures.encode_animation(sample, found, context, settings.gif)
        write(wanted["gif"], animation)
    if "arrays" in wanted:
        write(wanted["arrays"], pictures.encode_npz(sample, found))
    return replace(image, found=tuple(replace(each, interior=None) for each in found))


def publish(image: Attributed, context: Context) -> Outcome:
    """Draw and write the panel; files of earlier runs stay where they still are right.

    Raises:
        OutputError: Files cannot be written or removed.
    """
    sample, earlier = image.sample, image.earlier
    files = context.files(sample.source)
    result = _drawn(image, context)
    if earlier is None or earlier.get("status") != "ok":
        return result
    if is_same(earlier, context.hashes(sample.sha256)):
        return replace(result, record=renewed(result.record, earlier, files, context.folder))
    remove_outdated(result.record, earlier, files, context.folder)
    return replace(result, redone=earlier.get("image_sha256") != sample.sha256)


def _drawn(image: Attributed, context: Context) -> Outcome:
    sample, found = image.sample, image.found
    wanted = context.requested(context.files(sample.source))
    warnings = list(dict.fromkeys(warning for each in found for warning in each.warnings))
    if "panel" in wanted:
        panel = pictures.encode_panel(sample, found, context)
        warnings += [f"{method}: the attributions are flat" for method in panel.flat]
        context.folder.write(wanted["panel"], panel.data)
    extra = {
        "config_sha256": context.config_sha256,
        "seconds": time.perf_counter() - image.start,
        "scales": dict(context.scales) if "panel" in wanted else {},
        "warnings": warnings,
    }
    files: Record = {"panel": None, "gif": None, "arrays": None, **wanted}
    return outcome.done(sample, found, context.model, extra, files=files)
