"""Integrated gradients along the path from the blurred image to the sharp one.

Source: Xu, Venugopalan and Sundararajan 2020 (arXiv 2004.03383), equation 5.
"""

import numpy as np

from igcli.integration import curved
from igcli.integration.curved import CurvedIntegral, Path
from igcli.integration.gaussian import Blur
from igcli.integration.options import PathOptions
from igcli.integration.quadrature import RULES
from igcli.integration.requests import MOST_KEPT, Work, gradients_at
from igcli.methods import Task, own
from igcli.methods._options.blur_integrated_gradients import BlurOptions
from igcli.records import Array, Explanation

HEADING = "Blur integrated gradients"
FROM_BASELINE = False
INTERIOR = False
REFINED = True


def attribute(task: Task, options: PathOptions) -> Work[Explanation]:
    """Return the integral of the gradients along ever weaker blur, by the trapezoid rule.

    Not multiplied by how the image changes on the way, it is the mean of the gradients.

    Raises:
        ValueError: The input is no image (H, W, C).
    """
    chosen = own(options, BlurOptions)
    blur = Blur(task.image, edges=chosen.edges)

    def path(alpha: float) -> Array:
        return blur.by((1 - alpha) * chosen.max_sigma)

    if options.steps == "auto":
        found = yield from curved.integrate(path, task.target, options)
    else:
        found = yield from _equally(path, task, options.steps)
    total = found.products if chosen.multiply_by_input else found.mean
    gathered = np.cumsum(np.concatenate([found.scores[:1], found.sums]))
    return Explanation(
        method="blur_integrated_gradients",
        target=task.target,
        baseline=path(0.0),
        attributions=total.astype(np.float32),
        score=float(found.scores[-1]),
        baseline_score=float(found.scores[0]),
        alphas=found.alphas,
        scores=found.scores.astype(np.float32),
        evaluations=found.evaluations,
        complete=chosen.multiply_by_input,
        gathered=gathered if task.gathered else None,
        warnings=found.warnings,
    )


def _equally(path: Path, task: Task, steps: int) -> Work[CurvedIntegral]:
    """Return the integral over intervals of equal width."""
    alphas, weights = np.linspace(0.0, 1.0, steps + 1), RULES["trapezoid"](steps).weights
    total, mean = np.zeros(task.image.shape), np.zeros(task.image.shape)
    scores, gathered = np.empty(len(alphas)), np.zeros(len(alphas))
    for first in range(0, len(alphas), MOST_KEPT):
        # The points of this part, with a neighbour on either side.
        sides = np.clip(np.arange(first - 1, first + MOST_KEPT + 1), 0, len(alphas) - 1)
        points: list[Array] = [path(alpha) for alpha in alphas[sides]]
        inside = points[1:-1][: len(alphas) - first]
        found = yield from gradients_at(inside, task.target)
        for place, each in enumerate(found):
            scores[first + place] = each.scores[0]
            before = each.gradients * ((points[place + 1] - points[place]) / 2)
            gathered[first + place] = (total + before).sum()
            total += each.gradients * ((points[place + 2] - points[place]) / 2)
            mean += each.gradients * weights[first + place]
    sums = np.diff(gathered)
    return CurvedIntegral(total, mean, alphas, scores, sums, len(alphas), warnings=())
