"""Two runs side by side as a gallery."""

import os
import statistics

from igcli.compare.pairs import Comparison
from igcli.compare.summary import Agreement
from igcli.gallery.run_page import model_of, notes_on, told, view_of
from igcli.gallery.values import lines, number, text
from igcli.gallery.view_model import Card, Field, GalleryPage, Scale, Words, count
from igcli.outputs.results import Results

FIELDS = (
    Field("correlation", "Rank correlation", "number", sortable=True),
    Field("overlap", "Top-5% overlap", "percent", sortable=True),
    Field("change", "Score change", "signed", sortable=True),
    Field("score_a", "Score in A", "number"),
    Field("score_b", "Score in B", "number"),
)
CORRELATIONS = Scale(
    title="Rank correlation",
    edges=(0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99),
    names=("0", "0.2", "0.4", "0.6", "0.7", "0.8", "0.9", "0.95", "0.99"),
    limit=0.0,
    bad_above=False,
)


def comparison_page(
    agreement: Agreement, runs: tuple[Results, Results], folder: str
) -> GalleryPage:
    """Return the gallery of a comparison.

    Args:
        agreement: What is shown.
        runs: The two.
        folder: Where the page will lie; pictures are linked relative to it.
    """
    paths = [os.path.relpath(run.folder.path, folder) for run in runs]
    return GalleryPage(
        title=" and ".join(text(os.path.basename(run.folder.path)) for run in runs),
        subtitle="How far the attributions of two runs agree",
        facts=_facts(agreement, runs),
        notes=[
            f"{name}: {note}"
            for name, run in zip("AB", runs, strict=True)
            for note in notes_on(run)
        ],
        histogram=count(
            (each.correlation for each in agreement.comparisons),
            CORRELATIONS,
            _note(agreement),
        ),
        texts={
            f"Configuration of {name}": lines(run.config)
            for name, run in zip("AB", runs, strict=True)
            if run.config
        },
        fields=FIELDS,
        words=Words(order="Worst first", failed="Not compared"),
        cards=[_card(each, paths) for each in agreement.comparisons],
    )


def _card(comparison: Comparison, paths: list[str]) -> Card:
    records = comparison.first, comparison.second
    labels = [label for label in (text(record.get("label")) for record in records) if label]
    return Card(
        name=text(comparison.image),
        label="".join(labels[:1]) if len(set(labels)) < 2 else "A: {}, B: {}".format(*labels),
        views=()
        if comparison.reason
        else [
            view_of(record, name, path)
            for record, name, path in zip(records, "AB", paths, strict=True)
        ],
        numbers={
            "correlation": comparison.correlation,
            "overlap": comparison.overlap,
            "change": comparison.change,
            "score_a": number(comparison.first.get("score")),
            "score_b": number(comparison.second.get("score")),
        },
        warnings=comparison.warnings,
        reason=text(comparison.reason),
    )


def _note(agreement: Agreement) -> str:
    found = [each.correlation for each in agreement.comparisons if each.correlation is not None]
    figures = f"median {statistics.median(found):.4f}, worst {min(found):.4f}; " if found else ""
    return f"{figures}of the channel means, 1 where all pixels have the same order"


def _facts(agreement: Agreement, runs: tuple[Results, Results]) -> dict[str, str]:
    facts = {
        f"Run {name}": " · ".join(
            part for part in (text(run.folder.path), model_of(run.config), told(run.config)) if part
        )
        for name, run in zip("AB", runs, strict=True)
    }
    failed = len(agreement.failed)
    facts["Compared"] = f"{len(agreement.comparisons) - failed:,}"
    for name, found in (
        ("Not compared", failed),
        ("Only in A", agreement.only_first),
        ("Only in B", agreement.only_second),
    ):
        if found:
            facts[name] = f"{found:,}"
    return facts
