"""Gradients at the image, times the image or alone.

Source: Shrikumar, Greenside, Shcherbina and Kundaje 2016 (arXiv 1605.01713), section 2.
"""

import numpy as np

from igcli.integration.options import PathOptions
from igcli.integration.requests import Work, gradients_at
from igcli.methods import Task, own
from igcli.methods._options.gradients import GradientsOptions
from igcli.records import Explanation

HEADING = "Gradients at image"
FROM_BASELINE = False
INTERIOR = False
REFINED = None


def attribute(task: Task, options: PathOptions) -> Work[Explanation]:
    """Return the gradient at the image, times the image where asked."""
    multiplied = own(options, GradientsOptions).multiply_by_input
    [found] = yield from gradients_at([task.image], task.target)
    return Explanation(
        method="gradients",
        target=task.target,
        baseline=task.baseline,
        attributions=task.image * found.gradients if multiplied else found.gradients,
        score=float(found.scores[0]),
        baseline_score=task.baseline_score,
        alphas=np.ones(1),
        scores=found.scores,
        evaluations=1,
        complete=False,
    )
