"""Mean fall of the score as the most attributed regions are replaced first: large is good.

Source: Samek, Binder, Montavon, Lapuschkin and Müller 2017 (arXiv 1509.06321), area over the MoRF
perturbation curve: the mean of f(x) - f(x_k) over k = 0...L, where the first k regions of x_k are
replaced. As there, regions are squares of 9 pixels, L is 100, pixels become uniform random values
(0...255, each channel by itself), and the curve is averaged over 10 draws. The score is the
explained one. Regions are ordered by the sum of their attributions, ties by position.

Quantus 0.6 centres the grid of regions where it does not fill the image (here it starts at the top
left corner), replaces by the smallest value of the image, which it calls black, and returns the
falls without that of k = 0, which is zero.
"""

from igcli.integration.requests import Computation
from igcli.metrics import Measurement, MetricOptions, Subject
from igcli.metrics._regions import region_curve

HEADING = "AOPC"
HIGHER_IS_BETTER = True
NEEDS_MASK = False
NEEDS_NETWORK = True
COMPARES_SCALES = False


def measure(subject: Subject, options: MetricOptions) -> Computation[Measurement]:
    """Return the area over the perturbation curve, most relevant first."""
    curve = yield from region_curve(subject, options.aopc)
    return Measurement(float((curve.scores[0] - curve.scores).mean()), curve)
