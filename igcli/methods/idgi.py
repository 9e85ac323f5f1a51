"""Important direction gradient integration: score changes, distributed by squared gradients.

Source: Yang, Wang and Bilgic 2023 (arXiv 2303.14242), algorithm 1.
"""

import numpy as np

from igcli.integration.options import PathOptions
from igcli.integration.requests import CHUNK_SIZE, Computation, Line, gradients_along
from igcli.methods import Task
from igcli.methods._shared import fixed_steps
from igcli.records import Array, Explanation

HEADING = "IDGI"
USES_BASELINE = True
INTERIOR = False
REFINABLE = False


def attribute(task: Task, options: PathOptions) -> Computation[Explanation]:
    """Return the sum of each step's score change, in proportion to squared gradients at its start.

    Raises:
        ValueError: The steps are "auto".
    """
    alphas = np.linspace(0.0, 1.0, fixed_steps(options, "idgi") + 1)
    direction = task.image - task.baseline
    distribution = _ScoreDistribution(task.image)
    for first in range(0, len(alphas), CHUNK_SIZE):
        chunk = alphas[first : first + CHUNK_SIZE]
        [on_line] = yield from gradients_along(Line(task.baseline, direction, task.target, chunk))
        for gradient, score in zip(on_line.gradients, on_line.scores, strict=True):
            distribution.add(gradient, float(score))
    return Explanation(
        method="idgi",
        target=task.target,
        baseline=task.baseline,
        attributions=distribution.total.astype(np.float32),
        score=distribution.scores[-1],
        baseline_score=distribution.scores[0],
        alphas=alphas,
        scores=np.array(distribution.scores, np.float32),
        evaluations=len(alphas),
        complete=True,
    )


class _ScoreDistribution:
    """Distributes the changes of the score among the pixels, point by point.

    Attributes:
        total: Float64, in the image's shape, the attributions so far.
        scores: The score at each point so far.
    """

    def __init__(self, image: Array) -> None:
        self.total = np.zeros(image.shape)
        self.scores: list[float] = []
        self._squares = np.zeros(image.shape)

    def add(self, gradient: Array, score: float) -> None:
        """Distribute the change since the previous point by the squared gradients at that point."""
        norm = self._squares.sum()
        if self.scores and norm > 0:
            self.total += (score - self.scores[-1]) / norm * self._squares
        self.scores.append(score)
        self._squares = gradient.astype(np.float64) ** 2
