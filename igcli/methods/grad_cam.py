"""Gradient-weighted class activation maps: channels, weighted by their mean gradients.

Source: Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra 2017 (arXiv 1610.02391), equations 1
and 2. The paper's score is the logit, before the softmax: `explain: logit` gives its maps.
"""

from igcli.integration.options import PathOptions
from igcli.integration.requests import Computation
from igcli.methods import Task
from igcli.methods._class_activation import Double, explain_at_layer
from igcli.methods._options import GradCamOptions
from igcli.records import Explanation

HEADING = "Grad-CAM"
USES_BASELINE = False
INTERIOR = False
REFINABLE = None


def attribute(task: Task, options: PathOptions) -> Computation[Explanation]:
    """Return the positive part of the sum of channels, each times the mean of its gradients.

    Raises:
        ValueError: The input is not an image.
    """
    return explain_at_layer("grad_cam", task, options, GradCamOptions, _map)


def _map(values: Double, gradients: Double) -> Double:
    weighted: Double = values @ gradients.mean((0, 1))
    return weighted
