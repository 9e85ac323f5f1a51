"""Share of the K most attributed pixels that lies on the object of K pixels: large is good.

Source: Arras, Osman and Samek 2022 (arXiv 2003.07258), "relevance rank accuracy". Pixels are
ordered by the sum of their attributions over the channels, in descending order, ties by position.
"""

from igcli.integration.requests import Computation
from igcli.metrics import Measurement, MetricOptions, Subject
from igcli.metrics._masked import on_object
from igcli.metrics._shared import ranks

HEADING = "Rank inside"
HIGHER_IS_BETTER = True
NEEDS_MASK = True
NEEDS_NETWORK = False
COMPARES_SCALES = False


def measure(subject: Subject, options: MetricOptions) -> Computation[Measurement]:
    """Return the share of the first ranks inside the mask."""
    yield from ()
    order = ranks(subject.attributions)
    return on_object(subject, lambda _, mask: Measurement(float((order[mask] < mask.sum()).mean())))
