"""The mean of explanations that differ in their baselines."""

from dataclasses import replace

import numpy as np

from igcli.records import Explanation

_NONE = np.empty(0, np.float32)


class Mean:
    """Adds explanations in order.

    Path, scores along it, interior gradients and baseline are those of the first; the baseline's
    score is the mean, so that completeness is that of the mean attributions.
    """

    def __init__(self) -> None:
        self._found: list[Explanation] = []
        self._total = np.zeros(())

    def add(self, explanation: Explanation) -> None:
        """Add one; of all but the first the arrays are let go."""
        if self._found:
            before = self._found[0].attributions if len(self._found) == 1 else self._total
            self._total = before.astype(np.float64) + explanation.attributions
        lean = replace(explanation, attributions=_NONE, baseline=_NONE, interior=None)
        self._found.append(lean if self._found else explanation)

    def result(self) -> Explanation:
        """Return the mean; a single one is returned as it is."""
        first, count = self._found[0], len(self._found)
        if count == 1:
            return first
        warnings = [warning for each in self._found for warning in each.warnings]
        return replace(
            first,
            attributions=(self._total / count).astype(np.float32),
            baseline_score=sum(each.baseline_score for each in self._found) / count,
            evaluations=sum(each.evaluations for each in self._found),
            warnings=tuple(dict.fromkeys(warnings)),
        )
