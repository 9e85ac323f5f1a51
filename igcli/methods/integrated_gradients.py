"""Integrated gradients along the straight path from a baseline.

Source: Sundararajan, Taly and Yan 2017 (arXiv 1703.01365), equations 1 and 3.
"""

from igcli.methods import Task
from igcli.paths.frames import frames
from igcli.paths.options import PathOptions
from igcli.paths.quadrature import RULES
from igcli.paths.work import Line, Work, follow
from igcli.records import Explanation, Interior

HEADING = "Integrated gradients"
FROM_BASELINE = True
INTERIOR = True


def attribute(task: Task, options: PathOptions) -> Work[Explanation]:
    """Return (image - baseline) times the weighted mean of the gradients between them."""
    rule = RULES["trapezoid"](options.steps)
    direction = task.image - task.baseline
    shown = frames(rule.points) if task.interior else None
    [found] = yield from follow(
        Line(task.baseline, direction, task.target, rule.points, rule.weights, interior=shown)
    )
    interior = None
    if shown is not None and found.interior is not None:
        interior = Interior(rule.points[shown], found.interior)
    return Explanation(
        method="integrated_gradients",
        target=task.target,
        baseline=task.baseline,
        attributions=direction * found.gradients,
        score=float(found.scores[-1]),
        baseline_score=float(found.scores[0]),
        alphas=rule.points,
        scores=found.scores,
        evaluations=len(rule.points),
        complete=True,
        interior=interior,
    )
