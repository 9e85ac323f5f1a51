"""The images of two runs compared one by one, and a summary of all comparisons."""

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from igcli.compare.agreement import Values, channel_mean, rank_correlation, top_overlap
from igcli.errors import IgcliError, ImageError, UsageError
from igcli.gallery.formatting import number
from igcli.outputs.arrays import read_array
from igcli.outputs.results import Results
from igcli.records import Record


@dataclass(frozen=True, slots=True)
class Comparison:
    """One image in two runs.

    Attributes:
        image: Its name in both.
        first: Its record in run A.
        second: Its record in run B.
        correlation: Rank correlation of the attributions, -1...1; None for two flat ones.
        overlap: Fraction of the most important pixels common to both; None if there are none.
        reason: Why it could not be compared, if so.
    """

    image: str
    first: Record
    second: Record
    correlation: float | None = None
    overlap: float | None = None
    reason: str = ""

    @property
    def change(self) -> float | None:
        """Score in run B minus score in run A."""
        first, second = (number(record.get("score")) for record in (self.first, self.second))
        return None if first is None or second is None else second - first

    @property
    def warnings(self) -> tuple[str, ...]:
        """Ways in which the two attributions explain different things, such as another target."""
        if self.reason:
            return ()
        differs = {
            "the images differ": self.first.get("image_sha256") != self.second.get("image_sha256"),
            "the targets differ": self.first.get("target") != self.second.get("target"),
        }
        return tuple(warning for warning, holds in differs.items() if holds)

    def record(self) -> dict[str, object]:
        """Return the comparison for JSON."""
        if self.reason:
            return {"image": self.image, "status": "failed", "error": self.reason}
        return {
            "image": self.image,
            "status": "ok",
            "rank_correlation": self.correlation,
            "top_overlap": self.overlap,
            "score_change": self.change,
            "target_a": self.first.get("target"),
            "target_b": self.second.get("target"),
            "label_a": self.first.get("label"),
            "label_b": self.second.get("label"),
            "score_a": self.first.get("score"),
            "score_b": self.second.get("score"),
            "warnings": list(self.warnings),
        }


def compare(first: Results, second: Results) -> Iterator[Comparison]:
    """Yield the comparison of each image that two runs have in common.

    Raises:
        UsageError: There is no such image, or none has arrays in both runs.
    """
    for name in _common_images(first, second):
        records = first.records[name], second.records[name]
        try:
            maps = _maps((first, second), records)
        except IgcliError as error:
            yield Comparison(name, *records, reason=str(error))
            continue
        yield Comparison(name, *records, rank_correlation(*maps), top_overlap(*maps))


def _common_images(first: Results, second: Results) -> list[str]:
    """Return the images that have records in both runs, and a result in at least one."""
    names = [
        name
        for name in first.records
        if name in second.records
        and "ok" in (first.records[name].get("status"), second.records[name].get("status"))
    ]
    if not names:
        raise UsageError("the two runs have no image in common")
    if any(run.records[names[0]].get("tar") for run in (first, second)):
        raise UsageError("arrays in tar files are not compared; run without --input-format tar")
    if not any(_has_arrays(first.records[name], second.records[name]) for name in names):
        raise UsageError(
            "no image has arrays in both runs, and only arrays can be compared; "
            "run igcli attribute with --arrays"
        )
    return names


def _has_arrays(*records: Record) -> bool:
    return all(isinstance(record.get("arrays"), str) for record in records)


def _maps(runs: tuple[Results, Results], records: tuple[Record, Record]) -> list[Values]:
    """Return an image's channel means in both runs, of equal shape.

    Raises:
        ImageError: A run has none, or the shapes differ.
        OutputError: A file cannot be read.
    """
    for record, run in zip(records, "AB", strict=True):
        if record.get("status") != "ok":
            reason = record.get("error", "no reason was recorded")
            raise ImageError(f"failed in run {run}: {reason}")
    maps = [
        _map(results, record, run) for results, record, run in zip(runs, records, "AB", strict=True)
    ]
    if maps[0].shape != maps[1].shape:
        sizes = " and ".join("x".join(map(str, values.shape)) for values in maps)
        raise ImageError(f"the attributions differ in size: {sizes}")
    return maps


def _map(results: Results, record: Record, run: str) -> Values:
    name = record.get("arrays")
    if not isinstance(name, str):
        raise ImageError(f"run {run} has no arrays of it")
    attributions = read_array(results.folder, name, "attributions")
    if attributions.ndim != 3 or attributions.dtype != np.float32 or not attributions.size:
        raise ImageError(f"{name!r} of run {run} does not hold attributions of an image")
    if not np.isfinite(attributions).all():
        raise ImageError(f"the attributions of run {run} are not finite")
    return channel_mean(attributions)


@dataclass(frozen=True, slots=True)
class Agreement:
    """All comparisons of two runs.

    Attributes:
        comparisons: By ascending correlation, then those without one, then failed ones.
        only_first: Number of images that run B has no record of.
        only_second: Number of images that run A has no record of.
    """

    comparisons: Sequence[Comparison]
    only_first: int
    only_second: int

    @property
    def failed(self) -> list[Comparison]:
        """The images that could not be compared."""
        return [comparison for comparison in self.comparisons if comparison.reason]

    def below(self, threshold: float) -> list[Comparison]:
        """Return the comparisons whose correlation is below `threshold`, worst first."""
        return [
            comparison
            for comparison in self.comparisons
            if comparison.correlation is not None and comparison.correlation < threshold
        ]

    def record(self) -> dict[str, object]:
        """Return the summary for JSON."""
        compared = [comparison for comparison in self.comparisons if not comparison.reason]
        correlations = [
            comparison.correlation for comparison in compared if comparison.correlation is not None
        ]
        overlaps = [comparison.overlap for comparison in compared if comparison.overlap is not None]
        changes = [
            abs(comparison.change) for comparison in compared if comparison.change is not None
        ]
        return {
            "compared": len(compared),
            "failed": len(self.failed),
            "only_a": self.only_first,
            "only_b": self.only_second,
            "rank_correlation": {
                "median": statistics.median(correlations) if correlations else None,
                "worst": min(correlations, default=None),
                "undefined": len(compared) - len(correlations),
            },
            "top_overlap": {
                "median": statistics.median(overlaps) if overlaps else None,
                "worst": min(overlaps, default=None),
            },
            "score_change": {
                "median": statistics.median(changes) if changes else None,
                "largest": max(changes, default=None),
            },
        }


def summarize(comparisons: Iterable[Comparison], first: Results, second: Results) -> Agreement:
    """Return the comparisons of two runs, sorted and counted."""
    return Agreement(
        sorted(comparisons, key=_worst_first),
        only_first=len(first.records.keys() - second.records.keys()),
        only_second=len(second.records.keys() - first.records.keys()),
    )


def _worst_first(comparison: Comparison) -> tuple[bool, bool, float, str]:
    correlation = comparison.correlation
    return bool(comparison.reason), correlation is None, correlation or 0.0, comparison.image
