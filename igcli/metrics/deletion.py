"""Area under the score as the most attributed pixels are replaced first: small is good.

Source: Petsiuk, Das and Saenko 2018 (arXiv 1806.07421), section 4.1; there pixels become black.
Pixels are ordered by the sum of their attributions over the channels, in descending order, ties by
position. The score is the explained one, and the area is not normalized.
"""

from igcli.integration.requests import Computation
from igcli.metrics import Measurement, MetricOptions, Subject
from igcli.metrics._shared import area, replacement_curve, replacement_for

HEADING = "Deletion"
HIGHER_IS_BETTER = False
NEEDS_MASK = False
NEEDS_NETWORK = True
COMPARES_SCALES = False


def measure(subject: Subject, options: MetricOptions) -> Computation[Measurement]:
    """Return the area under the curve of deletion."""
    own = options.deletion
    replacement = replacement_for(subject, own.fill)
    curve = yield from replacement_curve(subject, subject.image, replacement, steps=own.steps)
    return Measurement(area(curve), curve)
