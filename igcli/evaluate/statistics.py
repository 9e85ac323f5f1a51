"""Statistics of a metric over images: means with intervals, and comparisons with the controls.

Images are the independent observations. The intervals are percentiles of the bootstrap: images are
drawn with replacement, together for all methods, so that differences between methods are paired.

Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RESAMPLES = 2_000
"""Number of times that the images are drawn."""

CONFIDENCE = 0.95
"""Share of the resamples whose mean lies in an interval."""

FEWEST_IMAGES = 6
"""Images needed for a verdict: fewer may all agree by chance in more than 1 of 40 cases."""

_CHUNK = 4_000_000
"""Number of drawn images held at a time."""

Values = Mapping[str, Mapping[str, float | None]]
"""Values of a metric by method and image; None where undefined."""

Table = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval.

    Attributes:
        low: Its lower end.
        high: Its upper end.
    """

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Summary:
    """The values of a metric over the images, or differences of such values.

    Attributes:
        images: Number of images with a value.
        mean: Their mean; None without any.
        median: Their median; None without any.
        interval: Of the mean; None with fewer than two values.
    """

    images: int
    mean: float | None
    median: float | None
    interval: Interval | None

    def record(self) -> dict[str, object]:
        """Return the summary for JSON."""
        interval = self.interval
        return {
            "images": self.images,
            "mean": self.mean,
            "median": self.median,
            "interval": [interval.low, interval.high] if interval else None,
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """How two methods differ in a metric, over the images where both have a value.

    Attributes:
        first: A method.
        second: The method or control whose values are subtracted.
        summary: Of the differences.
        beats: Whether the first is better, if the second is a control: the interval of the mean
            difference lies on the better side of 0. None between methods, for metrics without a
            better side, and with fewer than `FEWEST_IMAGES`.
    """

    first: str
    second: str
    summary: Summary
    beats: bool | None

    def record(self) -> dict[str, object]:
        """Return the difference for JSON."""
        return {
            "first": self.first,
            "second": self.second,
            **self.summary.record(),
            "beats": self.beats,
        }


@dataclass(frozen=True, slots=True)
class Statistics:
    """A metric's statistics.

    Attributes:
        images: Number of images, with a value or without.
        summaries: By method, controls included.
        differences: Of each pair of methods, and of each method and control.
        controls: Which of the methods are controls.
    """

    images: int
    summaries: Mapping[str, Summary]
    differences: Sequence[Difference]
    controls: Sequence[str]

    @property
    def against_controls(self) -> list[Difference]:
        """The differences of methods to controls."""
        return [one for one in self.differences if one.second in self.controls]

    @property
    def unbeaten(self) -> list[Difference]:
        """The differences to controls that a method does not beat."""
        return [difference for difference in self.differences if difference.beats is False]


def statistics_of(
    values: Values, controls: Sequence[str], *, higher_is_better: bool | None, seed: int
) -> Statistics:
    """Return the statistics of a metric.

    They do not depend on the order of the images.

    Args:
        values: By method, controls included, and image; an image may be missing.
        controls: Which of the methods are controls.
        higher_is_better: The metric's direction; None if it has none.
        seed: The run's seed, for the bootstrap.
    """
    names = list(values)
    pairs = [
        (first, second)
        for position, first in enumerate(names)
        for second in names[position + 1 :]
        if not (first in controls and second in controls)
    ]
    pairs = [(second, first) if first in controls else (first, second) for first, second in pairs]
    table = _table(values)
    columns = {name: table[:, index] for index, name in enumerate(names)}
    differences = [columns[first] - columns[second] for first, second in pairs]
    summaries = _summaries(np.column_stack([table, *differences]), seed) if names else []
    return Statistics(
        len(table),
        dict(zip(names, summaries, strict=False)),
        [
            Difference(
                first, second, one, _beats(one, higher_is_better) if second in controls else None
            )
            for (first, second), one in zip(pairs, summaries[len(names) :], strict=True)
        ],
        controls,
    )


def _table(values: Values) -> Table:
    """Return the values, (images, methods), NaN where undefined, images in the order of names."""
    images = sorted({image for by_image in values.values() for image in by_image})
    rows = [[by_image.get(image) for by_image in values.values()] for image in images]
    return np.array(rows, np.float64).reshape(len(images), len(values))


def _summaries(columns: Table, seed: int) -> list[Summary]:
    """Return the summary of each column of (images, columns), NaN where undefined."""
    resampled = _resampled_means(columns, seed)
    return [_summary(*pair) for pair in zip(columns.T, resampled.T, strict=True)]


def _summary(column: Table, resampled: Table) -> Summary:
    """Return the summary of values (images,) with the means of their resamples."""
    defined = column[~np.isnan(column)]
    if not defined.size:
        return Summary(0, None, None, None)
    low, high = float(defined.min()), float(defined.max())
    # A mean lies within its values: for constant ones, rounding is not to give them an interval.
    mean = min(high, max(low, math.fsum(defined) / defined.size))
    median = float(np.median(defined))
    if defined.size < 2:
        return Summary(1, mean, median, None)
    tail = (1 - CONFIDENCE) / 2
    ends = np.clip(np.nanquantile(resampled, (tail, 1 - tail)), low, high)
    return Summary(defined.size, mean, median, Interval(float(ends[0]), float(ends[1])))


def _resampled_means(columns: Table, seed: int) -> Table:
    """Return the mean of each column in each resample of the images, (RESAMPLES, columns).

    It is NaN where none of the images drawn has a value.
    """
    has_value = ~np.isnan(columns)
    filled = np.where(has_value, columns, 0.0)
    with np.errstate(invalid="ignore"):
        parts = [weights @ filled / (weights @ has_value) for weights in _draws(len(columns), seed)]
    return np.concatenate(parts)


def _draws(images: int, seed: int) -> Iterator[Table]:
    """Yield how often each image is in each resample, (resamples, images), some at a time."""
    random = np.random.default_rng(seed)
    size = max(1, _CHUNK // max(1, images))
    for start in range(0, RESAMPLES, size):
        rows = np.arange(min(size, RESAMPLES - start))[:, None]
        drawn = random.integers(max(1, images), size=(len(rows), images)) + rows * images
        counts = np.bincount(drawn.ravel(), minlength=len(rows) * images)
        yield counts.reshape(len(rows), images).astype(np.float64)


def _beats(difference: Summary, higher_is_better: bool | None) -> bool | None:
    """Return whether a difference to a control is on the better side of 0."""
    interval = difference.interval
    if higher_is_better is None or interval is None or difference.images < FEWEST_IMAGES:
        return None
    return interval.low > 0 if higher_is_better else interval.high < 0
