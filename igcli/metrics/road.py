"""Mean accuracy as the most attributed pixels are removed and imputed: small is good.

Source: Rong, Leemann, Borisov, Kasneci and Kasneci 2022 (arXiv 2202.00449), ROAD, most relevant
first: a share of the pixels is removed, each becomes the weighted mean of its neighbours, removed
ones included, with a little noise, and the accuracy is held against the share. The value is the
mean over 10%, 20%, ... 90%, as in pytorch-grad-cam (the authors leave out 60% and 80%; Quantus 0.6
takes 1%, 3%, ... 99% by default and single values in place of pixels). The accuracy of one image is
1 where the target has the largest score; `measure: score` takes the explained score, as the authors
do beside it. The noise is that of their code. Pixels are ordered by the sum of their attributions
over the channels, ties by position (by chance in their code).
"""

from igcli.integration.requests import Computation
from igcli.metrics import Measurement, MetricOptions, Subject
from igcli.metrics._imputation import removal_curve

HEADING = "ROAD"
HIGHER_IS_BETTER = False
NEEDS_MASK = False
NEEDS_NETWORK = True
COMPARES_SCALES = False


def measure(subject: Subject, options: MetricOptions) -> Computation[Measurement]:
    """Return the mean over the shares, most relevant first."""
    return (yield from removal_curve(subject, options.road, smallest_first=False))
