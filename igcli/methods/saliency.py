"""Magnitudes of the gradients at the image.

Source: Simonyan, Vedaldi and Zisserman 2013 (arXiv 1312.6034), section 3.1, whose maps are the
largest magnitudes over the channels: so are the pictures here.
"""

import numpy as np

from igcli.integration.options import PathOptions
from igcli.integration.requests import Work, gradients_at
from igcli.methods import Task
from igcli.records import Explanation

HEADING = "Saliency"
FROM_BASELINE = False
INTERIOR = False
REFINED = None


def attribute(task: Task, _options: PathOptions) -> Work[Explanation]:
    """Return the absolute value of the gradient at the image."""
    [found] = yield from gradients_at([task.image], task.target)
    return Explanation(
        method="saliency",
        target=task.target,
        baseline=task.baseline,
        attributions=np.abs(found.gradients),
        score=float(found.scores[0]),
        baseline_score=task.baseline_score,
        alphas=np.ones(1),
        scores=found.scores,
        evaluations=1,
        complete=False,
        takes_max=task.image.ndim == 3,
    )
