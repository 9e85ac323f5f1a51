"""Integrated gradients along the straight path from a baseline.

Source: Sundararajan, Taly and Yan 2017 (arXiv 1703.01365), equations 1 and 3.
"""

from igcli.integration import adaptive, fixed
from igcli.integration.integral import Segment
from igcli.integration.options import PathOptions
from igcli.integration.quadrature import RULES
from igcli.integration.requests import Work
from igcli.methods import Task, own
from igcli.methods._options.integrated_gradients import IntegratedOptions
from igcli.records import Explanation

HEADING = "Integrated gradients"
FROM_BASELINE = True
INTERIOR = True
REFINED = True


def attribute(task: Task, options: PathOptions) -> Work[Explanation]:
    """Return the mean of the gradients between baseline and image, times their difference."""
    multiplied = own(options, IntegratedOptions).multiply_by_input
    segment = Segment(
        task.baseline,
        task.image,
        task.target,
        interior=task.interior,
        gathered=task.gathered,
        multiplied=multiplied,
    )
    if options.steps == "auto":
        found = yield from adaptive.integrate(segment, options)
    else:
        found = yield from fixed.integrate(segment, RULES[options.rule](options.steps))
    return Explanation(
        method="integrated_gradients",
        target=task.target,
        baseline=task.baseline,
        attributions=found.attributions,
        score=found.end_score,
        baseline_score=found.start_score,
        alphas=found.alphas,
        scores=found.scores,
        evaluations=found.evaluations,
        complete=multiplied,
        interior=found.interior,
        gathered=found.gathered,
        warnings=found.warnings,
    )
