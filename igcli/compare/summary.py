"""What comparisons come to, and a gate on them."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from igcli.compare.pairs import Comparison
from igcli.outputs.results import Results


@dataclass(frozen=True, slots=True)
class Agreement:
    """All comparisons of two runs.

    Attributes:
        comparisons: Those with the lowest correlations first, then those undefined, then failed.
        only_first: Number of images that the second run has no record of.
        only_second: Number of images that the first run has no record of.
    """

    comparisons: Sequence[Comparison]
    only_first: int
    only_second: int

    @property
    def failed(self) -> list[Comparison]:
        """Those that could not be made."""
        return [each for each in self.comparisons if each.reason]

    def below(self, least: float) -> list[Comparison]:
        """Return those whose correlation is below `least`, worst first."""
        return [
            each
            for each in self.comparisons
            if each.correlation is not None and each.correlation < least
        ]

    def record(self) -> dict[str, object]:
        """Return the summary as JSON has it."""
        made = [each for each in self.comparisons if not each.reason]
        correlations = [each.correlation for each in made if each.correlation is not None]
        overlaps = [each.overlap for each in made if each.overlap is not None]
        changes = [abs(each.change) for each in made if each.change is not None]
        return {
            "compared": len(made),
            "failed": len(self.failed),
            "only_a": self.only_first,
            "only_b": self.only_second,
            "rank_correlation": {
                "median": statistics.median(correlations) if correlations else None,
                "worst": min(correlations, default=None),
                "undefined": len(made) - len(correlations),
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


def sum_up(comparisons: Iterable[Comparison], first: Results, second: Results) -> Agreement:
    """Return the comparisons of two runs, sorted and counted."""
    return Agreement(
        sorted(comparisons, key=_badness),
        only_first=len(first.records.keys() - second.records.keys()),
        only_second=len(second.records.keys() - first.records.keys()),
    )


def _badness(comparison: Comparison) -> tuple[bool, bool, float, str]:
    correlation = comparison.correlation
    undefined = correlation is None
    return bool(comparison.reason), undefined, correlation or 0.0, comparison.image
