"""The results of a run as a gallery."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from igcli.gallery.evaluation import read_curves, read_section
from igcli.gallery.formatting import duration, lines, number, percent, text
from igcli.gallery.html import to_html, url
from igcli.gallery.image_scripts import Curves, ImageScripts, write_image_scripts
from igcli.gallery.run_settings import PictureSettings, settings_of
from igcli.gallery.thumbnails import Thumbnails, write_thumbnails
from igcli.gallery.values import entries_of, method_heading
from igcli.gallery.view_model import (
    Card,
    Field,
    GalleryPage,
    Histogram,
    HistogramScale,
    Labels,
    View,
    histogram_of,
    score_scale,
)
from igcli.outputs import journal
from igcli.outputs.folder import OutputFolder
from igcli.outputs.result_files import ResultFiles
from igcli.outputs.results import Results, read_results
from igcli.outputs.run_files import PAGE, refuse_foreign_page, write_page
from igcli.records import Record

MAX_IMAGES = 10_000
"""Limit on the images of a page: a browser parses all of them before it shows the first."""

SETTINGS = ("method", "rule", "steps", "baseline", "target", "explain")
"""The settings that the subtitle shows."""

FIELDS = (
    Field("score", "Score", "number", sortable=True),
    Field("completeness_error", "Completeness error", "percent", sortable=True),
    Field("target", "Target", "index"),
    Field("baseline_score", "Baseline score", "number"),
    Field("attribution_sum", "Sum of attributions", "number"),
    Field("gradient_evaluations", "Gradients", "count"),
    Field("seconds", "Time", "seconds"),
)
COMPLETENESS_SCALE = HistogramScale(
    key="completeness_error",
    title="Completeness error",
    edges=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1),
    names=("0.1%", "0.2%", "0.5%", "1%", "2%", "5%", "10%", "20%", "50%", "100%"),
    limit=0.05,
    bad_above=True,
)


def write_gallery(folder: OutputFolder, curves: Curves | None = None) -> str:
    """Write the gallery of the run in `folder`, and return its name there.

    Args:
        folder: The output of the run.
        curves: Further curves that the view shows, by image; by default those of its evaluation.

    Raises:
        UsageError: There are no records, or another file has the page's name.
        OutputError: They cannot be read, or the page cannot be written.
    """
    results = read_results(folder, max_images=MAX_IMAGES)
    refuse_foreign_page(folder)
    curves = read_curves(folder) if curves is None else curves
    write_page(folder, to_html(run_page(results, _written(results, curves))))
    return PAGE


@dataclass(frozen=True, slots=True)
class PageFiles:
    """What lies beside a page, by image.

    Attributes:
        scripts: The scripts with the images' values.
        thumbnails: The images' thumbnails.
        is_served: Whether `ServedOutput` opens the files of the run, also those in archives.
    """

    scripts: Mapping[str, ImageScripts] = field(default_factory=dict)
    thumbnails: Mapping[str, Thumbnails] = field(default_factory=dict)
    is_served: bool = False


def _written(results: Results, curves: Curves = MappingProxyType({})) -> PageFiles:
    """Write what lies beside the page of a run, as far as it is not up to date."""
    with ResultFiles(results.folder) as files:
        scripts = write_image_scripts(results, files.read, curves)
    return PageFiles(scripts, write_thumbnails(results))


def run_page(results: Results, files: PageFiles | None = None) -> GalleryPage:
    """Return the gallery of a run; its files are linked relative to the output folder.

    Args:
        results: The run.
        files: What lies beside the page.
    """
    files = files or PageFiles()
    method = PictureSettings.of(results.config).method
    return GalleryPage(
        title=text(os.path.basename(results.folder.path)) or "igcli",
        subtitle=_subtitle(results),
        facts=_facts(results),
        notes=notes_on(results),
        histograms=[*_histograms(results)],
        texts=_texts(results),
        fields=FIELDS,
        labels=Labels(),
        cards=[_card(record, files, method) for record in results.records.values()],
        evaluation=read_section(results.folder),
    )


def _subtitle(results: Results) -> str:
    device = text(results.summary.get("device"))
    parts = (
        model_name(results.config),
        f"on {device}" if device else "",
        describe_settings(results.config),
    )
    return " · ".join(part for part in parts if part)


def model_name(config: str) -> str:
    """Return the model's source without its folder; empty if the configuration names none."""
    model = settings_of(config).get("model")
    source = model.get("source") if isinstance(model, dict) else model
    return text(source).rstrip("/").rpartition("/")[2]


def describe_settings(config: str) -> str:
    """Return the most important settings in one line: "integrated_gradients, steps 50"."""
    settings = settings_of(config)
    values = {key: settings[key] for key in SETTINGS if isinstance(settings.get(key), str | int)}
    method = [text(values.pop("method"))] if "method" in values else []
    return ", ".join(method + [f"{key} {text(value)}" for key, value in values.items()])


