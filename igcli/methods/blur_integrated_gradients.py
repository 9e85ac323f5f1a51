"""Integrated gradients along the path from the blurred image to the sharp one.

Source: Xu, Venugopalan and Sundararajan 2020 (arXiv 2004.03383), equation 5.
"""

import numpy as np

from igcli.methods import Task, own
from igcli.methods._options.blur_integrated_gradients import BlurOptions
from igcli.methods._steps import whole_steps
from igcli.paths.gaussian import Blur
from igcli.paths.options import PathOptions
from igcli.paths.work import MOST_KEPT, Work, gradients_at
from igcli.records import Array, Explanation

HEADING = "Blur integrated gradients"
FROM_BASELINE = False
INTERIOR = False


def attribute(task: Task, options: PathOptions) -> Work[Explanation]:
    """Return the integral of the gradients along ever weaker blur, by the trapezoid rule.

    Raises:
        ValueError: The input is no image (H, W, C).
    """
    alphas = np.linspace(0.0, 1.0, whole_steps(options) + 1)
    sigmas = (1 - alphas) * own(options, BlurOptions).max_sigma
    blur = Blur(task.image)
    total = np.zeros(task.image.shape)
    scores = np.empty(len(sigmas), np.float32)
    gathered = np.zeros(len(sigmas))
    for first in range(0, len(sigmas), MOST_KEPT):
        # The points of this part, with a neighbour on either side.
        sides = np.clip(np.arange(first - 1, first + MOST_KEPT + 1), 0, len(sigmas) - 1)
        points: list[Array] = [blur.by(sigma) for sigma in sigmas[sides]]
        inside = points[1:-1][: len(sigmas) - first]
        found = yield from gradients_at(inside, task.target)
        for place, each in enumerate(found):
            scores[first + place] = each.scores[0]
            if task.gathered:
                half = each.gradients * ((points[place + 1] - points[place]) / 2)
                gathered[first + place] = (total + half).sum()
            total += each.gradients * ((points[place + 2] - points[place]) / 2)
    return Explanation(
        method="blur_integrated_gradients",
        target=task.target,
        baseline=blur.by(sigmas[0]),
        attributions=total.astype(np.float32),
        score=float(scores[-1]),
        baseline_score=float(scores[0]),
        alphas=alphas,
        scores=scores,
        evaluations=len(sigmas),
        complete=True,
        gathered=scores[0] + gathered if task.gathered else None,
    )
