"""Gradients at the image, times the image or alone.

Source: Shrikumar, Greenside, Shcherbina and Kundaje 2016 (arXiv 1605.01713), section 2.
"""

from igcli.integration.options import PathOptions
from igcli.integration.requests import Computation
from igcli.methods import Task, own_options
from igcli.methods._options import GradientsOptions
from igcli.methods._shared import explain_at_image
from igcli.records import Array, Explanation

HEADING = "Gradients at image"
USES_BASELINE = False
INTERIOR = False
REFINABLE = None


def attribute(task: Task, options: PathOptions) -> Computation[Explanation]:
    """Return the gradient at the image, times the image unless the options say otherwise."""
    multiply = own_options(options, GradientsOptions).multiply_by_input

    def attributions_of(gradient: Array) -> Array:
        return task.image * gradient if multiply else gradient

    return explain_at_image("gradients", task, attributions_of)
