"""Integrated gradients along the straight path from a baseline.

Source: Sundararajan, Taly and Yan 2017 (arXiv 1703.01365), equations 1 and 3.
"""

from igcli.integration import adaptive, fixed
from igcli.integration.integral import Segment
from igcli.integration.options import PathOptions
from igcli.integration.quadrature import RULES
from igcli.integration.requests import Computation
from igcli.methods import Task, own_options
from igcli.methods._options import IntegratedOptions
from igcli.records import Explanation

HEADING = "Integrated gradients"
USES_BASELINE = True
INTERIOR = True
REFINABLE = True


def attribute(task: Task, options: PathOptions) -> Computation[Explanation]:
    """Return the mean of the gradients between baseline and image, times their difference."""
    multiply = own_options(options, IntegratedOptions).multiply_by_input
    segment = Segment(
        task.baseline,
        task.image,
        task.target,
        interior=task.interior,
        gathered=task.gathered,
        multiplied=multiply,
    )
    if options.steps == "auto":
        integral = yield from adaptive.integrate(segment, options)
    else:
        integral = yield from fixed.integrate(segment, RULES[options.rule](options.steps))
    return Explanation(
        method="integrated_gradients",
        target=task.target,
        baseline=task.baseline,
        attributions=integral.attributions,
        score=integral.end_score,
        baseline_score=integral.start_score,
        alphas=integral.alphas,
        scores=integral.scores,
        evaluations=integral.evaluations,
        complete=multiply,
        interior=integral.interior,
        gathered=integral.gathered,
        warnings=integral.warnings,
    )
