"""Magnitudes of the gradients at the image.

Source: Simonyan, Vedaldi and Zisserman 2013 (arXiv 1312.6034), section 3.1. Its maps are the
largest magnitude over the channels, and so are the pictures here.
"""

import numpy as np

from igcli.integration.options import PathOptions
from igcli.integration.requests import Computation
from igcli.methods import Task
from igcli.methods._shared import explain_at_image
from igcli.records import Explanation

HEADING = "Saliency"
USES_BASELINE = False
INTERIOR = False
REFINABLE = None
TAKES_MAX = True


def attribute(task: Task, _options: PathOptions) -> Computation[Explanation]:
    """Return the absolute value of the gradient at the image."""
    return explain_at_image("saliency", task, np.abs, takes_max=TAKES_MAX and task.image.ndim == 3)
