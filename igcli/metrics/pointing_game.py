"""Whether the largest attribution lies on the object: 1 for a hit, 0 for a miss.

Source: Zhang et al. 2018 (arXiv 1608.00507), "pointing game". As there, a point at most 15 pixels
from the object is a hit; here they are pixels of the network's input, and the distance is
Euclidean, as in TorchRay; Quantus 0.6 has no tolerance. The point is the pixel with the largest sum
over the channels, ties by position.
"""

import numpy as np

from igcli.integration.requests import Computation
from igcli.metrics import Measurement, MetricOptions, Subject
from igcli.metrics._masked import Mask, Sums, on_object

HEADING = "Pointing game"
HIGHER_IS_BETTER = True
NEEDS_MASK = True
NEEDS_NETWORK = False
COMPARES_SCALES = False


def measure(subject: Subject, options: MetricOptions) -> Computation[Measurement]:
    """Return whether the largest attribution hits the object."""
    yield from ()
    tolerance = options.pointing_game.tolerance
    return on_object(subject, lambda sums, mask: _hit(sums, mask, tolerance))


def _hit(sums: Sums, mask: Mask, tolerance: float) -> Measurement:
    row, column = np.unravel_index(sums.argmax(), sums.shape)
    rows, columns = np.nonzero(mask)
    distance = np.hypot(rows - row, columns - column).min()
    return Measurement(float(distance <= tolerance))
