"""The summary of an evaluation: statistics of each metric, mean curves, and what fell short."""

import json
import math
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

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
        self._curves: list[npt.NDArray[np.float64]] = []

    def add(self, curve: Curve) -> None:
        """Add a curve."""
        self._curves.append(np.interp(GRID, curve.shares, curve.scores))

    def scores(self) -> list[float]:
        """Return the mean scores at `GRID`, which do not depend on the order of the curves."""
        return [math.fsum(column) / len(column) for column in zip(*self._curves, strict=True)]


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

    def add(self, outcome: EvaluatedImage) -> None:
        """Add the outcome of an image."""
        if outcome.error:
            self.failed.append(outcome.image)
            return
        self._images += 1
        for line in outcome.lines:
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
        return {
            name: statistics_of(
                {
                    method: {image: _mean(values) for image, values in by_image.items()}
                    for method, by_image in _ordered(self._values.get(name, {})).items()
                },
                CONTROLS,
                higher_is_better=metrics.load(name).HIGHER_IS_BETTER,
                seed=self._seed,
            )
            for name in self._options.metrics
        }

    def beyond(self, options: EvaluationOptions) -> Iterator[str]:
        """Yield a line for each mean of a method, controls excepted, beyond its threshold."""
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
        methods = dict.fromkeys(name for one in statistics.values() for name in one.summaries)
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
                    "scores": {method: mean.scores() for method, mean in curves.items()},
                }
                for name, curves in self._curves.items()
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


def _ordered(
    by_method: Mapping[str, dict[str, list[float | None]]],
) -> dict[str, dict[str, list[float | None]]]:
    """Return the methods before the controls, each in the order they came."""
    return dict(sorted(by_method.items(), key=lambda item: item[0] in CONTROLS))
