"""A run's results as a gallery."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from igcli.gallery.html import to_html, url
from igcli.gallery.values import duration, lines, number, percent, text
from igcli.gallery.view_model import Card, Field, GalleryPage, Histogram, Scale, View, Words, count
from igcli.outputs import journal
from igcli.outputs.folder import OutputFolder
from igcli.outputs.results import Results, read_results
from igcli.outputs.run_files import PAGE, write_page

TOLD = ("method", "rule", "steps", "baseline", "target", "explain")


def model_of(config: str) -> str:
    """Return the name of the network's source, without its folder; nothing where none is named."""
    model = _settings(config).get("model")
    source = model.get("source") if isinstance(model, dict) else model
    return text(source).rstrip("/").rpartition("/")[2]


def told(config: str) -> str:
    """Return the settings that matter in one line: "integrated_gradients, steps 50"."""
    settings = _settings(config)
    found = {key: settings[key] for key in TOLD if isinstance(settings.get(key), str | int)}
    method = [text(found.pop("method"))] if "method" in found else []
    return ", ".join(method + [f"{key} {text(value)}" for key, value in found.items()])


def _settings(config: str) -> dict[str, Any]:
    try:
        settings = yaml.safe_load(config)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return settings if isinstance(settings, dict) else {}


Record = Mapping[str, Any]

FIELDS = (
    Field("score", "Score", "number", sortable=True),
    Field("completeness_error", "Completeness error", "percent", sortable=True),
    Field("target", "Target", "index"),
    Field("baseline_score", "Baseline score", "number"),
    Field("attribution_sum", "Sum of attributions", "number"),
    Field("gradient_evaluations", "Gradients", "count"),
    Field("seconds", "Time", "seconds"),
)
ERRORS = Scale(
    title="Completeness error",
    edges=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1),
    names=("0.1%", "0.2%", "0.5%", "1%", "2%", "5%", "10%", "20%", "50%", "100%"),
    limit=0.05,
    bad_above=True,
)


def run_page(results: Results) -> GalleryPage:
    """Return the gallery of a run; its pictures are linked relative to the output folder."""
    records = results.records.values()
    return GalleryPage(
        title=text(os.path.basename(results.folder.path)) or "igcli",
        subtitle=_subtitle(results),
        facts=_facts(results),
        notes=notes_on(results),
        histogram=_histogram(results.counts.values("completeness_error")),
        texts=_texts(results),
        fields=FIELDS,
        words=Words(),
        cards=[_card(record) for record in records],
    )


def is_failed(record: Record) -> bool:
    """Tell whether a record has no result."""
    return bool(record.get("status") != "ok")


def notes_on(results: Results) -> list[str]:
    """Return what is wrong with the records as a whole."""
    notes = []
    if results.is_torn:
        notes.append(
            "The last line of results.jsonl is broken off: the run was stopped, or is not "
            f"finished. Shown are the {_images(results):,} images before it."
        )
    if results.stray_lines:
        notes.append(f"{results.stray_lines:,} lines of results.jsonl are no records and left out.")
    if not results.summary:
        notes.append("There is no summary.json: the run was killed, or is not finished.")
    elif results.summary.get("finished") is False:
        total = number(results.summary.get("total"))
        of = "" if total is None else f": {_images(results):,} of {total:,} images are there"
        notes.append(f"The run was stopped, or is not finished{of}.")
    if len(results.records) < _images(results):
        notes.append(
            f"Shown are the first {len(results.records):,} images; the numbers above are of all "
            f"{_images(results):,}, and {journal.NAME} has their records."
        )
    return notes


def view_of(record: Record, caption: str = "", folder: str = "") -> View:
    """Return the pictures of a record.

    Args:
        record: One line of results.jsonl.
        caption: Which they are, where several stand side by side.
        folder: Where the output folder lies, seen from the page.
    """
    still, motion = url(record.get("panel"), folder), url(record.get("gif"), folder)
    files = {"Panel": still, "Animation": motion, "Arrays": url(record.get("arrays"), folder)}
    return View(caption, still, motion, {name: link for name, link in files.items() if link})


def warnings_of(record: Record) -> tuple[str, ...]:
    """Return a record's warnings."""
    warnings = record.get("warnings")
    return tuple(map(text, warnings)) if isinstance(warnings, list) else ()


def _card(record: Record) -> Card:
    failed = is_failed(record)
    source = text(record.get("source"))
    name = text(record["image"])
    return Card(
        name=name,
        label=text(record.get("label")),
        # What lies in an archive cannot be linked.
        views=() if failed or record.get("tar") else (view_of(record),),
        numbers={field.key: number(record.get(field.key)) for field in FIELDS},
        texts={"Source": source if source != name else "", **dict(_others(record))},
        warnings=warnings_of(record),
        reason=(text(record.get("error")) or "no reason is recorded") if failed else "",
    )


def _others(record: Record) -> Iterator[tuple[str, str]]:
    """Yield further methods and targets of an image."""
    others = record.get("others")
    for other in others if isinstance(others, list) else ():
        if isinstance(other, dict):
            name = f"{text(other.get('method'))}, {text(other.get('label'))}"
            score, error = number(other.get("score")), other.get("completeness_error")
            scored = "undefined" if score is None else f"{score:.6g}"
            yield name, f"score {scored}, completeness error {percent(error)}"


def _subtitle(results: Results) -> str:
    device = text(results.summary.get("device"))
    parts = (model_of(results.config), f"on {device}" if device else "", told(results.config))
    return " · ".join(part for part in parts if part)


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


def _texts(results: Results) -> dict[str, str]:
    texts = {"Configuration": lines(results.config)} if results.config else {}
    versions = results.summary.get("versions")
    if isinstance(versions, dict):
        texts["Versions"] = "\n".join(f"{text(name)} {text(versions[name])}" for name in versions)
    return texts


def _images(results: Results) -> int:
    [done], [failed] = results.counts.counts(1)
    return int(done + failed)


def _histogram(errors: npt.NDArray[np.float64]) -> Histogram | None:
    """Return the spread of completeness errors, of which undefined ones are NaN."""
    defined = errors[np.isfinite(errors)]
    if not len(defined):
        return None
    parts = [f"median {percent(float(np.median(defined)))}", f"worst {percent(defined.max())}"]
    undefined = len(errors) - len(defined)
    parts += [f"undefined for {undefined:,}"] if undefined else []
    return count(defined.tolist(), ERRORS, f"{', '.join(parts)}; above 5%, take more steps")


MAX_IMAGES = 10_000
"""Images that a page shows: a browser reads them all before it shows the first."""


def write_gallery(folder: OutputFolder) -> str:
    """Write the gallery of the run in `folder`, and return its name there.

    Raises:
        UsageError: There are no records, or something else has the page's name.
        OutputError: They cannot be read, or the page cannot be written.
    """
    write_page(folder, to_html(run_page(read_results(folder, max_images=MAX_IMAGES))))
    return PAGE
