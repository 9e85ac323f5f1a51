"""Relative gap between the attributions' sum and the change of the score: small is good.

It is the completeness error in the records of a run, 0 where the attributions add up to the score
minus the baseline's; undefined where these differ by less than 1e-6, and for methods that do not
promise it, such as gradients.

Source: Sundararajan, Taly and Yan 2017 (arXiv 1703.01365), proposition 1.
"""

import numpy as np

from igcli.integration.requests import Computation
from igcli.metrics import Measurement, MetricOptions, Subject
from igcli.records import SMALLEST_DIFFERENCE

HEADING = "Completeness error"
HIGHER_IS_BETTER = False
NEEDS_MASK = False
NEEDS_NETWORK = False
COMPARES_SCALES = True

NO_CHANGE = "undefined: the scores of the image and the baseline are equal"


def measure(subject: Subject, options: MetricOptions) -> Computation[Measurement]:
    """Return the completeness error."""
    yield from ()
    if not subject.complete:
        return Measurement(None)
    difference = subject.score - subject.baseline_score
    if abs(difference) < SMALLEST_DIFFERENCE:
        return Measurement(None, warnings=(NO_CHANGE,))
    total = float(subject.attributions.sum(dtype=np.float64))
    return Measurement(abs(total - difference) / abs(difference))
