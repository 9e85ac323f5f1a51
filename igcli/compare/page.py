"""The comparison of two runs as a gallery, side by side."""

import os
import statistics
from collections.abc import Iterator
from dataclasses import replace

from igcli.compare.comparison import Agreement, Comparison
from igcli.compare.page_files import ComparisonFiles
from igcli.gallery.formatting import lines, number, text
from igcli.gallery.html import url
from igcli.gallery.run_page import describe_settings, model_name, notes_on, view_of
from igcli.gallery.view_model import (
    Card,
    Field,
    GalleryPage,
    HistogramScale,
    Labels,
    View,
    histogram_of,
)
from igcli.outputs.results import Results

FIELDS = (
    Field("correlation", "Rank correlation", "number", sortable=True),
    Field("overlap", "Top-5% overlap", "percent", sortable=True),
    Field("change", "Score change", "signed", sortable=True),
    Field("score_a", "Score in A", "number"),
    Field("score_b", "Score in B", "number"),
)
CORRELATION_SCALE = HistogramScale(
    key="correlation",
    title="Rank correlation",
    edges=(0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99),
    names=("0", "0.2", "0.4", "0.6", "0.7", "0.8", "0.9", "0.95", "0.99"),
    limit=0.0,
    bad_above=False,
)


def comparison_page(
    agreement: Agreement,
    runs: tuple[Results, Results],
    folder: str,
    files: ComparisonFiles | None = None,
) -> GalleryPage:
    """Return the gallery of a comparison.

    Args:
        agreement: The comparison.
        runs: The two runs.
        folder: Path of the page's folder; panels are linked relative to it.
        files: What is written beside the page.
    """
    files = files or ComparisonFiles()
    histogram = histogram_of(
        (comparison.correlation for comparison in agreement.comparisons),
        CORRELATION_SCALE,
        _note(agreement),
    )
    paths = [os.path.relpath(run.folder.path, folder) for run in runs]
    return GalleryPage(
        title=" and ".join(text(os.path.basename(run.folder.path)) for run in runs),
        subtitle="Agreement of the attributions of two runs",
        facts=_facts(agreement, runs),
        notes=[
            f"{name}: {note}"
            for name, run in zip("AB", runs, strict=True)
            for note in notes_on(run)
        ],
        histograms=[histogram] if histogram else [],
        texts={
            f"Configuration of {name}": lines(run.config)
            for name, run in zip("AB", runs, strict=True)
            if run.config
        },
        fields=FIELDS,
        labels=Labels(order="Worst first", failed="Not compared"),
        cards=[_card(comparison, paths, files) for comparison in agreement.comparisons],
    )


def _facts(agreement: Agreement, runs: tuple[Results, Results]) -> dict[str, str]:
    facts = {}
    for name, run in zip("AB", runs, strict=True):
        parts = text(run.folder.path), model_name(run.config), describe_settings(run.config)
        facts[f"Run {name}"] = " · ".join(part for part in parts if part)
    failed = len(agreement.failed)
    facts["Compared"] = f"{len(agreement.comparisons) - failed:,}"
    for name, count in (
        ("Not compared", failed),
        ("Only in A", agreement.only_first),
        ("Only in B", agreement.only_second),
    ):
        if count:
            facts[name] = f"{count:,}"
    return facts


def _note(agreement: Agreement) -> str:
    correlations = [
        comparison.correlation
        for comparison in agreement.comparisons
        if comparison.correlation is not None
    ]
    figures = (
        f"median {statistics.median(correlations):.4f}, worst {min(correlations):.4f}; "
        if correlations
        else ""
    )
    return f"{figures}of the channel means; 1 means that all pixels have the same order"


def _card(comparison: Comparison, paths: list[str], files: ComparisonFiles) -> Card:
    records = comparison.first, comparison.second
    labels = [label for label in (text(record.get("label")) for record in records) if label]
    return Card(
        name=text(comparison.image),
        label="".join(labels[:1]) if len(set(labels)) < 2 else "A: {}, B: {}".format(*labels),
        source=text(comparison.first.get("source")),
        views=() if comparison.reason else [*_views(comparison, paths, files)],
        titles=("Attributions",),
        numbers={
            "correlation": comparison.correlation,
            "overlap": comparison.overlap,
            "change": comparison.change,
            "score_a": number(comparison.first.get("score")),
            "score_b": number(comparison.second.get("score")),
        },
        warnings=comparison.warnings,
        reason=text(comparison.reason),
        values=url(files.scripts.get(comparison.image)),
    )


def _views(comparison: Comparison, paths: list[str], files: ComparisonFiles) -> Iterator[View]:
    """Yield the files of both runs: those of the runs, and thumbnails beside the page."""
    records = comparison.first, comparison.second
    for record, name, path, thumbnails in zip(records, "AB", paths, files.thumbnails, strict=True):
        view = view_of(record, caption=f"Run {name}", folder=path)
        found = thumbnails.get(comparison.image)
        if found is None:
            yield view
        else:
            yield replace(view, image=url(found.image), attributions=[url(found.attributions[0])])
