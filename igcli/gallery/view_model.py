"""What a gallery shows, whatever is in it."""

import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Form = Literal["number", "signed", "percent", "count", "index", "seconds"]


@dataclass(frozen=True, slots=True)
class Field:
    """A number that every card has.

    Attributes:
        key: Its name in the cards.
        name: Its name for readers.
        form: How it is written.
        sortable: Whether cards can be sorted by it; such numbers stand on the card.
    """

    key: str
    name: str
    form: Form
    sortable: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """The pictures of one image.

    Attributes:
        caption: Which they are, where there are several views.
        still: URL of the panel, if there is one.
        motion: URL of the animation, if there is one.
        files: Further files to open, URLs by their names.
    """

    caption: str = ""
    still: str | None = None
    motion: str | None = None
    files: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """One image. Texts are shown as they are.

    Attributes:
        name: Its name.
        label: What the network says.
        views: Its pictures.
        numbers: By the keys of the page's fields; None where undefined.
        texts: Further texts by their names.
        warnings: One line each.
        reason: Why there is no result, if so.
    """

    name: str
    label: str = ""
    views: Sequence[View] = ()
    numbers: Mapping[str, float | None] | None = None
    texts: Mapping[str, str] | None = None
    warnings: Sequence[str] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class HistogramBar:
    """A bar of a histogram.

    Attributes:
        span: The values it counts: "1% - 2%".
        start: The value where it starts, under its left edge.
        count: How many there are.
        height: Relative to the highest, 0...1.
        beyond: Whether it lies on the wrong side of the limit.
    """

    span: str
    start: str
    count: int
    height: float
    beyond: bool


@dataclass(frozen=True, slots=True)
class Histogram:
    """How a number is spread over the images.

    Attributes:
        title: What is counted.
        bars: From left to right.
        note: What is not counted, or where the limit lies.
    """

    title: str
    bars: Sequence[HistogramBar]
    note: str


@dataclass(frozen=True, slots=True)
class Words:
    """What cards and their order are called.

    Attributes:
        order: The order in which they come.
        warned: Those with warnings.
        failed: Those without a result.
    """

    order: str = "As recorded"
    warned: str = "With warnings"
    failed: str = "Failed"


@dataclass(frozen=True, slots=True)
class GalleryPage:
    """A gallery.

    Attributes:
        title: Its name.
        subtitle: What was done, in one line.
        facts: What is known of the whole, by names.
        notes: What to know before looking, one line each.
        histogram: Spread of the number that matters, if there is any.
        texts: Long texts to unfold, by names.
        fields: Numbers of the cards.
        words: What cards are called.
        cards: One for each image, in their order.
    """

    title: str
    subtitle: str
    facts: Mapping[str, str]
    notes: Sequence[str]
    histogram: Histogram | None
    texts: Mapping[str, str]
    fields: Sequence[Field]
    words: Words
    cards: Sequence[Card]


@dataclass(frozen=True, slots=True)
class Scale:
    """Where bars begin and end.

    Attributes:
        title: What is counted.
        edges: Between neighbouring bars, rising; a number on an edge counts to the right.
        names: The edges as they are written.
        limit: The edge at which good and bad meet.
        bad_above: Whether the bad ones lie above it.
    """

    title: str
    edges: Sequence[float]
    names: Sequence[str]
    limit: float
    bad_above: bool


def count(values: Iterable[float | None], scale: Scale, note: str) -> Histogram | None:
    """Return the histogram of `values`; None where none is defined.

    Args:
        values: Those that are None are not counted.
        scale: The bars.
        note: A line to stand below it.
    """
    counts = [0] * (len(scale.edges) + 1)
    for value in values:
        if value is not None:
            counts[bisect.bisect_right(scale.edges, value)] += 1
    if not any(counts):
        return None
    first_above = scale.edges.index(scale.limit) + 1
    bars = [
        HistogramBar(
            span=_span(scale.names, place),
            start=scale.names[place - 1] if place else "",
            count=number,
            height=number / max(counts),
            beyond=(place >= first_above) == scale.bad_above,
        )
        for place, number in enumerate(counts)
    ]
    return Histogram(scale.title, bars, note)


def _span(names: Sequence[str], place: int) -> str:
    if not place:
        return f"below {names[0]}"
    if place == len(names):
        return f"{names[-1]} or more"
    return f"{names[place - 1]} to {names[place]}"
