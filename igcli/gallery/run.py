"""A run's results as a gallery."""

import os
import statistics
from collections.abc import Iterator, Mapping
from typing import Any

from igcli.gallery.histogram import Scale, count
from igcli.gallery.links import url
from igcli.gallery.page import Card, Field, Histogram, Page, View, Words
from igcli.gallery.settings import model_of, told
from igcli.gallery.values import duration, lines, number, percent, text
from igcli.outputs.results import Results

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


def run_page(results: Results) -> Page:
    """Return the gallery of a run; its pictures are linked relative to the output folder."""
    records = results.records.values()
    return Page(
        title=text(os.path.basename(results.folder.path)) or "igcli",
        subtitle=_subtitle(results),
        facts=_facts(results),
        notes=notes_on(results),
        histogram=_histogram([record for record in records if not is_failed(record)]),
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
    if results.torn:
        notes.append(
            "The last line of results.jsonl is broken off: the run was stopped, or is not "
            f"finished. Shown are the {len(results.records):,} images before it."
        )
    if results.strays:
        notes.append(f"{results.strays:,} lines of results.jsonl are no records and left out.")
    if not results.summary:
        notes.append("There is no summary.json: the run was killed, or is not finished.")
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
        views=() if failed else (view_of(record),),
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
    records = results.records.values()
    failed = sum(map(is_failed, records))
    gradients = sum(number(record.get("gradient_evaluations")) or 0 for record in records)
    seconds = number(results.summary.get("seconds"))
    facts = {
        "Images": f"{len(records):,}",
        "Done": f"{len(records) - failed:,}",
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


def _histogram(records: list[Record]) -> Histogram | None:
    errors = [number(record.get("completeness_error")) for record in records]
    defined = [error for error in errors if error is not None]
    if not defined:
        return None
    parts = [f"median {percent(statistics.median(defined))}", f"worst {percent(max(defined))}"]
    undefined = len(errors) - len(defined)
    parts += [f"undefined for {undefined:,}"] if undefined else []
    return count(errors, ERRORS, f"{', '.join(parts)}; above 5%, take more steps")
