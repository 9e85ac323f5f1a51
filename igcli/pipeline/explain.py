"""From one input to its explanations, whatever the method."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from igcli import methods
from igcli.methods import Task
from igcli.paths.options import PathOptions
from igcli.paths.starts import starts
from igcli.paths.work import Work, predict
from igcli.records import Array, Explanation

UNDEFINED = "completeness error undefined: the score differs from the baseline's by less than 1e-6"


def explain(
    image: Array, names: Sequence[str], options: PathOptions, *, interior: bool = False
) -> Work[list[Explanation]]:
    """Explain the top score of one input by each of the methods named.

    Args:
        image: Float32, shape of the network's input, in pixel space.
        names: Methods.
        options: The path.
        interior: Whether interior gradients of the first method are wanted.
    """
    [scores] = yield from predict(image)
    baseline = starts(options.baseline, seed=options.seed).of(image)
    found = []
    for place, name in enumerate(names):
        task = Task(image, baseline, int(np.argmax(scores)), interior and place == 0)
        explanation = yield from methods.load(name).attribute(task, options)
        found.append(_with_warnings(explanation))
    return found


def _with_warnings(explanation: Explanation) -> Explanation:
    if explanation.complete and explanation.completeness_error is None:
        return replace(explanation, warnings=(*explanation.warnings, UNDEFINED))
    return explanation