def _facts(results: Results) -> dict[str, str]:
    [done], [failed] = results.counts.counts(1)
    gradients = np.nansum(results.counts.values("gradient_evaluations"))
    seconds = number(results.summary.get("seconds"))
    facts = {
        "Images": f"{done + failed:,}",
        "Done": f"{done:,}",
        "Failed": f"{failed:,}",
        "Gradients": f"{gradients:,.0f}",
    }
    if seconds is not None:
        facts["Time"] = duration(seconds)
    if seconds and number(results.summary.get("gradient_evaluations")):
        facts["Gradients a second"] = f"{results.summary['gradient_evaluations'] / seconds:,.1f}"
    return facts


def notes_on(results: Results) -> list[str]:
    """Return what is wrong with, or missing from, the results as a whole, one line each."""
    notes = []
    count = _image_count(results)
    if results.is_torn:
        notes.append(
            f"The last line of {journal.NAME} is incomplete: the run was stopped or is still "
            f"running. This page shows the {count:,} images before it."
        )
    if results.stray_lines:
        notes.append(f"{results.stray_lines:,} lines of {journal.NAME} are not records; ignored.")
    if not results.summary:
        notes.append("There is no summary.json: the run was killed or is still running.")
    elif results.summary.get("finished") is False:
        total = number(results.summary.get("total"))
        progress = "" if total is None else f": {count:,} of {total:,} images are done"
        notes.append(f"The run was stopped or is still running{progress}.")
    if len(results.records) < count:
        notes.append(
            f"This page shows the first {len(results.records):,} images; the figures above cover "
            f"all {count:,}, whose records are in {journal.NAME}."
        )
    return notes


def _image_count(results: Results) -> int:
    [done], [failed] = results.counts.counts(1)
    return int(done + failed)


def _histograms(results: Results) -> Iterator[Histogram]:
    """Yield the distributions of scores and completeness errors; undefined ones are NaN."""
    scores = results.counts.values("score")
    defined = scores[np.isfinite(scores)].tolist()
    if defined:
        note = f"median {np.median(defined):.3g}"
        yield from _existing(histogram_of(defined, score_scale(defined), note))
    errors = results.counts.values("completeness_error")
    yield from _existing(_error_histogram(errors))


def _existing(histogram: Histogram | None) -> Iterator[Histogram]:
    if histogram is not None:
        yield histogram


def _error_histogram(errors: npt.NDArray[np.float64]) -> Histogram | None:
    """Return the distribution of completeness errors; undefined ones are NaN."""
    defined = errors[np.isfinite(errors)]
    if not len(defined):
        return None
    parts = [f"median {percent(float(np.median(defined)))}", f"worst {percent(defined.max())}"]
    undefined = len(errors) - len(defined)
    parts += [f"undefined for {undefined:,}"] if undefined else []
    note = f"{', '.join(parts)}; use more steps if it exceeds 5%"
    return histogram_of(defined.tolist(), COMPLETENESS_SCALE, note)


def _texts(results: Results) -> dict[str, str]:
    texts = {"Configuration": lines(results.config)} if results.config else {}
    versions = results.summary.get("versions")
    if isinstance(versions, dict):
        texts["Versions"] = "\n".join(f"{text(name)} {text(versions[name])}" for name in versions)
    return texts


def _card(record: Record, files: PageFiles, method: str) -> Card:
    image, is_failed = record["image"], record.get("status") != "ok"
    source: object = record.get("source")
    values: dict[str, object] = {**record}
    scripts = files.scripts.get(image, ImageScripts())
    return Card(
        name=text(image),
        label=text(record.get("label")),
        source=source if isinstance(source, str) else "",
        views=() if is_failed else (_view(record, files),),
        titles=() if is_failed else titles_of(record, method),
        numbers={field.key: number(values.get(field.key)) for field in FIELDS},
        warnings=_warnings(record),
        reason=(text(record.get("error")) or "no reason was recorded") if is_failed else "",
        values=url(scripts.values),
        frames=url(scripts.frames),
    )


def _view(record: Record, files: PageFiles) -> View:
    view = view_of(record, thumbnails=files.thumbnails.get(record["image"]))
    if record.get("tar") and not files.is_served:  # A page from a file cannot link into archives.
        return replace(view, panel=None, animation=None, arrays=None)
    return view


def view_of(
    record: Record,
    *,
    caption: str = "",
    folder: str = "",
    thumbnails: Thumbnails | None = None,
) -> View:
    """Return the files of a record.

    Args:
        record: The record.
        caption: Which run it is of, if several are shown side by side.
        folder: Path of the output folder relative to the page.
        thumbnails: Its thumbnails, if there are any.
    """
    return View(
        caption,
        panel=url(record.get("panel"), folder),
        animation=url(record.get("gif"), folder),
        arrays=url(record.get("arrays"), folder),
        image=url(thumbnails.image, folder) if thumbnails else None,
        attributions=[url(name, folder) for name in thumbnails.attributions] if thumbnails else (),
    )


def titles_of(record: Record, method: str) -> tuple[str, ...]:
    """Return what each attribution of a record shows: "Integrated gradients: tabby".

    Args:
        record: The record.
        method: The main method.
    """
    return tuple(
        f"{method_heading(entry.get('method'))}: {text(entry.get('label'))}"
        for entry in entries_of(record, method)
    )


def _warnings(record: Record) -> tuple[str, ...]:
    warnings: object = record.get("warnings")
    return tuple(map(text, warnings)) if isinstance(warnings, list) else ()
