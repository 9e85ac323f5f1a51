"""Numbers counted into bars."""

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from igcli.gallery.view_model import Histogram, HistogramBar


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
