"""HiResCAM: each value times its own gradient, summed over the channels.

Source: Draelos and Carin 2020 (arXiv 2011.08891), equation 5. The paper's score is the logit:
`explain: logit` gives its maps. If the network ends in a single dense layer after the layer
(flattened, or its mean), the map without its negative part then sums to the logit but for the bias.
"""

from igcli.integration.options import PathOptions
from igcli.integration.requests import Computation
from igcli.methods import Task
from igcli.methods._class_activation import Double, explain_at_layer
from igcli.methods._options import HiResCamOptions
from igcli.records import Explanation

HEADING = "HiResCAM"
USES_BASELINE = False
INTERIOR = False
REFINABLE = None


def attribute(task: Task, options: PathOptions) -> Computation[Explanation]:
    """Return the positive part of the sum over the channels of values times gradients.

    Raises:
        ValueError: The input is not an image.
    """
    return explain_at_layer("hires_cam", task, options, HiResCamOptions, _map)


def _map(values: Double, gradients: Double) -> Double:
    products: Double = (values * gradients).sum(-1)
    return products
