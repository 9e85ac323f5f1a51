"""LayerCAM: each value times the positive part of its own gradient, summed over the channels.

Source: Jiang, Zhang, Hou, Cheng and Wei 2021 (LayerCAM: Exploring Hierarchical Class Activation
Maps for Localization, IEEE Transactions on Image Processing 30), equations 6 to 8. The paper's
score is the logit: `explain: logit` gives its maps. It is made for earlier layers too (`layer`).
"""

import numpy as np

from igcli.integration.options import PathOptions
from igcli.integration.requests import Computation
from igcli.methods import Task
from igcli.methods._class_activation import Double, explain_at_layer
from igcli.methods._options import LayerCamOptions
from igcli.records import Explanation

HEADING = "LayerCAM"
USES_BASELINE = False
INTERIOR = False
REFINABLE = None


def attribute(task: Task, options: PathOptions) -> Computation[Explanation]:
    """Return the positive part of the sum over the channels of values times positive gradients.

    Raises:
        ValueError: The input is not an image.
    """
    return explain_at_layer("layer_cam", task, options, LayerCamOptions, _map)


def _map(values: Double, gradients: Double) -> Double:
    products: Double = (values * np.maximum(gradients, 0)).sum(-1)
    return products
