"""What the test says of each method: means over images, and whether attributions change.

The verdict is on the last stage of the cascading mode, where the whole network is randomized: what
is still similar there does not come from the weights. One layer alone may matter little, as a
branch beside a shortcut does, so the independent mode is judged by its median over the layers.

Source: Adebayo et al. 2018 (arXiv 1810.03292), section 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean, median

from igcli.options import setting
from igcli.sanity.randomization import Outcome, TestedImage
from igcli.sanity.similarity import Similarity, mean_similarity
from igcli.sanity.stages import Mode, Stage

NOTHING = "no image could be attributed by the network as it is, so nothing was compared"

UNATTRIBUTED = "no image could be attributed by the randomized networks, so nothing was compared"

FLAT = (
    "the attributions are flat (one value everywhere) before or after, at every stage, so nothing "
    "shows that they depend on the weights; if the scores are saturated, set "
    f"{setting('explain', 'logit')}"
)


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

    @property
    def is_comparable(self) -> bool:
        """Whether the attributions of some image are flat neither before nor at this stage."""
        return self.mean.ssim is not None

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
        comparable = [row for row in rows if row.is_comparable]
        if not comparable:
            reason = FLAT if any(row.images for row in rows) else UNATTRIBUTED
            return _Verdict(False, start + reason)
        where, figures = self._figures(mode, comparable)
        above = [
            f"{name} is {value:z.4f}, above {limit:g}"
            for name, value, limit in figures
            if value > limit
        ]
        if above:
            text = f"{start}the attributions do not change: {where}, {' and '.join(above)}"
            return _Verdict(False, text)
        within = (f"{name} is {value:z.4f} (limit {limit:g})" for name, value, limit in figures)
        return _Verdict(
            True,
            f"{start}passed: the attributions depend on the weights: {where}, "
            f"{' and '.join(within)}",
        )

    def _figures(
        self, mode: Mode, rows: Sequence[Row]
    ) -> tuple[str, Sequence[tuple[str, float, float]]]:
        """Return where a mode is judged, and the name, value and limit of both figures there.

        Args:
            mode: The mode.
            rows: Its stages that can be compared, those nearest to the output first.
        """
        if mode == "cascading":
            number = rows[-1].stage.number
            where = f"with {number:,} of {len(self.layers):,} layers randomized"
            if number < len(self.layers):
                where += " (with more, the attributions are flat)"
            kind, judged = "", rows[-1:]
        else:
            where, kind, judged = "with one layer randomized at a time", "median ", rows
        means = [row.mean.record() for row in judged]
        limits = (
            ("rank correlation", "rank_correlation", self.thresholds.max_correlation),
            ("SSIM", "ssim", self.thresholds.max_ssim),
        )
        return where, [
            (kind + name, median(mean[key] or 0.0 for mean in means), limit)
            for name, key, limit in limits
        ]

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
