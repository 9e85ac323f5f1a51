"""The content of a gallery page, whatever it shows: cards, their numbers, and a histogram."""

import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from igcli.gallery.evaluation import EvaluationSection

Format = Literal["number", "signed", "percent", "count", "index", "seconds"]


@dataclass(frozen=True, slots=True)
class Field:
    """A number that every card has.

    Attributes:
        key: Its key in `Card.numbers`.
        name: Its name on the page.
        format: How the page formats it.
        sortable: Whether cards can be sorted by it; such numbers are shown on the card.
    """

    key: str
    name: str
    format: Format
    sortable: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """The files of one image in one run, as URLs; None where there is none.

    Attributes:
        caption: Which run they are of, if a card has several views.
        panel: The panel.
        animation: The animation.
        arrays: The arrays.
        image: The thumbnail of the image.
        attributions: The thumbnails of the main method and first target, then of all others.
    """

    caption: str = ""
    panel: str | None = None
    animation: str | None = None
    arrays: str | None = None
    image: str | None = None
    attributions: Sequence[str | None] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """One image; its texts are shown as they are.

    Attributes:
        name: Name of the image.
        label: The label that the network predicts.
        source: Path of the image as it was given, bytes that are not UTF-8 as surrogate escapes.
        views: Its files, one for each run.
        titles: What the thumbnails of attributions show, in their order.
        numbers: By `Field.key`; None if undefined.
        warnings: One line each.
        reason: Why there is no result, if there is none.
        values: URL of the script with its values.
        frames: URL of the script with the frames of its animation.
    """

    name: str
    label: str = ""
    source: str = ""
    views: Sequence[View] = ()
    titles: Sequence[str] = ()
    numbers: Mapping[str, float | None] | None = None
    warnings: Sequence[str] = ()
    reason: str = ""
    values: str | None = None
    frames: str | None = None


@dataclass(frozen=True, slots=True)
class Labels:
    """The entries of the page's menus that depend on what it shows.

    Attributes:
        order: The initial order of the cards.
        warned: The cards with warnings.
        failed: The cards without a result.
    """

    order: str = "As recorded"
    warned: str = "With warnings"
    failed: str = "Failed"


@dataclass(frozen=True, slots=True)
class GalleryPage:
    """A gallery.

    Attributes:
        title: Its title.
        subtitle: What was run, in one line.
        facts: Figures about all images, by their names.
        notes: What to know about the results as a whole, one line each.
        histograms: Distributions of the most important numbers.
        texts: Long texts that can be unfolded, by their names.
        fields: The numbers of the cards.
        labels: The entries of the menus.
        cards: One for each image, in order.
        evaluation: How faithful the attributions are, if that was evaluated.
    """

    title: str
    subtitle: str
    facts: Mapping[str, str]
    notes: Sequence[str]
    histograms: Sequence["Histogram"]
    texts: Mapping[str, str]
    fields: Sequence[Field]
    labels: Labels
    cards: Sequence[Card]
    evaluation: EvaluationSection | None = None


@dataclass(frozen=True, slots=True)
class HistogramBar:
    """A bar of a histogram.

    Attributes:
        span: The interval that it counts: "1% to 2%".
        start: The edge on its left.
        count: Number of values in the interval.
        height: Relative to the highest bar, 0...1.
        beyond: Whether it lies on the bad side of the limit.
    """

    span: str
    start: str
    count: int
    height: float
    beyond: bool


@dataclass(frozen=True, slots=True)
class Histogram:
    """The distribution of a number over the images.

    Attributes:
        key: The number's `Field.key`.
        title: Name of the number.
        edges: Ascending edges between bars; a value on an edge belongs to the bar on its right.
        bars: From left to right.
        note: What is left out, or what the limit means.
    """

    key: str
    title: str
    edges: Sequence[float]
    bars: Sequence[HistogramBar]
    note: str


@dataclass(frozen=True, slots=True)
class HistogramScale:
    """The bins of a histogram.

    Attributes:
        key: The number's `Field.key`.
        title: Name of the number.
        edges: Ascending edges between bins; a value on an edge belongs to the bin on its right.
        names: The edges as text.
        limit: The edge between good and bad, if there is one.
        bad_above: Whether the bad side lies above the limit.
    """

    key: str
    title: str
    edges: Sequence[float]
    names: Sequence[str]
    limit: float | None = None
    bad_above: bool = True


def histogram_of(
    values: Iterable[float | None], scale: HistogramScale, note: str
) -> Histogram | None:
    """Return the histogram of `values`; None if no value is defined.

    Args:
        values: The values; None is not counted.
        scale: The bins.
        note: A line to show below the histogram.
    """
    counts = [0] * (len(scale.edges) + 1)
    for value in values:
        if value is not None:
            counts[bisect.bisect_right(scale.edges, value)] += 1
    if not any(counts):
        return None
    bars = [
        HistogramBar(
            span=_span(scale.names, index),
            start=scale.names[index - 1] if index else "",
            count=count,
            height=count / max(counts),
            beyond=_is_beyond(index, scale),
        )
        for index, count in enumerate(counts)
    ]
    return Histogram(scale.key, scale.title, scale.edges, bars, note)


def score_scale(scores: Sequence[float]) -> HistogramScale:
    """Return ten bins for scores: probabilities by tenths, others over their range."""
    low, high = min(scores), max(scores)
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif low == high:
        high = low + 1
    edges = [low + (high - low) * part / 10 for part in range(1, 10)]
    return HistogramScale("score", "Score", edges, [f"{edge:.3g}" for edge in edges])


def _is_beyond(index: int, scale: HistogramScale) -> bool:
    if scale.limit is None:
        return False
    return (index > scale.edges.index(scale.limit)) == scale.bad_above


def _span(names: Sequence[str], index: int) -> str:
    if not index:
        return f"below {names[0]}"
    if index == len(names):
        return f"{names[-1]} or more"
    return f"{names[index - 1]} to {names[index]}"
