"""Gini index of the attributions' magnitudes: 0 if all are equal, near 1 if few pixels have all.

It describes attributions and has no better side: those of a few wrong pixels are sparse too.

Source: Chalasani et al. 2020 (arXiv 1810.06583); for the index, Hurley and Rickard 2009 (arXiv
0811.4706). As in Quantus 0.6, it is not corrected for the number of pixels, but nothing is added to
the magnitudes. A pixel's magnitude is that of the sum over its channels.
"""

import numpy as np

from igcli.integration.requests import Computation
from igcli.metrics import Measurement, MetricOptions, Subject
from igcli.metrics._shared import channel_sums

HEADING = "Sparseness"
HIGHER_IS_BETTER = None
NEEDS_MASK = False
NEEDS_NETWORK = False
COMPARES_SCALES = False

NOTHING = "undefined: all attributions are 0"


def measure(subject: Subject, options: MetricOptions) -> Computation[Measurement]:
    """Return the Gini index."""
    yield from ()
    magnitudes = np.sort(np.abs(channel_sums(subject.attributions)), axis=None)
    total = magnitudes.sum()
    if not total:
        return Measurement(None, warnings=(NOTHING,))
    size = magnitudes.size
    weights = (2 * np.arange(1, size + 1) - size - 1) / size
    return Measurement(float(weights @ (magnitudes / total)))
