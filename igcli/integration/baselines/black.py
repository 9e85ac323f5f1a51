"""Black: zeros.

Source: Sundararajan, Taly and Yan 2017 (arXiv 1703.01365), section 3.
"""

import numpy as np
from numpy.random import Generator

from igcli.records import Array

PER_IMAGE = False
RANGE_RELATIVE = True


def baseline(image: Array, _random: Generator) -> Array:
    """Return zeros."""
    return np.zeros_like(image)
