"""Integrated gradients along the path from the blurred image to the sharp one.

Source: Xu, Venugopalan and Sundararajan 2020 (arXiv 2004.03383), equation 5.
"""

import numpy as np

from igcli.integration import curved
from igcli.integration.curved import CurvedIntegral, Path
from igcli.integration.gaussian import Blur
from igcli.integration.options import PathOptions
from igcli.integration.quadrature import RULES
from igcli.integration.requests import CHUNK_SIZE, Computation, gradients_at
from igcli.methods import Task, own_options
from igcli.methods._options import BlurOptions
from igcli.records import Array, Explanation

HEADING = "Blur integrated gradients"
USES_BASELINE = False
INTERIOR = False
REFINABLE = True


def attribute(task: Task, options: PathOptions) -> Computation[Explanation]:
    """Return the integral of the gradients along ever weaker blur, by the trapezoid rule.

    Without `multiply_by_input` the attributions are the mean of the gradients along the path.

    Raises:
        ValueError: The input is not an image (H, W, C).
    """
    own = own_options(options, BlurOptions)
    blur = Blur(task.image, edges=own.edges)

    def path(alpha: float) -> Array:
        return blur.by((1 - alpha) * own.max_sigma)

    if options.steps == "auto":
        integral = yield from curved.integrate(path, task.target, options)
    else:
        integral = yield from _equal_steps(path, task, options.steps)
    attributions = integral.products if own.multiply_by_input else integral.mean
    gathered = np.cumsum(np.concatenate([integral.scores[:1], integral.sums]))
    return Explanation(
        method="blur_integrated_gradients",
        target=task.target,
        baseline=path(0.0),
        attributions=attributions.astype(np.float32),
        score=float(integral.scores[-1]),
        baseline_score=float(integral.scores[0]),
        alphas=integral.alphas,
        scores=integral.scores.astype(np.float32),
        evaluations=integral.evaluations,
        complete=own.multiply_by_input,
        gathered=gathered if task.gathered else None,
        warnings=integral.warnings,
    )


def _equal_steps(path: Path, task: Task, steps: int) -> Computation[CurvedIntegral]:
    """Return the integral over intervals of equal width."""
    alphas, weights = np.linspace(0.0, 1.0, steps + 1), RULES["trapezoid"](steps).weights
    total, mean = np.zeros(task.image.shape), np.zeros(task.image.shape)
    scores, gathered = np.empty(len(alphas)), np.zeros(len(alphas))
    for first in range(0, len(alphas), CHUNK_SIZE):
        # The points of this chunk, with a neighbour on either side.
        indices = np.clip(np.arange(first - 1, first + CHUNK_SIZE + 1), 0, len(alphas) - 1)
        points: list[Array] = [path(alpha) for alpha in alphas[indices]]
        inner_points = points[1:-1][: len(alphas) - first]
        at_points = yield from gradients_at(inner_points, task.target)
        for place, at_point in enumerate(at_points):
            scores[first + place] = at_point.scores[0]
            up_to_point = at_point.gradients * ((points[place + 1] - points[place]) / 2)
            gathered[first + place] = (total + up_to_point).sum()
            total += at_point.gradients * ((points[place + 2] - points[place]) / 2)
            mean += at_point.gradients * weights[first + place]
    sums = np.diff(gathered)
    return CurvedIntegral(total, mean, alphas, scores, sums, len(alphas), warnings=())
