"""The summary of an evaluation: statistics of each metric, mean curves, and what fell short."""

import json
import math
from array import array
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from igcli import metrics
from igcli.evaluate.controls import CONTROLS
from igcli.evaluate.image import EvaluatedImage
from igcli.evaluate.options import EvaluationOptions
from igcli.evaluate.report import findings
from igcli.evaluate.statistics import Statistics, statistics_of
from igcli.metrics import Curve
from igcli.outputs.folder import OutputFolder
from igcli.outputs.journal import to_jsonable
from igcli.outputs.run_files import EVALUATION

GRID = np.linspace(0, 1, 51)
"""Shares of pixels at which mean curves are given."""


class MeanCurve:
    """The mean of curves, each interpolated linearly at `GRID`."""

    def __init__(self) -> None:
        self._scores = array("f")  # The precision of scores; 200 bytes a curve.

    def add(self, curve: Curve) -> None:
        """Add a curve."""
        self._scores.extend(np.interp(GRID, curve.shares, curve.scores))

    def scores(self) -> list[float]:
        """Return the mean scores at `GRID`, which do not depend on the order of the curves."""
        columns = np.array(self._scores).reshape(-1, len(GRID)).T
        return [math.fsum(column) / len(column) for column in columns]


class EvaluationSummary:
    """Collects the outcomes of images.

    Attributes:
        failed: Names of the images that could not be evaluated.
    """

    def __init__(self, options: EvaluationOptions, seed: int) -> None:
        self._options, self._seed = options, seed
        self._images = 0
        self.failed: list[str] = []
        self._values: dict[str, dict[str, dict[str, list[float | None]]]] = {}
        self._curves: dict[str, dict[str, MeanCurve]] = {}
        self._places: dict[str, int] = {}
        self._statistics: dict[str, Statistics] | None = None

    def add(self, outcome: EvaluatedImage) -> None:
        """Add the outcome of an image."""
        if outcome.error:
            self.failed.append(outcome.image)
            return
        self._images += 1
        self._statistics = None
        for place, line in enumerate(outcome.lines):
            self._places[line.method] = min(place, self._places.get(line.method, place))
            for name in self._options.metrics:
                if name not in line.metrics:
                    continue
                by_method = self._values.setdefault(name, {})
                by_image = by_method.setdefault(line.method, {})
                by_image.setdefault(line.image, []).append(line.metrics[name])
                if name in line.curves:
                    curves = self._curves.setdefault(name, {})
                    curves.setdefault(line.method, MeanCurve()).add(line.curves[name])

    def statistics(self) -> Mapping[str, Statistics]:
        """Return the statistics of each metric; the targets of an image are averaged."""
        if self._statistics is None:
            self._statistics = {name: self._statistics_of(name) for name in self._options.metrics}
        return self._statistics

    def _statistics_of(self, metric: str) -> Statistics:
        by_method = self._values.get(metric, {})
        return statistics_of(
            {
                method: {image: _mean(values) for image, values in by_method[method].items()}
                for method in self._in_order(by_method)
            },
            CONTROLS,
            higher_is_better=metrics.load(metric).HIGHER_IS_BETTER,
            seed=self._seed,
        )

    def _in_order(self, methods: Iterable[str]) -> list[str]:
        """Return methods as images list them, then controls, whichever image came first."""
        return sorted(methods, key=lambda name: (name in CONTROLS, self._places[name], name))

    def beyond(self) -> Iterator[str]:
        """Yield a line for each mean of a method, controls excepted, beyond its threshold."""
        options = self._options
        for name, one in self.statistics().items():
            low, high = options.minima.get(name), options.maxima.get(name)
            for method, summary in one.summaries.items():
                if method in CONTROLS or (low is None and high is None):
                    continue
                if summary.mean is None:
                    yield f"{name} of {method} is undefined for every image"
                    continue
                if low is not None and summary.mean < low:
                    yield f"{name} of {method} is {summary.mean:.4g}, below --min {low:g}"
                if high is not None and summary.mean > high:
                    yield f"{name} of {method} is {summary.mean:.4g}, above --max {high:g}"

    def record(self) -> dict[str, object]:
        """Return the summary for JSON, as evaluation.json holds it."""
        statistics = self.statistics()
        methods = self._in_order({name for one in statistics.values() for name in one.summaries})
        return {
            "images": self._images,
            "failed": len(self.failed),
            "controls": [name for name in CONTROLS if name in methods],
            "better": {name: _better(name) for name in self._options.metrics},
            "options": {name: self._options.of_metric(name) for name in self._options.metrics},
            "methods": {
                method: {
                    name: one.summaries[method].record()
                    for name, one in statistics.items()
                    if method in one.summaries
                }
                for method in methods
            },
            "findings": [*findings(statistics)],
            "differences": {
                name: [difference.record() for difference in one.differences]
                for name, one in statistics.items()
            },
            "curves": {
                name: {
                    "shares": GRID.tolist(),
                    "scores": {
                        method: self._curves[name][method].scores()
                        for method in self._in_order(self._curves[name])
                    },
                }
                for name in self._options.metrics
                if name in self._curves
            },
        }

    def write(self, folder: OutputFolder) -> None:
        """Write evaluation.json. Errors as in `folder.write`."""
        text = json.dumps(to_jsonable(self.record()), allow_nan=False, indent=2)
        folder.write(EVALUATION, text.encode("ascii") + b"\n")


def _better(metric: str) -> str | None:
    higher = metrics.load(metric).HIGHER_IS_BETTER
    return None if higher is None else "higher" if higher else "lower"


def _mean(values: list[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined else None
