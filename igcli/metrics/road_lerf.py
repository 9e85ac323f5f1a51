"""Mean accuracy as the least attributed pixels are removed and imputed: large is good.

Source: Rong, Leemann, Borisov, Kasneci and Kasneci 2022 (arXiv 2202.00449), ROAD, least relevant
first. All else, and the options, are those of `road`; here, too, the share is that of the removed
pixels, while it is that of those left in the authors' code.
"""

from igcli.integration.requests import Computation
from igcli.metrics import Measurement, MetricOptions, Subject
from igcli.metrics._imputation import removal_curve

HEADING = "ROAD, least first"
HIGHER_IS_BETTER = True
NEEDS_MASK = False
NEEDS_NETWORK = True
COMPARES_SCALES = False


def measure(subject: Subject, options: MetricOptions) -> Computation[Measurement]:
    """Return the mean over the shares, least relevant first."""
    return (yield from removal_curve(subject, options.road, smallest_first=True))
