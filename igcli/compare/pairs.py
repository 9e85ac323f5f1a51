"""The images of two runs, pair by pair."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from igcli.compare.agreement import Values, channel_mean, rank_correlation, top_overlap
from igcli.errors import IgcliError, ImageError, UsageError
from igcli.outputs.arrays import read_array
from igcli.outputs.results import Results

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two runs say of one image.

    Attributes:
        image: Its name in both.
        first: Its record in the one run.
        second: Its record in the other.
        correlation: Rank correlation of the attributions, -1...1; None for two flat ones.
        overlap: Share of the most important pixels common to both; None where there are none.
        reason: Why they could not be compared, if so.
    """

    image: str
    first: Record
    second: Record
    correlation: float | None = None
    overlap: float | None = None
    reason: str = ""

    @property
    def change(self) -> float | None:
        """Score in the second run minus that in the first."""
        scores = [record.get("score") for record in (self.first, self.second)]
        if not all(isinstance(score, int | float) for score in scores):
            return None
        return float(scores[1]) - float(scores[0])  # type: ignore[arg-type]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What makes the two runs' attributions different things."""
        found = []
        for key, text in (("image_sha256", "the images differ"), ("target", "the targets differ")):
            if not self.reason and self.first.get(key) != self.second.get(key):
                found.append(text)
        return tuple(found)

    def record(self) -> dict[str, object]:
        """Return it as a line of JSON."""
        if self.reason:
            return {"image": self.image, "status": "failed", "error": self.reason}
        pairs = {
            f"{key}_{run}": record.get(key)
            for key in ("target", "label", "score")
            for run, record in (("a", self.first), ("b", self.second))
        }
        return {
            "image": self.image,
            "status": "ok",
            "rank_correlation": self.correlation,
            "top_overlap": self.overlap,
            "score_change": self.change,
            **pairs,
            "warnings": list(self.warnings),
        }


def common(first: Results, second: Results) -> list[str]:
    """Return the images that both runs have records of, and at least one a result of.

    Raises:
        UsageError: Not one of them has arrays in both runs.
    """
    names = [
        name
        for name in first.records
        if name in second.records
        and "ok" in (first.records[name].get("status"), second.records[name].get("status"))
    ]
    if not names:
        raise UsageError("the two runs have no image in common")
    if any(runs.records[name].get("tar") for runs in (first, second) for name in names[:1]):
        raise UsageError("arrays in tar files are not compared; run without --input-format tar")
    if not any(_has_arrays(first.records[name], second.records[name]) for name in names):
        raise UsageError(
            "no image has arrays in both runs, which are what is compared; "
            "run igcli attribute with --arrays"
        )
    return names


def compare(first: Results, second: Results) -> Iterator[Comparison]:
    """Compare the images that two runs have in common, one after another; errors as in `common`."""
    for name in common(first, second):
        records = first.records[name], second.records[name]
        try:
            maps = _maps((first, second), records)
        except IgcliError as error:
            yield Comparison(name, *records, reason=str(error))
            continue
        yield Comparison(name, *records, rank_correlation(*maps), top_overlap(*maps))


def _has_arrays(*records: Record) -> bool:
    return all(isinstance(record.get("arrays"), str) for record in records)


def _maps(runs: tuple[Results, Results], records: tuple[Record, Record]) -> list[Values]:
    for record, run in zip(records, "AB", strict=True):
        if record.get("status") != "ok":
            raise ImageError(f"failed in run {run}: {record.get('error', 'no reason is recorded')}")
    maps = [_map(*each) for each in zip(runs, records, "AB", strict=True)]
    if maps[0].shape != maps[1].shape:
        sizes = " and ".join("x".join(map(str, each.shape)) for each in maps)
        raise ImageError(f"the attributions differ in size: {sizes}")
    return maps


def _map(results: Results, record: Record, run: str) -> Values:
    if not _has_arrays(record):
        raise ImageError(f"run {run} has no arrays of it")
    attributions = read_array(results.folder, record["arrays"], "attributions")
    if attributions.ndim != 3 or attributions.dtype != np.float32 or not attributions.size:
        raise ImageError(f"{record['arrays']!r} of run {run} holds no attributions of an image")
    if not np.isfinite(attributions).all():
        raise ImageError(f"the attributions of run {run} are not finite")
    return channel_mean(attributions)
