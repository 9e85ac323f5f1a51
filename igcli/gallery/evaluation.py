"""The evaluation of a run as a section of its page: a table of means, and the curves."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from igcli.gallery.formatting import number, text
from igcli.gallery.values import PlottedCurve
from igcli.methods import METHODS
from igcli.metrics import NONE, Mean, write_means
from igcli.outputs.folder import OutputFolder
from igcli.outputs.journal import parse
from igcli.outputs.run_files import EVALUATION, EVALUATION_LINES, EVALUATION_PARTS

MAX_BYTES = 1 << 24
"""Number of bytes of an evaluation that are read at most."""

MAX_CURVES = 12
"""Curves that the view of an image shows."""

MAX_LINES = 20
"""Methods whose curves a plot shows, each in a style of its own."""

WIDTH, HEIGHT = 300, 180
"""Size of a plot, in units of its drawing."""


@dataclass(frozen=True, slots=True)
class PlotLine:
    """The mean curve of a method.

    Attributes:
        name: The method.
        points: Coordinates in the drawing: "0,180 6,175".
        number: Its number, which gives its colour.
        is_control: Whether it is a control.
    """

    name: str
    points: str
    number: int
    is_control: bool


@dataclass(frozen=True, slots=True)
class Plot:
    """The mean curves of a metric.

    Attributes:
        title: The metric.
        range: The scores at the lower and the upper edge: "0 to 0.8".
        lines: One for each method.
    """

    title: str
    range: str
    lines: Sequence[PlotLine]


@dataclass(frozen=True, slots=True)
class EvaluationSection:
    """An evaluation on a page.

    Attributes:
        headings: The metrics, with the better direction.
        rows: For each method its name, whether it is a control, and a cell for each metric.
        findings: What does not beat a control, and what lacks images, one line each.
        plots: The curves.
    """

    headings: Sequence[str]
    rows: Sequence[tuple[str, bool, Sequence[str]]]
    findings: Sequence[str]
    plots: Sequence[Plot]


def read_section(folder: OutputFolder) -> EvaluationSection | None:
    """Return the evaluation in an output; None if there is none, or it is damaged.

    Raises:
        OutputError: It cannot be read.
    """
    if not folder.has(EVALUATION):
        return None
    with folder.open_to_read(EVALUATION) as file:
        data = file.read(MAX_BYTES)
    try:
        return section_of(json.loads(data))
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError):
        return None  # Not as igcli writes it.


def read_curves(folder: OutputFolder) -> dict[str, list[PlottedCurve]]:
    """Return the curves of each image, those of controls left out; lines of another form are too.

    Raises:
        OutputError: They cannot be read.
    """
    by_image: dict[str, dict[str, PlottedCurve]] = {}
    parts = [f"{EVALUATION_PARTS}/{name}" for name in folder.names(EVALUATION_PARTS)]
    names = [name for name in parts if name.endswith(".jsonl")]
    names += [EVALUATION_LINES] if folder.has(EVALUATION_LINES) else []
    for name in names:
        for line in map(parse, folder.lines(name)):
            record = cast(dict[str, Any], line or {})
            if record.get("method") not in METHODS or not isinstance(record.get("curves"), dict):
                continue
            for metric, curve in record["curves"].items():
                title = text(f"{metric} of {record['method']} (target {record.get('target')})")
                if (plotted := _plotted(title, curve)) is not None:
                    by_image.setdefault(record["image"], {})[title] = plotted
    return {image: list(curves.values())[:MAX_CURVES] for image, curves in by_image.items()}


def _plotted(title: str, curve: Any) -> PlottedCurve | None:
    try:
        shares, scores = ([*map(number, curve[axis])] for axis in ("shares", "scores"))
    except (TypeError, KeyError):
        return None
    is_whole = len(shares) == len(scores) > 1 and None not in (*shares, *scores)
    if not is_whole:
        return None
    x, y = cast(list[float], shares), cast(list[float], scores)
    return PlottedCurve(title, "share", "score", x, y)


def section_of(evaluation: Mapping[str, Any]) -> EvaluationSection:
    """Return the section that shows the content of evaluation.json."""
    metrics, methods = list(evaluation["options"]), evaluation["methods"]
    controls = set(evaluation["controls"])
    better = evaluation["better"]
    unbeaten = {
        name: {one["first"] for one in differences if one["beats"] is False}
        for name, differences in evaluation["differences"].items()
    }
    cells = {
        name: write_means(
            {method: _mean(values[name]) for method, values in methods.items() if name in values},
            unbeaten.get(name, ()),
        )
        for name in metrics
    }
    return EvaluationSection(
        headings=[_heading(name, better.get(name)) for name in metrics],
        rows=[
            (
                text(method),
                method in controls,
                [cells[name].get(method, NONE) for name in metrics],
            )
            for method in methods
        ],
        findings=[*map(text, evaluation["findings"])],
        plots=[
            _plot(text(name), curves, list(methods), controls)
            for name, curves in evaluation["curves"].items()
        ],
    )


def _heading(name: str, better: object) -> str:
    arrow = {"higher": " ↑", "lower": " ↓"}.get(str(better), "")
    return text(name) + arrow


def _mean(summary: Mapping[str, Any]) -> Mean:
    interval = summary["interval"]
    return Mean(number(summary["mean"]), (interval[0], interval[1]) if interval else None)


def _plot(
    title: str, curves: Mapping[str, Any], methods: Sequence[str], controls: set[str]
) -> Plot:
    shares = cast(list[float], curves["shares"])
    scores = {name: curves["scores"][name] for name in methods if name in curves["scores"]}
    shown = dict(list(scores.items())[:MAX_LINES])
    top = max((max(values) for values in shown.values()), default=0.0)
    low = min((0.0, *(min(values) for values in shown.values())))
    span = top - low or 1.0
    if not all(math.isfinite(value) for values in (shares, *shown.values()) for value in values):
        raise ValueError("not a curve")
    return Plot(
        title,
        f"{low:.3g} to {top:.3g}",
        [
            PlotLine(
                text(name),
                " ".join(
                    f"{WIDTH * share:.1f},{HEIGHT * (1 - (score - low) / span):.1f}"
                    for share, score in zip(shares, values, strict=True)
                ),
                methods.index(name),
                name in controls,
            )
            for name, values in shown.items()
        ],
    )
