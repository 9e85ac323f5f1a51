"""Mean fall of the score as the least attributed regions are replaced first: small is good.

Source: Samek, Binder, Montavon, Lapuschkin and Müller 2017 (arXiv 1509.06321), LeRF. All else, and
the options, are those of `aopc`; the difference of the two is the area between both curves.
"""

from igcli.integration.requests import Computation
from igcli.metrics import Measurement, MetricOptions, Subject
from igcli.metrics._regions import region_curve

HEADING = "AOPC, least first"
HIGHER_IS_BETTER = False
NEEDS_MASK = False
NEEDS_NETWORK = True
COMPARES_SCALES = False


def measure(subject: Subject, options: MetricOptions) -> Computation[Measurement]:
    """Return the area over the perturbation curve, least relevant first."""
    curve = yield from region_curve(subject, options.aopc, smallest_first=True)
    return Measurement(float((curve.scores[0] - curve.scores).mean()), curve)
