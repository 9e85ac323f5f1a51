"""Grad-CAM++: channels, weighted by means of their positive gradients that favour strong positions.

Source: Chattopadhay, Sarkar, Howlader and Balasubramanian 2018 (arXiv 1710.11063), equations 10,
19 and 20. Equation 19 is the closed form of the weights for the score exp(S), of which S is the
explained score and piecewise linear in the values: the second and third derivatives of exp(S) are
then powers of the gradient of S. The factor exp(S) in equation 10 scales the whole map and is left
out, as it is in the authors' and all other implementations. S is the logit in the paper: `explain:
logit` gives its maps.
"""

import numpy as np

from igcli.integration.options import PathOptions
from igcli.integration.requests import Computation
from igcli.methods import Task
from igcli.methods._class_activation import Double, explain_at_layer
from igcli.methods._options import GradCamPlusPlusOptions
from igcli.records import Explanation

HEADING = "Grad-CAM++"
USES_BASELINE = False
INTERIOR = False
REFINABLE = None


def attribute(task: Task, options: PathOptions) -> Computation[Explanation]:
    """Return the positive part of the weighted sum of the channels.

    Raises:
        ValueError: The input is not an image.
    """
    return explain_at_layer("grad_cam_plus_plus", task, options, GradCamPlusPlusOptions, _map)


def _map(values: Double, gradients: Double) -> Double:
    # Equation 19, both sides divided by the square of the gradient.
    denominator = 2 + values.sum((0, 1)) * gradients
    is_defined = (gradients != 0) & (denominator != 0)
    alphas = np.divide(1, denominator, out=np.zeros_like(gradients), where=is_defined)
    weighted: Double = values @ (alphas * np.maximum(gradients, 0)).sum((0, 1))
    return weighted
