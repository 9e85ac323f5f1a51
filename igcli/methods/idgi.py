"""Integrated gradients shared out by the part of each step that changes the score.

Source: Yang, Wang and Bilgic 2023 (arXiv 2303.14242), algorithm 1.
"""

import numpy as np

from igcli.integration.options import PathOptions
from igcli.integration.requests import MOST_KEPT, Line, Work, follow
from igcli.methods import Task
from igcli.methods._steps import whole_steps
from igcli.records import Array, Explanation

HEADING = "IDGI"
FROM_BASELINE = True
INTERIOR = False
REFINED = False


def attribute(task: Task, options: PathOptions) -> Work[Explanation]:
    """Return the score's change of each step, shared out by the squared gradients at its start."""
    alphas = np.linspace(0.0, 1.0, whole_steps(options, "idgi") + 1)
    direction = task.image - task.baseline
    shares = _Shares(task.image)
    for first in range(0, len(alphas), MOST_KEPT):
        part = alphas[first : first + MOST_KEPT]
        [found] = yield from follow(Line(task.baseline, direction, task.target, part))
        for gradient, score in zip(found.gradients, found.scores, strict=True):
            shares.add(gradient, float(score))
    return Explanation(
        method="idgi",
        target=task.target,
        baseline=task.baseline,
        attributions=shares.total.astype(np.float32),
        score=shares.scores[-1],
        baseline_score=shares.scores[0],
        alphas=alphas,
        scores=np.array(shares.scores, np.float32),
        evaluations=len(alphas),
        complete=True,
    )


class _Shares:
    """Shares out the changes of the score, one point after the other."""

    def __init__(self, image: Array) -> None:
        self.total = np.zeros(image.shape)
        self.scores: list[float] = []
        self._squares = np.zeros(image.shape)

    def add(self, gradient: Array, score: float) -> None:
        """Share out the change since the last point by the squared gradients there."""
        norm = self._squares.sum()
        if self.scores and norm > 0:
            self.total += (score - self.scores[-1]) / norm * self._squares
        self.scores.append(score)
        self._squares = gradient.astype(np.float64) ** 2
