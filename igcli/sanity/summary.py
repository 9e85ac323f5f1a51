"""What the test says of each method: means over images, and whether attributions change."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

from igcli.sanity.randomization import Outcome, TestedImage
from igcli.sanity.similarity import Similarity, mean_similarity
from igcli.sanity.stages import Mode, Stage

NOTHING = "no image could be attributed by the network as it is, so nothing was compared"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Similarities above which attributions count as unchanged.

    Attributes:
        max_correlation: Rank correlation, with signs.
        max_ssim: Structural similarity.
    """

    max_correlation: float = 0.5
    max_ssim: float = 0.5


@dataclass(frozen=True, slots=True)
class Row:
    """A method at one stage.

    Attributes:
        method: Name of the method.
        stage: The stage.
        mean: Mean similarity over the images.
        images: Number of images compared.
        flat: Number of images with flat attributions, before or at this stage.
        score: Mean score of the targets by the randomized network; None without images.
    """

    method: str
    stage: Stage
    mean: Similarity
    images: int
    flat: int
    score: float | None

    def record(self) -> dict[str, object]:
        """Return the row for JSON."""
        return {
            "method": self.method,
            **self.stage.record(),
            "images": self.images,
            "flat": self.flat,
            "randomized_score": self.score,
            **self.mean.record(),
        }


def rows_of(outcomes: Sequence[Outcome], methods: Sequence[str], stage: Stage) -> list[Row]:
    """Return the rows of a stage, one for each method."""
    attributed = [outcome for outcome in outcomes if not outcome.failure]
    score = fmean(outcome.score for outcome in attributed) if attributed else None
    rows = []
    for method in methods:
        values = [outcome.similarities[method] for outcome in attributed]
        flat = sum(not one.is_defined for one in values)
        rows.append(Row(method, stage, mean_similarity(values), len(values), flat, score))
    return rows


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What the test says of a method in one mode.

    Attributes:
        passed: Whether its attributions change.
        text: One line.
    """

    passed: bool
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """The whole test.

    Attributes:
        layers: Names of all layers of the network, those nearest to the output first.
        images: The images.
        rows: The methods at each stage.
        controls: Mean similarity by control.
        thresholds: Similarities above which attributions count as unchanged.
        failed_stages: Number of images that failed at a stage, counted once a stage.
    """

    layers: Sequence[str]
    images: Sequence[TestedImage]
    rows: Sequence[Row]
    controls: dict[str, Similarity]
    thresholds: Thresholds = field(default_factory=Thresholds)
    failed_stages: int = 0

    @property
    def failed(self) -> int:
        """Number of images that could not be attributed by the network as it is."""
        return sum(bool(image.failure) for image in self.images)

    @property
    def passed(self) -> bool:
        """Whether every image was attributed and every method's attributions change."""
        return not (self.failed or self.failed_stages or self.findings())

    def findings(self) -> list[str]:
        """Return a line for each method and mode in which attributions do not change."""
        if self.failed == len(self.images):
            return [NOTHING]
        return [verdict.text for verdict in self._verdicts() if not verdict.passed]

    def changes(self) -> list[str]:
        """Return a line for each method and mode in which attributions change."""
        return [verdict.text for verdict in self._verdicts() if verdict.passed]

    def _verdicts(self) -> list[_Verdict]:
        groups: dict[tuple[str, Mode], list[Row]] = {}
        for row in self.rows:
            groups.setdefault((row.method, row.stage.mode), []).append(row)
        return [self._verdict(*key, rows) for key, rows in groups.items()]

    def _verdict(self, method: str, mode: Mode, rows: Sequence[Row]) -> _Verdict:
        start = f"{method}, {mode}: "
        limits = (
            ("rank correlation", "rank_correlation", self.thresholds.max_correlation),
            ("SSIM", "ssim", self.thresholds.max_ssim),
        )
        falls = []
        for name, key, limit in limits:
            values = [row.mean.record()[key] for row in rows]
            defined = [value for value in values if value is not None]
            if not defined:
                return _Verdict(
                    False,
                    f"{start}nothing can be compared: the attributions are flat at every stage, or "
                    "no image was attributed there",
                )
            if min(defined) > limit:
                return _Verdict(
                    False,
                    f"{start}the attributions do not change: {name} {min(defined):.4f} or more at "
                    f"every stage, above {limit:g}",
                )
            falls.append(f"{name} falls to {min(defined):.4f} (limit {limit:g})")
        return _Verdict(
            True,
            f"{start}passed: the attributions depend on the weights: with random ones, "
            f"{' and '.join(falls)}",
        )

    def record(self) -> dict[str, object]:
        """Return the summary for JSON."""
        return {
            "images": len(self.images),
            "failed": self.failed,
            "failed_stages": self.failed_stages,
            "layers": list(self.layers),
            "stages": [row.record() for row in self.rows],
            "controls": {name: values.record() for name, values in self.controls.items()},
            "max_correlation": self.thresholds.max_correlation,
            "max_ssim": self.thresholds.max_ssim,
            "findings": self.findings(),
        }
