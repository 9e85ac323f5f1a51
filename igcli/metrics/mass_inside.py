"""Share of the attributions that lies on the object, 0 to 1: large is good.

Source: Arras, Osman and Samek 2022 (arXiv 2003.07258), "relevance mass accuracy". Attributions are
added up over the channels; of the sums, either the positive ones count, or all magnitudes as in
Quantus 0.6 with abs. Without abs, it adds up positive and negative sums, whose share has no limits.
"""

import numpy as np

from igcli.integration.requests import Computation
from igcli.metrics import Measurement, MetricOptions, Subject
from igcli.metrics._masked import Mask, Sums, on_object

HEADING = "Mass inside"
HIGHER_IS_BETTER = True
NEEDS_MASK = True
NEEDS_NETWORK = False
COMPARES_SCALES = False

NOT_POSITIVE = "undefined: no attribution is positive"


def measure(subject: Subject, options: MetricOptions) -> Computation[Measurement]:
    """Return the share of the attributions inside the mask."""
    yield from ()
    pooled = np.abs if options.mass_inside.part == "absolute" else lambda sums: sums.clip(0)
    return on_object(subject, lambda sums, mask: _share(pooled(sums), mask))


def _share(mass: Sums, mask: Mask) -> Measurement:
    total = mass.sum()
    if not total:
        return Measurement(None, warnings=(NOT_POSITIVE,))
    return Measurement(float(mass[mask].sum() / total))
